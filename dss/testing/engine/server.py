"""
The memory engine on a socket.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qsl

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorTime,
    IStreamServerEndpoint,
)

from dss.config.settings import Limits
from dss.model.message import HeaderList, RequestHead, ResponseHead
from dss.proxy.client_side import ClientChannel, ClientFactory, Gate
from dss.testing.engine.memory import MemoryEngine
from dss.testing.engine.message import (
    RAW,
    SPOKEN,
    EngineRequest,
    Hijacked,
    Inlet,
    Outlet,
    Streamed,
    Whole,
)
from dss.testing.engine.system import RELEASE

#: Headers that name the engine, on nearly every reply.
NAMED: HeaderList = (
    ("Api-Version", str(SPOKEN)),
    ("Docker-Experimental", "false"),
    ("Ostype", "linux"),
    ("Server", f"Docker/{RELEASE} (linux)"),
)

#: Go gives replies up to this size a length, and chunks longer ones.
COUNTED_BYTES = 2048

#: As long as Go's own, for a day of idle keep-alive, and no limit to speak of else.
_LIMITS = evolve(Limits(), connections=1 << 20, idle_seconds=86400)


class EngineExchange:
    """
    One request to the memory engine.
    """

    def __init__(self, engine: MemoryEngine, channel: ClientChannel, head: RequestHead) -> None:
        self._engine = engine
        self._channel = channel
        self._head = head
        self._body: list[bytes] = []
        self._outlet: Outlet | None = None
        self._inlet: Inlet | None = None
        if head.length != 0:
            channel.accept_body()

    def body_received(self, data: bytes) -> None:
        """
        Keep it: the engine takes requests whole.
        """
        self._body.append(data)

    def body_ended(self) -> None:
        """
        The request is complete: answer it.
        """
        head = self._head
        query: dict[str, tuple[str, ...]] = {}
        for name, value in parse_qsl(head.target.query, keep_blank_values=True):
            query[name] = (*query.get(name, ()), value)
        request = EngineRequest(
            head.method,
            head.target.path,
            head.target.version or SPOKEN,
            query,
            head.headers,
            b"".join(self._body),
        )
        self._body.clear()
        reply = self._engine.handle(request)
        if isinstance(reply, Hijacked):
            self._hijack(reply, request.upgrades)
        elif isinstance(reply, Streamed):
            self._stream(reply)
        else:
            self._answer(reply)

    def _answer(self, reply: Whole) -> None:
        headers = reply.headers if reply.bare else NAMED + reply.headers
        if reply.content_type is not None:
            headers += (("Content-Type", reply.content_type),)
        length = len(reply.body) if len(reply.body) <= COUNTED_BYTES else None
        channel = self._channel
        channel.start_reply(
            ResponseHead(reply.status, HTTPStatus(reply.status).phrase, headers, length)
        )
        channel.write_reply(reply.body)
        channel.end_reply()

    def _stream(self, reply: Streamed) -> None:
        headers = (*NAMED, *reply.headers, ("Content-Type", reply.content_type))
        self._outlet = reply.outlet
        self._channel.start_reply(ResponseHead(200, "OK", headers, None))
        reply.outlet.feed(_ReplySink(self._channel))

    def _hijack(self, reply: Hijacked, upgrades: bool) -> None:
        headers: HeaderList
        if reply.status != 200:
            status, reason = reply.status, HTTPStatus(reply.status).phrase
            headers = (("Content-Type", RAW),)
        elif upgrades:
            status, reason = 101, "UPGRADED"
            headers = (
                ("Content-Type", reply.content_type),
                ("Connection", "Upgrade"),
                ("Upgrade", "tcp"),
            )
        else:
            status, reason = 200, "OK"
            headers = (("Content-Type", RAW),)
        if reply.named:
            headers += NAMED
        self._outlet, self._inlet = reply.outlet, reply.inlet
        # What the client sent before it saw this head is lost, as it is with the
        # engine, which hijacks below the reader that has it buffered.
        self._channel.hand_over(ResponseHead(status, reason, headers))
        reply.outlet.feed(_RawSink(self._channel))

    def relay_received(self, data: bytes) -> None:
        """
        Bytes of a hijacked connection.
        """
        if self._inlet is not None:
            self._inlet.received(data)

    def client_half_closed(self) -> None:
        """
        A hijacked connection's input is at its end. Elsewhere Go takes it for a client
        that left, and ends the reply.
        """
        if self._inlet is not None:
            self._inlet.half_closed()
        elif self._outlet is not None:
            self._outlet.end()

    def client_left(self) -> None:
        """
        The connection is gone.
        """
        if self._inlet is not None:
            self._inlet.half_closed()
        if self._outlet is not None:
            self._outlet.close()

    def pause_reply(self) -> None:
        """
        A client that does not read is not read from either: what it writes may come
        back.
        """
        if self._inlet is not None:
            self._channel.pause_body()

    def resume_reply(self) -> None:
        """
        The client has read.
        """
        if self._inlet is not None:
            self._channel.resume_body()


class _ReplySink:
    """
    A stream that is a reply's body.
    """

    def __init__(self, channel: ClientChannel) -> None:
        self._channel = channel

    def write(self, data: bytes) -> None:
        self._channel.write_reply(data)

    def end(self) -> None:
        self._channel.end_reply()


class _RawSink:
    """
    A stream that is a hijacked connection's output.
    """

    def __init__(self, channel: ClientChannel) -> None:
        self._channel = channel

    def write(self, data: bytes) -> None:
        self._channel.write(data)

    def end(self) -> None:
        self._channel.close()


def server_factory(engine: MemoryEngine, clock: IReactorTime) -> ClientFactory:
    """
    A factory that serves a memory engine on whatever listens.
    """
    return ClientFactory(
        lambda channel, head: EngineExchange(engine, channel, head),
        _LIMITS,
        clock,
        Gate(_LIMITS.connections),
    )


def listen(
    endpoint: IStreamServerEndpoint, engine: MemoryEngine, clock: IReactorTime
) -> Deferred[IListeningPort]:
    """
    Serve a memory engine on an endpoint.

    @return: fires with the port when it listens.
    """
    listening: Deferred[IListeningPort] = endpoint.listen(server_factory(engine, clock))
    return listening
