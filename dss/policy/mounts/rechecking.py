"""
Host directories of a container, judged again before the engine looks at them again.
"""

from __future__ import annotations

import re

from dss.errors import Denied, Problem
from dss.model.facts import VolumeNamed
from dss.model.ruling import Judgement, ask
from dss.policy.mounts import sockets, volumes
from dss.policy.mounts.sources import (
    Loose,
    Place,
    client_path,
    is_fixed,
    judge_path,
)
from dss.policy.mounts.taking import Taken, container, place_of
from dss.policy.mounts.wishes import clean
from dss.policy.request import Circumstances

#: What engines call a volume that was made without a name.
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


def recheck(container_id: str, around: Circumstances) -> Judgement[None]:
    """
    Judge what a container mounts again. To be asked before all that makes the engine look
    the sources up: a start, a restart, and each use of a stopped container's files. What
    was to be made and is missing is made now, as the engine would.

    A volume has no id. One that is not the owner's by now took the name since the create.
    What an image declares has no owner, but the name that the engine gave it, which nobody
    could foresee.

    @raise NotFound: where the container is gone.
    @raise Denied: where it would now mount something else than was allowed.
    """
    found = yield from container(container_id)
    problems: list[Problem] = []
    for mount in found.mounts:
        kind, at = mount.get("Type"), f"Mounts[{mount.get('Destination')!r}]"
        name = str(mount.get("Name", ""))
        if sockets.is_replacement(mount, around):
            problem = yield from sockets.problem_of(at, around)
            problems.extend([problem] if problem else [])
        elif kind == "bind" or (kind == "volume" and volumes.is_root(name)):
            problem = yield from _changed(mount, found, at, around)
            problems.extend([problem] if problem else [])
        elif kind == "volume" and name:
            volume = yield from ask(VolumeNamed(name))
            nameless = _ANONYMOUS.fullmatch(name) is not None
            if volume is not None and not (
                volume.owner == around.owner.name or (volume.owner is None and nameless)
            ):
                problems.append(
                    Problem("volume.taken", at, f"the volume name {mount['Name']!r} is taken.")
                )
    if problems:
        raise Denied(problems)


def _changed(
    mount: dict[str, object], found: Taken, at: str, around: Circumstances
) -> Judgement[Problem | None]:
    """
    What is wrong with a host directory by now.
    """
    path = yield from place_of(mount, found.wanted, at, around)
    if isinstance(path, Problem):
        return path
    makes = found.makes(clean(str(mount["Destination"])))
    place = yield from judge_path(path, at, not mount.get("RW"), around, may_miss=makes)
    if isinstance(place, Problem):
        return place
    shown = client_path(path, around.settings.roots)
    if mount.get("Type") == "bind" and place.found != path:
        # It had none when the container was created.
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
        kind, name = mount.get("Type"), str(mount.get("Name", ""))
        if sockets.is_replacement(mount, around):
            continue
        if kind == "bind":
            path = clean(str(mount["Source"]))
            if not is_fixed(path, roots):
                loose.append(Loose(at, client_path(path, roots)))
        elif kind == "volume" and volumes.is_root(name):
            inside = yield from place_of(mount, taken.wanted, at, around)
            if isinstance(inside, Problem):
                loose.append(Loose(at, name))
                continue
            place = yield from judge_path(inside, at, not mount.get("RW"), around)
            if not isinstance(place, Place) or place.is_guarded:
                loose.append(Loose(at, client_path(inside, roots)))
    return tuple(loose)
