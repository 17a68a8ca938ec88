"""
The published table of routes, row by row, is what a running dss does with default settings.

All requests come from the table: a new row is tried without a word here, and one that needs
more than its path, or names what is not known here, fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import frozen

from dss.config.grants import GRANTABLE
from dss.routes import ROUTES
from dss.routes.refused import REFUSED
from dss.routes.table import Access, Body, Family, Kind, Route
from tests.conftest import StartGuard
from tests.engines.api import Api, Reply
from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.engines.patience import eventually
from tests.owners.attempts import Attempt
from tests.owners.pair import told
from tests.probe.relay import Relay, is_of
from tests.probe.requests import BY_QUERY, DENIED, attempt_of, send, with_param
from tests.raw.recorder import MINE, OWNER, Recorder

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "docker-api-facts.json").read_text()
)["endpoints"]

#: A text of each kind of parameter.
VALUES = {
    Kind.BOOL: "1",
    Kind.INT: "1",
    Kind.TEXT: "1",
    Kind.TEXTS: "1",
    Kind.FILTERS: "{}",
    Kind.IGNORED: "1",
}

#: Those that are judged before anybody looks for their object, and denied by default.
EARLIER = {"ImagePush": "image.push"}

MISSING = {"exec": "0" * 64}


@frozen
class Foreign:
    """
    What another owner has, by the first segment of the paths that name it.
    """

    references: Mapping[str, str]
    tokens: tuple[str, ...]

    def leaked(self, reply: Reply) -> list[str]:
        """
        What of it a reply tells, or of what nobody may know.
        """
        secret = (*self.references.values(), *self.tokens)
        return [each for each in secret if each.encode() in reply.body]


@frozen
class Probe:
    """
    An owner of nothing, whose guard asks the engine through a relay.
    """

    bare: Api
    api: Api
    relay: Relay
    foreign: Foreign

    def denied(self, route: Route, attempt: Attempt, rule: str, reference: str = "nobody") -> str:
        """
        The message of a denial, of which the engine gets nothing.
        """
        self.relay.forget()
        reply = send(self.api, route, attempt, reference)
        told_so = f"[rule {rule}" in reply.message or route.method == "HEAD"
        assert (reply.status, told_so) == (403, True), (
            route,
            reply.status,
            reply.message,
        )
        assert not self.relay.reached(route) or route.body is Body.STREAM, route
        return reply.message

    def own(self, route: Route) -> None:
        """
        Another owner's object is answered as one that is not there.
        """
        kind = "containers" if route.template == "/commit" else route.segments[0]
        attempt = attempt_of(route)
        nothing = MISSING.get(kind, "nobody")
        foreign = self.foreign.references[kind]
        expected = told(send(self.api, route, attempt, nothing), nothing)
        assert told(send(self.api, route, attempt, foreign), foreign) == expected, route
        if route.operation in EARLIER:
            assert EARLIER[route.operation] in expected[1]
            return
        assert expected[0] == send(self.bare, route, attempt, nothing).status, (route, expected)
        assert expected[0] == 404 or (expected[0] == 400 and route.operation in BY_QUERY), (
            route,
            expected,
        )

    def filtered(self, route: Route) -> None:
        """
        Nothing of another owner's is told, or removed.
        """
        self.relay.forget()
        reply = send(self.api, route, attempt_of(route))
        assert reply.status == 200, (route, reply.message)
        assert self.foreign.leaked(reply) == [], route
        assert self.relay.reached(route) or route.method == "POST", route

    def judged(self, route: Route) -> None:
        """
        What the default settings don't allow is denied.
        """
        attempt, rule = DENIED[route.operation]
        self.denied(route, attempt, rule, "other.invalid/x")
        if route.body is Body.JSON:
            self.denied(route, Attempt(body={"NoSuchField": 1}), "field.unknown")

    def reduced(self, route: Route) -> None:
        """
        It is told, without what nobody may know.
        """
        node = self.foreign.references["nodes"]
        reply = send(self.api, route, attempt_of(route), node)
        assert reply.status == 200, (route, reply.message)
        if route.segments[0] not in ("nodes", "info"):
            assert self.foreign.leaked(reply) == [], route
        assert not any(each.encode() in reply.body for each in self.foreign.tokens), route

    def granted(self, route: Route) -> None:
        """
        It is denied, with the line that grants it.
        """
        message = self.denied(route, attempt_of(route), "grant.missing")
        assert message.startswith(f"denied by dss: {route.operation} is denied."), message
        assert f'owner.grants = ["{route.operation}"]' in message

    def hidden(self, route: Route) -> None:
        """
        It is answered as if there were none.
        """
        self.relay.forget()
        assert send(self.api, route, attempt_of(route), "nobody").status == 404, route
        assert not self.relay.reached(route)

    def refused(self, route: Route) -> None:
        """
        It is denied, whoever asks.
        """
        assert route.operation in self.denied(route, attempt_of(route), "route.later")


CHECKS: Mapping[Access, Callable[[Probe, Route], None]] = {
    Access.OWN: Probe.own,
    Access.FILTERED: Probe.filtered,
    Access.JUDGED: Probe.judged,
    Access.REDUCED: Probe.reduced,
    Access.GRANTED: Probe.granted,
    Access.HIDDEN: Probe.hidden,
    Access.DENIED: Probe.refused,
}


def test_every_kind_of_row_is_probed() -> None:
    """
    No value of the table's columns is without its check.
    """
    assert set(CHECKS) == set(Access)
    assert set(VALUES) == set(Kind)
    assert set(DENIED) == {each.operation for each in ROUTES if each.access is Access.JUDGED}


@pytest.fixture
def relay(engine: Engine) -> Iterator[Relay]:
    """
    Between the guard and the engine.
    """
    new = Relay(engine)
    yield new
    new.stop()


def _foreign(bare: Api, b: Api) -> Foreign:
    """
    One of each kind, of owner B's.
    """
    box = {"Image": "busybox", "Cmd": ["sleep", "60"], "StopSignal": "KILL"}
    container = b.post("/containers/create?name=foreign-container", box)["Id"]
    b.post(f"/containers/{container}/start")
    ran = b.post(f"/containers/{container}/exec", {"Cmd": ["true"]})["Id"]
    b.post("/commit", {}, container=container, repo="foreign-image")
    network = b.post("/networks/create", {"Name": "foreign-network"})["Id"]
    b.post("/volumes/create", {"Name": "foreign-volume"})
    bare.post("/swarm/init", {"ListenAddr": "127.0.0.1", "AdvertiseAddr": "127.0.0.1"})
    template = {"ContainerSpec": {"Image": "busybox", "Command": ["sleep", "60"]}}
    service = b.post("/services/create", {"Name": "foreign-service", "TaskTemplate": template})
    stores = {
        f"{kind}s": b.post(f"/{kind}s/create", {"Name": f"foreign-{kind}", "Data": "eA=="})["ID"]
        for kind in ("secret", "config")
    }
    task = eventually(lambda: b.get("/tasks"), "a task")[0]["ID"]
    swarm = bare.get("/swarm")
    return Foreign(
        {
            "containers": container,
            "exec": ran,
            "images": "foreign-image",
            "networks": network,
            "volumes": "foreign-volume",
            "services": service["ID"],
            "tasks": task,
            "nodes": bare.get("/nodes")[0]["ID"],
            **stores,
        },
        (*swarm["JoinTokens"].values(), bare.get("/info")["DockerRootDir"]),
    )


@pytest.mark.engine
@pytest.mark.parametrize("engine", ["sid"], indirect=True)
def test_rows(
    engine: Engine,
    relay: Relay,
    guard: StartGuard,
    shared_guard: Callable[[Engine, str], Guard],
) -> None:
    """
    Each row does what it says; knows its documented parameters, and no other; and is there by
    its own method only.
    """
    api = guard(cast(Any, relay), "probe").api
    bare, b = engine.api, shared_guard(engine, "b").api
    for route in ROUTES:
        # Before there is a Swarm, its rows say so as the engine does.
        if route.family in (Family.SWARM, Family.STORES) and route.access is Access.FILTERED:
            here, there = (send(each, route, attempt_of(route)) for each in (api, bare))
            assert (here.status, here.message) == (there.status, there.message), route
    try:
        probe = Probe(bare, api, relay, _foreign(bare, b))
        for route in ROUTES:
            CHECKS[route.access](probe, route)
            _parameters(probe, route)
            _methods(probe, route)
        for kind, reference in probe.foreign.references.items():
            rest = "/json" if kind in ("containers", "exec", "images") else ""
            assert bare.call("GET", f"/{kind}/{reference}{rest}").ok, kind
        _no_rows(probe)
    finally:
        bare.post("/swarm/leave", force=1)


def _parameters(probe: Probe, route: Route) -> None:
    """
    Documented parameters are understood; another is denied.
    """
    attempt = attempt_of(route)
    if route.access is Access.JUDGED:
        attempt, _ = DENIED[route.operation]
    probe.denied(route, with_param(attempt, "no-such-parameter", "1"), "query.unknown")
    kinds = {each.name: each.kind for each in route.params}
    fact = next((each for each in FACTS.values() if each["operation"] == route.operation), None)
    for name in fact["params"] if fact else ():
        place, _, name = name.partition(":")
        if place == "query" and name not in attempt.query:
            reply = send(probe.api, route, with_param(attempt, name, VALUES[kinds[name]]), "nobody")
            assert "query.unknown" not in reply.message, (route, name)


def _methods(probe: Probe, route: Route) -> None:
    """
    By another method, HEAD too, there is nothing, as at the engine.
    """
    path = "/" + "/".join("nobody" if each[0] == "{" else each for each in route.segments)
    known = {each.method for each in ROUTES if is_of(each, each.method, path)}
    for method in {"HEAD", "PATCH", "GET"} - known:
        reply = probe.api.call(method, path)
        assert reply.status == 404 == probe.bare.call(method, path).status, (method, path)
        if method != "HEAD":
            assert reply.message == "page not found"


def _no_rows(probe: Probe) -> None:
    """
    What is no row is not there, or refused by name.
    """
    for path in ("/no/such", "/v1.41/no/such", "/containers", "/images/json/x/y"):
        here, there = (each.call("GET", path) for each in (probe.api, probe.bare))
        assert (here.status, here.message) == (there.status, there.message), path
    for first in REFUSED:
        for path in (f"/{first}", f"/v1.41/{first}/x"):
            reply = probe.api.call("GET", path)
            assert (reply.status, "[rule route.refused]" in reply.message) == (403, True)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """
    An engine that remembers what it is asked.
    """
    new = Recorder()
    yield new
    new.stop()


def test_grants(recorder: Recorder, guard: StartGuard, tmp_path: Path) -> None:
    """
    With its grant, each operation reaches the engine: a recorder, which does nothing.
    """
    settings = tmp_path / "dss.toml"
    settings.write_text(f"[owner]\ngrants = {json.dumps(GRANTABLE)}\n")
    api = guard(cast(Any, recorder), OWNER, options=["--config", str(settings)]).api
    for route in ROUTES:
        if route.access not in (Access.GRANTED, Access.HIDDEN):
            continue
        recorder.forget()
        reply = send(api, route, attempt_of(route), MINE)
        lines = [each.target.partition("?")[0] for each in recorder.seen]
        paths = [line.removeprefix("/v1.51") for line in lines]
        methods = [each.method for each in recorder.seen]
        assert any(map(is_of, [route] * len(paths), methods, paths)), (route, reply.message, lines)
