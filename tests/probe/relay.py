"""
Between dss and a real engine: bytes go through as they are, and the requests are remembered.
"""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

from attrs import define, field

from dss.routes.table import Route
from tests.engines.machine import Engine

_LINE = re.compile(rb"^([A-Z]+) (?:/v1\.\d+)?(/[^ ?]*)\S* HTTP/1\.1\r$", re.MULTILINE)


def is_of(route: Route, method: str, path: str) -> bool:
    """
    Whether a request is one of a row's.
    """
    segments = [
        (r".+" if each.endswith("...}") else r"[^/]+") if each[0] == "{" else re.escape(each)
        for each in route.segments
    ]
    return method == route.method and re.fullmatch("/" + "/".join(segments), path) is not None


@define(slots=False)
class Relay:
    """
    What a guard takes for its engine.
    """

    engine: Engine
    _received: list[bytearray] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.name, self.suite = self.engine.name, self.engine.suite
        self.directory: Path = self.engine.directory
        self.socket = str(self.directory / "relay.sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.socket)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """
        Listen no longer.
        """
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        Path(self.socket).unlink()

    def forget(self) -> None:
        """
        Begin anew.
        """
        for each in self._received:
            each.clear()

    def reached(self, route: Route) -> bool:
        """
        Whether the engine got a request of a row's.
        """
        found = [line.groups() for each in self._received for line in _LINE.finditer(bytes(each))]
        return any(is_of(route, method.decode(), path.decode()) for method, path in found)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.engine.socket)
            received = bytearray()
            self._received.append(received)
            for source, target, record in ((near, far, received), (far, near, None)):
                threading.Thread(
                    target=self._carry, args=(source, target, record), daemon=True
                ).start()

    def _carry(
        self, source: socket.socket, target: socket.socket, record: bytearray | None
    ) -> None:
        try:
            while data := source.recv(65536):
                if record is not None:
                    record += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            target.close()
