"""
Rows of the operations that tell of the engine itself.
"""

from __future__ import annotations

from dss.policy import disk, events, system
from dss.policy.images import registries
from dss.routes.table import (
    Access,
    Body,
    Family,
    Route,
    api,
    boolean,
    filters,
    ignored,
    text,
    texts,
)

_PING = "versions capped; BuildKit hidden"

ROUTES = (
    Route("SystemPing", "GET", "/_ping", Family.SYSTEM, Access.REDUCED, system.ping, _PING),
    Route(
        "SystemPingHead",
        "HEAD",
        "/_ping",
        Family.SYSTEM,
        Access.REDUCED,
        system.ping,
        _PING,
        since=api("1.40"),
    ),
    Route(
        "SystemVersion",
        "GET",
        "/version",
        Family.SYSTEM,
        Access.REDUCED,
        system.version,
        "versions capped",
    ),
    Route(
        "SystemInfo",
        "GET",
        "/info",
        Family.SYSTEM,
        Access.REDUCED,
        system.info,
        "kind and limits only; own containers, and images that may be seen, counted",
    ),
    Route(
        "SystemEvents",
        "GET",
        "/events",
        Family.SYSTEM,
        Access.FILTERED,
        events.watch,
        "those of own objects only",
        # aiodocker says that it wants a stream; the engine does not know the parameter.
        params=(text("since"), text("until"), filters(), ignored("stream")),
    ),
    Route(
        "SystemDataUsage",
        "GET",
        "/system/df",
        Family.SYSTEM,
        Access.FILTERED,
        disk.usage,
        "own objects, and images that may be seen; no build cache",
        params=(texts("type", "1.42"), boolean("verbose", "1.52")),
    ),
    Route(
        "SystemAuth",
        "POST",
        "/auth",
        Family.SYSTEM,
        Access.JUDGED,
        registries.login,
        "at allowed registries",
        body=Body.JSON,
    ),
)
