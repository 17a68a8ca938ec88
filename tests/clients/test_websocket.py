"""
C{attach/ws}: a container's streams in a websocket.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.clients.sides import Side, both_ways
from tests.clients.websocket import Websocket
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine

_ALL = "stream=1&stdin=1&stdout=1&stderr=1"


@contextmanager
def _attached(side: Side, container: str, query: str = _ALL) -> Iterator[Websocket]:
    websocket = Websocket(side.socket, f"/containers/{container}/attach/ws?{query}")
    try:
        yield websocket
    finally:
        websocket.close()


@both_ways
def test_words_in_and_out(side: Side) -> None:
    """
    With and without a terminal.
    """
    side.docker("run", "-di", "--name", "plain", "busybox", "cat")
    with _attached(side, "plain") as websocket:
        websocket.send(b"hello\n")
        assert websocket.until(b"hello\n") == b"hello\n"
    side.docker("run", "-dit", "--name", "typed", "busybox", "cat")
    with _attached(side, "typed") as websocket:
        websocket.send(b"hello\n")
        websocket.until(b"hello\r\nhello\r\n")


@both_ways
def test_the_end_of_the_container(side: Side) -> None:
    """
    It ends the websocket.
    """
    side.docker("run", "-di", "--name", "web", "busybox", "cat")
    with _attached(side, "web") as websocket:
        websocket.send(b"hello\n")
        websocket.until(b"hello\n")
        side.docker("kill", "web")
        assert websocket.ended()


@both_ways
def test_the_end_of_the_client(side: Side) -> None:
    """
    The container goes on, and another client may come.
    """
    side.docker("run", "-di", "--name", "web", "busybox", "cat")
    for word in (b"one\n", b"two\n"):
        with _attached(side, "web") as websocket:
            websocket.send(word)
            assert websocket.until(word) == word
    assert side.inspect("web")["State"]["Running"]


@both_ways
def test_a_large_message(side: Side) -> None:
    """
    More than one frame of the engine's.
    """
    side.docker("run", "-di", "--name", "web", "busybox", "cat")
    data = bytes(range(32, 127)) * 600 + b"\n"
    with _attached(side, "web") as websocket:
        websocket.send(data)
        assert websocket.until(b"\n") == data


@both_ways
def test_what_was_written_before(side: Side) -> None:
    """
    C{logs=1}.
    """
    side.docker("run", "-d", "--name", "web", "busybox", "sh", "-c", "echo early; exec sleep 60")
    eventually(lambda: side.start("logs", "web").finish().text == "early", "the output")
    with _attached(side, "web", "logs=1&stream=1&stdout=1") as websocket:
        assert websocket.until(b"early\n") == b"early\n"


@both_ways
def test_what_is_missing(side: Side) -> None:
    """
    The engine's answer, without an upgrade.
    """
    with pytest.raises(ConnectionRefusedError) as missing, _attached(side, "nobody"):
        pass
    side.see("missing", str(missing.value))
