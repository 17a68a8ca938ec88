"""
All mounts of a create body: judged, and written for the engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from dss.errors import BadRequest, Problem
from dss.model.facts import MakeVolume, VolumeFacts, VolumeNamed
from dss.model.owner import Owner
from dss.model.ruling import Judgement, ask
from dss.model.version import ApiVersion
from dss.policy.fields import rules
from dss.policy.fields.field import Spot
from dss.policy.labels import stamp
from dss.policy.mounts import sockets, volumes
from dss.policy.mounts.meaning import meant_path
from dss.policy.mounts.showing import Memory, Point, as_engine_shows
from dss.policy.mounts.sources import Loose, Place, client_path, is_fixed, judge_path
from dss.policy.mounts.taking import Taken, place_of
from dss.policy.mounts.wishes import PROPAGATIONS, Wish, below, clean, extract
from dss.policy.request import Circumstances

_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")

#: What engines put on a volume without a name, for C{volume prune}; Engine 26.1 leaves it
#: out where the volume is asked for by C{Mounts}.
_ANONYMOUS_LABEL = {"com.docker.volume.anonymous": ""}
_ANONYMOUS_LABEL_SINCE = ApiVersion(1, 42)


@frozen
class Mounted:
    """
    What became of a create body's mounts.

    @ivar problems: what is denied.
    @ivar mounts: C{HostConfig.Mounts} for the engine. It has no C{Binds}: of a mount the
        engine makes no missing source.
    @ivar loose: what a restart by the engine could mount differently.
    @ivar missing: fields, what the client calls it and the places that must be made before
        the engine takes the body.
    @ivar volumes: fields and volumes that must be made before the engine takes the body.
    @ivar label: what is remembered of the client's own spelling; empty where nothing was
        changed.
    @ivar version: the API version that the engine must be asked in, or L{None} for any.
    @ivar rewrites: what was changed.
    """

    problems: tuple[Problem, ...]
    mounts: tuple[Mapping[str, Any], ...]
    loose: tuple[Loose, ...]
    missing: tuple[tuple[str, str, Place], ...]
    volumes: tuple[tuple[str, MakeVolume], ...]
    label: str
    version: ApiVersion | None
    rewrites: tuple[str, ...]

    def make_missing(self) -> Judgement[Problem | None]:
        """
        Make what must be there before the container is.
        """
        for at, shown, place in self.missing:
            problem = yield from place.make(at, shown)
            if problem is not None:
                return problem
        return None

    def make_volumes(self) -> Judgement[Problem | None]:
        """
        Make the volumes that were not there, each of which is then known to be the owner's.
        The engine would copy the image's content into one that another owner has made since
        it was looked for.
        """
        for at, wanted in self.volumes:
            problem = yield from volumes.make(wanted, at)
            if problem is not None:
                return problem
        return None


@define
class _Draft:
    """
    L{Mounted}, while it grows.
    """

    problems: list[Problem] = field(factory=list)
    mounts: list[Mapping[str, Any]] = field(factory=list)
    loose: list[Loose] = field(factory=list)
    missing: list[tuple[str, str, Place]] = field(factory=list)
    volumes: list[tuple[str, MakeVolume]] = field(factory=list)
    points: dict[str, Point] = field(factory=dict)
    make: list[str] = field(factory=list)
    rewrites: list[str] = field(factory=list)
    by_path: bool = False


def judge(
    body: Mapping[str, Any], taken: Sequence[Taken], around: Circumstances
) -> Judgement[Mounted]:
    """
    Judge all mounts of a decoded create body.

    @param taken: the containers in C{VolumesFrom}.
    @raise BadRequest: where the engine would not read them, or does not find a source.
    """
    draft = _Draft()
    wishes = extract(body)
    host = body.get("HostConfig") or {}
    own = {wish.target for wish in wishes if not wish.is_declared}
    memory = {clean(target) for target in host.get("Tmpfs") or {}}
    yield from _take(taken, own, memory, around, draft)
    # The engine makes no volume of Config.Volumes where something else is mounted.
    occupied = own | memory
    occupied.update(clean(mount["Destination"]) for each in taken for mount in each.mounts)
    for wish in wishes:
        if wish.is_declared and wish.target in occupied:
            continue
        if wish.raw is not None or wish.is_declared:
            draft.problems.extend(rules.mount_target.problems(Spot(wish.at, wish.target)))
        if wish.kind == "bind":
            yield from _bind(wish, around, draft)
        elif wish.kind == "volume":
            found = yield from _volume_of(wish, around.owner)
            draft.problems.extend([found] if isinstance(found, Problem) else [])
            _mount_volume(wish, around, draft)
            if found is None and wish.source:
                labels = draft.mounts[-1]["VolumeOptions"]["Labels"]
                draft.volumes.append((wish.at, MakeVolume(wish.source, labels)))
        else:
            draft.mounts.append(wish.mount)
    label = ""
    if draft.rewrites:
        shown = {
            "Binds": host.get("Binds"),
            "Mounts": [as_engine_shows(each) for each in host.get("Mounts") or ()] or None,
            "VolumesFrom": host.get("VolumesFrom"),
        }
        label = Memory(shown, draft.points, draft.make).text()
    return Mounted(
        tuple(draft.problems),
        tuple(draft.mounts),
        tuple(draft.loose),
        tuple(draft.missing),
        tuple(draft.volumes),
        label,
        volumes.SUBPATH_SINCE if draft.by_path else None,
        tuple(draft.rewrites),
    )


def _take(
    taken: Sequence[Taken],
    own: set[str],
    memory: set[str],
    around: Circumstances,
    draft: _Draft,
) -> Judgement[None]:
    """
    Judge what comes from other containers. The engine would take the whole root where the
    other container has a path of it (proved on 26.1 and 28.5), so that such a mount is
    told beside C{VolumesFrom}, which it takes precedence over.
    """
    at = "HostConfig.VolumesFrom"
    told: dict[str, Mapping[str, Any]] = {}
    for each in taken:
        draft.rewrites.append(f"{at}: by id")
        for mount in each.mounts:
            target = clean(mount["Destination"])
            told.pop(target, None)
            kind, name = mount.get("Type"), str(mount.get("Name", ""))
            of_root = kind == "volume" and volumes.is_root(name)
            if target in own or not (kind == "bind" or of_root):
                continue
            if sockets.is_replacement(mount, around):
                draft.points[target] = each.point(target, str(mount["Source"]))
                continue
            # That container has the mount as it is. It can't become more writable.
            read_only = each.read_only or not mount.get("RW")
            makes = each.makes(target)
            path = yield from place_of(mount, each.wanted, at, around)
            judged: Place | Problem = (
                path
                if isinstance(path, Problem)
                else (yield from judge_path(path, at, read_only, around, may_miss=makes))
            )
            if isinstance(judged, Problem):
                draft.problems.append(judged)
                continue
            _note(judged, at, of_root, around, draft)
            shown = client_path(judged.path, around.settings.roots)
            draft.points[target] = each.point(target, shown)
            draft.make.extend([target] if makes else [])
            if of_root:
                if target in memory:
                    draft.problems.append(
                        Problem(
                            "mount.volumes_from",
                            at,
                            f"{target!r} is a host directory of the other container, and a "
                            "tmpfs of this one.",
                            "Leave one of them out.",
                        )
                    )
                shallow = "rbind" not in each.option(name)
                told[target] = volumes.mount_of(judged, target, read_only, shallow, around)
    draft.mounts.extend(told.values())
    draft.by_path = draft.by_path or bool(told)


def _note(place: Place, at: str, by_path: bool, around: Circumstances, draft: _Draft) -> None:
    """
    Note what could become something else.
    """
    roots = around.settings.roots
    if place.is_guarded or not (by_path or is_fixed(place.found, roots)):
        draft.loose.append(Loose(at, client_path(place.path, roots)))


def _bind(wish: Wish, around: Circumstances, draft: _Draft) -> Judgement[None]:
    """
    Judge a bind, and write it as a path of a volume, or of the host where the engine knows
    none.
    """
    by_path = around.engine_version >= volumes.SUBPATH_SINCE
    if sockets.is_engine_socket(wish.source, around):
        yield from _bind_socket(wish, around, draft)
        return
    problem = _bind_problem(wish)
    if problem is not None:
        draft.problems.append(problem)
        return
    meant = yield from meant_path(wish.source, wish.at, around)
    if isinstance(meant, Problem):
        draft.problems.append(meant)
        return
    if sockets.is_engine_socket(meant.path, around):
        yield from _bind_socket(wish, around, draft)
        return
    place = yield from judge_path(
        meant.path, wish.at, wish.read_only, around, wish.makes_source, meant.shown
    )
    if isinstance(place, Problem):
        if place.rule == "mount.missing" and not wish.makes_source:
            # As the engine says it (moby 20.10 to 28.5).
            raise BadRequest(
                'invalid mount config for type "bind": bind source path does not exist: '
                f"{wish.source}"
            )
        draft.problems.append(place)
        return
    shallow = _shallow(wish)
    if shallow and _under_read_only(place, around):
        draft.problems.append(
            Problem(
                "mount.read_only",
                f"{wish.at}.BindOptions.{shallow[0]}",
                "file systems mounted below a read-only directory would stay writable.",
                "Leave it out.",
            )
        )
        return
    _note(place, wish.at, by_path, around, draft)
    source = clean(wish.source)
    draft.points[wish.target] = Point(",".join(wish.modes), source, wish.propagation)
    draft.rewrites.append(f"{wish.at}: no link can lead out of {place.base.client_path}")
    if wish.makes_source:
        draft.make.append(wish.target)
    if by_path:
        draft.by_path = True
        problem = yield from _volume_of_root(place, wish, around)
        draft.problems.extend([problem] if problem else [])
        draft.mounts.append(
            volumes.mount_of(
                place, wish.target, wish.read_only, bool(wish.option("NonRecursive")), around
            )
        )
        return
    if place.is_missing:
        draft.missing.append((wish.at, source, place))
    options = {**(wish.mount.get("BindOptions") or {}), "Propagation": wish.propagation}
    # Engines of API 1.42 and newer would make it again, wherever a link leads by then.
    options.pop("CreateMountpoint", None)
    draft.mounts.append(
        {
            "Type": "bind",
            "Source": place.found,
            "Target": wish.target,
            **({"ReadOnly": True} if wish.read_only else {}),
            "BindOptions": options,
        }
    )


def _bind_socket(wish: Wish, around: Circumstances, draft: _Draft) -> Judgement[None]:
    """
    Bind the owner's own socket in place of the engine's. Its file's labels are nobody's to
    change, so that the modes C{z} and C{Z} mean nothing.
    """
    problem = _travelling(wish) or (yield from sockets.problem_of(wish.at, around))
    if problem is not None:
        draft.problems.append(problem)
        return
    draft.points[wish.target] = Point(",".join(wish.modes), clean(wish.source), wish.propagation)
    draft.rewrites.append(f"{wish.at}: the owner's own socket, in place of the engine's")
    draft.mounts.append(sockets.mount_of(wish, around))


def _volume_of_root(place: Place, wish: Wish, around: Circumstances) -> Judgement[Problem | None]:
    """
    What is wrong with the volume that stands for a place's root, if there is one already.
    """
    options = volumes.options_of(place.base.path, bool(wish.option("NonRecursive")))
    name = volumes.name_of(around.owner.name, options)
    found = yield from volumes.directory_of(name, wish.at, around)
    return found if isinstance(found, Problem) else None


def _travelling(wish: Wish) -> Problem | None:
    if wish.raw is not None and wish.propagation not in ("private", "rprivate"):
        return Problem(
            "mount.propagation",
            wish.at,
            f"{wish.propagation!r}: mounts would travel between the host and the container.",
            "Allowed: private, rprivate.",
        )
    return None


def _bind_problem(wish: Wish) -> Problem | None:
    travelling = _travelling(wish)
    if travelling is not None:
        return travelling
    if "z" in wish.modes or "Z" in wish.modes:
        return Problem(
            "mount.relabel",
            wish.at,
            "'z' and 'Z' change the labels of the host's files.",
            "Leave the mode out.",
        )
    return None


def _shallow(wish: Wish) -> list[str]:
    return [name for name in ("NonRecursive", "ReadOnlyNonRecursive") if wish.option(name)]


def _under_read_only(place: Place, around: Circumstances) -> bool:
    return any(
        each.read_only and (below(path, each.path) or below(each.path, path))
        for each in around.settings.roots
        for path in (place.path, place.found)
    )


def _volume_of(wish: Wish, owner: Owner) -> Judgement[VolumeFacts | Problem | None]:
    """
    The volume that is wanted, if it is there and may be had.
    """
    if any(each in PROPAGATIONS for each in wish.modes):
        raise BadRequest(
            f"invalid volume specification: '{wish.raw}': a volume has no mount propagation"
        )
    if not wish.source:
        return None
    if not _VOLUME_NAME.fullmatch(wish.source):
        raise BadRequest(
            f'create {wish.source}: "{wish.source}" includes invalid characters for a local volume '
            'name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host '
            "directory, use absolute path"
        )
    if volumes.is_reserved(wish.source):
        return Problem(
            "volume.reserved",
            wish.at,
            f"the volume name {wish.source!r} is kept for dss.",
            f"Use a name that does not begin with {volumes.RESERVED}.",
        )
    found = yield from ask(VolumeNamed(wish.source))
    return found and (volumes.problem_of(found, owner.name, wish.at) or found)


def _mount_volume(wish: Wish, around: Circumstances, draft: _Draft) -> None:
    """
    Write a volume that has an owner from birth.
    """
    options = dict(wish.mount.get("VolumeOptions") or {})
    labels = options.get("Labels")
    spelled_otherwise = wish.raw is not None or wish.is_declared
    if not wish.source and spelled_otherwise and around.engine_version >= _ANONYMOUS_LABEL_SINCE:
        labels = {**_ANONYMOUS_LABEL, **(labels or {})}
    options["Labels"] = stamp(labels, around.owner)
    draft.mounts.append({**wish.mount, "VolumeOptions": options})
    draft.rewrites.append(f"{wish.at}: made with the owner's label")
    # What the engine shows, by each way of asking for a volume (20.10 to 28.5).
    if wish.is_declared:
        draft.points[wish.target] = Point("")
    elif wish.modes:
        draft.points[wish.target] = Point(",".join(wish.modes))
