"""
Rows of the operations on the engine's plugins.
"""

from __future__ import annotations

from dss.model import gojson
from dss.policy.granted import Reader, granted, plugin, shaped
from dss.routes.table import (
    Access,
    Body,
    Family,
    Param,
    Route,
    api,
    boolean,
    filters,
    integer,
    text,
)

_REASON = "A plugin can have every privilege on the host."

#: What a plugin asks for, and gets.
_PRIVILEGES = shaped(
    gojson.ListOf(
        gojson.Struct(
            {
                "Name": gojson.Text(),
                "Description": gojson.Text(),
                "Value": gojson.ListOf(gojson.Text()),
            }
        )
    )
)

_REGISTRY = ("x-registry-auth",)


def _row(
    operation: str,
    method: str,
    template: str,
    params: tuple[Param, ...] = (),
    body: Body = Body.NONE,
    since: str = "1.24",
    read: Reader | None = None,
) -> Route:
    return Route(
        operation,
        method,
        template,
        Family.PLUGINS,
        Access.GRANTED,
        granted(_REASON, read),
        "denied unless granted",
        since=api(since),
        params=params,
        body=body,
        headers=_REGISTRY if operation in ("PluginPull", "PluginPush", "PluginUpgrade") else (),
    )


ROUTES = (
    _row("PluginList", "GET", "/plugins", (filters("1.28"),)),
    _row(
        "GetPluginPrivileges",
        "GET",
        "/plugins/privileges",
        (text("name", until="1.26"), text("remote", "1.27")),
    ),
    _row(
        "PluginPull",
        "POST",
        "/plugins/pull",
        (text("remote"), text("name")),
        Body.JSON,
        read=_PRIVILEGES,
    ),
    Route(
        "PluginInspect",
        "GET",
        "/plugins/{name...}/json",
        Family.PLUGINS,
        Access.HIDDEN,
        plugin,
        "missing unless granted",
    ),
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
        read=_PRIVILEGES,
    ),
    _row("PluginCreate", "POST", "/plugins/create", (text("name"),), Body.STREAM),
    _row("PluginPush", "POST", "/plugins/{name...}/push"),
    _row(
        "PluginSet",
        "POST",
        "/plugins/{name...}/set",
        body=Body.JSON,
        read=shaped(gojson.ListOf(gojson.Text())),
    ),
)
