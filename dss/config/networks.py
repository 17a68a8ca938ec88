"""
What owners may ask of networks.
"""

from __future__ import annotations

import ipaddress

from attrs import frozen

from dss.config import values
from dss.config.values import setting

#: The private address ranges: RFC 1918, and RFC 4193 for IPv6.
PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")

_NAMES = "list of names"


def _options(given: tuple[str, ...]) -> None:
    for each in given:
        name, _, _ = each.partition("=")
        values.word(name)
        values.word(each)


@frozen
class Networks:
    """
    C{[networks]}
    """

    drivers: tuple[str, ...] = setting(
        'Drivers beside bridge, such as "overlay". Some, such as macvlan, put containers '
        "directly into the host's network.",
        (),
        _NAMES,
        values.listed(values.word),
    )
    ipam_drivers: tuple[str, ...] = setting(
        "Drivers that hand out addresses, beside the engine's own.",
        (),
        _NAMES,
        values.listed(values.word),
    )
    options: tuple[str, ...] = setting(
        "Options of network drivers beside the harmless ones, such as "
        '"com.docker.network.bridge.host_binding_ipv4=127.0.0.1". An option with a value may '
        "have this value only.",
        (),
        "list of options",
        _options,
    )
    subnets: tuple[str, ...] = setting(
        "Where subnets that a client names may be. A subnet hides the same addresses outside from "
        "the host itself; of the default ranges, none is allowed that the host has a route to, "
        "where dss sees the host's routes.",
        PRIVATE_RANGES,
        "list of networks",
        values.listed(values.network),
    )
    denied_subnets: tuple[str, ...] = setting(
        "Networks that no subnet of a client may overlap, such as those that the host is in.",
        (),
        "list of networks",
        values.listed(values.network),
    )
    private_bridge: bool = setting(
        "Whether each owner has a default network of its own in place of the engine's bridge, "
        "which the containers of all share.",
        False,
        "true or false",
    )

    def allows(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
        """
        Whether a client may make a subnet of these addresses.
        """
        inside = any(_contains(each, network) for each in self.subnets)
        return inside and not any(
            ipaddress.ip_network(each).overlaps(network) for each in self.denied_subnets
        )


def _contains(range: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    found = ipaddress.ip_network(range)
    if isinstance(found, ipaddress.IPv4Network):
        return isinstance(network, ipaddress.IPv4Network) and network.subnet_of(found)
    return isinstance(network, ipaddress.IPv6Network) and network.subnet_of(found)


__all__ = ["PRIVATE_RANGES", "Networks"]
