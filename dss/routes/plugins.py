"""
Rows of the operations on the engine's plugins.
"""

from __future__ import annotations

from dss.policy.later import later
from dss.routes.table import Body, Family, Param, Route, api, boolean, filters, integer, text

_POLICY = later("plugins", "A plugin can have every privilege on the host.")


def _row(
    operation: str,
    method: str,
    template: str,
    params: tuple[Param, ...] = (),
    body: Body = Body.NONE,
    since: str = "1.24",
) -> Route:
    return Route(
        operation,
        method,
        template,
        Family.PLUGINS,
        _POLICY,
        "denied for now",
        since=api(since),
        params=params,
        body=body,
    )


ROUTES = (
    _row("PluginList", "GET", "/plugins", (filters("1.28"),)),
    _row(
        "GetPluginPrivileges",
        "GET",
        "/plugins/privileges",
        (text("name", until="1.26"), text("remote", "1.27")),
    ),
    _row("PluginPull", "POST", "/plugins/pull", (text("remote"), text("name")), Body.JSON),
    _row("PluginInspect", "GET", "/plugins/{name...}/json"),
    _row("PluginDelete", "DELETE", "/plugins/{name...}", (boolean("force"),)),
    _row("PluginEnable", "POST", "/plugins/{name...}/enable", (integer("timeout"),)),
    _row("PluginDisable", "POST", "/plugins/{name...}/disable", (boolean("force", "1.28"),)),
    _row(
        "PluginUpgrade",
        "POST",
        "/plugins/{name...}/upgrade",
        (text("remote", "1.26"),),
        Body.JSON,
        since="1.26",
    ),
    _row("PluginCreate", "POST", "/plugins/create", (text("name"),), Body.STREAM),
    _row("PluginPush", "POST", "/plugins/{name...}/push"),
    _row("PluginSet", "POST", "/plugins/{name...}/set", body=Body.JSON),
)
