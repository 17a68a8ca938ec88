"""
A port for a UNIX socket that listens already, and those that systemd hands over.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

from dss.transport.prompt import PromptServer


class BoundPort(unix.Port):
    """
    Accepts connections at a socket. Twisted's own port binds, changes the mode and removes
    the file by its path, also where it adopts a socket: it would open to everybody what
    systemd made for a few. This one leaves the file alone.
    """

    transport = PromptServer

    def __init__(
        self, listening: socket.socket, path: str, factory: IProtocolFactory, reactor: Any
    ) -> None:
        """
        @param path: the socket's, for the log.
        """
        unix.Port.__init__(self, os.fsencode(path), factory, reactor=reactor)
        # What systemd handed over is systemd's too, and goes on without dss.
        self._shouldShutdown = False
        self._listening = listening

    def startListening(self) -> None:
        """
        Begin to accept connections.
        """
        # Lets connections be turned away where there are no descriptors left.
        tcp._reservedFD.reserve()
        assert self.factory is not None
        self.factory.doStart()
        self.connected = True
        self.socket = self._listening
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.numberAccepts = 100
        self.startReading()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:
        """
        Accept no more.
        """
        tcp.Port.connectionLost(self, reason)


def inherited(description: str, reactor: Any) -> socket.socket | None:
    """
    A UNIX socket that systemd made; L{None} if what is meant is of another family.

    @param description: an endpoint string of the kind C{systemd}.
    @raise ValueError: if systemd gave none of that name or number.
    """
    try:
        # Twisted takes what systemd says out of the environment, so only it knows.
        endpoint = serverFromString(reactor, description)
    except LookupError:
        raise ValueError("systemd gave dss no such socket") from None
    if (
        not isinstance(endpoint, AdoptedStreamServerEndpoint)
        or endpoint.addressFamily != socket.AF_UNIX
    ):
        return None
    found = socket.socket(fileno=os.dup(endpoint.fileno))
    if found.family != socket.AF_UNIX or not found.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    ):
        found.close()
        raise ValueError("what systemd gave dss is no UNIX socket that listens")
    found.setblocking(False)
    return found
