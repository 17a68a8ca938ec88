"""
What an owner is shown of images: its own and those that nobody owns, under the names that it
may know.
"""

from __future__ import annotations

from collections.abc import Sequence

from dss.errors import EngineOdd
from dss.model.facts import HooksOnEntry, ImageFacts, Json, OwnContainers
from dss.model.images import AllImages, AllRecords
from dss.model.owner import Owner
from dss.model.reference import canonical
from dss.model.ruling import Edit, EditJson, Forward, Judgement, Ruling, Stream, ask
from dss.model.version import ApiVersion
from dss.policy.images.resolving import as_asked, usable_image
from dss.policy.images.seen import listed, without_others_names, without_reserved
from dss.policy.queries import filters_of, passed_on
from dss.policy.request import Circumstances, Request


def inspect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting an image, asked for by its id.
    """
    # Engine 20.10 says it twice.
    is_old = around.engine_version < ApiVersion(1, 42)
    wording = "no such image: {1}: {0}" if is_old else "{0}"
    reference = request.params["name"]
    found = yield from usable_image(reference, around.owner, wording)
    return Forward(
        params={"name": found.id},
        query=passed_on(request.query),
        reply=EditJson(_inspected(found, around.owner), edit_error=as_asked(reference, found)),
    )


def _inspected(facts: ImageFacts, owner: Owner) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, dict) or value.get("Id") != facts.id:
            raise EngineOdd("the engine's image is another one")
        shown = dict(without_others_names(value, facts, owner.name))
        for key in ("Config", "ContainerConfig"):
            if isinstance(shown.get(key), dict):
                shown[key] = without_reserved(shown[key])
        return value if shown == value else shown
        yield  # pragma: no cover - makes this function a generator

    return edit


def history(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of an image's history, asked for by its id: without tags of others on what it
    was built upon.
    """
    reference = request.params["name"]
    found = yield from usable_image(reference, around.owner)
    return Forward(
        params={"name": found.id},
        query=passed_on(request.query),
        reply=EditJson(_told(around.owner), edit_error=as_asked(reference, found)),
    )


def _told(owner: Owner) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, list):
            raise EngineOdd("the engine's history of an image is no list")
        if not any(isinstance(each, dict) and each.get("Tags") for each in value):
            return value
        images = {each["Id"]: each for each in (yield from ask(AllImages(with_steps=True)))}
        records = yield from ask(AllRecords())
        shown = []
        for each in value:
            tags = each.get("Tags")
            image = images.get(each.get("Id"))
            if tags:
                facts = None if image is None else listed(image, records)
                tags = [
                    tag
                    for tag in tags
                    if facts is not None and facts.is_visible(canonical(tag), owner.name)
                ]
                each = {**each, "Tags": tags or None}
            shown.append(each)
        return value if shown == value else shown

    return edit


def attestations(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of an image's attestations, asked for by its id.
    """
    reference = request.params["name"]
    found = yield from usable_image(reference, around.owner)
    return Forward(
        params={"name": found.id},
        query=passed_on(request.query),
        reply=Stream(edit_error=as_asked(reference, found)),
    )


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
        reply=EditJson(shown_entries(around, bool(filters.get("reference")))),
    )


def shown_entries(around: Circumstances, by_name: bool = False) -> Edit:
    """
    Edits a list of images: those that the owner may see, under the names that it may know.

    @param by_name: whether the engine was asked for some names only.
    """
    owner = around.owner.name
    none = "<none>:<none>" if around.engine_version < ApiVersion(1, 43) else ""

    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, list):
            raise EngineOdd("the engine's list of images is no list")
        records = yield from ask(AllRecords())
        seen = [(each, listed(each, records)) for each in value]
        seen = [(each, facts) for each, facts in seen if facts.is_usable(owner)]
        own: Sequence[Json] = ()
        if any(_tells_of_containers(each) for each, _ in seen):
            own = yield from ask(OwnContainers())
        kept = []
        for entry, facts in seen:
            if not (yield from ask(HooksOnEntry("image", entry))):
                continue
            shown = without_others_names(_without_others(entry, own), facts, owner)
            if by_name and shown.get("RepoTags") != entry.get("RepoTags"):
                if not shown["RepoTags"]:
                    # It is only there for a name that the owner may not know.
                    continue
            elif none and not shown.get("RepoTags") and not shown.get("RepoDigests"):
                shown = {**shown, "RepoTags": [none], "RepoDigests": ["<none>@<none>"]}
            kept.append(without_reserved(shown))
        return value if kept == value else kept

    return edit


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
