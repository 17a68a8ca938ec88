"""
Calls to the engine and the connections that carry them, on wires in memory.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from dss.engine.call import EngineCall
from dss.engine.pool import IDLE_SECONDS, MAX_IDLE, EnginePool
from dss.errors import DssError, EngineAway
from dss.model.message import ResponseHead
from tests.proxy.memory import Engine, counted

HEADERS = (("Host", "docker"),)
OK = counted(b"OK")
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


class User:
    """
    Remembers what it is told.
    """

    def __init__(self) -> None:
        self.told: list[object] = []
        self.body = b""

    def request_accepted(self) -> None:
        self.told.append("request_accepted")

    def reply_began(self, head: ResponseHead) -> None:
        self.told.append(head.status)

    def reply_received(self, data: bytes) -> None:
        self.body += data

    def reply_ended(self) -> None:
        self.told.append("reply_ended")

    def switched(self, head: ResponseHead) -> None:
        self.told.append("switched")

    def engine_half_closed(self) -> None:
        self.told.append("engine_half_closed")

    def engine_left(self) -> None:
        self.told.append("engine_left")

    def call_failed(self, error: DssError) -> None:
        self.told.append(type(error))

    def pause_request(self) -> None:
        self.told.append("pause_request")

    def resume_request(self) -> None:
        self.told.append("resume_request")


class Place:
    """
    A pool, and the engine that the test plays.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.engine = Engine(self.clock)
        self.pool = EnginePool(self.engine, self.clock)

    def call(
        self,
        method: str = "GET",
        body: bytes | None = None,
        streams: bool = False,
        length: int | None = None,
    ) -> tuple[EngineCall, User]:
        """
        A call that has started.
        """
        user = User()
        call = EngineCall(self.pool, user, method, "/x", HEADERS, body, streams, length)
        call.start()
        return call, user


@pytest.mark.parametrize(
    ("method", "body", "sent"),
    [
        ("GET", None, b"GET /x HTTP/1.1\r\nHost: docker\r\n\r\n"),
        ("HEAD", None, b"HEAD /x HTTP/1.1\r\nHost: docker\r\n\r\n"),
        ("POST", None, b"POST /x HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"),
        ("DELETE", None, b"DELETE /x HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"),
        ("POST", b"{}", b"POST /x HTTP/1.1\r\nHost: docker\r\nContent-Length: 2\r\n\r\n{}"),
    ],
)
def test_what_is_sent(method: str, body: bytes | None, sent: bytes) -> None:
    """
    A request says its length, unless it has none by its method.
    """
    place = Place()
    place.call(method, body)
    assert place.engine.last().take() == sent


def test_a_counted_body() -> None:
    """
    It follows as it is.
    """
    place = Place()
    call, user = place.call("PUT", streams=True, length=3)
    assert user.told == ["request_accepted"]
    call.write(b"ab")
    call.write(b"")
    call.write(b"c")
    call.end_request()
    assert place.engine.last().take().endswith(b"Content-Length: 3\r\n\r\nabc")


def test_a_chunked_body() -> None:
    """
    Each piece a chunk, and an empty piece not the end.
    """
    place = Place()
    call, _ = place.call("PUT", streams=True)
    call.write(b"ab")
    call.write(b"")
    call.write(b"c")
    call.end_request()
    assert place.engine.last().take().endswith(b"\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")


def test_a_raw_stream_is_not_chunked() -> None:
    """
    After a switch bytes go as they are.
    """
    place = Place()
    call, user = place.call("POST")
    engine = place.engine.last()
    engine.take()
    engine.send(UPGRADED + b"early")
    assert (user.told, user.body) == (["switched"], b"early")
    call.write(b"raw")
    assert engine.take() == b"raw"
    call.half_close()
    assert engine.half_closed
    engine.send(b"late")
    engine.half_close()
    assert (user.told[1:], user.body) == (["engine_half_closed"], b"earlylate")


def test_a_body_after_an_early_reply() -> None:
    """
    Nobody takes it, and nothing fails.
    """
    place = Place()
    call, user = place.call("PUT", streams=True)
    engine = place.engine.last()
    engine.take()
    engine.send(OK)
    assert user.told == ["request_accepted", 200, "reply_ended"]
    assert engine.aborted
    call.write(b"more")
    call.end_request()
    call.half_close()
    call.close()
    assert place.pool.take_idle() is None


def test_a_refused_connection() -> None:
    """
    The call fails.
    """
    place = Place()
    place.engine.away = True
    _, user = place.call()
    assert user.told == [EngineAway]


def test_a_call_that_is_dropped_before_it_connects() -> None:
    """
    The user is told nothing: it knows.
    """
    for end in ("drop", "close"):
        place = Place()
        place.engine.silent = True
        call, user = place.call()
        getattr(call, end)()
        assert place.engine.cancelled == 1
        assert user.told == []


def test_a_call_that_is_dropped() -> None:
    """
    Its connection is broken off, and nothing of it is told any more, not even what came
    in the same piece.
    """
    place = Place()
    call, user = place.call()
    engine = place.engine.last()
    user.reply_received = lambda data: call.drop()  # type: ignore[method-assign]
    engine.send(OK)
    assert user.told == [200]
    assert engine.aborted
    place.clock.advance(0)
    assert user.told == [200]
    assert place.pool.take_idle() is None


def test_a_connection_is_given_out_once() -> None:
    """
    Two calls at once have two connections.
    """
    place = Place()
    place.call()
    place.engine.last().send(OK)
    place.call()
    place.call()
    assert len(place.engine.wires) == 2


@pytest.mark.parametrize(
    "end",
    [
        lambda engine: engine.leave(),
        lambda engine: engine.half_close(),
        lambda engine: engine.send(b"x"),
    ],
    ids=["gone", "half-closed", "speaks"],
)
def test_an_idle_connection_that_ends(end: object) -> None:
    """
    It is not given out; and where it was given out in the same moment, its call is sent
    again.
    """
    assert callable(end)
    for later in (True, False):
        place = Place()
        place.call()
        place.engine.last().send(OK)
        end(place.engine.wires[0])
        if later:
            place.clock.advance(0)
        _, user = place.call()
        place.clock.advance(0)
        place.engine.last().send(OK)
        assert user.told == [200, "reply_ended"]
        assert len(place.engine.wires) == 2


def test_the_pool_is_bounded() -> None:
    """
    What is above the limit is closed.
    """
    place = Place()
    for _ in range(MAX_IDLE + 5):
        place.call()
    for wire in place.engine.wires:
        wire.send(OK)
    assert sum(wire.closed for wire in place.engine.wires) == 5
    place.pool.close()
    assert all(wire.closed for wire in place.engine.wires)
    place.clock.advance(0)
    assert place.clock.getDelayedCalls() == []


def test_only_what_is_idle_is_closed_in_time() -> None:
    """
    A connection that is used again and again stays.
    """
    place = Place()
    place.call()
    place.call()
    for wire in place.engine.wires:
        wire.send(OK)
    for _ in range(10):
        place.clock.advance(IDLE_SECONDS / 3)
        place.call()
        place.engine.wires[1].send(OK)
    assert [wire.closed for wire in place.engine.wires] == [True, False]
    place.clock.pump([IDLE_SECONDS / 3] * 5)
    assert place.clock.getDelayedCalls() == []


def test_backpressure() -> None:
    """
    Each way; a paused connection is read again when it is given back.
    """
    place = Place()
    call, user = place.call("PUT", streams=True)
    engine = place.engine.last()
    engine.protocol.pauseProducing()
    engine.protocol.resumeProducing()
    assert user.told == ["request_accepted", "pause_request", "resume_request"]
    call.pause_reply()
    call.pause_reply()
    assert not engine.reads
    call.resume_reply()
    assert engine.reads
    call.end_request()
    call.pause_reply()
    engine.protocol.dataReceived(OK)
    assert engine.reads
    assert place.pool.take_idle() is engine.protocol


def test_a_garbled_reply() -> None:
    """
    It is the same as none.
    """
    place = Place()
    _, user = place.call()
    place.engine.last().send(b"garbage\r\n\r\n")
    assert user.told == ["engine_left"]
    assert place.engine.last().aborted
    place.clock.advance(0)
    assert user.told == ["engine_left"]
