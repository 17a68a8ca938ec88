"""
How a reply's body comes to the client: as it is, collected and edited, or line by
line.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from dss.errors import EngineOdd
from dss.model.facts import Json
from dss.model.message import ResponseHead
from dss.model.ruling import EditJson, EditLines, Judgement, Stream
from dss.proxy.judging import Answers, drive
from dss.wire.jsonlines import LineSplitter


class ReplySink(Protocol):
    """
    Where an edited reply goes to: the exchange.
    """

    def start_reply(self, head: ResponseHead) -> None:
        """
        The head to give to the client.
        """

    def write_reply(self, data: bytes) -> None:
        """
        A piece of the body to give to the client.
        """

    def finish_reply(self) -> None:
        """
        The reply is complete.
        """

    def fail_reply(self, failure: Failure) -> None:
        """
        The reply can't be given.
        """

    def hold_engine(self) -> None:
        """
        Read no more of the engine for now.
        """

    def free_engine(self) -> None:
        """
        Read of the engine again.
        """


class ReplyFlow(Protocol):
    """
    What becomes of one reply, given its body in pieces.
    """

    def received(self, data: bytes) -> None:
        """
        A piece of the body.
        """

    def ended(self) -> None:
        """
        The body is complete.
        """

    def stop(self) -> None:
        """
        Nobody wants it any longer.
        """


class PassOn:
    """
    The body as it is.
    """

    def __init__(self, sink: ReplySink, head: ResponseHead) -> None:
        self.received = sink.write_reply
        self._sink = sink
        sink.start_reply(head)

    def ended(self) -> None:
        self._sink.finish_reply()

    def stop(self) -> None:
        """
        Nothing is kept back.
        """


class Collected:
    """
    The body as one JSON value, edited whole. Nothing is given to the client before
    all is judged.
    """

    def __init__(
        self,
        sink: ReplySink,
        head: ResponseHead,
        treatment: EditJson | Stream,
        answers: Answers,
        limit: int,
    ) -> None:
        """
        @param limit: how many bytes the body may have.
        """
        self._sink = sink
        self._head = head
        self._treatment = treatment
        self._answers = answers
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._editing: Deferred[Json] | None = None

    def received(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            self._pieces = []
            self._sink.fail_reply(
                Failure(EngineOdd(f"the engine's reply is over {self._limit} bytes of JSON"))
            )
            return
        self._pieces.append(data)

    def ended(self) -> None:
        body = b"".join(self._pieces)
        self._pieces = []
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            if self._head.status < 400:
                self._sink.fail_reply(Failure(EngineOdd("the engine's reply is not JSON")))
            else:
                self._give(body)
            return
        try:
            edited = drive(self._edit(value), self._answers)
        except Exception:
            self._sink.fail_reply(Failure())
            return
        if isinstance(edited, Deferred):
            self._editing = edited
            edited.addCallback(self._edited, value, body)
            edited.addErrback(self._sink.fail_reply)
        else:
            self._edited(edited, value, body)

    def _edit(self, value: Json) -> Judgement[Json]:
        if self._head.status < 400:
            assert isinstance(self._treatment, EditJson)
            return (yield from self._treatment.edit(value))
        message = value.get("message") if isinstance(value, dict) else None
        if self._treatment.edit_error is None or not isinstance(message, str):
            return value
        told = yield from self._treatment.edit_error(self._head.status, message)
        return value if told == message else {"message": told}

    def _edited(self, edited: Json, value: Json, body: bytes) -> None:
        self._editing = None
        if edited is not value:
            # Go's encoder ends every value with a newline.
            body = json.dumps(edited, separators=(",", ":"), ensure_ascii=False).encode(
                "utf-8", "surrogatepass"
            )
            body += b"\n"
        self._give(body)

    def _give(self, body: bytes) -> None:
        head = self._head
        self._sink.start_reply(ResponseHead(head.status, head.reason, head.headers, len(body)))
        self._sink.write_reply(body)
        self._sink.finish_reply()

    def stop(self) -> None:
        editing, self._editing = self._editing, None
        self._pieces = []
        if editing is not None:
            editing.cancel()


class Lines:
    """
    The body as JSON values, one a line, edited one by one and in order.
    """

    def __init__(
        self,
        sink: ReplySink,
        head: ResponseHead,
        treatment: EditLines,
        answers: Answers,
        limit: int,
    ) -> None:
        """
        @param limit: how many bytes a line may have.
        """
        self._sink = sink
        self._treatment = treatment
        self._answers = answers
        self._splitter = LineSplitter(limit, treatment.drops_long)
        self._waiting: deque[bytes] = deque()
        self._editing: Deferred[Json] | None = None
        self._ended = False
        sink.start_reply(ResponseHead(head.status, head.reason, head.headers))

    def received(self, data: bytes) -> None:
        try:
            self._waiting.extend(self._splitter.feed(data))
        except EngineOdd:
            self._sink.fail_reply(Failure())
            return
        self._work()

    def ended(self) -> None:
        self._waiting.extend(self._splitter.end())
        self._ended = True
        self._work()

    def _work(self) -> None:
        while self._waiting and self._editing is None:
            line = self._waiting.popleft()
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                edited = drive(self._treatment.edit(value), self._answers)
            except Exception:
                self._waiting.clear()
                self._sink.fail_reply(Failure())
                return
            if isinstance(edited, Deferred):
                self._editing = edited
                self._sink.hold_engine()
                edited.addCallback(self._edited_later, value, line)
                edited.addErrback(self._sink.fail_reply)
                return
            self._edited(edited, value, line)
        if self._ended and self._editing is None:
            self._ended = False
            self._sink.finish_reply()

    def _edited_later(self, edited: Json, value: Json, line: bytes) -> None:
        self._editing = None
        self._sink.free_engine()
        self._edited(edited, value, line)
        self._work()

    def _edited(self, edited: Json, value: Json, line: bytes) -> None:
        if edited is value:
            self._sink.write_reply(line)
        elif edited is not None:
            text = json.dumps(edited, separators=(",", ":"), ensure_ascii=False)
            self._sink.write_reply(text.encode("utf-8", "surrogatepass") + b"\n")

    def stop(self) -> None:
        self._waiting.clear()
        editing, self._editing = self._editing, None
        if editing is not None:
            editing.cancel()
