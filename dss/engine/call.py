"""
One request to the engine, from the search for a connection to the reply's end.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from dss.engine.connection import EngineConnection
from dss.engine.pool import EnginePool
from dss.errors import DssError, EngineAway
from dss.model.message import ResponseHead
from dss.wire.http1 import LAST_CHUNK, write_chunk, write_head

#: Methods whose requests change nothing, so that they may be sent twice
#: (RFC 9110, section 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD"})


class CallUser(Protocol):
    """
    Who sends a request, and is told what becomes of it.
    """

    def request_accepted(self) -> None:
        """
        The head is written: the request's body may be.
        """

    def reply_began(self, head: ResponseHead) -> None:
        """
        The reply's head came.
        """

    def reply_received(self, data: bytes) -> None:
        """
        A piece of the reply's body, or of the raw stream after L{switched}.
        """

    def reply_ended(self) -> None:
        """
        The reply is complete.
        """

    def switched(self, head: ResponseHead) -> None:
        """
        The engine gave up HTTP; from now on the stream is raw.
        """

    def engine_half_closed(self) -> None:
        """
        The engine ended its side of the raw stream, and still reads.
        """

    def engine_left(self) -> None:
        """
        The engine's connection is gone, before the reply was complete.
        """

    def call_failed(self, error: DssError) -> None:
        """
        The request could not be sent.
        """

    def pause_request(self) -> None:
        """
        The engine reads more slowly than it is written to.
        """

    def resume_request(self) -> None:
        """
        The engine has read what it was written.
        """


class EngineCall:
    """
    A request, given in parts, and its reply.
    """

    __slots__ = (
        "_chunked",
        "_connecting",
        "_connection",
        "_head",
        "_may_switch",
        "_method",
        "_pool",
        "_replied",
        "_request_done",
        "_user",
    )

    def __init__(
        self,
        pool: EnginePool,
        user: CallUser,
        method: str,
        target: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes | None = None,
        streams: bool = False,
        length: int | None = None,
        may_switch: bool = False,
    ) -> None:
        """
        @param target: path and query, percent-encoded.
        @param headers: all but those of the framing.
        @param body: the whole body, where it is known.
        @param streams: whether a body follows, by L{write} and L{end_request}.
        @param length: that body's length in bytes, or L{None} to send it chunked.
        @param may_switch: whether it asks for a raw stream.
        """
        self._pool = pool
        self._user = user
        self._method = method
        self._may_switch = may_switch
        self._chunked = streams and length is None
        self._request_done = not streams
        self._replied = False
        self._connection: EngineConnection | None = None
        self._connecting: Deferred[EngineConnection] | None = None
        if streams:
            framing = (
                ("Transfer-Encoding", "chunked")
                if length is None
                else ("Content-Length", str(length))
            )
            headers = (*headers, framing)
        elif body is not None or method not in SAFE_METHODS:
            headers = (*headers, ("Content-Length", str(len(body or b""))))
        self._head = write_head(method, target, headers) + (body or b"")

    def start(self) -> None:
        """
        Send the head, and the body where it is known.
        """
        if self._request_done and self._method in SAFE_METHODS:
            idle = self._pool.take_idle()
            if idle is not None:
                self._send(idle)
                return
        self._connect()

    def _connect(self) -> None:
        self._connecting = self._pool.connect()
        self._connecting.addCallbacks(self._send, self._not_connected)

    def _not_connected(self, failure: Failure) -> None:
        self._connecting = None
        if not failure.check(CancelledError):
            self._user.call_failed(
                EngineAway(f"dss can't reach the Docker Engine: {failure.getErrorMessage()}")
            )

    def _send(self, connection: EngineConnection) -> None:
        self._connecting = None
        self._connection = connection
        connection.carry(self, self._method, self._may_switch)
        connection.write(self._head)
        if not self._request_done:
            self._user.request_accepted()

    # the request

    def write(self, data: bytes) -> None:
        """
        Write a piece of the request's body, or of the raw stream.
        """
        connection = self._connection
        if connection is None:
            # The engine did not wait for it: its reply is complete, and is still at work.
            return
        if not self._chunked or self._request_done:
            connection.write(data)
        elif data:
            connection.write_sequence(write_chunk(data))

    def end_request(self) -> None:
        """
        The request's body is complete.
        """
        self._request_done = True
        if self._chunked and self._connection is not None:
            self._connection.write(LAST_CHUNK)

    def pause_reply(self) -> None:
        """
        Read no more of the reply for now.
        """
        if self._connection is not None:
            self._connection.pause_reply()

    def resume_reply(self) -> None:
        """
        Read of the reply again.
        """
        if self._connection is not None:
            self._connection.resume_reply()

    def half_close(self) -> None:
        """
        End the raw stream towards the engine, once all is written.
        """
        if self._connection is not None:
            self._connection.half_close()

    def close(self) -> None:
        """
        Be done with it, once all is written.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.let_go(connection)
        else:
            self.drop()

    def drop(self) -> None:
        """
        Be done with it at once.
        """
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()

    # the connection's calls

    def reply_began(self, head: ResponseHead) -> None:
        self._replied = True
        self._user.reply_began(head)

    def reply_received(self, data: bytes) -> None:
        self._user.reply_received(data)

    def reply_ended(self, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if reusable and self._request_done:
                self._pool.give_back(connection)
            elif self._request_done:
                connection.close()
            else:
                connection.drop()
        self._user.reply_ended()

    def switched(self, head: ResponseHead) -> None:
        self._request_done = self._replied = True
        self._user.switched(head)

    def engine_half_closed(self) -> None:
        self._user.engine_half_closed()

    def connection_lost(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.used and not self._replied:
            # The engine closed an idle connection while the request was on its way.
            self._connect()
            return
        self._user.engine_left()

    def pause_request(self) -> None:
        self._user.pause_request()

    def resume_request(self) -> None:
        self._user.resume_request()
