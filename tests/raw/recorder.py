"""
A small engine that remembers every byte it got, and reads it with a strict parser of
its own (h11): what that can't read as whole requests, dss must never send.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import tempfile
import threading
from pathlib import Path

import h11
from attrs import define, field

from dss.model.owner import OWNER_LABEL

OWNER = "a"

#: A container of the owner's, another of its that can't be attached to, and a foreign one.
MINE = "1" * 64
MINE_STOPPED = "2" * 64
THEIRS = "3" * 64
EXEC = "4" * 64

#: What an export gives: more than all the buffers on the way.
EXPORT = bytes(range(256)) * (8 << 12)

_QUESTION = re.compile(r"^/version$|^/(containers|exec|images)/.+/json$")
_VERSION = {"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24"}
_UPGRADED = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


def _reply(status: int, value: object) -> bytes:
    body = json.dumps(value).encode() + b"\n"
    return (b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s") % (
        status,
        len(body),
        body,
    )


@define
class Seen:
    """
    One request, as a strict engine reads it.

    @ivar raw: what came after it on a connection that was upgraded.
    """

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    raw: bytes = b""

    @property
    def line(self) -> str:
        """
        Method and target.
        """
        return f"{self.method} {self.target}"

    def header(self, name: str) -> list[str]:
        """
        All values of a header.
        """
        return [value for key, value in self.headers if key == name]


@define(slots=False)
class Recorder:
    """
    The engine.

    @ivar tcp: whether it listens on a port of this machine instead of a UNIX socket.
    @ivar tls: what secures its port.
    @ivar farewell: what it says on an upgraded connection once the other side has ended.
    @ivar socket: the UNIX socket's path.
    @ivar port: the port's number.
    @ivar seen: the requests that it got, in order, without dss's own questions.
    @ivar malformed: what its parser said of bytes that are no requests.
    @ivar received: all bytes that it got, by connection.
    """

    tcp: bool = False
    tls: ssl.SSLContext | None = None
    farewell: bytes = b""
    name: str = "recorder"
    suite: str = "recorder"
    directory: Path = field(factory=lambda: Path(tempfile.mkdtemp(prefix="dss-recorder-")))
    seen: list[Seen] = field(factory=list)
    malformed: list[str] = field(factory=list)
    received: list[bytearray] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.socket = str(self.directory / "engine.sock")
        self.port = 0
        if self.tcp:
            self._listener = socket.socket()
            self._listener.bind(("127.0.0.1", 0))
            self.port = self._listener.getsockname()[1]
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.socket)
        self._listener.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """
        Listen no longer.
        """
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def forget(self) -> None:
        """
        Begin anew.
        """
        self.seen.clear()
        self.malformed.clear()
        self.received.clear()

    def lines(self) -> list[str]:
        """
        Methods and targets of what was seen.
        """
        return [each.line for each in self.seen]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._secure, args=(connection,), daemon=True).start()

    def _secure(self, connection: socket.socket) -> None:
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        received = bytearray()
        self.received.append(received)
        parser = h11.Connection(h11.SERVER)
        current: Seen | None = None
        with connection:
            while True:
                try:
                    event = parser.next_event()
                except h11.RemoteProtocolError as error:
                    self.malformed.append(f"{error}: {bytes(received)!r}")
                    return
                if event is h11.NEED_DATA:
                    try:
                        data = connection.recv(65536)
                    except OSError:
                        return
                    received += data
                    parser.receive_data(data)
                elif isinstance(event, h11.Request):
                    current = Seen(
                        event.method.decode(),
                        event.target.decode(),
                        [(name.decode(), value.decode()) for name, value in event.headers],
                    )
                    if not _QUESTION.search(current.target):
                        self.seen.append(current)
                elif isinstance(event, h11.Data):
                    assert current is not None
                    current.body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    assert current is not None
                    reply = self._answer(current)
                    if current.method == "HEAD":
                        reply = reply[: reply.index(b"\r\n\r\n") + 4]
                    try:
                        connection.sendall(reply)
                        if reply is _UPGRADED:
                            self._echo(connection, received, current, parser.trailing_data[0])
                            return
                    except OSError:
                        return
                    parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                    parser.send(h11.EndOfMessage())
                    if parser.our_state is h11.MUST_CLOSE:
                        return
                    parser.start_next_cycle()
                else:
                    return

    def _echo(
        self, connection: socket.socket, received: bytearray, seen: Seen, early: bytes
    ) -> None:
        data = early
        while True:
            seen.raw += data
            connection.sendall(data)
            data = connection.recv(65536)
            received += data
            if not data:
                connection.sendall(self.farewell)
                return

    def _answer(self, seen: Seen) -> bytes:
        path = re.sub(r"^/v1\.\d+", "", seen.target.partition("?")[0])
        if path == "/version":
            return _reply(200, _VERSION)
        found = re.fullmatch(r"/containers/([^/]+)/json", path)
        if found is not None:
            owner = {MINE: OWNER, MINE_STOPPED: OWNER, "mine": OWNER, THEIRS: "b"}.get(found[1])
            if owner is None:
                return _reply(404, {"message": f"No such container: {found[1]}"})
            id = MINE if found[1] == "mine" else found[1]
            labels = {OWNER_LABEL: owner}
            return _reply(200, {"Id": id, "Config": {"Labels": labels}, "HostConfig": {}})
        if path == f"/exec/{EXEC}/json":
            return _reply(200, {"ID": EXEC, "ContainerID": MINE})
        if path.startswith("/images/"):
            return _reply(404, {"message": "No such image"})
        if path.startswith("/exec/") and path.endswith("/json"):
            return _reply(404, {"message": "No such exec instance"})
        if path.endswith("/attach") and MINE_STOPPED in path:
            return _reply(409, {"message": "it is stopped"})
        upgrades = ("upgrade", "tcp") in seen.headers
        if upgrades:
            return _UPGRADED
        if path == "/containers/json":
            return _reply(200, [])
        if path.endswith("/export"):
            return b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s" % (len(EXPORT), EXPORT)
        return _reply(200, {})
