"""
The engine as a whole: ping, version, info, events, disk usage.
"""

from __future__ import annotations

from typing import Any

from dss.testing.engine.filters import Filters
from dss.testing.engine.images import listed as image_listed
from dss.testing.engine.message import (
    OLDEST_TAKEN,
    SPOKEN,
    EngineRequest,
    Outlet,
    Reply,
    Streamed,
    Whole,
)
from dss.testing.engine.shapes import listed
from dss.testing.engine.state import State
from dss.testing.engine.times import stamp, unix
from dss.testing.engine.volumes import shown

#: What the engine calls its release: that whose behaviour it follows.
RELEASE = "28.5.2"

#: Its name, so that nobody takes it for a real one.
PLATFORM = "dss engine in memory"


def ping(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /_ping} and C{HEAD /_ping}.
    """
    headers = (
        # The classic builder is the only one here.
        ("Builder-Version", "1"),
        ("Cache-Control", "no-cache, no-store, must-revalidate"),
        ("Pragma", "no-cache"),
        ("Swarm", "inactive"),
    )
    body = b"" if request.method == "HEAD" else b"OK"
    return Whole(200, body, "text/plain; charset=utf-8", headers)


def version(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /version}.
    """
    told = {
        "Version": RELEASE,
        "ApiVersion": str(SPOKEN),
        "MinAPIVersion": str(OLDEST_TAKEN),
        "GitCommit": "",
        "GoVersion": "",
        "Os": "linux",
        "Arch": "amd64",
        "KernelVersion": "",
        "BuildTime": "",
    }
    details = {
        "ApiVersion": told["ApiVersion"],
        "Arch": told["Arch"],
        "BuildTime": "",
        "Experimental": "false",
        "GitCommit": "",
        "GoVersion": "",
        "KernelVersion": "",
        "MinAPIVersion": told["MinAPIVersion"],
        "Os": told["Os"],
    }
    engine = {"Name": "Engine", "Version": RELEASE, "Details": details}
    return Whole.json({"Platform": {"Name": PLATFORM}, "Components": [engine], **told})


def info(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /info}.
    """
    statuses = [each.status for each in state.containers.values()]
    running, paused = statuses.count("running"), statuses.count("paused")
    told: dict[str, Any] = {
        "ID": "memory",
        "Containers": len(statuses),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": len(statuses) - running - paused,
        "Images": len(state.images),
        "Driver": "memory",
        "DriverStatus": [],
        "Plugins": {
            "Volume": ["local"],
            "Network": ["bridge", "host", "ipvlan", "macvlan", "null"],
            "Authorization": None,
            "Log": ["json-file"],
        },
        "MemoryLimit": True,
        "SwapLimit": True,
        "CpuCfsPeriod": True,
        "CpuCfsQuota": True,
        "CPUShares": True,
        "CPUSet": True,
        "PidsLimit": True,
        "IPv4Forwarding": True,
        "Debug": False,
        "NFd": 0,
        "OomKillDisable": False,
        "NGoroutines": 0,
        "SystemTime": stamp(state.now),
        "LoggingDriver": "json-file",
        "CgroupDriver": "none",
        "CgroupVersion": "2",
        "NEventsListener": len(state.journal.listeners),
        "KernelVersion": "",
        "OperatingSystem": PLATFORM,
        "OSVersion": "",
        "OSType": "linux",
        "Architecture": "x86_64",
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {"IndexConfigs": {}, "InsecureRegistryCIDRs": [], "Mirrors": None},
        "NCPU": 1,
        "MemTotal": 1 << 30,
        "GenericResources": None,
        "DockerRootDir": "/var/lib/docker",
        "HttpProxy": "",
        "HttpsProxy": "",
        "NoProxy": "",
        "Name": "memory",
        "Labels": [],
        "ExperimentalBuild": False,
        "ServerVersion": RELEASE,
        "Runtimes": {"runc": {"path": "runc"}},
        "DefaultRuntime": "runc",
        "Swarm": {
            "NodeID": "",
            "NodeAddr": "",
            "LocalNodeState": "inactive",
            "ControlAvailable": False,
            "Error": "",
            "RemoteManagers": None,
        },
        "LiveRestoreEnabled": False,
        "Isolation": "",
        "InitBinary": "docker-init",
        "ContainerdCommit": {"ID": ""},
        "RuncCommit": {"ID": ""},
        "InitCommit": {"ID": ""},
        "SecurityOptions": [],
        "Warnings": None,
    }
    return Whole.json(told)


def disk_usage(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /system/df}.
    """
    return Whole.json(
        {
            "LayersSize": 0,
            "Images": [image_listed(state, each) for each in state.images.values()],
            "Containers": [listed(state, each, True) for each in state.containers.values()],
            "Volumes": [
                {**shown(each), "UsageData": {"Size": 0, "RefCount": len(state.users(each))}}
                for each in state.volumes.values()
            ],
            "BuildCache": [],
        }
    )


def events(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /events}: those since a time, and those to come, up to another.
    """
    now = state.now
    since = unix(request.text("since"))
    until = unix(request.text("until"))
    filters = Filters.read(request)
    outlet = Outlet()
    if since is not None:
        for event in state.journal.past:
            when = event["timeNano"] / 1e9
            if when >= since and (until is None or when <= until) and _wanted(filters, event):
                outlet.write_json(event)
    if until is not None and until <= now:
        outlet.end()
        return Streamed(outlet)

    def listen(event: dict[str, Any]) -> None:
        if _wanted(filters, event):
            outlet.write_json(event)

    state.journal.listeners.append(listen)
    outlet.on_close(lambda: state.journal.listeners.remove(listen))
    if until is not None:
        timer = state.clock.callLater(until - now, outlet.end)
        outlet.on_close(lambda: timer.cancel() if timer.active() else None)
    return Streamed(outlet)


def _wanted(filters: Filters, event: dict[str, Any]) -> bool:
    kind, action, actor = event["Type"], event["Action"], event["Actor"]
    attributes = actor["Attributes"]
    named = (actor["ID"], attributes.get("name", ""))

    def about(name: str, *others: str) -> bool:
        return not filters.get(name) or (kind == name and filters.matches(name, *named, *others))

    image = attributes.get("image", "") if kind == "container" else attributes.get("name", "")
    return (
        filters.exact("type", kind)
        and filters.exact("scope", event["scope"])
        and (filters.exact("event", action) or action.partition(":")[0] in filters.get("event"))
        and filters.labels(attributes)
        and about("container")
        and about("network")
        and about("volume")
        and (
            not filters.get("image")
            or (
                kind in ("image", "container")
                and any(
                    image in (each, f"{each}:latest") or each == actor["ID"]
                    for each in filters.get("image")
                )
            )
        )
    )
