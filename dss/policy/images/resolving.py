"""
Which image a reference means to an owner, and which references an owner may write to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dss.errors import BadRequest, Denied, NotFound, Problem
from dss.model.facts import ContainerNamed, ImageFacts, ImageNamed
from dss.model.images import Begin, End, Keep
from dss.model.owner import Owner
from dss.model.reference import Reference
from dss.model.ruling import After, EditError, Judgement, ask

_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}|sha256:[0-9a-f]+")
_CONTAINER = re.compile(r"\bcontainer ([0-9a-f]{12,64})\b")

FREE = "Choose a name that is free or one's own."


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


def target(repository: str, tag: str) -> Reference:
    """
    The reference that two parameters mean together.

    @raise BadRequest: where they mean none, or contradict each other.
    """
    found = Reference.parse(repository)
    if found.digest:
        # In the engine's words (moby 20.10 to 28.5).
        raise BadRequest("refusing to create a tag with a digest reference")
    if not tag:
        return found.named
    if found.tag and found.tag != tag:
        raise BadRequest("the repository has a tag, and there is another one beside it")
    return Reference.parse(f"{found.repository}:{tag}")


def target_problems(
    wanted: Reference, field: str, owner: Owner
) -> Judgement[tuple[str, list[Problem]]]:
    """
    What is wrong with writing to a reference: it may be free or the owner's own, and never
    one that is shared or another owner's.

    @return: the id of the image that it names now, or empty, and the problems.
    """
    if wanted.like_an_id:
        return "", [
            Problem(
                "image.name-like-id",
                field,
                f"{wanted.familiar_name!r} looks like an image's id and would hide the image "
                "that has it.",
            )
        ]
    found = yield from ask(ImageNamed(wanted.familiar))
    if found is None:
        return "", []
    if found.claimants(str(wanted)) == {owner.name}:
        return found.id, []
    return found.id, [
        Problem(
            "image.name-taken",
            field,
            f"{wanted.familiar!r} names an image that is not this owner's.",
            FREE,
        )
    ]


def begin_all(
    wanted: Mapping[Reference, str],
) -> Judgement[After | None]:
    """
    Begin writes to references, which keep other owners off them.

    @param wanted: references, each with the id of the image that it names now, or empty.
    @return: what ends them: for C{Forward.after}.
    @raise Denied: where another owner is about to write to one.
    """
    tokens: list[str] = []

    def end(complete: bool) -> Judgement[None]:
        for token in tokens:
            yield from ask(End(token))

    for reference, before in wanted.items():
        try:
            tokens.append((yield from ask(Begin(str(reference), before))))
        except Denied:
            yield from end(False)
            raise
    return end if tokens else None


def needs_record(image: ImageFacts, owner: Owner) -> bool:
    """
    Whether the owner's tags of an image are to be recorded: its label doesn't tell, or not
    alone.
    """
    return image.owner != owner.name or bool(image.records.holders.get(image.id))


def record_name(image: ImageFacts, wanted: Reference, owner: Owner) -> Judgement[None]:
    """
    Record a tag that the owner is about to give to an image.
    """
    if needs_record(image, owner):
        yield from ask(Keep(owner.name, image.id, (str(wanted),), holds=False))


def as_asked(reference: str, image: ImageFacts) -> EditError:
    """
    Edits the engine's errors so that they name the image as the client did: the engine was
    asked by id. No other owner's container is told of.
    """

    def edit(status: int, message: str) -> Judgement[str]:
        told = message.replace(image.id, with_tag(reference))
        return (yield from hide_containers(told))

    return edit


def hide_containers(message: str) -> Judgement[str]:
    """
    A message without the ids of containers that are not the owner's.
    """
    for found in dict.fromkeys(_CONTAINER.findall(message)):
        if (yield from ask(ContainerNamed(found))) is None:
            message = message.replace(f"container {found}", "another container")
    return message
