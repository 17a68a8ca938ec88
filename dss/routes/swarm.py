"""
Rows of the operations on a swarm, its nodes, services and tasks.
"""

from __future__ import annotations

from functools import partial

from dss.policy.fields.tables import (
    NODE_UPDATE,
    SWARM_INIT,
    SWARM_JOIN,
    SWARM_UNLOCK,
    SWARM_UPDATE,
)
from dss.policy.granted import granted, tabled
from dss.policy.swarm import nodes, services, showing
from dss.routes.table import (
    Access,
    Body,
    Family,
    Param,
    Route,
    boolean,
    filters,
    integer,
    row,
    text,
)

_RULES = "Who changes a Swarm, or knows its tokens, rules its machines."
_GRANTED = "denied unless granted"
_OWN = "own ones"

_row = partial(row, Family.SWARM)


def _granted(
    operation: str,
    method: str,
    template: str,
    params: tuple[Param, ...] = (),
) -> Route:
    return _row(operation, method, template, Access.GRANTED, granted(_RULES), _GRANTED, params)


def _logs(since: str) -> tuple[Param, ...]:
    return (
        boolean("details", since),
        boolean("follow", since),
        boolean("stdout", since),
        boolean("stderr", since),
        text("since", since),
        boolean("timestamps", since),
        text("tail", since),
        # Not in the API's description, but read by the engine (moby 28.5).
        text("until", since),
    )


ROUTES = (
    _row(
        "SwarmInspect",
        "GET",
        "/swarm",
        Access.REDUCED,
        nodes.inspect_swarm,
        "without tokens, keys and addresses",
    ),
    _row(
        "SwarmInit",
        "POST",
        "/swarm/init",
        Access.GRANTED,
        granted(_RULES, tabled(SWARM_INIT)),
        _GRANTED,
        body=Body.JSON,
    ),
    _row(
        "SwarmJoin",
        "POST",
        "/swarm/join",
        Access.GRANTED,
        granted(_RULES, tabled(SWARM_JOIN)),
        _GRANTED,
        body=Body.JSON,
    ),
    _granted("SwarmLeave", "POST", "/swarm/leave", (boolean("force"),)),
    _row(
        "SwarmUpdate",
        "POST",
        "/swarm/update",
        Access.GRANTED,
        granted(_RULES, tabled(SWARM_UPDATE)),
        _GRANTED,
        (
            integer("version"),
            boolean("rotateWorkerToken"),
            boolean("rotateManagerToken"),
            boolean("rotateManagerUnlockKey"),
        ),
        Body.JSON,
    ),
    _granted("SwarmUnlockkey", "GET", "/swarm/unlockkey"),
    _row(
        "SwarmUnlock",
        "POST",
        "/swarm/unlock",
        Access.GRANTED,
        granted(_RULES, tabled(SWARM_UNLOCK)),
        _GRANTED,
        body=Body.JSON,
    ),
    _row(
        "NodeList",
        "GET",
        "/nodes",
        Access.REDUCED,
        nodes.listing,
        "without labels, addresses and certificates",
        (filters(),),
    ),
    _row(
        "NodeInspect",
        "GET",
        "/nodes/{id}",
        Access.REDUCED,
        nodes.inspect,
        "without labels, addresses and certificates",
    ),
    _granted("NodeDelete", "DELETE", "/nodes/{id}", (boolean("force"),)),
    _row(
        "NodeUpdate",
        "POST",
        "/nodes/{id}/update",
        Access.GRANTED,
        granted(_RULES, tabled(NODE_UPDATE)),
        _GRANTED,
        (integer("version"),),
        Body.JSON,
    ),
    _row(
        "ServiceList",
        "GET",
        "/services",
        Access.FILTERED,
        services.listing,
        _OWN,
        (filters(), boolean("status", "1.41")),
    ),
    _row(
        "ServiceCreate",
        "POST",
        "/services/create",
        Access.JUDGED,
        services.create,
        "by the table of fields; the owner's labels are added",
        body=Body.JSON,
    ),
    _row(
        "ServiceInspect",
        "GET",
        "/services/{id}",
        Access.OWN,
        services.of("service", showing.service),
        _OWN,
        (boolean("insertDefaults", "1.29"),),
    ),
    _row("ServiceDelete", "DELETE", "/services/{id}", Access.OWN, services.of("service"), _OWN),
    _row(
        "ServiceUpdate",
        "POST",
        "/services/{id}/update",
        Access.OWN,
        services.update,
        "own ones, by the table of fields; the owner's labels are added",
        (integer("version"), text("registryAuthFrom"), text("rollback", "1.28")),
        Body.JSON,
    ),
    _row(
        "ServiceLogs",
        "GET",
        "/services/{id}/logs",
        Access.OWN,
        services.of("service"),
        _OWN,
        _logs("1.24"),
    ),
    _row(
        "TaskList",
        "GET",
        "/tasks",
        Access.FILTERED,
        services.tasks,
        "those of own services",
        (filters(),),
    ),
    _row(
        "TaskInspect",
        "GET",
        "/tasks/{id}",
        Access.OWN,
        services.of("task", showing.task),
        "those of own services",
    ),
    _row(
        "TaskLogs",
        "GET",
        "/tasks/{id}/logs",
        Access.OWN,
        services.of("task"),
        "those of own services",
        _logs("1.29"),
        since="1.29",
    ),
)
