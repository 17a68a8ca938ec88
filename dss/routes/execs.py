"""
Rows of the operations on exec instances.
"""

from __future__ import annotations

from dss.policy import execs, ownership
from dss.routes.table import Access, Body, Family, Route, integer

ROUTES = (
    Route(
        "ContainerExec",
        "POST",
        "/containers/{id}/exec",
        Family.EXECS,
        Access.OWN,
        execs.create,
        "own container only; body judged field by field",
        body=Body.JSON,
    ),
    Route(
        "ExecStart",
        "POST",
        "/exec/{id}/start",
        Family.EXECS,
        Access.OWN,
        execs.start,
        "own container's only; body judged field by field",
        body=Body.JSON,
        hijack=True,
    ),
    Route(
        "ExecResize",
        "POST",
        "/exec/{id}/resize",
        Family.EXECS,
        Access.OWN,
        ownership.of_exec,
        "own container's only",
        params=(integer("h"), integer("w")),
    ),
    Route(
        "ExecInspect",
        "GET",
        "/exec/{id}/json",
        Family.EXECS,
        Access.OWN,
        ownership.of_exec,
        "own container's only",
    ),
)
