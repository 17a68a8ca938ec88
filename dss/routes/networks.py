"""
Rows of the operations on networks.
"""

from __future__ import annotations

from dss.policy.later import later
from dss.routes.table import Body, Family, Param, Route, boolean, filters, text

_POLICY = later("networks")


def _row(
    operation: str,
    method: str,
    template: str,
    params: tuple[Param, ...] = (),
    body: Body = Body.NONE,
) -> Route:
    return Route(
        operation,
        method,
        template,
        Family.NETWORKS,
        _POLICY,
        "denied for now",
        params=params,
        body=body,
    )


ROUTES = (
    _row("NetworkList", "GET", "/networks", (filters(),)),
    _row(
        "NetworkInspect",
        "GET",
        "/networks/{id}",
        (boolean("verbose", "1.28"), text("scope", "1.31")),
    ),
    _row("NetworkCreate", "POST", "/networks/create", body=Body.JSON),
    _row("NetworkConnect", "POST", "/networks/{id}/connect", body=Body.JSON),
    _row("NetworkDisconnect", "POST", "/networks/{id}/disconnect", body=Body.JSON),
    _row("NetworkPrune", "POST", "/networks/prune", (filters(),)),
    _row("NetworkDelete", "DELETE", "/networks/{id}"),
)
