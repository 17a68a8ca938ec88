"""
The networks that the host has a route to, as the kernel tells them.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Interfaces of the engine's own bridges, and the loopback one: which of its own networks
#: overlap the engine tells by itself (moby 28.5, C{drivers/bridge}).
_OWN = re.compile(r"lo|docker0|docker_gwbridge|br-[0-9a-f]{12}")


def host_routes(proc: Path = Path("/proc/net")) -> tuple[str, ...]:
    """
    The networks of the routes where dss itself is, but for the default route: also one that is
    told in two halves.
    """
    found = (*_version_4(_lines(proc / "route")), *_version_6(_lines(proc / "ipv6_route")))
    return tuple(dict.fromkeys(str(each) for each in found if each.prefixlen > 1))


def _lines(file: Path) -> list[list[str]]:
    """
    The columns of each line; nothing where the kernel has no such addresses.
    """
    try:
        return [line.split() for line in file.read_text("ascii").splitlines()]
    except OSError:
        return []


def _version_4(lines: list[list[str]]) -> Iterator[_Network]:
    for columns in lines[1:]:
        if not _OWN.fullmatch(columns[0]):
            # Both are in the byte order of the machine.
            address, mask = (_swapped(columns[each]) for each in (1, 7))
            yield ipaddress.ip_network(f"{address}/{mask}", strict=False)


def _swapped(digits: str) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(digits, 16).to_bytes(4, sys.byteorder))


def _version_6(lines: list[list[str]]) -> Iterator[_Network]:
    for columns in lines:
        if not _OWN.fullmatch(columns[9]):
            address = ipaddress.IPv6Address(int(columns[0], 16))
            yield ipaddress.ip_network(f"{address}/{int(columns[1], 16)}", strict=False)
