"""
A memory engine as a Twisted service.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from dss.testing.engine.memory import MemoryEngine
from dss.testing.engine.server import listen


class MemoryEngineService(Service):
    """
    A memory engine on a UNIX socket that only its own user can use.

    @ivar engine: the engine.
    @ivar ready: fires when it listens, or when it is clear that it can't.
    """

    _log = Logger(namespace="dss.testing.engine")

    def __init__(
        self,
        path: str,
        reactor: Any,
        engine: MemoryEngine | None = None,
    ) -> None:
        """
        @param path: where the socket will be.
        @param reactor: listens, and tells the time.
        @param engine: a new one, if L{None}.
        """
        self.engine = MemoryEngine(reactor) if engine is None else engine
        self.ready: Deferred[None] | None = None
        self._path = path
        self._reactor = reactor
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """
        Listen.
        """
        Service.startService(self)
        endpoint = UNIXServerEndpoint(self._reactor, self._path, mode=0o600)
        self.ready = listen(endpoint, self.engine, self._reactor).addCallbacks(
            self._listening, self._not_listening
        )

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        self._log.info(
            "a small Docker Engine in memory listens on {path}: it runs nothing, its containers "
            "are toys, and all is forgotten at the end",
            path=self._path,
        )

    def _not_listening(self, failure: Failure) -> None:
        self._log.failure(
            "the Docker Engine in memory can't listen on {path}", failure, path=self._path
        )

    def stopService(self) -> Deferred[object]:
        """
        No longer listen.
        """
        Service.stopService(self)
        port, self._port = self._port, None
        return maybeDeferred(port.stopListening) if port is not None else succeed(None)
