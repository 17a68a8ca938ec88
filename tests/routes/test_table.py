"""
The route table holds all that the published API descriptions hold.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dss.config.grants import GRANTABLE
from dss.model.ruling import Hijack
from dss.model.version import OLDEST, ApiVersion
from dss.policy import system
from dss.routes import ROUTES
from dss.routes.table import Access, Body, Family, Kind, Route

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "docker-api-facts.json").read_text()
)

#: Served by engines, and in no published description (moby 28.5).
UNPUBLISHED = {"Grpc", "BuildCancel", "CheckpointList", "CheckpointCreate", "CheckpointDelete"}

#: Parameters that engines read or clients send, and no description has.
UNPUBLISHED_PARAMS = {
    ("ContainerList", "trunc_cmd"),
    ("ContainerList", "before"),
    ("ContainerList", "since"),
    ("ContainerAttach", "hijack"),
    ("ContainerAttachWebsocket", "hijack"),
    ("ContainerLogs", "details"),
    ("ContainerStart", "checkpoint"),
    ("ContainerStart", "checkpoint-dir"),
    ("ImageList", "only_ids"),
    ("SystemEvents", "stream"),
    ("ImageBuild", "cpusetmems"),
    ("ImageBuild", "cgroupparent"),
    ("ImageBuild", "securityopt"),
    ("ImageBuild", "isolation"),
    ("ImageBuild", "ulimits"),
    ("ImageBuild", "session"),
    ("ImageBuild", "buildid"),
    ("ServiceLogs", "until"),
    ("TaskLogs", "until"),
}


def since_of(text: str) -> ApiVersion:
    """
    A version of the facts; what was there before they begin was always there.
    """
    return OLDEST if text.startswith("<=") else ApiVersion.parse(text)


def until_of(fact: dict[str, Any]) -> ApiVersion | None:
    """
    The last version of the facts that has something.
    """
    return ApiVersion.parse(fact["until"]) if "until" in fact else None


BY_OPERATION = {route.operation: route for route in ROUTES}


def test_operations_are_unique() -> None:
    """
    Each operation, and each method and path, has one row.
    """
    assert len(BY_OPERATION) == len(ROUTES)
    assert len({(route.method, route.template) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("key", FACTS["endpoints"])
def test_published_operation_has_its_row(key: str) -> None:
    """
    Each published operation has a row with its method, path and version.
    """
    fact = FACTS["endpoints"][key]
    route = BY_OPERATION[fact["operation"]]
    assert f"{route.method} {route.template.replace('...', '')}" == key
    assert route.since == since_of(fact["since"])
    assert route.until == until_of(fact)


@pytest.mark.parametrize("key", FACTS["endpoints"])
def test_published_parameters_are_known(key: str) -> None:
    """
    Each published query parameter is known with its versions, and each published
    parameter of the path is in the template.
    """
    fact = FACTS["endpoints"][key]
    route = BY_OPERATION[fact["operation"]]
    known = {param.name: param for param in route.params}
    for name, told in fact["params"].items():
        place, _, name = name.partition(":")
        if place == "query":
            assert known[name].since == since_of(told["since"]), name
            assert known[name].until == until_of(told), name
            assert known[name].kind is not Kind.IGNORED
            if told["type"] == "boolean":
                assert known[name].kind is Kind.BOOL, name
            if told["type"] == "array":
                assert known[name].kind is Kind.TEXTS, name
            assert (known[name].kind is Kind.FILTERS) == (name == "filters")
        elif place == "path":
            assert name in (segment.strip("{.}") for segment in route.segments)
        else:
            assert place == "header"


def test_nothing_else_is_known() -> None:
    """
    What the descriptions do not have is in the short lists above, and no more.
    """
    published = {fact["operation"]: fact for fact in FACTS["endpoints"].values()}
    assert set(BY_OPERATION) - set(published) == UNPUBLISHED
    more = {
        (route.operation, param.name)
        for route in ROUTES
        if route.operation in published
        for param in route.params
        if f"query:{param.name}" not in published[route.operation]["params"]
    }
    repeated = {("ContainerCreate", name) for name in ("Image", "HostConfig", "Env")}
    repeated |= {("NetworkCreate", name) for name in ("Name", "IPAM", "Driver")}
    assert repeated <= more
    for operation, name in more - UNPUBLISHED_PARAMS:
        known = {param.name: param for param in BY_OPERATION[operation].params}
        assert known[name].kind is Kind.IGNORED
        assert name in {path.partition(".")[0] for path in published[operation]["body"]}


def test_bodies_are_as_published() -> None:
    """
    An operation has a body in the table just where its description has one, and one of
    JSON where the description has fields.
    """
    for fact in FACTS["endpoints"].values():
        route = BY_OPERATION[fact["operation"]]
        fields = set(fact["body"])
        if not fields:
            assert route.body is Body.NONE, route
        elif fields == {"."}:
            assert route.body is Body.STREAM, route
        else:
            assert route.body is Body.JSON, route


def test_only_attach_and_exec_start_hijack() -> None:
    """
    No other operation may become a raw connection.
    """
    assert {route.operation for route in ROUTES if route.hijack} == {
        "ContainerAttach",
        "ContainerAttachWebsocket",
        "ExecStart",
    }
    assert Hijack().protocol == "tcp"


def test_every_family_is_there() -> None:
    """
    No family of operations is without rows, and each row says how it is treated.
    """
    assert {route.family for route in ROUTES} == set(Family)
    assert all(route.treatment for route in ROUTES)


@pytest.mark.parametrize("template", ["", "info", "/a//b", "/{a b}", "/a/", "/{}", "/a?b"])
def test_odd_template_is_refused(template: str) -> None:
    """
    A mistyped template is found when the table is loaded.
    """
    with pytest.raises(ValueError, match="no template"):
        Route("Odd", "GET", template, Family.SYSTEM, Access.REDUCED, system.ping, "odd")
    assert Route(
        "Even", "GET", "/a_b/{id}/{name...}", Family.SYSTEM, Access.REDUCED, system.ping, "even"
    ).segments


def test_access_of_what_is_granted() -> None:
    """
    What the operator can grant by name, and nothing else, is told to be granted.
    """
    by_name = (Access.GRANTED, Access.HIDDEN)
    granted = {route.operation for route in ROUTES if route.access in by_name}
    assert granted == set(GRANTABLE)
