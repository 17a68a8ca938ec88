"""
What no owner's container may have, by what the engine itself says of it.

None of this is taken from dss: it is written from what each setting does to the host.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from tests.attacks.cases_create import ATTACKER
from tests.bodies.yard import Yard

#: What Docker gives to every container (Docker documentation, I{Runtime privilege and Linux
#: capabilities}).
_DEFAULT_CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
    *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}

#: Kept by the kernel for each namespace (ipc_namespaces(7), network_namespaces(7)).
_OWN_SYSCTL = re.compile(
    r"net\.[a-zA-Z0-9_.-]+|fs\.mqueue\.[a-z_]+|"
    r"kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)"
)
_TMPFS_OPTION = re.compile(
    r"(size|nr_blocks|nr_inodes|mode|uid|gid)=[0-9]+[kmgKMG%]?|(no)?(exec|suid|dev)|rw|ro|"
    r"(a|dir)?sync|(no|rel|norel|strict|nostrict)?atime|(no)?diratime|"
)
_LOG_OPTIONS = {
    *("max-size", "max-file", "compress", "mode", "max-buffer-size"),
    *("tag", "labels", "labels-regex", "env", "env-regex"),
}
#: What takes privileges away, and what the tests' engines do where nothing is asked.
_SECURITY_OPTION = re.compile(
    r"no-new-privileges([:=](true|false))?|seccomp[:=]builtin|apparmor[:=]docker-default"
)
_PRIORITY = {"nice", "rtprio", "rttime"}
_LEAST_INTERVAL = 10**8


def violations(yard: Yard, shown: Mapping[str, Any]) -> set[str]:
    """
    What is wrong with a container of the attacker's.

    @param shown: as the engine itself inspects it.
    """
    return {
        *_in_config(yard, shown),
        *_in_host(shown["HostConfig"], yard),
        *_in_confinement(shown["HostConfig"], yard),
        *_in_mounts(shown, yard),
        *_in_networks(shown, yard),
    }


def _foreign(mode: str, yard: Yard) -> bool:
    """
    Whether a namespace mode leads into a container that is not the attacker's.
    """
    kind, colon, reference = mode.partition(":")
    if kind != "container" or not colon:
        return False
    found = yard.engine.api.call("GET", f"/containers/{quote(reference)}/json")
    return not (found.ok and found.json()["Id"] in yard.own)


def _in_config(yard: Yard, shown: Mapping[str, Any]) -> Iterator[str]:
    config = shown["Config"]
    labels = config["Labels"] or {}
    if labels.get("com.dss.owner") != ATTACKER:
        yield "owner"
    if {each for each in labels if each.startswith("com.dss.")} - {
        "com.dss.owner",
        "com.dss.image",
        "com.dss.mounts",
    }:
        yield "labels"
    image = yard.engine.api.get(f"/images/{shown['Image']}/json")
    if ((image["Config"] or {}).get("Labels") or {}).get("com.dss.owner", ATTACKER) != ATTACKER:
        yield "image"
    if _below(_clean(config["WorkingDir"]), "/proc"):
        yield "working directory"
    check = config.get("Healthcheck") or {}
    for name in ("Interval", "StartInterval"):
        if 0 < check.get(name, 0) < _LEAST_INTERVAL:
            yield "health check"


def _in_host(host: Mapping[str, Any], yard: Yard) -> Iterator[str]:
    if host["Privileged"]:
        yield "privileged"
    added = {each.upper().removeprefix("CAP_") for each in host["CapAdd"] or ()}
    if not added <= _DEFAULT_CAPABILITIES or host.get("Capabilities"):
        yield "capabilities"
    for name in ("UTSMode", "UsernsMode", "CgroupParent", "Cgroup", "Isolation"):
        if host.get(name):
            yield name
    # Engines on a host with cgroups of version 1 give it to everybody.
    if host.get("CgroupnsMode") == "host" != yard.usual["CgroupnsMode"]:
        yield "CgroupnsMode"
    for name in ("IpcMode", "PidMode", "NetworkMode"):
        if host[name] == "host" or _foreign(host[name], yard):
            yield name
    for name in ("Devices", "DeviceCgroupRules", "DeviceRequests", "StorageOpt", "Annotations"):
        if host.get(name):
            yield name
    if host["OomScoreAdj"] < 0 or host.get("OomKillDisable"):
        yield "out of memory"
    if host.get("CpuRealtimePeriod") or host.get("CpuRealtimeRuntime"):
        yield "real time"
    if any(each["Name"] in _PRIORITY for each in host["Ulimits"] or ()):
        yield "priority"
    for name, value in host.items():
        if name.startswith("Blkio") and isinstance(value, list):
            for each in value:
                # Of no path the engine finds nothing.
                if not re.fullmatch(r"|/dev/[a-z0-9/_-]+", each["Path"], re.IGNORECASE):
                    yield "device path"
    for link in host["Links"] or ():
        if _foreign("container:" + link.split(":")[0].strip("/"), yard):
            yield "link"
    log = host["LogConfig"]
    if log["Type"] not in ("json-file", "local", "none") or set(log["Config"] or {}) - _LOG_OPTIONS:
        yield "log"
    for bindings in (host["PortBindings"] or {}).values():
        for each in bindings or ():
            low, _, high = each["HostPort"].partition("-")
            # The engine keeps what is no port, and starts no container with it.
            if any(0 < int(port) < 1024 for port in (low, high) if port.isdigit()):
                yield "port"


def _in_confinement(host: Mapping[str, Any], yard: Yard) -> Iterator[str]:
    if host.get("Runtime", yard.usual["Runtime"]) != yard.usual["Runtime"]:
        yield "runtime"
    if not all(_SECURITY_OPTION.fullmatch(each) for each in host["SecurityOpt"] or ()):
        yield "security options"
    for name in ("MaskedPaths", "ReadonlyPaths"):
        if host[name] != yard.usual[name]:
            yield name
    for key in host.get("Sysctls") or {}:
        if not _OWN_SYSCTL.fullmatch(key):
            yield "sysctl"


def _in_mounts(shown: Mapping[str, Any], yard: Yard) -> Iterator[str]:
    host = shown["HostConfig"]
    if host["VolumeDriver"] not in ("", "local"):
        yield "volume driver"
    wanted = {each["Target"]: each for each in host.get("Mounts") or ()}
    for mount in shown["Mounts"]:
        if mount.get("Propagation") not in (None, "", "rprivate", "private"):
            yield "propagation"
        if any(_below(mount["Destination"], each) for each in ("/proc", "/sys")):
            yield "mount target"
        if mount["Type"] == "bind":
            if not _inside_root(mount["Source"], yard):
                yield "host path"
        elif mount["Type"] == "volume":
            yield from _in_volume(mount, wanted.get(mount["Destination"]) or {}, yard)
        elif mount["Type"] != "tmpfs":
            yield "mount type"
    for target, options in (host.get("Tmpfs") or {}).items():
        cleaned = _clean(target)
        if any(_below(cleaned, each) for each in ("/proc", "/sys")):
            yield "mount target"
        if not all(_TMPFS_OPTION.fullmatch(each) for each in options.split(",")):
            yield "tmpfs"
    for mount in wanted.values():
        propagation = (mount.get("BindOptions") or {}).get("Propagation", "")
        if propagation not in ("", "private", "rprivate"):
            yield "propagation"
        if any(_below(_clean(mount["Target"]), each) for each in ("/proc", "/sys")):
            yield "mount target"
    for name in host["VolumesFrom"] or ():
        if _foreign("container:" + name.split(":")[0], yard):
            yield "volumes from"


def _in_volume(mount: Mapping[str, Any], wish: Mapping[str, Any], yard: Yard) -> Iterator[str]:
    volume = yard.engine.api.get(f"/volumes/{mount['Name']}")
    owner = (volume["Labels"] or {}).get("com.dss.owner")
    if owner != ATTACKER:
        yield "volume without an owner" if owner is None else "volume of another owner"
    if volume["Driver"] != "local":
        yield "volume driver"
    options = dict(volume["Options"] or {})
    if not options:
        return
    kind, flags = options.pop("type", ""), set(options.pop("o", "").split(","))
    subpath = (wish.get("VolumeOptions") or {}).get("Subpath", "")
    device = options.pop("device", "")
    whole = posixpath.normpath(f"{device}/{subpath}")
    if kind != "none" or flags - {"bind", "rbind", "rprivate"} or options:
        yield "volume options"
    elif not _inside_root(device, yard) or not _inside_root(whole, yard):
        yield "host path"


def _in_networks(shown: Mapping[str, Any], yard: Yard) -> Iterator[str]:
    names = {shown["HostConfig"]["NetworkMode"], *shown["NetworkSettings"]["Networks"]}
    endpoints = shown["NetworkSettings"]["Networks"].values()
    ids = {each["NetworkID"] for each in endpoints if each.get("NetworkID")}
    for name in {*names, *ids} - {"default", "bridge", "none", ""}:
        if name.startswith("container:"):
            continue
        found = yard.engine.api.call("GET", f"/networks/{quote(name)}")
        if not found.ok:
            continue
        network = found.json()
        own = (network["Labels"] or {}).get("com.dss.owner") == ATTACKER
        if not own and network["Name"] not in ("bridge", "none"):
            yield "network"
    for each in endpoints:
        if each.get("DriverOpts"):
            yield "driver options"
        for link in each.get("Links") or ():
            if _foreign("container:" + link.split(":")[0].strip("/"), yard):
                yield "link"


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory}/")


def _clean(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _inside_root(path: str, yard: Yard) -> bool:
    return _below(os.path.realpath(path), str(yard.scene.root))
