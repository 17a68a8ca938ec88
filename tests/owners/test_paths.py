"""
Every operation that names a container or an exec in its path: A's attempt on B's is
answered as one on nothing, and leaves no trace; B's own succeeds.
"""

from __future__ import annotations

from typing import Any

import pytest

from dss.routes.table import Route
from tests.engines.patience import eventually
from tests.owners.attempts import (
    ATTEMPTS,
    ON_CONTAINERS,
    ON_EXECS,
    Attempt,
    missing_operations,
)
from tests.owners.pair import Container, Pair, missing, told


def test_no_operation_is_left_out() -> None:
    """
    A new row of the route table needs a request here.
    """
    assert missing_operations() == set()
    assert len(ON_CONTAINERS) + len(ON_EXECS) == len(ATTEMPTS)


@pytest.mark.engine
@pytest.mark.parametrize("route", ON_CONTAINERS, ids=lambda route: route.operation)
def test_containers(pair: Pair, route: Route) -> None:
    """
    By full id, short id, a shorter prefix, and name.
    """
    attempt = ATTEMPTS[route.operation]
    target = _target(pair, attempt, route)
    for kind, reference in target.references.items():
        before = target.snapshot()
        nothing = missing(kind)
        expected = told(attempt.send(pair.a, route, nothing), nothing)
        assert told(attempt.send(pair.a, route, reference), reference) == expected, kind
        assert expected[0] == (403 if attempt.denied else 404)
        assert target.snapshot() == before, kind
    for kind in target.references:
        own = attempt.send(pair.b, route, target.references[kind])
        if attempt.denied:
            assert own.status == 403
            continue
        assert own.status < 400, (kind, own.status, own.message)
        if attempt.once:
            pair.engine.api.call("DELETE", f"/containers/{target.id}", {"force": 1})
            target = _target(pair, attempt, route)


@pytest.mark.engine
@pytest.mark.parametrize("route", ON_EXECS, ids=lambda route: route.operation)
def test_execs(pair: Pair, route: Route) -> None:
    """
    By its id: the engine knows no other way to name an exec.
    """
    attempt = ATTEMPTS[route.operation]
    target = pair.container(run=True)
    instance = _exec(pair, target)
    if route.operation == "ExecResize":
        # Only a running one has a size.
        pair.b.hijack("POST", f"/exec/{instance}/start", body={"Tty": True}).close()
        eventually(lambda: _exec_facts(pair, instance)["Pid"], "the exec to run")
    before = _exec_facts(pair, instance)
    nothing = missing("id")
    expected = told(attempt.send(pair.a, route, nothing), nothing)
    assert expected[0] == 404
    assert told(attempt.send(pair.a, route, instance), instance) == expected
    assert _exec_facts(pair, instance) == before
    own = attempt.send(pair.b, route, instance)
    assert own.status < 400, own.message


def _target(pair: Pair, attempt: Attempt, route: Route) -> Container:
    target = pair.container(run=attempt.runs)
    if route.operation == "ContainerUnpause":
        pair.b.post(f"/containers/{target.id}/pause")
    return target


def _exec(pair: Pair, target: Container) -> str:
    body = {"Cmd": ["sleep", "60"], "AttachStdout": True, "Tty": True}
    instance: str = pair.b.post(f"/containers/{target.id}/exec", body)["Id"]
    return instance


def _exec_facts(pair: Pair, instance: str) -> Any:
    facts = pair.engine.api.get(f"/exec/{instance}/json")
    return {key: facts[key] for key in ("Running", "ExitCode", "ContainerID", "Pid")}
