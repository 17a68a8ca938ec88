"""
Testcontainers, with Ryuk: what it sees is what it sees without dss, and when its program is
killed Ryuk removes what it made, and nothing of anybody else's.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.clients import reaping
from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.engines.patience import PATIENCE, eventually

pytestmark = pytest.mark.engine

SharedGuard = Callable[[Engine, str], Guard]

_SESSION = "org.testcontainers.session-id"


@pytest.fixture(scope="module")
def ryuk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """
    The root file system of Ryuk's stand-in.
    """
    return reaping.ryuk(tmp_path_factory.mktemp("ryuk"))


@pytest.fixture
def ready(engine: Engine, ryuk: bytes) -> Engine:
    """
    An engine that has Ryuk's image.
    """
    reaping.load_ryuk(engine, ryuk)
    return engine


def _made(engine: Engine, session: str) -> list[str]:
    """
    Names of what the session has at the engine.
    """
    wanted = {"label": [f"{_SESSION}={session}"]}
    containers = engine.api.get("/containers/json", all=1, filters=wanted)
    networks = engine.api.get("/networks", filters=wanted)
    return [each["Names"][0] for each in containers] + [each["Name"] for each in networks]


def _run(
    engine: Engine, socket: str, command: Sequence[str], environ: dict[str, str], directory: Path
) -> Any:
    """
    Run a program of Testcontainers in the network of an engine, kill it once it has told
    what it saw, and wait until Ryuk is done.
    """
    inside, _ = engine.command()
    nsenter = [each for each in inside if each != "--mount"]
    program = subprocess.Popen(
        [*nsenter, *command, str(directory)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "DOCKER_HOST": f"unix://{socket}",
            "RYUK_CONTAINER_IMAGE": reaping.RYUK_IMAGE,
            "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
            "TC_POOLING_INTERVAL": "0.1",
            **environ,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert program.stdout is not None
        assert program.stderr is not None
        readable, _, _ = select.select([program.stdout], [], [], PATIENCE)
        line = program.stdout.readline() if readable else b""
        if not line:
            program.kill()
            pytest.fail(program.stderr.read().decode())
        told = json.loads(line)
        session = told["session"]
        assert len(_made(engine, session)) >= 3
        labels = {_SESSION: session, "com.dss.owner": "victim"}
        body = {"Image": "busybox", "Cmd": ["true"], "Labels": labels}
        engine.api.post("/containers/create", body, name="victims")
        engine.api.post("/networks/create", {"Name": "victims-net", "Labels": labels})
    finally:
        program.kill()
        program.communicate()
    left = ["/victims", "victims-net"] if socket != engine.socket else []
    eventually(lambda: sorted(_made(engine, session)) == left, "Ryuk to remove all", 30)
    engine.api.call("DELETE", "/containers/victims")
    engine.api.call("DELETE", "/networks/victims-net")
    return told["seen"]


def _both_ways(
    engine: Engine,
    guard: Guard,
    command: Sequence[str],
    environ: dict[str, str],
    directory: Path,
) -> Any:
    """
    What the program sees, which is the same without dss.
    """
    direct = _run(engine, engine.socket, command, environ, directory)
    guarded = _run(engine, guard.socket, command, environ, directory)
    assert guarded == direct
    return guarded


@pytest.mark.parametrize("engine", ["bookworm", "sid"], indirect=True)
def test_python(ready: Engine, shared_guard: SharedGuard, tmp_path: Path) -> None:
    guard = shared_guard(ready, "clients")
    seen = _both_ways(ready, guard, reaping.python(), {}, tmp_path)
    assert (seen["page"], seen["copied"]) == ("hello", "hello")
    assert seen["visitor"] == [0, "hello\n1000\n", ""]
    assert _SESSION in seen["labels"]


@pytest.mark.parametrize("engine", ["sid"], indirect=True)
def test_node(ready: Engine, shared_guard: SharedGuard, tmp_path: Path) -> None:
    command, environ = reaping.node()
    seen = _both_ways(ready, shared_guard(ready, "clients"), command, environ, tmp_path)
    assert (seen["page"], seen["copied"]) == ("hello", True)
    assert seen["visitor"] == "hello\n1000\n"
    assert _SESSION in seen["labels"]
