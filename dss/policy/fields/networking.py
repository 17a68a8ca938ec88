"""
Rows of the bodies that make networks, and join containers to them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from dss.config.networks import Networks
from dss.policy.fields import rules
from dss.policy.fields.field import Field, Rule, Spot, prefixed
from dss.policy.fields.labelled import labels
from dss.policy.fields.network import ENDPOINT_ROWS

#: Options that change a network inside and leave the host's own alone. Of the gateway's
#: modes C{routed} and C{nat-unprotected} would open containers to the host's neighbours
#: (Docker's documentation, I{Packet filtering and firewalls}).
HARMLESS_OPTIONS = (
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.gateway_mode_ipv4=isolated",
    "com.docker.network.bridge.gateway_mode_ipv4=nat",
    "com.docker.network.bridge.gateway_mode_ipv6=isolated",
    "com.docker.network.bridge.gateway_mode_ipv6=nat",
    "com.docker.network.bridge.inhibit_ipv4",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.driver.mtu",
    "com.docker.network.enable_ipv4",
    "com.docker.network.enable_ipv6",
)


def _listed(
    id: str, own: tuple[str, ...], setting: str, more: Callable[[Networks], tuple[str, ...]]
) -> Rule:
    """
    A rule that allows some words, and those of a setting.
    """

    def check(spot: Spot, settings: Networks) -> str | None:
        if spot.value in own or spot.value in more(settings):
            return None
        return f"{spot.value!r} is denied: other drivers can lead out of the engine's networks."

    return Rule(
        id,
        "limit",
        f"Allowed: {', '.join(own)}.",
        check,
        setting=setting,
        line=lambda spot: [spot.value],
    )


def _option(spot: Spot, settings: Networks) -> str | None:
    key = spot.keys[-1]
    fine = (*HARMLESS_OPTIONS, *settings.options)
    if key in fine or f"{key}={spot.value}" in fine:
        return None
    return f"the option {key!r} is denied with {spot.value!r}: it can reach the host's network."


_options = Rule(
    "network.options",
    "limit",
    f"Allowed: {', '.join(HARMLESS_OPTIONS)}.",
    _option,
    judges_empty=True,
    setting="networks.options",
    line=lambda spot: [f"{spot.keys[-1]}={spot.value}"],
)


def _subnet(spot: Spot, settings: Networks) -> str | None:
    try:
        network = ipaddress.ip_network(spot.value, strict=False)
    except ValueError:
        return f"{spot.value!r} is no network such as 10.1.0.0/16."
    if settings.allows(network):
        return None
    return f"{spot.value!r} is denied: it would hide these addresses from the host."


def _subnet_line(spot: Spot) -> list[str]:
    try:
        return [str(ipaddress.ip_network(spot.value, strict=False))]
    except ValueError:
        return []


_subnets = Rule(
    "network.subnet",
    "limit",
    "Allowed: subnets of the private ranges, or what networks.subnets names, without those "
    "that networks.denied_subnets names.",
    _subnet,
    setting="networks.subnets",
    line=_subnet_line,
)


def _scope(spot: Spot, settings: Networks) -> str | None:
    if spot.value == "local" or (spot.value == "swarm" and "overlay" in settings.drivers):
        return None
    return f"{spot.value!r} is denied: it makes a network of other machines too."


_scopes = Rule("network.scope", "limit", "Allowed: local; swarm with the driver overlay.", _scope)

#: Names that begin so are of the networks that dss makes.
RESERVED = "dss-"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LIKE_AN_ID = re.compile(r"[0-9a-f]{25}|[0-9a-f]{64}")


def _name(value: str) -> str | None:
    if not _NAME.fullmatch(value):
        return f"{value!r} is no name: it can't be told from a part of a path."
    if _LIKE_AN_ID.fullmatch(value):
        return f"{value!r} looks like an id, and would hide the network that has it."
    if value.casefold().startswith(RESERVED):
        return f"{value!r} is denied: names that begin with {RESERVED} are of dss's own networks."
    return None


_names = rules.limit(
    "network.name",
    "Allowed: letters, digits, and after the first of them also _, . and -; but not exactly 25 or "
    "64 hexadecimal digits, not another network's short id, and nothing that begins with dss-.",
    _name,
)

_own = rules.allow("network.own")
_inside = "Is of the network's own."
_addresses = "Addresses of a network are taken from the host."

CREATE_ROWS = (
    Field("Name", "string", _names, "Names are looked up before ids."),
    Field("CheckDuplicate", "boolean", _own, "Only refuses more.", until="1.45"),
    Field(
        "Driver",
        "string",
        _listed("network.driver", ("bridge",), "networks.drivers", lambda given: given.drivers),
        "A driver decides what a network leads to.",
    ),
    Field("Internal", "boolean", _own, "Takes something away."),
    Field("IPAM", "object", _own, "See the fields inside."),
    Field(
        "IPAM.Driver",
        "string",
        _listed(
            "network.ipam", ("default",), "networks.ipam_drivers", lambda given: given.ipam_drivers
        ),
        "A driver decides which addresses are taken.",
    ),
    Field("IPAM.Config[]", "object", _own, "See the fields inside."),
    Field("IPAM.Config[].Subnet", "string", _subnets, _addresses, "1.41"),
    Field("IPAM.Config[].IPRange", "string", _subnets, _addresses, "1.41"),
    Field("IPAM.Config[].Gateway", "string", _subnets, _addresses, "1.41"),
    Field("IPAM.Config[].AuxiliaryAddresses", "map", _own, "See the values inside.", "1.41"),
    Field("IPAM.Config[].AuxiliaryAddresses{}", "string", _subnets, _addresses, "1.41"),
    Field(
        "IPAM.Options",
        "map",
        rules.deny("network.ipam", "options of an address driver can't be judged."),
        "The engine's own address driver has none.",
        "1.39",
    ),
    Field(
        "IPAM.Options{}",
        "string",
        rules.inside("network.ipam"),
        "The engine's own address driver has none.",
        "1.39",
    ),
    Field("EnableIPv6", "boolean", _own, _inside),
    Field("EnableIPv4", "boolean", _own, _inside, "1.47"),
    Field("Options", "map", _own, "See the values inside."),
    Field("Options{}", "string", _options, "Some reach the host's own network."),
    *labels(),
    Field("Attachable", "boolean", _own, "Lets one's own containers in.", "1.27"),
    Field(
        "Ingress",
        "boolean",
        rules.deny("network.ingress", "there is one such network, and all services share it."),
        "Is the whole Swarm's.",
        "1.29",
    ),
    Field("Scope", "string", _scopes, "Says on which machines the network is.", "1.41"),
    Field(
        "ConfigOnly",
        "boolean",
        rules.deny("network.config", "such a network holds settings that can't be judged later."),
        "Holds settings for other networks.",
        "1.41",
    ),
    Field(
        "ConfigFrom",
        "object",
        rules.deny("network.config", "its settings come from another network, unjudged."),
        "Takes settings from another network.",
        "1.41",
    ),
    Field(
        "ConfigFrom.Network",
        "string",
        rules.inside("network.config"),
        "Takes settings from another network.",
        "1.41",
    ),
)

_container = rules.elsewhere("network.container", "one's own containers")

CONNECT_ROWS = (
    Field("Container", "string", _container, "Is resolved once; the engine gets the id."),
    Field("EndpointConfig", "object", _own, "See the fields inside."),
    *prefixed(ENDPOINT_ROWS, "EndpointConfig"),
)

DISCONNECT_ROWS = (
    Field("Container", "string", _container, "Is resolved once; the engine gets the id."),
    Field("Force", "boolean", _own, "Leaves the container in any case."),
)
