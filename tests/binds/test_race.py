"""
A directory that is swapped for a link and back as fast as it goes, while containers that bind
it are created, read and started.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

SECRET = b"the-secret-outside"

#: How many containers are made. C{DSS_TEST_RACE} sets another number, for a longer race.
_CREATES = int(os.environ.get("DSS_TEST_RACE", "60"))

#: After how many seconds a race ends in any case.
_LONGEST = 60.0 + _CREATES

#: Exchanges two names in one system call (renameat2(2), RENAME_EXCHANGE), and tells once
#: that it began.
_SWAPPER = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b = (name.encode() for name in sys.argv[1:])
told = False
while True:
    for _ in range(100):
        if libc.renameat2(-100, a, -100, b, 2) != 0:
            sys.exit(ctypes.get_errno())
    if not told:
        print("swapping", flush=True)
        told = True
"""


@define
class Score:
    """
    What came of it.

    @ivar looks: how often an engine was made to look the source up.
    @ivar wins: how often the secret was read.
    """

    looks: int = 0
    wins: int = 0
    creates: int = 0


@contextmanager
def _swapping(one: Path, other: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SWAPPER, str(one), str(other)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "swapping\n"
        yield
        assert process.poll() is None, "the swaps ended early"
    finally:
        process.kill()
        process.wait()


def _race(api: Api, engine: Engine, sources: list[str], creates: int) -> Score:
    """
    Create, read from and start containers, until it is won where it only has to be won once.

    @param sources: what the workers bind: the path, and a volume on it.
    @param creates: how many to create; with none the first win ends it.
    """
    deadline = time.monotonic() + _LONGEST
    won = threading.Event()

    def attack(worker: int) -> Score:
        body = {
            "Image": "busybox",
            "Cmd": ["cat", "/x/secret"],
            "HostConfig": {
                "Binds": [f"{sources[worker % len(sources)]}:/x"],
                "NetworkMode": "none",
            },
        }
        score = Score()
        while time.monotonic() < deadline and not won.is_set():
            if creates and score.creates >= creates / 4:
                break
            try:
                once(score, body)
            except OSError:
                # An engine under such a load may drop a connection: nothing was read.
                continue
            if score.wins and not creates:
                won.set()
        return score

    def once(score: Score, body: Any) -> None:
        reply = api.call("POST", "/containers/create", body=body)
        score.creates += 1
        if not reply.ok:
            return
        made = reply.json()["Id"]
        for _ in range(4):
            copied = api.call("GET", f"/containers/{made}/archive", {"path": "/x/secret"})
            score.looks += 1
            score.wins += copied.ok and SECRET in copied.body
        score.looks += 1
        if api.call("POST", f"/containers/{made}/start").ok:
            engine.api.call("POST", f"/containers/{made}/wait")
            logs = engine.api.call("GET", f"/containers/{made}/logs", {"stdout": 1})
            score.wins += SECRET in logs.body
        engine.api.call("DELETE", f"/containers/{made}", {"force": 1})

    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(attack, range(4)))
    return Score(
        sum(each.looks for each in scores),
        sum(each.wins for each in scores),
        sum(each.creates for each in scores),
    )


def test_a_swapped_link_never_wins(engine: Engine, guard: StartGuard) -> None:
    """
    Neither by a bind nor by a volume on the directory, from API 1.45. Before, it can: how
    often is printed, and is written down in C{doc/security.rst}.
    """
    root, outside = engine.directory / "race" / "root", engine.directory / "race" / "outside"
    for directory in (root / "sub", outside):
        directory.mkdir(parents=True, exist_ok=True)
    (outside / "secret").write_bytes(SECRET)
    link = root / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    through = guard(engine, owner="racer", allow_bind=[str(root)])
    path = str(root / "sub")
    options = {"type": "none", "o": "bind", "device": path}
    engine.api.post("/volumes/create", {"Name": "race-bare", "DriverOpts": options})
    through.api.post("/volumes/create", {"Name": "race-dss", "DriverOpts": options})
    with _swapping(root / "sub", link):
        bare = _race(engine.api, engine, [path, "race-bare"], 0)
        guarded = _race(through.api, engine, [path, "race-dss"], _CREATES)
    assert bare.wins > 0, "the swaps are no attack at all"
    assert guarded.creates >= _CREATES
    told = f"{guarded.wins} of {guarded.looks} looks ({guarded.creates} creates) were won"
    print(f"\n{engine.suite}: {told}; at the bare engine {bare.wins} of {bare.looks}")
    if engine.version >= (1, 45):
        assert guarded.looks > 0
        assert guarded.wins == 0, told
