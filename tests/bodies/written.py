"""
Bodies as they are written: with keys in any spelling, and more than once.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from attrs import define

from dss.policy.fields.field import split


@define
class Oddity:
    """
    What is odd about how one field's key is written, where it is met first.

    @ivar name: the field's name.
    @ivar spelling: what is written in its place.
    @ivar again: a second key and value, right behind it.
    """

    name: str
    spelling: str
    again: tuple[str, Any] | None = None


def put(body: dict[str, Any], path: str, value: Any, key: str) -> None:
    """
    Set a value at a path of the field table. Lists on the way have at least one element, and
    it goes into the first; maps get an entry.

    @param key: of the entries of maps on the way.
    """
    value = copy.deepcopy(value)
    holder: Any = body
    at: Any = ""
    for name, into in split(path):
        if at != "":
            holder = _opened(holder, at, {})
        at = name
        for kind in (into[index : index + 2] for index in range(0, len(into), 2)):
            holder = _opened(holder, at, [] if kind == "[]" else {})
            at = 0 if kind == "[]" else key
    if isinstance(holder, list) and not holder:
        holder.append(value)
    else:
        holder[at] = value


def _opened(holder: Any, at: Any, empty: Any) -> Any:
    """
    What is held there, if it is of the same kind as what is empty; else that.
    """
    if isinstance(holder, list) and not holder:
        holder.append(empty)
    held = holder[at] if isinstance(holder, list) else holder.get(at)
    if type(held) is not type(empty):
        holder[at] = held = empty
    return held


def text(body: Any, oddity: Oddity | None = None) -> bytes:
    """
    A body as JSON.
    """
    pending = [oddity] if oddity is not None else []
    return _text(body, pending).encode()


def _text(value: Any, pending: list[Oddity]) -> str:
    if isinstance(value, dict):
        members = []
        for name, each in value.items():
            if pending and pending[0].name == name:
                odd = pending.pop()
                members.append(f"{json.dumps(odd.spelling)}: {_text(each, pending)}")
                if odd.again is not None:
                    members.append(f"{json.dumps(odd.again[0])}: {_text(odd.again[1], pending)}")
            else:
                members.append(f"{json.dumps(name)}: {_text(each, pending)}")
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(each, pending) for each in value) + "]"
    return json.dumps(value)
