"""
Rows of the operations on networks.
"""

from __future__ import annotations

from functools import partial

from dss.policy.fields.tables import NETWORK_CREATE
from dss.policy.networks import judging, showing
from dss.routes.table import Access, Body, Family, boolean, filters, repeated, row, text

_row = partial(row, Family.NETWORKS)

ROUTES = (
    _row(
        "NetworkList",
        "GET",
        "/networks",
        Access.FILTERED,
        showing.listing,
        "own ones, and those that every engine has",
        (filters(),),
    ),
    _row(
        "NetworkInspect",
        "GET",
        "/networks/{id}",
        Access.OWN,
        showing.inspect,
        "own ones, and those that every engine has without others' containers",
        (boolean("verbose", "1.28"), text("scope", "1.31")),
    ),
    _row(
        "NetworkCreate",
        "POST",
        "/networks/create",
        Access.JUDGED,
        judging.create,
        "by the table of fields; the owner's label is added",
        repeated(NETWORK_CREATE),
        Body.JSON,
    ),
    _row(
        "NetworkConnect",
        "POST",
        "/networks/{id}/connect",
        Access.OWN,
        judging.connect,
        "own containers to own networks, bridge or none",
        body=Body.JSON,
    ),
    _row(
        "NetworkDisconnect",
        "POST",
        "/networks/{id}/disconnect",
        Access.OWN,
        judging.disconnect,
        "own containers from own networks, bridge or none",
        body=Body.JSON,
    ),
    _row(
        "NetworkPrune",
        "POST",
        "/networks/prune",
        Access.FILTERED,
        judging.prune,
        "own ones",
        (filters(),),
    ),
    _row("NetworkDelete", "DELETE", "/networks/{id}", Access.OWN, judging.delete, "own ones"),
)
