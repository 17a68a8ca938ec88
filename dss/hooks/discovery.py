"""
Finds the installed hooks: all of them, or an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from twisted.plugin import IPlugin
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from dss import plugins
from dss.hooks.interfaces import IPolicyHook


class HookError(Exception):
    """
    An installed hook can't be used, so dss must not start: without it the policy
    would be more lenient than the operator thinks.
    """


def find_hooks(package: ModuleType = plugins) -> list[IPolicyHook]:
    """
    Import every module of a plugin package, and find the hooks in it.

    These are the modules that L{twisted.plugin.getPlugins} looks at. It is not used
    itself because it fails open: it logs an import error and leaves the plugin out,
    and it misses a hook in a module that is older than its own cache, as files of
    system packages tend to be after an upgrade.

    @return: the hooks, in the order in which they run.

    @raise HookError: if a module can't be imported or holds no plugin, if a hook
        does not provide what L{IPolicyHook} asks for, or if two have one name.
    """
    found: dict[str, tuple[IPolicyHook, str]] = {}
    for name in _module_names(package):
        for hook in _hooks_of(_imported(name)):
            if hook.name in found:
                other = found[hook.name][1]
                raise HookError(f"two policy hooks are called {hook.name}: in {other} and {name}")
            found[hook.name] = hook, name
    return sorted((hook for hook, _ in found.values()), key=lambda hook: (hook.order, hook.name))


def _module_names(package: ModuleType) -> Iterator[str]:
    """
    The full names of a package's modules, each once.

    @raise HookError: if one of the package's folders can't be listed: what it holds
        would be left out in silence.
    """
    for folder in package.__path__:
        try:
            os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise HookError(f"the folder of policy hooks {folder} can't be read: {error}") from None
    names = {module.name for module in iter_modules(package.__path__)}
    return (f"{package.__name__}.{name}" for name in sorted(names))


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        raise HookError(f"the policy hook module {name} can't be imported: {error!r}") from error


def _hooks_of(module: ModuleType) -> list[IPolicyHook]:
    """
    The verified hooks in a module.

    @raise HookError: also if it holds no plugin, or a class of hooks without an
        instance: only instances are hooks, and that is easily forgotten.
    """
    values = list(vars(module).values())
    if not any(IPlugin.providedBy(value) for value in values):
        raise HookError(
            f"the policy hook module {module.__name__} holds no plugin: it should assign "
            "an instance of a class that implements IPolicyHook to a name"
        )
    hooks: list[IPolicyHook] = []
    for value in values:
        if IPolicyHook.providedBy(value) and not any(value is hook for hook in hooks):
            hooks.append(_verified(module, value))
    for value in values:
        is_class = isinstance(value, type) and IPolicyHook.implementedBy(value)
        if is_class and not any(isinstance(hook, value) for hook in hooks):
            raise HookError(
                f"the policy hook module {module.__name__} has the class {value.__name__} "
                "but no instance of it"
            )
    return hooks


def _verified(module: ModuleType, hook: IPolicyHook) -> IPolicyHook:
    try:
        verifyObject(IPolicyHook, hook)
    except Invalid as error:
        raise HookError(f"a policy hook in {module.__name__} is not complete: {error}") from None
    if not isinstance(hook.name, str) or not hook.name.strip() or not hook.name.isprintable():
        raise HookError(f"a policy hook in {module.__name__} has no proper name: {hook.name!r}")
    if not isinstance(hook.order, int):
        raise HookError(
            f"the policy hook {hook.name} in {module.__name__} has no proper order: {hook.order!r}"
        )
    return hook


__all__ = ["HookError", "find_hooks"]
