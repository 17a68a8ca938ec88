"""
dss's own questions to the engine.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from dss.config.settings import Limits
from dss.engine.asking import Asker, EngineAnswer
from dss.engine.pool import EnginePool
from dss.errors import EngineAway, EngineOdd
from tests.proxy.memory import Engine, Wire, as_json, counted


class Place:
    """
    Who asks, and the engine that the test plays.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.engine = Engine(self.clock)
        limits = Limits(question_seconds=10, reply_bytes=100)
        self.asker = Asker(EnginePool(self.engine, self.clock), limits, self.clock)

    def ask(self, *segments: str, **query: str) -> tuple[list[object], Wire]:
        """
        Ask.

        @return: where the answer or the error will be, and the connection.
        """
        found: list[object] = []
        asked = self.asker.get(segments, query)
        asked.addCallbacks(found.append, lambda failure: found.append(failure.value))
        self.asked: Deferred[EngineAnswer] = asked
        return found, self.engine.last()


def test_an_answer() -> None:
    """
    Whatever its status; and nothing is left behind.
    """
    for status, code in (("200 OK", 200), ("404 Not Found", 404)):
        place = Place()
        found, engine = place.ask("containers", "a", "json")
        assert engine.take() == b"GET /containers/a/json HTTP/1.1\r\nHost: docker\r\n\r\n"
        engine.send(as_json({"message": "hi"}, status))
        assert found == [EngineAnswer(code, {"message": "hi"})]
        place.clock.advance(10)
        assert not engine.aborted


def test_a_post() -> None:
    """
    Its body is JSON.
    """
    place = Place()
    found: list[object] = []
    place.asker.post(("volumes", "create"), {"Name": "v"}).addCallback(found.append)
    engine = place.engine.last()
    assert engine.take() == (
        b"POST /volumes/create HTTP/1.1\r\nHost: docker\r\n"
        b"Content-Type: application/json\r\nContent-Length: 13\r\n\r\n"
        b'{"Name": "v"}'
    )
    engine.send(as_json({"Name": "v"}, "201 Created"))
    assert found == [EngineAnswer(201, {"Name": "v"})]


def test_what_is_asked_is_one_path() -> None:
    """
    No text in it becomes another part of the request.
    """
    place = Place()
    _, engine = place.ask("images", "a/b:c@d", "x y?z=1#\r\né%2f", filters='{"a":["b&c=d"]}')
    line = engine.take().split(b"\r\n")[0]
    assert line == (
        b"GET /images/a/b:c@d/x%20y%3Fz%3D1%23%0D%0A%C3%A9%252f"
        b"?filters=%7B%22a%22%3A%5B%22b%26c%3Dd%22%5D%7D HTTP/1.1"
    )


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (counted(b"{"), EngineOdd),
        (counted(b"[" * 99), EngineOdd),
        (counted(b"1" * 101), EngineOdd),
        (b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", EngineOdd),
        (b"garbage\r\n\r\n", EngineAway),
    ],
)
def test_no_answer(reply: bytes, error: type[Exception]) -> None:
    """
    What can't be an answer is an error, once.
    """
    place = Place()
    found, engine = place.ask("x")
    engine.send(reply)
    assert [type(each) for each in found] == [error]
    place.clock.advance(20)
    assert len(found) == 1


def test_an_engine_that_goes_away() -> None:
    """
    Before or in its answer.
    """
    for half in (b"", counted(b"{}")[:-1]):
        place = Place()
        found, engine = place.ask("x")
        if half:
            engine.send(half)
        engine.leave()
        assert [type(each) for each in found] == [EngineAway]
    place = Place()
    place.ask("x")
    place.engine.away = True
    assert isinstance(place.ask("x")[0][0], EngineAway)


def test_an_engine_that_takes_too_long() -> None:
    """
    The question is dropped.
    """
    place = Place()
    found, engine = place.ask("x")
    place.clock.advance(9)
    engine.send(b"HTTP/1.1 200 OK\r\n")
    assert found == []
    place.clock.advance(1)
    assert isinstance(found[0], EngineAway)
    assert engine.aborted


def test_a_question_that_nobody_waits_for() -> None:
    """
    Its connection is broken off.
    """
    place = Place()
    found, engine = place.ask("x")
    place.asked.cancel()
    assert isinstance(found[0], CancelledError)
    assert engine.aborted
    place.clock.advance(0)
    assert place.clock.getDelayedCalls() == []


def test_a_missing_operation_in_plain_text() -> None:
    """
    Podman says so without JSON. In any other answer that is odd.
    """
    for status, answer in (("404 Not Found", EngineAnswer(404, None)), ("200 OK", None)):
        place = Place()
        found, engine = place.ask("services")
        engine.send(counted(b"Not Found\n", status, b"Content-Type: text/plain\r\n"))
        assert found == [answer] if answer else isinstance(found[0], EngineOdd)
