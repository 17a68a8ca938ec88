"""
Circumstances by what an operator writes.
"""

from __future__ import annotations

from attrs import evolve

from dss.config.load import load
from dss.policy.request import Circumstances
from dss.testing.judging import circumstances


def around(toml: str) -> Circumstances:
    """
    Those of an owner, with a settings file's section on containers.
    """
    found = circumstances("ci")
    containers = load(toml, "dss.toml").containers
    return evolve(found, settings=evolve(found.settings, containers=containers))
