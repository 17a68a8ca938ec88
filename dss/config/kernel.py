"""
Capabilities and limits of the kernel, by the names that Docker gives them.
"""

from __future__ import annotations

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

#: All that the kernel has (capabilities(7)).
KNOWN_CAPABILITIES = (
    *DEFAULT_CAPABILITIES,
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "IPC_LOCK",
    "IPC_OWNER",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "NET_BROADCAST",
    "PERFMON",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
)

#: Limits of setrlimit(2) that bound a container. Docker itself has no name for C{as}.
BOUNDING_ULIMITS = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nofile", "nproc"),
    *("rss", "sigpending", "stack"),
)

#: Those that can raise its priority above that of the host's own processes.
RAISING_ULIMITS = ("nice", "rtprio", "rttime")

#: All that Docker names (docker/go-units).
ULIMITS = tuple(sorted({*BOUNDING_ULIMITS, *RAISING_ULIMITS} - {"as"}))
