"""
The tables: every operation that has a body which is judged.
"""

from __future__ import annotations

from dss.config.networks import Networks
from dss.policy.fields import container, execs, host, network, networking, resources, rules
from dss.policy.fields.field import Field
from dss.policy.fields.table import Table

CREATE = Table("Container create", (*container.ROWS, *host.ROWS, *network.ROWS))

UPDATE = Table(
    "Container update",
    (
        *resources.ROWS,
        *resources.RESTART_ROWS,
        Field("Init", "boolean", rules.drop("container.host"), "No engine updates it.", "1.37"),
    ),
)

EXEC_CREATE = Table("Exec create", execs.CREATE_ROWS)

EXEC_START = Table("Exec start", execs.START_ROWS)

NETWORK_CREATE = Table("Network create", networking.CREATE_ROWS, Networks)

NETWORK_CONNECT = Table("Network connect", networking.CONNECT_ROWS, Networks)

NETWORK_DISCONNECT = Table("Network disconnect", networking.DISCONNECT_ROWS, Networks)

TABLES = (
    CREATE,
    UPDATE,
    EXEC_CREATE,
    EXEC_START,
    NETWORK_CREATE,
    NETWORK_CONNECT,
    NETWORK_DISCONNECT,
)

#: Paths by which the published descriptions name a field otherwise than the engine
#: reads it, each with the row that judges it: a misprint of API 1.27, and two
#: descriptions of maps that later versions put right.
DOCUMENTED_OTHERWISE = {
    "HostConfig.NanoCPUs": "HostConfig.NanoCpus",
    "NanoCPUs": "NanoCpus",
    "HostConfig.PortBindings{}": "HostConfig.PortBindings{}[]",
    "HostConfig.PortBindings{}.HostIp": "HostConfig.PortBindings{}[].HostIp",
    "HostConfig.PortBindings{}.HostPort": "HostConfig.PortBindings{}[].HostPort",
    "Volumes.additionalProperties": "Volumes{}",
    "IPAM.Config[]{}": "IPAM.Config[]",
    "IPAM.Options[]": "IPAM.Options",
    "IPAM.Options[]{}": "IPAM.Options{}",
}
