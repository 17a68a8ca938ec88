"""
The load generator, compiled at first use, and what it measures.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from attrs import frozen

_SOURCE = Path(__file__).with_name("load.c")
_BLOCK = 32768


@frozen
class Rate:
    """
    How many answers came, how fast.

    @ivar rate: answers per second.
    @ivar p50: the median latency, in milliseconds.
    @ivar p99: the latency that 99 of 100 answers kept, in milliseconds.
    @ivar failed: answers other than 200, and lost connections.
    """

    rate: float
    p50: float
    p99: float
    failed: int


@frozen
class Flow:
    """
    What one stream carried.

    @ivar megabytes: of body, in both directions, in units of 1,000,000 bytes.
    @ivar seconds: from the first byte of a body to the end.
    @ivar complete: whether the stream ended as it should.
    """

    status: int
    megabytes: float
    seconds: float
    complete: bool

    @property
    def rate(self) -> float:
        """
        Megabytes per second.
        """
        return self.megabytes / self.seconds if self.seconds else 0.0


@frozen
class Load:
    """
    The compiled generator.
    """

    program: Path

    @classmethod
    def compiled(cls, directory: Path) -> Load:
        """
        Compile the generator into a directory.
        """
        program = directory / "load"
        subprocess.run(
            ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(_SOURCE)],
            check=True,
        )
        return cls(program)

    def requests(self, socket: str, path: str, connections: int, count: int, seconds: int) -> Rate:
        """
        Ask for a path on so many connections, each with one request in flight.
        """
        got = self._run(["requests", socket, path, connections, count, seconds])
        return Rate(
            got["answers"] / got["seconds"] if got["seconds"] else 0.0,
            got["p50_us"] / 1000,
            got["p99_us"] / 1000,
            got["failed"],
        )

    def stream(
        self,
        socket: str,
        head: bytes,
        *,
        send: int = 0,
        chunked: bool = False,
        hijack: bool = False,
        seconds: int = 120,
    ) -> Flow:
        """
        Send a head, and C{send} zero bytes; read the reply to its end.

        @param chunked: frame the bytes as chunks; their number is then rounded down
            to a multiple of 32 KiB.
        @param hijack: wait for the reply's head first, and half-close at the end.
        """
        file = self.program.with_name("head")
        file.write_bytes(head)
        got = self._run(["stream", socket, file, send, int(chunked), int(hijack), seconds])
        carried = (got["received"] + got["sent"]) / 1e6
        return Flow(got["status"], carried, got["seconds"], got["complete"])

    def _run(self, arguments: list[object]) -> dict[str, Any]:
        command = [str(self.program), *map(str, arguments)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def chunk_aligned(size: int) -> int:
    """
    A size rounded down to what L{Load.stream} can send in chunks.
    """
    return size // _BLOCK * _BLOCK
