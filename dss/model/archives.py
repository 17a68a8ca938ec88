"""
What dss knows of an archive of images, once it has streamed by.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen
class ArchiveFile:
    """
    A file in an archive.

    @ivar digest: SHA-256 of its bytes, in hexadecimal digits.
    @ivar unpacked: the same of what it unpacks to; its own digest where it is not compressed,
        and empty where dss can't unpack it.
    @ivar content: its bytes, where it could be JSON.
    """

    digest: str
    unpacked: str
    content: bytes | None = None


@frozen
class ArchiveFiles:
    """
    What is in an archive.

    @ivar files: by their paths, relative and clean.
    @ivar links: symbolic links, by their paths, each with the path that it leads to.
    """

    files: Mapping[str, ArchiveFile]
    links: Mapping[str, str]

    def at(self, path: str) -> ArchiveFile | None:
        """
        The file at a path, or where a link there leads to.
        """
        return self.files.get(self.links.get(path, path))
