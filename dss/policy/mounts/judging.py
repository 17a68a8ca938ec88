"""
All mounts of a create body: judged, and written for the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dss.errors import BadRequest, DssError, NotFound, Problem
from dss.model.ruling import Judgement
from dss.model.version import ApiVersion
from dss.policy.chosen import chosen_image
from dss.policy.fields import paths
from dss.policy.fields.field import Spot
from dss.policy.mounts import named, sockets, volumes
from dss.policy.mounts.draft import Draft, Mounted
from dss.policy.mounts.meaning import meant_path
from dss.policy.mounts.showing import Memory, Point, as_engine_shows
from dss.policy.mounts.sources import Place, client_path, judge_path
from dss.policy.mounts.taking import Taken, origin_of
from dss.policy.mounts.wishes import Wish, below, clean, declared, extract
from dss.policy.request import Circumstances
from dss.policy.volumes.options import driver_problem
from dss.policy.volumes.standing import SUBPATH_SINCE

#: The first API version in which an image can be mounted.
_IMAGES_SINCE = ApiVersion(1, 48)


def judge(
    body: Mapping[str, Any],
    taken: Sequence[Taken],
    around: Circumstances,
    denied: bool = False,
    of_image: Iterable[str] = (),
) -> Judgement[Mounted]:
    """
    Judge all mounts of a decoded create body.

    @param taken: the containers in C{VolumesFrom}.
    @param denied: whether something else of the body is denied, which is told then.
    @param of_image: where the image wants volumes: the engine would make them without an owner.
    @raise BadRequest: where the engine would not read them, or does not find a source, and
        nothing is denied.
    """
    draft = Draft()
    mistakes: list[DssError] = []
    wishes = [*extract(body, mistakes), *_of_image(of_image, body)]
    host = body.get("HostConfig") or {}
    driver = host.get("VolumeDriver", "")
    problem = driver_problem(driver, "HostConfig.VolumeDriver", around.settings.volumes)
    if problem is not None:
        draft.problems.append(problem)
        driver = ""
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
            draft.problems.extend(paths.mount_target.problems(Spot(wish.at, wish.target)))
        try:
            yield from _mount(wish, driver, around, draft)
        except (BadRequest, NotFound) as mistake:
            mistakes.append(mistake)
    if mistakes and not (draft.problems or denied):
        raise mistakes[0]
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
        SUBPATH_SINCE if draft.by_path else None,
        tuple(draft.rewrites),
    )


def _of_image(targets: Iterable[str], body: Mapping[str, Any]) -> Iterator[Wish]:
    """
    The volumes that an image declares, as if its client had: the engine adds these to the
    client's own. What is no absolute path it is left to refuse.
    """
    known = {clean(each) for each in body.get("Volumes") or {}}
    for target in targets:
        if target.startswith("/") and clean(target) not in {*known, "/"}:
            known.add(clean(target))
            yield declared(target, f"Volumes[{target!r}]")


def _mount(wish: Wish, driver: str, around: Circumstances, draft: Draft) -> Judgement[None]:
    """
    Judge one wish.

    @param driver: C{HostConfig.VolumeDriver}.
    @raise BadRequest: where the engine would not take it.
    @raise NotFound: where it is of an image that is missing, or another owner's.
    """
    if wish.kind == "bind":
        yield from _bind(wish, around, draft)
    elif wish.kind == "volume":
        yield from named.mount(wish, driver, around, draft)
    elif wish.kind == "image":
        if around.engine_version < _IMAGES_SINCE:
            raise BadRequest('invalid mount config for type "image": mount type unknown')
        image = yield from chosen_image(wish.source, around.owner)
        draft.mounts.append({**wish.mount, "Source": image.id})
        draft.rewrites.append(f"{wish.at}: by id")
    else:
        draft.mounts.append(wish.mount)


def _take(
    taken: Sequence[Taken],
    own: set[str],
    memory: set[str],
    around: Circumstances,
    draft: Draft,
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
            if target in own:
                continue
            if sockets.is_replacement(mount, around):
                draft.points[target] = each.point(target, str(mount["Source"]))
                continue
            # That container has the mount as it is. It can't become more writable.
            read_only = each.read_only or not mount.get("RW")
            makes = each.makes(target)
            origin = yield from origin_of(mount, each.wanted, at, around)
            if origin is None:
                continue
            judged: Place | Problem = (
                origin
                if isinstance(origin, Problem)
                else (yield from judge_path(origin.path, at, read_only, around, may_miss=makes))
            )
            if isinstance(origin, Problem) or isinstance(judged, Problem):
                draft.problems.extend([judged] if isinstance(judged, Problem) else [])
                continue
            draft.note(judged, at, origin.is_beneath(judged), around)
            if origin.volume is None:
                shown = client_path(judged.path, around.settings.roots)
                draft.points[target] = each.point(target, shown)
                draft.make.extend([target] if makes else [])
            if origin.needs_path:
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
                if origin.volume is None:
                    shallow = "rbind" not in each.option(str(mount["Name"]))
                    told[target] = volumes.mount_of(judged, target, read_only, shallow, around)
                else:
                    draft.points[target] = Point("")
                    told[target] = origin.mount(target, read_only, around.owner)
    draft.mounts.extend(told.values())
    draft.by_path = draft.by_path or bool(told)


def _bind(wish: Wish, around: Circumstances, draft: Draft) -> Judgement[None]:
    """
    Judge a bind, and write it as a path of a volume, or of the host where the engine knows
    none.
    """
    by_path = around.engine_version >= SUBPATH_SINCE
    if sockets.is_engine_socket(wish.source, around):
        yield from _bind_socket(wish, around, draft)
        return
    problem = _travelling(wish)
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
    draft.note(place, wish.at, by_path, around)
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


def _bind_socket(wish: Wish, around: Circumstances, draft: Draft) -> Judgement[None]:
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


def _shallow(wish: Wish) -> list[str]:
    return [name for name in ("NonRecursive", "ReadOnlyNonRecursive") if wish.option(name)]


def _under_read_only(place: Place, around: Circumstances) -> bool:
    return any(
        each.read_only and (below(path, each.path) or below(each.path, path))
        for each in around.settings.roots
        for path in (place.path, place.found)
    )
