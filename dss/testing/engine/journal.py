"""
The memory engine's events: remembered, and told to those who listen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from dss.testing.engine.times import Clock, nano

#: How many events the engine remembers (moby 28.5, C{daemon/events}).
REMEMBERED = 256


class Journal:
    """
    All that happened lately.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.past: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.listeners: list[Callable[[dict[str, Any]], None]] = []

    def tell(self, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
        """
        Something happened.

        @param kind: such as C{container}.
        @param action: such as C{start}.
        @param actor: the object's id, or a volume's name.
        """
        when = nano(self._clock.seconds())
        event: dict[str, Any] = {}
        if kind in ("container", "image"):
            event["status"] = action
            if actor:
                event["id"] = actor
            if kind == "container" and "image" in attributes:
                event["from"] = attributes["image"]
        event |= {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": actor, "Attributes": dict(sorted(attributes.items()))},
            "scope": "local",
            "time": when // 10**9,
            "timeNano": when,
        }
        self.past.append(event)
        for listener in list(self.listeners):
            listener(event)
