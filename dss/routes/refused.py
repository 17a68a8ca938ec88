"""
What engines, or others that speak like one, serve beside the Docker Engine API: denied by name,
so that it is never let through by accident.
"""

from __future__ import annotations

from collections.abc import Mapping

from dss.errors import Denied, Problem

#: By a path's first segment: what is there, and why nobody gets it.
REFUSED: Mapping[str, str] = {
    # Served without debug mode, too (proved on 20.10, 26.1 and 28.5).
    "debug": "the engine's own memory, with what is secret in it, can be read there.",
    "metrics": "what all owners do is counted there.",
    "libpod": "it is Podman's own API, with other names for all that dss judges.",
}


def check(path: str) -> None:
    """
    Whether a path is one of these.

    @param path: without the version.
    @raise Denied: if it is.
    """
    first = path.split("/")[1]
    if first in REFUSED:
        raise Denied(
            Problem(
                "route.refused",
                "",
                f"/{first} is denied: {REFUSED[first]}",
                "No setting allows it; the operator can use the engine's own socket.",
            )
        )
