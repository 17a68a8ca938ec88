"""
Rows of what a container may use: the engine's C{container.Resources}, shared by create
and update.
"""

from __future__ import annotations

from dss.policy.fields import devices, rules, weights
from dss.policy.fields.field import Field

_amount = rules.allow("container.resources")
_cpus = rules.matching(
    "container.resources", r"[0-9,-]*", "Allowed: a list such as 0-2,4.", "it is no list of CPUs."
)
_devices = devices.devices
_device = rules.inside("container.devices")
_gpus = devices.device_requests
_gpu = rules.inside("container.device_requests")
_realtime = rules.deny(
    "container.realtime",
    "real-time scheduling can take the host's CPUs away from it.",
    never="the host would stand still",
)
_quota = rules.deny("container.disk_quota", "no engine acts on it.", never="no engine acts on it")
_throttle = "Is a limit of the container's own."


def ceiling(name: str) -> tuple[str, ...]:
    """
    The settings that give a resource where the client asks for none, and that bound it.
    """
    return (f"containers.defaults.{name}", f"containers.ceilings.{name}")


def _throttled(name: str, value: str, kind: str) -> tuple[Field, ...]:
    return (
        Field(f"{name}[]", "object", _amount, _throttle),
        Field(f"{name}[].Path", "string", devices.device_path, "The engine looks at the path."),
        Field(f"{name}[].{value}", kind, _amount, _throttle),
    )


def ulimits(since: str = "1.24") -> tuple[Field, ...]:
    """
    Rows of C{Ulimits}, of containers and of services.
    """
    given = ("containers.ceilings.ulimits",)
    return (
        Field("Ulimits[]", "object", _amount, _throttle, since),
        Field("Ulimits[].Name", "string", weights.ulimit, _throttle, since),
        Field("Ulimits[].Soft", "int64", _amount, _throttle, since, given=given),
        Field("Ulimits[].Hard", "int64", _amount, _throttle, since, given=given),
    )


ROWS = (
    Field("CpuShares", "int64", _amount, _throttle),
    Field("Memory", "int64", _amount, _throttle, given=ceiling("memory")),
    Field(
        "CgroupParent",
        "string",
        weights.cgroup_parent,
        "Limits hang on the cgroup parent.",
        given=("containers.force.cgroup_parent", "containers.defaults.cgroup_parent"),
    ),
    Field("BlkioWeight", "uint16", _amount, _throttle),
    *_throttled("BlkioWeightDevice", "Weight", "uint16"),
    *_throttled("BlkioDeviceReadBps", "Rate", "uint64"),
    *_throttled("BlkioDeviceWriteBps", "Rate", "uint64"),
    *_throttled("BlkioDeviceReadIOps", "Rate", "uint64"),
    *_throttled("BlkioDeviceWriteIOps", "Rate", "uint64"),
    Field("CpuPeriod", "int64", _amount, _throttle, given=("containers.ceilings.cpus",)),
    Field("CpuQuota", "int64", _amount, _throttle, given=ceiling("cpus")),
    Field("CpuRealtimePeriod", "int64", _realtime, "Real-time tasks come before the host's."),
    Field("CpuRealtimeRuntime", "int64", _realtime, "Real-time tasks come before the host's."),
    Field("CpusetCpus", "string", _cpus, _throttle),
    Field("CpusetMems", "string", _cpus, _throttle),
    Field("Devices[]", "object", _devices, "A device can be the host's disk."),
    Field("Devices[].PathOnHost", "string", _device, "A device can be the host's disk."),
    Field("Devices[].PathInContainer", "string", _device, "A device can be the host's disk."),
    Field("Devices[].CgroupPermissions", "string", _device, "A device can be the host's disk."),
    Field(
        "DeviceCgroupRules",
        "array of string",
        weights.device_rules,
        "With mknod, a rule is as good as a device.",
        "1.28",
    ),
    Field("DeviceRequests[]", "object", _gpus, "Drivers may add mounts and hooks.", "1.40"),
    Field("DeviceRequests[].Driver", "string", _gpu, "See above.", "1.40"),
    Field("DeviceRequests[].Count", "int", _gpu, "See above.", "1.40"),
    Field("DeviceRequests[].DeviceIDs", "array of string", _gpu, "See above.", "1.40"),
    Field("DeviceRequests[].Capabilities[]", "array of string", _gpu, "See above.", "1.40"),
    Field("DeviceRequests[].Options", "map", _gpu, "See above.", "1.40"),
    Field("DeviceRequests[].Options{}", "string", _gpu, "See above.", "1.40"),
    Field("DiskQuota", "int64", _quota, "Engines never acted on it.", until="1.39"),
    Field("KernelMemory", "int64", _amount, _throttle, "1.36", "1.41"),
    Field("KernelMemoryTCP", "int64", _amount, _throttle, "1.40", "1.51"),
    Field("MemoryReservation", "int64", _amount, _throttle),
    Field("MemorySwap", "int64", _amount, _throttle, given=("containers.ceilings.memory",)),
    Field("MemorySwappiness", "int64", _amount, _throttle),
    Field("NanoCpus", "int64", _amount, _throttle, given=ceiling("cpus")),
    Field(
        "OomKillDisable",
        "boolean",
        weights.oom_kill,
        "When memory is short the container itself should go.",
    ),
    Field("PidsLimit", "int64", _amount, _throttle, given=ceiling("pids")),
    *ulimits(),
    Field("CpuCount", "int64", _amount, "Is for Windows containers."),
    Field("CpuPercent", "int64", _amount, "Is for Windows containers."),
    Field("IOMaximumIOps", "uint64", _amount, "Is for Windows containers."),
    Field("IOMaximumBandwidth", "uint64", _amount, "Is for Windows containers."),
)

_restart = rules.elsewhere(
    "container.restart",
    "any policy; on engines before API 1.45 none where something below an allowed directory is "
    "bound, and on newer ones none where a read-only one is inside what is bound for writing",
    "limit",
)

RESTART_ROWS = (
    Field("RestartPolicy", "object", _restart, "The engine restarts it where dss can't look on."),
    Field("RestartPolicy.Name", "string", _restart, "See above."),
    Field("RestartPolicy.MaximumRetryCount", "int", rules.allow("container.restart"), "See above."),
)
