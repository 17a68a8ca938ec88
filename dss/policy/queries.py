"""
Query parameters as policies pass them on.
"""

from __future__ import annotations

from collections.abc import Mapping

from dss.model.ruling import QueryList
from dss.policy.filters import NONE, render_filters
from dss.policy.request import Filters, QueryValue, Request


def passed_on(query: Mapping[str, QueryValue]) -> QueryList:
    """
    A request's query, or one made from it, as the engine is to get it: repeated
    parameters one after the other, filters written out, and no empty filters.
    """
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if isinstance(value, str):
            pairs.append((name, value))
        elif isinstance(value, tuple):
            pairs.extend((name, each) for each in value)
        elif value:
            pairs.append((name, render_filters(value)))
    return tuple(pairs)


def text_of(request: Request, name: str) -> str:
    """
    A parameter's text; empty where it was not sent.
    """
    value = request.query.get(name, "")
    assert isinstance(value, str), f"{name} is no text in the route table"
    return value


def texts_of(request: Request, name: str) -> tuple[str, ...]:
    """
    The texts of a parameter that may be repeated.
    """
    value = request.query.get(name, ())
    assert isinstance(value, tuple), f"{name} is no repeated text in the route table"
    return value


def filters_of(request: Request) -> Filters:
    """
    The request's C{filters}; none where they were not sent.
    """
    value = request.query.get("filters", NONE)
    assert isinstance(value, Mapping), "filters are no filters in the route table"
    return value


def is_true(request: Request, name: str) -> bool:
    """
    Whether a boolean parameter was sent and is true.
    """
    return request.query.get(name) == "1"
