"""
What a container gets from the operator: forced values, defaults, and ceilings where it has
no limit of its own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from dss.config.containers import Containers, Defaults, Forced, PublishedPorts
from dss.policy.limits import cpus_of

#: How much /dev/shm the engine gives where nothing is asked for (Docker Engine API,
#: I{HostConfig.ShmSize}).
SHM_SIZE = 64 * 2**20


def to_container(
    body: Mapping[str, Any], settings: Containers, exposed: Iterable[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """
    A judged create body with what the operator gives.

    @param exposed: ports that the image names.
    @return: the new body, and what was changed, for the audit.
    """
    host = dict(body.get("HostConfig") or {})
    found = dict(body)
    _default_environment(found, settings.defaults.environment)
    _default_log(host, settings)
    host = with_limits(host, settings)
    _default_rest(found, host, settings.defaults)
    if settings.ports.allowed and host.pop("PublishAllPorts", False):
        _publish(host, [*(body.get("ExposedPorts") or ()), *exposed])
    _addresses(host, settings.ports)
    found["HostConfig"] = host
    _force(found, host, settings.force)
    changed = [
        f"HostConfig.{name}: given"
        for name in sorted(host)
        if host[name] != (body.get("HostConfig") or {}).get(name)
    ]
    changed += [
        f"{name}: given"
        for name in sorted(found)
        if name != "HostConfig" and found[name] != body.get(name)
    ]
    return found, changed


def to_exec(body: Mapping[str, Any], forced: Forced) -> dict[str, Any]:
    """
    A judged exec body with what the operator forces: what a process of the container has
    is not left behind by an exec.
    """
    found = dict(body)
    if forced.user is not None:
        found["User"] = forced.user
    if forced.environment:
        found["Env"] = _environment(body.get("Env") or (), forced.environment)
    return found


def without_forced(body: Mapping[str, Any], forced: Forced) -> dict[str, Any]:
    """
    A create body without what the operator's own values take the place of: whatever a client
    asks there is not judged.
    """
    found, host = dict(body), dict(body.get("HostConfig") or {})
    gone = {
        "User": forced.user,
        "NetworkingConfig": forced.network,
    }
    gone_of_host = {
        "NetworkMode": forced.network,
        "Links": forced.network,
        "Runtime": forced.runtime,
        "CgroupParent": forced.cgroup_parent,
    }
    for fields, names in ((found, gone), (host, gone_of_host)):
        for name, value in names.items():
            if value is not None:
                fields.pop(name, None)
    if forced.security_options and host.get("SecurityOpt"):
        kinds = {_kind(each) for each in forced.security_options}
        host["SecurityOpt"] = [each for each in host["SecurityOpt"] if _kind(each) not in kinds]
    if "HostConfig" in body:
        found["HostConfig"] = host
    return found


def _environment(written: Iterable[str], forced: Mapping[str, str]) -> list[str]:
    kept = [each for each in written if each.partition("=")[0] not in forced]
    return [*kept, *(f"{name}={value}" for name, value in forced.items())]


def _default_environment(found: dict[str, Any], defaults: Mapping[str, str]) -> None:
    written = found.get("Env") or []
    # A name alone removes a variable of the image: that is a wish too.
    names = {each.partition("=")[0] for each in written}
    missing = [f"{name}={value}" for name, value in defaults.items() if name not in names]
    if missing:
        found["Env"] = [*written, *missing]


def _default_rest(found: dict[str, Any], host: dict[str, Any], defaults: Defaults) -> None:
    if defaults.labels:
        found["Labels"] = {**defaults.labels, **(found.get("Labels") or {})}
    if defaults.user is not None and not found.get("User"):
        found["User"] = defaults.user
    for name, value in (("Runtime", defaults.runtime), ("CgroupParent", defaults.cgroup_parent)):
        if value is not None and not host.get(name):
            host[name] = value
    if defaults.security_options:
        written = host.get("SecurityOpt") or []
        kinds = {_kind(each) for each in written}
        missing = [each for each in defaults.security_options if _kind(each) not in kinds]
        host["SecurityOpt"] = [*written, *missing]


def _default_log(host: dict[str, Any], settings: Containers) -> None:
    default, asked = settings.defaults.log, host.get("LogConfig") or {}
    if default.driver and not asked.get("Type"):
        options = {**default.options, **(asked.get("Config") or {})}
        host["LogConfig"] = {"Type": default.driver, "Config": options}


def with_limits(resources: Mapping[str, Any], settings: Containers) -> dict[str, Any]:
    """
    A judged C{HostConfig} with the limits that the operator gives.
    """
    host = dict(resources)
    defaults, ceilings = settings.defaults, settings.ceilings
    memory = _first(defaults.memory, ceilings.memory)
    if memory is not None and host.get("Memory", 0) <= 0:
        host["Memory"] = memory
        if 0 < host.get("MemorySwap", 0) < memory:
            # The engine takes no less of both than of the one.
            del host["MemorySwap"]
        if host.get("MemoryReservation", 0) > memory:
            host["MemoryReservation"] = memory
    cpus = _first(defaults.cpus, ceilings.cpus)
    if cpus is not None and not cpus_of(host):
        for name in ("CpuQuota", "CpuPeriod"):
            # The engine takes NanoCpus only without these.
            host.pop(name, None)
        host["NanoCpus"] = int(cpus * 1e9)
    pids = _first(defaults.pids, ceilings.pids)
    if pids is not None and host.get("PidsLimit", 0) <= 0:
        host["PidsLimit"] = pids
    shm: int | None = defaults.shm_size
    if shm is None and ceilings.shm_size is not None:
        shm = min(ceilings.shm_size, SHM_SIZE)
    if shm is not None and not host.get("ShmSize"):
        host["ShmSize"] = shm
    asked = {each.get("Name", "").upper().lower() for each in host.get("Ulimits") or ()}
    missing = [
        {"Name": name, "Soft": value, "Hard": value}
        for name, value in ceilings.ulimits.items()
        if name not in asked
    ]
    if missing:
        host["Ulimits"] = [*(host.get("Ulimits") or ()), *missing]
    return host


def _first(default: float | None, ceiling: float | None) -> Any:
    return default if default is not None else ceiling


def _publish(host: dict[str, Any], ports: Iterable[str]) -> None:
    """
    Publish each port by itself: on all at once the engine takes no address.
    """
    bindings = dict(host.get("PortBindings") or {})
    known = {_with_protocol(each) for each in bindings}
    for port in dict.fromkeys(map(_with_protocol, ports)):
        if port not in known:
            bindings[port] = [{}]
    host["PortBindings"] = bindings


def _with_protocol(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"


def _addresses(host: dict[str, Any], ports: PublishedPorts) -> None:
    """
    Where the operator names addresses, a port without one, or on all of them, is published on
    the first.
    """
    if not ports.allowed or not host.get("PortBindings"):
        return
    first = ports.allowed[0]
    host["PortBindings"] = {
        # An empty list publishes nothing (proved on 20.10, 26.1 and 28.5), so that it can go:
        # no engine then makes more of it.
        port: [_on(each, first) for each in bindings]
        for port, bindings in host["PortBindings"].items()
        if bindings
    }


def _on(binding: Mapping[str, str], first: str) -> dict[str, str]:
    written = binding.get("HostIp", "").removeprefix("[").removesuffix("]")
    address = ipaddress.ip_address(written or first)
    # Written anew: the engine takes what it can't read, brackets too, for all addresses
    # (proved on 20.10, 26.1 and 28.5).
    return {**binding, "HostIp": first if address.is_unspecified else str(address)}


def _force(found: dict[str, Any], host: dict[str, Any], forced: Forced) -> None:
    if forced.labels:
        found["Labels"] = {**(found.get("Labels") or {}), **forced.labels}
    if forced.environment:
        found["Env"] = _environment(found.get("Env") or (), forced.environment)
    if forced.user is not None:
        found["User"] = forced.user
    if forced.runtime is not None:
        host["Runtime"] = forced.runtime
    if forced.cgroup_parent is not None:
        host["CgroupParent"] = forced.cgroup_parent
    if forced.security_options:
        kinds = {_kind(each) for each in forced.security_options}
        kept = [each for each in host.get("SecurityOpt") or () if _kind(each) not in kinds]
        host["SecurityOpt"] = [*kept, *forced.security_options]


def _kind(option: str) -> str:
    return re.split("[=:]", option, maxsplit=1)[0]
