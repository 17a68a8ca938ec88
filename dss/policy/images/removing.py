"""
Removal of images: an owner lets go of what it has, and the engine removes what nobody else
has.
"""

from __future__ import annotations

from collections.abc import Sequence

from dss.errors import Denied, EngineSaid, Problem
from dss.model import gojson
from dss.model.facts import ImageFacts, ImageNamed, Json
from dss.model.images import AllImages, AllRecords, Gone, Release, RemoveImage
from dss.model.reference import Reference, repository_of
from dss.model.ruling import After, Answer, EditError, Forward, Judgement, Ruling, Stream, ask
from dss.policy.images.resolving import hide_containers, usable_image, with_tag
from dss.policy.images.seen import listed
from dss.policy.queries import is_true, passed_on
from dss.policy.request import Circumstances, Request


def delete(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of removing an image: a tag of one's own is removed, and the image where no
    other owner has it.

    @raise NotFound: where it is missing or another owner's.
    @raise Denied: where it is shared.
    """
    reference = request.params["name"]
    owner = around.owner.name
    image = yield from usable_image(reference, around.owner)
    name = image.found_by
    if name:
        if owner not in image.claimants(name):
            raise _shared(reference)
        if image.claimants(name) == {owner} and not _is_last_for_others(image, name, owner):
            return (yield from _forwarded(request, image, _familiar(name)))
        return _answered((yield from let_go(image, [name], owner)))
    if image.is_shared:
        raise _shared(reference)
    if not image.others(owner):
        return (yield from _forwarded(request, image, image.id))
    names = own_tags(image, owner)
    if len({repository_of(each) for each in names}) > 1 and not is_true(request, "force"):
        # In the engine's words (moby 20.10 to 28.5).
        raise EngineSaid(
            409,
            f"conflict: unable to delete {image.id[7:19]} (must be forced) - image is "
            "referenced in multiple repositories",
        )
    return _answered((yield from let_go(image, names, owner)))


def own_tags(image: ImageFacts, owner: str) -> list[str]:
    """
    The tags of an image that an owner has, alone or with others.
    """
    return [each for each in image.tags if owner in image.claimants(each)]


def let_go(image: ImageFacts, names: Sequence[str], owner: str) -> Judgement[list[Json]]:
    """
    Give up tags of an image that others keep: the engine removes those that are nobody
    else's, while it has another one.

    @return: the engine's report of it.
    """
    left = list(image.tags)
    told: list[Json] = []
    others = image.others(owner)
    for name in names:
        if image.claimants(name) == {owner} and name in left and left != [name]:
            status, answer = yield from ask(RemoveImage(_familiar(name), prunes=False))
            if status != 200:
                raise EngineSaid(status, str((answer or {}).get("message", "")))
            left.remove(name)
        told.append({"Untagged": _familiar(name)})
    keeps = [each for each in own_tags(image, owner) if each not in names]
    heirs = frozenset() if image.is_shared else others
    yield from ask(Release(image.id, tuple(names), bool(keeps), heirs))
    return told


def _is_last_for_others(image: ImageFacts, name: str, owner: str) -> bool:
    """
    Whether the engine would remove the image with this name, and others have it.
    """
    rest = [each for each in image.tags if each != name]
    return not rest and bool(image.others(owner) or image.is_shared)


def _forwarded(request: Request, image: ImageFacts, name: str) -> Judgement[Ruling]:
    prunes = not is_true(request, "noprune") and (yield from may_prune(image))
    return Forward(
        params={"name": name},
        query=passed_on({**request.query, "noprune": "0" if prunes else "1"}),
        reply=Stream(edit_error=_as_asked(request.params["name"], name)),
        after=_settle(image),
    )


def may_prune(image: ImageFacts) -> Judgement[bool]:
    """
    Whether no owner has any of the images that an image was built upon and that have no
    name: the engine removes these with it.
    """
    if not image.parent:
        return True
    entries = {each.get("Id"): each for each in (yield from ask(AllImages(with_steps=True)))}
    records = yield from ask(AllRecords())
    parent = image.parent
    for _ in range(len(entries)):
        entry = entries.get(parent)
        if entry is None:
            return True
        if records.holders.get(parent):
            return False
        parent = listed(entry, records).parent
    return True


def _settle(image: ImageFacts) -> After:
    """
    Forget records of what the engine has no longer.
    """

    def after(complete: bool) -> Judgement[None]:
        found = yield from ask(ImageNamed(image.id))
        if found is None:
            yield from ask(Gone(image.id))
            return
        left = (*found.tags, *found.digests)
        gone = [each for each in (*image.tags, *image.digests) if each not in left]
        yield from ask(Release(image.id, tuple(gone), holds=True))

    return after


def _as_asked(reference: str, name: str) -> EditError:
    def edit(status: int, message: str) -> Judgement[str]:
        told = message.replace(f'"{name}"', f'"{reference}"')
        told = told.replace(f"No such image: {name}", f"No such image: {with_tag(reference)}")
        return (yield from hide_containers(told))

    return edit


def _shared(reference: str) -> Denied:
    return Denied(
        Problem(
            "image.shared",
            "",
            f"{with_tag(reference)!r} is nobody's, and for all to use.",
            "Own images can be removed, and own tags by their names.",
        )
    )


def _answered(told: list[Json]) -> Answer:
    return Answer(200, gojson.encode(told) + b"\n")


def _familiar(name: str) -> str:
    """
    A canonical reference as the engine shows it.
    """
    return Reference.parse(name).familiar
