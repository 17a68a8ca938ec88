"""
Images as far as containers need them: the owner's own and those that nobody owns.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dss.errors import EngineOdd, NotFound
from dss.model.facts import HooksOnEntry, ImageFacts, ImageNamed, Json, OwnContainers
from dss.model.owner import Owner, owner_of
from dss.model.ruling import EditJson, Forward, Judgement, Ruling, ask
from dss.policy.queries import filters_of, passed_on
from dss.policy.request import Circumstances, Request
from dss.policy.shown import labels_of

_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}|sha256:[0-9a-f]+")


def usable_image(reference: str, owner: Owner) -> Judgement[ImageFacts]:
    """
    The image that a reference means: the owner's own, or one that nobody owns.

    @raise NotFound: where it is missing or another owner's, in the engine's words.
    """
    found = yield from ask(ImageNamed(reference))
    if found is None or found.owner not in (None, owner.name):
        raise NotFound(f"No such image: {with_tag(reference)}")
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
    found = yield from usable_image(request.params["name"], around.owner)
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
        for entry in value:
            if _may_see(owner, entry) and (yield from ask(HooksOnEntry("image", entry))):
                shown = yield from _without_others(entry)
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
    names = [*(entry.get("RepoTags") or ()), *(entry.get("RepoDigests") or ())]
    return any(not name.startswith("<none>") for name in names)


def _without_others(entry: Json) -> Judgement[Json]:
    """
    An entry whose manifests name none of other owners' containers (Docker Engine API
    1.47, I{ImageManifestSummary}).
    """
    manifests = entry.get("Manifests")
    if not manifests:
        return entry
    own = {each.get("Id") for each in (yield from ask(OwnContainers()))}
    return {**entry, "Manifests": [_manifest(each, own) for each in manifests]}


def _manifest(manifest: Json, own: set[str]) -> Json:
    data = manifest.get("ImageData")
    if not isinstance(data, dict) or not data.get("Containers"):
        return manifest
    containers = [each for each in data["Containers"] if each in own]
    return {**manifest, "ImageData": {**data, "Containers": containers}}
