"""
The plugin package for policy hooks: third parties' modules live here.

A distribution, or any folder on C{sys.path}, may bring C{dss/plugins/NAME.py};
it must not bring an C{__init__.py} beside it. L{dss.hooks.discovery} imports
what is found.
"""

from __future__ import annotations

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))

__all__: list[str] = []
