"""
Images as archives: which ones a C{docker save} may have.
"""

from __future__ import annotations

from collections.abc import Sequence

from dss.errors import BadRequest, Denied, Problem
from dss.model.facts import ImageFacts
from dss.model.images import AllImages, AllRecords
from dss.model.reference import Reference
from dss.model.ruling import Forward, Judgement, Ruling, Stream, ask
from dss.policy.images.resolving import usable_image
from dss.policy.images.seen import listed
from dss.policy.queries import passed_on, texts_of
from dss.policy.request import Circumstances, Request


def get(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of saving one image: an own one or a shared one.

    @raise NotFound: where it is missing or another owner's.
    """
    reference = request.params["name"]
    names = yield from _names(reference, around)
    if len(names) > 1:
        raise Denied(
            Problem(
                "image.save-repository",
                "name",
                f"{reference!r} has several tags.",
                "Name one of them, or use /images/get?names=.",
            )
        )
    return Forward(
        params={"name": names[0]},
        query=passed_on(request.query),
        reply=Stream(),
    )


def get_all(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of saving several images, each as L{get} has it.

    @raise NotFound: where one is missing or another owner's.
    """
    given = texts_of(request, "names")
    names: list[str] = []
    for reference in given:
        names += yield from _names(reference, around)
    query = {**request.query}
    if names:
        query["names"] = tuple(names)
    return Forward(query=passed_on(query))


def _names(reference: str, around: Circumstances) -> Judgement[Sequence[str]]:
    """
    What the engine is asked for in place of a reference: an id, or a tag, which the archive
    then names, and which is nobody's to move. A repository without a tag means all of its
    tags (proved on engines 20.10, 26.1 and 28.5): those that the owner may know.
    """
    bare = _repository(reference)
    if bare is not None:
        tags = yield from visible_tags(bare, around)
        if tags:
            return tags
    # In the engine's words (20.10 to 28.5).
    wording = "No such image: {1}" if bare is not None else "reference does not exist"
    image = yield from usable_image(reference, around.owner, wording)
    name = image.found_by
    return [Reference.parse(name).familiar if name in image.tags else image.id]


def _repository(reference: str) -> Reference | None:
    try:
        found = Reference.parse(reference)
    except BadRequest:
        return None
    return None if found.tag or found.digest else found


def visible_tags(repository: Reference, around: Circumstances) -> Judgement[Sequence[str]]:
    """
    All tags of a repository that an owner may know, as the engine shows them.
    """
    records = yield from ask(AllRecords())
    found = []
    for entry in (yield from ask(AllImages())):
        image: ImageFacts = listed(entry, records)
        found += [
            tag
            for tag in map(Reference.parse, image.tags)
            if tag.repository == repository.repository
            and image.is_visible(str(tag), around.owner.name)
            and image.is_usable(around.owner.name)
        ]
    return sorted(each.familiar for each in found)
