"""
Rows of what a container gets of its host: the engine's C{container.HostConfig}.
"""

from __future__ import annotations

from dss.policy.fields import (
    confinement,
    logs,
    network,
    paths,
    ports,
    resources,
    rules,
    volumes,
    weights,
)
from dss.policy.fields.field import Field, prefixed
from dss.policy.fields.labelled import labels

_binds = rules.elsewhere(
    "mount.source",
    "directories and files below an allowed root; the engine's socket, which becomes the owner's "
    "own; one's own volumes",
    setting="owner.allow_bind",
)
_mount = rules.elsewhere("mount.source", "see the fields of a mount", "limit", "owner.allow_bind")
_own = rules.allow("container.host")
_dns = rules.allow("container.dns")
_image_mount = rules.deny(
    "mount.image",
    "a path in an image can be a link.",
    "Mount the whole image.",
    never="a link in it could lead out of it",
)
_storage = rules.allow("container.storage_opt", "see the values")
_paths = (
    "an own list takes the place of the engine's, and opens /proc and /sys of the host's kernel."
)
_own_lists = (
    "Leave it out, or send what an inspect shows: the engine then makes its own list again."
)

#: One entry of C{Mounts}, of containers and of services.
MOUNT_ROWS = (
    Field("Mounts[]", "object", _mount, "Each mount is judged as a whole."),
    Field("Mounts[].Target", "string", paths.mount_target, "A mount can hide what confines."),
    Field("Mounts[].Source", "string", _binds, "Reaches the host, or another's volume."),
    Field(
        "Mounts[].Type",
        "string",
        rules.one_of(
            "mount.type",
            ("bind", "volume", "tmpfs", "image"),
            "it mounts what dss can't tell the owner of.",
            never="its source has no owner",
        ),
        "Each type names its source in its own way.",
    ),
    Field("Mounts[].ReadOnly", "boolean", _binds, "Is needed for a read-only root."),
    Field(
        "Mounts[].Consistency",
        "string",
        rules.allow("mount.consistency"),
        "Means nothing on Linux.",
        "1.29",
    ),
    Field("Mounts[].BindOptions", "object", _mount, "See the fields inside."),
    Field(
        "Mounts[].BindOptions.Propagation",
        "string",
        rules.one_of(
            "mount.propagation",
            ("private", "rprivate"),
            "mounts would travel between the host and the container.",
            never="what is bound is a path of a volume, which has no propagation",
        ),
        "Mounts must not travel to the host.",
    ),
    Field(
        "Mounts[].BindOptions.NonRecursive",
        "boolean",
        _mount,
        "Denied on a read-only root.",
        "1.40",
    ),
    Field(
        "Mounts[].BindOptions.CreateMountpoint",
        "boolean",
        rules.allow("mount.source", "any value; inside an allowed directory only"),
        "The engine would make directories anywhere.",
        "1.42",
    ),
    Field(
        "Mounts[].BindOptions.ReadOnlyNonRecursive",
        "boolean",
        _mount,
        "Denied on a read-only root.",
        "1.44",
    ),
    Field(
        "Mounts[].BindOptions.ReadOnlyForceRecursive",
        "boolean",
        rules.allow("mount.source"),
        "Makes a mount stricter.",
        "1.44",
    ),
    Field("Mounts[].VolumeOptions", "object", _mount, "See the fields inside."),
    Field("Mounts[].VolumeOptions.NoCopy", "boolean", _own, "Takes something away."),
    *labels(why="A volume has an owner from birth.", at="Mounts[].VolumeOptions.Labels"),
    Field("Mounts[].VolumeOptions.DriverConfig", "object", _mount, "See the fields inside."),
    Field(
        "Mounts[].VolumeOptions.DriverConfig.Name",
        "string",
        volumes.driver,
        "Drivers mount what they like.",
    ),
    Field(
        "Mounts[].VolumeOptions.DriverConfig.Options",
        "map",
        volumes.options,
        "They are what the host mounts.",
    ),
    Field(
        "Mounts[].VolumeOptions.DriverConfig.Options{}",
        "string",
        rules.elsewhere("volume.options", "judged with what it is in", "limit"),
        "They are what the host mounts.",
    ),
    Field(
        "Mounts[].VolumeOptions.Subpath",
        "string",
        rules.allow("mount.subpath", "any path inside the volume"),
        "The engine opens it beneath the volume, links and all.",
        "1.45",
    ),
    Field("Mounts[].TmpfsOptions", "object", _own, "See the fields inside."),
    Field("Mounts[].TmpfsOptions.SizeBytes", "int64", _own, "Is memory of the container's own."),
    Field("Mounts[].TmpfsOptions.Mode", "uint32", paths.tmpfs_mode, "Permission bits only."),
    Field(
        "Mounts[].TmpfsOptions.Options[]",
        "array of string",
        paths.tmpfs_flags,
        "Mount options can be more than flags.",
        "1.46",
    ),
    Field("Mounts[].ImageOptions", "object", _mount, "See the field inside.", "1.48"),
    Field(
        "Mounts[].ImageOptions.Subpath",
        "string",
        _image_mount,
        "Content of images is anybody's.",
        "1.48",
    ),
    Field(
        "Mounts[].ClusterOptions",
        "object",
        rules.deny("mount.cluster", "cluster volumes are denied."),
        "Cluster volumes belong to the swarm.",
        "1.42",
        documented=False,
    ),
)

_ROWS = (
    *resources.ROWS,
    *resources.RESTART_ROWS,
    Field("Binds", "array of string", _binds, "Reaches the host, or another's volume."),
    Field("ContainerIDFile", "string", _own, "Is the client's note of a file of its own."),
    Field("LogConfig", "object", rules.allow("container.log_driver"), "See the fields inside."),
    Field(
        "LogConfig.Type",
        "string",
        logs.log_driver,
        "The engine itself would connect, with its files and its network.",
        given=("containers.defaults.log.driver",),
    ),
    Field("LogConfig.Config", "map", rules.allow("container.log_options"), "See the values."),
    Field(
        "LogConfig.Config{}",
        "string",
        logs.log_options,
        "Options may name host files.",
        given=("containers.defaults.log.options",),
    ),
    Field(
        "NetworkMode",
        "string",
        network.network_mode,
        "Networks lead to others.",
        given=(
            "containers.force.network",
            "containers.defaults.network",
            "networks.private_bridge",
        ),
    ),
    Field("PortBindings", "map", ports.counted, "Each has processes of the engine's own."),
    Field("PortBindings{}[]", "object", rules.allow("container.ports"), "See inside.", "1.35"),
    Field(
        "PortBindings{}[].HostIp",
        "string",
        ports.host_ip,
        "Must be an address.",
        "1.35",
        given=("containers.ports.loopback_only",),
    ),
    Field(
        "PortBindings{}[].HostPort", "string", ports.host_port, "Keeps off host services.", "1.35"
    ),
    Field("AutoRemove", "boolean", _own, "Is of the container's own."),
    Field(
        "VolumeDriver",
        "string",
        volumes.driver,
        "Drivers mount what they like.",
    ),
    Field(
        "VolumesFrom",
        "array of string",
        rules.elsewhere(
            "mount.volumes_from", "one's own containers, with ro or rw", setting="owner.allow_bind"
        ),
        "Gives what the other container mounts.",
    ),
    *MOUNT_ROWS,
    Field("CapAdd", "words", confinement.capabilities, "Capabilities give power over the host."),
    Field("CapDrop", "words", _own, "Takes something away."),
    Field("Dns", "array of string", _dns, "Is read inside the container only."),
    Field("DnsOptions", "array of string", _dns, "Is read inside the container only."),
    Field("DnsSearch", "array of string", _dns, "Is read inside the container only."),
    Field("ExtraHosts", "array of string", _dns, "Is written into the container's own file."),
    Field("GroupAdd", "array of string", _own, "Groups of the container, as its users."),
    Field("IpcMode", "string", confinement.ipc_mode, "Shared memory can be read and written."),
    Field(
        "Cgroup",
        "string",
        rules.deny(
            "container.cgroup",
            "another container's cgroup holds its limits.",
            never="no engine needs it",
        ),
        "Limits hang on the cgroup.",
    ),
    Field(
        "Links",
        "array of string",
        rules.elsewhere("container.links", "one's own containers"),
        "A link copies the environment of the other container.",
    ),
    Field(
        "OomScoreAdj",
        "int",
        weights.oom_score,
        "When memory is short the container itself should go.",
    ),
    Field("PidMode", "string", confinement.pid_mode, "Processes can be read and traced."),
    Field(
        "Privileged",
        "boolean",
        rules.deny(
            "container.privileged",
            "a privileged container is root on the host.",
            "Default capabilities can be added by CapAdd.",
            never="it is the host",
        ),
        "Is root on the host.",
    ),
    Field(
        "PublishAllPorts",
        "boolean",
        ports.publish_all,
        "Takes free ports only.",
        given=("containers.ports.loopback_only",),
    ),
    Field("ReadonlyRootfs", "boolean", _own, "Takes something away."),
    Field(
        "SecurityOpt",
        "array of string",
        confinement.security_options,
        "Changes what confines it.",
        given=("containers.force.security_options", "containers.defaults.security_options"),
    ),
    Field("StorageOpt", "map", _storage, "Options of the engine's storage driver."),
    Field(
        "StorageOpt{}",
        "string",
        weights.storage_option,
        "Options of the engine's storage driver.",
    ),
    Field("Tmpfs", "map", rules.allow("container.tmpfs"), "See the values."),
    Field("Tmpfs{}", "string", paths.tmpfs, "Mount options can be more than flags."),
    Field(
        "UTSMode",
        "string",
        rules.one_of(
            "container.uts", (), "the host's name is the host's.", "containers.uts_modes", "host"
        ),
        "Would let it set the host's name.",
    ),
    Field(
        "UsernsMode",
        "string",
        rules.one_of(
            "container.userns",
            (),
            "the host's users have power over it.",
            "containers.user_namespace_modes",
            "host",
        ),
        "Would make its root the host's root.",
    ),
    Field(
        "ShmSize",
        "int64",
        rules.at_least("container.shm", 0, "it is no size."),
        "Is memory of the container's own.",
        given=("containers.defaults.shm_size", "containers.ceilings.shm_size"),
    ),
    Field("Sysctls", "map", rules.allow("container.sysctls"), "See the values."),
    Field("Sysctls{}", "string", confinement.sysctls, "Only namespaced ones are its own."),
    Field(
        "Runtime",
        "string",
        rules.one_of(
            "container.runtime",
            (),
            "another runtime confines in another way.",
            "containers.runtimes",
            told="the one that the container gets anyway",
        ),
        "The runtime is what confines it.",
        given=("containers.force.runtime", "containers.defaults.runtime"),
    ),
    Field("ConsoleSize", "pair of uint", _own, "Is the container's own terminal."),
    Field(
        "Isolation",
        "string",
        rules.one_of("container.isolation", ("default",), "it is for Windows."),
        "Is for Windows containers.",
    ),
    Field("Init", "boolean", _own, "Is a process inside the container.", "1.37"),
    Field(
        "MaskedPaths",
        "array of string",
        rules.deny(
            "container.masked_paths",
            _paths,
            _own_lists,
            judges_empty=True,
            never="it opens the host's kernel",
        ),
        "Only null, not an empty list, keeps the engine's own list.",
        "1.38",
    ),
    Field(
        "ReadonlyPaths",
        "array of string",
        rules.deny(
            "container.readonly_paths",
            _paths,
            judges_empty=True,
            never="it opens the host's kernel",
        ),
        "Only null, not an empty list, keeps the engine's own list.",
        "1.38",
    ),
    Field(
        "Capabilities",
        "array of string",
        rules.deny("container.capabilities", "it takes the place of the default capabilities."),
        "Was in one API version only.",
        "1.40",
        "1.40",
    ),
    Field(
        "CgroupnsMode",
        "string",
        rules.one_of(
            "container.cgroupns",
            ("private",),
            "the host's cgroups can be seen through it.",
            "containers.cgroup_namespace_modes",
            "host",
        ),
        "Shows the host's cgroups.",
        "1.41",
    ),
    Field(
        "Annotations",
        "map",
        rules.allow("container.annotations", "see the values"),
        "They configure the runtime.",
        "1.43",
    ),
    Field(
        "Annotations{}",
        "string",
        confinement.annotation,
        "They configure the runtime.",
        "1.43",
    ),
)

ROWS = (
    Field("HostConfig", "object", _own, "See the fields inside."),
    *prefixed(_ROWS, "HostConfig"),
)
