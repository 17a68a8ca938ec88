"""
The volumes that clients name, and those without a name: judged, and written so that they
have an owner from birth.
"""

from __future__ import annotations

import re
from typing import Any

from dss.errors import BadRequest, Denied, Problem
from dss.model.facts import MakeVolume, VolumeFacts, VolumeNamed
from dss.model.ruling import Judgement, ask
from dss.model.version import ApiVersion
from dss.policy.fields import volumes as fields
from dss.policy.fields.field import Spot
from dss.policy.labels import stamp
from dss.policy.mounts.draft import Draft
from dss.policy.mounts.showing import Point
from dss.policy.mounts.wishes import PROPAGATIONS, Wish
from dss.policy.request import Circumstances
from dss.policy.volumes import making, standing
from dss.policy.volumes.making import Fields, Made
from dss.policy.volumes.standing import Standing

_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")

#: What engines put on a volume without a name, for C{volume prune}; Engine 26.1 leaves it
#: out where the volume is asked for by C{Mounts}.
_ANONYMOUS_LABEL = {"com.docker.volume.anonymous": ""}
_ANONYMOUS_LABEL_SINCE = ApiVersion(1, 42)


def mount(wish: Wish, driver: str, around: Circumstances, draft: Draft) -> Judgement[None]:
    """
    Judge a volume that is to be mounted.

    @param driver: the driver of volumes that C{Binds} and C{Config.Volumes} make.
    @raise BadRequest: where the engine would not read it.
    """
    _check_name(wish)
    reserved = list(fields.name.problems(Spot(wish.at, wish.source)))
    if reserved:
        draft.problems.extend(reserved)
        return
    found = (yield from ask(VolumeNamed(wish.source))) if wish.source else None
    if found is not None and found.owner != around.owner.name:
        draft.problems.append(standing.taken_problem(wish.source, wish.at))
        return
    try:
        made = yield from _made(wish, driver, around)
    except Denied as denied:
        draft.problems.extend(denied.problems)
        return
    options = dict(wish.mount.get("VolumeOptions") or {})
    labels = options.get("Labels")
    spelled_otherwise = wish.raw is not None or wish.is_declared
    if not wish.source and spelled_otherwise and around.engine_version >= _ANONYMOUS_LABEL_SINCE:
        labels = {**_ANONYMOUS_LABEL, **(labels or {})}
    options["Labels"] = stamp(labels, around.owner, made.labels)
    config = options.pop("DriverConfig", None)
    if config is not None or made.driver or made.options:
        # The engine gives no options to a volume that is there: a named one is made before.
        given = {} if wish.source else dict(made.options)
        options["DriverConfig"] = {
            **({"Name": made.driver} if made.driver else {}),
            **({"Options": given} if given else {}),
        }
    if found is None and wish.source:
        name = made.driver or "local"
        draft.volumes.append(
            (wish.at, MakeVolume(wish.source, options["Labels"], name, made.options))
        )
    facts = made.as_found(wish.source, around.owner.name) if found is None else found
    mounted = {**wish.mount, "VolumeOptions": options}
    problem = yield from _of_host(facts, wish, mounted, around, draft)
    if problem is not None:
        draft.problems.append(problem)
        return
    draft.mounts.append(mounted)
    draft.rewrites.append(f"{wish.at}: made with the owner's label")
    # What the engine shows, by each way of asking for a volume (20.10 to 28.5).
    if wish.is_declared:
        draft.points[wish.target] = Point("")
    elif wish.modes:
        draft.points[wish.target] = Point(",".join(wish.modes))


def _made(wish: Wish, driver: str, around: Circumstances) -> Judgement[Made]:
    """
    The volume that the engine is to make where there is none of that name.
    """
    config = wish.option("DriverConfig") or {}
    at = f"{wish.at}.VolumeOptions.DriverConfig"
    where = Fields(f"{at}.Name", f"{at}.Options")
    if wish.raw is not None or wish.is_declared:
        # Only these have the container's driver (moby 20.10 to 28.5).
        config = {"Name": driver}
    name, options = config.get("Name", ""), config.get("Options") or {}
    return (yield from making.judge(wish.source, name, options, where, around))


def _of_host(
    facts: VolumeFacts, wish: Wish, mounted: dict[str, Any], around: Circumstances, draft: Draft
) -> Judgement[Problem | None]:
    """
    Judge the host directory that a volume stands for, if it does, and change its entry so
    that the engine opens it beneath the allowed directory.

    @param mounted: the entry of C{Mounts}.
    """
    held = yield from standing.standing(facts, wish.at, around)
    if not isinstance(held, Standing):
        return held
    options = mounted["VolumeOptions"]
    more = options.get("Subpath", "")
    place = yield from standing.place(held, more, wish.at, wish.read_only, around)
    if isinstance(place, Problem) and place.rule == "mount.read_only" and held.read_only:
        place = yield from standing.place(held, more, wish.at, True, around)
        mounted["ReadOnly"] = True
    if isinstance(place, Problem):
        return place
    if held.inside and not wish.source:
        # "must not set Subpath when using anonymous volumes" (moby 26.1 and 28.5).
        return Problem(
            "volume.nameless",
            wish.at,
            "a directory below an allowed one can only be mounted by a volume with a name.",
            "Give the volume a name, or bind the directory.",
        )
    draft.note(place, wish.at, held.device == place.base.path, around)
    if held.inside:
        options["Subpath"] = held.subpath(more)
        draft.by_path = True
    return None


def _check_name(wish: Wish) -> None:
    """
    @raise BadRequest: in the engine's words.
    """
    if any(each in PROPAGATIONS for each in wish.modes):
        raise BadRequest(
            f"invalid volume specification: '{wish.raw}': a volume has no mount propagation"
        )
    if wish.source and not _VOLUME_NAME.fullmatch(wish.source):
        raise BadRequest(
            f'create {wish.source}: "{wish.source}" includes invalid characters for a local volume '
            'name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host '
            "directory, use absolute path"
        )
