"""
Host directories of a container, judged again before the engine looks at them again.
"""

from __future__ import annotations

from dss.errors import Denied, Problem
from dss.model.ruling import Judgement
from dss.policy.mounts import sockets
from dss.policy.mounts.sources import (
    Loose,
    Place,
    client_path,
    is_fixed,
    judge_path,
)
from dss.policy.mounts.taking import Taken, container, origin_of
from dss.policy.mounts.wishes import clean
from dss.policy.request import Circumstances


def recheck(container_id: str, around: Circumstances) -> Judgement[None]:
    """
    Judge what a container mounts again. To be asked before all that makes the engine look
    the sources up: a start, a restart, and each use of a stopped container's files. What
    was to be made and is missing is made now, as the engine would.

    @raise NotFound: where the container is gone.
    @raise Denied: where it would now mount something else than was allowed.
    """
    found = yield from container(container_id)
    problems: list[Problem] = []
    for mount in found.mounts:
        at = f"Mounts[{mount.get('Destination')!r}]"
        problem = (
            (yield from sockets.problem_of(at, around))
            if sockets.is_replacement(mount, around)
            else (yield from _changed(mount, found, at, around))
        )
        problems.extend([problem] if problem else [])
    if problems:
        raise Denied(problems)


def _changed(
    mount: dict[str, object], found: Taken, at: str, around: Circumstances
) -> Judgement[Problem | None]:
    """
    What is wrong with a host directory by now.
    """
    origin = yield from origin_of(mount, found.wanted, at, around)
    if origin is None or isinstance(origin, Problem):
        return origin
    makes = found.makes(clean(str(mount["Destination"])))
    place = yield from judge_path(origin.path, at, not mount.get("RW"), around, may_miss=makes)
    if isinstance(place, Problem):
        return place
    shown = client_path(origin.path, around.settings.roots)
    if not origin.is_beneath(place) and (origin.inside or place.found != origin.path):
        # It had none when the container was created; nor was the allowed directory another one.
        return Problem(
            "mount.link",
            at,
            f"{shown!r} has a symbolic link in it by now.",
            "Create the container again.",
        )
    return (yield from place.make(at, shown))


def loose_mounts(container_id: str, around: Circumstances) -> Judgement[tuple[Loose, ...]]:
    """
    What a restart by the engine could mount differently in a container.

    @raise NotFound: where it is gone.
    """
    roots = around.settings.roots
    taken = yield from container(container_id)
    loose: list[Loose] = []
    for mount in taken.mounts:
        at = f"Mounts[{mount.get('Destination')!r}]"
        if sockets.is_replacement(mount, around):
            continue
        origin = yield from origin_of(mount, taken.wanted, at, around)
        if origin is None:
            continue
        if isinstance(origin, Problem):
            loose.append(Loose(at, str(mount.get("Name", at))))
            continue
        place = yield from judge_path(origin.path, at, not mount.get("RW"), around)
        if not isinstance(place, Place) or (
            place.is_guarded or not (origin.is_beneath(place) or is_fixed(origin.path, roots))
        ):
            loose.append(Loose(at, client_path(origin.path, roots)))
    return tuple(loose)
