"""
Streams that end too early: what one side loses, the other side is told.
"""

from __future__ import annotations

import http.client

import pytest

from tests.conftest import StartGuard
from tests.engines.machine import Engine
from tests.streams.carrying import (
    GIGABYTE,
    digest_of_reply,
    ended,
    engine_files,
    eventually_back,
    reply,
    started,
)
from tests.streams.relays import Dying

pytestmark = [pytest.mark.engine, pytest.mark.parametrize("engine", ["sid"], indirect=True)]

_STDIN = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}


def test_a_client_that_leaves_an_event_stream(engine: Engine, guard: StartGuard) -> None:
    """
    The engine no longer has it among those that listen.
    """
    guarded = guard(engine)

    def listeners() -> int:
        count: int = engine.api.get("/info")["NEventsListener"]
        return count

    before = listeners()
    with reply(guarded.api, "/events"):
        assert listeners() > before
    eventually_back(listeners, before, "the number of listeners to events")


@pytest.mark.parametrize("kind", ["export", "logs", "attach"])
def test_a_client_that_leaves(engine: Engine, guard: StartGuard, kind: str) -> None:
    """
    The engine gives up what it had open for the stream.
    """
    guarded = guard(engine)
    id = started(guarded.api, f"truncate -s {GIGABYTE} /big; echo ready; exec sleep 3600")
    guarded.api.call("GET", "/_ping")
    before = engine_files(engine)
    if kind == "attach":
        with guarded.api.hijack("POST", f"/containers/{id}/attach?stream=1&stdout=1") as raw:
            assert raw.status == 101
            assert engine_files(engine) > before
    else:
        query = "?stdout=1&follow=1" if kind == "logs" else ""
        with reply(guarded.api, f"/containers/{id}/{kind}{query}") as answered:
            assert answered.read1(1)
            assert engine_files(engine) > before
    eventually_back(lambda: engine_files(engine), before, "the engine's open files")


def test_an_engine_that_dies_in_a_reply(engine: Engine, guard: StartGuard) -> None:
    """
    What came is passed on, and the client can tell that it is not all.
    """
    id = ended(engine.api, f"truncate -s {GIGABYTE // 8} /big", Labels={"com.dss.owner": "a"})
    path = f"/containers/{id}/export"
    with Dying.before(engine) as relay:
        guarded = guard(relay)
        assert digest_of_reply(guarded.api, path) == digest_of_reply(engine.api, path)
        relay.budget = GIGABYTE // 16
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            digest_of_reply(guarded.api, path)


def test_an_engine_that_dies_before_a_reply(engine: Engine, guard: StartGuard) -> None:
    """
    The client is told so in Docker's error shape, and the next request succeeds.
    """
    with Dying.before(engine) as relay:
        guarded = guard(relay)
        assert guarded.api.call("GET", "/containers/json").status == 200
        relay.budget = 0
        answered = guarded.api.call("GET", "/containers/json")
        assert answered.status in (502, 503)
        assert answered.message != answered.body.decode()
        relay.budget = None
        assert guarded.api.call("GET", "/containers/json").status == 200


def test_an_engine_that_dies_in_an_attach(engine: Engine, guard: StartGuard) -> None:
    """
    The client's connection ends.
    """
    with Dying.before(engine) as relay:
        guarded = guard(relay)
        id = started(guarded.api, "exec cat", **_STDIN)
        query = "stream=1&stdin=1&stdout=1"
        with guarded.api.hijack("POST", f"/containers/{id}/attach?{query}") as attached:
            assert attached.status == 101
            attached.send(b"alive\n")
            assert attached.exactly(14)[8:] == b"alive\n"
            relay.budget = 0
            attached.send(b"dead\n")
            assert attached.rest() == b""
