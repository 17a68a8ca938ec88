"""
Rows of the operations on volumes.
"""

from __future__ import annotations

from functools import partial

from dss.policy.fields.tables import VOLUME_CREATE
from dss.policy.volumes import judging, showing
from dss.routes.table import Access, Body, Family, boolean, filters, integer, repeated, row

_row = partial(row, Family.VOLUMES)

ROUTES = (
    _row(
        "VolumeList", "GET", "/volumes", Access.FILTERED, showing.listing, "own ones", (filters(),)
    ),
    _row("VolumeInspect", "GET", "/volumes/{name}", Access.OWN, showing.inspect, "own ones"),
    _row(
        "VolumeCreate",
        "POST",
        "/volumes/create",
        Access.JUDGED,
        judging.create,
        "by the table of fields; the owner's label is added",
        repeated(VOLUME_CREATE),
        Body.JSON,
    ),
    _row(
        "VolumeUpdate",
        "PUT",
        "/volumes/{name}",
        Access.OWN,
        judging.update,
        "own ones; changes of cluster volumes are denied",
        (integer("version", "1.42"),),
        Body.JSON,
        "1.42",
    ),
    _row(
        "VolumePrune",
        "POST",
        "/volumes/prune",
        Access.FILTERED,
        judging.prune,
        "own ones",
        (filters(),),
    ),
    _row(
        "VolumeDelete",
        "DELETE",
        "/volumes/{name}",
        Access.OWN,
        judging.delete,
        "own ones",
        (boolean("force"),),
    ),
)
