"""
A guard with both of its sides in memory: clients and an engine that do what a test
tells them, byte by byte, on a clock that only the test moves.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from dss.config.settings import Limits, OwnerSettings
from dss.hooks.chain import HookChain
from dss.hooks.interfaces import IPolicyHook
from dss.model.owner import Owner
from dss.proxy.guard import Guard


class Wire(StringTransport):
    """
    A transport in memory, whose other end is the test.

    @ivar half_closed: whether our side ended.
    @ivar closed: whether the connection was closed, or broken off.
    @ivar aborted: whether it was broken off.
    @ivar unread: whether the other end reads nothing, so that what is written stays with us.
    @ivar keeps: whether it does not even let us close.
    @ivar ending: whether the connection is to be closed once the other end lets us.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.protocol: Any = None
        self.half_closed = False
        self.closed = False
        self.aborted = False
        self.unread = self.keeps = self.ending = False
        self._handle: socket.socket | None = None
        self._clock = clock
        self._told = False

    def join(self, protocol: IProtocol) -> None:
        """
        Connect a protocol to this end.
        """
        self.protocol = protocol
        protocol.makeConnection(self)

    # what the protocol asks for

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        if not (self.closed or self.half_closed):
            super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def unregisterProducer(self) -> None:
        self.producer = None

    def loseWriteConnection(self) -> None:
        self.half_closed = True
        if not self.unread:
            self._clock.callLater(0, self._half_closed)

    def _half_closed(self) -> None:
        if not self.closed:
            self.protocol.writeConnectionLost()

    def getHandle(self) -> socket.socket | None:
        """
        The socket that tells whether the other end is there.
        """
        return self._handle

    def loseConnection(self) -> None:
        self.ending = True
        if self.keeps:
            return
        self.closed = True
        super().loseConnection()
        self._lose(ConnectionDone())

    def abortConnection(self) -> None:
        self.closed = self.aborted = True
        self._lose(ConnectionLost())

    def resumeProducing(self) -> None:
        if self.producerState != "stopped":
            self.producerState = "producing"

    def _lose(self, reason: Exception) -> None:
        if not self._told:
            self._told = True
            self._clock.callLater(0, self.protocol.connectionLost, Failure(reason))

    # what the other end does

    def send(self, data: bytes, size: int | None = None) -> None:
        """
        Send bytes to the protocol, in pieces of a size where one is given. They are lost
        where the connection is.
        """
        step = size or max(1, len(data))
        for start in range(0, len(data), step):
            if not self.closed:
                assert self.producerState == "producing", "nobody reads"
                self.protocol.dataReceived(data[start : start + step])

    def half_close(self) -> None:
        """
        End the other end's side.
        """
        assert self.producerState == "producing", "nobody reads"
        assert IHalfCloseableProtocol.providedBy(self.protocol)
        self.protocol.readConnectionLost()

    def read(self) -> None:
        """
        The other end reads all that was written to it.
        """
        self.unread = False
        if self.half_closed:
            self._half_closed()

    def depart(self) -> None:
        """
        The other end closes its socket. Nobody here sees that who does not look.
        """
        self._handle = socket.socket(socket.AF_UNIX)
        self._handle.close()

    def leave(self) -> None:
        """
        The other end's connection is gone.
        """
        self.closed = True
        if not self._told:
            self._told = True
            self.protocol.connectionLost(Failure(ConnectionLost()))

    def take(self) -> bytes:
        """
        What the protocol wrote since the last time.
        """
        data = self.value()
        self.clear()
        return bytes(data)

    @property
    def reads(self) -> bool:
        """
        Whether the protocol wants to read.
        """
        return bool(self.producerState == "producing")


@implementer(IStreamClientEndpoint)
class Engine:
    """
    An engine that the test plays.

    @ivar wires: its connections, in the order in which they were made.
    @ivar away: while set, nobody can connect.
    @ivar silent: while set, connecting takes for ever.
    """

    def __init__(self, clock: Clock) -> None:
        self.wires: list[Wire] = []
        self.away = False
        self.silent = False
        self.cancelled = 0
        self._clock = clock

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        if self.away:
            return fail(ConnectionRefusedError("Connection refused"))
        if self.silent:
            return Deferred(self._cancelled)
        wire = Wire(self._clock)
        protocol = factory.buildProtocol(None)  # type: ignore[arg-type]
        assert protocol is not None
        self.wires.append(wire)
        wire.join(protocol)
        return succeed(protocol)

    def _cancelled(self, connecting: Deferred[Any]) -> None:
        self.cancelled += 1

    def last(self) -> Wire:
        """
        The newest connection.
        """
        return self.wires[-1]


VERSION = {"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24"}


def counted(body: bytes, status: str = "200 OK", headers: bytes = b"") -> bytes:
    """
    A reply with a length.
    """
    return (
        b"HTTP/1.1 "
        + status.encode()
        + b"\r\nContent-Length: %d\r\n" % len(body)
        + headers
        + b"\r\n"
        + body
    )


def as_json(value: object, status: str = "200 OK") -> bytes:
    """
    A JSON reply.
    """
    return counted(json.dumps(value).encode(), status, b"Content-Type: application/json\r\n")


class World:
    """
    A guard of one owner, and the engine behind it.
    """

    def __init__(
        self,
        known: bool = True,
        hooks: Iterable[IPolicyHook] = (),
        ledger: Any = None,
        **limits: int,
    ) -> None:
        """
        @param known: whether the guard has asked which engine it is.
        @param ledger: in place of a file's.
        """
        self.clock = Clock()
        self.engine = Engine(self.clock)
        self.limits = Limits(**limits)
        self.guard = Guard(
            OwnerSettings(Owner("ci"), (), self.limits),
            self.engine,
            HookChain(hooks, self.clock, self.limits.hook_seconds),
            self.clock,
            ledger,
        )
        self.factory = self.guard.listener()
        self.factory.startFactory()
        if known:
            self.know()

    def know(self) -> None:
        """
        Let the guard learn which engine it is, and forget how.
        """
        self.guard.identity.forget()
        self.guard.identity.get()
        self.identify()
        self.engine.wires.clear()

    def identify(self) -> None:
        """
        Answer the guard's question for the engine's identity.
        """
        wire = self.engine.last()
        assert wire.take().startswith(b"GET /version ")
        wire.send(as_json(VERSION))

    def client(self) -> Wire:
        """
        A new client.
        """
        wire = Wire(self.clock)
        channel = self.factory.buildProtocol(None)
        wire.join(channel)
        return wire

    def settle(self) -> None:
        """
        Let what was closed be gone.
        """
        self.clock.advance(0)


@contextmanager
def unexpected() -> Iterator[list[LogEvent]]:
    """
    Collects what is logged as a failure meanwhile.
    """
    failures: list[LogEvent] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            failures.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        yield failures
    finally:
        globalLogPublisher.removeObserver(observe)
