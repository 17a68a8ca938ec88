"""
Containers: create, list, inspect, and all that changes their state.
"""

from __future__ import annotations

import contextlib
import copy
import re
from typing import Any

from dss.testing.engine import runs, volumes
from dss.testing.engine.execs import sizes
from dss.testing.engine.filters import Filters
from dss.testing.engine.message import (
    NO_CONTENT,
    NOT_MODIFIED,
    EngineError,
    EngineRequest,
    Reply,
    Whole,
)
from dss.testing.engine.shapes import (
    CONFIG,
    HOST_CONFIG,
    OPTIONAL_CONFIG,
    OPTIONAL_HOST_CONFIG,
    inspected,
    listed,
)
from dss.testing.engine.state import Container, Endpoint, Image, State
from dss.testing.engine.times import instant

_NAME = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_NAME_WORDS = "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
_KNOWN = (
    "ancestor",
    "annotation",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
)
_PRUNE_KNOWN = ("label", "label!", "until")
_UPDATED = (
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
)


def create(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /containers/create}.
    """
    body = request.json()
    name = request.text("name")
    if name and not _NAME.fullmatch(name):
        raise EngineError(400, f"Invalid container name ({name}), {_NAME_WORDS}")
    if not body:
        raise EngineError(400, "config cannot be empty in order to create a container")
    for key, kind, go in (("Image", str, "string"), ("Labels", dict, "map[string]string")):
        if not isinstance(body.get(key), kind | None):
            raise EngineError(
                400,
                f"invalid JSON: json: cannot unmarshal into Go struct field .{key} of type {go}",
            )
    image = state.image(body.get("Image") or "")
    name = name.removeprefix("/")
    if name:
        _check_free(state, name)
    id_ = state.new_id()
    host_config = _host_config(state, body.get("HostConfig") or {})
    container = Container(
        id_,
        name or f"in_memory_{id_[:8]}",
        image,
        state.now,
        _config(body, image, id_),
        host_config,
        image.tree.copy(),
    )
    if not container.command:
        raise EngineError(400, "no command specified")
    container.mounts = _mounts(state, container)
    container.networks = _networks(state, host_config, body.get("NetworkingConfig") or {})
    state.containers[id_] = container
    runs.tell(state, container, "create")
    return Whole.json({"Id": id_, "Warnings": []}, 201)


def _check_free(state: State, name: str) -> None:
    taken = state.container_by_name(name)
    if taken is not None:
        raise EngineError(
            409,
            f'Conflict. The container name "/{name}" is already in use by container "{taken.id}". '
            "You have to remove (or rename) that container to be able to reuse that name.",
        )


def _config(body: dict[str, Any], image: Image, id_: str) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    config |= {key: body[key] for key in (*CONFIG, *OPTIONAL_CONFIG) if body.get(key) is not None}
    base = image.config
    for key in ("Cmd", "Entrypoint"):
        if isinstance(config[key], str):
            config[key] = [config[key]]
    if not config["Entrypoint"]:
        config["Cmd"] = config["Cmd"] or base["Cmd"]
        config["Entrypoint"] = base["Entrypoint"]
    given = {each.partition("=")[0] for each in config["Env"] or ()}
    config["Env"] = [
        *(config["Env"] or ()),
        *(each for each in base["Env"] or () if each.partition("=")[0] not in given),
    ]
    config["Labels"] = {**image.labels, **(config["Labels"] or {})}
    config["Volumes"] = {**(base["Volumes"] or {}), **(config["Volumes"] or {})} or None
    for key in ("User", "WorkingDir"):
        config[key] = config[key] or base[key]
    ports = {**(base.get("ExposedPorts") or {}), **(config.get("ExposedPorts") or {})}
    if ports:
        config["ExposedPorts"] = ports
    config["Hostname"] = config["Hostname"] or id_[:12]
    return config


def _host_config(state: State, given: dict[str, Any]) -> dict[str, Any]:
    config = copy.deepcopy(HOST_CONFIG)
    config |= {
        key: given[key]
        for key in (*HOST_CONFIG, *OPTIONAL_HOST_CONFIG)
        if given.get(key) is not None
    }
    if config["NetworkMode"] in ("", "default"):
        config["NetworkMode"] = "bridge"
    if not config["RestartPolicy"].get("Name"):
        config["RestartPolicy"] = {"Name": "no", "MaximumRetryCount": 0}
    if config["AutoRemove"] and config["RestartPolicy"]["Name"] != "no":
        raise EngineError(400, "can't create 'AutoRemove' container with restart policy")
    return config


def _networks(
    state: State, host_config: dict[str, Any], networking: dict[str, Any]
) -> dict[str, Endpoint]:
    mode = host_config["NetworkMode"]
    if mode.startswith("container:"):
        state.container(mode.partition(":")[2])
        return {}
    endpoints = {}
    wanted = {mode: None, **(networking.get("EndpointsConfig") or {})}
    for name, settings in wanted.items():
        name = "bridge" if name == "default" else name
        # Missing networks are found out at the start only.
        with contextlib.suppress(EngineError):
            name = state.network(name).name
        if name not in endpoints or settings:
            endpoints[name] = Endpoint(dict(settings or {}))
    return endpoints


def _mounts(state: State, container: Container) -> list[dict[str, Any]]:
    mounts: dict[str, dict[str, Any]] = {}
    for source in container.host_config["VolumesFrom"] or ():
        other = state.container(source.partition(":")[0])
        mounts |= {each["Destination"]: each for each in other.mounts}
    for bind in container.host_config["Binds"] or ():
        source, _, rest = bind.partition(":")
        target, _, mode = rest.partition(":")
        if not target:
            raise EngineError(400, f'invalid volume specification: "{bind}"')
        writable = "ro" not in mode.split(",")
        if source.startswith("/"):
            mounts[target] = _bind_mount(source, target, mode, writable)
        else:
            mounts[target] = _volume_mount(state, source, target, mode or "z", writable)
    for each in container.host_config.get("Mounts") or ():
        target, kind = each.get("Target") or "", each.get("Type")
        writable = not each.get("ReadOnly")
        if kind == "volume":
            options = each.get("VolumeOptions") or {}
            driver = options.get("DriverConfig") or {}
            volume = volumes.ensure(
                state,
                each.get("Source") or "",
                options.get("Labels"),
                driver.get("Name") or "",
                driver.get("Options"),
            )
            mounts[target] = _volume_mount(state, volume.name, target, "z", writable)
        elif kind == "bind":
            mounts[target] = _bind_mount(each.get("Source") or "", target, "", writable)
        elif kind == "tmpfs":
            mounts[target] = {
                "Type": "tmpfs",
                "Source": "",
                "Destination": target,
                "Mode": "",
                "RW": writable,
                "Propagation": "",
            }
        else:
            raise EngineError(400, f"invalid mount config for type {kind!r}: mount type unknown")
    for target in container.config["Volumes"] or ():
        if target not in mounts:
            volume = volumes.ensure(state, "")
            mounts[target] = _volume_mount(state, volume.name, target, "", True)
    return list(mounts.values())


def _bind_mount(source: str, target: str, mode: str, writable: bool) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": source,
        "Destination": target,
        "Mode": mode,
        "RW": writable,
        "Propagation": "rprivate",
    }


def _volume_mount(
    state: State, name: str, target: str, mode: str, writable: bool
) -> dict[str, Any]:
    volume = volumes.ensure(state, name)
    return {
        "Type": "volume",
        "Name": volume.name,
        "Source": volume.mountpoint,
        "Destination": target,
        "Driver": volume.driver,
        "Mode": mode,
        "RW": writable,
        "Propagation": "",
    }


def list_(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /containers/json}: the newest first.
    """
    filters = Filters.read(request, _KNOWN)
    for status in filters.get("status"):
        if status not in _STATES:
            raise EngineError(
                400,
                f"invalid filter 'status={status}': invalid value for state ({status}): "
                f"must be one of {', '.join(_STATES)}",
            )
    limit = request.number("limit") or 0
    everything = (
        request.flag("all")
        or limit > 0
        or any(filters.get(each) for each in ("status", "exited", "before", "since"))
    )
    ordered = list(reversed(state.containers.values()))
    after = [ordered.index(state.container(each)) for each in filters.get("before")]
    until = [ordered.index(state.container(each)) for each in filters.get("since")]
    chosen = [
        each
        for index, each in enumerate(ordered)
        if (everything or each.running)
        and all(index > limit for limit in after)
        and all(index < limit for limit in until)
        and _shows(state, filters, each)
    ]
    if limit > 0:
        chosen = chosen[:limit]
    return Whole.json([listed(state, each, request.flag("size")) for each in chosen])


def _shows(state: State, filters: Filters, container: Container) -> bool:
    exited = filters.get("exited")
    ancestors = filters.get("ancestor")
    mounted = [
        word for mount in container.mounts for word in (mount.get("Name"), mount["Destination"])
    ]
    networks = [
        word
        for name, endpoint in container.networks.items()
        for word in (name, endpoint.network_id)
    ]
    return (
        filters.matches("id", container.id)
        and filters.matches("name", f"/{container.name}", container.name)
        and filters.exact("status", container.status)
        and filters.labels(container.labels)
        and (not exited or (container.status == "exited" and str(container.exit_code) in exited))
        and (not ancestors or _descends(state, container, ancestors))
        and _any_of(filters.get("volume"), mounted)
        and _any_of(filters.get("network"), networks)
        and filters.exact("is-task", "false")
        and filters.exact("health", "none")
    )


def _any_of(wanted: tuple[str, ...], held: list[Any]) -> bool:
    return not wanted or any(each in held for each in wanted)


def _descends(state: State, container: Container, ancestors: tuple[str, ...]) -> bool:
    line: list[str] = []
    image: Image | None = container.image
    while image is not None:
        line.append(image.id)
        image = state.images.get(image.parent)
    found = (state.image_or_none(each) for each in ancestors)
    return any(each is not None and each.id in line for each in found)


def inspect(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/json}.
    """
    container = state.container(name)
    told = inspected(state, container)
    if request.flag("size"):
        told |= {"SizeRw": 0, "SizeRootFs": 0}
    return Whole.json(told)


def top(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/top}.
    """
    container = _running(state, name)
    start = [
        "root",
        str(container.pid),
        "1",
        "0",
        "00:00",
        "?",
        "00:00:00",
        " ".join(container.command),
    ]
    titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    return Whole.json({"Processes": [start], "Titles": titles})


def changes(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/changes}.
    """
    container = state.container(name)
    return Whole.json(container.tree.changes(container.image.tree) or None)


def _running(state: State, name: str) -> Container:
    container = state.container(name)
    if not container.running:
        raise EngineError(409, f"container {container.id} is not running")
    return container


def start(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/start}.
    """
    if len(request.body) > 2:
        raise EngineError(
            400,
            "starting container with non-empty request body was deprecated since API v1.22 "
            "and removed in v1.24",
        )
    container = state.container(name)
    if container.status == "paused":
        raise EngineError(409, "cannot start a paused container, try unpause instead")
    if container.running:
        return NOT_MODIFIED
    try:
        runs.start(state, container)
    except EngineError:
        if container.host_config["AutoRemove"]:
            runs.remove(state, container, True)
        raise
    return NO_CONTENT


def _signal(request: EngineRequest) -> int | None:
    given = request.text("signal")
    return runs.signal_number(given) if given else None


def stop(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/stop}.
    """
    request.number("t")
    signal = _signal(request)
    container = state.container(name)
    if not container.running:
        return NOT_MODIFIED
    runs.stop(state, container, signal)
    return NO_CONTENT


def restart(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/restart}.
    """
    request.number("t")
    signal = _signal(request)
    container = state.container(name)
    removes = container.host_config["AutoRemove"]
    container.host_config["AutoRemove"] = False
    try:
        if container.running:
            runs.stop(state, container, signal)
        runs.start(state, container)
    finally:
        container.host_config["AutoRemove"] = removes
    runs.tell(state, container, "restart")
    return NO_CONTENT


def kill(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/kill}.
    """
    try:
        signal = runs.signal_number(request.text("signal") or "KILL")
        container = _running(state, name)
    except EngineError as error:
        raise EngineError(error.status, f"cannot kill container: {name}: {error.message}") from None
    runs.kill(state, container, signal)
    return NO_CONTENT


def pause(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/pause}.
    """
    container = _running(state, name)
    if container.status == "paused":
        raise EngineError(409, f"Container {container.id} is already paused")
    runs.pause(state, container)
    return NO_CONTENT


def unpause(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/unpause}.
    """
    container = state.container(name)
    if container.status != "paused":
        raise EngineError(500, f"Container {container.id} is not paused")
    runs.resume(state, container)
    return NO_CONTENT


def update(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/update}.
    """
    body = request.json()
    container = state.container(name)
    container.host_config |= {key: body[key] for key in _UPDATED if body.get(key)}
    policy = body.get("RestartPolicy") or {}
    if policy.get("Name"):
        container.host_config["RestartPolicy"] = {"MaximumRetryCount": 0, **policy}
    runs.tell(state, container, "update")
    return Whole.json({"Warnings": None})


def rename(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/rename}.
    """
    new = request.text("name")
    if not new:
        raise EngineError(400, "Neither old nor new names may be empty")
    container = state.container(name)
    bare = new.removeprefix("/")
    if bare == container.name:
        raise EngineError(400, "Renaming a container with the same name as its current name")
    if not _NAME.fullmatch(new):
        raise EngineError(
            400,
            f"Error when allocating new name: Invalid container name (/{bare}), {_NAME_WORDS}",
        )
    try:
        _check_free(state, bare)
    except EngineError as error:
        raise EngineError(409, f"Error when allocating new name: {error.message}") from None
    old, container.name = container.name, bare
    runs.tell(state, container, "rename", {"oldName": f"/{old}"})
    return NO_CONTENT


def resize(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/resize}.
    """
    sizes(request)
    container = _running(state, name)
    extra = {"height": request.text("h"), "width": request.text("w")}
    runs.tell(state, container, "resize", extra)
    return Whole(200)


def delete(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{DELETE /containers/{id}}.
    """
    container = state.container(name)
    if container.running:
        if not request.flag("force"):
            first = "unpause and then " if container.status == "paused" else ""
            raise EngineError(
                409,
                f'cannot remove container "{container.name}": container is {container.status}: '
                f"{first}stop the container before removing or force remove",
            )
        container.removing = True
        runs.kill(state, container, runs.signal_number("KILL"))
    if container.id in state.containers:
        runs.remove(state, container, request.flag("v"))
    return NO_CONTENT


def prune(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /containers/prune}.
    """
    filters = Filters.read(request, _PRUNE_KNOWN)
    until = [instant(each, state.now) for each in filters.get("until")]
    gone = [
        each
        for each in list(state.containers.values())
        if not each.running
        and filters.labels(each.labels)
        and all(each.created < limit for limit in until)
    ]
    for each in gone:
        runs.remove(state, each, False)
    state.journal.tell("container", "prune", "", {"reclaimed": "0"})
    return Whole.json(
        {"ContainersDeleted": [each.id for each in gone] or None, "SpaceReclaimed": 0}
    )
