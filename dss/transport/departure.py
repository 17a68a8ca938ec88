"""
Whether a peer that ended its side of a connection is gone for good.

An end of input means either that the peer has no more to say and still listens, or
that it closed its socket. HTTP can't tell the two apart; the kernel can, where both
ends are on one host: a UNIX socket whose peer has closed both directions polls as
hung up (poll(2), POLLHUP). Of another's peer it knows no more than that it broke the connection
off (POLLERR).
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall


def departed(transport: object) -> bool | None:
    """
    Whether the peer of a transport, which ended its side, closed the other one too.

    @return: L{None} where the kernel can't tell, which is so for all but UNIX
        sockets whose connection holds.
    """
    handle = getattr(transport, "getHandle", None)
    found = handle() if handle is not None else None
    if not isinstance(found, socket.socket):
        return None
    if found.fileno() < 0:
        return True
    is_local = found.family == socket.AF_UNIX
    gone = select.POLLHUP if is_local else select.POLLERR
    poll = select.poll()
    poll.register(found, 0)
    if any(event & gone for _, event in poll.poll(0)):
        return True
    return False if is_local else None


class DepartureWatch:
    """
    Looks now and then at the peers that ended their side only, or that nobody reads from for
    now, since the reactor no longer does.

    Twisted stops watching a descriptor for reading at its end of input, and while it is
    paused, and nothing else would show that the peer left until something is
    written to it, which on an idle stream may be never.
    """

    def __init__(self, clock: IReactorTime, seconds: float = 1.0) -> None:
        """
        @param seconds: how often to look.
        """
        self._watched: dict[object, Callable[[], None]] = {}
        self._seconds = seconds
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock

    def watch(self, transport: object, left: Callable[[], None]) -> None:
        """
        Look after one transport until its peer is gone or it is L{forgotten
        <forget>}.

        @param left: called once when the peer is gone.
        """
        self._watched[transport] = left
        if not self._loop.running:
            self._loop.start(self._seconds, now=False)

    def forget(self, transport: object) -> None:
        """
        No longer look after a transport.
        """
        # The loop ends by itself: many are watched for a moment only.
        self._watched.pop(transport, None)

    def look(self) -> None:
        """
        Look at all of them now.
        """
        for transport in list(self._watched):
            # One that left may have taken another with it.
            left = self._watched.get(transport)
            if left is not None and departed(transport):
                self.forget(transport)
                left()
        if not self._watched and self._loop.running:
            self._loop.stop()
