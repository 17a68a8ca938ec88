"""
The networks that a new container is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.errors import BadRequest
from dss.model.ruling import Judgement
from dss.policy.links import resolved_links
from dss.policy.networks.resolving import DEFAULT, for_engine
from dss.policy.request import Circumstances


def judge(
    body: Mapping[str, Any], host: Mapping[str, Any], around: Circumstances
) -> Judgement[tuple[dict[str, Any], dict[str, Any]]]:
    """
    What a create's body says of networks, with ids in place of names.

    @param host: its C{HostConfig}, of which all else is resolved.
    @return: C{HostConfig} and C{NetworkingConfig} for the engine.
    @raise BadRequest: where a network is missing or another owner's.
    """
    mode = host.get("NetworkMode", "")
    default = around.settings.containers.defaults.network
    if default is not None and _asks_nothing(body, host):
        # Not the owner's to choose, and so not the owner's to have: its own name goes on.
        settings = (_endpoints_of(body)).get("default")
        return {**host, "NetworkMode": default}, _config(
            body, {default: settings} if settings else {}
        )
    endpoints = yield from _endpoints(body, around)
    found = dict(host)
    if mode.partition(":")[0] == "container":
        return found, _config(body, endpoints)
    if mode not in DEFAULT:
        found["NetworkMode"] = yield from for_engine(mode, around)
    elif around.settings.networks.private_bridge and not body.get("NetworkDisabled"):
        bridge = yield from for_engine(mode, around)
        # With endpoints, the engine joins the default network only where they name it
        # (proved on 20.10, 26.1 and 28.5).
        if not endpoints or bridge in endpoints:
            found["NetworkMode"] = bridge
            if host.get("Links"):
                # Only the engine's own bridge knows these.
                linked = yield from resolved_links(host["Links"], 12)
                own = dict(endpoints.get(bridge) or {})
                own["Links"] = [*(own.get("Links") or ()), *linked]
                endpoints = {**endpoints, bridge: own}
                del found["Links"]
    return found, _config(body, endpoints)


def _asks_nothing(body: Mapping[str, Any], host: Mapping[str, Any]) -> bool:
    """
    Whether the client leaves it to the engine which network the container is in.
    """
    if body.get("NetworkDisabled") or host.get("Links"):
        return False
    return host.get("NetworkMode", "") in ("", "default") and not set(_endpoints_of(body)) - {
        "default"
    }


def _endpoints_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}


def _config(body: Mapping[str, Any], endpoints: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("NetworkingConfig") or {}
    if not endpoints and "EndpointsConfig" not in given:
        return dict(given)
    return {**given, "EndpointsConfig": dict(endpoints)}


def _endpoints(body: Mapping[str, Any], around: Circumstances) -> Judgement[dict[str, Any]]:
    given = _endpoints_of(body)
    found: dict[str, Any] = {}
    for reference, settings in given.items():
        if not reference:
            raise BadRequest("network  not found")
        name = yield from for_engine(reference, around)
        if name in found:
            raise BadRequest(f"network {reference} is named twice in EndpointsConfig")
        found[name] = dict(settings)
        if settings.get("Links"):
            found[name]["Links"] = yield from resolved_links(settings["Links"], 12)
    return found
