"""
Finds the row of the route table that a request's head means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from attrs import frozen

from dss.errors import BadRequest, NotFound, UnservedVersion
from dss.model.message import RequestHead
from dss.model.version import OLDEST, ApiVersion
from dss.policy.filters import render_filters
from dss.policy.request import QueryValue
from dss.routes import ROUTES, refused
from dss.routes.query import typed_query
from dss.routes.table import Route
from dss.routes.writing import render_path, render_query

#: Longer paths and queries are matched afresh each time, so that what is
#: remembered of clients' requests stays small.
_REMEMBERED: Final = 512

#: Names and ids in one segment: Docker's own grammar of names (moby 28.5,
#: C{daemon/names}).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

#: What a reference of an image is made of (C{distribution/reference}).
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]*")


@frozen
class Match:
    """
    What the table found for a request's head.

    @ivar params: the path's parameters, decoded, by the template's names; read-only.
    @ivar query: the query parameters that were sent, typed; read-only.
    @ivar version: the API version in force: the client's own, or the newest.
    """

    route: Route
    params: Mapping[str, str]
    query: Mapping[str, QueryValue]
    version: ApiVersion


def match(head: RequestHead, newest: ApiVersion) -> Match:
    """
    Find the row that a head means, and read its path and query by it.

    The version is looked at first. (The engine looks for the path first, moby 28.5, which makes
    a difference where neither is there.)

    @param newest: the newest API version that the engine and dss both speak.
    @raise UnservedVersion: where the version is not served.
    @raise NotFound: where no row has this method and path.
    @raise Denied: where it is none of the Docker Engine API that others serve beside it.
    @raise BadRequest: where a parameter of the path or the query can't be read in one way.
    @raise Denied: for a query parameter that the row does not have.
    """
    target = head.target
    path, query = target.path, target.query
    version = target.version
    if version is None:
        version = newest
    elif version < OLDEST:
        raise UnservedVersion(
            f"client version {version} is too old. Minimum supported API version is {OLDEST}, "
            "please upgrade your client to a newer version"
        )
    elif version > newest:
        raise UnservedVersion(
            f"client version {version} is too new. Maximum supported API version is {newest}"
        )
    route, params = (_found if len(path) <= _REMEMBERED else _find)(head.method, path)
    if not query:
        return Match(route, params, _NOTHING, version)
    typed = _queried(route, query) if len(query) <= _REMEMBERED else _query(route, query)
    return Match(route, params, typed, version)


_NOTHING: Mapping[str, QueryValue] = MappingProxyType({})


@frozen
class _Shape:
    """
    How one row's path is told from others.

    @ivar segments: the template's segments, each a literal or a parameter in braces.
    @ivar spread: which of them may be several segments of a path, or L{None}.
    """

    route: Route
    segments: tuple[str, ...]
    spread: int | None

    def params_of(self, given: list[str]) -> dict[str, str] | None:
        """
        The parameters of a path's segments, or L{None} where it is not this shape.
        """
        if self.spread is not None:
            after = len(self.segments) - self.spread - 1
            end = len(given) - after
            if end <= self.spread:
                return None
            joined = "/".join(given[self.spread : end])
            given = [*given[: self.spread], joined, *given[end:]]
        if len(given) != len(self.segments):
            return None
        params = {}
        for wanted, value in zip(self.segments, given, strict=True):
            if wanted[0] == "{":
                params[wanted[1:-1]] = value
            elif wanted != value:
                return None
        return params


def _shapes(routes: tuple[Route, ...]) -> dict[tuple[str, str], tuple[_Shape, ...]]:
    shapes: dict[tuple[str, str], list[_Shape]] = {}
    for route in routes:
        segments = route.segments
        spread = next((i for i, each in enumerate(segments) if each.endswith("...}")), None)
        shape = _Shape(route, segments, spread)
        shapes.setdefault((route.method, segments[0]), []).append(shape)
    return {key: tuple(found) for key, found in shapes.items()}


#: No path is that of two rows, so their order does not matter.
_SHAPES = _shapes(ROUTES)


def _find(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    segments = path.split("/")[1:]
    for shape in _SHAPES.get((method, segments[0]), ()):
        params = shape.params_of(segments)
        if params is not None:
            return shape.route, MappingProxyType(_checked(params))
    refused.check(path)
    raise NotFound("page not found")


def _checked(given: dict[str, str]) -> dict[str, str]:
    params = {}
    for name, value in given.items():
        grammar = _NAME
        if name.endswith("..."):
            name, grammar = name[:-3], _REFERENCE
        if not grammar.fullmatch(value):
            raise BadRequest(f"the {name} in the path is not one that Docker knows: {value!r}")
        params[name] = value
    return params


_found = lru_cache(maxsize=4096)(_find)


def _query(route: Route, query: str) -> Mapping[str, QueryValue]:
    return typed_query(route.params, query)


#: Routes are frozen, but hashing one hashes all its columns, so their place in the
#: table stands for them.
_PLACES = {id(route): place for place, route in enumerate(ROUTES)}


@lru_cache(maxsize=4096)
def _queried_at(place: int, query: str) -> Mapping[str, QueryValue]:
    return _query(ROUTES[place], query)


def _queried(route: Route, query: str) -> Mapping[str, QueryValue]:
    return _queried_at(_PLACES[id(route)], query)


__all__ = ["Match", "match", "render_filters", "render_path", "render_query"]
