"""
An engine behind a relay that can die at any byte.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import AF_UNIX, SHUT_RDWR, SHUT_WR
from socket import socket as Socket

from attrs import define, field

from tests.engines.machine import Engine


@define(eq=False, slots=False)
class Dying(Engine):
    """
    An engine whose connections can be lost in the middle of a reply: to dss it is
    as if the engine was killed.

    @ivar budget: how many more bytes the engine sends until every connection to it
        is lost; L{None} for as many as it likes.
    """

    budget: int | None = None
    _path: Path = field(init=False)
    _open: list[Socket] = field(init=False, factory=list)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    @property
    def socket(self) -> str:
        """
        The relay's socket.
        """
        return str(self._path)

    @classmethod
    @contextmanager
    def before(cls, engine: Engine) -> Iterator[Dying]:
        """
        A relay before an engine.
        """
        with tempfile.TemporaryDirectory(prefix="relay-", dir=engine.directory) as made:
            relay = cls(engine.name, engine.suite)
            relay._path = Path(made) / "docker.sock"
            with Socket(AF_UNIX) as listening:
                listening.bind(str(relay._path))
                listening.listen(64)
                accepting = threading.Thread(
                    target=relay._accept, args=(listening, engine.socket), daemon=True
                )
                accepting.start()
                try:
                    yield relay
                finally:
                    listening.shutdown(SHUT_RDWR)
                    relay._lose_all()

    def _accept(self, listening: Socket, engine: str) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = Socket(AF_UNIX)
                far.connect(engine)
                with self._lock:
                    self._open += [near, far]
                for source, sink, counts in ((near, far, False), (far, near, True)):
                    arguments = (source, sink, counts)
                    threading.Thread(target=self._copy, args=arguments, daemon=True).start()

    def _copy(self, source: Socket, sink: Socket, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if counts and self._spend(len(data)):
                    self._lose_all()
                    return
                sink.sendall(data)
            sink.shutdown(SHUT_WR)

    def _spend(self, length: int) -> bool:
        with self._lock:
            if self.budget is None:
                return False
            self.budget -= length
            return self.budget < 0

    def _lose_all(self) -> None:
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(SHUT_RDWR)
                each.close()
            self._open.clear()
