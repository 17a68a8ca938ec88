"""
The rules that rows name: each a pure function of one value.

Rules that must know more than the value (who owns a container, what a host path is)
have a row too, whose rule has no check: L{dss.policy.create} and
L{dss.policy.mounts} judge those.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import posixpath
import re
from collections.abc import Callable
from typing import Any

from dss.config.containers import DEFAULT_CAPABILITIES, KNOWN_CAPABILITIES, Containers
from dss.config.values import Device, fits
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


def elsewhere(id: str, allowed: str, verdict: str = "rewrite", setting: str = "") -> Rule:
    """
    A rule whose check asks questions, and is therefore not in the table.
    """
    return Rule(id, verdict, allowed, setting=setting)


def inside(id: str) -> Rule:
    """
    A rule for what is inside an object or a map that is judged as a whole.
    """
    return Rule(id, "deny", "judged with what it is in")


def deny(
    id: str,
    reason: str,
    allowed: str = "Leave it out.",
    judges_empty: bool = False,
    never: str = "",
) -> Rule:
    """
    A rule that denies every value but the zero one.
    """
    return Rule(id, "deny", allowed, lambda spot, settings: reason, judges_empty, never=never)


def limit(id: str, allowed: str, check: Callable[[Any], str | None]) -> Rule:
    """
    A rule that denies some values, given only the value.
    """
    return Rule(id, "limit", allowed, lambda spot, settings: check(spot.value))


def one_of(
    id: str,
    values: tuple[str, ...],
    reason: str,
    setting: str = "",
    settable: str = "",
    never: str = "",
    told: str = "only the empty value",
) -> Rule:
    """
    A rule that allows some strings.

    @param setting: the key path of a list of more strings.
    @param settable: the one string that may be in it; without, any may.
    @param told: what is allowed where there are no strings, in words.
    """
    listed = ", ".join(values) if values else told
    more = _setting(setting) if setting else lambda settings: ()

    def check(spot: Spot, settings: Containers) -> str | None:
        if spot.value in values or spot.value in more(settings):
            return None
        return f"{_shown(spot.value)} is denied: {reason}"

    def line(spot: Spot) -> str:
        return _toml([spot.value]) if settable in ("", spot.value) else ""

    verdict = "limit"
    allowed = f"Allowed: {listed}."
    more_line = line if setting else None
    return Rule(id, verdict, allowed, check, setting=setting, line=more_line, never=never)


def _setting(path: str) -> Callable[[Containers], Any]:
    """
    Makes a reader of one setting.
    """
    get = operator.attrgetter(path.removeprefix("containers."))
    # A misspelt path is an error when it is written, not when it is needed.
    get(Containers())
    return get


def _toml(value: Any) -> str:
    """
    A value as TOML has it: strings, and lists of them, are written as in JSON.
    """
    return json.dumps(value, ensure_ascii=False)


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


def _labels(spot: Spot, settings: Containers) -> str | None:
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


def _capability(written: str) -> str:
    """
    A capability's name: the engine upper-cases it and takes it with and without prefix.
    """
    return written.upper().removeprefix("CAP_") if written.isascii() else ""


def _capabilities(spot: Spot, settings: Containers) -> str | None:
    fine = {*DEFAULT_CAPABILITIES, *settings.capabilities}
    denied = [each for each in spot.value if _capability(each) not in fine]
    if denied:
        return f"{', '.join(map(_shown, denied))}: denied, since it can lead to the host."
    return None


def _capabilities_line(spot: Spot) -> str:
    wanted = [_capability(each) for each in spot.value]
    missing = [each for each in wanted if each not in DEFAULT_CAPABILITIES]
    return _toml(missing) if set(missing) <= set(KNOWN_CAPABILITIES) else ""


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
    return f"{_shown(key)} is denied: it is not known to be the container's own."


sysctls = Rule(
    "container.sysctls",
    "limit",
    "Allowed: net.*, fs.mqueue.*, " + ", ".join(sorted(_IPC_SYSCTLS)) + ".",
    _sysctl,
    judges_empty=True,
    setting="containers.sysctls",
    line=lambda spot: _toml([spot.keys[-1]]) if _SYSCTL.fullmatch(spot.keys[-1]) else "",
)

_NO_NEW_PRIVILEGES = {
    "no-new-privileges",
    "no-new-privileges:true",
    "no-new-privileges=true",
}


def _unsafe(spot: Spot, settings: Containers) -> list[str]:
    fine = {*_NO_NEW_PRIVILEGES, *settings.security_options}
    return [each for each in spot.value if each not in fine]


def _security(spot: Spot, settings: Containers) -> str | None:
    denied = _unsafe(spot, settings)
    if denied:
        return f"{', '.join(map(_shown, denied))}: denied, since it changes what confines it."
    return None


def _security_line(spot: Spot) -> str:
    line = _toml(_unsafe(spot, Containers()))
    # A whole seccomp profile is too long to be repeated.
    return line if len(line) <= 200 else ""


security_options = Rule(
    "container.security_opt",
    "limit",
    "Allowed: no-new-privileges and no-new-privileges:true, and what the engine does anyway: "
    "no-new-privileges=false, seccomp=builtin, apparmor=docker-default.",
    _security,
    setting="containers.security_options",
    line=_security_line,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


def _host_port(spot: Spot, settings: Containers) -> str | None:
    found = _PORTS.fullmatch(spot.value)
    if found is None:
        return f"{_shown(spot.value)} is neither a port nor a range of ports."
    low = int(found[1])
    high = int(found[2]) if found[2] else low
    if low == high == 0:
        return None
    if high > 65535:
        return f"{_shown(spot.value)} is above the last port, 65535."
    if not any(each.low <= low and high <= each.high for each in settings.ports.ranges):
        listed = ", ".join(map(str, settings.ports.ranges)) or "none"
        return f"{_shown(spot.value)} is denied: ports that may be published are {listed}."
    return None


def _host_port_line(spot: Spot) -> str:
    found = _PORTS.fullmatch(spot.value)
    if found is None or not 0 < int(found[1]) <= int(found[2] or found[1]) <= 65535:
        return ""
    return _toml([*map(str, Containers().ports.ranges), spot.value])


host_port = Rule(
    "container.ports",
    "limit",
    "Allowed: 1024 to 65535, or 0 or nothing for any free port.",
    _host_port,
    setting="containers.ports.ranges",
    line=_host_port_line,
)


def _address(value: str) -> Address | None:
    try:
        found = ipaddress.ip_address(value.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    # Go reads no zones.
    return None if "%" in value else found


def _host_ip(spot: Spot, settings: Containers) -> str | None:
    address = _address(spot.value)
    if address is None:
        return f"{_shown(spot.value)} is no address."
    allowed = settings.ports.allowed
    if not allowed or address.is_unspecified:
        return None
    if not any(address in ipaddress.ip_network(each) for each in allowed):
        return f"{_shown(spot.value)} is denied: addresses that may be published on are " + (
            f"{', '.join(allowed)}."
        )
    return None


host_ip = Rule(
    "container.ports.address",
    "rewrite",
    "Allowed: any address of the host; where the operator names some, these, and one of them "
    "in place of all.",
    _host_ip,
    setting="containers.ports.addresses",
    line=lambda spot: _toml([spot.value]) if _address(spot.value) else "",
)


publish_all = elsewhere(
    "container.ports.address",
    "any value; where the operator names addresses, each port is published by itself",
    setting="containers.ports.addresses",
)

LOG_DRIVERS = ("json-file", "local", "none")
#: What bounds a log, and what of the container itself is written into it.
_LOG_OPTIONS = (
    *("max-size", "max-file", "compress", "mode", "max-buffer-size"),
    *("tag", "labels", "labels-regex", "env", "env-regex"),
)


def _log_driver(spot: Spot, settings: Containers) -> str | None:
    if spot.value in LOG_DRIVERS or spot.value in settings.log_drivers:
        return None
    return f"{_shown(spot.value)} is denied: other drivers make the engine connect out."


log_driver = Rule(
    "container.log_driver",
    "limit",
    f"Allowed: {', '.join(LOG_DRIVERS)}.",
    _log_driver,
    setting="containers.log_drivers",
    line=lambda spot: f"{{ {_toml(spot.value)} = [] }}",
)


def log_options_of(name: str) -> Rule:
    """
    Makes the rule of a log driver's options.

    @param name: the field beside them that names the driver.
    """

    def check(spot: Spot, settings: Containers) -> str | None:
        key = spot.keys[-1]
        driver = spot.inside.get(name) or settings.defaults.log.driver
        if driver in ("", *LOG_DRIVERS) and key in _LOG_OPTIONS:
            return None
        more = settings.log_drivers.get(driver, ())
        if key in more or f"{key}={spot.value}" in more:
            return None
        return f"the option {_shown(key)} is denied."

    def line(spot: Spot) -> str:
        driver = spot.inside.get(name)
        return f"{{ {_toml(driver)} = [{_toml(spot.keys[-1])}] }}" if driver else ""

    return Rule(
        "container.log_options",
        "limit",
        f"Allowed: {', '.join(_LOG_OPTIONS)}.",
        check,
        judges_empty=True,
        setting="containers.log_drivers",
        line=line,
    )


log_options = log_options_of("Type")

#: Flags and settings of tmpfs(5) that reach nothing outside. The engine itself would
#: also take flags such as C{bind}, C{remount} and C{shared}.
TMPFS_OPTION = re.compile(
    r"(?:rw|ro|exec|noexec|suid|nosuid|nodev|sync|async|dirsync|atime|noatime|diratime|"
    r"nodiratime|relatime|norelatime|strictatime|nostrictatime|"
    r"size=[0-9]{1,18}[kKmMgG%]?|nr_blocks=[0-9]{1,18}[kKmMgG]?|nr_inodes=[0-9]{1,18}[kKmMgG]?|"
    r"mode=[0-7]{1,5}|uid=[0-9]{1,10}|gid=[0-9]{1,10})"
)


def _tmpfs(spot: Spot, settings: Containers) -> str | None:
    reason = _below_kernel(spot.keys[-1])
    if reason is not None:
        return reason
    # The engine skips an empty option.
    denied = [each for each in spot.value.split(",") if each and not TMPFS_OPTION.fullmatch(each)]
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


def _namespace(
    id: str, own: tuple[str, ...], kind: str, setting: str = "", never: str = ""
) -> Rule:
    values = ("container:NAME of one's own container", *own)
    more = _setting(setting) if setting else lambda settings: ()

    def check(spot: Spot, settings: Containers) -> str | None:
        value: str = spot.value
        if value in own or value in more(settings) or value.startswith("container:"):
            return None
        return f"{_shown(value)} is denied: {kind} of the host, or of others, leads there."

    def line(spot: Spot) -> str:
        return _toml(["host"]) if setting and spot.value == "host" else ""

    allowed = f"Allowed: {', '.join(values)}."
    return Rule(id, "rewrite", allowed, check, setting=setting, line=line, never=never)


ipc_mode = _namespace(
    "container.ipc",
    ("none", "private", "shareable"),
    "the IPC namespace",
    "containers.ipc_modes",
)
pid_mode = _namespace("container.pid", (), "the PID namespace", never="it is the host")


def _network_mode(value: str) -> str | None:
    if value == "host":
        return "'host' is denied: the host's network reaches its own services."
    return None


network_mode = Rule(
    "container.network",
    "rewrite",
    "Allowed: bridge, none, the name or id of one's own network, container:NAME of one's own "
    "container.",
    lambda spot, settings: _network_mode(spot.value),
    never="the host's network is the host",
)


def _endpoint(spot: Spot, settings: Containers) -> str | None:
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


def _device(spot: Spot, settings: Containers) -> str | None:
    path = spot.value.get("PathOnHost", "")
    inside = spot.value.get("PathInContainer", "")
    # The engine may take no permissions for all of them.
    wanted = set(spot.value.get("CgroupPermissions") or "rwm")
    granted = [each for each in settings.devices if each.covers(path)]
    if not granted:
        return f"{_shown(path)} is denied: a device of the host gives power over it."
    if not any(wanted <= set(each.permissions) for each in granted):
        least = " or ".join(each.permissions for each in granted)
        return f"{_shown(path)} is denied with these permissions: CgroupPermissions can be {least}."
    if inside and (not inside.startswith("/") or ".." in inside.split("/")):
        return f"{_shown(inside)} is no path in the container."
    return _below_kernel(inside) if inside else None


def _device_line(spot: Spot) -> str:
    path = spot.value.get("PathOnHost", "")
    try:
        return _toml([Device.parse(path).path])
    except ValueError:
        return ""


devices = Rule(
    "container.devices",
    "deny",
    "No devices are allowed but those of the settings.",
    _device,
    judges_empty=True,
    setting="containers.devices",
    line=_device_line,
)

#: What NVIDIA's driver of the engine knows (moby 28.5, C{daemon/nvidia_linux.go}).
_GPU_CAPABILITIES = {
    "gpu",
    "nvidia",
    "compute",
    "compat32",
    "display",
    "graphics",
    "ngx",
    "utility",
    "video",
}
_GPU_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]*")


def _device_request(spot: Spot, settings: Containers) -> str | None:
    request = spot.value
    allowed = settings.device_requests
    driver = request.get("Driver", "")
    ids = request.get("DeviceIDs") or ()
    capabilities = request.get("Capabilities") or ()
    if any((request.get("Options") or {}).values()):
        return "options of a device driver are denied."
    if driver == "cdi":
        denied = [each for each in ids if not fits(each, allowed.cdi)]
        if denied or not ids:
            return f"the CDI device {_shown(denied[0] if denied else '')} is denied."
        return None
    if driver not in ("", "nvidia") or not allowed.gpus:
        return f"the driver {_shown(driver)} is denied: it may add mounts and hooks."
    if not capabilities or any(
        "gpu" not in each or not set(each) <= _GPU_CAPABILITIES for each in capabilities
    ):
        return "Capabilities should ask for a gpu, and for nothing but what one has."
    denied = [each for each in ids if not _GPU_ID.fullmatch(each)]
    return f"{_shown(denied[0])} is no GPU." if denied else None


def _device_request_line(spot: Spot) -> str:
    driver, ids = spot.value.get("Driver", ""), spot.value.get("DeviceIDs") or ()
    if driver == "cdi":
        return f"{{ cdi = {_toml(list(ids))} }}" if ids else ""
    return "{ gpus = true }" if driver in ("", "nvidia") else ""


device_requests = Rule(
    "container.device_requests",
    "deny",
    "No devices are allowed but those of the settings.",
    _device_request,
    judges_empty=True,
    setting="containers.device_requests",
    line=_device_request_line,
)


def _annotation(spot: Spot, settings: Containers) -> str | None:
    key = spot.keys[-1]
    if fits(key, settings.annotations):
        return None
    return f"the annotation {_shown(key)} is denied: annotations configure the runtime."


annotation = Rule(
    "container.annotations",
    "deny",
    "Labels are allowed.",
    _annotation,
    judges_empty=True,
    setting="containers.annotations",
    line=lambda spot: _toml([spot.keys[-1]]) if spot.keys[-1] else "",
)
