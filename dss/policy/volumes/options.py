"""
Which drivers and options a volume may have: pure, but for host directories, which
L{dss.policy.volumes.making} judges.

The local driver's options are what mount(2) gets, and the engine mounts as root: C{o=bind}
takes any directory of the host, and most types of file system any device or server.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from dss.config.lines import added, allowing, with_more
from dss.config.values import fits
from dss.config.volumes import Volumes
from dss.errors import BadRequest, Problem
from dss.policy.fields import volumes as fields
from dss.policy.fields.paths import TMPFS_OPTION

#: Options that the local driver knows, with those that each needs beside it (moby 28.5,
#: C{volume/local}).
_KNOWN = {"type": ("device",), "device": ("type",), "o": ("device", "type"), "size": ()}

_BINDS = frozenset({"bind", "rbind"})

#: What a bind may be mounted with, each beside what says the contrary, in the order in which
#: the engine gets it: nothing here lets mounts travel.
_BIND_OPTIONS = (
    ("bind", "rbind"),
    ("ro", "rw"),
    ("nosuid", "suid"),
    ("nodev", "dev"),
    ("noexec", "exec"),
    ("sync", "async"),
    ("dirsync",),
    ("noatime", "atime"),
    ("nodiratime", "diratime"),
    ("relatime", "norelatime"),
    ("strictatime", "nostrictatime"),
    ("defaults",),
    ("private", "rprivate"),
)

#: What changes the meaning of mount(2) as a whole. No setting allows it.
_FLAGS = frozenset(
    {
        *_BINDS,
        *("remount", "move", "private", "rprivate", "shared", "rshared", "slave", "rslave"),
        *("unbindable", "runbindable"),
    }
)

#: The kernel takes no notice of a tmpfs's device.
_TMPFS_DEVICE = re.compile(r"[A-Za-z0-9_.-]*")
_SECRETS = ("password", "pass", "credentials", "secret")


def is_local(driver: str) -> bool:
    """
    Whether a driver is the engine's own.
    """
    return driver in ("", "local")


def mount_options(options: Mapping[str, str]) -> tuple[str, ...]:
    """
    What C{o} says, split as the driver splits it.
    """
    return tuple(each for each in options.get("o", "").split(",") if each)


def is_read_only(options: Mapping[str, str]) -> bool:
    """
    Whether a volume is mounted for reading only. The last word counts (moby 28.5, C{mount}'s
    C{parseOptions}).
    """
    told = [each for each in mount_options(options) if each in ("ro", "rw")]
    return told[-1:] == ["ro"]


def of_bind(given: Collection[str], deep: bool) -> str:
    """
    What C{o} says to the engine for a directory of the host.

    @param given: what L{problems} found nothing wrong with.
    @param deep: whether what is mounted below the directory is seen.
    """
    kept = [each for group in _BIND_OPTIONS[1:-1] for each in group if each in given]
    return ",".join(("rbind" if deep else "bind", *kept, "rprivate"))


def is_bind(driver: str, options: Mapping[str, str]) -> bool:
    """
    Whether a volume would be a directory of the host.
    """
    return is_local(driver) and not _BINDS.isdisjoint(mount_options(options))


def check(name: str, driver: str, options: Mapping[str, str]) -> None:
    """
    Refuse what the local driver does not know.

    @raise BadRequest: in the engine's words (moby 20.10 to 28.5).
    """
    if not is_local(driver):
        return
    for key in options:
        if key not in _KNOWN:
            raise BadRequest(f'create {name}: invalid option: "{key}"')
    for key in options:
        for needed in _KNOWN[key]:
            if needed not in options:
                raise BadRequest(f'create {name}: missing required option: "{needed}"')


def driver_problem(driver: str, at: str, settings: Volumes) -> Problem | None:
    """
    Why a driver is denied.
    """
    if is_local(driver) or driver in settings.drivers:
        return None
    return Problem(
        "volume.driver",
        at,
        f"{driver!r} is denied: a driver mounts what it likes.",
        f"Allowed: local. {allowing('volumes.drivers', {driver: []}, settings)}",
    )


def problems(
    driver: str, options: Mapping[str, str], at: str, settings: Volumes
) -> Iterator[Problem]:
    """
    What is wrong with the options of a volume.

    @param at: the field that holds them.
    """
    if not is_local(driver):
        yield from _of_plugin(driver, options, at, settings)
    elif is_bind(driver, options):
        yield from _of_bind(options, at)
    elif options.get("type") == "tmpfs":
        yield from _of_tmpfs(options, at)
    elif "device" in options or "type" in options:
        yield from _of_file_system(options, at, settings)


def _of_plugin(
    driver: str, options: Mapping[str, str], at: str, settings: Volumes
) -> Iterator[Problem]:
    known = settings.drivers.get(driver, ())
    for key, value in options.items():
        if not fits(f"{key}={value}", known):
            line = allowing("volumes.drivers", {driver: [f"{key}=*"]}, settings)
            yield Problem(
                "volume.options",
                f"{at}[{key!r}]",
                f"the option {key!r} of the driver {driver!r} is denied with this value.",
                f"Leave it out. {line}",
            )


def _of_bind(options: Mapping[str, str], at: str) -> Iterator[Problem]:
    kind = options.get("type", "")
    if kind not in ("", "none", "bind"):
        yield Problem(
            "volume.options",
            f"{at}['type']",
            f"{kind!r} is denied together with bind.",
            "Allowed: none.",
        )
    given = mount_options(options)
    for each in dict.fromkeys(given):
        if not any(each in group for group in _BIND_OPTIONS):
            yield Problem(
                "volume.options",
                f"{at}['o']",
                f"{each!r} is denied for a directory of the host.",
                "Allowed: bind, rbind, ro, rw, private, rprivate, nosuid, nodev, noexec and the "
                "atime flags.",
            )
    for group in _BIND_OPTIONS:
        told = [each for each in given if each in group]
        if len(told) > 1:
            yield Problem(
                "volume.options",
                f"{at}['o']",
                f"{' and '.join(told[:2])} are not told together: the last one would count.",
                f"Write one of {' and '.join(group)}, once."
                if len(group) > 1
                else f"Write {group[0]} once.",
            )


def _of_tmpfs(options: Mapping[str, str], at: str) -> Iterator[Problem]:
    if not _TMPFS_DEVICE.fullmatch(options.get("device", "")):
        yield Problem("volume.options", f"{at}['device']", "a tmpfs has no device.", "Write tmpfs.")
    for each in mount_options(options):
        if each in ("suid", "dev") or not (each == "defaults" or TMPFS_OPTION.fullmatch(each)):
            yield Problem(
                "volume.options",
                f"{at}['o']",
                f"{_shown(each)} is denied for a tmpfs.",
                "Allowed: size=, mode=, uid=, gid=, nr_inodes= and nr_blocks= with a number, ro, "
                "rw, exec, noexec, nosuid, nodev, sync and the atime flags.",
            )


def _of_file_system(options: Mapping[str, str], at: str, settings: Volumes) -> Iterator[Problem]:
    kind, device = options.get("type", ""), options.get("device", "")
    given = mount_options(options)
    known = [each for each in settings.file_systems if each.type == kind]
    if _FLAGS.isdisjoint(given) and any(each.covers(device, given) for each in known):
        return
    wanted = {"type": kind, "devices": [device], "options": [*map(_written, given)]}
    # What is there can have secrets, so that it is not told.
    add = added if settings.file_systems else with_more
    line = f" {add('volumes.file_systems', [wanted])}"
    settable = kind and device and _FLAGS.isdisjoint(given) and ".." not in device.split("/")
    yield Problem(
        "volume.options",
        at,
        f"the host would mount {device!r} with the type {kind!r} and the options "
        f"{', '.join(map(_shown, given)) or 'none'}: it is not known to be harmless.",
        fields.options.allowed + (line if settable else ""),
    )


def _shown(option: str) -> str:
    """
    An option without what may be a secret.
    """
    name, equals, _ = option.partition("=")
    return repr(f"{name}=..." if equals and name.casefold() in _SECRETS else option)


def _written(option: str) -> str:
    """
    An option as the settings file has it.
    """
    name, equals, _ = option.partition("=")
    return f"{name}=*" if equals and name.casefold() in _SECRETS else option
