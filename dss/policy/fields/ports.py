"""
Rules of ports that are published on the host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from dss.config.containers import Containers
from dss.policy.fields.field import Rule, Spot
from dss.policy.fields.rules import elsewhere, shown

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


def _host_port(spot: Spot, settings: Containers) -> str | None:
    port = str(spot.value)
    found = _PORTS.fullmatch(port)
    if found is None:
        return f"{shown(port)} is neither a port nor a range of ports."
    low = int(found[1])
    high = int(found[2]) if found[2] else low
    if low == high == 0:
        return None
    if high > 65535:
        return f"{shown(port)} is above the last port, 65535."
    if not any(each.low <= low and high <= each.high for each in settings.ports.ranges):
        listed = ", ".join(map(str, settings.ports.ranges)) or "none"
        return f"{shown(port)} is denied: ports that may be published are {listed}."
    return None


def _host_port_line(spot: Spot) -> list[str]:
    port = str(spot.value)
    found = _PORTS.fullmatch(port)
    if found is None or not 0 < int(found[1]) <= int(found[2] or found[1]) <= 65535:
        return []
    return [port]


#: For a port as a text, or as a number.
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
        return f"{shown(spot.value)} is no address."
    allowed = settings.ports.allowed
    if not allowed or address.is_unspecified:
        return None
    if not any(address in ipaddress.ip_network(each) for each in allowed):
        return f"{shown(spot.value)} is denied: addresses that may be published on are " + (
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
    line=lambda spot: [spot.value] if _address(spot.value) else [],
)


def _most(spot: Spot, settings: Containers) -> str | None:
    most = settings.ports.most
    if spot.value <= most:
        return None
    return f"{spot.value} ports are denied: {most} are the most that one container may publish."


#: For how many ports are published.
most = Rule(
    "container.ports.most",
    "limit",
    "Allowed: up to 100 ports of a container.",
    _most,
    setting="containers.ports.most",
    line=lambda spot: spot.value,
)

counted = elsewhere(most.id, most.allowed, "limit", most.setting)


def count(host: Mapping[str, Any], exposed: Iterable[str]) -> int:
    """
    How many ports a container publishes.

    @param host: its C{HostConfig}.
    @param exposed: the ports that its body and its image name, published all where it says so.
    """
    bindings = host.get("PortBindings") or {}
    # For a range of the host's ports the engine takes one of them.
    found = sum(_width(port) * len(each or ()) for port, each in bindings.items())
    if host.get("PublishAllPorts"):
        found += sum(_width(each) for each in set(exposed) if not bindings.get(each))
    return found


def _width(port: str) -> int:
    """
    How many ports are named, as C{80/tcp} or C{8000-8010/tcp}.
    """
    named = _PORTS.fullmatch(port.partition("/")[0])
    return max(1, int(named[2]) - int(named[1]) + 1) if named and named[2] else 1


publish_all = elsewhere(
    "container.ports.address",
    "any value; where the operator names addresses, each port is published by itself",
    setting="containers.ports.addresses",
)
