"""
The tables: every operation that has a body which is judged.
"""

from __future__ import annotations

from dss.config.networks import Networks
from dss.config.volumes import Volumes
from dss.policy.fields import (
    container,
    execs,
    granted,
    host,
    network,
    networking,
    registry,
    resources,
    rules,
    services,
    stores,
    volumes,
)
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

NETWORK_CONNECT = Table("Network connect", networking.CONNECT_ROWS)

NETWORK_DISCONNECT = Table("Network disconnect", networking.DISCONNECT_ROWS, Networks)

SERVICE_CREATE = Table("Service create", services.ROWS)

SERVICE_UPDATE = Table("Service update", services.ROWS)

SECRET_CREATE = Table("Secret create", stores.SECRET_CREATE_ROWS)

SECRET_UPDATE = Table("Secret update", stores.SECRET_UPDATE_ROWS)

CONFIG_CREATE = Table("Config create", stores.CONFIG_ROWS)

CONFIG_UPDATE = Table("Config update", stores.CONFIG_ROWS)

SWARM_INIT = Table("Swarm init", granted.SWARM_INIT_ROWS)

SWARM_JOIN = Table("Swarm join", granted.SWARM_JOIN_ROWS)

SWARM_UPDATE = Table("Swarm update", granted.SWARM_UPDATE_ROWS)

SWARM_UNLOCK = Table("Swarm unlock", granted.SWARM_UNLOCK_ROWS)

NODE_UPDATE = Table("Node update", granted.NODE_UPDATE_ROWS)

VOLUME_CREATE = Table("Volume create", volumes.CREATE_ROWS, Volumes)

VOLUME_UPDATE = Table("Volume update", volumes.UPDATE_ROWS, Volumes)

COMMIT = Table(
    "Image commit",
    (
        *(row for row in container.ROWS if row.path != "Image"),
        Field("Image", "string", rules.drop("image.commit"), "Says nothing about a container."),
        # dockerode, and so all clients in Node, sends the whole query here too.
        *(
            Field(
                name,
                kind,
                rules.drop("image.commit"),
                "Is read from the query only.",
                documented=False,
            )
            for name, kind in (
                ("container", "string"),
                ("repo", "string"),
                ("tag", "string"),
                ("comment", "string"),
                ("author", "string"),
                ("pause", "boolean"),
                ("changes", "words"),
            )
        ),
    ),
)

AUTH = Table("Registry login", registry.AUTH_ROWS)

TABLES = (
    CREATE,
    UPDATE,
    COMMIT,
    AUTH,
    EXEC_CREATE,
    EXEC_START,
    NETWORK_CREATE,
    NETWORK_CONNECT,
    NETWORK_DISCONNECT,
    SERVICE_CREATE,
    SERVICE_UPDATE,
    SECRET_CREATE,
    SECRET_UPDATE,
    CONFIG_CREATE,
    CONFIG_UPDATE,
    SWARM_INIT,
    SWARM_JOIN,
    SWARM_UPDATE,
    SWARM_UNLOCK,
    NODE_UPDATE,
    VOLUME_CREATE,
    VOLUME_UPDATE,
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
