"""
The kinds of stream, each as a way to carry so many bytes through a socket.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from attrs import frozen

from tests.bench.containers import container, finished
from tests.bench.load import Flow, Load, chunk_aligned
from tests.engines.api import Api

_LINE = "0123456789abcdef" * 64
_UPGRADE = "Connection: Upgrade\r\nUpgrade: tcp\r\n"


def head(method: str, target: str, headers: str = "") -> bytes:
    """
    A request's head.

    @param headers: further lines, each with its line end.
    """
    return f"{method} {target} HTTP/1.1\r\nHost: docker\r\n{headers}\r\n".encode()


@frozen
class Streams:
    """
    The containers that the streams come from and go to.

    @ivar size: bytes of one stream.
    @ivar still: a stopped container with a file C{/big} of that size.
    @ivar talker: a stopped container whose log has that size.
    """

    engine: Api
    load: Load
    image: str
    size: int
    still: str
    talker: str

    @classmethod
    @contextmanager
    def prepared(cls, engine: Api, load: Load, image: str, size: int) -> Iterator[Streams]:
        """
        Make the containers; they are removed at the end.
        """
        with ExitStack() as stack:
            # A file with a hole costs the engine's disk nothing, and it packs it as zeros.
            still = stack.enter_context(container(engine, image, f"truncate -s {size} /big"))
            logging = {"LogConfig": {"Type": "local", "Config": {"max-size": "4g"}}}
            talking = f"yes {_LINE} | head -c {size}"
            talker = stack.enter_context(container(engine, image, talking, HostConfig=logging))
            finished(engine, still)
            finished(engine, talker)
            yield cls(engine, load, image, size, still, talker)

    def kinds(self) -> dict[str, Callable[[str], Flow]]:
        """
        Each kind of stream by name; given a socket, it carries the bytes through it.
        """
        return {
            "export": self.export,
            "archive GET": self.archive_get,
            "archive PUT": self.archive_put,
            "attach output": self.attach_output,
            "attach input": self.attach_input,
            "logs": self.logs,
        }

    def export(self, socket: str) -> Flow:
        """
        C{docker export}.
        """
        return self.load.stream(socket, head("GET", f"/containers/{self.still}/export"))

    def archive_get(self, socket: str) -> Flow:
        """
        C{docker cp} out of a container.
        """
        target = f"/containers/{self.still}/archive?path=/big"
        return self.load.stream(socket, head("GET", target))

    def archive_put(self, socket: str) -> Flow:
        """
        C{docker cp} into a container, in chunks, as the CLI sends it.
        """
        # The archive's end is zeros too, so all but its first block is.
        size = chunk_aligned(self.size)
        entry = tarfile.TarInfo("in")
        entry.size = size - 4 * tarfile.BLOCKSIZE
        first = entry.tobuf()
        with container(self.engine, self.image, "true") as id:
            request = head(
                "PUT",
                f"/containers/{id}/archive?path=/tmp",
                "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n",
            )
            request += b"%x\r\n%s\r\n" % (len(first), first)
            return self.load.stream(socket, request, send=size, chunked=True)

    def attach_output(self, socket: str) -> Flow:
        """
        What a container writes, attached: it writes when it was sent a byte.
        """
        command = f"head -c 1 >/dev/null; head -c {self.size} /dev/zero"
        return self._attach(socket, command, "stdin=1&stdout=1", 1)

    def attach_input(self, socket: str) -> Flow:
        """
        What a container reads, attached.
        """
        return self._attach(socket, "cat >/dev/null", "stdin=1&stdout=1", self.size)

    def _attach(self, socket: str, command: str, query: str, send: int) -> Flow:
        stdin = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
        quiet = {"LogConfig": {"Type": "none"}}
        with container(self.engine, self.image, command, HostConfig=quiet, **stdin) as id:
            target = f"/containers/{id}/attach?stream=1&{query}"
            request = head("POST", target, _UPGRADE + "Content-Length: 0\r\n")
            return self.load.stream(socket, request, send=send, hijack=True)

    def logs(self, socket: str) -> Flow:
        """
        C{docker logs}.
        """
        target = f"/containers/{self.talker}/logs?stdout=1&stderr=1"
        return self.load.stream(socket, head("GET", target))
