"""
Long streams, and readers and writers of them that are slower than the other end.
"""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import Factory, define

from tests.bench.processes import Process
from tests.engines.api import Api, Raw
from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.engines.patience import eventually

GIGABYTE = 1 << 30

#: What dss's resident memory stays below, whatever streams through it, in bytes.
CEILING = 100_000_000

#: Long enough for an engine that works hard on both cores of a small machine.
PATIENCE = 120.0

_BLOCK = 1 << 18
_STALLS = (1 << 20, 64 << 20, 512 << 20)
_STILL_FOR = 15  # looks


def wait_until_still(pid: int) -> None:
    """
    Wait until a process has done nothing for a while: what wanted to go through it
    has gone as far as it gets.
    """
    process = Process(pid)
    last = process.cpu_seconds()
    unchanged = 0

    def still() -> bool:
        nonlocal last, unchanged
        spent = process.cpu_seconds()
        unchanged = unchanged + 1 if spent == last else 0
        last = spent
        return unchanged >= _STILL_FOR

    eventually(still, "dss to wait for the slow side", PATIENCE)


def assert_small(guard: Guard) -> None:
    """
    Dss's resident memory is, and always was, below the ceiling.
    """
    most = Process(guard.pid).memory("VmHWM")
    assert most < CEILING, f"{most:,} bytes were resident"


@define
class SlowReader:
    """
    Takes a stream in, and three times on its way stops reading until dss can take no
    more, to look at dss's memory.

    @ivar guard: L{None} for a reader that never stops.
    @ivar length: bytes read so far.
    """

    guard: Guard | None = None
    length: int = 0
    _digest: Any = Factory(hashlib.sha256)
    _stalls: list[int] = Factory(lambda: list(_STALLS))

    def take(self, data: bytes | memoryview) -> None:
        """
        Take in some bytes.
        """
        self._digest.update(data)
        self.length += len(data)
        while self.guard is not None and self._stalls and self.length >= self._stalls[0]:
            self._stalls.pop(0)
            wait_until_still(self.guard.pid)
            assert_small(self.guard)

    @property
    def digest(self) -> str:
        """
        The SHA-256 of all bytes so far.
        """
        if self.guard is not None:
            assert not self._stalls, f"only {self.length} bytes came"
        found: str = self._digest.hexdigest()
        return found


@contextmanager
def reply(api: Api, path: str) -> Iterator[http.client.HTTPResponse]:
    """
    The reply to a C{GET}, after its head.
    """
    with Raw.connect(api.socket, PATIENCE) as raw:
        raw.send(f"GET {path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n".encode())
        answered = http.client.HTTPResponse(raw.sock)
        try:
            answered.begin()
            assert answered.status == 200, answered.read()
            yield answered
        finally:
            answered.close()


def digest_of_reply(api: Api, path: str, guard: Guard | None = None) -> str:
    """
    The SHA-256 of a reply's whole body; through a guard it is read slowly.

    @raise http.client.IncompleteRead: if the body was cut short.
    """
    reader = SlowReader(guard)
    buffer = memoryview(bytearray(_BLOCK))
    with reply(api, path) as answered:
        while got := answered.readinto(buffer):
            reader.take(buffer[:got])
    return reader.digest


def take_stdout(raw: Raw, reader: SlowReader) -> None:
    """
    Read a multiplexed stream to its end; it holds stdout only.
    """
    held = bytearray()
    left = 0
    while data := raw.receive():
        held += data
        at = 0
        while at < len(held):
            if not left:
                if len(held) - at < 8:
                    break
                assert held[at] == 1, held[at : at + 200]
                left = int.from_bytes(held[at + 4 : at + 8], "big")
                at += 8
            step = min(left, len(held) - at)
            reader.take(bytes(held[at : at + step]))
            at += step
            left -= step
        del held[:at]
    assert not left, "the stream ended in the middle of a frame"
    assert not held, "the stream ended in the middle of a frame's head"


def started(api: Api, command: str, **body: object) -> str:
    """
    A started container of the small image, by id.
    """
    asked = {"Image": "busybox:latest", "Cmd": ["sh", "-c", command], **body}
    id: str = api.post("/containers/create", asked)["Id"]
    api.post(f"/containers/{id}/start")
    return id


def ended(api: Api, command: str, **body: object) -> str:
    """
    A container that has run its command to a good end, by id.
    """
    id = started(api, command, **body)
    state = eventually(
        lambda: _ended(api.get(f"/containers/{id}/json")["State"]),
        "the container to end",
        PATIENCE,
    )
    assert state is not None
    assert state["ExitCode"] == 0, state
    return id


def _ended(state: dict[str, object]) -> dict[str, object] | None:
    return state if state["Status"] == "exited" else None


def engine_files(engine: Engine) -> int:
    """
    How many files and sockets the engine itself has open.
    """
    listed = engine.run("sh", "-c", "ls /proc/$(cat /run/docker.pid)/fd | wc -l")
    return int(listed.stdout)


def eventually_back(look: Callable[[], int], before: int, what: str) -> None:
    """
    Wait until a number is no larger than it was.
    """
    eventually(lambda: look() <= before, f"{what} to be {before} again, at most", 30)
