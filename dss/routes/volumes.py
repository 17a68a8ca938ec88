"""
Rows of the operations on volumes.
"""

from __future__ import annotations

from dss.policy.later import later
from dss.routes.table import Body, Family, Route, api, boolean, filters, integer

_POLICY = later("volumes")
_LATER = "denied for now"

ROUTES = (
    Route("VolumeList", "GET", "/volumes", Family.VOLUMES, _POLICY, _LATER, params=(filters(),)),
    Route("VolumeInspect", "GET", "/volumes/{name}", Family.VOLUMES, _POLICY, _LATER),
    Route(
        "VolumeCreate",
        "POST",
        "/volumes/create",
        Family.VOLUMES,
        _POLICY,
        _LATER,
        body=Body.JSON,
    ),
    Route(
        "VolumeUpdate",
        "PUT",
        "/volumes/{name}",
        Family.VOLUMES,
        _POLICY,
        _LATER,
        since=api("1.42"),
        params=(integer("version", "1.42"),),
        body=Body.JSON,
    ),
    Route(
        "VolumePrune",
        "POST",
        "/volumes/prune",
        Family.VOLUMES,
        _POLICY,
        _LATER,
        params=(filters(),),
    ),
    Route(
        "VolumeDelete",
        "DELETE",
        "/volumes/{name}",
        Family.VOLUMES,
        _POLICY,
        _LATER,
        params=(boolean("force"),),
    ),
)
