"""
Transports that write at once, between a socket and a reactor that a test plays.
"""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock

from dss.transport.prompt import PromptServer

#: More than a UNIX socket takes at once.
MUCH = bytes(range(256)) * 4096


class Reactor(Clock):
    """
    Remembers whom it should watch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[object] = set()
        self.writers: set[object] = set()
        self.asked = 0

    def addReader(self, reader: object) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: object) -> None:
        self.readers.discard(reader)

    def addWriter(self, writer: object) -> None:
        self.asked += 1
        self.writers.add(writer)

    def removeWriter(self, writer: object) -> None:
        self.writers.discard(writer)


class Speaker(Protocol):
    """
    Does what a test wants when it is given bytes.
    """

    def __init__(self, heard: Callable[[], object]) -> None:
        self._heard = heard

    def dataReceived(self, data: bytes) -> None:
        self._heard()


class Producer:
    """
    Remembers what it is told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


class End:
    """
    A transport, and the other end of its socket. Each send(2) is a packet there.
    """

    def __init__(self, reactor: Reactor, kind: socket.SocketKind) -> None:
        ours, self.peer = socket.socketpair(socket.AF_UNIX, kind)
        self.peer.setblocking(False)
        self._reactor = reactor
        self.heard: Callable[[], object] = lambda: None
        protocol = Speaker(lambda: self.heard())
        self.transport: Any = PromptServer(ours, protocol, "", None, 0, reactor)
        protocol.makeConnection(self.transport)

    def hear(self, heard: Callable[[], object]) -> None:
        """
        Give the protocol bytes, with which it does this.
        """
        self.heard = heard
        self.peer.send(b"go")
        assert self.transport.doRead() is None

    def come(self) -> list[bytes]:
        """
        What came to the other end, packet by packet; C{b""} for an end.
        """
        found = []
        try:
            while data := self.peer.recv(1 << 20):
                found.append(data)
        except BlockingIOError:
            return found
        return [*found, b""]

    def drain(self) -> bytes:
        """
        Read all at the other end, while the reactor does its work.
        """
        found = b"".join(self.come())
        ended = None
        while self.transport in self._reactor.writers and ended is None:
            ended = self.transport.doWrite()
            found += b"".join(self.come())
        return found


@pytest.fixture
def reactor() -> Reactor:
    """
    The played reactor.
    """
    return Reactor()


@pytest.fixture
def end(reactor: Reactor) -> Iterator[End]:
    """
    One end, which sends packets.
    """
    made = End(reactor, socket.SOCK_SEQPACKET)
    yield made
    made.peer.close()


@pytest.fixture
def stream(reactor: Reactor) -> Iterator[End]:
    """
    One end, which sends a stream.
    """
    made = End(reactor, socket.SOCK_STREAM)
    yield made
    made.peer.close()


def test_what_is_written_in_a_turn_is_sent_as_one(end: End, reactor: Reactor) -> None:
    """
    A head and its body leave together, without the reactor's help.
    """

    def heard() -> None:
        end.transport.write(b"head ")
        end.transport.writeSequence([b"bo", b"dy"])
        assert end.come() == []

    end.hear(heard)
    assert end.come() == [b"head body"]
    assert reactor.asked == 0


def test_whoever_is_written_to(end: End, reactor: Reactor) -> None:
    """
    A turn is everybody's: what one side says goes out on the other.
    """
    other = End(reactor, socket.SOCK_SEQPACKET)
    end.hear(lambda: other.transport.write(b"passed on"))
    assert other.come() == [b"passed on"]
    assert reactor.asked == 0
    other.peer.close()


def test_outside_of_a_turn(end: End, reactor: Reactor) -> None:
    """
    The reactor writes what is written by a timer, say.
    """
    end.transport.write(b"later")
    assert end.come() == []
    assert reactor.writers == {end.transport}
    end.transport.doWrite()
    assert end.come() == [b"later"]
    assert reactor.writers == set()


def test_nothing_overtakes(stream: End, reactor: Reactor) -> None:
    """
    What the kernel has no room for comes before what is written afterwards.
    """
    stream.hear(lambda: stream.transport.write(MUCH))
    assert reactor.writers == {stream.transport}
    # Now there is room, and the reactor does not know yet.
    came = b"".join(stream.come())
    stream.hear(lambda: stream.transport.write(b"second"))
    stream.transport.write(b"third")
    assert came + stream.drain() == MUCH + b"secondthird"
    assert reactor.writers == set()


def test_a_producer_is_paused_by_the_kernel(stream: End) -> None:
    """
    Not by how much is written, but by how much is not sent.
    """
    producer = Producer()
    stream.transport.registerProducer(producer, True)
    stream.hear(lambda: stream.transport.write(bytes(100_000)))
    assert producer.told == []

    def heard() -> None:
        stream.transport.write(MUCH)
        assert producer.told == ["pause"]
        stream.transport.write(b"end")

    stream.hear(heard)
    assert len(stream.drain()) == 100_000 + len(MUCH) + 3
    assert producer.told[-1] == "resume"


def test_a_close_comes_last(end: End) -> None:
    """
    What was written before and after the wish to close is sent before the end.
    """

    def heard() -> None:
        end.transport.write(b"one ")
        end.transport.loseConnection()
        end.transport.write(b"two")

    end.hear(heard)
    assert end.come() == [b"one two"]
    assert isinstance(end.transport.doWrite(), ConnectionDone)


def test_a_half_close_comes_last(end: End) -> None:
    """
    So does the end of one direction; the other stays.
    """

    def heard() -> None:
        end.transport.write(b"all")
        end.transport.loseWriteConnection()

    end.hear(heard)
    assert end.come() == [b"all"]
    assert end.transport.doWrite() is None
    assert end.come() == [b""]
    end.hear(lambda: end.transport.write(b"too late"))
    assert end.come() == [b""]


def test_a_long_close(stream: End) -> None:
    """
    A close waits for what the kernel has no room for.
    """

    def heard() -> None:
        stream.transport.write(b"small")
        stream.transport.loseConnection()
        stream.transport.write(MUCH)

    stream.hear(heard)
    assert stream.drain() == b"small" + MUCH
    assert isinstance(stream.transport.doWrite(), ConnectionDone)


def test_an_abort_sends_nothing(end: End, reactor: Reactor) -> None:
    """
    What was written in the same turn is dropped, and so is what is written then.
    """

    def heard() -> None:
        end.transport.write(b"half of a reply")
        end.transport.abortConnection()
        end.transport.write(b"and more")

    end.hear(heard)
    assert end.come() == []
    reactor.advance(0)
    assert end.come() == [b""]


def test_a_peer_that_is_gone(stream: End, reactor: Reactor) -> None:
    """
    The reactor finds out, as it does with Twisted's own.
    """
    other = End(reactor, socket.SOCK_STREAM)
    other.peer.close()
    stream.hear(lambda: other.transport.write(b"anybody?"))
    assert reactor.writers == {other.transport}
    assert isinstance(other.transport.doWrite(), ConnectionLost)


def test_descriptors_that_a_peer_sends_along(stream: End) -> None:
    """
    Nobody takes them, and none stays open.
    """
    before = len(os.listdir("/proc/self/fd"))
    heard = []
    stream.heard = lambda: heard.append(True)
    with open(os.devnull) as file:
        passed = array.array("i", [file.fileno()])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)]
        stream.peer.sendmsg([b"take this"], rights)
    assert stream.transport.doRead() is None
    assert heard == [True]
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_stream_is_read_in_larger_pieces(stream: End) -> None:
    """
    As long as it fills them.
    """
    stream.peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    heard: list[int] = []
    stream.transport.protocol.dataReceived = lambda data: heard.append(len(data))
    stream.peer.sendall(bytes(300_000))
    for _ in range(3):
        stream.transport.doRead()
    stream.peer.sendall(bytes(100))
    stream.transport.doRead()
    stream.peer.sendall(bytes(200_000))
    stream.transport.doRead()
    assert heard == [65_536, 131_072, 300_000 - 65_536 - 131_072, 100, 65_536]
