"""
Operations that make, change, join and remove networks.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from dss.config.networks import PRIVATE_RANGES
from dss.errors import BadRequest, Denied, NotFound, Problem
from dss.model import gojson
from dss.model.facts import HostRoutes, IsNetworkId
from dss.model.ruling import Forward, Judgement, Ruling, Stream, ask
from dss.policy import claims
from dss.policy.fields.tables import NETWORK_CONNECT, NETWORK_CREATE, NETWORK_DISCONNECT
from dss.policy.labels import stamp
from dss.policy.links import resolved_links
from dss.policy.narrowing import prune_own
from dss.policy.networks.resolving import as_asked, joinable, named, private_name
from dss.policy.ownership import own_container
from dss.policy.request import Circumstances, Request

#: How tools shorten an id.
_SHORT_ID = re.compile(r"[0-9a-f]{12}")

#: The filters of a prune (Docker Engine API, I{NetworkPrune}).
_PRUNE_FILTERS = frozenset({"until", "label", "label!"})


def create(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of making a network: by the field table, with the owner's label.

    @raise BadRequest: where the engine would not take the body.
    @raise Denied: with all problems.
    """
    body = NETWORK_CREATE.read(request.body)
    problems = list(NETWORK_CREATE.problems(body, around.settings.networks))
    hidden = yield from _hidden(body.get("Name", ""))
    problems.extend([hidden] if hidden else [])
    problems.extend((yield from _routed(body, around)))
    if problems:
        raise Denied(problems)
    ready = {**body, "Labels": stamp(body.get("Labels"), around.owner)}
    released = yield from claims.for_new(around.settings.sums, "network")
    return Forward(body=gojson.encode(ready), reply=Stream(released), rewrites=("Labels: stamped",))


def _routed(body: Mapping[str, Any], around: Circumstances) -> Judgement[list[Problem]]:
    """
    Subnets of a bridge over addresses that the host reaches elsewhere: it would not reach them
    any more. Where the operator has named the subnets that clients may use, that is meant. What
    the field table denies anyway is left to it.
    """
    named = ((body.get("IPAM") or {}).get("Config")) or ()
    subnets = [(index, each["Subnet"]) for index, each in enumerate(named) if each.get("Subnet")]
    is_bridge = body.get("Driver", "") in ("", "bridge")
    settings = around.settings.networks
    if not subnets or not is_bridge or settings.subnets != PRIVATE_RANGES:
        return []
    routes = [ipaddress.ip_network(each) for each in (yield from ask(HostRoutes()))]
    found = []
    for index, subnet in subnets:
        try:
            network = ipaddress.ip_network(subnet, strict=False)
        except ValueError:
            continue
        hides = any(network.overlaps(each) for each in routes if each.version == network.version)
        if hides and settings.allows(network):
            found.append(
                Problem(
                    "network.routed",
                    f"IPAM.Config[{index}].Subnet",
                    f"{subnet!r} is denied: the host has a route to addresses in it.",
                    "Leave it out, or use another. The operator can allow it with "
                    f'networks.subnets = ["{network}"] in the settings file, which then names '
                    "all subnets that clients may use.",
                )
            )
    return found


def _hidden(name: str) -> Judgement[Problem | None]:
    """
    What is wrong with a name that is the short id of a network: engines look a reference
    up as a name first, and then as the beginning of an id (moby 28.5,
    C{daemon.FindNetwork}). Of a network to come nobody knows the id. (Node's Testcontainers
    has names of 12 hexadecimal digits.)
    """
    if not _SHORT_ID.fullmatch(name) or not (yield from ask(IsNetworkId(name))):
        return None
    return Problem(
        "network.name",
        "Name",
        f"{name!r} is the id of a network, which would be hidden.",
        "Use another name.",
    )


def connect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of joining a container to a network: both the owner's own, or the network one
    that every engine has.

    @raise NotFound: where one of them is missing or another owner's.
    @raise Denied: with all problems.
    """
    body = NETWORK_CONNECT.read(request.body)
    reference = request.params["id"]
    # In the engine's order: it tells the missing container first.
    container = yield from own_container(_container(body))
    network = yield from joinable(reference, around)
    problems = list(NETWORK_CONNECT.problems(body, around.settings.containers))
    forced = around.settings.containers.force.network
    if forced is not None:
        problems.append(
            Problem(
                "container.force.network",
                "",
                "the operator has set the one network of each container.",
                "The setting is containers.force.network.",
            )
        )
    if problems:
        raise Denied(problems)
    ready: dict[str, Any] = {**NETWORK_CONNECT.cleaned(body), "Container": container.id}
    endpoint = ready.get("EndpointConfig") or {}
    if endpoint.get("Links"):
        links = yield from resolved_links(endpoint["Links"], 12)
        ready["EndpointConfig"] = {**endpoint, "Links": links}
    return Forward(
        params={"id": network.id},
        body=gojson.encode(ready),
        reply=Stream(edit_error=as_asked(reference, network.id, around)),
    )


def disconnect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of taking a container out of a network, both as for L{connect}.

    @raise NotFound: where one of them is missing or another owner's.
    """
    body = NETWORK_DISCONNECT.read(request.body)
    reference = request.params["id"]
    # In the engine's order: it tells the missing container first.
    container = yield from own_container(_container(body))
    network = yield from joinable(reference, around)
    return Forward(
        params={"id": network.id},
        body=gojson.encode({**body, "Container": container.id}),
        reply=Stream(edit_error=as_asked(reference, network.id, around)),
    )


def delete(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of removing a network of the owner's own.

    @raise NotFound: where it is missing or another owner's.
    @raise Denied: for one that every engine has, as the engine itself does, and for a private
        bridge.
    """
    reference = request.params["id"]
    network = yield from named(reference, around)
    if network is None:
        raise NotFound(f"network {reference} not found")
    if network.owner is None or network.name == private_name(around.owner):
        raise Denied(
            Problem(
                "network.predefined",
                "",
                f"{reference} is a pre-defined network and cannot be removed.",
            )
        )
    return Forward(
        params={"id": network.id}, reply=Stream(edit_error=as_asked(reference, network.id, around))
    )


def prune(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of removing all networks without containers: of the owner's own, by its label.

    @raise BadRequest: for a filter that this operation does not have.
    """
    return prune_own(request, around, _PRUNE_FILTERS)
    yield  # pragma: no cover - makes this function a generator


def _container(body: dict[str, Any]) -> str:
    reference: str = body.get("Container", "")
    if not reference:
        # In the engine's words (moby 20.10 to 28.5).
        raise BadRequest('invalid name or ID supplied: ""')
    return reference
