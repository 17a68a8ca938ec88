"""
The route table: a row for every operation of the Docker Engine API. No row, no passage.
"""

from __future__ import annotations

from dss.routes import (
    build,
    containers,
    distribution,
    execs,
    images,
    networks,
    plugins,
    stores,
    swarm,
    system,
    volumes,
)
from dss.routes.table import Route

#: All rows.
ROUTES: tuple[Route, ...] = (
    *containers.ROUTES,
    *execs.ROUTES,
    *images.ROUTES,
    *networks.ROUTES,
    *volumes.ROUTES,
    *system.ROUTES,
    *build.ROUTES,
    *distribution.ROUTES,
    *swarm.ROUTES,
    *stores.ROUTES,
    *plugins.ROUTES,
)

__all__ = ["ROUTES"]
