"""
A service's containers as if each were created by itself, for all that judges containers and
gives them something: hooks, ceilings, and the operator's own values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dss.config.containers import Containers
from dss.errors import Problem
from dss.model.version import ApiVersion
from dss.policy import given, limits
from dss.policy.fields.confinement import NO_NEW_PRIVILEGES

#: Where a field of a service is in a create body. What is in neither place of a pair is not
#: the same in both.
_SAME: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("ContainerSpec", "Image"): ("Image",),
    ("ContainerSpec", "Command"): ("Entrypoint",),
    ("ContainerSpec", "Args"): ("Cmd",),
    ("ContainerSpec", "Hostname"): ("Hostname",),
    ("ContainerSpec", "Env"): ("Env",),
    ("ContainerSpec", "Dir"): ("WorkingDir",),
    ("ContainerSpec", "User"): ("User",),
    ("ContainerSpec", "Labels"): ("Labels",),
    ("ContainerSpec", "TTY"): ("Tty",),
    ("ContainerSpec", "OpenStdin"): ("OpenStdin",),
    ("ContainerSpec", "StopSignal"): ("StopSignal",),
    ("ContainerSpec", "HealthCheck"): ("Healthcheck",),
    ("ContainerSpec", "Groups"): ("HostConfig", "GroupAdd"),
    ("ContainerSpec", "ReadOnly"): ("HostConfig", "ReadonlyRootfs"),
    ("ContainerSpec", "DNSConfig", "Nameservers"): ("HostConfig", "Dns"),
    ("ContainerSpec", "DNSConfig", "Search"): ("HostConfig", "DnsSearch"),
    ("ContainerSpec", "DNSConfig", "Options"): ("HostConfig", "DnsOptions"),
    ("ContainerSpec", "Mounts"): ("HostConfig", "Mounts"),
    ("ContainerSpec", "CapabilityAdd"): ("HostConfig", "CapAdd"),
    ("ContainerSpec", "CapabilityDrop"): ("HostConfig", "CapDrop"),
    ("ContainerSpec", "Sysctls"): ("HostConfig", "Sysctls"),
    ("ContainerSpec", "Ulimits"): ("HostConfig", "Ulimits"),
    ("ContainerSpec", "Init"): ("HostConfig", "Init"),
    ("ContainerSpec", "OomScoreAdj"): ("HostConfig", "OomScoreAdj"),
    ("Resources", "Limits", "MemoryBytes"): ("HostConfig", "Memory"),
    ("Resources", "Limits", "NanoCPUs"): ("HostConfig", "NanoCpus"),
    ("Resources", "Limits", "Pids"): ("HostConfig", "PidsLimit"),
    ("LogDriver", "Name"): ("HostConfig", "LogConfig", "Type"),
    ("LogDriver", "Options"): ("HostConfig", "LogConfig", "Config"),
}

_PRIVILEGES_SINCE = ApiVersion(1, 44)


def _get(value: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = value
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _set(value: dict[str, Any], path: tuple[str, ...], new: Any) -> None:
    """
    Set a field, with new objects on the way to it.
    """
    for name in path[:-1]:
        value[name] = dict(value.get(name) or {})
        value = value[name]
    value[path[-1]] = new


def as_container(task: Mapping[str, Any]) -> dict[str, Any]:
    """
    The create body that means the same as a decoded C{TaskTemplate}.
    """
    body: dict[str, Any] = {}
    for there, here in _SAME.items():
        found = _get(task, there)
        if found is not None:
            _set(body, here, found)
    privileges = _get(task, ("ContainerSpec", "Privileges")) or {}
    options = [
        *(["no-new-privileges"] if privileges.get("NoNewPrivileges") else ()),
        *(["seccomp=unconfined"] if _is(privileges, "Seccomp", "unconfined") else ()),
        *(["apparmor=unconfined"] if _is(privileges, "AppArmor", "disabled") else ()),
    ]
    if options:
        _set(body, ("HostConfig", "SecurityOpt"), options)
    return body


def _is(privileges: Mapping[str, Any], kind: str, mode: str) -> bool:
    return (privileges.get(kind) or {}).get("Mode") == mode


def given_to(task: Mapping[str, Any], settings: Containers) -> dict[str, Any]:
    """
    A judged C{TaskTemplate} with what the operator gives containers.
    """
    before = as_container(task)
    after, _ = given.to_container(before, settings)
    found = dict(task)
    for there, here in _SAME.items():
        new = _get(after, here)
        if new != _get(before, here):
            _set(found, there, new)
    if any(each in NO_NEW_PRIVILEGES for each in settings.force.security_options):
        _set(found, ("ContainerSpec", "Privileges", "NoNewPrivileges"), True)
    return found


def over_ceilings(task: Mapping[str, Any], settings: Containers) -> Iterator[Problem]:
    """
    What is over the operator's ceilings in a decoded C{TaskTemplate}.
    """
    ceilings = settings.ceilings
    host = dict(as_container(task).get("HostConfig") or {})
    swap = _get(task, ("Resources", "SwapBytes")) or 0
    # Here it is beside the memory, and for a container both together (Docker Engine API).
    memory = host.get("Memory") or ceilings.memory or 0
    host["MemorySwap"] = swap + memory if swap > 0 else swap
    for problem in limits.problems(host, ceilings, ""):
        yield Problem(problem.rule, _at(problem.field), problem.reason, problem.hint)


def _at(field: str) -> str:
    """
    A field of C{HostConfig} as a service's client calls it.
    """
    name, _, rest = field.partition("[")
    if name == "MemorySwap":
        return "TaskTemplate.Resources.SwapBytes"
    for there, here in _SAME.items():
        if here == ("HostConfig", name):
            return ".".join(("TaskTemplate", *there)) + (f"[{rest}" if rest else "")
    return f"TaskTemplate.{field}"


def cannot_be_given(settings: Containers, engine: ApiVersion) -> Iterator[Problem]:
    """
    What the operator wants of each container and a service's can't have. Without it they
    would be a way around.

    @param engine: the engine's version.
    """
    forced, defaults = settings.force, settings.defaults
    sayable = NO_NEW_PRIVILEGES if engine >= _PRIVILEGES_SINCE else ()
    wanted = {
        "containers.force.network": forced.network,
        "containers.force.runtime": forced.runtime,
        "containers.force.cgroup_parent": forced.cgroup_parent,
        "containers.force.security_options": [
            each for each in forced.security_options if each not in sayable
        ],
        "containers.defaults.runtime": defaults.runtime,
        "containers.defaults.network": defaults.network,
        "containers.defaults.cgroup_parent": defaults.cgroup_parent,
        "containers.defaults.security_options": defaults.security_options,
        # A service can't ask for less than engines give.
        "containers.ceilings.shm_size": (settings.ceilings.shm_size or 2**63) < given.SHM_SIZE,
    }
    for key, value in wanted.items():
        if value:
            yield Problem(
                "service.settings",
                "",
                "containers of a service can't have what the operator wants of each.",
                f"The setting is {key}.",
            )
