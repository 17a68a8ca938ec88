"""
Volumes: create, list, inspect, remove, prune.
"""

from __future__ import annotations

import re
from typing import Any

from dss.model.version import ApiVersion
from dss.testing.engine.filters import Filters
from dss.testing.engine.message import NO_CONTENT, EngineError, EngineRequest, Reply, Whole
from dss.testing.engine.state import State, Volume
from dss.testing.engine.times import stamp

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_KNOWN = ("dangling", "driver", "label", "name")
_PRUNE_KNOWN = ("label", "label!", "all")

#: Options of the local driver, with those that each needs beside it.
_OPTIONS = {"type": ("device",), "device": ("type",), "o": ("device", "type"), "size": ()}


def shown(volume: Volume) -> dict[str, Any]:
    """
    A volume as the API shows it.
    """
    return {
        "CreatedAt": stamp(float(int(volume.created))),
        "Driver": volume.driver,
        "Labels": volume.labels,
        "Mountpoint": volume.mountpoint,
        "Name": volume.name,
        "Options": volume.options,
        "Scope": "local",
    }


def ensure(
    state: State,
    name: str,
    labels: dict[str, str] | None = None,
    driver: str = "",
    options: dict[str, str] | None = None,
) -> Volume:
    """
    The volume of that name, made if it isn't there; one with a new name for an empty
    name.

    @raise EngineError: if the name can't be one or the driver isn't there.
    """
    if driver not in ("", "local"):
        raise EngineError(
            400,
            f'create {name}: error looking up volume plugin {driver}: plugin "{driver}" not found',
        )
    if not name:
        name, labels = state.new_id(), {**(labels or {}), "com.docker.volume.anonymous": ""}
    elif len(name) < 2:
        raise EngineError(
            400,
            f"create {name}: volume name is too short, names should be at least two "
            "alphanumeric characters",
        )
    elif not _NAME.fullmatch(name):
        raise EngineError(
            400,
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, '
            "use absolute path",
        )
    found = state.volumes.get(name)
    if found is None:
        _check_options(name, options or {})
        found = Volume(name, state.now, labels, options=options)
        state.volumes[name] = found
        state.journal.tell("volume", "create", name, {"driver": "local"})
    return found


def _check_options(name: str, options: dict[str, str]) -> None:
    for key in options:
        if key not in _OPTIONS:
            raise EngineError(400, f'create {name}: invalid option: "{key}"')
    for key in options:
        for needed in _OPTIONS[key]:
            if needed not in options:
                raise EngineError(400, f'create {name}: missing required option: "{needed}"')


def remove(state: State, volume: Volume) -> None:
    """
    Remove a volume that nobody uses.
    """
    del state.volumes[volume.name]
    state.journal.tell("volume", "destroy", volume.name, {"driver": "local"})


def create(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /volumes/create}.
    """
    body = request.json()
    volume = ensure(
        state,
        body.get("Name") or "",
        body.get("Labels") or ({} if body.get("Name") else None),
        body.get("Driver") or "",
        body.get("DriverOpts"),
    )
    return Whole.json(shown(volume), 201)


def list_(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /volumes}.
    """
    filters = Filters.read(request, _KNOWN)
    dangling = filters.flag("dangling")
    entries = [
        shown(each)
        for each in state.volumes.values()
        if filters.matches("name", each.name)
        and filters.exact("driver", each.driver)
        and filters.labels(each.labels or {})
        and (dangling is None or dangling == (not state.users(each)))
    ]
    return Whole.json({"Volumes": entries, "Warnings": None})


def inspect(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /volumes/{name}}.
    """
    return Whole.json(shown(state.volume(name)))


def delete(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{DELETE /volumes/{name}}.
    """
    volume = state.volumes.get(name)
    if volume is None and request.flag("force"):
        return NO_CONTENT
    volume = state.volume(name)
    users = state.users(volume)
    if users:
        ids = ", ".join(each.id for each in users)
        raise EngineError(409, f"remove {name}: volume is in use - [{ids}]")
    remove(state, volume)
    return NO_CONTENT


def prune(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /volumes/prune}: anonymous ones only, since API 1.42, unless C{all} is
    among the filters; those with options never.
    """
    filters = Filters.read(request, _PRUNE_KNOWN)
    named_too = bool(filters.flag("all")) or request.version < ApiVersion(1, 42)
    gone = [
        each
        for each in list(state.volumes.values())
        if not state.users(each)
        and not each.options
        and (named_too or each.anonymous)
        and filters.labels(each.labels or {})
    ]
    for each in gone:
        remove(state, each)
    state.journal.tell("volume", "prune", "", {"reclaimed": "0"})
    names = [each.name for each in gone] or None
    return Whole.json({"VolumesDeleted": names, "SpaceReclaimed": 0})
