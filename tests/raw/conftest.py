"""
A real C{twist dss} in front of the recording engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from attrs import frozen

from tests.engines.guard import Guard
from tests.raw.recorder import OWNER, Recorder
from tests.raw.speaking import converse, replies


@frozen
class Between:
    """
    A guard between a client of bytes and the recording engine.
    """

    recorder: Recorder
    guard: Guard

    def say(
        self, data: bytes, pieces: int | None = None
    ) -> list[tuple[int, dict[str, str], bytes]]:
        """
        Send these bytes on a new connection, end it, and read what comes.

        @param pieces: how many bytes to send at a time.
        @return: status, headers and body of each reply.
        """
        return replies(converse(self.guard.socket, data, pieces))


@pytest.fixture(scope="session")
def _between() -> Iterator[Between]:
    recorder = Recorder()
    guard = Guard(cast(Any, recorder), OWNER)
    between = Between(recorder, guard)
    assert between.say(b"GET /_ping HTTP/1.0\r\n\r\n")[0][0] == 200
    yield between
    guard.stop()
    recorder.stop()


@pytest.fixture
def hasty() -> Iterator[Guard]:
    """
    A guard that gives a head two seconds.
    """
    recorder = Recorder()
    guard = Guard(cast(Any, recorder), OWNER, options=["--limit", "head_seconds=2"])
    yield guard
    guard.stop()
    recorder.stop()


@pytest.fixture
def between(_between: Between) -> Iterator[Between]:
    """
    The guard and the recorder. Whatever the test says to them, the engine got nothing
    but whole requests, and dss did not fail.
    """
    _between.recorder.forget()
    _between.guard.mark()
    yield _between
    assert _between.recorder.malformed == []
    assert _between.guard.troubles() == ""
