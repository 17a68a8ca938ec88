"""
A query string, read as Go's C{net/url} reads it, and typed by a row's parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from dss.errors import BadRequest, Denied, Problem
from dss.policy.filters import read_filters
from dss.policy.request import QueryValue
from dss.routes.table import Kind, Param

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FALSE = frozenset({"", "0", "no", "false", "none"})

#: What Go's C{strings.TrimSpace} takes off: Python's C{str.strip} takes more.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


def parse_query(query: str) -> list[tuple[str, str]]:
    """
    Split and decode a raw query string, as Go's C{url.ParseQuery} does.

    @raise BadRequest: where Go gives an error, in the engine's words (moby 28.5), and for
        text that is not UTF-8, which Go would take.
    """
    pairs = []
    for part in query.split("&"):
        if ";" in part:
            raise BadRequest("invalid semicolon separator in query")
        if part:
            name, _, value = part.partition("=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(raw: str) -> str:
    if "%" not in raw and "+" not in raw:
        return raw
    bad = _ESCAPE.search(raw)
    if bad is not None:
        raise BadRequest(f'invalid URL escape "{raw[bad.start() : bad.start() + 3]}"')
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the query is not UTF-8") from None


def boolean_value(text: str) -> str:
    """
    A boolean as the engine reads it: C{"1"}, C{"0"}, or empty where it was sent empty.
    """
    if not text:
        return ""
    return "0" if text.strip(_SPACE).lower() in _FALSE else "1"


def typed_query(params: Iterable[Param], query: str) -> Mapping[str, QueryValue]:
    """
    Read a raw query string by a row's parameters.

    @return: what was sent, by name, in the client's order; read-only.
    @raise BadRequest: where it can't be read in one way.
    @raise Denied: for a parameter that the row does not have and that is not empty.
    """
    kinds = {param.name: param.kind for param in params}
    found: dict[str, QueryValue | None] = {}
    repeated: dict[str, list[str]] = {}
    for name, value in parse_query(query):
        kind = kinds.get(name)
        if kind is None:
            if value:
                raise Denied(_unknown(name))
        elif kind is Kind.TEXTS:
            repeated.setdefault(name, []).append(value)
            found[name] = ()
        elif kind is not Kind.IGNORED:
            if name in found:
                raise BadRequest(f"the query parameter {name} was sent more than once")
            found[name] = _typed(name, kind, value)
    for name, values in repeated.items():
        found[name] = tuple(values)
    return MappingProxyType({name: value for name, value in found.items() if value is not None})


def _unknown(name: str) -> Problem:
    shown = name if len(name) <= 64 else name[:64] + "…"
    return Problem(
        "query.unknown",
        f"query {shown!r}",
        "dss does not know this query parameter, so it can't be judged.",
    )


def _typed(name: str, kind: Kind, value: str) -> QueryValue | None:
    if kind is Kind.BOOL:
        return boolean_value(value)
    if kind is Kind.INT:
        if value and not _INTEGER.fullmatch(value):
            raise BadRequest(f"the query parameter {name} is not a number")
        return value or None
    if kind is Kind.FILTERS:
        return read_filters(value)
    return value
