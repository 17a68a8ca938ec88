"""
What was read in bytes that may come again.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Read = TypeVar("Read")


class Known(Generic[Read]):
    """
    Remembers what was read in some heads, by all of their bytes. Reading the same bytes
    again gives the same, and both sides say the same things again and again.

    @ivar get: what was read in these bytes, or L{None} where it is not remembered.
    """

    def __init__(self, most: int = 256, longest: int = 1024) -> None:
        """
        @param most: how many are remembered.
        @param longest: of how many bytes each.
        """
        self._known: dict[bytes, Read] = {}
        self._most = most
        self._longest = longest
        self.get = self._known.get

    def keep(self, data: bytes, read: Read) -> None:
        """
        Remember what was read in these bytes.
        """
        if len(data) > self._longest:
            return
        if len(self._known) >= self._most:
            # The first is the oldest.
            del self._known[next(iter(self._known))]
        self._known[data] = read
