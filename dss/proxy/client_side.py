"""
The client's side of an exchange: twisted.web's channel, changed in three things.

L{twisted.web.http.HTTPChannel} reads requests well, but it waits for the whole body
before it shows a request to anyone, takes a client's half-close for a lost
connection, and knows no way out of HTTP. L{ClientChannel} starts the exchange when the
head is complete and streams the body after it, lets a client that has sent all it
wants still read its reply, and hands its transport over, with the bytes that came
early, when the engine has upgraded the connection. Beside that it is stricter: where
the channel reads a request that someone else could read in another way, L{ClientChannel}
answers 400 and closes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.iweb import INonQueuedRequestFactory
from zope.interface import implementer, provider

from dss.config.settings import Limits
from dss.errors import (
    AmbiguousRequest,
    DssError,
    HeadTooLarge,
    HeadTooSlow,
    TooMany,
)
from dss.model.message import HeaderList, RequestHead, ResponseHead, Target
from dss.proxy.heads import KnownHeads, ReadHead
from dss.proxy.peer import Peer
from dss.transport.departure import DepartureWatch, departed
from dss.transport.ends import half_close
from dss.wire.http1 import LAST_CHUNK, write_chunk

#: How long a connection that must close may go on sending what nobody reads, so
#: that its client, which may still be writing, gets to see the answer. It begins when all that
#: was written has left dss: a client may take its time to read.
LINGER_SECONDS = 5.0

#: How many connections above the limit are told so at once. More are cut without a word.
TOLD_SURPLUS = 16

#: How much of later requests is read while one is being answered.
PIPELINED_BYTES = 64 * 1024

#: In how many pieces it is kept at most: pieces of a byte each cost more than bytes.
_PIPELINED_PIECES = 64

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_LENGTH = re.compile(rb"[0-9]{1,18}")


# Why a client's connection isn't read from, as bits.
_BODY = 1
_PIPELINE = 2
_ALL = _BODY | _PIPELINE


class ClientExchange(Protocol):
    """
    What a channel tells of the one request that it has in hand.
    """

    def body_received(self, data: bytes) -> None:
        """
        A piece of the request's body, after L{ClientChannel.accept_body}.
        """

    def body_ended(self) -> None:
        """
        The request's body is complete, after L{ClientChannel.accept_body}.
        """

    def relay_received(self, data: bytes) -> None:
        """
        A piece of the raw stream, after L{ClientChannel.hand_over}.
        """

    def client_half_closed(self) -> None:
        """
        The client will send nothing more, but still reads.
        """

    def client_left(self) -> None:
        """
        The client's connection is gone, or can't end well.
        """

    def pause_reply(self) -> None:
        """
        The client reads more slowly than it is written to.
        """

    def resume_reply(self) -> None:
        """
        The client has read what it was written.
        """


class _Request:
    """
    What twisted.web's channel needs of a request while it reads one.
    """

    __slots__ = ("_channel", "headers")

    def __init__(self, channel: ClientChannel) -> None:
        self._channel = channel
        self.headers: dict[str, list[str]] = {}

    def handleContentChunk(self, data: bytes) -> None:
        self._channel.body_arrived(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self._channel.body_complete()

    def connectionLost(self, reason: Failure) -> None:
        """
        The channel tells the exchange by itself.
        """


def _head_bytes(head: ResponseHead, headers: Iterable[tuple[str, str]]) -> bytes:
    """
    A reply's head as bytes. Its parts came through a parser, or are dss's own.
    """
    lines = [f"HTTP/1.1 {head.status} {head.reason}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


#: Reason phrases for dss's own answers, as Go's C{net/http} has them.
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@provider(INonQueuedRequestFactory)
def _make_request(channel: ClientChannel) -> _Request:
    return _Request(channel)


class Gate:
    """
    Counts the connections of one owner, over all of its listeners.

    @ivar limit: how many there may be at once.
    @ivar count: how many there are.
    @ivar surplus: how many above the limit are being told so.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self.surplus = 0


@implementer(IHalfCloseableProtocol)
class ClientChannel(HTTPChannel):
    """
    One connection of a client.

    @ivar head_bytes: how many bytes of requests' heads came so far.
    @ivar read_ended: whether the client has ended its side.
    @ivar peer: who the client is.
    @ivar idle_since: when the last exchange ended, in the clock's seconds; L{None}
        during one.
    """

    # A transport of the reactor's: what is asked of it goes beyond ITransport.
    transport: Any

    # twisted.web lets any callable make its requests; its annotation doesn't.
    requestFactory = staticmethod(_make_request)  # type: ignore[assignment]
    timeOut = None
    maxHeaders = 500

    def __init__(self, factory: ClientFactory) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        limits = factory.limits
        self.totalHeadersSize = self.MAX_LENGTH = limits.head_bytes
        self.read_ended = False
        self.idle_since: float | None = None
        self._factory = factory
        self._holds = 0
        self._client_slow = False
        self._in_head = True
        # Whether nothing came since the connection, or the last request, and the bytes
        # that came then.
        self._rests = True
        self._first = b""
        self._head_deadline: IDelayedCall | None = None
        self._lingers = False
        self._linger_deadline: IDelayedCall | None = None
        self._relaying = False
        self._counted = False
        self._in_surplus = False
        self._departed = False
        self._lost = False
        self._reset_exchange()

    def _reset_exchange(self) -> None:
        self._exchange: ClientExchange | None = None
        self._head: RequestHead | None = None
        self._accepted = False
        self._expects_continue = False
        self._early_body: list[bytes] = []
        self._body_done = False
        self._reply_done = False
        self._reply_begun = False
        self._chunked = False
        self._left: int | None = None

    # the connection

    def connectionMade(self) -> None:
        """
        A client connected: count it, or turn it away.
        """
        self.peer = Peer(self.transport)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self.idle_since = self._factory.clock.seconds()
        gate = self._factory.gate
        if gate.count >= gate.limit:
            if gate.surplus >= TOLD_SURPLUS:
                self.transport.abortConnection()
                return
            gate.surplus += 1
            self._in_surplus = True
            self._refuse(TooMany(f"this socket serves {gate.limit} connections at once"))
            return
        gate.count += 1
        self._counted = True
        self._factory.channels.add(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Bytes of a request, of its body, of the next request, or of a raw stream.
        """
        if self._relaying:
            assert self._exchange is not None
            self._exchange.relay_received(data)
        elif not self._lingers:
            if self._rests and not self._buffer:
                known = self._factory.heads.get(data)
                if known is not None:
                    self._begin_known(known)
                    return
                self._first = data
            # Past HTTPChannel's own: its time-out restarts with every byte, ours
            # is for the whole head.
            super(HTTPChannel, self).dataReceived(data)  # type: ignore[no-untyped-call]
            self._first = b""
            self._watch_head()

    def _begin_known(self, known: ReadHead) -> None:
        """
        A whole head without a body came, which was read before: do what reading it
        again would do.
        """
        self._rests = self._in_head = False
        self.idle_since = None
        self._reply_version = known.version
        self.persistent = known.persistent
        self._head = known.head
        self._handlingRequest = True
        self.setRawMode()  # type: ignore[no-untyped-call]
        self._exchange = self._factory.begin(self, known.head)
        self.body_complete()

    def _watch_head(self) -> None:
        """
        A head that has begun must end in time.
        """
        begun = self._in_head and (self.requests or self._buffer)
        if begun and self._head_deadline is None and not self._lingers:
            self.idle_since = None
            self._head_deadline = self._factory.clock.callLater(
                self._factory.limits.head_seconds,
                self._refuse_late_head,
            )

    def _refuse_late_head(self) -> None:
        self._head_deadline = None
        self._refuse(HeadTooSlow("the request's head did not arrive in time"))

    def _cancel_head_deadline(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def readConnectionLost(self) -> None:
        """
        The client ended its side of the connection, or closed it: see
        L{dss.transport.departure}.
        """
        self.read_ended = True
        if self._lingers or self._exchange is None:
            self._lose()
        elif departed(self.transport) or not (self._relaying or self._body_done):
            self.leave()
        else:
            self._factory.departures.watch(self.transport, self.leave)
            self._exchange.client_half_closed()

    def writeConnectionLost(self) -> None:
        """
        We ended our side, and all that was written has left.
        """
        if self._lingers:
            self._cut_after(LINGER_SECONDS)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone.
        """
        self._lost = True
        self._factory.departures.forget(self.transport)
        self._cancel_head_deadline()
        if self._linger_deadline is not None and self._linger_deadline.active():
            self._linger_deadline.cancel()
        if self._counted:
            self._counted = False
            self._factory.gate.count -= 1
        if self._in_surplus:
            self._in_surplus = False
            self._factory.gate.surplus -= 1
        self._factory.channels.discard(self)
        exchange = self._exchange
        self._exchange = None
        if exchange is not None and not self._reply_done:
            exchange.client_left()

    def _lose(self) -> None:
        """
        Close, once all is written: the transport waits for a producer that it paused,
        and there is no producer any more.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def leave(self) -> None:
        """
        The client is gone, though the transport doesn't know.
        """
        self.transport.abortConnection()

    # reading a request

    def lineReceived(self, line: bytes) -> None:
        """
        A line of a head.
        """
        if self._lingers:
            return
        self._rests = False
        if line[:1] in (b" ", b"\t"):
            # RFC 9112, section 5.2: no longer a way to write a header.
            self._refuse(AmbiguousRequest("a header is folded over two lines"))
            return
        super().lineReceived(line)  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        A head's line is too long.
        """
        self._refuse(HeadTooLarge(f"the request's head is over {self.totalHeadersSize} bytes"))

    def headerReceived(self, line: bytes) -> bool:
        """
        A whole header line: read strictly, and keep it.
        """
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            self._refuse(AmbiguousRequest("a header line is malformed"))
            return False
        lowered = name.lower().decode("ascii")
        if lowered == "content-length":
            if not _LENGTH.fullmatch(value):
                self._refuse(AmbiguousRequest("Content-Length is no number of bytes"))
                return False
            if not self._maybeChooseTransferDecoder(b"Content-Length", value):  # type: ignore[no-untyped-call]
                return False
        elif lowered == "transfer-encoding":
            if value.lower() != b"chunked" or self._version != b"HTTP/1.1":
                self._refuse(AmbiguousRequest("the only transfer coding is chunked, in HTTP/1.1"))
                return False
            if not self._maybeChooseTransferDecoder(b"Transfer-Encoding", value):  # type: ignore[no-untyped-call]
                return False
        headers = self.requests[-1].headers
        headers.setdefault(lowered, []).append(value.decode("latin-1"))
        self._receivedHeaderCount += 1
        if self._receivedHeaderCount > self.maxHeaders:
            self._refuse(HeadTooLarge(f"the request has over {self.maxHeaders} headers"))
            return False
        return True

    def allHeadersReceived(self) -> None:
        """
        The head is complete: the exchange starts now, before the body.
        """
        if self._lingers:
            return
        self._in_head = False
        self._cancel_head_deadline()
        self.idle_since = None
        headers = {name: tuple(values) for name, values in self.requests[-1].headers.items()}
        try:
            head = self._judge_head(headers)
        except DssError as error:
            self._refuse(error)
            return
        self._head = head
        first, self._first = self._first, b""
        if head.length != 0:
            self._hold(_BODY)
        elif first and not self._buffer and not self._expects_continue:
            # The bytes that came were this head and no more.
            read = ReadHead(head, self._reply_version, bool(self.persistent))
            self._factory.heads.keep(first, read)
        self._exchange = self._factory.begin(self, head)

    def _judge_head(self, headers: dict[str, tuple[str, ...]]) -> RequestHead:
        version = self._reply_version = self._version
        if len(headers.get("host", ())) != 1 and (version == b"HTTP/1.1" or "host" in headers):
            raise AmbiguousRequest("a request has exactly one Host header")
        expected = headers.get("expect")
        self._expects_continue = False
        if expected is not None and version == b"HTTP/1.1":
            if [value.lower() for value in expected] != ["100-continue"]:
                raise AmbiguousRequest("the only expectation is 100-continue")
            self._expects_continue = True
        head = RequestHead(
            self._command.decode("ascii"), Target.parse(self._path), headers, self.length
        )
        self.persistent = version == b"HTTP/1.1" and not head.lists("connection", "close")
        return head

    def body_arrived(self, data: bytes) -> None:
        """
        A piece of the body, decoded.
        """
        if self._accepted:
            if self._exchange is not None and not self._reply_done:
                self._exchange.body_received(data)
        elif not self._lingers:
            self._early_body.append(data)

    def body_complete(self) -> None:
        """
        The body is complete.
        """
        self._body_done = True
        if self._head is None or self._head.length == 0:
            self._accepted = True
        if self._accepted and self._exchange is not None and not self._reply_done:
            self._exchange.body_ended()
        self._next_request()

    def rawDataReceived(self, data: bytes) -> None:
        """
        Bytes of a body, or of the next request.
        """
        if self._lingers:
            return
        if self._handlingRequest:
            self._dataBuffer.append(data)
            if len(self._dataBuffer) > _PIPELINED_PIECES:
                self._dataBuffer = [b"".join(self._dataBuffer)]
            if sum(map(len, self._dataBuffer)) > PIPELINED_BYTES:
                self._hold(_PIPELINE)
            return
        super().rawDataReceived(data)

    # what an exchange asks for

    def accept_body(self) -> None:
        """
        Let the body come: from now on L{ClientExchange.body_received} is called.
        """
        if self._accepted:
            return
        self._accepted = True
        if self._expects_continue and not self._early_body and not self._body_done:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        early, self._early_body = self._early_body, []
        self._release(_BODY)
        for data in early:
            if self._exchange is not None:
                self._exchange.body_received(data)
        if self._body_done and self._exchange is not None:
            self._exchange.body_ended()

    def pause_body(self) -> None:
        """
        Read no more of the client for now.
        """
        self._hold(_BODY)

    def resume_body(self) -> None:
        """
        Read of the client again.
        """
        self._release(_BODY)

    def start_reply(self, head: ResponseHead) -> None:
        """
        Begin the reply.

        @param head: its L{length <ResponseHead.length>} decides the framing: bytes
            counted where it is known, chunked or until the connection's end where
            it isn't.
        """
        assert self._head is not None
        self._reply_begun = True
        self._chunked = False
        self._left = None
        headers = list(head.headers)
        if self._head.method == "HEAD" or head.status in (204, 304):
            self._left = 0
            if head.length is not None and head.status not in (204, 304):
                headers.append(("Content-Length", str(head.length)))
        elif head.length is not None:
            self._left = head.length
            headers.append(("Content-Length", str(head.length)))
        elif self._reply_version == b"HTTP/1.1":
            self._chunked = True
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            self.persistent = False
        if not self.persistent:
            headers.append(("Connection", "close"))
        self.transport.write(_head_bytes(head, headers))

    def write_reply(self, data: bytes) -> None:
        """
        Write a piece of the reply's body.
        """
        if not data:
            return
        if self._chunked:
            self.transport.writeSequence(write_chunk(data))
            return
        if self._left is not None:
            if len(data) > self._left:
                self.abort()
                return
            self._left -= len(data)
        self.transport.write(data)

    def end_reply(self) -> None:
        """
        The reply is complete. One whose promised length was not written is aborted
        instead.
        """
        if self._chunked:
            self.transport.write(LAST_CHUNK)
        elif self._left:
            self.abort()
            return
        self._reply_done = True
        if self._body_done:
            self._next_request()
        elif self._head is None or self._head.length != 0:
            # The client is still sending what nobody will read. (A request without a
            # body is complete in a moment: body_complete goes on.)
            self._linger()

    def answer(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: HeaderList = (),
    ) -> None:
        """
        Give a whole reply at once.

        @param headers: more of them.
        """
        if not self._body_done and self._head is not None and self._head.length != 0:
            self.persistent = False
        headers = (("Content-Type", content_type), *headers)
        self.start_reply(ResponseHead(status, _REASONS[status], headers, len(body)))
        if self._head is not None and self._head.method == "HEAD":
            body = b""
        self.write_reply(body)
        self.end_reply()

    def answer_error(self, error: DssError, headers: HeaderList = ()) -> None:
        """
        Give an error as the whole reply.

        @param headers: more of them.
        """
        if error.closes:
            self.persistent = False
        self.answer(error.status, error.body(), headers=headers)

    def hand_over(self, head: ResponseHead) -> bytes:
        """
        Leave HTTP: write this head, and from now on pass all bytes as they are.

        @param head: as the client expects it: C{101} with the C{Upgrade} headers, or
            the older bare C{200}.
        @return: the bytes that the client sent before it saw the head.
        """
        assert self._head is not None
        self._relaying = True
        self._reply_begun = True
        self.transport.write(_head_bytes(head, head.headers))
        early = b"".join([*self._dataBuffer, self.clearLineBuffer()])  # type: ignore[no-untyped-call]
        self._dataBuffer = []
        self._release(_PIPELINE)
        return early

    def write(self, data: bytes) -> None:
        """
        Write to the client's raw stream.
        """
        self.transport.write(data)

    def half_close(self) -> None:
        """
        End the raw stream towards the client, once all is written.
        """
        half_close(self.transport)

    def close(self) -> None:
        """
        Close the connection, once all is written.
        """
        self._reply_done = True
        self._lose()

    def abort(self) -> None:
        """
        Break the connection off: nothing that was written looks complete. (But for a reply
        without a length to HTTP/1.0 on a UNIX socket, which has no way to say so: there it looks as
        it would without dss. That is why dss itself never cuts one short.)
        """
        self._reply_done = True
        self.transport.abortConnection()

    # between two requests

    def _next_request(self) -> None:
        """
        When both the request and the reply are complete: on to the next request, or
        to the end. A client that does not read its replies waits with its next request,
        for each of them may have a long reply.
        """
        if not (self._body_done and self._reply_done) or self._lingers:
            return
        if self._client_slow and self.persistent:
            return
        del self.requests[:]
        self._reset_exchange()
        if not self.persistent:
            self._linger()
            return
        self._handlingRequest = False
        self._in_head = self._rests = True
        self.idle_since = self._factory.clock.seconds()
        data = b"".join(self._dataBuffer)
        self._dataBuffer = []
        self._release(_PIPELINE | _BODY)
        self.setLineMode(data)  # type: ignore[no-untyped-call]
        if self.read_ended and self._exchange is None and not self._lost:
            self._lose()

    def close_idle(self, before: float) -> None:
        """
        Close a connection on which nothing happened for long.

        @param before: the time, in the clock's seconds, of a last exchange that was
            long ago.
        """
        if self.idle_since is not None and self.idle_since < before:
            self._lose()

    # ending

    def _refuse(self, error: DssError) -> None:
        """
        Answer a request that can't be read, and close.
        """
        if self._lingers:
            return
        self._cancel_head_deadline()
        body = error.body()
        head = ResponseHead(
            error.status,
            _REASONS[error.status],
            (
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ),
        )
        self.persistent = False
        self.transport.writeSequence((_head_bytes(head, head.headers), body))
        self._linger()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """
        twisted.web found the request malformed, or a chunk of its body.
        """
        if self._exchange is not None:
            self._leave_body()
        elif self._receivedHeaderSize > self.totalHeadersSize:
            self.lineLengthExceeded(b"")
        else:
            self._refuse(AmbiguousRequest("the request is malformed"))

    def _leave_body(self) -> None:
        """
        A body whose framing is broken can never be complete.
        """
        exchange = self._exchange
        begun = self._reply_begun
        self._exchange = None
        if exchange is not None and not self._reply_done:
            exchange.client_left()
        if begun:
            self.transport.abortConnection()
        else:
            self._refuse(AmbiguousRequest("the request's body is not chunked as it should be"))

    def _linger(self) -> None:
        """
        End our side, and read what still comes for a while: closing with bytes unread
        would reset the connection, and the client might never see the answer.
        """
        if self._lingers or self._lost:
            return
        self._lingers = True
        self.idle_since = None
        self._release(_ALL)
        self._dataBuffer = []
        self.clearLineBuffer()  # type: ignore[no-untyped-call]
        if self.read_ended:
            self._lose()
        elif not half_close(self.transport):
            # It does not tell when all has left, so it gets the time of an idle one.
            self._cut_after(self._factory.limits.idle_seconds)

    def _cut_after(self, seconds: float) -> None:
        if self._linger_deadline is None and not self._lost:
            self._linger_deadline = self._factory.clock.callLater(
                seconds, self.transport.abortConnection
            )

    # flow control

    def pauseProducing(self) -> None:
        """
        The transport's buffer is full: the client is slow to read.
        """
        self._client_slow = True
        if self._exchange is not None:
            self._exchange.pause_reply()

    def resumeProducing(self) -> None:
        """
        The transport's buffer is empty again.
        """
        self._client_slow = False
        if self._exchange is not None:
            self._exchange.resume_reply()
        self._next_request()

    def stopProducing(self) -> None:
        """
        The transport is going away; L{connectionLost} tells.
        """

    def _hold(self, why: int) -> None:
        if not (self._holds or self.read_ended or self._departed or self._lost):
            self.transport.pauseProducing()
            self._factory.departures.watch(self.transport, self._read_out)
        self._holds |= why

    def _release(self, why: int) -> None:
        if self._holds:
            self._holds &= ~why
            if not self._holds and not self.read_ended and not self._lost:
                if not self._departed:
                    self._factory.departures.forget(self.transport)
                self.transport.resumeProducing()

    def _read_out(self) -> None:
        """
        The client left while it wasn't read from: read what it left, which is no more than the
        kernel holds. Its end comes after that.
        """
        self._departed = True
        self.transport.resumeProducing()


class ClientFactory(ServerFactory):
    """
    Makes the channels of one listener.

    @ivar channels: those that are open.
    """

    noisy = False

    def __init__(
        self,
        begin: Callable[[ClientChannel, RequestHead], ClientExchange],
        limits: Limits,
        clock: IReactorTime,
        gate: Gate,
    ) -> None:
        """
        @param begin: starts an exchange, given its channel and the request's head. It
            may answer before it returns.
        @param gate: counts the connections; shared by all listeners of an owner.
        """
        self.begin = begin
        self.limits = limits
        self.clock = clock
        self.gate = gate
        self.channels: set[ClientChannel] = set()
        self.heads = KnownHeads()
        self.departures = DepartureWatch(clock)
        self._idle_loop = LoopingCall(self._close_idle)
        self._idle_loop.clock = clock

    def startFactory(self) -> None:
        """
        Look for idle connections from now on.
        """
        self._idle_loop.start(max(1.0, self.limits.idle_seconds / 10), now=False)

    def stopFactory(self) -> None:
        """
        The listener is gone, and so are its clients.
        """
        if self._idle_loop.running:
            self._idle_loop.stop()
        for channel in list(self.channels):
            channel.leave()

    def buildProtocol(self, addr: IAddress | None) -> ClientChannel:
        """
        A client connects.
        """
        channel = ClientChannel(self)
        channel.factory = self
        return channel

    def _close_idle(self) -> None:
        before = self.clock.seconds() - self.limits.idle_seconds
        for channel in list(self.channels):
            channel.close_idle(before)
