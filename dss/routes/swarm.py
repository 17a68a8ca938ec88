"""
Rows of the operations on a swarm, its nodes, services and tasks.
"""

from __future__ import annotations

from dss.policy.later import later
from dss.policy.request import Policy
from dss.routes.table import Body, Family, Param, Route, api, boolean, filters, integer, text

_SWARM = later("swarms", "Who changes a swarm, or knows its tokens, rules its machines.")
_NODES = later("nodes")
_SERVICES = later("services")
_TASKS = later("tasks")


def _row(
    operation: str,
    method: str,
    template: str,
    policy: Policy,
    params: tuple[Param, ...] = (),
    body: Body = Body.NONE,
    since: str = "1.24",
) -> Route:
    return Route(
        operation,
        method,
        template,
        Family.SWARM,
        policy,
        "denied for now",
        since=api(since),
        params=params,
        body=body,
    )


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
    _row("SwarmInspect", "GET", "/swarm", _SWARM),
    _row("SwarmInit", "POST", "/swarm/init", _SWARM, body=Body.JSON),
    _row("SwarmJoin", "POST", "/swarm/join", _SWARM, body=Body.JSON),
    _row("SwarmLeave", "POST", "/swarm/leave", _SWARM, (boolean("force"),)),
    _row(
        "SwarmUpdate",
        "POST",
        "/swarm/update",
        _SWARM,
        (
            integer("version"),
            boolean("rotateWorkerToken"),
            boolean("rotateManagerToken"),
            boolean("rotateManagerUnlockKey"),
        ),
        Body.JSON,
    ),
    _row("SwarmUnlockkey", "GET", "/swarm/unlockkey", _SWARM),
    _row("SwarmUnlock", "POST", "/swarm/unlock", _SWARM, body=Body.JSON),
    _row("NodeList", "GET", "/nodes", _NODES, (filters(),)),
    _row("NodeInspect", "GET", "/nodes/{id}", _NODES),
    _row("NodeDelete", "DELETE", "/nodes/{id}", _NODES, (boolean("force"),)),
    _row("NodeUpdate", "POST", "/nodes/{id}/update", _NODES, (integer("version"),), Body.JSON),
    _row("ServiceList", "GET", "/services", _SERVICES, (filters(), boolean("status", "1.41"))),
    _row("ServiceCreate", "POST", "/services/create", _SERVICES, body=Body.JSON),
    _row(
        "ServiceInspect", "GET", "/services/{id}", _SERVICES, (boolean("insertDefaults", "1.29"),)
    ),
    _row("ServiceDelete", "DELETE", "/services/{id}", _SERVICES),
    _row(
        "ServiceUpdate",
        "POST",
        "/services/{id}/update",
        _SERVICES,
        (integer("version"), text("registryAuthFrom"), text("rollback", "1.28")),
        Body.JSON,
    ),
    _row("ServiceLogs", "GET", "/services/{id}/logs", _SERVICES, _logs("1.24")),
    _row("TaskList", "GET", "/tasks", _TASKS, (filters(),)),
    _row("TaskInspect", "GET", "/tasks/{id}", _TASKS),
    _row("TaskLogs", "GET", "/tasks/{id}/logs", _TASKS, _logs("1.29"), since="1.29"),
)
