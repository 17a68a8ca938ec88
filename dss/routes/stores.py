"""
Rows of the operations on a swarm's secrets and configs.
"""

from __future__ import annotations

from dss.policy.fields.table import Table
from dss.policy.fields.tables import CONFIG_CREATE, CONFIG_UPDATE, SECRET_CREATE, SECRET_UPDATE
from dss.policy.swarm import services, stores
from dss.routes.table import Access, Body, Family, Route, api, filters, integer, repeated


def _rows(
    kind: str, since: str, update_since: str, create: Table, update: Table
) -> tuple[Route, ...]:
    name = kind.capitalize()
    family = Family.STORES
    return (
        Route(
            f"{name}List",
            "GET",
            f"/{kind}s",
            family,
            Access.FILTERED,
            stores.listing(kind),
            "own ones",
            since=api(since),
            params=(filters(since),),
        ),
        Route(
            f"{name}Create",
            "POST",
            f"/{kind}s/create",
            family,
            Access.JUDGED,
            stores.create(create),
            "by the table of fields; the owner's label is added",
            since=api(since),
            params=repeated(create),
            body=Body.JSON,
        ),
        Route(
            f"{name}Inspect",
            "GET",
            f"/{kind}s/{{id}}",
            family,
            Access.OWN,
            stores.inspect(kind),
            "own ones",
            since=api(since),
        ),
        Route(
            f"{name}Update",
            "POST",
            f"/{kind}s/{{id}}/update",
            family,
            Access.OWN,
            stores.update(kind, update),
            "own ones; the owner's label stays",
            since=api(update_since),
            params=(integer("version", update_since),),
            body=Body.JSON,
        ),
        Route(
            f"{name}Delete",
            "DELETE",
            f"/{kind}s/{{id}}",
            family,
            Access.OWN,
            services.of(kind),
            "own ones",
            since=api(since),
        ),
    )


ROUTES = (
    *_rows("secret", "1.24", "1.26", SECRET_CREATE, SECRET_UPDATE),
    *_rows("config", "1.30", "1.30", CONFIG_CREATE, CONFIG_UPDATE),
)
