"""
dss's own small questions to the engine, each with a JSON answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from dss.config.settings import Limits
from dss.engine.call import EngineCall
from dss.engine.pool import EnginePool
from dss.errors import DssError, EngineAway, EngineOdd
from dss.model.facts import Json
from dss.model.message import HeaderList, ResponseHead

_HEADERS = (("Host", "docker"),)


@frozen
class EngineAnswer:
    """
    What the engine answered.

    @ivar value: the JSON value; of an error, C{{"message": …}}.
    """

    status: int
    value: Json

    @property
    def message(self) -> str:
        """
        An error's message.
        """
        found = self.value.get("message") if isinstance(self.value, dict) else None
        if isinstance(found, str):
            return found
        return f"the Docker Engine answered what dss does not understand, status {self.status}"

    def expect_list(self) -> list[Json]:
        """
        The list that was asked for.

        @raise EngineOdd: if it is none.
        """
        if self.status != 200 or not isinstance(self.value, list):
            raise EngineOdd(self.message)
        return self.value

    def expect_object(self) -> dict[str, Json]:
        """
        The object that was asked for, and that must be there.

        @raise EngineOdd: if it is none.
        """
        if self.status != 200 or not isinstance(self.value, dict):
            raise EngineOdd(self.message)
        return self.value

    def object_if_any(self) -> Json:
        """
        The object that was asked for, or L{None} where there is none.

        @raise EngineOdd: if the engine said neither. A failed look-up is no answer.
        """
        if self.status == 200 and isinstance(self.value, dict):
            return self.value
        if self.status in (400, 404):
            return None
        raise EngineOdd(f"the Docker Engine can't look an object up: {self.message}")


def text_in(value: Json, name: str) -> str:
    """
    A text that an object of the engine's must have.

    @raise EngineOdd: where it has none.
    """
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise EngineOdd(f"the Docker Engine shows an object without its {name}")
    return found


class _Collector:
    """
    Collects one reply.
    """

    def __init__(self, limits: Limits, clock: IReactorTime) -> None:
        self.answer: Deferred[EngineAnswer] = Deferred(self._cancelled)
        self._limit = limits.reply_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._status = 0
        self._call: EngineCall | None = None
        self._deadline: IDelayedCall | None = clock.callLater(
            limits.question_seconds,
            self._fail,
            EngineAway("the Docker Engine did not answer in time"),
        )

    def start(self, call: EngineCall) -> None:
        self._call = call
        call.start()

    def _cancelled(self, answer: Deferred[EngineAnswer]) -> None:
        self._end()

    def _end(self) -> Deferred[EngineAnswer] | None:
        """
        Be done: the first to call this gets the answer's Deferred.
        """
        deadline, self._deadline = self._deadline, None
        if deadline is None:
            return None
        if deadline.active():
            deadline.cancel()
        if self._call is not None:
            self._call.drop()
        return self.answer

    def _fail(self, error: DssError) -> None:
        answer = self._end()
        if answer is not None:
            answer.errback(error)

    def request_accepted(self) -> None:
        """
        There is no body to send.
        """

    def reply_began(self, head: ResponseHead) -> None:
        self._status = head.status
        self._is_text = any(
            name.lower() == "content-type" and value.startswith("text/plain")
            for name, value in head.headers
        )

    def reply_received(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            self._fail(EngineOdd(f"the Docker Engine's answer is over {self._limit} bytes"))
            return
        self._pieces.append(data)

    def reply_ended(self) -> None:
        try:
            # Podman answers in plain text where it lacks a whole operation.
            text = b"null" if self._status == 404 and self._is_text else b"".join(self._pieces)
            value: Any = json.loads(text or b"null")
        except (ValueError, RecursionError):
            self._fail(EngineOdd("the Docker Engine's answer is not JSON"))
            return
        answer = self._end()
        if answer is not None:
            answer.callback(EngineAnswer(self._status, value))

    def switched(self, head: ResponseHead) -> None:
        self._fail(EngineOdd("the Docker Engine upgraded a question"))

    def engine_half_closed(self) -> None:
        """
        Only a raw stream has halves.
        """

    def engine_left(self) -> None:
        self._fail(EngineAway("the Docker Engine went away before it answered"))

    def call_failed(self, error: DssError) -> None:
        self._fail(error)

    def pause_request(self) -> None:
        """
        There is no body to pause.
        """

    def resume_request(self) -> None:
        """
        There is no body to resume.
        """


class Asker:
    """
    Asks the engine.
    """

    def __init__(self, pool: EnginePool, limits: Limits, clock: IReactorTime) -> None:
        self._pool = pool
        self._limits = limits
        self._clock = clock

    def get(
        self,
        segments: tuple[str, ...],
        query: Mapping[str, str] | None = None,
        headers: HeaderList = (),
    ) -> Deferred[EngineAnswer]:
        """
        C{GET} a path.

        @param segments: the path's segments, decoded; a slash in one is a slash of the
            path, as image names have them.
        @param headers: more headers than every question has.
        @return: the answer, whatever its status. It fails with L{EngineAway},
            L{EngineOdd}.
        """
        return self._ask("GET", _target(segments, query), (*_HEADERS, *headers), None)

    def delete(
        self, segments: tuple[str, ...], query: Mapping[str, str] | None = None
    ) -> Deferred[EngineAnswer]:
        """
        C{DELETE} a path.

        @param segments: as for L{get}.
        @return: as for L{get}.
        """
        return self._ask("DELETE", _target(segments, query), _HEADERS, None)

    def post(self, segments: tuple[str, ...], body: Any) -> Deferred[EngineAnswer]:
        """
        C{POST} a JSON value.

        @param segments: as for L{get}.
        @return: as for L{get}.
        """
        headers = (*_HEADERS, ("Content-Type", "application/json"))
        return self._ask("POST", _path(segments), headers, json.dumps(body).encode())

    def _ask(
        self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes | None
    ) -> Deferred[EngineAnswer]:
        collector = _Collector(self._limits, self._clock)
        collector.start(EngineCall(self._pool, collector, method, target, headers, body))
        return collector.answer


def _target(segments: tuple[str, ...], query: Mapping[str, str] | None) -> str:
    return _path(segments) + ("?" + urlencode(query) if query else "")


def _path(segments: tuple[str, ...]) -> str:
    return "".join("/" + quote(segment, safe="/:@") for segment in segments)
