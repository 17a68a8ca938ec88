"""
Bodies that nobody thought of: what exists obeys the policy, and is what the same body makes
without dss where nothing was denied.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from dss.model.version import ApiVersion
from dss.policy.fields.tables import CREATE
from tests.attacks.cases_create import ATTACKER
from tests.bodies import values
from tests.bodies.drawing import Drawn, creates, updates
from tests.bodies.looks import violations
from tests.bodies.written import put, text
from tests.bodies.yard import Yard
from tests.clients.normal import normal
from tests.conftest import StartGuard
from tests.engines.api import Api, Reply
from tests.engines.cleaning import restore
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

#: How many bodies are drawn. C{DSS_TEST_BODIES} sets another number, for a longer search that
#: draws others each time.
_COUNT = int(os.environ.get("DSS_TEST_BODIES", "60"))

#: Sends a body to an engine or a guard, and tells the reply, what then is there and what is
#: wrong with that.
Tried = Callable[[Yard, Api, bytes], tuple[Reply, Any, set[str]]]

_JSON = {"Content-Type": "application/json"}


def _create(api: Api, raw: bytes) -> Reply:
    return api.call("POST", "/containers/create", {"name": "drawn"}, raw, _JSON)


def _tried(yard: Yard, api: Api, raw: bytes) -> tuple[Reply, Any, set[str]]:
    """
    A create, what its client then sees, and what is wrong with it. Nothing of it is left.
    """
    reply = _create(api, raw)
    try:
        if not reply.ok:
            return reply, None, set()
        made = reply.json()["Id"]
        shown = api.get(f"/containers/{made}/json")
        # The engine tells them in no order.
        shown["Mounts"].sort(key=lambda mount: mount["Destination"])
        return reply, shown, violations(yard, yard.engine.api.get(f"/containers/{made}/json"))
    finally:
        restore(yard.engine.api, yard.before)


def _differences(guarded: Any, bare: Any, path: str = "") -> Iterator[str]:
    if isinstance(guarded, dict) and isinstance(bare, dict):
        for key in sorted({*guarded, *bare}):
            yield from _differences(guarded.get(key, ...), bare.get(key, ...), f"{path}.{key}")
    elif guarded != bare:
        yield f"{path} is {guarded!r}, and {bare!r} without dss"


def problems(yard: Yard, through: Api, drawn: Drawn, tried: Tried = _tried) -> list[str]:
    """
    What is wrong with how a body is answered through dss.
    """
    bare, straight, _ = tried(yard, yard.engine.api, drawn.raw)
    guarded, shown, wrong = tried(yard, through, drawn.raw)
    event(f"{bare.status} at the engine, {guarded.status} through dss")
    found = sorted(wrong)
    if drawn.is_fine:
        found += _differences(
            [guarded.status, normal(guarded.json())], [bare.status, normal(bare.json())], "reply"
        )
    if guarded.ok and drawn.is_whole:
        found += _differences(normal(shown), normal(straight))
    left = sorted(os.listdir(yard.scene.outside))
    return found if left == ["secret"] else [*found, f"{left} are outside"]


def _search(
    strategy: st.SearchStrategy[Drawn], count: int, check: Callable[[Drawn], list[str]]
) -> None:
    @settings(
        max_examples=count,
        derandomize="DSS_TEST_BODIES" not in os.environ,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(strategy)
    def each(drawn: Drawn) -> None:
        found = check(drawn)
        assert not found, found

    each()


def test_drawn_creates(engine: Engine, guard: StartGuard) -> None:
    """
    None gets what the policy denies. What everybody may ask for is answered as by the engine.
    """
    yard = Yard(engine)
    through = guard(engine, owner=ATTACKER, allow_bind=[str(yard.scene.root)]).api
    _search(creates(yard), _COUNT, lambda drawn: problems(yard, through, drawn))


def test_drawn_updates(engine: Engine, guard: StartGuard) -> None:
    """
    The same for updates of a container that was made straight at the engine.
    """
    yard = Yard(engine)
    through = guard(engine, owner=ATTACKER).api
    body = {"Image": "busybox", "Labels": {"com.dss.owner": ATTACKER}, "HostConfig": {}}

    def tried(yard: Yard, api: Api, raw: bytes) -> tuple[Reply, Any, set[str]]:
        made = engine.api.post("/containers/create", body, name="drawn")["Id"]
        try:
            reply = api.call("POST", f"/containers/{made}/update", None, raw, _JSON)
            shown = engine.api.get(f"/containers/{made}/json")
            return reply, shown["HostConfig"], violations(yard, shown)
        finally:
            engine.api.delete(f"/containers/{made}")

    _search(updates(yard), _COUNT // 2, lambda drawn: problems(yard, through, drawn, tried))


def test_what_is_hostile(engine: Engine, guard: StartGuard) -> None:
    """
    The twin: at the bare engine the same look finds something wrong with each hostile value
    that the engine takes. Through dss it finds nothing.
    """
    yard = Yard(engine)
    through = guard(engine, owner=ATTACKER, allow_bind=[str(yard.scene.root)]).api
    since = {row.path: ApiVersion.parse(row.since) for row in CREATE.rows}
    unseen, made = [], []
    for path, listed in values.hostile(yard).items():
        if since[path] > ApiVersion(*engine.version):
            continue
        for value in listed:
            if yard.usual.get(path.removeprefix("HostConfig.")) == value:
                continue
            body: dict[str, Any] = {"Image": "busybox", "HostConfig": {}}
            put(body, path, value, "x")
            reply, _, wrong = _tried(yard, engine.api, text(body))
            if reply.ok and not wrong - {"owner", "volume without an owner"}:
                unseen.append((path, value))
            # What a field would do that dss leaves out is not done.
            wrong = _tried(yard, through, text(body))[2]
            if wrong:
                made.append((path, value, wrong))
    assert not unseen, unseen
    assert not made, made
