"""
Settings of what containers may ask for, beside what is always fine, and of what they get.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from dss.config import values
from dss.config.kernel import KNOWN_CAPABILITIES, ULIMITS
from dss.config.resources import Resources
from dss.config.values import Device, Ports, Size, WrongValue, WrongValues, section, setting
from dss.model.owner import RESERVED_PREFIX

#: What the settings can give containers and the classic builder can't give a build's steps.
NOT_IN_BUILDS = ("user", "runtime", "security_options", "pids")

_NAMES = "list of texts"
_PATTERNS = "list of names, or beginnings of names with * after them"
_TEXTS = "table of texts"
_SIZE = "size, as 512m or bytes"


def _capability(value: str) -> None:
    values.one_of(*KNOWN_CAPABILITIES)(value)


def _label(labels: Mapping[str, str]) -> None:
    for key in labels:
        values.word(key)
        if key.strip().casefold().startswith(RESERVED_PREFIX):
            raise ValueError(f"{key!r} is one of dss's own labels")


def _environment(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"{name!r} is no name of an environment variable")


def _forced_network(value: str) -> None:
    values.word(value)
    if value == "host" or ":" in value:
        raise ValueError(f"{value!r} is no network of containers' own")


def _cgroup(value: str) -> None:
    values.word(value)
    if ".." in value.split("/"):
        raise ValueError(f"{value!r} leads out of the cgroup")


def _ulimits(limits: Mapping[str, int]) -> None:
    for name, value in limits.items():
        values.one_of(*ULIMITS)(name)
        values.positive(value)


def _log_options(options: Mapping[str, tuple[str, ...]]) -> None:
    for driver, each in options.items():
        values.word(driver)
        values.listed(values.word)(each)


_HOST = values.listed(values.one_of("host"))


@frozen
class DeviceRequests:
    """
    C{[containers.device_requests]}
    """

    gpus: bool = setting(
        "Whether containers may ask for GPUs, as docker run --gpus does.", False, "true or false"
    )
    cdi: tuple[str, ...] = setting(
        'Devices by their CDI names, such as "nvidia.com/gpu=*". Their specifications may mount '
        "files of the host.",
        (),
        _PATTERNS,
        values.listed(values.pattern),
    )


@frozen
class PublishedPorts:
    """
    C{[containers.ports]}
    """

    ranges: tuple[Ports, ...] = setting(
        "Ports of the host that may be published by number. Any free port that the engine picks "
        "is always fine.",
        (Ports(1024, 65535),),
        "list of ports and ranges",
    )
    addresses: tuple[str, ...] = setting(
        "Addresses of the host, or networks of them, where ports may be published; empty "
        "for all. Where a client names no address, or all of them as 0.0.0.0, it gets the first "
        "of these.",
        (),
        "list of addresses",
        values.listed(values.network),
    )
    most: int = setting(
        "How many ports one container may publish: each has processes of the engine's own.",
        100,
        "number",
        values.positive,
    )
    loopback_only: bool = setting(
        "Whether ports may be published on the host's loopback addresses only. Where a "
        "client names no address, or all of them as 0.0.0.0, it gets 127.0.0.1.",
        False,
        "true or false",
    )

    def __attrs_post_init__(self) -> None:
        if self.loopback_only and self.addresses:
            raise WrongValue("loopback_only", "write either addresses or loopback_only")
        if self.addresses and "/" in self.addresses[0]:
            raise WrongValue(
                "addresses",
                "the first of addresses should be one address: it is for ports that come without",
            )

    @property
    def allowed(self) -> tuple[str, ...]:
        """
        Networks of addresses where ports may be published; none means all.
        """
        return ("127.0.0.1", "127.0.0.0/8", "::1") if self.loopback_only else self.addresses


@frozen
class Forced:
    """
    C{[containers.force]}
    """

    labels: Mapping[str, str] = setting("Labels of each container.", {}, _TEXTS, _label)
    environment: Mapping[str, str] = setting(
        "Environment variables of each container and exec, such as those of a proxy. A build gets "
        "Docker's names of proxies of them, such as HTTP_PROXY, as its arguments.",
        {},
        _TEXTS,
        _environment,
    )
    user: str | None = setting(
        "The user of each container and exec, as docker run --user takes it.",
        None,
        "text",
        values.word,
    )
    network: str | None = setting(
        'The one network of each container: "none", "bridge" or the name of a network. What '
        "a client says of networks is left out.",
        None,
        "text",
        _forced_network,
    )
    runtime: str | None = setting(
        "The runtime of each container, such as one for gVisor or Kata.", None, "text", values.word
    )
    cgroup_parent: str | None = setting(
        "The cgroup below which each container's own is.", None, "text", _cgroup
    )
    security_options: tuple[str, ...] = setting(
        'Security options of each container, such as "no-new-privileges".',
        (),
        _NAMES,
        values.listed(values.word),
    )


@frozen
class LogConfig:
    """
    C{[containers.defaults.log]}
    """

    driver: str = setting("The log driver.", "", "text")
    options: Mapping[str, str] = setting("Its options.", {}, _TEXTS)

    def __attrs_post_init__(self) -> None:
        if self.options and not self.driver:
            raise ValueError("options need a driver")


@frozen
class Defaults:
    """
    C{[containers.defaults]}
    """

    memory: Size | None = setting("Memory.", None, _SIZE, values.positive)
    cpus: float | None = setting("CPUs, as 1.5.", None, "number", values.positive)
    pids: int | None = setting("Processes and threads.", None, "number", values.positive)
    shm_size: Size | None = setting("The size of /dev/shm.", None, _SIZE, values.positive)
    labels: Mapping[str, str] = setting("Labels.", {}, _TEXTS, _label)
    user: str | None = setting(
        "The user, also in place of the image's own.", None, "text", values.word
    )
    network: str | None = setting(
        'The network: "none", "bridge" or the name of a network, which need not be the owner\'s.',
        None,
        "text",
        _forced_network,
    )
    runtime: str | None = setting("The runtime.", None, "text", values.word)
    cgroup_parent: str | None = setting(
        "The cgroup below which the container's own is.", None, "text", _cgroup
    )
    security_options: tuple[str, ...] = setting(
        "Security options, each where the client has none of its kind.",
        (),
        _NAMES,
        values.listed(values.word),
    )
    environment: Mapping[str, str] = setting("Environment variables.", {}, _TEXTS, _environment)
    log: LogConfig = section("Where the client names no log driver.", LogConfig)


@frozen
class Ceilings:
    """
    C{[containers.ceilings]}
    """

    memory: Size | None = setting(
        "Memory. Swap may be as much again.", None, _SIZE, values.positive
    )
    cpus: float | None = setting("CPUs, as 1.5.", None, "number", values.positive)
    pids: int | None = setting("Processes and threads.", None, "number", values.positive)
    shm_size: Size | None = setting("The size of /dev/shm.", None, _SIZE, values.positive)
    ulimits: Mapping[str, int] = setting(
        "Soft and hard limits by name, as nofile = 65536.", {}, "table of numbers", _ulimits
    )


@frozen
class Containers:
    """
    C{[containers]}
    """

    capabilities: tuple[str, ...] = setting(
        "Capabilities that may be added, beside Docker's default set. Some of them, such as "
        "SYS_ADMIN, are as good as root on the host.",
        (),
        _NAMES,
        values.listed(_capability),
    )
    devices: tuple[Device, ...] = setting(
        'Devices of the host, or directories of them, such as "/dev/fuse" or "/dev/kvm:rw".',
        (),
        "list of paths, each with permissions",
    )
    device_requests: DeviceRequests = section(
        "Devices that drivers of the engine hand out.", DeviceRequests
    )
    sysctls: tuple[str, ...] = setting(
        "Kernel parameters beside those that are known to be the container's own.",
        (),
        _PATTERNS,
        values.listed(values.pattern),
    )
    runtimes: tuple[str, ...] = setting(
        "Runtimes that a client may name.", (), _NAMES, values.listed(values.word)
    )
    annotations: tuple[str, ...] = setting(
        "Annotations, by their keys.", (), _PATTERNS, values.listed(values.pattern)
    )
    log_drivers: Mapping[str, tuple[str, ...]] = setting(
        "Log drivers beside json-file, local and none, each with the options that it may be "
        'given: syslog = ["tag", "syslog-address=udp://10.0.0.1:514"]. An option with a value '
        "may have this value only.",
        {},
        "table of lists of texts",
        _log_options,
    )
    security_options: tuple[str, ...] = setting(
        'Security options beside no-new-privileges, word for word: "seccomp=unconfined".',
        (),
        _NAMES,
        values.listed(values.word),
    )
    ipc_modes: tuple[str, ...] = setting(
        'IPC modes beside the container\'s own: "host".', (), _NAMES, _HOST
    )
    uts_modes: tuple[str, ...] = setting(
        'UTS modes beside the container\'s own: "host".', (), _NAMES, _HOST
    )
    user_namespace_modes: tuple[str, ...] = setting(
        'User namespace modes beside the engine\'s own: "host", for engines that remap users.',
        (),
        _NAMES,
        _HOST,
    )
    cgroup_namespace_modes: tuple[str, ...] = setting(
        'Cgroup namespace modes beside "private": "host".', (), _NAMES, _HOST
    )
    builds_without: tuple[str, ...] = setting(
        "What the steps of a build may go without though containers are given it, since the "
        "engine's classic builder has no way to give it: a forced user, a runtime, security "
        "options, the ceiling of pids. Where one of these is set and not named here, builds are "
        "denied.",
        (),
        _NAMES,
        values.listed(values.one_of(*NOT_IN_BUILDS)),
    )
    resources: Resources = section(
        "What changes a container's weight beside the host's own processes.", Resources
    )
    ports: PublishedPorts = section("Ports of the host.", PublishedPorts)
    force: Forced = section(
        "What each container gets, in place of what the client asked for.", Forced
    )
    defaults: Defaults = section(
        "What a container gets where the client asked for nothing.", Defaults
    )
    ceilings: Ceilings = section(
        "What a container may have at the most. Whoever asks for more is denied; who asks for "
        "nothing, or for no limit, gets the default, and without one the ceiling.",
        Ceilings,
    )

    def __attrs_post_init__(self) -> None:
        wrong = []
        for name in ("memory", "cpus", "pids", "shm_size"):
            default, ceiling = getattr(self.defaults, name), getattr(self.ceilings, name)
            if default is not None and ceiling is not None and default > ceiling:
                wrong.append(WrongValue(f"defaults.{name}", f"it is above ceilings.{name}"))
        if wrong:
            raise WrongValues(wrong)


@frozen
class OwnerLimits:
    """
    C{[owner.limits]}
    """

    containers: int | None = setting(
        "Containers, also stopped ones.", None, "number", values.positive
    )
    networks: int | None = setting(
        "Networks that clients have made. Each takes a part of the addresses that the engine has "
        "for all.",
        None,
        "number",
        values.positive,
    )
    volumes: int | None = setting(
        "Volumes, also those without a name.", None, "number", values.positive
    )
    memory: Size | None = setting(
        "Memory of all that runs: the sum of the containers' own limits.",
        None,
        _SIZE,
        values.positive,
    )
    cpus: float | None = setting("CPUs of all that runs.", None, "number", values.positive)
    pids: int | None = setting(
        "Processes and threads of all that runs.", None, "number", values.positive
    )


__all__ = [
    "Ceilings",
    "Containers",
    "Defaults",
    "DeviceRequests",
    "Forced",
    "LogConfig",
    "OwnerLimits",
    "PublishedPorts",
]
