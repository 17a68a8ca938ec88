"""
Who a client is, as the kernel tells: the process at the other end of a UNIX socket, and the
container that it runs in.
"""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path
from typing import Any

_CREDENTIALS = struct.Struct("3i")

#: A container's cgroup: cgroupfs names it by the id, systemd as C{docker-ID.scope}.
_CONTAINER = re.compile(r"(?:[a-z][a-z0-9_.]*-)*([0-9a-f]{64})(?:\.scope)?")


def process_of(transport: Any) -> int | None:
    """
    The id of the process that connected; L{None} where the kernel tells of none, as for TCP
    or a process outside of dss's own namespace of processes.
    """
    try:
        found = transport.getHandle().getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
        )
        pid, _, _ = _CREDENTIALS.unpack(found)
    except (AttributeError, OSError, struct.error):
        return None
    return pid if pid > 0 else None


def container_in(cgroups: str) -> str | None:
    """
    The container that a process runs in, by its cgroups: the innermost, since that is the
    one whose files the process sees.

    @param cgroups: C{/proc/PID/cgroup}, of version 1, 2 or both.
    """
    found = set()
    for line in cgroups.splitlines():
        for name in reversed(line.split(":", 2)[-1].split("/")):
            container = _CONTAINER.fullmatch(name)
            if container is not None:
                found.add(container[1])
                break
    return found.pop() if len(found) == 1 else None


class Peer:
    """
    The other end of one connection. It is looked at once, when it is first asked about.
    """

    __slots__ = ("_container", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._container: list[str | None] = []

    def container(self) -> str | None:
        """
        The full id of the container that the client runs in. It only ever translates paths:
        a process that has ended, and whose id another one has by now, gains nothing.
        """
        if not self._container:
            self._container.append(self._look())
        return self._container[0]

    def _look(self) -> str | None:
        pid = process_of(self._transport)
        if pid is None:
            return None
        try:
            return container_in(Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace"))
        except OSError:
            # It has ended, or hides (C{hidepid}).
            return None
