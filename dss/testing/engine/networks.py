"""
Networks: create, list, inspect, remove, connect, disconnect, prune.
"""

from __future__ import annotations

from typing import Any

from dss.testing.engine.filters import Filters
from dss.testing.engine.message import NO_CONTENT, EngineError, EngineRequest, Reply, Whole
from dss.testing.engine.state import Container, Endpoint, Network, State
from dss.testing.engine.times import instant, stamp

_KNOWN = ("dangling", "driver", "id", "label", "name", "scope", "type", "idOrName")
_PRUNE_KNOWN = ("label", "label!", "until")


def shown(state: State, network: Network, with_containers: bool) -> dict[str, Any]:
    """
    A network as the API shows it.

    @param with_containers: whether its members are listed; a list of networks has
        none.
    """
    members: dict[str, Any] = {}
    if with_containers:
        for container, endpoint in state.members(network):
            members[container.id] = {
                "Name": container.name,
                "EndpointID": endpoint.id,
                "MacAddress": endpoint.mac,
                "IPv4Address": f"{endpoint.address}/16" if endpoint.address else "",
                "IPv6Address": "",
            }
    ipam = network.ipam or {}
    config = ipam.get("Config")
    if not config and network.subnet:
        config = [{"Subnet": f"{network.subnet}.0.0/16", "Gateway": f"{network.subnet}.0.1"}]
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": stamp(network.created),
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv4": True,
        "EnableIPv6": network.ipv6,
        "IPAM": {
            "Driver": ipam.get("Driver") or "default",
            "Options": ipam.get("Options"),
            "Config": config,
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": members,
        "Options": network.options,
        "Labels": network.labels,
    }


def endpoint_shown(state: State, endpoint: Endpoint) -> dict[str, Any]:
    """
    An endpoint as a container's inspect shows it.
    """
    network = state.networks.get(endpoint.network_id)
    given = endpoint.settings
    addressed = bool(endpoint.address)
    return {
        "IPAMConfig": given.get("IPAMConfig"),
        "Links": given.get("Links"),
        "Aliases": given.get("Aliases"),
        "MacAddress": endpoint.mac,
        "DriverOpts": given.get("DriverOpts"),
        "GwPriority": given.get("GwPriority") or 0,
        "NetworkID": endpoint.network_id,
        "EndpointID": endpoint.id,
        "Gateway": f"{network.subnet}.0.1" if network is not None and addressed else "",
        "IPAddress": endpoint.address,
        "IPPrefixLen": 16 if addressed else 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": None,
    }


def bring_up(state: State, container: Container, endpoint: Endpoint, network: Network) -> None:
    """
    A running container gets an address in a network.
    """
    endpoint.network_id = network.id
    endpoint.id = state.new_id()
    if network.subnet:
        host = network.next_host
        network.next_host += 1
        endpoint.address = f"{network.subnet}.{host // 256 % 256}.{host % 256}"
        endpoint.mac = "02:42:" + ":".join(
            f"{int(part):02x}" for part in endpoint.address.split(".")
        )
    _tell_of_member(state, network, "connect", container)


def take_down(state: State, container: Container, endpoint: Endpoint) -> None:
    """
    A container that stopped, or left a network, loses its address.
    """
    if not endpoint.id:
        return
    endpoint.id = endpoint.address = endpoint.mac = ""
    network = state.networks.get(endpoint.network_id)
    if network is not None:
        _tell_of_member(state, network, "disconnect", container)


def _tell_of_member(state: State, network: Network, action: str, container: Container) -> None:
    state.journal.tell(
        "network",
        action,
        network.id,
        {"container": container.id, "name": network.name, "type": network.driver},
    )


def _tell(state: State, network: Network, action: str) -> None:
    state.journal.tell(
        "network", action, network.id, {"name": network.name, "type": network.driver}
    )


def create(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /networks/create}.
    """
    body = request.json()
    name = body.get("Name") or ""
    if not name:
        raise EngineError(400, "invalid name: name is empty")
    if state.network_by_name(name) is not None:
        raise EngineError(409, f"network with name {name} already exists")
    driver = body.get("Driver") or "bridge"
    if driver in ("host", "null"):
        raise EngineError(403, f'only one instance of "{driver}" network is allowed')
    if driver not in ("bridge", "macvlan", "ipvlan"):
        raise EngineError(
            404,
            f'could not find plugin {driver} in v1 plugin registry: plugin "{driver}" not found',
        )
    network = Network(
        state.new_id(),
        name,
        state.now,
        driver,
        dict(body.get("Labels") or {}),
        dict(body.get("Options") or {}),
        bool(body.get("Internal")),
        bool(body.get("Attachable")),
        bool(body.get("EnableIPv6")),
        body.get("IPAM"),
        state.next_subnet(),
    )
    state.networks[network.id] = network
    _tell(state, network, "create")
    return Whole.json({"Id": network.id, "Warning": ""}, 201)


def list_(state: State, request: EngineRequest) -> Reply:
    """
    C{GET /networks}.
    """
    filters = Filters.read(request, _KNOWN)
    dangling = filters.flag("dangling")
    entries = [
        shown(state, each, False)
        for each in state.networks.values()
        if filters.matches("name", each.name)
        and filters.matches("id", each.id)
        and filters.exact("driver", each.driver)
        and filters.exact("scope", "local")
        and filters.exact("type", "builtin" if each.predefined else "custom")
        and filters.labels(each.labels)
        and (dangling is None or dangling == (not each.predefined and not any(state.members(each))))
    ]
    return Whole.json(entries)


def inspect(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /networks/{id}}.
    """
    return Whole.json(shown(state, state.network(name), True))


def delete(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{DELETE /networks/{id}}.
    """
    network = state.network(name)
    if network.predefined:
        raise EngineError(403, f"{network.name} is a pre-defined network and cannot be removed")
    members = list(state.members(network))
    if members:
        told = " ".join(f'name:"{each.name}" id:"{at.id[:12]}"' for each, at in members)
        raise EngineError(
            403,
            f"error while removing network: network {network.name} has active endpoints ({told})",
        )
    del state.networks[network.id]
    _tell(state, network, "destroy")
    return NO_CONTENT


def connect(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /networks/{id}/connect}.
    """
    body = request.json()
    network = state.network(name)
    container = state.container(body.get("Container") or "")
    known = _endpoint_in(container, network)
    if known is not None and (container.running or known.network_id):
        raise EngineError(
            403, f"endpoint with name {container.name} already exists in network {network.name}"
        )
    endpoint = Endpoint(dict(body.get("EndpointConfig") or {}), network.id)
    container.networks[network.name] = endpoint
    if container.running:
        bring_up(state, container, endpoint, network)
    return Whole(200)


def disconnect(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /networks/{id}/disconnect}.
    """
    body = request.json()
    network = state.network(name)
    container = state.container(body.get("Container") or "")
    endpoint = _endpoint_in(container, network)
    if endpoint is None:
        raise EngineError(
            500, f"container {container.id} is not connected to network {network.name}"
        )
    for key, each in list(container.networks.items()):
        if each is endpoint:
            del container.networks[key]
    take_down(state, container, endpoint)
    return Whole(200)


def _endpoint_in(container: Container, network: Network) -> Endpoint | None:
    for key, endpoint in container.networks.items():
        if endpoint.network_id == network.id or key in (network.name, network.id):
            return endpoint
    return None


def prune(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /networks/prune}.
    """
    filters = Filters.read(request, _PRUNE_KNOWN)
    until = [instant(each, state.now) for each in filters.get("until")]
    gone = [
        each
        for each in list(state.networks.values())
        if not each.predefined
        and not any(state.members(each))
        and filters.labels(each.labels)
        and all(each.created < limit for limit in until)
    ]
    for each in gone:
        del state.networks[each.id]
        _tell(state, each, "destroy")
    state.journal.tell("network", "prune", "", {"reclaimed": "0"})
    return Whole.json({"NetworksDeleted": [each.name for each in gone] or None})
