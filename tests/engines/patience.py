"""
Waiting for a state, with an end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

_PAUSE = 0.02

#: How long anything that should come may take to come, in seconds. A busy machine is slow; what
#: never comes is told in time all the same.
PATIENCE = 120.0


def eventually(look: Callable[[], Value], what: str, seconds: float = PATIENCE) -> Value:
    """
    Look until what is seen is true, and return it.

    @param look: a cheap look at the state.
    @param what: what is awaited, for the failure's message.
    @raise AssertionError: if it stays untrue, with what was seen last.
    """
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {what}; last seen: {seen!r}")
        time.sleep(_PAUSE)
    return seen
