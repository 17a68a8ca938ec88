"""
Images: list, inspect, pull, import, tag, remove, prune.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from dss.testing.engine.files import Tree
from dss.testing.engine.filters import Filters
from dss.testing.engine.message import (
    EngineError,
    EngineRequest,
    Outlet,
    Reply,
    Streamed,
    Whole,
)
from dss.testing.engine.state import Image, State, tagged
from dss.testing.engine.times import instant, stamp

_REPOSITORY = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_KNOWN = ("before", "dangling", "label", "label!", "reference", "since", "until")
_PRUNE_KNOWN = ("dangling", "label", "label!", "until")
_SIZE = 65536


def checked(repository: str, tag: str = "") -> str:
    """
    A reference to give to an image, with its tag.

    @raise EngineError: if it can't be one.
    """
    if repository != repository.lower() and not _REPOSITORY.fullmatch(repository):
        raise EngineError(
            400,
            "invalid reference format: repository name "
            f"({repository if '/' in repository else f'library/{repository}'}) must be lowercase",
        )
    if not _REPOSITORY.fullmatch(repository) or (tag and not _TAG.fullmatch(tag)):
        raise EngineError(400, "invalid reference format")
    return tagged(f"{repository}:{tag}" if tag else repository)


def give_tag(state: State, image: Image, reference: str) -> None:
    """
    An image takes a reference, from another image if need be.
    """
    for other in state.images.values():
        if reference in other.tags:
            other.tags.remove(reference)
    image.tags.append(reference)
    image.tagged = state.now
    _tell(state, image, "tag", reference)


def _tell(state: State, image: Image, action: str, name: str) -> None:
    state.journal.tell("image", action, image.id, {**image.labels, "name": name})


def listed(state: State, image: Image) -> dict[str, Any]:
    return {
        "Containers": sum(each.image is image for each in state.containers.values()),
        "Created": int(image.created),
        "Id": image.id,
        "Labels": image.config["Labels"],
        "ParentId": image.parent,
        "RepoDigests": list(image.digests),
        "RepoTags": list(image.tags),
        "SharedSize": -1,
        "Size": _SIZE,
    }


def list_(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /images/json}: the newest first.
    """
    filters = Filters.read(request, _KNOWN)
    dangling = filters.flag("dangling")
    parents = {each.parent for each in state.images.values()}
    before = [state.image(each).created for each in filters.get("before")]
    since = [state.image(each).created for each in filters.get("since")]
    entries = [
        listed(state, each)
        for each in sorted(state.images.values(), key=lambda image: image.created, reverse=True)
        if (each.tags or each.digests or request.flag("all") or each.id not in parents)
        and filters.labels(each.labels)
        and all(each.created < limit for limit in before)
        and all(each.created > limit for limit in since)
        and (dangling is None or dangling == (not each.tags))
        and _refers(filters.get("reference"), each)
    ]
    return Whole.json(entries)


def _refers(patterns: tuple[str, ...], image: Image) -> bool:
    return not patterns or any(
        fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
        for reference in image.tags
        for name in (reference, reference.rpartition(":")[0])
    )


def inspect(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /images/{name}/json}.
    """
    image = state.image(name)
    return Whole.json(
        {
            "Id": image.id,
            "RepoTags": list(image.tags),
            "RepoDigests": list(image.digests),
            "Parent": image.parent,
            "Comment": image.comment,
            "Created": stamp(image.created),
            "DockerVersion": "",
            "Author": "",
            "Architecture": "amd64",
            "Os": "linux",
            "Size": _SIZE,
            "GraphDriver": {"Data": None, "Name": "memory"},
            "RootFS": {"Type": "layers", "Layers": [f"sha256:{image.id[7:][::-1]}"]},
            "Metadata": {"LastTagTime": stamp(image.tagged)},
            "Config": image.config,
        }
    )


def history(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /images/{name}/history}.
    """
    entries = []
    image: Image | None = state.image(name)
    while image is not None:
        entries.append(
            {
                "Comment": image.comment,
                "Created": int(image.created),
                "CreatedBy": "",
                "Id": image.id,
                "Size": _SIZE,
                "Tags": list(image.tags) or None,
            }
        )
        image = state.images.get(image.parent)
    return Whole.json(entries)


def create(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /images/create}: a pull makes an image up, an import takes the files of a
    tar archive.
    """
    if request.text("fromSrc"):
        return _import(state, request)
    wanted, tag = request.text("fromImage"), request.text("tag")
    if not wanted:
        raise EngineError(400, "invalid reference format")
    if tag.startswith("sha256:"):
        reference = f"{wanted}@{tag}"
    elif "@" in wanted:
        reference = wanted
    else:
        repository, colon, own = wanted.rpartition(":")
        if not colon or "/" in own:
            repository, own = wanted, ""
        reference = checked(repository, tag or own)
    reference = tagged(reference)
    held = state.image_or_none(reference)
    outlet = Outlet()
    last = reference.rpartition("@" if "@" in reference else ":")[2]
    outlet.write_json({"status": f"Pulling from {reference.partition(':')[0]}", "id": last})
    image = held or state.make_image(f"pulled as {reference}", {"Cmd": ["serve"]})
    digest = reference.partition("@")[2] or f"sha256:{image.id[7:][::-1]}"
    if held is None:
        if "@" in reference:
            image.digests.append(reference)
        else:
            image.tags.append(reference)
            image.digests.append(f"{reference.rpartition(':')[0]}@{digest}")
    outlet.write_json({"status": f"Digest: {digest}"})
    how = "Image is up to date" if held else "Downloaded newer image"
    outlet.write_json({"status": f"Status: {how} for {reference}"})
    outlet.end()
    _tell(state, image, "pull", reference)
    return Streamed(outlet)


def _import(state: State, request: EngineRequest) -> Reply:
    repository = request.text("repo")
    reference = checked(repository, request.text("tag")) if repository else ""
    tree = Tree()
    tree.unpack("/", request.body)
    image = state.make_image("imported", {"Cmd": ["sh"]})
    image.tree = tree
    _tell(state, image, "import", image.id)
    if reference:
        give_tag(state, image, reference)
    outlet = Outlet()
    outlet.write_json({"status": image.id})
    outlet.end()
    return Streamed(outlet)


def tag(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /images/{name}/tag}.
    """
    reference = checked(request.text("repo"), request.text("tag"))
    give_tag(state, state.image(name), reference)
    return Whole(201)


def delete(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{DELETE /images/{name}}: by name, the name; the image itself with its last name,
    or by id.
    """
    image = state.image(name)
    wanted = tagged(name)
    removed = [wanted] if wanted in (*image.tags, *image.digests) else [*image.tags]
    by_id = removed != [wanted]
    users = [each for each in state.containers.values() if each.image is image]
    last = by_id or len(image.tags) == 1
    force = request.flag("force")
    if by_id and len(image.tags) > 1 and not force:
        raise EngineError(
            409,
            f"conflict: unable to delete {image.id[7:19]} (must be forced) - image is referenced "
            "in multiple repositories",
        )
    running = next((each for each in users if each.running), None)
    if last and running is not None and (by_id or not force):
        how = "cannot be forced" if by_id else "must force"
        raise EngineError(
            409,
            f'conflict: unable to remove repository reference "{name}" ({how}) - container '
            f"{running.id[:12]} is using its referenced image {image.id[7:19]}",
        )
    if last and users and not force:
        how = "must force" if not by_id else "must be forced"
        raise EngineError(
            409,
            f'conflict: unable to remove repository reference "{name}" ({how}) - container '
            f"{users[0].id[:12]} is using its referenced image {image.id[7:19]}",
        )
    told = []
    for reference in removed:
        if reference in image.tags:
            image.tags.remove(reference)
        else:
            image.digests.remove(reference)
        told.append({"Untagged": reference})
        _tell(state, image, "untag", image.id)
    if not image.tags and not users:
        told += [{"Untagged": each} for each in image.digests]
        told.append({"Deleted": image.id})
        del state.images[image.id]
        _tell(state, image, "delete", image.id)
    return Whole.json(told)


def prune(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /images/prune}: images that nobody uses and that have no tag, or with
    C{dangling=false} all that nobody uses.
    """
    filters = Filters.read(request, _PRUNE_KNOWN)
    dangling = filters.flag("dangling") is not False
    until = [instant(each, state.now) for each in filters.get("until")]
    used = {each.image.id for each in state.containers.values()}
    parents = {each.parent for each in state.images.values()}
    told: list[dict[str, str]] = []
    for image in list(state.images.values()):
        if (
            image.id in used | parents
            or (dangling and image.tags)
            or not filters.labels(image.labels)
            or not all(image.created < limit for limit in until)
        ):
            continue
        told += [{"Untagged": each} for each in image.tags]
        told.append({"Deleted": image.id})
        del state.images[image.id]
        _tell(state, image, "delete", image.id)
    state.journal.tell("image", "prune", "", {"reclaimed": "0"})
    return Whole.json({"ImagesDeleted": told or None, "SpaceReclaimed": 0})
