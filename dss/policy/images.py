"""
Images as far as containers need them: the owner's own and those that nobody owns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dss.errors import EngineOdd, NotFound
from dss.model.facts import (
    HooksOnEntry,
    ImageFacts,
    ImageNamed,
    Json,
    OwnContainers,
    is_named,
)
from dss.model.owner import Owner, owner_of
from dss.model.ruling import EditJson, Forward, Judgement, Ruling, ask
from dss.model.version import ApiVersion
from dss.policy.queries import filters_of, passed_on
from dss.policy.request import Circumstances, Request
from dss.policy.shown import labels_of

_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}|sha256:[0-9a-f]+")


def usable_image(reference: str, owner: Owner, wording: str = "{0}") -> Judgement[ImageFacts]:
    """
    The image that a reference means: the owner's own, or a shared one.

    @param wording: what stands around the engine's message for a missing one: with a place
        for the message, and one for the reference.
    @raise NotFound: where it is missing or another owner's, in the engine's words.
    """
    found = yield from ask(ImageNamed(reference))
    if found is None or not found.is_usable(owner.name):
        raise NotFound(wording.format(f"No such image: {with_tag(reference)}", reference))
    return found


def with_tag(reference: str) -> str:
    """
    A reference as the engine repeats it in its errors: with the tag C{latest} where it has
    neither tag nor digest (moby 28.5).
    """
    if _IMAGE_ID.fullmatch(reference) or "@" in reference:
        return reference
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def inspect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting an image, asked for by its id.
    """
    # Engine 20.10 says it twice.
    is_old = around.engine_version < ApiVersion(1, 42)
    wording = "no such image: {1}: {0}" if is_old else "{0}"
    found = yield from usable_image(request.params["name"], around.owner, wording)
    return Forward(params={"name": found.id}, query=passed_on(request.query))


def listing(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing images: the owner's own, and those that nobody owns and that have
    a name. One without an owner and without a name is a step of somebody's build.

    @raise NotFound: where a filter names an image that the owner may not see.
    """
    filters = dict(filters_of(request))
    for key in ("before", "since"):
        if key in filters:
            found = []
            for reference in filters[key]:
                found.append((yield from usable_image(reference, around.owner)).id)
            filters[key] = tuple(dict.fromkeys(found))
    return Forward(
        query=passed_on({**request.query, "filters": filters}),
        reply=EditJson(_visible(around.owner)),
    )


def _visible(owner: Owner) -> Callable[[Json], Judgement[Json]]:
    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, list):
            raise EngineOdd("the engine's list of images is no list")
        kept = []
        changed = False
        seen = [entry for entry in value if _may_see(owner, entry)]
        own: Sequence[Json] = ()
        if any(_tells_of_containers(entry) for entry in seen):
            own = yield from ask(OwnContainers())
        for entry in seen:
            if (yield from ask(HooksOnEntry("image", entry))):
                shown = _without_others(entry, own)
                changed = changed or shown is not entry
                kept.append(shown)
        return kept if changed or len(kept) != len(value) else value

    return edit


def _may_see(owner: Owner, entry: Json) -> bool:
    if not isinstance(entry, dict):
        raise EngineOdd("an entry of the engine's list of images is no object")
    labels = labels_of(entry)
    if owner_of(labels) is not None:
        return owner.owns(labels)
    return is_named(entry)


def _tells_of_containers(entry: Json) -> bool:
    return bool(entry.get("Manifests")) or entry.get("Containers", -1) != -1


def _without_others(entry: Json, own: Sequence[Json]) -> Json:
    """
    An entry that tells of no other owner's containers: neither by their number, which is
    C{-1} where the engine did not count, nor in its manifests (Docker Engine API 1.47,
    I{ImageManifestSummary}).

    @param own: the owner's containers.
    """
    shown = entry
    if entry.get("Containers", -1) != -1:
        count = sum(each.get("ImageID") == entry.get("Id") for each in own)
        shown = shown if count == entry["Containers"] else {**shown, "Containers": count}
    if entry.get("Manifests"):
        ids = {each.get("Id") for each in own}
        shown = {**shown, "Manifests": [_manifest(each, ids) for each in entry["Manifests"]]}
    return shown


def _manifest(manifest: Json, own: set[str]) -> Json:
    data = manifest.get("ImageData")
    if not isinstance(data, dict) or not data.get("Containers"):
        return manifest
    containers = [each for each in data["Containers"] if each in own]
    return {**manifest, "ImageData": {**data, "Containers": containers}}
