"""
Waiting for a state, with an end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

_PAUSE = 0.02


def eventually(look: Callable[[], Value], what: str, seconds: float = 15.0) -> Value:
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
