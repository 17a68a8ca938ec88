"""
Values for the fields of a create body: what everybody may ask for, and what nobody gets.

A field that is not here is drawn by its type alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.bodies.yard import Yard

Values = Mapping[str, tuple[Any, ...]]

#: Keys of the entries of maps, by the map's path.
KEYS: Mapping[str, tuple[str, ...]] = {
    "ExposedPorts": ("80/tcp", "53/udp", "8000-8002"),
    "Volumes": ("/data", "/var/lib/x"),
    "Labels": ("a", "com.example.b", ""),
    "HostConfig.LogConfig.Config": ("max-size", "max-file"),
    "HostConfig.PortBindings": ("80/tcp", "53/udp"),
    "HostConfig.Tmpfs": ("/scratch", "/run"),
    "HostConfig.Sysctls": ("net.ipv4.ip_forward", "kernel.shmmax", "net.core.somaxconn"),
    "HostConfig.Mounts[].VolumeOptions.Labels": ("a",),
    "NetworkingConfig.EndpointsConfig": ("bridge", "own-net"),
}

#: Keys that nobody may use, by the map's path, each with a value that works.
HOSTILE_KEYS: Mapping[str, Mapping[str, Any]] = {
    "Labels": {"com.dss.owner": "victim", "com.dss.mounts": "x"},
    "HostConfig.LogConfig.Config": {"syslog-address": "tcp://10.0.0.1", "x": "y"},
    "HostConfig.Tmpfs": {"/proc/sys": "", "/sys/fs": "rw"},
    "HostConfig.Sysctls": {"kernel.hostname": "x", "vm.swappiness": "1", "net/../kernel": "1"},
    "HostConfig.StorageOpt": {"size": "1G"},
    "HostConfig.Annotations": {"org.systemd.property.X": "'y'"},
    "NetworkingConfig.EndpointsConfig": {"victims-net": {}, "host": {}},
    "HostConfig.Mounts[].VolumeOptions.Labels": {"com.dss.owner": "victim"},
    "Volumes": {"/proc/x": {}, "/sys": {}},
}


def fine(yard: Yard) -> Values:
    """
    What an ordinary client writes, by the field's path.
    """
    root = yard.scene.root
    return {
        "Image": ("busybox", "alpine:3.20", "docker.io/library/busybox:latest"),
        "Hostname": ("box",),
        "Domainname": ("example.org",),
        "User": ("1000", "build:build", "0"),
        "Env": (["A=b"], ["A=b", "PATH=/bin", "EMPTY="], []),
        "Cmd": (["true"], "true", ["sh", "-c", "echo \u00e9 '\"'"], []),
        "Entrypoint": (["sh"], "sh", [""]),
        "Healthcheck": (
            {"Test": ["CMD", "true"], "Interval": 10**9, "Timeout": 10**9, "Retries": 3},
            {"Test": ["NONE"]},
            {"Test": ["CMD-SHELL", "true"], "StartPeriod": 10**10},
        ),
        "WorkingDir": ("/srv", "/", "/a/b"),
        "ExposedPorts": ({"80/tcp": {}}, {}),
        "Volumes": ({"/data": {}}, {"/data": {}, "/other": {}}, {}),
        "Labels": ({"a": "b"}, {}, {"com.example.c": ""}),
        "StopSignal": ("SIGTERM", "KILL", "9"),
        "StopTimeout": (1, 0),
        "OnBuild": (["RUN true"], []),
        "Shell": (["sh", "-c"],),
        "HostConfig.Binds": (
            [f"{root}/sub:/x"],
            [f"{root}:/x:ro"],
            [f"{root}/sub:/x", "own-data:/y"],
            ["own-data:/y:ro"],
            ["new-data:/y"],
            [f"{root}//sub/.:/x:rw,rprivate"],
        ),
        "HostConfig.Mounts[]": (
            {"Type": "bind", "Source": f"{root}/sub", "Target": "/m"},
            {"Type": "bind", "Source": f"{root}", "Target": "/m", "ReadOnly": True},
            {"Type": "volume", "Source": "own-data", "Target": "/m"},
            {"Type": "volume", "Source": "new-data", "Target": "/m", "ReadOnly": True},
            {"Type": "volume", "Target": "/m", "VolumeOptions": {"NoCopy": True}},
            {"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"SizeBytes": 65536, "Mode": 448}},
        ),
        "HostConfig.VolumesFrom": (["own-box"], ["own-box:ro"], []),
        "HostConfig.LogConfig": (
            {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
            {"Type": "local", "Config": {}},
            {"Type": "json-file", "Config": {"env": "A", "labels": "a"}},
            {"Type": "none"},
            {"Type": "", "Config": {}},
        ),
        "HostConfig.LogConfig.Type": ("json-file", "local", "none"),
        "HostConfig.NetworkMode": ("bridge", "default", "none", "own-net", "container:own-box"),
        "HostConfig.PortBindings": (
            {"80/tcp": [{"HostPort": "18080"}]},
            {"80/tcp": [{}]},
            {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}], "53/udp": [{"HostPort": ""}]},
            {},
        ),
        "HostConfig.RestartPolicy": ({"Name": "no"}, {"Name": ""}, {}),
        "HostConfig.CapAdd": (["CHOWN"], ["cap_net_raw", "MKNOD"], "SETUID", []),
        "HostConfig.CapDrop": (["ALL"], ["NET_RAW"], "CHOWN", []),
        "HostConfig.Dns": (["10.0.0.1"], []),
        "HostConfig.DnsOptions": (["ndots:2"],),
        "HostConfig.DnsSearch": (["example.org"],),
        "HostConfig.ExtraHosts": (["db:10.0.0.2"], ["host.docker.internal:host-gateway"]),
        "HostConfig.GroupAdd": (["1000"], ["build"]),
        "HostConfig.IpcMode": ("private", "shareable", "none", "container:own-box"),
        "HostConfig.PidMode": ("", "container:own-box"),
        "HostConfig.Links": (["own-box:db"], ["own-box"]),
        "HostConfig.OomScoreAdj": (0, 500),
        "HostConfig.SecurityOpt": (["no-new-privileges"], ["no-new-privileges:true"], []),
        "HostConfig.Tmpfs": ({"/scratch": ""}, {"/scratch": "rw,noexec,size=65536k"}),
        "HostConfig.ShmSize": (67108864, 0, 134217728),
        "HostConfig.Sysctls": ({"net.ipv4.ip_forward": "1"}, {"kernel.shmmax": "65536"}, {}),
        "HostConfig.Ulimits[]": (
            {"Name": "nofile", "Soft": 512, "Hard": 1024},
            {"Name": "nproc", "Soft": 100, "Hard": 100},
        ),
        "HostConfig.Memory": (67108864, 0),
        "HostConfig.MemorySwap": (-1, 0),
        "HostConfig.NanoCpus": (500000000, 0),
        "HostConfig.CpuShares": (512, 0),
        "HostConfig.PidsLimit": (100, 0, -1),
        "HostConfig.CpusetCpus": ("0", ""),
        "HostConfig.CgroupnsMode": ("private",),
        "HostConfig.AutoRemove": (True, False),
        "HostConfig.Init": (True, False),
        "HostConfig.ReadonlyRootfs": (True, False),
        "HostConfig.PublishAllPorts": (True, False),
        "HostConfig.Privileged": (False,),
        "HostConfig.Devices[]": (),
        "NetworkingConfig.EndpointsConfig": (
            {"bridge": {}},
            {"own-net": {"Aliases": ["db"]}},
            {},
        ),
    }


def hostile(yard: Yard) -> Values:
    """
    What leads to the host or to the victim, by the field's path.
    """
    scene = yard.scene
    outside = str(scene.outside)
    options = {"type": "none", "o": "bind", "device": outside}
    return {
        "Image": ("victims/image",),
        "WorkingDir": ("/proc/self/fd/7", "//proc/1/root"),
        "Volumes": ({"/proc/x": {}}, {"/data": {}, "/sys": {}}),
        "Healthcheck": ({"Test": ["CMD", "true"], "Interval": 1000000},),
        "HostConfig.Binds": (
            [f"{outside}:/x"],
            [f"{scene.root}/link:/x:ro"],
            [f"{scene.root}/../allowed-evil:/x"],
            ["/:/x"],
            ["victims-data:/x"],
            ["prepared:/x"],
            [f"{scene.root}/sub:/proc/x"],
            [f"{scene.root}/sub:/x:rshared"],
        ),
        "HostConfig.Mounts[]": (
            {"Type": "bind", "Source": outside, "Target": "/m"},
            {"Type": "bind", "Source": f"{scene.root}/link", "Target": "/m"},
            {
                "Type": "bind",
                "Source": f"{scene.root}/sub",
                "Target": "/m",
                "BindOptions": {"Propagation": "rslave"},
            },
            {"Type": "volume", "Source": "victims-data", "Target": "/m"},
            {"Type": "volume", "Source": "prepared", "Target": "/m"},
            {
                "Type": "volume",
                "Target": "/m",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": options}},
            },
            {
                "Type": "volume",
                "Target": "/m",
                "VolumeOptions": {
                    "DriverConfig": {
                        "Name": "local",
                        "Options": {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/"},
                    }
                },
            },
            {"Type": "image", "Source": "victims/image", "Target": "/m"},
            {"Type": "volume", "Target": "/sys/m"},
            {"Type": "tmpfs", "Target": "/proc/m"},
        ),
        "HostConfig.VolumesFrom": (["victim"], ["victim:ro"]),
        "HostConfig.LogConfig": (
            {"Type": "syslog", "Config": {"syslog-address": "tcp://10.0.0.1"}},
        ),
        "HostConfig.LogConfig.Type": ("journald", "syslog"),
        "HostConfig.NetworkMode": ("host", "victims-net", "container:victim"),
        "HostConfig.PortBindings": (
            {"80/tcp": [{"HostPort": "81"}]},
            {"80/tcp": [{"HostPort": "1000-1100"}]},
        ),
        "HostConfig.CapAdd": (["ALL"], ["SYS_ADMIN"], "net_admin", ["CHOWN", "cap_bpf"]),
        "HostConfig.IpcMode": ("host", "container:victim"),
        "HostConfig.PidMode": ("host", "container:victim"),
        "HostConfig.UTSMode": ("host",),
        "HostConfig.UsernsMode": ("host",),
        "HostConfig.CgroupnsMode": ("host",),
        "HostConfig.Cgroup": ("container:victim",),
        "HostConfig.CgroupParent": ("/evil", "../x"),
        "HostConfig.Privileged": (True,),
        "HostConfig.Links": (["victim:db"], ["victim"]),
        "HostConfig.OomScoreAdj": (-1, -1000),
        "HostConfig.OomKillDisable": (True,),
        "HostConfig.SecurityOpt": (
            ["seccomp=unconfined"],
            ["apparmor=unconfined"],
            ["label=disable"],
            ["no-new-privileges", "label:user:x"],
        ),
        "HostConfig.MaskedPaths": ([], ["/proc/none"]),
        "HostConfig.ReadonlyPaths": ([], ["/proc/none"]),
        "HostConfig.Tmpfs": (
            {"/scratch": "bind"},
            {"/scratch": "rw,shared"},
            {"/proc/x": ""},
            {"//sys/x/": "rw"},
        ),
        "HostConfig.Sysctls": ({"kernel.hostname": "x"}, {"kernel.msgmax": "1", "vm.x": "1"}),
        "HostConfig.Ulimits[]": ({"Name": "rtprio", "Soft": 99, "Hard": 99},),
        "HostConfig.Devices[]": (
            {"PathOnHost": "/dev/kmsg", "PathInContainer": "/k", "CgroupPermissions": "rwm"},
        ),
        "HostConfig.DeviceCgroupRules": (["c *:* rwm"],),
        "HostConfig.DeviceRequests[]": ({"Driver": "", "Count": -1, "Capabilities": [["gpu"]]},),
        "HostConfig.StorageOpt": ({"size": "1G"},),
        "HostConfig.Runtime": ("io.containerd.runc.v2",),
        "HostConfig.Annotations": ({"org.systemd.property.X": "'y'"},),
        "HostConfig.CpuRealtimeRuntime": (1000,),
        "HostConfig.BlkioDeviceReadBps[]": ({"Path": "/proc/1/root", "Rate": 1},),
        "NetworkingConfig.EndpointsConfig": (
            {"victims-net": {}},
            {"host": {}},
            {"own-net": {"NetworkID": scene.network}},
            {"bridge": {"DriverOpts": {"com.docker.network.endpoint.sysctls": "x"}}},
            {"own-net": {"Links": ["victim:db"]}},
        ),
    }


_TEXTS = ("", "x", "/", "a b", "\u00e9", "host", "0", "-1", "..", "a:b:c")
_NUMBERS = (0, 1, -1, 100, 2**31, 2**63 - 1, -(2**63))
_NATURAL = (0, 1, 100, 65535)

#: Values by the type of a field.
TYPED: Mapping[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "string": _TEXTS,
    "int": _NUMBERS,
    "int64": _NUMBERS,
    "uint16": (*_NATURAL, 65536),
    "uint32": (*_NATURAL, 2**32),
    "uint64": (*_NATURAL, 2**64 - 1, -1),
    "array of string": ([], *([each] for each in _TEXTS), ["x", "x"]),
    "words": ([], "", "x", ["x", ""]),
    "pair of uint": ([0, 0], [24, 80], [1], [1, 2, 3], []),
    "object": ({},),
    "map": ({},),
    "nothing": ({},),
}

#: Values of no field's type, or of few.
WRONG: tuple[Any, ...] = (5, "x", True, [], {}, [5], [[]], {"x": 5}, 1.5, 1e2, None)

#: Other spellings of a key that Go takes for the same one.
SPELLINGS: tuple[Callable[[str], str], ...] = (
    str.lower,
    str.upper,
    str.swapcase,
    lambda name: name.replace("s", "\u017f").replace("k", "\u212a"),
    lambda name: name.replace("S", "\u017f").replace("K", "\u212a"),
)
