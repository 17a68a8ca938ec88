"""
Connections to a memory engine in the same process.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from zope.interface import implementer

from dss.testing.engine.memory import MemoryEngine
from dss.testing.engine.server import server_factory


class _ClientEnd(Factory):
    """
    Gives an adopted connection the one protocol that a client wants on it.
    """

    noisy = False

    def __init__(self, protocol: IProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return self._protocol


@implementer(IStreamClientEndpoint)
class MemoryEngineEndpoint:
    """
    Connects to a memory engine in this process, over a pair of sockets without a name:
    nobody else can reach it.
    """

    def __init__(self, engine: MemoryEngine, reactor: Any) -> None:
        """
        @param reactor: carries the connections, and tells the time.
        """
        self.engine = engine
        self._reactor = reactor
        self._factory = server_factory(engine, reactor)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Make a connection.
        """
        protocol = protocolFactory.buildProtocol(UNIXAddress(b""))
        if protocol is None:
            return fail(ConnectionRefusedError("the factory wants no protocol"))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            for end, factory in ((theirs, self._factory), (ours, _ClientEnd(protocol))):
                # The reactor keeps a descriptor of its own.
                end.setblocking(False)
                self._reactor.adoptStreamConnection(end.fileno(), socket.AF_UNIX, factory)
        return succeed(protocol)
