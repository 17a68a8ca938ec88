"""
Rules of what confines a container: capabilities, sysctls, security options, namespaces, and
what the runtime is told.
"""

from __future__ import annotations

import re

from dss.config.containers import Containers
from dss.config.kernel import DEFAULT_CAPABILITIES, KNOWN_CAPABILITIES
from dss.config.values import fits
from dss.policy.fields.field import Rule, Spot
from dss.policy.fields.rules import more_of, shown


def _capability(written: str) -> str:
    """
    A capability's name: the engine upper-cases it and takes it with and without prefix.
    """
    return written.upper().removeprefix("CAP_") if written.isascii() else ""


def _capabilities(spot: Spot, settings: Containers) -> str | None:
    fine = {*DEFAULT_CAPABILITIES, *settings.capabilities}
    denied = [each for each in spot.value if _capability(each) not in fine]
    if denied:
        return f"{', '.join(map(shown, denied))}: denied, since it can lead to the host."
    return None


def _capabilities_line(spot: Spot) -> list[str]:
    wanted = [_capability(each) for each in spot.value]
    missing = [each for each in wanted if each not in DEFAULT_CAPABILITIES]
    return missing if set(missing) <= set(KNOWN_CAPABILITIES) else []


capabilities = Rule(
    "container.capabilities",
    "limit",
    f"Allowed: Docker's default capabilities: {', '.join(DEFAULT_CAPABILITIES)}.",
    _capabilities,
    setting="containers.capabilities",
    line=_capabilities_line,
)

#: Kept by the kernel for each IPC namespace (ipc_namespaces(7)).
_IPC_SYSCTLS = {
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
}
_NAMESPACED = re.compile(r"net(\.[A-Za-z0-9_-]+)+|fs\.mqueue\.[a-z_]+")

#: The runtime makes a path below /proc/sys of it: slashes and empty parts would lead astray.
_SYSCTL = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def _sysctl(spot: Spot, settings: Containers) -> str | None:
    key = spot.keys[-1]
    if key in _IPC_SYSCTLS or _NAMESPACED.fullmatch(key):
        return None
    if _SYSCTL.fullmatch(key) and fits(key, settings.sysctls):
        return None
    return f"{shown(key)} is denied: it is not known to be the container's own."


sysctls = Rule(
    "container.sysctls",
    "limit",
    "Allowed: net.*, fs.mqueue.*, " + ", ".join(sorted(_IPC_SYSCTLS)) + ".",
    _sysctl,
    judges_empty=True,
    setting="containers.sysctls",
    line=lambda spot: [spot.keys[-1]] if _SYSCTL.fullmatch(spot.keys[-1]) else [],
)

#: How the option is written that takes something away.
NO_NEW_PRIVILEGES = ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")


def _unsafe(spot: Spot, settings: Containers) -> list[str]:
    fine = {*NO_NEW_PRIVILEGES, *settings.security_options}
    return [each for each in spot.value if each not in fine]


def _security(spot: Spot, settings: Containers) -> str | None:
    denied = _unsafe(spot, settings)
    if denied:
        return f"{', '.join(map(shown, denied))}: denied, since it changes what confines it."
    return None


def _security_line(spot: Spot) -> list[str]:
    line = _unsafe(spot, Containers())
    # A whole seccomp profile is too long to be repeated.
    return line if sum(map(len, line)) <= 200 else []


security_options = Rule(
    "container.security_opt",
    "limit",
    "Allowed: no-new-privileges and no-new-privileges:true, and what the engine does anyway: "
    "no-new-privileges=false, seccomp=builtin, apparmor=docker-default.",
    _security,
    setting="containers.security_options",
    line=_security_line,
)


def _namespace(
    id: str, own: tuple[str, ...], kind: str, setting: str = "", never: str = ""
) -> Rule:
    values = ("container:NAME of one's own container", *own)
    more = more_of(setting) if setting else lambda settings: ()

    def check(spot: Spot, settings: Containers) -> str | None:
        value: str = spot.value
        if value in own or value in more(settings) or value.startswith("container:"):
            return None
        return f"{shown(value)} is denied: {kind} of the host, or of others, leads there."

    def line(spot: Spot) -> list[str]:
        return ["host"] if setting and spot.value == "host" else []

    allowed = f"Allowed: {', '.join(values)}."
    return Rule(id, "rewrite", allowed, check, setting=setting, line=line, never=never)


ipc_mode = _namespace(
    "container.ipc",
    ("none", "private", "shareable"),
    "the IPC namespace",
    "containers.ipc_modes",
)
pid_mode = _namespace("container.pid", (), "the PID namespace", never="it is the host")


def _annotation(spot: Spot, settings: Containers) -> str | None:
    key = spot.keys[-1]
    if fits(key, settings.annotations):
        return None
    return f"the annotation {shown(key)} is denied: annotations configure the runtime."


annotation = Rule(
    "container.annotations",
    "deny",
    "Labels are allowed.",
    _annotation,
    judges_empty=True,
    setting="containers.annotations",
    line=lambda spot: [spot.keys[-1]] if spot.keys[-1] else [],
)
