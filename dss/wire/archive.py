"""
Reads a tar archive, perhaps a compressed one, as it streams by.

It is stricter than the engine's own reader: what two readers could understand in two
ways is refused. Facts of the engine are those of moby 28.5 (C{pkg/archive}) and of Go's
C{archive/tar}.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator

from attrs import frozen

from dss.errors import BadRequest
from dss.wire.unpacking import FREE_BYTES, MAGIC_LENGTH, RATIO, Odd, Unpacker, unpacker

#: The most bytes of a long name, or of one member's extended header.
SPECIAL_BYTES = 256 * 1024

#: The most members of an archive.
MEMBERS = 1_000_000

#: The most links of an archive: each is remembered, by 16 bytes.
LINKS = 50_000

_BLOCK = 512
_ZEROS = bytes(_BLOCK)

_OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_TIMES = re.compile(rb"(?:\0{12}|[0-7]{11}[ \0]){2}\0*")
_RECORD_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")
_DECIMAL = re.compile(rb"[0-9]{1,16}")
_HEADER_ONLY = b"123456"
_LINK_TYPES = b"12"


@frozen
class Member:
    """
    One member's head.

    @ivar kind: C{file}, C{link} (a hard one), C{symlink}, C{directory} or C{other}.
    @ivar path: absolute within the archive, and clean.
    @ivar target: of a link, as it was written.
    """

    kind: str
    path: bytes
    target: bytes
    size: int


#: What takes a member's bytes.
Sink = Callable[[memoryview], object]

_KINDS = {b"\0": "file", b"0": "file", b"1": "link", b"2": "symlink", b"5": "directory"}


class ArchiveReader:
    """
    Reads an archive piece by piece, in memory that does not grow with it.

    @ivar complete: whether the archive's end was read: what is beyond that is nothing.
    """

    #: What it is called in messages.
    called = "the archive"

    def __init__(self) -> None:
        self._unpacker: Unpacker | None = None
        self._start = b""
        self._came = 0
        self._grown = 0
        self._pending = bytearray()
        self._left = 0
        self._padding = 0
        self._take: Sink | None = None
        self._special: bytearray | None = None
        self._special_type = b""
        self._name: bytes | None = None
        self._link_name: bytes | None = None
        self._records: dict[bytes, bytes] | None = None
        self._one_zero_block = False
        self._members = 0
        self._links: set[bytes] = set()
        self.complete = False

    def member(self, member: Member) -> Sink | None:
        """
        A member begins: for a reader of one kind of archive.

        @return: what takes its bytes, or L{None} where nobody wants them.
        @raise Odd: where it should not be there.
        """
        raise NotImplementedError

    def member_ended(self) -> None:
        """
        All of a member was taken.
        """

    def feed(self, data: bytes) -> None:
        """
        Read a piece.

        @raise BadRequest: where it is no archive that can be read in one way.
        """
        self._came += len(data)
        if self._unpacker is None:
            self._start += data
            if len(self._start) < MAGIC_LENGTH:
                return
            data, self._start = self._start, b""
        try:
            if self._unpacker is None:
                self._unpacker = unpacker(data)
            self._unpack(data)
        except Odd as odd:
            raise BadRequest(f"{self.called} {odd}") from None

    def _unpack(self, data: bytes) -> None:
        assert self._unpacker is not None
        for piece in self._unpacker.unpack(data):
            self._grown += len(piece)
            if self._grown > FREE_BYTES + RATIO * self._came:
                raise Odd("grows too much when it is unpacked")
            self._read(piece)

    def end(self) -> None:
        """
        Nothing more comes.

        @raise BadRequest: where the archive ended too early.
        """
        try:
            if self._unpacker is None:
                self._unpacker = unpacker(self._start)
                self._unpack(self._start)
            self._unpacker.end()
            if not self.complete:
                if self._pending or self._left or self._padding or not self._members:
                    raise Odd("is no whole tar archive")
                self._finish()
        except Odd as odd:
            raise BadRequest(f"{self.called} {odd}") from None

    def _read(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            if self.complete:
                if any(view):
                    raise Odd("goes on after its archive's end")
                return
            if self._left:
                taken = view[: self._left]
                self._left -= len(taken)
                view = view[len(taken) :]
                if self._take is not None:
                    self._take(taken)
                if not self._left:
                    if self._special is not None:
                        self._end_special()
                    elif self._take is not None:
                        self._end_member()
            elif self._padding:
                taken = view[: self._padding]
                self._padding -= len(taken)
                view = view[len(taken) :]
            else:
                taken = view[: _BLOCK - len(self._pending)]
                self._pending += taken
                view = view[len(taken) :]
                if len(self._pending) == _BLOCK:
                    block = bytes(self._pending)
                    self._pending.clear()
                    self._block(block)

    def _block(self, block: bytes) -> None:
        if block == _ZEROS:
            if self._one_zero_block:
                self._finish()
            self._one_zero_block = True
            return
        if self._one_zero_block:
            raise Odd("has an empty block between its members")
        self._members += 1
        if self._members > MEMBERS:
            raise Odd(f"has more than {MEMBERS} members")
        _check_sum(block)
        kind = block[156:157]
        size = _number(block[124:136])
        self._take = None
        if kind in (b"L", b"K", b"x", b"g"):
            self._begin_special(kind, size)
        elif kind == b"\0" or (kind in b"01234567" and kind != b"7"):
            size = self._member(kind, block, size)
        else:
            raise Odd(f"has a member of the kind {kind!r}, which dss does not read")
        self._left = size
        self._padding = -size % _BLOCK

    def _finish(self) -> None:
        if self._name is not None or self._link_name is not None or self._records is not None:
            raise Odd("ends after the head of a member")
        self.complete = True

    def _begin_special(self, kind: bytes, size: int) -> None:
        if not 0 < size <= SPECIAL_BYTES:
            raise Odd("has a name or a head of a forbidden size")
        # Go drops what a global head follows, and other mixtures have no one meaning.
        pending = self._name is not None or self._link_name is not None
        if (
            self._records is not None
            or (kind in b"xg" and pending)
            or (kind == b"L" and self._name is not None)
            or (kind == b"K" and self._link_name is not None)
        ):
            raise Odd("has heads that contradict each other")
        self._special = bytearray()
        self._take = self._special.extend
        self._special_type = kind

    def _end_special(self) -> None:
        assert self._special is not None
        data, self._special = bytes(self._special), None
        self._take = None
        if self._special_type in b"LK":
            name = data.rstrip(b"\0")
            if not name or b"\0" in name:
                raise Odd("has a long name that is none")
            if self._special_type == b"L":
                self._name = name
            else:
                self._link_name = name
            return
        records = _records(data)
        if self._special_type == b"x":
            self._records = records
        elif records.keys() & {b"path", b"linkpath", b"size"}:
            raise Odd("has a name for all of its members")

    def _member(self, kind: bytes, block: bytes, size: int) -> int:
        """
        A member's head.

        @return: how many bytes of data follow.
        """
        name = self._name if self._name is not None else _short_name(block)
        target = self._link_name
        if target is None:
            target = block[157:257].partition(b"\0")[0]
        records = self._records or {}
        self._name = self._link_name = self._records = None
        name = records.get(b"path", name)
        target = records.get(b"linkpath", target)
        if b"size" in records:
            if not _DECIMAL.fullmatch(records[b"size"]):
                raise Odd("has a size that is no number")
            size = int(records[b"size"])
        regular = kind in (b"\0", b"0")
        if not name or (regular and name.endswith(b"/")):
            raise Odd("has a file without a name")
        if size and not regular:
            raise Odd("has a link or a directory with data")
        path = cleaned(name)
        if any(_digest(each) in self._links for each in ancestors(path)):
            raise Odd(f"writes {path!r} through a link of its own")
        if kind in _LINK_TYPES:
            if len(self._links) >= LINKS:
                raise Odd(f"has more than {LINKS} links")
            self._links.add(_digest(path))
        self._take = self.member(Member(_KINDS.get(kind, "other"), path, target, size))
        if self._take is not None and not size:
            self._end_member()
        return size

    def _end_member(self) -> None:
        self._take = None
        self.member_ended()


def cleaned(name: bytes) -> bytes:
    """
    A member's path below the context, as the engine cleans it.
    """
    return posixpath.normpath(b"/" + name.lstrip(b"/"))


def ancestors(path: bytes) -> Iterator[bytes]:
    """
    The directories above a clean path, the context's root among them.
    """
    while path != b"/":
        path = posixpath.dirname(path)
        yield path


def _digest(path: bytes) -> bytes:
    return hashlib.blake2b(path, digest_size=16).digest()


def _check_sum(block: bytes) -> None:
    expected = _number(block[148:156])
    if expected != sum(block) - sum(block[148:156]) + 8 * 32:
        raise Odd("is no tar archive")


def _number(field: bytes) -> int:
    if field[0] == 0x80:
        value = int.from_bytes(field[1:], "big")
        if value < 2**53:
            return value
    elif match := _OCTAL.fullmatch(field):
        return int(match[1] or b"0", 8)
    raise Odd("has a number that dss can't read")


def _short_name(block: bytes) -> bytes:
    """
    The name in a member's own head, which depends on the dialect.
    """
    name = block[:100].partition(b"\0")[0]
    magic = block[257:265]
    if magic[:6] == b"ustar\0":
        if block[508:512] == b"tar\0":
            raise Odd("is an archive of star's, which dss does not read")
        prefix = block[345:500].partition(b"\0")[0]
        return prefix + b"/" + name if prefix else name
    if magic == b"ustar  \0" and not _TIMES.fullmatch(block[345:500]):
        raise Odd("has a head that could be read in two ways")
    return name


def _records(data: bytes) -> dict[bytes, bytes]:
    """
    The records of an extended header (POSIX, I{pax}).
    """
    found: dict[bytes, bytes] = {}
    place = 0
    while place < len(data):
        match = _RECORD_LENGTH.match(data, place)
        end = place + int(match[1]) if match else 0
        key, equals, value = data[match.end() : end - 1].partition(b"=") if match else (b"",) * 3
        if not equals or end > len(data) or data[end - 1 : end] != b"\n" or not key:
            raise Odd("has an extended header that dss can't read")
        if key in found or key.startswith(b"GNU.sparse."):
            raise Odd("has a sparse file or a repeated record")
        if key in (b"path", b"linkpath", b"size") and (not value or b"\0" in value):
            raise Odd("has a name or a size that is none")
        found[key] = value
        place = end
    return found
