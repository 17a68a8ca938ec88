"""
What a body has to be declared as.
"""

from __future__ import annotations

import pytest

from dss.errors import BadRequest
from dss.model.message import RequestHead, Target
from dss.model.version import ApiVersion
from dss.routes.content import check_type
from dss.routes.match import match

OLD, NEW = ApiVersion(1, 41), ApiVersion(1, 51)


def check(
    path: str, *declared: str, length: int | None = 2, newest: ApiVersion = NEW
) -> str | None:
    """
    What is wrong with a request, if anything.
    """
    headers = {"content-type": declared} if declared else {}
    head = RequestHead("POST", Target.parse(path.encode()), headers, length)
    try:
        check_type(match(head, newest).route, head, newest)
    except BadRequest as error:
        return error.message
    return None


@pytest.mark.parametrize("declared", ["application/json", "Application/JSON ; charset=utf-8"])
def test_json(declared: str) -> None:
    """
    In any case, with any parameters.
    """
    assert check("/containers/create", declared) is None
    assert check("/containers/create", declared, length=None) is None


@pytest.mark.parametrize("length", [0, 2, None])
@pytest.mark.parametrize(
    "declared", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"]
)
def test_something_else(declared: str, length: int | None) -> None:
    """
    In the words of engines 26.1 and 28.5, and of 20.10.
    """
    path = "/containers/create"
    assert check(path, declared, length=length) == (
        f"unsupported Content-Type header ({declared}): must be 'application/json'"
    )
    assert check(path, declared, "application/json", length=length) is not None
    assert check(path, declared, length=length, newest=OLD) == (
        f"Content-Type specified ({declared}) must be 'application/json'"
    )


def test_nothing() -> None:
    """
    Only where there is nothing.
    """
    assert check("/commit?container=a", length=0) is None
    for length in (2, None):
        assert check("/commit?container=a", length=length) == (
            "malformed Content-Type header (): mime: no media type"
        )
        assert check("/commit?container=a", length=length, newest=OLD) == (
            "Content-Type specified () must be 'application/json'"
        )


def test_where_engines_do_not_look() -> None:
    """
    As none of them does, or only newer ones.
    """
    assert check("/auth", "text/plain") is None
    assert check("/secrets/create", "text/plain", newest=OLD) is None
    assert check("/secrets/create", "text/plain") is not None
