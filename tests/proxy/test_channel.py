"""
The client's side, with an exchange that the test plays.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from zope.interface import directlyProvides

from dss.config.settings import Limits
from dss.errors import Denied, NotFound, Problem
from dss.model.message import RequestHead, ResponseHead
from dss.proxy.client_side import (
    LINGER_SECONDS,
    PIPELINED_BYTES,
    TOLD_SURPLUS,
    ClientChannel,
    ClientFactory,
    Gate,
)
from tests.proxy.memory import Wire, unexpected

HOST = b"Host: docker\r\n"
PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
ATTACH = (
    b"POST /containers/a/attach HTTP/1.1\r\nHost: docker\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


class Exchange:
    """
    Remembers what the channel tells.
    """

    def __init__(self, channel: ClientChannel, head: RequestHead) -> None:
        self.channel = channel
        self.head = head
        self.body = b""
        self.events: list[str] = []
        self.raw = b""

    def body_received(self, data: bytes) -> None:
        self.body += data

    def body_ended(self) -> None:
        self.events.append("body_ended")

    def relay_received(self, data: bytes) -> None:
        self.raw += data

    def client_half_closed(self) -> None:
        self.events.append("client_half_closed")

    def client_left(self) -> None:
        self.events.append("client_left")

    def pause_reply(self) -> None:
        self.events.append("pause_reply")

    def resume_reply(self) -> None:
        self.events.append("resume_reply")

    def answer(self, body: bytes = b"OK") -> None:
        """
        Answer the request.
        """
        self.channel.answer(200, body, "text/plain")


class Side:
    """
    A channel's factory, and the exchanges that it began.
    """

    def __init__(self, at_once: bool = False, **limits: int) -> None:
        """
        @param at_once: whether exchanges answer as soon as they begin.
        """
        self.clock = Clock()
        self.limits = Limits(**limits)
        self.gate = Gate(self.limits.connections)
        self.exchanges: list[Exchange] = []
        self.at_once = at_once
        self.factory = ClientFactory(self._begin, self.limits, self.clock, self.gate)
        self.factory.startFactory()

    def _begin(self, channel: ClientChannel, head: RequestHead) -> Exchange:
        exchange = Exchange(channel, head)
        self.exchanges.append(exchange)
        if self.at_once:
            exchange.answer()
        return exchange

    def connect(self) -> Wire:
        """
        A new client.
        """
        wire = Wire(self.clock)
        wire.join(self.factory.buildProtocol(None))
        return wire


def message(reply: bytes) -> str:
    """
    The message of an error reply, which must be in the engine's shape.
    """
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/json" in head
    assert f"\r\nContent-Length: {len(body)}".encode() in head
    value = json.loads(body)
    assert list(value) == ["message"]
    assert isinstance(value["message"], str)
    return value["message"]


def status(reply: bytes) -> int:
    """
    The status of a reply.
    """
    return int(reply.split(b" ", 2)[1])


# keep-alive and pipelining


def test_one_after_another() -> None:
    """
    A connection carries one request after another.
    """
    side = Side()
    client = side.connect()
    for number in range(3):
        client.send(PING)
        side.exchanges[number].answer(b"%d" % number)
        assert client.take() == (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n%d" % number
        )
    assert not client.closed


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
def test_a_thousand_at_once(at_once: bool) -> None:
    """
    Pipelined requests are answered in order, one at a time, without recursion.
    """
    side = Side(at_once)
    client = side.connect()
    stream = b"".join(
        b"GET /%d HTTP/1.1\r\nHost: docker\r\n\r\n" % number for number in range(1000)
    )
    client.send(stream)
    for number in range(1000):
        exchange = side.exchanges[number]
        assert exchange.head.target.path == f"/{number}"
        if not at_once:
            assert len(side.exchanges) == number + 1
            exchange.answer()
    assert client.take().count(b"HTTP/1.1 200 OK\r\n") == 1000
    assert client.reads


def test_pipelined_requests_wait_in_the_socket() -> None:
    """
    While one request is answered, only so much of later ones is read, in however small
    pieces it comes.
    """
    side = Side()
    client = side.connect()
    client.send(PING)
    sent = 0
    while client.reads:
        client.send(b"GET")
        sent += 3
    assert sent <= PIPELINED_BYTES + 3
    channel: Any = client.protocol
    assert len(channel._dataBuffer) < 100
    side.exchanges[0].answer()
    assert client.reads


def test_a_client_that_does_not_read_its_replies() -> None:
    """
    Its next request is not begun before it did: else each would add its reply to what
    dss holds.
    """
    side = Side()
    client = side.connect()
    client.send(PING * 50)
    client.protocol.pauseProducing()
    side.exchanges[0].answer()
    assert len(side.exchanges) == 1
    client.protocol.resumeProducing()
    assert len(side.exchanges) == 2
    side.exchanges[1].answer()
    assert len(side.exchanges) == 3


def test_a_client_that_does_not_read_answers_given_at_once() -> None:
    """
    The same where nobody waits for the engine.
    """
    side = Side(at_once=True)
    client = side.connect()
    write = client.write

    def full(data: bytes) -> None:
        write(data)
        client.protocol.pauseProducing()

    client.write = full  # type: ignore[method-assign]
    client.send(PING * 50)
    assert len(side.exchanges) == 1
    client.protocol.resumeProducing()
    assert len(side.exchanges) == 2


# heads


def test_the_exchange_starts_with_the_head() -> None:
    """
    Not with the body.
    """
    side = Side()
    client = side.connect()
    client.send(b"POST /v1.41/a%20b?x=1 HTTP/1.1\r\nHost: d\r\nX-A: 1\r\nx-a: 2\r\n")
    client.send(b"Content-Length: 5\r\n\r\n")
    (exchange,) = side.exchanges
    assert exchange.head.method == "POST"
    assert exchange.head.target.path == "/a b"
    assert exchange.head.target.query == "x=1"
    assert exchange.head.headers["x-a"] == ("1", "2")
    assert exchange.head.length == 5


@given(
    places=st.lists(st.integers(0, 400), max_size=12),
)
def test_any_cut_of_the_stream(places: list[int]) -> None:
    """
    However requests are cut, they are the same.
    """
    stream = (
        b"POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
        b"PUT /b HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\n\r\nwxyz" + PING
    )
    side = Side()
    client = side.connect()
    edges = [0, *sorted({place % len(stream) for place in places}), len(stream)]
    done = 0
    for start, end in itertools.pairwise(edges):
        if start != end:
            client.send(stream[start:end])
        while done < len(side.exchanges):
            exchange = side.exchanges[done]
            exchange.channel.accept_body()
            if exchange.events != ["body_ended"]:
                break
            exchange.answer()
            done += 1
    assert [each.body for each in side.exchanges] == [b"abcde", b"wxyz", b""]
    assert [each.head.target.path for each in side.exchanges] == ["/a", "/b", "/_ping"]
    assert done == 3


def test_a_long_head() -> None:
    """
    Up to the limit it is read; above it the client is told, whether by one long line or
    by many short ones.
    """
    for junk in (b"X-A: " + b"a" * 3000 + b"\r\n", b"X-A: aaaaaaaa\r\n" * 250):
        side = Side(head_bytes=4096)
        client = side.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: d\r\n")
        client.send(junk[:3000] if junk.count(b"\r\n") > 1 else junk)
        client.send(junk)
        assert status(client.take()) == 431
        assert client.half_closed
        allowed = Side(head_bytes=4096).connect()
        allowed.send(b"GET /a HTTP/1.1\r\nHost: d\r\n" + junk + b"\r\n")
        assert allowed.take() == b""
        assert allowed.reads


def test_many_headers() -> None:
    """
    Five hundred, and not more.
    """
    side = Side()
    for count, refused in ((499, False), (500, True)):
        client = side.connect()
        headers = b"".join(b"X-%d: 1\r\n" % number for number in range(count))
        client.send(b"GET /a HTTP/1.1\r\nHost: d\r\n" + headers + b"\r\n")
        assert client.half_closed is refused
    assert len(side.exchanges) == 1


def test_names_of_headers_are_not_remembered() -> None:
    """
    Twisted keeps the names that it has encoded; those of clients are not among them.
    """
    from twisted.web import http_headers

    before = len(http_headers._nameEncoder._canonicalHeaderCache)
    side = Side(at_once=True)
    client = side.connect()
    for number in range(50):
        client.send(PING[:-2] + b"X-Never-Heard-Of-%d: 1\r\n\r\n" % number)
    assert len(side.exchanges) == 50
    assert len(http_headers._nameEncoder._canonicalHeaderCache) == before


def test_a_slow_head() -> None:
    """
    A head has its time from its first byte to its last, however often a byte comes.
    """
    side = Side(head_seconds=30)
    client = side.connect()
    for byte in PING[:29]:
        client.send(bytes([byte]))
        assert client.take() == b""
        side.clock.advance(1)
    client.send(PING[29:30])
    side.clock.advance(1)
    reply = client.take()
    assert status(reply) == 408
    assert "in time" in message(reply)
    assert client.half_closed


def test_a_head_in_time() -> None:
    """
    The deadline ends with the head, and each request has its own.
    """
    side = Side(head_seconds=30)
    client = side.connect()
    for number in range(3):
        client.send(PING[:10])
        side.clock.advance(29)
        client.send(PING[10:])
        side.clock.advance(1000)
        side.exchanges[number].answer()
        assert status(client.take()) == 200


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
@pytest.mark.parametrize("request_bytes", [PING, PING * 2 + b"\r\n"], ids=["one", "two"])
def test_silence_between_requests_is_no_slow_head(at_once: bool, request_bytes: bytes) -> None:
    """
    An idle connection stays, until it was idle for long; then it closes without a word.
    """
    side = Side(at_once, head_seconds=30, idle_seconds=3600)
    client = side.connect()
    client.send(request_bytes)
    for exchange in side.exchanges if not at_once else ():
        exchange.answer()
    assert status(client.take()) == 200
    side.clock.advance(3500)
    assert client.take() == b""
    assert not client.closed
    side.clock.pump([200, 200, 200])
    assert client.take() == b""
    assert client.closed


def test_a_second_head_in_a_client_s_buffer_is_timed_too() -> None:
    """
    Half a head that came with the request before.
    """
    side = Side(head_seconds=30)
    client = side.connect()
    client.send(PING + PING[:10])
    side.clock.advance(1000)
    side.exchanges[0].answer()
    client.take()
    side.clock.advance(31)
    assert status(client.take()) == 408


def test_a_connection_without_a_request_is_idle() -> None:
    """
    It is closed in the end.
    """
    side = Side(idle_seconds=100)
    client = side.connect()
    busy = side.connect()
    busy.send(PING)
    side.clock.pump([10] * 12)
    assert client.closed
    assert not busy.closed


REFUSED = {
    "two lengths": b"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "length and chunked": b"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n",
    "folded": b"GET /a HTTP/1.1\r\nHost: d\r\nX: a\r\n b\r\n\r\n",
    "folded first": b"GET /a HTTP/1.1\r\n Host: d\r\n\r\n",
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /a HTTP/1.1\r\nHost: d\r\nHost: d\r\n\r\n",
    "space before the colon": b"GET /a HTTP/1.1\r\nHost : d\r\n\r\n",
    "no colon": b"GET /a HTTP/1.1\r\nHost: d\r\nnothing\r\n\r\n",
    "no name": b"GET /a HTTP/1.1\r\nHost: d\r\n: x\r\n\r\n",
    "nul": b"GET /a HTTP/1.1\r\nHost: d\r\nX: a\0b\r\n\r\n",
    "bare cr": b"GET /a HTTP/1.1\r\nHost: d\r\nX: a\rb\r\n\r\n",
    "bare lf": b"GET /a HTTP/1.1\r\nHost: d\r\nX: a\nY: b\r\n\r\n",
    "bare lf line": b"GET /a HTTP/1.1\nHost: d\r\n\r\n",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http 0.9": b"GET /a\r\n\r\n",
    "http 1.2": b"GET /a HTTP/1.2\r\nHost: d\r\n\r\n",
    "two spaces": b"GET  /a HTTP/1.1\r\nHost: d\r\n\r\n",
    "absolute": b"GET http://d/a HTTP/1.1\r\nHost: d\r\n\r\n",
    "authority": b"CONNECT d:80 HTTP/1.1\r\nHost: d\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n",
    "expects else": b"POST /a HTTP/1.1\r\nHost: d\r\nExpect: 200-ok\r\n\r\n",
    "chunked in 1.0": b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": b"POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: identity\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "empty lines": b"\r\n\r\nGET /a HTTP/1.1\r\nHost: d\r\n\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("size", [None, 1], ids=["whole", "bytewise"])
def test_what_can_be_read_in_two_ways(data: bytes, size: int | None) -> None:
    """
    It gets one answer in the engine's shape, the connection ends, and nothing after it
    is a request.
    """
    side = Side(at_once=True)
    client = side.connect()
    client.send(data + PING, size)
    reply = client.take()
    assert status(reply) == 400
    assert message(reply)
    assert b"\r\nConnection: close\r\n" in reply
    assert reply.count(b"HTTP/1.1 ") == 1
    assert client.half_closed
    assert side.exchanges == []


ALLOWED = {
    "zero length": b"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n",
    "chunked": b"POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
    "no body": b"POST /a HTTP/1.1\r\nHost: d\r\n\r\n",
    "empty host": b"GET /a HTTP/1.1\r\nHost:\r\n\r\n",
    "tabs": b"GET /a HTTP/1.1\r\nHost:\td\t\r\nX: a\tb\r\n\r\n",
    "an empty line before": b"\r\nGET /a HTTP/1.1\r\nHost: d\r\n\r\n",
    "latin-1": b"GET /a HTTP/1.1\r\nHost: d\r\nX: \xe9\r\n\r\n",
}


@pytest.mark.parametrize("data", ALLOWED.values(), ids=ALLOWED)
@pytest.mark.parametrize("size", [None, 1], ids=["whole", "bytewise"])
def test_what_can_be_read_in_one_way(data: bytes, size: int | None) -> None:
    """
    It is a request, and what comes after it another.
    """
    side = Side()
    client = side.connect()
    for start in range(0, len(data), size or len(data)):
        client.send(data[start : start + (size or len(data))])
        if side.exchanges:
            side.exchanges[0].channel.accept_body()
    side.exchanges[0].answer()
    client.send(PING)
    assert [each.head.target.path for each in side.exchanges] == ["/a", "/_ping"]


# bodies


def test_a_body_waits_until_it_is_wanted() -> None:
    """
    What came with the head is kept, the rest stays in the socket.
    """
    side = Side()
    client = side.connect()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\n01234")
    (exchange,) = side.exchanges
    assert not client.reads
    assert exchange.body == b""
    exchange.channel.accept_body()
    assert exchange.body == b"01234"
    client.send(b"56789")
    assert exchange.body == b"0123456789"
    assert exchange.events == ["body_ended"]


def test_a_whole_body_that_came_early() -> None:
    """
    It is given when it is wanted, with its end.
    """
    side = Side()
    client = side.connect()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\n\r\nabc" + PING)
    (exchange,) = side.exchanges
    exchange.channel.accept_body()
    assert (exchange.body, exchange.events) == (b"abc", ["body_ended"])
    exchange.answer()
    assert len(side.exchanges) == 2


def test_a_paused_body() -> None:
    """
    While the engine is slow, the client is not read.
    """
    side = Side()
    client = side.connect()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\n")
    (exchange,) = side.exchanges
    exchange.channel.accept_body()
    assert client.reads
    exchange.channel.pause_body()
    assert not client.reads
    exchange.channel.resume_body()
    client.send(b"0123456789")
    assert exchange.events == ["body_ended"]


def test_a_pause_ends_with_its_exchange() -> None:
    """
    The next request is read, though nobody resumed the body of the one before.
    """
    side = Side()
    client = side.connect()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\n\r\nabc")
    side.exchanges[0].channel.accept_body()
    side.exchanges[0].channel.pause_body()
    side.exchanges[0].answer()
    client.send(PING)
    assert len(side.exchanges) == 2


BROKEN = {
    "no size": b"zz\r\n",
    "negative": b"-1\r\n",
    "prefixed": b"0x1\r\na\r\n",
    "underscore": b"1_0\r\n",
    "space": b" 1\r\na\r\n",
    "too long": b"1\r\nab\r\n",
    "bare lf": b"1\na\n0\n\n",
    "nul in extension": b"1;a=\0\r\na\r\n",
    "endless size": b"0" * 2000,
    "endless trailers": b"0\r\n" + b"T: 1\r\n" * 20000,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("begun", [False, True], ids=["unanswered", "answering"])
def test_a_broken_chunk(broken: bytes, begun: bool) -> None:
    """
    The exchange is over: with an answer where none had begun, broken off else.
    """
    side = Side()
    client = side.connect()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
    (exchange,) = side.exchanges
    exchange.channel.accept_body()
    if begun:
        exchange.channel.start_reply(ResponseHead(200, "OK"))
        client.take()
    client.send(broken + b"\r\n\r\n" + PING)
    assert exchange.events == ["client_left"]
    assert exchange.body.startswith(b"ok")
    reply = client.take()
    if begun:
        assert client.aborted
        assert reply == b""
    else:
        assert status(reply) == 400
        assert message(reply)
        assert client.half_closed
    assert len(side.exchanges) == 1


def test_a_pause_after_the_end() -> None:
    """
    A client that is gone is not looked after.
    """
    side = Side()
    client = side.connect()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\n")
    (exchange,) = side.exchanges
    exchange.channel.accept_body()
    client.leave()
    side.clock.advance(1.0)
    exchange.channel.pause_body()
    assert client.reads
    assert [each for each in side.clock.getDelayedCalls() if each.getTime() < 60] == []


def test_a_client_that_leaves_in_its_body() -> None:
    """
    Half a body is no body, half-closed or gone.
    """
    for leave in ("half_close", "leave"):
        side = Side()
        client = side.connect()
        client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\n01234")
        (exchange,) = side.exchanges
        exchange.channel.accept_body()
        getattr(client, leave)()
        side.clock.advance(0)
        assert exchange.events == ["client_left"]
        assert client.closed
        assert side.gate.count == 0


# Expect


EXPECTING = b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_continue_when_the_body_is_wanted() -> None:
    """
    Not before, and once.
    """
    side = Side()
    client = side.connect()
    client.send(EXPECTING)
    assert client.take() == b""
    side.exchanges[0].channel.accept_body()
    side.exchanges[0].channel.accept_body()
    assert client.take() == CONTINUE
    client.send(b"abc")
    assert side.exchanges[0].body == b"abc"


def test_no_continue_for_a_denied_request() -> None:
    """
    Its answer is final, and the body is not waited for.
    """
    side = Side()
    client = side.connect()
    client.send(EXPECTING)
    error = Denied(Problem("a.rule", "A", "No."))
    side.exchanges[0].channel.answer_error(error)
    reply = client.take()
    assert status(reply) == 403
    assert message(reply) == error.message
    assert b"\r\nConnection: close\r\n" in reply
    assert client.half_closed


def test_no_continue_after_the_body_has_begun() -> None:
    """
    A client that did not wait need not be told.
    """
    side = Side()
    client = side.connect()
    client.send(EXPECTING + b"a")
    side.exchanges[0].channel.accept_body()
    assert client.take() == b""


def test_no_continue_in_http_1_0() -> None:
    """
    Such a client would take it for its reply.
    """
    side = Side()
    client = side.connect()
    client.send(EXPECTING.replace(b"1.1", b"1.0"))
    side.exchanges[0].channel.accept_body()
    assert client.take() == b""


def test_the_next_request_expects_for_itself() -> None:
    """
    An expectation ends with its request.
    """
    side = Side()
    client = side.connect()
    client.send(EXPECTING)
    side.exchanges[0].channel.accept_body()
    client.send(b"abc")
    side.exchanges[0].answer()
    client.take()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\n\r\n")
    side.exchanges[1].channel.accept_body()
    assert client.take() == b""


# replies


def replied(request: bytes, head: ResponseHead, *pieces: bytes) -> tuple[bytes, Wire]:
    """
    What a client gets for a request.
    """
    side = Side()
    client = side.connect()
    client.send(request)
    channel = side.exchanges[0].channel
    channel.start_reply(head)
    for piece in pieces:
        channel.write_reply(piece)
    channel.end_reply()
    return client.take(), client


HEAD_PING = PING.replace(b"GET", b"HEAD")
OLD_PING = b"GET /_ping HTTP/1.0\r\n\r\n"
CLOSING_PING = PING[:-2] + b"Connection: close\r\n\r\n"
OK = ResponseHead(200, "OK", (("X-A", "1"),))
OK_3 = ResponseHead(200, "OK", (("X-A", "1"),), 3)


@pytest.mark.parametrize(
    ("request_bytes", "head", "pieces", "reply", "ends"),
    [
        pytest.param(
            PING,
            OK_3,
            [b"a", b"bc"],
            b"X-A: 1\r\nContent-Length: 3\r\n\r\nabc",
            False,
            id="counted",
        ),
        pytest.param(
            PING,
            OK,
            [b"a", b"", b"bc"],
            b"X-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
            False,
            id="chunked",
        ),
        pytest.param(
            OLD_PING, OK, [b"abc"], b"X-A: 1\r\nConnection: close\r\n\r\nabc", True, id="1.0"
        ),
        pytest.param(
            OLD_PING,
            OK_3,
            [b"abc"],
            b"X-A: 1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
            True,
            id="1.0-counted",
        ),
        pytest.param(
            CLOSING_PING,
            OK_3,
            [b"abc"],
            b"X-A: 1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
            True,
            id="closing",
        ),
        pytest.param(HEAD_PING, OK_3, [], b"X-A: 1\r\nContent-Length: 3\r\n\r\n", False, id="head"),
        pytest.param(HEAD_PING, OK, [], b"X-A: 1\r\n\r\n", False, id="head-without-length"),
    ],
)
def test_a_reply(
    request_bytes: bytes, head: ResponseHead, pieces: list[bytes], reply: bytes, ends: bool
) -> None:
    """
    Each in its framing.
    """
    got, client = replied(request_bytes, head, *pieces)
    assert got == b"HTTP/1.1 200 OK\r\n" + reply
    assert client.half_closed is ends


@pytest.mark.parametrize("code", [204, 304])
def test_replies_that_have_no_body(code: int) -> None:
    """
    They have no length either.
    """
    got, client = replied(PING, ResponseHead(code, "X", (), 0))
    assert got == b"HTTP/1.1 %d X\r\n\r\n" % code
    assert not client.half_closed


@pytest.mark.parametrize("pieces", [[b"ab"], [b"ab", b"cd"]], ids=["short", "long"])
def test_a_length_is_a_promise(pieces: list[bytes]) -> None:
    """
    A reply that does not keep it is broken off.
    """
    _, client = replied(PING, OK_3, *pieces)
    assert client.aborted


def test_an_answer_to_head() -> None:
    """
    It has the length, and not the body.
    """
    side = Side()
    client = side.connect()
    client.send(HEAD_PING)
    side.exchanges[0].channel.answer_error(NotFound("nothing there"))
    head, _, body = client.take().partition(b"\r\n\r\n")
    assert b"Content-Length: 29" in head
    assert body == b""
    assert not client.half_closed
    client.send(PING)
    assert len(side.exchanges) == 2


def test_an_error_keeps_the_connection() -> None:
    """
    A denied request without a body, or with a whole one, costs nobody the connection.
    """
    side = Side()
    client = side.connect()
    for body in (b"\r\n", b"Content-Length: 2\r\n\r\n{}"):
        client.send(b"POST /a HTTP/1.1\r\nHost: d\r\n" + body)
        side.exchanges[-1].channel.accept_body()
        side.exchanges[-1].channel.answer_error(NotFound("nothing there"))
        assert b"Connection" not in client.take()
    assert not client.half_closed


def test_a_client_that_left_has_no_exchange() -> None:
    """
    It is told once, not for what was complete.
    """
    side = Side()
    client = side.connect()
    client.send(PING)
    side.exchanges[0].answer()
    client.leave()
    assert side.exchanges[0].events == ["body_ended"]
    other = side.connect()
    other.send(PING)
    other.leave()
    assert side.exchanges[1].events == ["body_ended", "client_left"]
    assert side.gate.count == 0


def test_a_slow_reader() -> None:
    """
    The exchange in hand is told.
    """
    side = Side()
    client = side.connect()
    client.send(PING)
    client.protocol.pauseProducing()
    client.protocol.resumeProducing()
    assert side.exchanges[0].events == ["body_ended", "pause_reply", "resume_reply"]


# half-close


def test_a_half_close_after_the_request() -> None:
    """
    The client gets its reply, and then the end.
    """
    side = Side()
    client = side.connect()
    client.send(PING)
    client.half_close()
    assert side.exchanges[0].events[-1] == "client_half_closed"
    side.exchanges[0].answer()
    assert status(client.take()) == 200
    assert client.closed
    assert not client.aborted


def test_a_half_close_after_pipelined_requests() -> None:
    """
    The client gets all its replies.
    """
    side = Side()
    client = side.connect()
    client.send(PING * 3)
    client.half_close()
    for number in range(3):
        assert not client.closed
        side.exchanges[number].answer()
    assert client.take().count(b"HTTP/1.1 200") == 3
    assert client.closed


@pytest.mark.parametrize("begun", [b"", PING[:10]], ids=["idle", "in a head"])
def test_a_half_close_without_a_request(begun: bytes) -> None:
    """
    Nothing is to be waited for.
    """
    side = Side()
    client = side.connect()
    if begun:
        client.send(begun)
    client.half_close()
    assert client.closed
    side.clock.advance(100)
    assert client.take() == b""


# linger


def test_a_lingering_connection() -> None:
    """
    What still comes is read and dropped, and after a while the connection is cut.
    """
    side = Side()
    client = side.connect()
    client.send(b"bad\r\n\r\n")
    client.take()
    for _ in range(10):
        client.send(PING * 10)
    assert (client.take(), side.exchanges, client.closed) == (b"", [], False)
    side.clock.pump([0, LINGER_SECONDS])
    assert client.aborted


@pytest.mark.parametrize("ends", ["HTTP/1.1\r\nConnection: close", "HTTP/1.0"])
def test_a_reply_that_is_read_late(ends: str) -> None:
    """
    A client that takes its time gets the whole of its last reply: the connection is cut
    only after that.
    """
    side = Side()
    client = side.connect()
    client.unread = True
    client.send(f"GET /a {ends}\r\nHost: d\r\n\r\n".encode())
    side.exchanges[0].answer(b"x" * 400_000)
    client.protocol.pauseProducing()
    assert client.half_closed
    side.clock.pump([LINGER_SECONDS] * 20)
    assert not client.closed
    client.read()
    side.clock.advance(LINGER_SECONDS - 1)
    assert not client.closed
    assert client.take().endswith(b"x" * 400_000)
    side.clock.advance(1)
    assert client.aborted
    side.clock.advance(0)
    assert side.gate.count == 0


def test_a_late_reader_whose_directions_end_together() -> None:
    """
    Nothing tells that it has read all, so it has as long as an idle one.
    """
    side = Side(idle_seconds=100)
    wire = Whole(side.clock)
    wire.join(side.factory.buildProtocol(None))
    directlyProvides(wire, ISSLTransport)
    wire.send(b"GET /a HTTP/1.0\r\n\r\n")
    side.exchanges[0].answer()
    assert wire.ended
    side.clock.advance(99)
    assert not wire.aborted
    side.clock.advance(1)
    assert wire.aborted


class Whole(Wire):
    """
    A transport such as TLS's, whose end takes as long as the other end likes.
    """

    ended = False

    def loseConnection(self) -> None:
        self.ended = True


def test_a_client_that_leaves_unread() -> None:
    """
    Nobody reads from a client whose body isn't wanted yet, nor from one with many requests
    at once; when it has left, that is noticed all the same.
    """
    side = Side()
    waiting, eager = side.connect(), side.connect()
    waiting.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\n")
    eager.send(PING)
    eager.send(PING * (PIPELINED_BYTES // len(PING) + 1))
    for number, client in enumerate((waiting, eager)):
        assert not client.reads
        side.clock.pump([1.0] * 3)
        assert not client.reads
        client.depart()
        side.clock.advance(1.0)
        # What it left in the socket is read, and then its end is seen.
        client.send(b"x" * 100)
        client.half_close()
        side.clock.advance(0)
        assert side.exchanges[number].events[-1:] == ["client_left"]
    assert side.gate.count == 0
    side.clock.pump([1.0] * 2)
    assert [each for each in side.clock.getDelayedCalls() if each.getTime() < 60] == []


def test_a_lingering_connection_that_ends() -> None:
    """
    It is closed, and nothing is left to be done.
    """
    side = Side()
    client = side.connect()
    client.send(b"bad\r\n\r\n")
    client.half_close()
    assert client.closed
    assert not client.aborted
    side.clock.advance(0)
    assert side.gate.count == 0
    assert [each for each in side.clock.getDelayedCalls() if each.getTime() < 60] == []


def test_an_early_reply() -> None:
    """
    A reply before the whole body ends the connection: nobody reads the rest.
    """
    side = Side()
    client = side.connect()
    client.send(b"PUT /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\n")
    side.exchanges[0].channel.accept_body()
    side.exchanges[0].answer()
    assert b"\r\nConnection: close\r\n" in client.take()
    assert client.half_closed
    client.send(b"x" * 1000 + PING)
    assert len(side.exchanges) == 1


# limits


def test_too_many_connections() -> None:
    """
    One above the limit is told so, and one that ended makes room.
    """
    side = Side(at_once=True, connections=2)
    first, second, third = side.connect(), side.connect(), side.connect()
    reply = third.take()
    assert status(reply) == 503
    assert "2 connections" in message(reply)
    third.send(PING)
    assert side.exchanges == []
    second.send(PING)
    assert status(second.take()) == 200
    third.leave()
    assert side.gate.count == 2
    first.leave()
    fourth = side.connect()
    fourth.send(PING)
    assert status(fourth.take()) == 200


def test_far_too_many_connections() -> None:
    """
    A few are told; the others are cut at once, and hold nothing.
    """
    side = Side(connections=1)
    side.connect()
    told = [side.connect() for _ in range(TOLD_SURPLUS)]
    cut = [side.connect() for _ in range(3)]
    side.clock.advance(0)
    assert {status(each.take()) for each in told} == {503}
    assert [(each.take(), each.aborted) for each in cut] == [(b"", True)] * 3
    assert not any(each.closed for each in told)
    told[0].leave()
    assert status(side.connect().take()) == 503
    assert side.connect().aborted


# hand-over


def handed_over(data: bytes) -> tuple[Exchange, Wire, bytes]:
    """
    A connection given up to an exchange after it got these bytes.
    """
    side = Side()
    client = side.connect()
    client.send(data)
    (exchange,) = side.exchanges
    early = exchange.channel.hand_over(ResponseHead(101, "UPGRADED", (("Upgrade", "tcp"),)))
    assert client.take() == b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n"
    return exchange, client, early


@pytest.mark.parametrize("early", [b"", b"early", PING, b"\r\n\r\n\0", b"x" * 50_000])
def test_hand_over(early: bytes) -> None:
    """
    What came with the head is given out, and nothing is HTTP any more.
    """
    exchange, client, got = handed_over(ATTACH + early)
    assert got == early
    for data in (PING, b"\0\xff", b"\r\n"):
        client.send(data)
    assert exchange.raw == PING + b"\0\xff\r\n"
    exchange.channel.write(b"HTTP/1.1 \0")
    assert client.take() == b"HTTP/1.1 \0"


def test_hand_over_with_more_than_is_read_ahead() -> None:
    """
    A client that was held back is read again.
    """
    exchange, client, early = handed_over(ATTACH + b"x" * (PIPELINED_BYTES + 1))
    assert len(early) == PIPELINED_BYTES + 1
    assert client.reads
    client.send(b"y")
    assert exchange.raw == b"y"


def test_the_ends_of_a_relay() -> None:
    """
    A half-close is told, the rest is the transport's; no time-out of HTTP is left.
    """
    exchange, client, _ = handed_over(ATTACH)
    client.half_close()
    assert exchange.events[-1] == "client_half_closed"
    exchange.channel.half_close()
    assert client.half_closed
    assert not client.closed
    client.leave()
    assert exchange.events[-1] == "client_left"


def test_a_relay_is_never_idle() -> None:
    """
    A raw connection may be silent for as long as it likes.
    """
    exchange, client, _ = handed_over(ATTACH)
    exchange.channel._factory.clock.pump([100] * 100)  # type: ignore[attr-defined]
    assert not client.closed


# the end of a listener


def test_the_end_of_a_listener() -> None:
    """
    Its clients are gone with it, and their exchanges know.
    """
    side = Side()
    idle, busy = side.connect(), side.connect()
    busy.send(PING)
    side.factory.stopFactory()
    side.clock.advance(0)
    assert idle.aborted
    assert busy.aborted
    assert side.exchanges[0].events == ["body_ended", "client_left"]
    assert side.gate.count == 0


# noise


WORDS = [
    b"GET ",
    b"POST ",
    b"/a",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"Host: d\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"abc",
    b"\0",
    PING,
]


@settings(max_examples=300)
@given(
    words=st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), max_size=40),
    size=st.integers(1, 60),
    at_once=st.booleans(),
)
def test_noise(words: list[bytes], size: int, at_once: bool) -> None:
    """
    Whatever comes: nothing fails, every reply is whole, each exchange has a head that
    was read in one way, and after a refusal nothing more is a request.
    """
    with unexpected() as failures:
        side = Side(at_once, head_bytes=200)
        client = side.connect()
        stream = b"".join(words)
        for start in range(0, len(stream), size):
            if client.closed or not client.reads:
                break
            client.send(stream[start : start + size])
            for exchange in side.exchanges:
                exchange.channel.accept_body()
                if exchange.events == ["body_ended"] and not at_once:
                    exchange.events.append("answered")
                    exchange.answer()
        written = client.take()
        side.clock.advance(200)
        if not client.closed:
            client.leave()
        side.clock.advance(10)
    assert failures == []
    assert side.gate.count == 0
    replies = written.replace(CONTINUE, b"").split(b"HTTP/1.1 ")[1:]
    codes = [int(reply[:3]) for reply in replies]
    assert set(codes[:-1]) <= {200}
    if codes and codes[-1] != 200:
        assert message(b"HTTP/1.1 " + replies[-1])
    for exchange in side.exchanges:
        assert exchange.head.target.path.startswith("/")
        assert not {"transfer-encoding", "content-length"} <= set(exchange.head.headers)
