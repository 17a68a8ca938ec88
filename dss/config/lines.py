"""
Lines of the settings file, as denials and C{dss check} tell them.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import asdict, has

from dss.config.settings import Root
from dss.config.values import Device, Ports
from dss.model.owner import Owner

#: Written as texts.
_TEXTS = (Device, Ports, Root)


def toml(value: Any) -> str:
    """
    A value of a setting, as it is written in the file.
    """
    if isinstance(value, Owner):
        return toml(value.name)
    if isinstance(value, _TEXTS):
        return toml(str(value))
    if has(type(value)):
        return toml(asdict(value, filter=lambda at, inner: inner != at.default, recurse=False))
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {toml(each)}" for name, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    # Texts are as in JSON, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def allowing(setting: str, wanted: Any, settings: Any) -> str:
    """
    The sentence that tells what allows what is denied.

    @param setting: a key path, such as C{registries.pull}.
    @param wanted: what should be in it: more of a list, one key of a table, or another value.
    @param settings: those in force, of the section that the path begins with.
    """
    present = operator.attrgetter(setting.partition(".")[2])(settings)
    if not isinstance(wanted, Mapping):
        return with_more(setting, wanted, present)
    ((name, inside),) = wanted.items()
    setting = f"{setting}.{_key(name)}"
    if isinstance(present, Mapping):
        # A driver's options, among which secrets can be.
        return added(setting, inside) if present.get(name) else with_more(setting, inside)
    return with_more(setting, inside, getattr(present, name))


def with_more(setting: str, wanted: Any, present: Iterable[Any] = ()) -> str:
    """
    The same with the whole line, which takes nothing away that is there.

    @param present: what is in it, where it is a list.
    """
    if isinstance(wanted, list):
        told = [str(each) for each in present]
        wanted = [*told, *(each for each in wanted if each not in told)]
    return f"The operator can allow it with {setting} = {toml(wanted)} in the settings file."


def added(setting: str, wanted: Iterable[Any]) -> str:
    """
    The same for a list of which the client should not be told what is there.
    """
    more = ", ".join(map(toml, wanted))
    return f"The operator can allow it with {more} added to {setting} in the settings file."


__all__ = ["added", "allowing", "toml", "with_more"]
