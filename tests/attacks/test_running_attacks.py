"""
Attacks on and by a container that runs: processes that are put into it, what is updated of it,
and files that are copied into it while it moves its directories.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.cases_create import ATTACKER, Scene
from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine

_JSON = {"Content-Type": "application/json"}
_LOOK = '"Cmd":["grep","CapEff","/proc/self/status"],"AttachStdout":true,"Tty":true'

#: Bodies of an exec that is privileged as the engine reads them.
_PRIVILEGED = (
    '"Privileged":true',
    '"privileged":true',
    '"PRIVILEGED":true',
    '"Privileged":false,"privileged":true',
    '"Privileged":true,"Privileged":null',
)

#: How many copies are made while the container swaps their target.
_COPIES = 25

#: Swaps a directory and a link out of it as fast as a shell can.
_SWAPS = """
mkdir -p /in /kept; ln -s "$OUT" /link
while true; do mv /in /aside; mv /link /in; mv /in /link; mv /aside /in; done
"""


def _running(api: Api, script: str = "exec sleep 98765", **body: Any) -> str:
    whole = {"Image": "busybox", "Cmd": ["sh", "-c", script], "StopSignal": "KILL", **body}
    made: str = api.post("/containers/create", whole)["Id"]
    api.post(f"/containers/{made}/start")
    return made


def _is_privileged(engine: Engine, api: Api, container: str, body: str) -> bool:
    """
    Whether an exec of this body may do what only the host's root may.
    """
    sent = f"{{{_LOOK}{body and ','}{body}}}".encode()
    reply = api.call("POST", f"/containers/{container}/exec", None, sent, _JSON)
    if not reply.ok:
        return False
    instance = reply.json()["Id"]
    with api.hijack("POST", f"/exec/{instance}/start", body={"Tty": True}) as raw:
        told = raw.rest().decode()
    if engine.version < (1, 42):
        # Engine 20.10 knows fewer capabilities than newer kernels, and can't start it.
        shown = engine.api.get(f"/exec/{instance}/json")
        return bool(shown["ProcessConfig"]["privileged"])
    return bool(int(told.partition("CapEff:")[2].split()[0], 16) >> 21 & 1)


def test_privileged_processes(engine: Engine, guard: StartGuard) -> None:
    """
    Each is root on the host at the bare engine, and is none through dss. One without it works.
    """
    through = guard(engine, owner=ATTACKER).api
    own = _running(through)
    for body in _PRIVILEGED:
        assert _is_privileged(engine, engine.api, own, body), body
        assert not _is_privileged(engine, through, own, body), body
    instance = through.post(
        f"/containers/{own}/exec",
        {"Cmd": ["id", "-u"], "User": "1000", "AttachStdout": True, "Privileged": False},
    )["Id"]
    with through.hijack("POST", f"/exec/{instance}/start", body={}) as raw:
        assert b"1000" in raw.rest()


_LIMIT = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null"
_MIB = 2**20


def test_limits_that_are_lifted(engine: Engine, guard: StartGuard, tmp_path: Path) -> None:
    """
    The kernel's own limit of a container that runs goes beyond the ceiling at the bare engine
    only; up to the ceiling it moves through dss, too.
    """
    file = tmp_path / "dss.toml"
    file.write_text('[containers.ceilings]\nmemory = "64m"\n')
    through = guard(engine, owner=ATTACKER, options=["--config", str(file)]).api
    own = _running(through, HostConfig={"Memory": 32 * _MIB})

    def limit() -> int:
        instance = engine.api.post(
            f"/containers/{own}/exec",
            {"Cmd": ["sh", "-c", _LIMIT], "AttachStdout": True, "Tty": True},
        )["Id"]
        with engine.api.hijack("POST", f"/exec/{instance}/start", body={"Tty": True}) as raw:
            return int(raw.rest().split()[0])

    path = f"/containers/{own}/update"
    lifted = f'{{"Memory":{100 * _MIB},"MemorySwap":{200 * _MIB}}}'
    for body in (lifted, lifted.replace("Memory", "memory"), '{"MemorySwap":-1,"Memory":1e9}'):
        assert not through.call("POST", path, None, body.encode(), _JSON).ok
        assert limit() == 32 * _MIB
    assert through.call("POST", path, body={"Memory": 64 * _MIB, "MemorySwap": 64 * _MIB}).ok
    assert limit() == 64 * _MIB
    assert engine.api.call("POST", path, None, lifted.encode(), _JSON).ok
    assert limit() == 100 * _MIB


def _packed(name: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    return packed.getvalue()


def test_copies_into_a_directory_that_moves(engine: Engine, guard: StartGuard) -> None:
    """
    CVE-2018-15664: a container swaps the target of a copy for a link to a directory of the
    host. Nothing gets there, and copies into what stays where it is arrive.
    """
    scene = Scene(engine)
    through = guard(engine, owner=ATTACKER).api
    before = sorted(scene.outside.iterdir())
    own = _running(through, _SWAPS, Env=[f"OUT={scene.outside}", "PATH=/bin"])
    swapped = f"/containers/{own}/archive"
    eventually(lambda: through.call("HEAD", swapped, {"path": "/kept"}).ok, "the swaps")
    for number in range(_COPIES):
        through.call("PUT", swapped, {"path": "/in"}, _packed(f"new-{number}"))
        through.call("PUT", swapped, {"path": "/"}, _packed(f"in/new-{number}"))
    assert sorted(scene.outside.iterdir()) == before
    assert through.call("PUT", swapped, {"path": "/kept"}, _packed("new")).ok
    assert through.call("GET", swapped, {"path": "/kept/new"}).ok
    # Another owner's container is none of it.
    theirs = f"/containers/{scene.victim}/archive"
    refused = through.call("PUT", theirs, {"path": "/"}, _packed("planted"))
    assert (refused.status, json.loads(refused.body)) == (
        404,
        {"message": f"No such container: {scene.victim}"},
    )
    assert not engine.api.call("GET", theirs, {"path": "/planted"}).ok
