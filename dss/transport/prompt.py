"""
UNIX transports that write at once.

A transport of Twisted's writes in the reactor's next turn: the reactor starts to watch
the descriptor, finds it writable, has it written to, and stops watching it. Nearly
always the kernel had room, and all of that was for nothing, a fifth of what a
short exchange costs (C{doc/performance.rst}). The transports here write as soon as whoever
was just given bytes to read has dealt with them, so that a head and its body still
leave together. What the kernel has no room for is Twisted's to write, with
its buffers and its producers, and so is what is written at any other time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConnector
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import ClientFactory
from twisted.internet.tcp import Connection
from twisted.internet.unix import Client, Connector, Server

#: How much is read at once while a stream fills the usual 64 KiB: as much as a UNIX socket takes
#: at once on the other side (Linux's C{wmem_default} is 208 KiB, bookkeeping included). For a
#: short message a read of that size would cost as much as it saves for a stream.
_LARGE_READ = 128 * 1024

#: A read of less than this ends it.
_SMALL_READ = 16 * 1024


class _Turn:
    """
    The time in which one transport's bytes are dealt with.

    @ivar runs: whether it is that time.
    @ivar written: the transports that were written to meanwhile.
    """

    def __init__(self) -> None:
        self.runs = False
        self.written: list[_Prompt] = []

    def end(self) -> None:
        """
        Send what was written. Nobody is called for that: what is left is little enough
        for Twisted to take it without pausing a producer.
        """
        self.runs = False
        if self.written:
            written, self.written = self.written, []
            for transport in written:
                transport.send()


# The reactor shows one descriptor at a time, and a process has one reactor.
_turn = _Turn()


class _Prompt(Connection):
    """
    What is changed in a transport of Twisted's.

    Whoever is in C{_turn.written} has pieces, and while there are pieces all that is
    written becomes one of them, so that nothing overtakes. There are none between two
    calls of the reactor's: ends of connections, which are the reactor's to
    make, come after all that was written before.
    """

    #: What was written in this turn and is not sent yet.
    _pieces: list[bytes]
    _size = 0

    #: Whether the reactor was asked to say when there is room: Twisted's own buffer
    #: may hold bytes, which come first.
    _awaits_room = False

    #: How many bytes are read at once.
    _most = Connection.bufferSize

    def doRead(self) -> ConnectionDone | ConnectionLost | None:  # type: ignore[override]
        # Not recvmsg(2), as Twisted does: nobody here takes descriptors, and the kernel
        # closes those that a peer sends along.
        try:
            data = self.socket.recv(self._most)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        size = len(data)
        if size >= self.bufferSize:
            self._most = _LARGE_READ
        elif self._most > self.bufferSize and size < _SMALL_READ:
            self._most = self.bufferSize
        _turn.runs = True
        try:
            self.protocol.dataReceived(data)
        finally:
            _turn.end()
        return None

    def write(self, data: bytes) -> None:
        pieces = self._pieces
        if not pieces:
            if not _turn.runs or self._awaits_room or not self.connected or not data:
                super().write(data)  # type: ignore[no-untyped-call]
                return
            _turn.written.append(self)
        pieces.append(data)
        self._size += len(data)
        if self._size > self.bufferSize:
            # Only what the kernel has no room for is held back, or slows a producer.
            self.send()

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def send(self) -> None:
        """
        Send the pieces, or leave them to Twisted.
        """
        pieces = self._pieces
        if not pieces:
            return
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._size = 0
        if not self.connected or self._aborting:
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            # There is no room, or nobody who reads: the reactor finds out which.
            sent = 0
        if sent < len(data):
            super().write(data[sent:] if sent else data)  # type: ignore[no-untyped-call]

    def startWriting(self) -> None:
        self._awaits_room = True
        super().startWriting()  # type: ignore[no-untyped-call]

    def stopWriting(self) -> None:
        if self._awaits_room:
            self._awaits_room = False
            super().stopWriting()  # type: ignore[no-untyped-call]


class PromptServer(_Prompt, Server):
    """
    The transport of a client that connected to a UNIX socket.
    """

    def __init__(self, *arguments: Any) -> None:
        self._pieces = []
        super().__init__(*arguments)  # type: ignore[no-untyped-call]


class PromptClient(_Prompt, Client):
    """
    The transport of a connection that was made to a UNIX socket.
    """

    def __init__(self, *arguments: Any) -> None:
        self._pieces = []
        super().__init__(*arguments)  # type: ignore[no-untyped-call]


class _Connector(Connector):
    def _makeTransport(self) -> Client:  # type: ignore[override]
        return PromptClient(self.address, self, self.reactor, self.checkPID)


class PromptConnections:
    """
    Connects to UNIX sockets as a reactor does (L{IReactorUNIX
    <twisted.internet.interfaces.IReactorUNIX>}), for an endpoint.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connectUNIX(
        self, address: str, factory: ClientFactory, timeout: float = 30, checkPID: bool = False
    ) -> IConnector:
        """
        Connect with a L{PromptClient}.
        """
        arguments = (address, factory, timeout, self._reactor, checkPID)
        connector = _Connector(*arguments)  # type: ignore[no-untyped-call]
        connector.connect()
        return connector
