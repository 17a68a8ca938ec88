"""
The memory engine itself: what it holds behind one method that answers a request.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from dss.testing.engine.message import EngineRequest, Reply
from dss.testing.engine.router import handle
from dss.testing.engine.state import State
from dss.testing.engine.times import Clock


def random_id() -> str:
    """
    64 hex digits that nobody can guess.
    """
    return secrets.token_hex(32)


class MemoryEngine:
    """
    A small Docker Engine that runs nothing and touches nothing: containers, execs,
    images, networks and volumes are values in memory, and the programs in its
    containers are toys. Towards a client it behaves as Docker 28.5 does, which its
    contract tests prove against the real one.

    It begins with the images C{busybox:latest} and C{alpine:latest} and the three
    networks that every engine has. Any other image is made up when it is pulled.

    @ivar state: all that it holds. Tests may look and change.
    """

    def __init__(self, clock: Clock, new_id: Callable[[], str] = random_id) -> None:
        """
        @param clock: tells the time: a reactor, or a test's clock.
        @param new_id: gives 64 hex digits, never the same twice.
        """
        self.state = State(clock, new_id)

    def handle(self, request: EngineRequest) -> Reply:
        """
        Answer one request.
        """
        return handle(self.state, request)
