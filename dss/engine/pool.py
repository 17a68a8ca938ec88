"""
Connections to the engine, some of them kept for the next request.

One pool serves one owner, so that no owner's request follows another's on a
connection. A connection comes back only after a request and a reply that both ended
cleanly, and goes out again only for a request that may safely be sent twice: the
engine may have closed it in the meantime, and nobody could tell whether a request
that got no reply was carried out.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall

from dss.engine.connection import EngineConnection
from dss.transport.departure import DepartureWatch

#: How many idle connections are kept, and for how long.
MAX_IDLE = 64
IDLE_SECONDS = 30.0

#: For how many clients that left the engine is still given what they sent, and for how long at
#: most: a container may never read its input.
MAX_LEAVING = 64
LEAVING_SECONDS = 10.0


class _Connections(Factory):
    """
    Builds the connections of one pool.
    """

    noisy = False

    def __init__(self, departures: DepartureWatch) -> None:
        self._departures = departures

    def buildProtocol(self, addr: IAddress | None) -> EngineConnection:
        return EngineConnection(self._departures)


class EnginePool:
    """
    Makes and keeps connections to one engine.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, clock: IReactorTime) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._idle: list[EngineConnection] = []
        self._leaving: list[EngineConnection] = []
        self._loop = LoopingCall(self._close_idle)
        self._loop.clock = clock
        self._factory = _Connections(DepartureWatch(clock))

    def take_idle(self) -> EngineConnection | None:
        """
        A connection that was used before and is still open, if there is one.
        """
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost:
                return connection
        return None

    def connect(self) -> Deferred[EngineConnection]:
        """
        A new connection. The errback says why there is none.
        """
        # The endpoint gives what the factory built, whatever its annotation says.
        return cast("Deferred[EngineConnection]", self._endpoint.connect(self._factory))

    def give_back(self, connection: EngineConnection) -> None:
        """
        Keep a connection for another request, or close it.
        """
        connection.release()
        if connection.lost or len(self._idle) >= MAX_IDLE:
            connection.close()
            return
        connection.resume_reply()
        connection.idle_since = self._clock.seconds()
        self._idle.append(connection)
        self._watch()

    def let_go(self, connection: EngineConnection) -> None:
        """
        Close a connection once the engine has what was written, if that is soon.
        """
        connection.close()
        if connection.lost:
            return
        connection.idle_since = self._clock.seconds()
        self._leaving = [each for each in self._leaving if not each.lost]
        self._leaving.append(connection)
        if len(self._leaving) > MAX_LEAVING:
            self._leaving.pop(0).drop()
        self._watch()

    def _watch(self) -> None:
        if not self._loop.running:
            self._loop.start(IDLE_SECONDS / 3, now=False)

    def _close_idle(self) -> None:
        now = self._clock.seconds()
        before = now - IDLE_SECONDS
        old = [each for each in self._idle if each.idle_since < before or each.lost]
        self._idle = [each for each in self._idle if each not in old]
        for connection in old:
            connection.close()
        self._leaving = [each for each in self._leaving if not each.lost]
        while self._leaving and self._leaving[0].idle_since <= now - LEAVING_SECONDS:
            self._leaving.pop(0).drop()
        if not (self._idle or self._leaving) and self._loop.running:
            self._loop.stop()

    def close(self) -> None:
        """
        Close all connections that carry nothing.
        """
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        leaving, self._leaving = self._leaving, []
        for connection in leaving:
            connection.drop()
        if self._loop.running:
            self._loop.stop()
