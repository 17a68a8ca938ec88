"""
Streams of JSON values, one a line, as the engine writes events and progress.
"""

from __future__ import annotations

from dss.errors import EngineOdd


class LineSplitter:
    """
    Cuts a stream at its newlines, however the stream is cut into pieces.
    """

    __slots__ = ("_drops", "_is_dropping", "_limit", "_rest", "_size")

    def __init__(self, limit: int, drops: bool = False) -> None:
        """
        @param limit: how many bytes a line may have.
        @param drops: whether a longer line is left out, with the stream going on.
        """
        self._limit = limit
        self._drops = drops
        self._is_dropping = False
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take a piece of the stream.

        @return: the lines that it completes, each with its newline.
        @raise EngineOdd: if a line is over the limit.
        """
        *whole, rest = data.split(b"\n")
        lines = []
        for piece in whole:
            if not self._is_dropping:
                lines.append(b"".join([*self._rest, piece, b"\n"]))
            self._is_dropping = False
            self._rest = []
            self._size = 0
        if rest and not self._is_dropping:
            self._rest.append(rest)
            self._size += len(rest)
            if self._size > self._limit:
                self._too_long()
        return lines

    def _too_long(self) -> None:
        if not self._drops:
            raise EngineOdd(f"a line of the engine's reply is over {self._limit} bytes")
        self._is_dropping = True
        self._rest = []
        self._size = 0

    def end(self) -> list[bytes]:
        """
        The stream is over.

        @return: what came after the last newline, if anything did.
        """
        rest = b"".join(self._rest)
        self._rest = []
        self._size = 0
        return [rest] if rest else []
