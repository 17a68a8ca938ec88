"""
One connection to the engine: a protocol that carries one request at a time.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from dss.errors import EngineOdd
from dss.model.message import ResponseHead
from dss.transport.departure import DepartureWatch, departed
from dss.transport.ends import half_close
from dss.wire.http1 import Data, End, Head, ReplyParser, Switched


class ConnectionUser(Protocol):
    """
    Who has a request on a connection, and is told what becomes of it.
    """

    def reply_began(self, head: ResponseHead) -> None:
        """
        The reply's head came.
        """

    def reply_received(self, data: bytes) -> None:
        """
        A piece of the reply's body, or of the raw stream after L{switched}.
        """

    def reply_ended(self, reusable: bool) -> None:
        """
        The reply is complete, and the connection is no longer the user's.

        @param reusable: whether the engine takes another request on it.
        """

    def switched(self, head: ResponseHead) -> None:
        """
        The engine gave up HTTP; from now on the stream is raw.
        """

    def engine_half_closed(self) -> None:
        """
        The engine ended its side of the raw stream, and still reads.
        """

    def connection_lost(self) -> None:
        """
        The connection is gone, before the reply was complete.
        """

    def pause_request(self) -> None:
        """
        The engine reads more slowly than it is written to.
        """

    def resume_request(self) -> None:
        """
        The engine has read what it was written.
        """


@implementer(IHalfCloseableProtocol, IPushProducer)
class EngineConnection(TwistedProtocol):
    """
    A connection to the engine.

    @ivar user: who has a request on it, or L{None} while it is idle.
    @ivar used: whether it carried a request before.
    @ivar idle_since: when it was given back, or let go, in the clock's seconds.
    """

    # A transport of the reactor's: what is asked of it goes beyond ITransport.
    transport: Any

    def __init__(self, departures: DepartureWatch) -> None:
        self.user: ConnectionUser | None = None
        self.used = False
        self.lost = False
        self.idle_since = 0.0
        self._departures = departures
        self._parser: ReplyParser | None = None
        self._is_raw = False
        self._read_ended = False
        self._paused = False
        self._departed = False

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)

    def carry(self, user: ConnectionUser, method: str, may_switch: bool = False) -> None:
        """
        Carry this user's request from now on.

        @param may_switch: whether it asks for a raw stream.
        """
        self.user = user
        self._parser = ReplyParser(method, may_switch)

    def write(self, data: bytes) -> None:
        """
        Write a piece of the request, or of the raw stream.
        """
        self.transport.write(data)

    def write_sequence(self, pieces: tuple[bytes, ...]) -> None:
        """
        Write several pieces.
        """
        self.transport.writeSequence(pieces)

    def release(self) -> None:
        """
        The user is done with a reply that ended well.
        """
        self.user = None
        self._parser = None
        self.used = True

    def half_close(self) -> None:
        """
        End the raw stream towards the engine, once all is written.
        """
        half_close(self.transport)

    def close(self) -> None:
        """
        Close, once all is written.
        """
        self._forget()
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def drop(self) -> None:
        """
        Break the connection off.
        """
        self._forget()
        self.transport.abortConnection()

    def _forget(self) -> None:
        self.user = None
        self._departures.forget(self.transport)

    def pause_reply(self) -> None:
        """
        Read no more of the engine for now.
        """
        if not (self._paused or self._read_ended or self._departed or self.lost):
            self._paused = True
            self.transport.pauseProducing()
            self._departures.watch(self.transport, self._read_out)

    def resume_reply(self) -> None:
        """
        Read of the engine again.
        """
        if self._paused:
            self._paused = False
            if not self._read_ended and not self.lost:
                self._departures.forget(self.transport)
                self.transport.resumeProducing()

    def _read_out(self) -> None:
        """
        The engine left while it wasn't read from: read what it left, which is no more than the
        kernel holds. Its end comes after that.
        """
        self._paused = False
        self._departed = True
        self.transport.resumeProducing()

    # the transport's calls

    def dataReceived(self, data: bytes) -> None:
        user = self.user
        if user is None:
            # Nobody asked for anything: what this is can't be known.
            self.transport.abortConnection()
            return
        if self._is_raw:
            user.reply_received(data)
            return
        assert self._parser is not None
        try:
            events = self._parser.feed(data)
        except EngineOdd:
            self._fail()
            return
        for event in events:
            if type(event) is Data:
                user.reply_received(event.data)
            elif type(event) is Head:
                user.reply_began(event.head)
            elif type(event) is End:
                user.reply_ended(event.reusable)
            elif type(event) is Switched:
                self._is_raw = True
                user.switched(event.head)
            if self.user is not user:
                return

    def readConnectionLost(self) -> None:
        self._read_ended = True
        user = self.user
        if user is None or self._parser is None:
            self.close()
        elif self._is_raw:
            if departed(self.transport):
                self._fail()
            else:
                self._departures.watch(self.transport, self._fail)
                user.engine_half_closed()
        else:
            try:
                ends = self._parser.end()
            except EngineOdd:
                self._fail()
                return
            for _ in ends:
                user.reply_ended(False)

    def writeConnectionLost(self) -> None:
        """
        We ended our side; that was our own doing.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        self._departures.forget(self.transport)
        user, self.user = self.user, None
        if user is not None:
            user.connection_lost()

    def _fail(self) -> None:
        user = self.user
        self.drop()
        if user is not None:
            user.connection_lost()

    def pauseProducing(self) -> None:
        if self.user is not None:
            self.user.pause_request()

    def resumeProducing(self) -> None:
        if self.user is not None:
            self.user.resume_request()

    def stopProducing(self) -> None:
        """
        The transport is going away; L{connectionLost} tells.
        """
