"""
Compressions of archives, taken off in pieces of a bounded size.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import Protocol

#: A compressed archive may grow to so many times its size, beyond L{FREE_BYTES}.
RATIO = 200
FREE_BYTES = 16 * 1024 * 1024

#: Memory that unpacking xz may take: enough for what C{xz -7} makes.
_XZ_BYTES = 20 * 1024 * 1024

_PIECE = 64 * 1024

#: How many bytes of an archive tell how it is compressed.
MAGIC_LENGTH = 6


class Odd(Exception):
    """
    An archive can't be read in one way. The text goes on behind its name.
    """


class Unpacker(Protocol):
    """
    One compression, taken off.
    """

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """
        What a piece holds, in pieces of a bounded size.

        @raise Odd: where it is broken, or goes on after its end.
        """

    def end(self) -> None:
        """
        @raise Odd: where it ended too early.
        """


class _Plain:
    def unpack(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> None:
        """
        It may end anywhere.
        """


class _Deflated:
    """
    gzip. More than one member could be read in two ways, so it is refused.
    """

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def unpack(self, data: bytes) -> Iterator[bytes]:
        inner = self._inner
        while True:
            if inner.eof:
                if data:
                    raise Odd("goes on after its compressed end")
                return
            try:
                piece = inner.decompress(data, _PIECE)
            except zlib.error:
                raise _broken() from None
            if piece:
                yield piece
            data = inner.unused_data if inner.eof else inner.unconsumed_tail
            if not data and len(piece) < _PIECE and not inner.eof:
                return

    def end(self) -> None:
        if not self._inner.eof:
            raise _broken()


class _Blocks:
    """
    bzip2 and xz.
    """

    def __init__(self, inner: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._inner = inner

    def unpack(self, data: bytes) -> Iterator[bytes]:
        inner = self._inner
        while True:
            if inner.eof:
                if data or inner.unused_data:
                    raise Odd("goes on after its compressed end")
                return
            try:
                piece = inner.decompress(data, _PIECE)
            except (OSError, lzma.LZMAError, EOFError):
                raise _broken() from None
            data = b""
            if piece:
                yield piece
            if inner.needs_input:
                return

    def end(self) -> None:
        if not self._inner.eof:
            raise _broken()


def _broken() -> Odd:
    return Odd("is compressed in a way that dss can't unpack")


def unpacker(start: bytes) -> Unpacker:
    """
    The compression that the engine sees in an archive's first bytes.
    """
    if start.startswith(b"\x1f\x8b\x08"):
        return _Deflated()
    if start.startswith(b"BZh"):
        return _Blocks(bz2.BZ2Decompressor())
    if start.startswith(b"\xfd7zXZ\0"):
        return _Blocks(lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_BYTES))
    skippable = len(start) >= 4 and start[0] & 0xF0 == 0x50 and start[1:4] == b"*M\x18"
    if start.startswith(b"\x28\xb5\x2f\xfd") or skippable:
        raise Odd("is compressed by zstd, which dss does not read; gzip, bzip2 and xz are allowed")
    return _Plain()
