"""
Podman in the Docker Engine's place: which operations are judged there, and what Podman reads in
a judged request that Docker does not.

Podman turns a request into the options of its own command line, as text: what stands between
commas, colons or equals signs becomes options of their own (proved on 4.3.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dss.errors import Denied, Problem
from dss.model.ruling import Forward, Judgement, Ruling
from dss.policy.queries import filters_of
from dss.policy.request import Circumstances, Policy, Request

#: The operations that were tried at Podman. All others are denied there.
SERVED = frozenset(
    {
        "ContainerArchive",
        "ContainerArchiveInfo",
        "ContainerAttach",
        "ContainerChanges",
        "ContainerCreate",
        "ContainerDelete",
        "ContainerExec",
        "ContainerExport",
        "ContainerInspect",
        "ContainerKill",
        "ContainerList",
        "ContainerLogs",
        "ContainerPause",
        "ContainerPrune",
        "ContainerRename",
        "ContainerResize",
        "ContainerRestart",
        "ContainerStart",
        "ContainerStats",
        "ContainerStop",
        "ContainerTop",
        "ContainerUnpause",
        "ContainerWait",
        "ExecInspect",
        "ExecResize",
        "ExecStart",
        "ImageHistory",
        "ImageInspect",
        "ImageList",
        "NetworkConnect",
        "NetworkCreate",
        "NetworkDelete",
        "NetworkDisconnect",
        "NetworkInspect",
        "NetworkList",
        "NetworkPrune",
        "PutContainerArchive",
        "SystemEvents",
        "SystemInfo",
        "SystemPing",
        "SystemPingHead",
        "SystemVersion",
        "VolumeCreate",
        "VolumeDelete",
        "VolumeInspect",
        "VolumeList",
        "VolumePrune",
    }
)

_BUILDER = "Its builder reads more in a Dockerfile than dss judges, and can mount the host there."

#: Why, where there is more to say than that nobody tried.
_REASONS = {"ImageBuild": _BUILDER}

#: What Podman reads as the end of a text and the start of an option.
_IN_MOUNTS = frozenset(',="\n\r')
_IN_KEYS = frozenset("=")
_IN_PATHS = frozenset(",:\n\r")

#: Labels by which Podman itself, or systemd for it, acts.
_PODMANS = ("io.podman.", "io.containers.", "PODMAN_")


def guarded(policy: Policy) -> Policy:
    """
    A row's policy, as it is at Podman.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        check(request.operation)
        if request.operation == "VolumePrune" and filters_of(request):
            # Podman removes what fits any of several labels (proved on 4.3.1).
            raise Denied(
                Problem(
                    "podman.prune",
                    "filters",
                    "with filters, Podman would remove volumes of others, too.",
                    "Leave them out: own volumes that no container uses are removed.",
                )
            )
        ruling = yield from policy(request, around)
        if isinstance(ruling, Forward) and ruling.body is not None:
            problems = list(_problems(json.loads(ruling.body)))
            if problems:
                raise Denied(problems)
        return ruling

    return judge


def check(operation: str) -> None:
    """
    Whether an operation is served at Podman.

    @raise Denied: where not.
    """
    if operation not in SERVED:
        reason = _REASONS.get(operation, "What it does there is not known to be safe.")
        raise Denied(
            Problem(
                "podman.operation",
                "",
                f"{operation} is denied: the engine is Podman. {reason}",
                "No setting allows it; a Docker Engine does.",
            )
        )


def _problems(body: Any) -> Iterator[Problem]:
    """
    What Podman would read in a body, of whichever operation, that Docker does not.
    """
    if not isinstance(body, Mapping):
        return
    host = body.get("HostConfig") or {}
    for name in body.get("Env") or ():
        if "=" not in name:
            yield Problem(
                "podman.env",
                f"Env[{name!r}]",
                "of a variable without a value Podman takes its own value.",
                "Write NAME=VALUE.",
            )
    for place, mount in enumerate(host.get("Mounts") or ()):
        field = f"HostConfig.Mounts[{place}]"
        for key in ("Source", "Target"):
            yield from _text(f"{field}.{key}", mount.get(key), _IN_MOUNTS)
        driver = (mount.get("VolumeOptions") or {}).get("DriverConfig") or {}
        yield from _options(f"{field}.VolumeOptions.DriverConfig.Options", driver.get("Options"))
    yield from _options("DriverOpts", body.get("DriverOpts"))
    for place, device in enumerate(host.get("Devices") or ()):
        for key in ("PathOnHost", "PathInContainer"):
            yield from _text(f"HostConfig.Devices[{place}].{key}", device.get(key), _IN_PATHS)
    for field, holder in (("HostConfig.Tmpfs", host), ("Volumes", body)):
        for path in holder.get(field.rpartition(".")[2]) or ():
            yield from _text(f"{field}[{path!r}]", path, _IN_PATHS)
    log = host.get("LogConfig") or {}
    for field, keyed in (
        ("Labels", body.get("Labels")),
        ("HostConfig.Sysctls", host.get("Sysctls")),
        ("HostConfig.StorageOpt", host.get("StorageOpt")),
        ("HostConfig.LogConfig.Config", log.get("Config")),
    ):
        for key in keyed or ():
            yield from _text(f"{field}[{key!r}]", key, _IN_KEYS)
    for key in body.get("Labels") or ():
        if key.startswith(_PODMANS):
            yield Problem(
                "podman.label",
                f"Labels[{key!r}]",
                "Podman acts by its own labels.",
                f"Labels that don't begin with {', '.join(_PODMANS)} are allowed.",
            )


def _options(field: str, options: Mapping[str, str] | None) -> Iterator[Problem]:
    if options:
        yield Problem(
            "podman.volume",
            field,
            "what Podman makes of a volume's options is not judged.",
            "Leave them out.",
        )


def _text(field: str, value: str | None, split: frozenset[str]) -> Iterator[Problem]:
    found = sorted(split & set(value or ""))
    if found:
        yield Problem(
            "podman.text",
            field,
            f"Podman would read options after {found[0]!r}.",
            f"It must hold none of {' '.join(repr(each) for each in sorted(split))}.",
        )
