"""
The rules that rows name: each a pure function of one value.

Rules that must know more than the value (who owns a container, what a host path is)
have a row too, whose rule has no check: L{dss.policy.create} and
L{dss.policy.mounts} judge those.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Callable
from typing import Any

from dss.policy.fields.field import Rule, Spot
from dss.policy.labels import reserved


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def allow(id: str, allowed: str = "any value") -> Rule:
    """
    A rule that denies nothing.
    """
    return Rule(id, "allow", allowed)


def drop(id: str) -> Rule:
    """
    A rule that takes the field out of the body.
    """
    return Rule(id, "drop", "any value; the engine does not get it")


def elsewhere(id: str, allowed: str, verdict: str = "rewrite") -> Rule:
    """
    A rule whose check asks questions, and is therefore not in the table.
    """
    return Rule(id, verdict, allowed)


def inside(id: str) -> Rule:
    """
    A rule for what is inside an object or a map that is judged as a whole.
    """
    return Rule(id, "deny", "judged with what it is in")


def deny(id: str, reason: str, allowed: str = "Leave it out.", judges_empty: bool = False) -> Rule:
    """
    A rule that denies every value but the zero one.
    """
    return Rule(id, "deny", allowed, lambda spot: reason, judges_empty)


def limit(id: str, allowed: str, check: Callable[[Any], str | None]) -> Rule:
    """
    A rule that denies some values, given only the value.
    """
    return Rule(id, "limit", allowed, lambda spot: check(spot.value))


def one_of(id: str, values: tuple[str, ...], reason: str) -> Rule:
    """
    A rule that allows some strings.
    """
    listed = ", ".join(values) if values else "only the empty value"

    def check(value: str) -> str | None:
        return None if value in values else f"{_shown(value)} is denied: {reason}"

    return limit(id, f"Allowed: {listed}.", check)


def at_least(id: str, least: int, reason: str) -> Rule:
    """
    A rule that allows integers from some value on.
    """

    def check(value: int) -> str | None:
        return None if value >= least else f"{value} is denied: {reason}"

    return limit(id, f"Allowed: {least} and above.", check)


def matching(id: str, pattern: str, allowed: str, reason: str) -> Rule:
    """
    A rule that allows strings, or lists of strings, of one form.
    """
    form = re.compile(pattern)

    def check(value: str | list[str]) -> str | None:
        for each in [value] if isinstance(value, str) else value:
            if not form.fullmatch(each):
                return f"{_shown(each)} is denied: {reason}"
        return None

    return limit(id, allowed, check)


def _working_dir(value: str) -> str | None:
    first = posixpath.normpath("/" + value).lstrip("/").split("/")[0]
    if first == "proc":
        return (
            f"{_shown(value)} is denied: a working directory below /proc can be a file "
            "descriptor that leads to the host (CVE-2024-21626)."
        )
    return None


working_dir = limit(
    "container.working_dir", "Allowed: any directory that is not below /proc.", _working_dir
)


def _below_kernel(target: str) -> str | None:
    first = posixpath.normpath("/" + target.replace("\\", "/")).lstrip("/").split("/")[0]
    if first in ("proc", "sys"):
        return (
            f"a mount at {_shown(target)} is denied: it would hide what confines the container "
            "(CVE-2019-16884)."
        )
    return None


mount_target = limit(
    "mount.target", "Allowed: any target that is not at or below /proc or /sys.", _below_kernel
)


def _labels(spot: Spot) -> str | None:
    key = spot.keys[-1]
    return (
        f"the label {_shown(key)} is dss's own: it tells who owns what." if reserved(key) else None
    )


#: For the values of a map of labels. Judged also where the value is empty.
labels = Rule(
    "label.reserved",
    "limit",
    "Labels that don't begin with com.dss. are allowed.",
    _labels,
    judges_empty=True,
)

_LEAST_INTERVAL = 100_000_000


def _interval(value: int) -> str | None:
    if value < _LEAST_INTERVAL:
        return f"{value} ns is denied: so many checks would load the engine."
    return None


interval = limit(
    "container.healthcheck", "Allowed: 100 ms (100000000) and above, or 0 to inherit.", _interval
)

#: What the engine gives a container when nothing is asked for (moby,
#: C{oci/caps/defaults.go}, unchanged from 20.10 to 28.5).
DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)


def _capabilities(value: list[str]) -> str | None:
    denied = []
    for each in value:
        # The engine upper-cases and takes the name with and without the prefix.
        if not each.isascii() or each.upper().removeprefix("CAP_") not in DEFAULT_CAPABILITIES:
            denied.append(each)
    if denied:
        return f"{', '.join(map(_shown, denied))}: denied, since it can lead to the host."
    return None


capabilities = limit(
    "container.capabilities",
    f"Allowed: Docker's default capabilities: {', '.join(DEFAULT_CAPABILITIES)}.",
    _capabilities,
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


def _sysctl(spot: Spot) -> str | None:
    key = spot.keys[-1]
    if key in _IPC_SYSCTLS or _NAMESPACED.fullmatch(key):
        return None
    return f"{_shown(key)} is denied: it is not known to be the container's own."


sysctls = Rule(
    "container.sysctls",
    "limit",
    "Allowed: net.*, fs.mqueue.*, " + ", ".join(sorted(_IPC_SYSCTLS)) + ".",
    _sysctl,
    judges_empty=True,
)

_NO_NEW_PRIVILEGES = {
    "no-new-privileges",
    "no-new-privileges:true",
    "no-new-privileges=true",
}


def _security(value: list[str]) -> str | None:
    denied = [each for each in value if each not in _NO_NEW_PRIVILEGES]
    if denied:
        return f"{', '.join(map(_shown, denied))}: denied, since it changes what confines it."
    return None


security_options = limit(
    "container.security_opt", "Allowed: no-new-privileges and no-new-privileges:true.", _security
)

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


def _host_port(value: str) -> str | None:
    found = _PORTS.fullmatch(value)
    if found is None:
        return f"{_shown(value)} is neither a port nor a range of ports."
    low = int(found[1])
    high = int(found[2]) if found[2] else low
    if low == high == 0:
        return None
    if low < 1024:
        return f"{_shown(value)} is denied: ports below 1024 are the host's own."
    if high > 65535:
        return f"{_shown(value)} is above the last port, 65535."
    return None


host_port = limit(
    "container.ports", "Allowed: 1024 to 65535, or 0 or nothing for any free port.", _host_port
)


def _host_ip(value: str) -> str | None:
    try:
        ipaddress.ip_address(value.removeprefix("[").removesuffix("]"))
    except ValueError:
        return f"{_shown(value)} is no address."
    return None


host_ip = limit("container.ports.address", "Allowed: any address of the host.", _host_ip)

LOG_DRIVERS = ("json-file", "local", "none")
_LOG_OPTIONS = ("max-size", "max-file", "compress", "mode", "max-buffer-size")


def _log_option(spot: Spot) -> str | None:
    key = spot.keys[-1]
    return None if key in _LOG_OPTIONS else f"the option {_shown(key)} is denied."


log_options = Rule(
    "container.log_options",
    "limit",
    f"Allowed: {', '.join(_LOG_OPTIONS)}.",
    _log_option,
    judges_empty=True,
)

#: Flags and settings of tmpfs(5) that reach nothing outside. The engine itself would
#: also take flags such as C{bind}, C{remount} and C{shared}.
_TMPFS = re.compile(
    r"(?:rw|ro|exec|noexec|suid|nosuid|nodev|sync|async|dirsync|atime|noatime|diratime|"
    r"nodiratime|relatime|norelatime|strictatime|nostrictatime|"
    r"size=[0-9]{1,18}[kKmMgG%]?|nr_blocks=[0-9]{1,18}[kKmMgG]?|nr_inodes=[0-9]{1,18}[kKmMgG]?|"
    r"mode=[0-7]{1,5}|uid=[0-9]{1,10}|gid=[0-9]{1,10})"
)


def _tmpfs(spot: Spot) -> str | None:
    reason = _below_kernel(spot.keys[-1])
    if reason is not None:
        return reason
    # The engine skips an empty option.
    denied = [each for each in spot.value.split(",") if each and not _TMPFS.fullmatch(each)]
    return f"the option {_shown(denied[0])} is denied." if denied else None


tmpfs = Rule(
    "container.tmpfs",
    "limit",
    "Allowed: rw, ro, exec, noexec, suid, nosuid, nodev, sync, the atime flags, and "
    "size=, mode=, uid=, gid=, nr_inodes= and nr_blocks= with a number; no target at or "
    "below /proc or /sys.",
    _tmpfs,
    judges_empty=True,
)


def _tmpfs_flags(value: list[str]) -> str | None:
    return None if value in (["exec"], ["noexec"]) else f"{_shown(value)} is denied."


tmpfs_flags = limit("mount.tmpfs", "Allowed: [exec] and [noexec].", _tmpfs_flags)

tmpfs_mode = limit(
    "mount.tmpfs",
    "Allowed: permission bits, up to octal 7777.",
    lambda value: None if value <= 0o7777 else f"{value} is more than permission bits.",
)


def _namespace(id: str, own: tuple[str, ...], kind: str) -> Rule:
    values = ("container:NAME of one's own container", *own)

    def check(value: str) -> str | None:
        if value in own or value.startswith("container:"):
            return None
        return f"{_shown(value)} is denied: {kind} of the host, or of others, leads there."

    return Rule(id, "rewrite", f"Allowed: {', '.join(values)}.", lambda spot: check(spot.value))


ipc_mode = _namespace("container.ipc", ("none", "private", "shareable"), "the IPC namespace")
pid_mode = _namespace("container.pid", (), "the PID namespace")


def _network_mode(value: str) -> str | None:
    if value == "host":
        return "'host' is denied: the host's network reaches its own services."
    return None


network_mode = Rule(
    "container.network",
    "rewrite",
    "Allowed: bridge, none, the name or id of one's own network, container:NAME of one's own "
    "container.",
    lambda spot: _network_mode(spot.value),
)


def _endpoint(spot: Spot) -> str | None:
    return _network_mode(spot.keys[-1])


endpoint = Rule(
    "container.network",
    "rewrite",
    "Allowed: bridge, none, and one's own networks by name or id.",
    _endpoint,
    judges_empty=True,
)

device_path = matching(
    "container.blkio",
    r"/dev(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+",
    "Allowed: devices of the host by their path below /dev.",
    "it is no path of a device.",
)
