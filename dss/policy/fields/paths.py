"""
Rules of paths in a container: its working directory, where something is mounted, and file
systems in memory.
"""

from __future__ import annotations

import posixpath
import re

from dss.config.containers import Containers
from dss.policy.fields.field import Rule, Spot
from dss.policy.fields.rules import limit, shown


def _working_dir(value: str) -> str | None:
    first = posixpath.normpath("/" + value).lstrip("/").split("/")[0]
    if first == "proc":
        return (
            f"{shown(value)} is denied: a working directory below /proc can be a file "
            "descriptor that leads to the host (CVE-2024-21626)."
        )
    return None


working_dir = limit(
    "container.working_dir", "Allowed: any directory that is not below /proc.", _working_dir
)


def below_kernel(target: str) -> str | None:
    """
    Why nothing may be mounted at a path in a container, or L{None}.
    """
    first = posixpath.normpath("/" + target.replace("\\", "/")).lstrip("/").split("/")[0]
    if first in ("proc", "sys"):
        return (
            f"a mount at {shown(target)} is denied: it would hide what confines the container "
            "(CVE-2019-16884)."
        )
    return None


mount_target = limit(
    "mount.target", "Allowed: any target that is not at or below /proc or /sys.", below_kernel
)


#: Flags and settings of tmpfs(5) that reach nothing outside. The engine itself would
#: also take flags such as C{bind}, C{remount} and C{shared}.
TMPFS_OPTION = re.compile(
    r"(?:rw|ro|exec|noexec|suid|nosuid|nodev|sync|async|dirsync|atime|noatime|diratime|"
    r"nodiratime|relatime|norelatime|strictatime|nostrictatime|"
    r"size=[0-9]{1,18}[kKmMgG%]?|nr_blocks=[0-9]{1,18}[kKmMgG]?|nr_inodes=[0-9]{1,18}[kKmMgG]?|"
    r"mode=[0-7]{1,5}|uid=[0-9]{1,10}|gid=[0-9]{1,10})"
)


def _tmpfs(spot: Spot, settings: Containers) -> str | None:
    reason = below_kernel(spot.keys[-1])
    if reason is not None:
        return reason
    # The engine skips an empty option.
    denied = [each for each in spot.value.split(",") if each and not TMPFS_OPTION.fullmatch(each)]
    return f"the option {shown(denied[0])} is denied." if denied else None


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
    return None if value in (["exec"], ["noexec"]) else f"{shown(value)} is denied."


tmpfs_flags = limit("mount.tmpfs", "Allowed: [exec] and [noexec].", _tmpfs_flags)

tmpfs_mode = limit(
    "mount.tmpfs",
    "Allowed: permission bits, up to octal 7777.",
    lambda value: None if value <= 0o7777 else f"{value} is more than permission bits.",
)
