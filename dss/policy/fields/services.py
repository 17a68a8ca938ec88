"""
Rows of the bodies that make and change services: the engine's C{swarm.ServiceSpec}.
"""

from __future__ import annotations

from dss.policy.fields import logs, ports, rules
from dss.policy.fields.field import Field, Rule, prefixed
from dss.policy.fields.labelled import labels
from dss.policy.fields.network import not_of_the_host
from dss.policy.fields.resources import ceiling
from dss.policy.fields.tasks import ROWS as CONTAINER_ROWS

_own = rules.allow("service.own")
_inside = "See the fields inside."
_cares = "Is the Swarm's own care for the service."

_options = rules.deny(
    "container.endpoint_options", "options of a network driver can set the host's network."
)
_devices = rules.deny("container.device_requests", "resources of nodes can be their devices.")
_device = rules.inside("container.device_requests")
_plugin = rules.deny("service.runtime", "a plugin can have every privilege on the host.")
_in_plugin = rules.inside("service.runtime")

_target = Rule(
    "container.network",
    "rewrite",
    "Allowed: one's own networks by name or id, bridge and none.",
    lambda spot, settings: not_of_the_host(spot.value),
)


def _networks(at: str) -> tuple[Field, ...]:
    return (
        Field(f"{at}[]", "object", _own, _inside),
        Field(f"{at}[].Target", "string", _target, "Networks lead to others."),
        Field(f"{at}[].Aliases", "array of string", _own, "Are names in the network itself."),
        Field(f"{at}[].DriverOpts", "map", _options, "They can set what the host routes.", "1.39"),
        Field(
            f"{at}[].DriverOpts{{}}",
            "string",
            rules.inside("container.endpoint_options"),
            "They can set what the host routes.",
            "1.39",
        ),
    )


def _resources(at: str, until: str | None) -> tuple[Field, ...]:
    why = "A node's resources are the operator's to hand out."
    fields = (
        (f"{at}[]", "object", _devices),
        (f"{at}[].NamedResourceSpec", "object", _device),
        (f"{at}[].NamedResourceSpec.Kind", "string", _device),
        (f"{at}[].NamedResourceSpec.Value", "string", _device),
        (f"{at}[].DiscreteResourceSpec", "object", _device),
        (f"{at}[].DiscreteResourceSpec.Kind", "string", _device),
        (f"{at}[].DiscreteResourceSpec.Value", "int64", _device),
    )
    return tuple(Field(path, kind, rule, why, "1.32", until) for path, kind, rule in fields)


def _rollout(at: str, since: str, order: str) -> tuple[Field, ...]:
    return (
        Field(at, "object", _own, _cares, since),
        Field(f"{at}.Parallelism", "uint64", _own, _cares, since),
        Field(f"{at}.Delay", "int64", _own, _cares, since),
        Field(f"{at}.FailureAction", "string", _own, _cares, since),
        Field(f"{at}.Monitor", "int64", _own, _cares, since),
        Field(f"{at}.MaxFailureRatio", "number", _own, _cares, since),
        Field(f"{at}.Order", "string", _own, _cares, order),
    )


_TASK_ROWS = (
    Field("ContainerSpec", "object", _own, _inside),
    *prefixed(CONTAINER_ROWS, "ContainerSpec"),
    Field("Resources", "object", _own, _inside),
    Field("Resources.Limits", "object", _own, _inside),
    Field("Resources.Limits.NanoCPUs", "int64", _own, "Is a limit.", given=ceiling("cpus")),
    Field("Resources.Limits.MemoryBytes", "int64", _own, "Is a limit.", given=ceiling("memory")),
    Field("Resources.Limits.Pids", "int64", _own, "Is a limit.", "1.41", given=ceiling("pids")),
    *_resources("Resources.Limits.GenericResources", "1.40"),
    Field("Resources.Reservations", "object", _own, _inside),
    Field("Resources.Reservations.NanoCPUs", "int64", _own, "Chooses a node."),
    Field("Resources.Reservations.MemoryBytes", "int64", _own, "Chooses a node."),
    *_resources("Resources.Reservations.GenericResources", None),
    Field(
        "Resources.SwapBytes",
        "int64",
        _own,
        "Is a limit.",
        "1.52",
        given=("containers.ceilings.memory",),
    ),
    Field("Resources.MemorySwappiness", "int64", _own, "Is of the container's own.", "1.52"),
    Field("RestartPolicy", "object", _own, _cares),
    Field("RestartPolicy.Condition", "string", _own, _cares),
    Field("RestartPolicy.Delay", "int64", _own, _cares),
    Field("RestartPolicy.MaxAttempts", "uint64", _own, _cares),
    Field("RestartPolicy.Window", "int64", _own, _cares),
    Field("Placement", "object", _own, "Chooses among nodes."),
    Field(
        "Placement.Constraints",
        "array of string",
        rules.elsewhere(
            "service.node", "any; what mounts a volume or a directory is kept to a node"
        ),
        "Volumes and directories are looked at on one node only.",
    ),
    Field("Placement.Preferences[]", "object", _own, "Chooses among nodes.", "1.28"),
    Field("Placement.Preferences[].Spread", "object", _own, "Chooses among nodes.", "1.28"),
    Field(
        "Placement.Preferences[].Spread.SpreadDescriptor",
        "string",
        _own,
        "Chooses among nodes.",
        "1.28",
    ),
    Field("Placement.MaxReplicas", "uint64", _own, "Chooses among nodes.", "1.40"),
    Field("Placement.Platforms[]", "object", _own, "Chooses among nodes.", "1.30"),
    Field("Placement.Platforms[].Architecture", "string", _own, "Chooses among nodes.", "1.30"),
    Field("Placement.Platforms[].OS", "string", _own, "Chooses among nodes.", "1.30"),
    Field("ForceUpdate", "uint64", _own, _cares),
    Field(
        "Runtime",
        "string",
        rules.one_of("service.runtime", ("container",), "it makes something else than containers."),
        "Plugins can have every privilege.",
        "1.30",
    ),
    Field("PluginSpec", "object", _plugin, "Plugins can have every privilege.", "1.31"),
    Field("PluginSpec.Name", "string", _in_plugin, "See above.", "1.31"),
    Field("PluginSpec.Remote", "string", _in_plugin, "See above.", "1.31"),
    Field("PluginSpec.Disabled", "boolean", _in_plugin, "See above.", "1.31"),
    Field("PluginSpec.PluginPrivilege[]", "object", _in_plugin, "See above.", "1.31"),
    Field("PluginSpec.PluginPrivilege[].Name", "string", _in_plugin, "See above.", "1.31"),
    Field("PluginSpec.PluginPrivilege[].Description", "string", _in_plugin, "See above.", "1.31"),
    Field(
        "PluginSpec.PluginPrivilege[].Value", "array of string", _in_plugin, "See above.", "1.31"
    ),
    Field(
        "NetworkAttachmentSpec",
        "object",
        rules.deny("service.runtime", "it is how engines attach containers, not clients."),
        "Attaches a container by its id.",
        "1.38",
    ),
    Field(
        "NetworkAttachmentSpec.ContainerID",
        "string",
        _in_plugin,
        "Attaches a container by its id.",
        "1.38",
    ),
    *_networks("Networks"),
    Field("LogDriver", "object", _own, _inside),
    Field(
        "LogDriver.Name",
        "string",
        logs.log_driver,
        "The engine itself would connect, with its files and its network.",
        given=("containers.defaults.log.driver",),
    ),
    Field("LogDriver.Options", "map", _own, "See the values."),
    Field(
        "LogDriver.Options{}",
        "string",
        logs.log_options_of("Name"),
        "Options may name host files.",
        given=("containers.defaults.log.options",),
    ),
)

ROWS = (
    Field("Name", "string", _own, "Names are the Swarm's: one that is taken is told."),
    *labels(),
    Field("TaskTemplate", "object", _own, _inside),
    *prefixed(_TASK_ROWS, "TaskTemplate"),
    Field("Mode", "object", _own, _inside),
    Field("Mode.Replicated", "object", _own, _cares),
    Field("Mode.Replicated.Replicas", "uint64", _own, _cares),
    Field("Mode.Global", "object", _own, _cares),
    Field("Mode.ReplicatedJob", "object", _own, _cares, "1.41"),
    Field("Mode.ReplicatedJob.MaxConcurrent", "uint64", _own, _cares, "1.41"),
    Field("Mode.ReplicatedJob.TotalCompletions", "uint64", _own, _cares, "1.41"),
    Field("Mode.GlobalJob", "object", _own, _cares, "1.41"),
    *_rollout("UpdateConfig", "1.24", "1.29"),
    *_rollout("RollbackConfig", "1.28", "1.29"),
    *_networks("Networks"),
    Field("EndpointSpec", "object", _own, _inside),
    Field("EndpointSpec.Mode", "string", _own, "Is how its name is resolved."),
    Field("EndpointSpec.Ports[]", "object", _own, _inside),
    Field("EndpointSpec.Ports[].Name", "string", _own, "Is only a name."),
    Field("EndpointSpec.Ports[].Protocol", "string", _own, "Is of the port."),
    Field("EndpointSpec.Ports[].TargetPort", "uint32", _own, "Is the container's own."),
    Field(
        "EndpointSpec.Ports[].PublishedPort", "uint32", ports.host_port, "Keeps off host services."
    ),
    Field("EndpointSpec.Ports[].PublishMode", "string", _own, "Both take the same ports.", "1.34"),
)
