"""
How reply bodies come to the client, with a sink that remembers.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from dss.errors import Denied, DssError, EngineOdd, Problem
from dss.model.facts import Json, Question
from dss.model.message import ResponseHead
from dss.model.ruling import EditJson, EditLines, Judgement, Stream, ask, settled
from dss.proxy.judging import Answers
from dss.proxy.replies import Collected, Lines, PassOn

OK = ResponseHead(200, "OK", (("X-A", "1"),), 5)
GONE = ResponseHead(404, "Not Found", (), 5)


@frozen
class Asked(Question[Any]):
    """
    A question about a value.
    """

    value: Json


class Sink:
    """
    Remembers what the client is given.
    """

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.body = b""
        self.finished = 0
        self.error: BaseException | None = None
        self.held = 0

    def start_reply(self, head: ResponseHead) -> None:
        assert self.head is None
        self.head = head

    def write_reply(self, data: bytes) -> None:
        assert self.head is not None
        assert not self.finished
        self.body += data

    def finish_reply(self) -> None:
        self.finished += 1

    def fail_reply(self, failure: Failure) -> None:
        self.error = failure.value

    def hold_engine(self) -> None:
        self.held += 1

    def free_engine(self) -> None:
        self.held -= 1


class Known:
    """
    Answers by a function.
    """

    def __init__(self, answer: Callable[[Json], object]) -> None:
        self._answer = answer

    def answer(self, question: Question[object]) -> object:
        assert isinstance(question, Asked)
        return self._answer(question.value)


def answers(answer: Callable[[Json], object] = lambda value: value) -> Answers:
    """
    What a judgement's questions are answered with.
    """
    return cast(Answers, Known(answer))


def asking(value: Json) -> Judgement[Json]:
    """
    An edit that gives whatever is answered.
    """
    return (yield from ask(Asked(value)))


def failing(value: Json) -> Judgement[Json]:
    """
    An edit that denies.
    """
    raise Denied(Problem("a.rule", "A", "No."))
    yield


def test_pass_on() -> None:
    """
    The head at once, the body as it comes.
    """
    sink = Sink()
    flow = PassOn(sink, OK)
    assert sink.head is OK
    flow.received(b"ab")
    assert sink.body == b"ab"
    flow.ended()
    assert sink.finished == 1
    flow.stop()


# collected


def collected(
    edit: Callable[[Json], Judgement[Json]] = settled,
    answer: Callable[[Json], object] = lambda value: value,
    head: ResponseHead = OK,
    edit_error: Callable[[int, str], Judgement[str]] | None = None,
    limit: int = 100,
) -> tuple[Sink, Collected]:
    """
    A collected reply.
    """
    sink = Sink()
    treatment = EditJson(edit, edit_error=edit_error)
    return sink, Collected(sink, head, treatment, answers(answer), limit)


def test_nothing_is_given_before_all_is_judged() -> None:
    """
    Neither head nor body.
    """
    sink, flow = collected()
    flow.received(b'[1, {"a"')
    flow.received(b": 2}]\n")
    assert (sink.head, sink.body) == (None, b"")
    flow.ended()
    assert sink.body == b'[1, {"a": 2}]\n'
    assert sink.head == ResponseHead(200, "OK", (("X-A", "1"),), len(sink.body))
    assert sink.finished == 1


def test_an_edited_value() -> None:
    """
    It is written as the engine would, with its own length.
    """
    sink, flow = collected(lambda value: settled({"b": ["é", value]}))
    flow.received(b'"<&>"')
    flow.ended()
    assert sink.body == '{"b":["é","<&>"]}\n'.encode()
    assert sink.head is not None
    assert sink.head.length == len(sink.body)


def test_an_edit_that_waits() -> None:
    """
    The reply comes when the answer does.
    """
    waiting: Deferred[Json] = Deferred()
    sink, flow = collected(asking, lambda value: waiting)
    flow.received(b"1")
    flow.ended()
    assert sink.head is None
    waiting.callback(2)
    assert (sink.body, sink.finished) == (b"2\n", 1)


@pytest.mark.parametrize("later", [False, True])
def test_an_edit_that_fails(later: bool) -> None:
    """
    Nothing of the reply is given.
    """
    waiting: Deferred[Json] = Deferred()
    sink, flow = collected(asking, lambda value: waiting) if later else collected(edit=failing)
    flow.received(b"1")
    flow.ended()
    if later:
        waiting.errback(EngineOdd("odd"))
    assert isinstance(sink.error, DssError)
    assert (sink.head, sink.body, sink.finished) == (None, b"", 0)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nul", b"[1] [2]", b"\xff", b"[" * 100_000, b"1" * 5000]
)
def test_what_is_no_json(body: bytes) -> None:
    """
    It can't be judged, so it is not given; an error of the engine passes as it is.
    """
    sink, flow = collected(limit=1_000_000)
    flow.received(body)
    flow.ended()
    assert isinstance(sink.error, EngineOdd)
    assert sink.head is None
    sink, flow = collected(head=GONE, limit=1_000_000)
    flow.received(body)
    flow.ended()
    assert (sink.error, sink.body) == (None, body)


def test_too_much_to_collect() -> None:
    """
    A reply above the limit is not given, at the limit it is.
    """
    sink, flow = collected(limit=10)
    flow.received(b"[11111")
    flow.received(b"111]")
    flow.ended()
    assert sink.finished == 1
    sink, flow = collected(limit=10)
    flow.received(b"[11111")
    flow.received(b"1111]")
    assert isinstance(sink.error, EngineOdd)
    assert sink.head is None


def test_an_error_is_not_edited_as_a_value() -> None:
    """
    It has its own edit, where there is one.
    """
    sink, flow = collected(failing, head=GONE)
    flow.received(b'{"message":"no"}\n')
    flow.ended()
    assert sink.body == b'{"message":"no"}\n'
    told = lambda status, message: settled(f"{status} {message}!")  # noqa: E731
    sink, flow = collected(failing, head=GONE, edit_error=told)
    flow.received(b'{"message":"no"}\n')
    flow.ended()
    assert json.loads(sink.body) == {"message": "404 no!"}
    sink = Sink()
    stream = Collected(sink, GONE, Stream(edit_error=told), answers(), 100)
    stream.received(b'{"other":"no"}')
    stream.ended()
    assert sink.body == b'{"other":"no"}'


def test_a_collected_reply_that_nobody_wants() -> None:
    """
    What it waits for is cancelled.
    """
    waiting: Deferred[Json] = Deferred()
    sink, flow = collected(asking, lambda value: waiting)
    flow.received(b"1")
    flow.ended()
    flow.stop()
    assert waiting.called
    assert isinstance(sink.error, CancelledError)
    assert sink.head is None


# lines


def lines(
    edit: Callable[[Json], Judgement[Json]],
    answer: Callable[[Json], object] = lambda value: value,
    limit: int = 100,
) -> tuple[Sink, Lines]:
    """
    A reply of lines.
    """
    sink = Sink()
    return sink, Lines(sink, OK, EditLines(edit), answers(answer), limit)


def odd_ones(value: Json) -> Judgement[Json]:
    """
    Keeps odd numbers, and doubles those above ten.
    """
    assert isinstance(value, int)
    if value % 2 == 0:
        return None
    return value * 2 if value > 10 else value
    yield


def test_lines_are_edited_one_by_one() -> None:
    """
    Kept as they are, dropped, or rewritten; the length is not the engine's any more.
    """
    sink, flow = lines(odd_ones)
    assert sink.head == ResponseHead(200, "OK", (("X-A", "1"),))
    flow.received(b" 1 \r\n2\n\n1")
    assert sink.body == b" 1 \r\n"
    flow.received(b"1\n 3")
    assert sink.body == b" 1 \r\n22\n"
    flow.ended()
    assert sink.body == b" 1 \r\n22\n 3"
    assert sink.finished == 1


@given(
    values=st.lists(st.integers(0, 99), max_size=20),
    places=st.lists(st.integers(0, 80), max_size=8),
    late=st.sets(st.integers(0, 99)),
)
def test_lines_keep_their_order(values: list[int], places: list[int], late: set[int]) -> None:
    """
    However the stream is cut, and whichever answers come late.
    """
    waiting: list[tuple[Deferred[Json], Json]] = []

    def answer(value: Json) -> object:
        if value not in late:
            return value
        deferred: Deferred[Json] = Deferred()
        waiting.append((deferred, value))
        return deferred

    sink, flow = lines(asking, answer)
    stream = b"".join(b"%d\n" % value for value in values)
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    for start, end in itertools.pairwise(edges):
        flow.received(stream[start:end])
        assert sink.held == len(waiting) <= 1
    flow.ended()
    while waiting:
        assert sink.finished == 0
        deferred, value = waiting.pop()
        deferred.callback(value)
    assert sink.body == stream
    assert (sink.finished, sink.held) == (1, 0)


def test_many_lines_at_once() -> None:
    """
    They don't recurse, whether answered at once or by a Deferred that has fired.
    """
    for answer in (lambda value: value, lambda value: _fired(value)):
        sink, flow = lines(asking, answer)
        flow.received(b"1\n" * 5000)
        flow.ended()
        assert sink.body == b"1\n" * 5000
        assert sink.finished == 1


def _fired(value: Json) -> Deferred[Json]:
    deferred: Deferred[Json] = Deferred()
    deferred.callback(value)
    return deferred


@pytest.mark.parametrize("bad", [b"{\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_a_line_that_is_no_json(bad: bytes) -> None:
    """
    What can't be judged is not given, and nothing after it is.
    """
    sink, flow = lines(settled, limit=1_000_000)
    flow.received(b"1\n" + bad + b"2\n")
    assert sink.body == b"1\n"
    assert sink.error is not None
    assert sink.finished == 0


def test_a_line_without_end() -> None:
    """
    It has a limit.
    """
    sink, flow = lines(settled, limit=10)
    flow.received(b"1" * 11)
    assert isinstance(sink.error, EngineOdd)


def test_a_line_that_is_left_out() -> None:
    """
    Of events, of which one is not worth the stream.
    """
    sink = Sink()
    flow = Lines(sink, OK, EditLines(settled, drops_long=True), answers(lambda value: value), 10)
    flow.received(b"1\n" + b"1" * 11)
    flow.received(b"1\n2\n")
    assert sink.error is None
    assert sink.body == b"1\n2\n"


def test_a_line_whose_edit_fails() -> None:
    """
    The reply ends there, now or later.
    """
    sink, flow = lines(failing)
    flow.received(b"1\n2\n")
    assert isinstance(sink.error, Denied)
    assert sink.body == b""
    waiting: Deferred[Json] = Deferred()
    sink, flow = lines(asking, lambda value: waiting)
    flow.received(b"1\n2\n")
    waiting.errback(EngineOdd("odd"))
    assert isinstance(sink.error, EngineOdd)
    assert (sink.body, sink.finished) == (b"", 0)


def test_lines_that_nobody_wants() -> None:
    """
    What they wait for is cancelled, and nothing comes after it.
    """
    waiting: Deferred[Json] = Deferred()
    sink, flow = lines(asking, lambda value: waiting)
    flow.received(b"1\n2\n")
    flow.stop()
    assert waiting.called
    assert (sink.body, sink.finished) == (b"", 0)
