"""
Create bodies of older clients, sent under a newer version's prefix.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from dss.model.version import ApiVersion
from dss.policy.volumes.standing import SUBPATH_SINCE


def _shareable(body: dict[str, Any]) -> None:
    host = body["HostConfig"]
    if not host.get("IpcMode"):
        host["IpcMode"] = "shareable"


def _without_start_interval(body: dict[str, Any]) -> None:
    if body.get("Healthcheck"):
        body["Healthcheck"].pop("StartInterval", None)


def _without_endpoint_mac(body: dict[str, Any]) -> None:
    for settings in ((body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}).values():
        settings.pop("MacAddress", None)


#: What engines do to a body whose prefix is older than a version (moby 28.5,
#: C{postContainersCreate}), as far as dss lets the fields pass.
_CHANGES: tuple[tuple[ApiVersion, Callable[[dict[str, Any]], None]], ...] = (
    (ApiVersion(1, 40), _shareable),
    (ApiVersion(1, 44), _without_start_interval),
    (ApiVersion(1, 44), _without_endpoint_mac),
)


def without_subpaths(body: dict[str, Any], version: ApiVersion) -> dict[str, Any]:
    """
    A decoded create body as the engine reads it under a prefix that is older than paths inside
    volumes.

    @param version: the client's.
    """
    host = body.get("HostConfig") or {}
    if version >= SUBPATH_SINCE or not host.get("Mounts"):
        return body
    mounts = [
        {**each, "VolumeOptions": {**each["VolumeOptions"], "Subpath": ""}}
        if (each.get("VolumeOptions") or {}).get("Subpath")
        else each
        for each in host["Mounts"]
    ]
    return {**body, "HostConfig": {**host, "Mounts": mounts}}


def as_before(body: Mapping[str, Any], version: ApiVersion) -> dict[str, Any]:
    """
    A judged create body that means under a newer prefix what it means under its own.

    @param version: the client's.
    """
    changed = {"HostConfig": {}, **copy.deepcopy(dict(body))}
    for until, change in _CHANGES:
        if version < until:
            change(changed)
    return changed
