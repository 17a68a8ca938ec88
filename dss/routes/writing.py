"""
A matched request's target, written anew for the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from dss.model.ruling import QueryList
from dss.model.version import ApiVersion
from dss.routes.table import Route


def render_path(route: Route, params: Mapping[str, str], version: ApiVersion | None = None) -> str:
    """
    Write a row's path with its parameters percent-encoded, below a version's prefix
    where one is given. The engine decodes it to exactly the given values.

    @param params: a value for each of the template's parameters, none of them empty.
    """
    segments = [_segment(each, params) for each in route.segments]
    prefix = "" if version is None else f"/v{version}"
    return prefix + "/" + "/".join(segments)


def _segment(segment: str, params: Mapping[str, str]) -> str:
    if not segment.startswith("{"):
        return segment
    name = segment[1:-1]
    if name.endswith("..."):
        value, safe = params[name[:-3]], "/:"
    else:
        value, safe = params[name], ""
    # The engine cleans a path and answers an unclean one with a redirect (gorilla/mux).
    pieces = value.split("/") if safe else [value]
    if any(piece in ("", ".", "..") for piece in pieces):
        raise ValueError(f"{value!r} can't be written into {segment} of a path")
    return quote(value, safe=safe)


def render_query(query: QueryList) -> str:
    """
    Write query parameters, each percent-encoded, without the question mark. The
    engine decodes them to exactly the given pairs, in this order.
    """
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
