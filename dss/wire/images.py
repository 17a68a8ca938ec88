"""
Reads an archive of images as it streams by: keeps what could be JSON, and digests of all else.
"""

from __future__ import annotations

import hashlib
import posixpath
import re

from dss.errors import BadRequest
from dss.model.archives import ArchiveFile, ArchiveFiles
from dss.wire.archive import ArchiveReader, Member, Sink
from dss.wire.unpacking import FREE_BYTES, MAGIC_LENGTH, RATIO, Odd, Unpacker, unpacker

#: The most bytes of one JSON file, and of all of them.
FILE_BYTES = 4 * 1024 * 1024
KEPT_BYTES = 32 * 1024 * 1024

#: The most files: each is remembered.
FILES = 20_000

_MAY_BE_JSON = re.compile(rb"[ \t\r\n]*(?:[{\[n]|\Z)")


class _File:
    """
    One file on its way.
    """

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        self.came = 0
        self._grown = 0
        self._size = size
        self._start = b""
        self._digest = hashlib.sha256()
        self._inner: Unpacker | None = None
        self._unpacked = hashlib.sha256()
        self._can_unpack = True
        self.content: bytearray | None = bytearray() if size <= FILE_BYTES else None

    def take(self, data: memoryview) -> None:
        self._digest.update(data)
        self.came += len(data)
        if self.content is not None:
            self.content += data
            if not _MAY_BE_JSON.match(self.content):
                self.content = None
        if self._inner is None:
            self._start += data
            if len(self._start) < MAGIC_LENGTH:
                return
            data, self._start = memoryview(self._start), b""
        self._unpack(bytes(data))

    def _unpack(self, data: bytes) -> None:
        if not self._can_unpack:
            return
        try:
            if self._inner is None:
                self._inner = unpacker(data)
            for piece in self._inner.unpack(data):
                self._grown += len(piece)
                self._unpacked.update(piece)
        except Odd:
            self._can_unpack = False
        if self._grown > FREE_BYTES + RATIO * self.came:
            raise Odd(f"has a file {self.path!r} that grows too much when it is unpacked")

    def ended(self) -> ArchiveFile:
        if self._inner is None:
            self._unpack(self._start)
        try:
            if self._inner is not None:
                self._inner.end()
        except Odd:
            self._can_unpack = False
        unpacked = self._unpacked.hexdigest() if self._can_unpack else ""
        content = None if self.content is None else bytes(self.content)
        return ArchiveFile(self._digest.hexdigest(), unpacked, content)


class ImagesReader(ArchiveReader):
    """
    Collects what tells which images an archive has.
    """

    called = "the archive of images"

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[str, ArchiveFile] = {}
        self._targets: dict[str, str] = {}
        self._file: _File | None = None
        self._kept = 0

    def member(self, member: Member) -> Sink | None:
        try:
            path = member.path[1:].decode("utf-8")
            target = member.target.decode("utf-8")
        except UnicodeDecodeError:
            raise Odd("has a name that is not UTF-8") from None
        if member.kind == "directory":
            if path in self._files:
                raise Odd(f"has {path!r} twice")
            return None
        if not path or path in self._files or path in self._targets:
            raise Odd(f"has {path!r} twice")
        if len(self._files) + len(self._targets) >= FILES:
            raise Odd(f"has more than {FILES} files")
        if member.kind == "symlink":
            # As older engines save a layer that two images have (moby 20.10).
            if not target or target.startswith("/"):
                raise Odd(f"has a link {path!r} that leads out of it")
            led = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target))
            self._targets[path] = led.lstrip("/")
            return None
        if member.kind != "file":
            raise Odd(f"has a member {path!r} that is neither a file nor a directory")
        self._file = _File(path, member.size)
        return self._file.take

    def member_ended(self) -> None:
        file, self._file = self._file, None
        assert file is not None
        self._files[file.path] = found = file.ended()
        if found.content is not None:
            self._kept += len(found.content)
            if self._kept > KEPT_BYTES:
                raise Odd(f"has more than {KEPT_BYTES} bytes of JSON")

    def files(self) -> ArchiveFiles:
        """
        What is in the archive, once its end was read.
        """
        for path, target in self._targets.items():
            if target in self._targets:
                raise BadRequest(f"{self.called} has a link {path!r} to a link")
        return ArchiveFiles(self._files, self._targets)
