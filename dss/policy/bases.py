"""
A build's Dockerfile, judged: the images that it stands on must be there, and the owner's to use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dss.errors import Denied, Problem
from dss.model.facts import ImageFacts, ImageNamed, Json
from dss.model.owner import OWNER_LABEL
from dss.model.ruling import Judgement, ask
from dss.policy import dockerfile
from dss.policy.growth import BROUGHT, brings_too_much, triggers_grow
from dss.policy.images.resolving import with_tag
from dss.policy.request import Circumstances

#: What a client needs for the images that it has to pull itself.
PULLS = "Pulls need a ledger, which the operator gives dss with --ledger FILE."


def judge(
    platform: str, around: Circumstances, arguments: Mapping[str, Json], text: bytes
) -> Judgement[None]:
    """
    Judge a Dockerfile: each image that it uses, what these run on their part, and what is
    fetched or labelled.

    @param platform: that the client asks for; may be empty.
    @param arguments: those that the engine gets.
    @raise Denied: for what reaches out of the build.
    @raise BadRequest: where it can't be read in one way.
    """
    found = dockerfile.read(text, arguments)
    problems = [*found.problems]
    for base in found.bases:
        image = yield from ask(ImageNamed(base.reference))
        problems += _base_problems(base, image, around.owner.name, platform)
        if image is None or not base.builds_upon:
            continue
        if brings_too_much(image.environment) or triggers_grow(image.on_build):
            problems.append(
                Problem(
                    "build.variables",
                    "Dockerfile",
                    f"the image {base.reference!r} brings variables that are too large.",
                    f"Allowed: {BROUGHT // 1024} KiB each, and in all that its triggers are.",
                )
            )
            continue
        for trigger in image.on_build:
            inside = dockerfile.read_trigger(trigger, base.stages)
            problems += inside.problems
            for each in inside.bases:
                used = yield from ask(ImageNamed(each.reference))
                problems += _base_problems(each, used, around.owner.name, platform)
    if problems:
        raise Denied(problems)


def _base_problems(
    base: dockerfile.Base, image: ImageFacts | None, owner: str, platform: str
) -> Iterator[Problem]:
    wanted = base.platform or platform
    if image is None or not image.is_usable(owner):
        yield Problem(
            "build.base",
            "Dockerfile",
            f"there is no image {with_tag(base.reference)!r} that this owner may use.",
            f"Pull it first: docker pull {base.reference}. {PULLS}",
        )
    elif base.builds_upon and image.owner not in (None, owner):
        # What a step makes has the label too, until the build's last one stamps its own.
        yield Problem(
            "build.base-label",
            "Dockerfile",
            f"{with_tag(base.reference)!r} has the label {OWNER_LABEL} of another owner: the steps "
            "upon it would be that owner's.",
            "Images without this label, or with one's own name in it, are allowed.",
        )
    elif wanted and not _fits(wanted, image.platform):
        yield Problem(
            "build.platform",
            "Dockerfile",
            f"{base.reference!r} is an image for {image.platform or 'an unknown platform'}, "
            f"not for {wanted}: the engine would pull another.",
            f"Pull that first: docker pull --platform {wanted} {base.reference}. {PULLS}",
        )


def _fits(wanted: str, platform: str) -> bool:
    """
    Whether an image's platform is the wanted one, in as far as that tells.
    """
    parts = wanted.lower().split("/")
    return len(parts) >= 2 and platform.split("/")[: len(parts)] == parts
