"""
A thousand streams with nothing in them cost little.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from tests.bench.memory import with_idle_streams
from tests.bench.processes import Process
from tests.conftest import StartGuard
from tests.engines.machine import Engine
from tests.streams.carrying import CEILING, engine_files, eventually_back, started

# On one engine: what is measured is dss's own memory, which is the same before each.
pytestmark = [pytest.mark.engine, pytest.mark.parametrize("engine", ["sid"], indirect=True)]

_COUNT = 1000


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    """
    Let this process have the clients' ends of all the streams.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 4 * _COUNT:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * _COUNT, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("what", ["events", "logs"])
def test_a_thousand_idle_streams(engine: Engine, guard: StartGuard, what: str) -> None:
    """
    They fit below the ceiling, and leave nothing behind, here or at the engine.
    """
    guarded = guard(engine)
    process = Process(guarded.pid)
    id = started(guarded.api, "echo ready; exec sleep 3600")
    path = "/events" if what == "events" else f"/containers/{id}/logs?stdout=1&follow=1"
    files, engine_had = process.files(), engine_files(engine)
    more = with_idle_streams(process, guarded.socket, path, _COUNT)
    assert more < CEILING
    eventually_back(process.files, files, "dss's open files")
    # The engine keeps a few connections of dss for the next request.
    eventually_back(lambda: engine_files(engine), engine_had + 16, "the engine's open files")
