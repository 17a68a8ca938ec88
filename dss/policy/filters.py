"""
The engine's C{filters} parameter: read from either of its JSON forms, written in one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from dss.errors import BadRequest
from dss.model.facts import Json
from dss.policy.request import Filters

#: No filters.
NONE: Filters = MappingProxyType({})


def read_once(text: str) -> Json:
    """
    Read JSON whose objects have each key once.

    @raise ValueError: if it is none.
    """
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a repeated key")
    return found


def read_filters(text: str) -> Filters:
    """
    Read C{{"label": {"a=b": true}}} or the older C{{"label": ["a=b"]}} (Docker Engine
    API 1.22 and before). What is empty means no filters, as for the engine.

    @raise BadRequest: for anything else, also for a repeated key: Go's decoder merges
        such objects, and others keep the last one.
    """
    if not text:
        return NONE
    try:
        value = read_once(text)
    except (ValueError, RecursionError):
        raise BadRequest("invalid filter: not one JSON object without repeated keys") from None
    if value is None:
        return NONE
    if not isinstance(value, dict):
        raise BadRequest("invalid filter: not a JSON object")
    return MappingProxyType(
        {_text(key): values for key, given in value.items() if (values := _values(given))}
    )


def _values(given: Json) -> tuple[str, ...]:
    if isinstance(given, dict):
        if not all(value is True for value in given.values()):
            raise BadRequest("invalid filter: a value is not true")
    elif not isinstance(given, list):
        raise BadRequest("invalid filter: neither a list nor an object of values")
    return tuple(dict.fromkeys(_text(each) for each in given))


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise BadRequest("invalid filter: a value is not a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRequest("invalid filter: a text is not Unicode") from None
    return value


def render_filters(filters: Filters) -> str:
    """
    Write filters in the form that every engine since API 1.22 reads.
    """
    return json.dumps(
        {key: dict.fromkeys(values, True) for key, values in filters.items()},
        separators=(",", ":"),
    )


def narrowed(filters: Filters, labels: Mapping[str, str]) -> Filters:
    """
    Filters that ask for labels too. All C{label} filters must match (Docker Engine
    API, I{ContainerList}, I{ContainerPrune} and I{SystemEvents}), so that the client's
    own only ever narrow further.
    """
    wanted = tuple(f"{key}={value}" for key, value in labels.items())
    given = tuple(each for each in filters.get("label", ()) if each not in wanted)
    return {**filters, "label": given + wanted}
