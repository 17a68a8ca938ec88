"""
Paths of clients that run in containers: their own ones mean what they see there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartGuard
from tests.engines.machine import Engine
from tests.sockets.nested import HOST_PROGRAMS, run

pytestmark = pytest.mark.engine

_SOCKET = "/var/run/docker.sock"


@pytest.fixture
def root(engine: Engine) -> Iterator[Path]:
    """
    An allowed directory, with a file, beside one that is not.
    """
    made = engine.directory / "client-paths" / "root"
    for directory in (made / "sub" / "deep", made.parent / "outside"):
        directory.mkdir(parents=True)
        (directory / "file").write_text("mine")
    yield made
    shutil.rmtree(made.parent)


def test_paths_of_the_clients_own_container(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    The client is in a container that a CI agent made, straight at the engine. What it calls
    by the path that it sees is what it gets, if that is allowed; nothing tells what it is
    called on the host.
    """
    through = guard(engine, owner="ci", allow_bind=[str(root)])
    agent = [
        f"{root}:/workspace",
        f"{root}/sub:/workspace/inner",
        f"{root.parent}/outside:/outside",
        f"{through.socket}:{_SOCKET}",
        f"{through.socket}:/elsewhere.sock",
        "named:/data",
    ]
    inner = "$docker run --rm -v %s:/x busybox %s; echo; echo ----; "
    told = run(
        engine.api,
        inner % ("/workspace/sub/deep", "cat /x/file")
        + inner % ("/workspace/inner/deep/file", "cat /x")
        + inner % ("/workspace/made", "ls -d /x")
        + inner % ("/outside", "cat /x/file")
        + inner % ("/data/x", "true")
        + inner % ("/elsewhere.sock", "ls /x")
        + inner % ("/tmp", "true")
        + f"$docker create --name shown-x -v /workspace/sub:/x -v {_SOCKET}:/s busybox",
        agent,
    )
    first, second, third, outside, volume, sock, own, last = (
        each.strip() for each in told.split("----")
    )
    assert (first, second, third, sock) == ("mine", "mine", "/x", "/x")
    assert (root / "made").is_dir()
    assert "'/outside' is not below an allowed directory" in outside
    assert str(root.parent / "outside") not in outside
    assert "[rule mount.client_volume]" in volume
    assert "'/tmp' is not below an allowed directory" in own
    shown = through.api.get(f"/containers/{last}/json")
    assert sorted(shown["HostConfig"]["Binds"]) == [f"{_SOCKET}:/s", "/workspace/sub:/x"]
    assert {each["Source"] for each in shown["Mounts"]} == {"/workspace/sub", _SOCKET}
    # On the host itself such a path means nothing.
    made = through.api.call(
        "POST",
        "/containers/create",
        body={"Image": "busybox", "HostConfig": {"Binds": ["/workspace/sub:/x"]}},
    )
    assert made.status == 403
    # A client in a container that dss made: its binds are written otherwise at the engine.
    allowed = guard(engine, owner="ci", allow_bind=[f"{HOST_PROGRAMS}:ro", f"/ws={root}:ro"])
    told = run(
        allowed.api,
        inner % ("/w/deep:/y:ro -v /w/deep", "true")
        + "$docker run --rm -v /w/deep:/x:ro busybox cat /x/file",
        ["/ws/sub:/w:ro", f"{_SOCKET}:{_SOCKET}"],
    )
    refused, seen = [each.strip() for each in told.split("----")]
    assert "for reading only" in refused
    assert seen == "mine"
