"""
The Docker Engine API over a UNIX socket, for questions straight at an engine and
for requests through a guard: one connection a request, nothing interpreted.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

from tests.engines.patience import PATIENCE

Query = Mapping[str, Any]


@frozen
class Reply:
    """
    A whole reply.

    @ivar headers: by lower-case name.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """
        The body as JSON.
        """
        return json.loads(self.body)

    @property
    def ok(self) -> bool:
        """
        Whether the request succeeded.
        """
        return self.status < 300

    @property
    def message(self) -> str:
        """
        The message of an error, in Docker's error shape; the bare text otherwise.
        """
        try:
            return str(self.json()["message"])
        except (ValueError, KeyError, TypeError):
            return self.body.decode(errors="replace")


class Failed(AssertionError):
    """
    The API answered with an error where the test needs a success.
    """


class Connection(http.client.HTTPConnection):
    """
    A connection to a UNIX socket.
    """

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def target(path: str, query: Query | None = None) -> str:
    """
    A request target. A tuple in the query is a parameter that is repeated; other
    values that are neither text nor numbers are written as JSON, as C{filters}
    wants it.
    """
    if not query:
        return path
    plain = {
        key: value if isinstance(value, str | int | tuple) else json.dumps(value)
        for key, value in query.items()
        if value is not None
    }
    return f"{path}?{urlencode(plain, doseq=True)}"


@frozen
class Api:
    """
    An engine, or a guard, at a socket.

    @ivar socket: the UNIX socket's path.
    @ivar timeout: how long one read or write may take, in seconds.
    """

    socket: str
    timeout: float = PATIENCE

    def call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """
        One request and its whole reply. A body of bytes is sent as it is, any
        other as JSON.
        """
        sent = dict(headers or {})
        data: bytes | None = None
        if isinstance(body, bytes):
            data = body
            sent.setdefault("Content-Type", "application/x-tar")
        elif body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = Connection(self.socket, self.timeout)
        try:
            connection.request(method, target(path, query), data, sent)
            got = connection.getresponse()
            received = {name.lower(): value for name, value in got.getheaders()}
            return Reply(got.status, received, got.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Any:
        """
        The JSON of a successful C{GET}.
        """
        return self._succeed("GET", path, query, None).json()

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """
        The JSON of a successful C{POST}, or L{None} where it has no body.
        """
        reply = self._succeed("POST", path, query, body)
        return reply.json() if reply.body.strip() else None

    def delete(self, path: str, **query: Any) -> None:
        """
        A successful C{DELETE}.
        """
        self._succeed("DELETE", path, query, None)

    def output(self, container: str) -> bytes:
        """
        Start a container that has a terminal, wait for its end, and tell what it wrote.
        """
        self.post(f"/containers/{container}/start")
        self.post(f"/containers/{container}/wait")
        return self.call("GET", f"/containers/{container}/logs", {"stdout": 1, "stderr": 1}).body

    def _succeed(self, method: str, path: str, query: Query, body: Any) -> Reply:
        reply = self.call(method, path, query, body)
        if not reply.ok:
            raise Failed(f"{method} {target(path, query)}: {reply.status} {reply.message}")
        return reply

    def hijack(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Raw:
        """
        Ask for an upgrade and hand over the connection, whatever was answered.

        @param headers: those of the upgrade; the engine's own kind by default.
        """
        raw = Raw.connect(self.socket, self.timeout)
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target(path, query)} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\n"
        for name, value in (headers or {"Upgrade": "tcp"}).items():
            head += f"{name}: {value}\r\n"
        if method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        raw.send(head.encode() + b"\r\n" + data)
        raw.read_head()
        return raw


class Raw:
    """
    A connection as bytes.

    @ivar status: the status of the head that L{read_head} read.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.status = 0
        self.headers: dict[str, str] = {}
        self._pending = b""

    @classmethod
    def connect(cls, path: str, timeout: float = PATIENCE) -> Raw:
        """
        Connect to a UNIX socket.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(path)
        return cls(sock)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Close both directions.
        """
        self.sock.close()

    def send(self, data: bytes) -> None:
        """
        Send all of these bytes.
        """
        self.sock.sendall(data)

    def half_close(self) -> None:
        """
        End this side's direction only.
        """
        self.sock.shutdown(socket.SHUT_WR)

    def receive(self) -> bytes:
        """
        Some bytes, or none at the end.
        """
        if self._pending:
            taken, self._pending = self._pending, b""
            return taken
        return self.sock.recv(65536)

    def exactly(self, length: int) -> bytes:
        """
        So many bytes.

        @raise EOFError: if fewer come.
        """
        got = b""
        while len(got) < length:
            more = self.receive()
            if not more:
                raise EOFError(f"{len(got)} of {length} bytes came: {got!r}")
            got += more
        self._pending = got[length:] + self._pending
        return got[:length]

    def until(self, mark: bytes) -> bytes:
        """
        All bytes up to a mark, which is included.

        @raise EOFError: if the mark does not come.
        """
        got = b""
        while mark not in got:
            more = self.receive()
            if not more:
                raise EOFError(f"{mark!r} did not come: {got!r}")
            got += more
        end = got.index(mark) + len(mark)
        self._pending = got[end:] + self._pending
        return got[:end]

    def rest(self) -> bytes:
        """
        All bytes up to the end.
        """
        got = b""
        while more := self.receive():
            got += more
        return got

    def read_head(self) -> None:
        """
        Read a reply's head.
        """
        first, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        pairs = (line.partition(":") for line in lines if line)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}

    def reply(self) -> Reply:
        """
        The rest of a reply with a known length, after L{read_head}.
        """
        length = int(self.headers.get("content-length", "0"))
        return Reply(self.status, self.headers, self.exactly(length))


def demultiplex(data: bytes) -> tuple[bytes, bytes]:
    """
    The stdout and stderr of a multiplexed stream (Docker Engine API, I{Attach to a
    container}, stream format): each frame has a byte for the stream, three zeros
    and the length in four bytes, big-endian.
    """
    streams = {0: b"", 1: b"", 2: b""}
    while data:
        if len(data) < 8:
            raise ValueError(f"half a frame's head at the end: {data!r}")
        length = int.from_bytes(data[4:8], "big")
        frame = data[8 : 8 + length]
        if data[0] not in streams or len(frame) < length:
            raise ValueError(f"a broken frame: {data[:40]!r}")
        streams[data[0]] += frame
        data = data[8 + length :]
    return streams[1], streams[2]
