"""
The row of the operation that asks a registry about an image.
"""

from __future__ import annotations

from dss.policy.images import registries
from dss.routes.table import Access, Family, Route, api

ROUTES = (
    Route(
        "DistributionInspect",
        "GET",
        "/distribution/{name...}/json",
        Family.DISTRIBUTION,
        Access.JUDGED,
        registries.inspect,
        "what may be pulled",
        since=api("1.30"),
    ),
)
