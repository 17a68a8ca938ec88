"""
The prune of images: the owner's own, one by one.
"""

from __future__ import annotations

from collections.abc import Mapping

from dss.errors import BadRequest
from dss.model import gojson
from dss.model.facts import ImageFacts, Json, OwnContainers
from dss.model.images import AllImages, AllRecords, Gone, Now, RemoveImage
from dss.model.reference import Reference
from dss.model.ruling import Answer, Judgement, Ruling, ask
from dss.model.version import ApiVersion
from dss.policy.images.removing import let_go, may_prune, own_tags
from dss.policy.images.seen import listed
from dss.policy.moments import moment
from dss.policy.queries import filters_of
from dss.policy.request import Circumstances, Filters, Request
from dss.policy.shown import labels_of

_FILTERS = frozenset({"dangling", "label", "label!", "until"})
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def prune(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of removing all images that are not used: of the owner's own, those that the
    filters mean, each by itself. Of what others have too, the owner lets go.

    @raise BadRequest: for a filter that the engine does not have, or not with this value.
    """
    filters = filters_of(request)
    invalid = "Invalid filter" if around.engine_version < ApiVersion(1, 42) else "invalid filter"
    for name in filters:
        if name not in _FILTERS:
            raise BadRequest(f"{invalid} '{name}'")
    dangling = _is_dangling(filters, invalid)
    until = yield from _until(filters)
    owner = around.owner.name
    records = yield from ask(AllRecords())
    used = {each.get("ImageID") for each in (yield from ask(OwnContainers()))}
    told: list[Json] = []
    reclaimed = 0
    for entry in (yield from ask(AllImages())):
        image = listed(entry, records)
        if (
            not (owner in image.owners or own_tags(image, owner))
            or image.is_shared
            or (dangling and image.tags)
            or (until is not None and entry.get("Created", 0) > until)
            or not _has_labels(labels_of(entry), filters)
            or image.id in used
        ):
            continue
        if image.others(owner):
            told += yield from let_go(image, own_tags(image, owner), owner)
            continue
        gone = yield from _removed(image)
        told += gone
        if any("Deleted" in each for each in gone):
            reclaimed += _own_size(entry)
    body = {"ImagesDeleted": told or None, "SpaceReclaimed": reclaimed}
    return Answer(200, gojson.encode(body) + b"\n")


def _removed(image: ImageFacts) -> Judgement[list[Json]]:
    """
    What the engine removes of an image: all or, where it is used, nothing.
    """
    told: list[Json] = []
    prunes = yield from may_prune(image)
    names = [Reference.parse(each).familiar for each in image.tags]
    for name in names or [image.id]:
        status, answer = yield from ask(RemoveImage(name, prunes))
        if status != 200 or not isinstance(answer, list):
            # A container or another image needs it: the engine's own prune goes on as well.
            return told
        told += answer
    yield from ask(Gone(image.id))
    return told


def _own_size(entry: Json) -> int:
    shared = entry.get("SharedSize", -1)
    return max(0, entry.get("Size", 0) - shared) if shared >= 0 else 0


def _is_dangling(filters: Filters, invalid: str) -> bool:
    given = filters.get("dangling", ())
    if not given:
        return True
    if len(given) == 1 and given[0] in _TRUE:
        return True
    if len(given) == 1 and given[0] in _FALSE:
        return False
    raise BadRequest(f"{invalid} 'dangling=[{' '.join(given)}]'")


def _until(filters: Filters) -> Judgement[float | None]:
    given = filters.get("until", ())
    if not given:
        return None
    if len(given) > 1:
        raise BadRequest("more than one until filter specified")
    return moment(given[0], (yield from ask(Now())))


def _has_labels(labels: Mapping[str, str], filters: Filters) -> bool:
    return all(_matches(labels, each) for each in filters.get("label", ())) and not any(
        _matches(labels, each) for each in filters.get("label!", ())
    )


def _matches(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)
