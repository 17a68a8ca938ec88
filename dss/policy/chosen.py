"""
The image that a container is made from, and what it gives the container.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dss.config.containers import Containers
from dss.errors import BadRequest, NotFound, Problem
from dss.model.facts import ImageFacts, ImageNamed
from dss.model.owner import Owner
from dss.model.ruling import Judgement, ask
from dss.policy.fields import health, paths, weights
from dss.policy.fields.field import Spot
from dss.policy.images.resolving import with_tag

#: A reference to an image, as the engine's grammar has it (distribution/reference).
_REFERENCE = re.compile(
    r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def chosen_image(reference: str, owner: Owner) -> Judgement[ImageFacts]:
    """
    The image that a container is made from.

    @param reference: as the client wrote it.
    @raise BadRequest: where it is none.
    @raise NotFound: where the image is missing, or another owner's.
    """
    if not reference:
        # Engines would make a container of nothing.
        raise BadRequest("no image specified")
    if not _REFERENCE.fullmatch(reference):
        raise BadRequest("invalid reference format")
    found = yield from ask(ImageNamed(reference))
    if found is None or not found.is_usable(owner.name):
        raise NotFound(f"No such image: {with_tag(familiar(reference))}")
    return found


def image_problems(
    image: ImageFacts, body: Mapping[str, Any], settings: Containers, at: str = "Image"
) -> Iterator[Problem]:
    """
    What an image gives a container that its client could not give it. A working directory,
    and of a health check the test and intervals, that the client gives replace the image's.

    @param body: the decoded create body.
    @param settings: those that allow more.
    @param at: the field that names the image.
    """
    if not body.get("WorkingDir"):
        yield from paths.working_dir.problems(Spot(at, image.working_dir))
    for target in image.volumes:
        yield from paths.mount_target.problems(Spot(at, target))
    checks = body.get("Healthcheck") or {}
    if not checks.get("Test"):
        yield from health.test.problems(Spot(at, image.check_test), settings)
    for name, interval in image.check_intervals.items():
        if not checks.get(name):
            yield from weights.interval.problems(Spot(at, interval), settings)


def familiar(reference: str) -> str:
    """
    A reference without Docker Hub's name, as the engine repeats it (moby 20.10 to 28.5).
    """
    for domain in ("docker.io/", "index.docker.io/"):
        if reference.startswith(domain):
            return reference.removeprefix(domain).removeprefix("library/")
    return f"sha256:{reference}" if re.fullmatch(r"[0-9a-f]{64}", reference) else reference
