"""
Rows of the operations on volumes.
"""

from __future__ import annotations

from dss.policy.fields.tables import VOLUME_CREATE
from dss.policy.request import Policy
from dss.policy.volumes import judging, showing
from dss.routes.table import Body, Family, Param, Route, api, boolean, filters, integer, repeated


def _row(
    operation: str,
    method: str,
    template: str,
    policy: Policy,
    treated: str,
    params: tuple[Param, ...] = (),
    body: Body = Body.NONE,
    since: str = "1.24",
) -> Route:
    return Route(
        operation,
        method,
        template,
        Family.VOLUMES,
        policy,
        treated,
        since=api(since),
        params=params,
        body=body,
    )


ROUTES = (
    _row("VolumeList", "GET", "/volumes", showing.listing, "own ones", (filters(),)),
    _row("VolumeInspect", "GET", "/volumes/{name}", showing.inspect, "own ones"),
    _row(
        "VolumeCreate",
        "POST",
        "/volumes/create",
        judging.create,
        "by the table of fields; the owner's label is added",
        repeated(VOLUME_CREATE),
        Body.JSON,
    ),
    _row(
        "VolumeUpdate",
        "PUT",
        "/volumes/{name}",
        judging.update,
        "own ones; changes of cluster volumes are denied",
        (integer("version", "1.42"),),
        Body.JSON,
        "1.42",
    ),
    _row("VolumePrune", "POST", "/volumes/prune", judging.prune, "own ones", (filters(),)),
    _row(
        "VolumeDelete",
        "DELETE",
        "/volumes/{name}",
        judging.delete,
        "own ones",
        (boolean("force"),),
    ),
)
