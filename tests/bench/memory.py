"""
The resident memory of a proxy: at rest, with many idle streams, and while a slow
client reads a long stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from attrs import frozen

from tests.bench.containers import container
from tests.bench.processes import Process
from tests.bench.streams import Streams, head
from tests.bench.targets import Proxy
from tests.engines.api import Raw

#: A slow client reads this much, then rests.
_STEP = 4 << 20
_REST = 0.02

_AT_ONCE = 100


@frozen
class Memory:
    """
    Bytes of resident memory.

    @ivar at_start: before the first request.
    @ivar events: more with so many idle C{events} streams.
    @ivar logs: more with so many idle C{logs -f} streams.
    @ivar slow: the most there ever was, after a slow client has read a long stream.
    """

    at_start: int
    events: int
    logs: int
    slow: int


def resident(process: Process) -> int:
    """
    What is resident now, in bytes.
    """
    return process.memory("VmRSS")


def with_idle_streams(process: Process, socket: str, target: str, count: int) -> int:
    """
    How many bytes more are resident while C{count} streams of a target are open,
    each after its reply's head.
    """
    before = resident(process)
    with ExitStack() as stack:
        # Some at a time, as many as wait to be accepted without being turned away.
        for at in range(0, count, _AT_ONCE):
            some = range(min(_AT_ONCE, count - at))
            opened = [stack.enter_context(Raw.connect(socket)) for _ in some]
            for stream in opened:
                stream.send(head("GET", target))
            for stream in opened:
                stream.read_head()
                if stream.status != 200:
                    raise RuntimeError(f"{target}: {stream.status}")
        return resident(process) - before


def read_slowly(socket: str, target: str, pause: Callable[[], None]) -> int:
    """
    Read a stream to its end, with a pause after every few megabytes.

    @return: the number of bytes.
    """
    with Raw.connect(socket) as stream:
        stream.send(head("GET", target, "Connection: close\r\n"))
        stream.read_head()
        total = rested = 0
        while got := stream.receive():
            total += len(got)
            if total - rested >= _STEP:
                rested = total
                pause()
        return total


def measure(
    start: Callable[[], AbstractContextManager[Proxy]], streams: Streams, count: int
) -> Memory:
    """
    Measure a proxy, started anew for each figure.
    """
    with start() as target:
        at_start = resident(target.process)
        events = with_idle_streams(target.process, target.socket, "/events", count)
    sleeper = container(streams.engine, streams.image, "echo ready; exec sleep 3600")
    with start() as target, sleeper as id:
        followed = f"/containers/{id}/logs?stdout=1&follow=1"
        logs = with_idle_streams(target.process, target.socket, followed, count)
    with start() as target:
        export = f"/containers/{streams.still}/export"
        read_slowly(target.socket, export, lambda: time.sleep(_REST))
        slow = target.process.memory("VmHWM")
    return Memory(at_start, events, logs, slow)
