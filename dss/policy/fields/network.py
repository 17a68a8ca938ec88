"""
Rows of a container's endpoints, the engine's C{network.NetworkingConfig}, and the rules of which
networks it may be in.
"""

from __future__ import annotations

from dss.config.containers import Containers
from dss.policy.fields import rules, weights
from dss.policy.fields.field import Field, Rule, Spot, prefixed


def not_of_the_host(value: str) -> str | None:
    """
    Why a network can't be joined by its name, or L{None}.
    """
    if value == "host":
        return "'host' is denied: the host's network reaches its own services."
    return None


network_mode = Rule(
    "container.network",
    "rewrite",
    "Allowed: bridge, none, the name or id of one's own network, container:NAME of one's own "
    "container.",
    lambda spot, settings: not_of_the_host(spot.value),
    never="the host's network is the host",
)


def _endpoint(spot: Spot, settings: Containers) -> str | None:
    return not_of_the_host(spot.keys[-1])


endpoint = Rule(
    "container.network",
    "rewrite",
    "Allowed: bridge, none, and one's own networks by name or id.",
    _endpoint,
    judges_empty=True,
)

_own = rules.allow("container.endpoint")
_state = rules.drop("container.endpoint")
_told = "Is what the engine tells, not what a client asks."
_driver = rules.allow("container.endpoint_options", "see the values")

#: One endpoint, C{network.EndpointSettings}.
ENDPOINT_ROWS = (
    Field("IPAMConfig", "object", _own, "Is an address in the network itself."),
    Field("IPAMConfig.IPv4Address", "string", _own, "Is an address in the network itself."),
    Field("IPAMConfig.IPv6Address", "string", _own, "Is an address in the network itself."),
    Field("IPAMConfig.LinkLocalIPs", "array of string", _own, "Is of the endpoint's own."),
    Field(
        "Links",
        "array of string",
        rules.elsewhere("container.links", "one's own containers"),
        "A link names another container.",
    ),
    Field("Aliases", "array of string", _own, "Are names in the network itself."),
    Field("NetworkID", "string", _state, "Would override the network's name (Engine 28.5)."),
    Field("EndpointID", "string", _state, _told),
    Field("Gateway", "string", _state, _told),
    Field("IPAddress", "string", _state, _told),
    Field("IPPrefixLen", "int", _state, _told),
    Field("IPv6Gateway", "string", _state, _told),
    Field("GlobalIPv6Address", "string", _state, _told),
    Field("GlobalIPv6PrefixLen", "int", _state, _told),
    Field("MacAddress", "string", _own, "Is the container's own interface."),
    Field("DriverOpts", "map", _driver, "They can set what the host routes.", "1.32"),
    Field(
        "DriverOpts{}",
        "string",
        weights.endpoint_option,
        "They can set what the host routes.",
        "1.32",
    ),
    Field("DNSNames", "array of string", _state, _told, "1.44"),
    Field("GwPriority", "int", _own, "Is the container's own default route.", "1.48"),
)

ROWS = (
    Field("NetworkingConfig", "object", _own, "See the fields inside."),
    Field("NetworkingConfig.EndpointsConfig", "map", _own, "See the fields inside."),
    Field(
        "NetworkingConfig.EndpointsConfig{}",
        "object",
        endpoint,
        "Networks lead to others.",
    ),
    *prefixed(ENDPOINT_ROWS, "NetworkingConfig.EndpointsConfig{}"),
)
