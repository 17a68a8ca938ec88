"""
Operations that nobody may use unless the operator grants them by name.
"""

from __future__ import annotations

from dss.config.values import one_of

#: By the names of the Docker Engine API. Each gives its owner power over the host, or over
#: all machines of a Swarm.
GRANTABLE = (
    "CheckpointCreate",
    "CheckpointDelete",
    "CheckpointList",
    "GetPluginPrivileges",
    "NodeDelete",
    "NodeUpdate",
    "PluginCreate",
    "PluginDelete",
    "PluginDisable",
    "PluginEnable",
    "PluginInspect",
    "PluginList",
    "PluginPull",
    "PluginPush",
    "PluginSet",
    "PluginUpgrade",
    "SwarmInit",
    "SwarmJoin",
    "SwarmLeave",
    "SwarmUnlock",
    "SwarmUnlockkey",
    "SwarmUpdate",
)


def check(names: tuple[str, ...]) -> None:
    """
    Refuse what is no operation that can be granted.
    """
    for each in names:
        one_of(*GRANTABLE)(each)
