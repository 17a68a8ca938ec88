"""
Rows of the operations on a swarm's secrets and configs.
"""

from __future__ import annotations

from dss.policy.later import later
from dss.routes.table import Body, Family, Route, api, filters, integer


def _rows(kind: str, since: str, update_since: str) -> tuple[Route, ...]:
    policy = later(f"{kind}s")

    def row(
        verb: str, method: str, rest: str, body: Body = Body.NONE, updates: bool = False
    ) -> Route:
        params = {
            "List": (filters(since),),
            "Update": (integer("version", update_since),),
        }
        return Route(
            f"{kind.capitalize()}{verb}",
            method,
            f"/{kind}s{rest}",
            Family.STORES,
            policy,
            "denied for now",
            since=api(update_since if updates else since),
            params=params.get(verb, ()),
            body=body,
        )

    return (
        row("List", "GET", ""),
        row("Create", "POST", "/create", Body.JSON),
        row("Inspect", "GET", "/{id}"),
        row("Update", "POST", "/{id}/update", Body.JSON, updates=True),
        row("Delete", "DELETE", "/{id}"),
    )


ROUTES = _rows("secret", "1.24", "1.26") + _rows("config", "1.30", "1.30")
