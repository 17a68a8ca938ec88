"""
Containers as the API shows them, in the shapes of API 1.51.
"""

from __future__ import annotations

import shlex
from typing import Any

from dss.testing.engine.networks import endpoint_shown
from dss.testing.engine.state import Container, State
from dss.testing.engine.times import NEVER, ago, stamp

#: What C{HostConfig} holds where a client says nothing.
HOST_CONFIG: dict[str, Any] = {
    "Binds": None,
    "ContainerIDFile": "",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "NetworkMode": "bridge",
    "PortBindings": None,
    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    "AutoRemove": False,
    "VolumeDriver": "",
    "VolumesFrom": None,
    "ConsoleSize": [0, 0],
    "CapAdd": None,
    "CapDrop": None,
    "CgroupnsMode": "private",
    "Dns": None,
    "DnsOptions": None,
    "DnsSearch": None,
    "ExtraHosts": None,
    "GroupAdd": None,
    "IpcMode": "private",
    "Cgroup": "",
    "Links": None,
    "OomScoreAdj": 0,
    "PidMode": "",
    "Privileged": False,
    "PublishAllPorts": False,
    "ReadonlyRootfs": False,
    "SecurityOpt": None,
    "UTSMode": "",
    "UsernsMode": "",
    "ShmSize": 67108864,
    "Runtime": "runc",
    "Isolation": "",
    "CpuShares": 0,
    "Memory": 0,
    "NanoCpus": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "BlkioWeightDevice": None,
    "BlkioDeviceReadBps": None,
    "BlkioDeviceWriteBps": None,
    "BlkioDeviceReadIOps": None,
    "BlkioDeviceWriteIOps": None,
    "CpuPeriod": 0,
    "CpuQuota": 0,
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "CpusetCpus": "",
    "CpusetMems": "",
    "Devices": None,
    "DeviceCgroupRules": None,
    "DeviceRequests": None,
    "MemoryReservation": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "OomKillDisable": None,
    "PidsLimit": None,
    "Ulimits": None,
    "CpuCount": 0,
    "CpuPercent": 0,
    "IOMaximumIOps": 0,
    "IOMaximumBandwidth": 0,
    "MaskedPaths": [
        "/proc/asound",
        "/proc/acpi",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ],
    "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
}

#: Fields that C{HostConfig} shows only where a client gives them.
OPTIONAL_HOST_CONFIG = ("Mounts", "Tmpfs", "Sysctls", "StorageOpt", "Annotations", "Init")

#: What C{Config} holds where neither client nor image says anything.
CONFIG: dict[str, Any] = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Env": None,
    "Cmd": None,
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "OnBuild": None,
    "Labels": None,
}

#: Fields that C{Config} shows only where a client or the image gives them.
OPTIONAL_CONFIG = (
    "ExposedPorts",
    "StopSignal",
    "StopTimeout",
    "Healthcheck",
    "MacAddress",
    "Shell",
    "NetworkDisabled",
)


def inspected(state: State, container: Container) -> dict[str, Any]:
    """
    C{GET /containers/{id}/json}.
    """
    command = container.command
    ran = container.started is not None
    directory = f"/var/lib/docker/containers/{container.id}"
    networks = {
        name: endpoint_shown(state, endpoint) for name, endpoint in container.networks.items()
    }
    bridge = networks.get("bridge") or {}
    return {
        "Id": container.id,
        "Created": stamp(container.created),
        "Path": command[0],
        "Args": command[1:],
        "State": {
            "Status": container.status,
            "Running": container.running,
            "Paused": container.status == "paused",
            "Restarting": False,
            "OOMKilled": False,
            "Dead": False,
            "Pid": container.pid,
            "ExitCode": container.exit_code,
            "Error": container.error,
            "StartedAt": NEVER if container.started is None else stamp(container.started),
            "FinishedAt": NEVER if container.finished is None else stamp(container.finished),
        },
        "Image": container.image.id,
        "ResolvConfPath": f"{directory}/resolv.conf" if ran else "",
        "HostnamePath": f"{directory}/hostname" if ran else "",
        "HostsPath": f"{directory}/hosts" if ran else "",
        "LogPath": f"{directory}/{container.id}-json.log" if ran else "",
        "Name": f"/{container.name}",
        "RestartCount": container.restarts,
        "Driver": "memory",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": [each.id for each in container.execs if each.running] or None,
        "HostConfig": container.host_config,
        "GraphDriver": {"Data": None, "Name": "memory"},
        "Mounts": container.mounts,
        "Config": container.config,
        "NetworkSettings": {
            "Bridge": "",
            "SandboxID": container.id if container.running else "",
            "SandboxKey": "",
            "Ports": published(container) if container.running else {},
            "HairpinMode": False,
            "LinkLocalIPv6Address": "",
            "LinkLocalIPv6PrefixLen": 0,
            "SecondaryIPAddresses": None,
            "SecondaryIPv6Addresses": None,
            "EndpointID": bridge.get("EndpointID", ""),
            "Gateway": bridge.get("Gateway", ""),
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "IPAddress": bridge.get("IPAddress", ""),
            "IPPrefixLen": bridge.get("IPPrefixLen", 0),
            "IPv6Gateway": "",
            "MacAddress": bridge.get("MacAddress", ""),
            "Networks": networks,
        },
    }


def published(container: Container) -> dict[str, list[dict[str, str]] | None]:
    """
    A container's ports and where they would be reached.
    """
    bindings = container.host_config.get("PortBindings") or {}
    ports = {*bindings, *(container.config.get("ExposedPorts") or {})}
    return {
        port: [
            {"HostIp": each.get("HostIp") or "0.0.0.0", "HostPort": each.get("HostPort") or "0"}
            for each in bindings.get(port) or ()
        ]
        or None
        for port in sorted(ports)
    }


def status_text(state: State, container: Container) -> str:
    """
    The words of C{docker ps} for a container's state.
    """
    if container.running and container.started is not None:
        up = f"Up {ago(state.now - container.started)}"
        return f"{up} (Paused)" if container.status == "paused" else up
    if container.finished is not None:
        return f"Exited ({container.exit_code}) {ago(state.now - container.finished)} ago"
    return container.status.capitalize()


def listed(state: State, container: Container, with_size: bool) -> dict[str, Any]:
    """
    An entry of C{GET /containers/json}.
    """
    written = container.config["Image"]
    current = state.image_or_none(written)
    entry = {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": written if current is container.image else container.image.id,
        "ImageID": container.image.id,
        "Command": shlex.join(container.command),
        "Created": int(container.created),
        "Ports": _port_list(container) if container.running else [],
        "Labels": container.labels,
        "State": container.status,
        "Status": status_text(state, container),
        "HostConfig": {"NetworkMode": container.host_config["NetworkMode"]},
        "NetworkSettings": {
            "Networks": {
                name: endpoint_shown(state, endpoint)
                for name, endpoint in container.networks.items()
            }
        },
        "Mounts": container.mounts,
    }
    if with_size:
        entry |= {"SizeRw": 0, "SizeRootFs": 0}
    return entry


def _port_list(container: Container) -> list[dict[str, Any]]:
    entries = []
    for port, bindings in published(container).items():
        number, _, protocol = port.partition("/")
        entry = {"PrivatePort": int(number), "Type": protocol or "tcp"}
        if bindings is None:
            entries.append(entry)
        for each in bindings or ():
            entries.append({"IP": each["HostIp"], **entry, "PublicPort": int(each["HostPort"])})
    return entries


def sampled(container: Container, now: float) -> dict[str, Any]:
    """
    A sample of C{GET /containers/{id}/stats}: made up, the same each time.
    """
    running = container.running
    usage = {"total_usage": 1_000_000 if running else 0, "usage_in_kernelmode": 0}
    usage["usage_in_usermode"] = usage["total_usage"]
    cpu: dict[str, Any] = {
        "cpu_usage": usage,
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }
    if running:
        cpu |= {"system_cpu_usage": 1_000_000_000, "online_cpus": 1}
    sample: dict[str, Any] = {
        "name": f"/{container.name}",
        "id": container.id,
        "read": stamp(now) if running else NEVER,
        "preread": stamp(now - 1) if running else NEVER,
        "pids_stats": {"current": 1} if running else {},
        "blkio_stats": {
            f"{name}_recursive": None
            for name in (
                "io_service_bytes",
                "io_serviced",
                "io_queue",
                "io_service_time",
                "io_wait_time",
                "io_merged",
                "io_time",
                "sectors",
            )
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": cpu,
        "precpu_stats": cpu,
        "memory_stats": {"usage": 65536, "stats": {}, "limit": 1 << 30} if running else {},
    }
    return sample
