"""
Reads what an archive of images would make in an engine, as the engine reads it.

Facts are those of moby 20.10 to 28.5 (C{image/tarexport}).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from dss.errors import BadRequest
from dss.model import gojson
from dss.model.archives import ArchiveFile, ArchiveFiles
from dss.model.owner import owner_of
from dss.model.reference import Reference, canonical
from dss.policy.sizes import LABELS, labels_size

#: The most images of an archive, and levels of indices.
IMAGES = 1000
_LEVELS = 4

_TEXT = gojson.Text()
_MANIFEST = gojson.ListOf(
    gojson.Struct(
        {
            "Config": _TEXT,
            "RepoTags": gojson.ListOf(_TEXT),
            "Layers": gojson.ListOf(_TEXT),
            "Parent": _TEXT,
            "LayerSources": gojson.MapOf(gojson.Nothing()),
        }
    )
)

#: Where an index tells the name of an image.
_NAME = "io.containerd.image.name"
_REFERENCE_TYPE = "vnd.docker.reference.type"


@frozen
class Loaded:
    """
    An image that an archive would make.

    @ivar id: the id that it would have.
    @ivar owner: the owner that its label tells of.
    @ivar tags: its names.
    """

    id: str
    owner: str | None
    tags: tuple[Reference, ...]


def read(archive: ArchiveFiles) -> list[Loaded]:
    """
    Read an archive.

    @raise BadRequest: where the engine could not load it, or more than is seen here; and for
        layers that are not there: the engine would take its own of the same digest, whoever
        owns them.
    """
    file = archive.at("manifest.json")
    if file is None:
        # Older engines would read an older form. In the words of moby 28.5.
        raise BadRequest("invalid archive: does not contain a manifest.json")
    entries = gojson.decode(_json(file, "manifest.json"), _MANIFEST)
    if entries.unknown:
        raise BadRequest(f"manifest.json has the unknown field {entries.unknown[0].path}")
    if len(entries.value or ()) > IMAGES:
        raise BadRequest(f"the archive has more than {IMAGES} images")
    found = [_image(entry, archive) for entry in entries.value or ()]
    ids = {each.id for each in found}
    for entry in entries.value or ():
        parent = entry.get("Parent", "")
        if parent and parent not in ids:
            raise BadRequest("manifest.json names a parent that is not in the archive")
    _check_index(archive, found)
    return found


def _image(entry: dict[str, Any], archive: ArchiveFiles) -> Loaded:
    path = entry.get("Config", "")
    config = archive.at(_clean(path))
    if config is None:
        raise BadRequest(f"manifest.json names the file {path!r}, which is not in the archive")
    value = _json(config, path)
    root = _inside(value, "rootfs")
    wanted = _inside(root, "diff_ids")
    layers = entry.get("Layers", [])
    if not isinstance(wanted or [], list) or len(wanted or []) != len(layers):
        raise BadRequest("invalid manifest, layers length mismatch")
    for layer, digest in zip(layers, wanted or [], strict=True):
        file = archive.at(_clean(layer))
        if file is None or not file.unpacked or f"sha256:{file.unpacked}" != digest:
            raise BadRequest(f"the layer {layer!r} in the archive is not the one of its image")
    labels = gojson.MapOf(_TEXT)
    given = _inside(_inside(value, "config"), "labels")
    known = {} if given is None else gojson.decode(given, labels).value or {}
    if labels_size(known) > LABELS:
        raise BadRequest(f"an image in the archive has more than {LABELS} bytes of labels")
    return Loaded(f"sha256:{config.digest}", owner_of(known), _tags(entry))


def _tags(entry: dict[str, Any]) -> tuple[Reference, ...]:
    found = []
    for text in entry.get("RepoTags", []):
        reference = Reference.parse(text)
        if not reference.tag or reference.digest:
            raise BadRequest(f'invalid tag "{text}"')
        found.append(reference)
    return tuple(dict.fromkeys(found))


def _check_index(archive: ArchiveFiles, images: list[Loaded]) -> None:
    """
    The layout of OCI beside it, which other engines read, must tell of nothing else.
    """
    index = archive.at("index.json")
    if index is None:
        return
    ids = {each.id for each in images}
    names = {str(tag) for each in images for tag in each.tags}
    for config, name in _indexed(_json(index, "index.json"), archive, _LEVELS):
        if (config and config not in ids) or (name and canonical(name) not in names):
            raise BadRequest("the archive's index.json and manifest.json tell of different images")


def _indexed(value: Any, archive: ArchiveFiles, levels: int) -> Iterator[tuple[str, str]]:
    """
    The ids and the names in an index, those in indices that it names among them.
    """
    if not levels:
        raise BadRequest("the archive's index.json has too many levels")
    manifests = _inside(value, "manifests")
    for each in manifests if isinstance(manifests, list) else ():
        notes = _inside(each, "annotations")
        if _inside(notes, _REFERENCE_TYPE) is not None:
            # No image, but what is attested of one.
            continue
        name = _inside(notes, _NAME)
        yield "", name if isinstance(name, str) else ""
        digest = _inside(each, "digest")
        algorithm, _, digits = digest.partition(":") if isinstance(digest, str) else ("", "", "")
        file = archive.at(f"blobs/{algorithm}/{digits}")
        if file is None:
            continue
        if algorithm != "sha256" or file.digest != digits:
            raise BadRequest("the archive has a blob that is not what its name says")
        inner = _json(file, "a manifest")
        config = _inside(_inside(inner, "config"), "digest")
        if isinstance(config, str):
            yield config, ""
        yield from _indexed(inner, archive, levels - 1)


def _json(file: ArchiveFile, called: str) -> Any:
    if file.content is None:
        raise BadRequest(f"{called} in the archive is no JSON, or too large")
    return gojson.read(file.content)


def _inside(value: Any, name: str) -> Any:
    """
    A field of an object, in any case, as Go finds it; L{None} where there is none.

    @raise BadRequest: where it stands twice, or the value is no object.
    """
    if value is None:
        return None
    if not isinstance(value, gojson.Pairs):
        raise BadRequest("the archive has JSON of another form than an image's")
    found = [each for key, each in value.items if gojson.fold(key) == gojson.fold(name)]
    if len(found) > 1:
        raise BadRequest(f"the archive has JSON with two fields {name!r}")
    return found[0] if found else None


def _clean(path: str) -> str:
    return posixpath.normpath(posixpath.join("/", path)).lstrip("/")
