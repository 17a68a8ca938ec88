"""
The row of the operation that asks a registry about an image.
"""

from __future__ import annotations

from dss.policy.later import later
from dss.routes.table import Family, Route, api

ROUTES = (
    Route(
        "DistributionInspect",
        "GET",
        "/distribution/{name...}/json",
        Family.DISTRIBUTION,
        later("registries", "The engine would connect to an address of the client's choice."),
        "denied for now",
        since=api("1.30"),
    ),
)
