"""
Services' bodies of older clients, as engines read them under an older prefix. Engines are asked
in their own version: under an older one they would leave out what dss writes as well.
"""

from __future__ import annotations

from typing import Any

from dss.model.version import ApiVersion
from dss.policy.fields.field import split
from dss.policy.fields.table import without

_CONTAINER = "TaskTemplate.ContainerSpec"

#: The fields that engines leave out where the version in force is older (moby 20.10 to 28.5,
#: C{adjustForAPIVersion} of the Swarm's routes).
_SINCE = (
    (
        ApiVersion(1, 40),
        (
            f"{_CONTAINER}.Sysctls",
            f"{_CONTAINER}.Privileges.CredentialSpec.Config",
            f"{_CONTAINER}.Configs[].Runtime",
            "TaskTemplate.Placement.MaxReplicas",
        ),
    ),
    (
        ApiVersion(1, 41),
        (
            f"{_CONTAINER}.CapabilityAdd",
            f"{_CONTAINER}.CapabilityDrop",
            f"{_CONTAINER}.Ulimits",
            "TaskTemplate.Resources.Limits.Pids",
            "Mode.ReplicatedJob",
            "Mode.GlobalJob",
        ),
    ),
    (
        ApiVersion(1, 44),
        (
            f"{_CONTAINER}.Privileges.Seccomp",
            f"{_CONTAINER}.Privileges.AppArmor",
            f"{_CONTAINER}.Privileges.NoNewPrivileges",
            f"{_CONTAINER}.HealthCheck.StartInterval",
        ),
    ),
    (
        ApiVersion(1, 46),
        (f"{_CONTAINER}.OomScoreAdj", f"{_CONTAINER}.Mounts[].TmpfsOptions.Options"),
    ),
    (
        ApiVersion(1, 52),
        ("TaskTemplate.Resources.SwapBytes", "TaskTemplate.Resources.MemorySwappiness"),
    ),
)

_GONE = tuple((since, tuple(map(split, paths))) for since, paths in _SINCE)


def as_read(body: dict[str, Any], version: ApiVersion) -> dict[str, Any]:
    """
    A decoded body without what engines would not see under the client's prefix.

    @param version: the client's.
    """
    gone = [path for since, paths in _GONE if version < since for path in paths]
    return without(body, gone) if gone else body
