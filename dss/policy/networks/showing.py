"""
What an owner is shown of networks, and of the networks that its containers are in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dss.errors import EngineOdd, NotFound
from dss.model.facts import HooksOnEntry, Json, OwnContainers
from dss.model.owner import BRIDGE_LABEL
from dss.model.ruling import Edit, EditJson, Forward, Judgement, Ruling, ask
from dss.model.version import ApiVersion
from dss.policy.labels import unreserved
from dss.policy.networks.resolving import as_asked, named, private_name
from dss.policy.queries import filters_of, passed_on
from dss.policy.request import Circumstances, Request
from dss.policy.shown import labels_of

#: What every engine has. All owners see them.
_PREDEFINED = ("bridge", "host", "none")

_FULL_ID = re.compile(r"[0-9a-f]{64}")

#: What an endpoint of the default network also shows beside the networks (Docker Engine
#: API, I{NetworkSettings}, until 1.51).
_FLAT = (
    *("EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen"),
    *("IPAddress", "IPPrefixLen", "IPv6Gateway", "MacAddress"),
)


def listing(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing networks: the owner's own, and those that every engine has. These
    carry no label to ask for, so that only the reply is filtered.
    """
    filters = filters_of(request)
    return Forward(
        query=passed_on({**request.query, "filters": filters}), reply=EditJson(_listed(around))
    )
    yield  # pragma: no cover - makes this function a generator


def inspect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting a network: the owner's own, and those that every engine has,
    each without what is others'.

    @raise NotFound: where it is missing or another owner's.
    """
    reference = request.params["id"]
    found = yield from named(reference, around)
    if found is None:
        raise NotFound(f"network {reference} not found")
    return Forward(
        params={"id": found.id},
        query=passed_on(request.query),
        reply=EditJson(_inspected(around), edit_error=as_asked(reference, found.id, around)),
    )


def _listed(around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, list):
            raise EngineOdd("the engine's list of networks is no list")
        kept = [each for each in value if _is_shown(each, around)]
        if any(_is_private(each, around) for each in kept):
            kept = [each for each in kept if not _is_predefined(each, "bridge")]
        shown = []
        for each in kept:
            if (yield from ask(HooksOnEntry("network", each))):
                shown.append((yield from _cut(each, around)))
        return shown

    return edit


def _inspected(around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not _is_shown(value, around):
            raise EngineOdd("the engine's network is another one")
        return (yield from _cut(value, around))

    return edit


def _is_shown(network: Json, around: Circumstances) -> bool:
    return (
        around.owner.owns(labels_of(network))
        or _is_private(network, around)
        or any(_is_predefined(network, name) for name in _PREDEFINED)
    )


def _is_predefined(network: Json, name: str) -> bool:
    """
    Whether it is the engine's own of that name: clients can't give it to theirs.
    """
    return network.get("Name") == name and not labels_of(network)


def _is_private(network: Json, around: Circumstances) -> bool:
    return (
        around.settings.networks.private_bridge
        and network.get("Name") == private_name(around.owner)
        and labels_of(network).get(BRIDGE_LABEL) == around.owner.name
    )


def _cut(network: Json, around: Circumstances) -> Judgement[Json]:
    """
    A network without others' containers, and without the machines that it spans.
    """
    shown = {key: value for key, value in network.items() if key != "Peers"}
    members = network.get("Containers")
    if members:
        own = {each["Id"] for each in (yield from ask(OwnContainers()))}
        shown["Containers"] = {key: value for key, value in members.items() if key in own}
    if not around.owner.owns(labels_of(network)):
        shown.pop("Services", None)
    if _is_private(network, around):
        shown["Name"] = "bridge"
        shown["Labels"] = unreserved(labels_of(network))
    return shown


def with_networks(holder: Json, around: Circumstances) -> Judgement[Json]:
    """
    A container, inspected or from a list, whose networks are called as its client called them:
    the network of its mode by its name, and a private bridge C{bridge}.

    @param holder: a JSON object, which is not changed.
    @return: the same object where the engine's own names are the client's.
    """
    host, settings = holder.get("HostConfig"), holder.get("NetworkSettings")
    networks = settings.get("Networks") if isinstance(settings, dict) else None
    if not isinstance(host, dict) or not isinstance(networks, dict):
        return holder
    private = private_name(around.owner)
    shown = dict(holder)
    mode = host.get("NetworkMode")
    if isinstance(mode, str) and _FULL_ID.fullmatch(mode):
        name = yield from _name_of(mode, networks, around)
        if name is not None:
            shown["HostConfig"] = {**host, "NetworkMode": _mode_of(name, private, around)}
    names = {private: "bridge"} if private in networks else {}
    for key in networks:
        # Before its first start, older engines tell a network as they were asked for it.
        if _FULL_ID.fullmatch(key):
            name = (yield from _name_of(key, networks, around)) or key
            names[key] = "bridge" if name == private else name
    if names:
        renamed = {names.get(key, key): endpoint for key, endpoint in networks.items()}
        flat = {
            key: networks[private][key]
            for key in _FLAT
            if private in networks and key in settings and key in networks[private]
        }
        shown["NetworkSettings"] = {**settings, **flat, "Networks": renamed}
    return shown if shown != holder else holder


def _name_of(id: str, networks: Mapping[str, Any], around: Circumstances) -> Judgement[str | None]:
    for name, endpoint in networks.items():
        if endpoint.get("NetworkID") == id and name != id:
            return name
    # The engine tells no ids of networks before a container's first start.
    found = yield from named(id, around)
    return None if found is None else found.name


def _mode_of(name: str, private: str, around: Circumstances) -> str:
    if name != private:
        return name
    # Newer engines don't tell what a client left out (moby 26.1 and 28.5).
    return "default" if around.engine_version < ApiVersion(1, 44) else "bridge"
