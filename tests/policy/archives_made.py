"""
Archives of images, as C{docker save} makes them, for tests.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field


def tar(files: Iterable[tuple[str, bytes | str]], kind: int = tarfile.PAX_FORMAT) -> bytes:
    """
    A tar archive: of files, and of symbolic links where there is a text for bytes.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def layer(name: str = "file", content: bytes = b"x") -> bytes:
    """
    A layer with one file.
    """
    return tar([(name, content)])


def digest(data: bytes) -> str:
    """
    SHA-256, as Docker writes it.
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()


@define
class Image:
    """
    An image to save.

    @ivar layers: as the archive has them; their digests are those of what is in them.
    @ivar config: what is in the image's C{config}.
    """

    tags: list[str] = field(factory=list)
    layers: list[bytes] = field(factory=lambda: [layer()])
    config: Mapping[str, Any] = field(factory=dict)
    raw: bytes | None = None
    entry: Mapping[str, Any] = field(factory=dict)
    digests: list[str] | None = None

    @property
    def json(self) -> bytes:
        """
        The image's own JSON, of which its id is the digest.
        """
        if self.raw is not None:
            return self.raw
        digests = self.digests
        if digests is None:
            digests = [
                digest(gzip.decompress(each) if each[:1] == b"\x1f" else each)
                for each in self.layers
            ]
        return json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": dict(self.config),
                "rootfs": {"type": "layers", "diff_ids": digests},
                "history": [{"created_by": "a test"} for _ in digests],
            }
        ).encode()

    @property
    def id(self) -> str:
        """
        Its id.
        """
        return digest(self.json)


def saved(*images: Image, more: Iterable[tuple[str, bytes | str]] = ()) -> bytes:
    """
    An archive of images.
    """
    files: dict[str, bytes | str] = {}
    entries = []
    for image in images:
        names = []
        for each in image.layers:
            name = f"{digest(each)[7:19]}/layer.tar"
            files[name] = each
            names.append(name)
        config = f"{image.id[7:]}.json"
        files[config] = image.json
        entries.append({"Config": config, "RepoTags": image.tags, "Layers": names, **image.entry})
    files["manifest.json"] = json.dumps(entries).encode()
    files.update(more)
    return tar(files.items())
