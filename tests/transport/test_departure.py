"""
Who is gone, and who only has no more to say.
"""

from __future__ import annotations

import socket
import struct

import pytest
from twisted.internet.task import Clock

from dss.transport.departure import DepartureWatch, departed
from dss.transport.ends import half_close


class Held:
    """
    A transport around a socket.
    """

    def __init__(self, handle: object) -> None:
        self._handle = handle

    def getHandle(self) -> object:
        """
        The socket.
        """
        return self._handle


def test_a_unix_socket() -> None:
    """
    The kernel tells a half-close from a close.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert departed(Held(ours)) is False
        theirs.shutdown(socket.SHUT_WR)
        assert departed(Held(ours)) is False
        theirs.close()
        assert departed(Held(ours)) is True
    assert departed(Held(ours)) is True


def test_our_own_half_close_is_no_departure() -> None:
    """
    Unless theirs follows: then neither has anything to say.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        ours.shutdown(socket.SHUT_WR)
        assert departed(Held(ours)) is False
        theirs.close()
        assert departed(Held(ours)) is True


def test_what_can_t_be_told() -> None:
    """
    Of other sockets no more is known than that the connection was broken off.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    with listening, socket.create_connection(listening.getsockname()) as other:
        ours, _ = listening.accept()
        with ours:
            assert departed(Held(ours)) is None
            other.shutdown(socket.SHUT_WR)
            assert departed(Held(ours)) is None
            other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            other.close()
            assert departed(Held(ours)) is True
    assert departed(object()) is None
    assert departed(Held(object())) is None


def test_a_watch() -> None:
    """
    Who leaves is told of once, soon; the clock stops when nobody is watched.
    """
    clock = Clock()
    watch = DepartureWatch(clock, 1.0)
    pairs = [socket.socketpair(socket.AF_UNIX) for _ in range(3)]
    left: list[int] = []
    transports = [Held(ours) for ours, _ in pairs]
    try:
        for number, transport in enumerate(transports):
            watch.watch(transport, lambda number=number: left.append(number))  # type: ignore[misc]
        clock.pump([1.0] * 3)
        assert left == []
        pairs[1][1].close()
        clock.advance(1.0)
        assert left == [1]
        clock.pump([1.0] * 3)
        assert left == [1]
        watch.forget(transports[0])
        pairs[0][1].close()
        pairs[2][1].close()
        clock.advance(1.0)
        assert left == [1, 2]
        clock.advance(1.0)
        assert clock.getDelayedCalls() == []
        watch.forget(transports[0])
    finally:
        for ours, theirs in pairs:
            ours.close()
            theirs.close()


def test_a_watch_in_which_one_departure_ends_another() -> None:
    """
    Telling of one may forget the next.
    """
    clock = Clock()
    watch = DepartureWatch(clock, 1.0)
    first, second = (socket.socketpair(socket.AF_UNIX) for _ in range(2))
    transports = Held(first[0]), Held(second[0])
    left: list[str] = []

    def first_left() -> None:
        left.append("first")
        watch.forget(transports[1])

    try:
        watch.watch(transports[0], first_left)
        watch.watch(transports[1], lambda: left.append("second"))
        first[1].close()
        second[1].close()
        clock.advance(1.0)
        assert left == ["first"]
        assert clock.getDelayedCalls() == []
    finally:
        for each in (*first, *second):
            each.close()


class Ending:
    """
    A transport that remembers how it was ended.
    """

    def __init__(self) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str) -> object:
        if name not in self.can:
            raise AttributeError(name)
        return lambda: self.done.append(name)

    can = frozenset({"unregisterProducer", "loseConnection", "loseWriteConnection"})


class WholeEnding(Ending):
    """
    One whose directions end together.
    """

    can = Ending.can - {"loseWriteConnection"}


@pytest.mark.parametrize(
    ("transport", "ended"),
    [(Ending(), "loseWriteConnection"), (WholeEnding(), "loseConnection")],
)
def test_half_close(transport: Ending, ended: str) -> None:
    """
    A producer that was paused does not keep the end from coming.
    """
    half_close(transport)
    assert transport.done == ["unregisterProducer", ended]
