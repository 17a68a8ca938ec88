"""
Container create: what is denied, its allowed twin, and what goes on to the engine.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dss.errors import BadRequest, Denied, NotFound, Problem
from dss.model import gojson
from dss.model.facts import (
    ClientContainer,
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    EngineDefaults,
    EngineUsual,
    HooksOnCreate,
    HostPath,
    ImageFacts,
    ImageNamed,
    MakeVolume,
    NetworkFacts,
    NetworkNamed,
    PathFacts,
    VolumeFacts,
    VolumeNamed,
)
from dss.model.ruling import Forward, Stream
from dss.policy import create
from dss.policy.fields.tables import CREATE
from dss.policy.mounts.volumes import name_of
from dss.testing.judging import circumstances, drive, request

OWN = "1" * 64
OWN_IMAGE = "sha256:" + "2" * 64
SHARED_IMAGE = "sha256:" + "3" * 64
OWN_NETWORK = "4" * 64
BRIDGE = "5" * 64
FOREIGN = "6" * 64

CONTAINERS = {"mine": OWN, OWN: OWN, OWN[:12]: OWN}
IMAGES = {
    "mine": ImageFacts(OWN_IMAGE, "ci"),
    "busybox": ImageFacts(SHARED_IMAGE, None, is_named=True),
    "step": ImageFacts("sha256:" + "8" * 64, None),
    "ownstep": ImageFacts(OWN_IMAGE, "ci"),
    "theirs": ImageFacts("sha256:" + FOREIGN, "other", is_named=True),
}
NETWORKS = {
    "own": NetworkFacts(OWN_NETWORK, "own", "ci"),
    OWN_NETWORK: NetworkFacts(OWN_NETWORK, "own", "ci"),
    "theirs": NetworkFacts(FOREIGN, "theirs", "other"),
    "nobodys": NetworkFacts(FOREIGN, "nobodys", None),
    BRIDGE: NetworkFacts(BRIDGE, "bridge", None),
    "7" * 64: NetworkFacts("7" * 64, "host", None),
}
VOLUMES = {
    "own": VolumeFacts("own", "ci", "local"),
    "theirs": VolumeFacts("theirs", "other", "local"),
    "nobodys": VolumeFacts("nobodys", None, "local"),
    "optioned": VolumeFacts("optioned", "ci", "local", {"type": "none", "o": "bind"}),
    "driven": VolumeFacts("driven", "ci", "nfs"),
}
PATHS = {
    "/srv/ci": PathFacts("/srv/ci", True),
    "/srv/ci/src": PathFacts("/srv/ci/src", True),
    "/srv/ci/link": PathFacts("/etc", True),
    "/srv/ro": PathFacts("/srv/ro", True),
}


def no_hooks(question: HooksOnCreate) -> object:
    return question.body


ANSWERS: dict[type[Any], Callable[[Any], Any]] = {
    ContainerNamed: lambda q: (
        ContainerFacts(CONTAINERS[q.reference], "ci") if q.reference in CONTAINERS else None
    ),
    ContainerJson: lambda q: {
        "Mounts": [
            {"Type": "volume", "Name": "v", "Destination": "/taken", "RW": True},
            {"Type": "bind", "Source": "/srv/ci/src", "Destination": "/src", "RW": True},
        ]
    },
    ImageNamed: lambda q: IMAGES.get(q.reference),
    NetworkNamed: lambda q: NETWORKS.get(q.reference),
    VolumeNamed: lambda q: VOLUMES.get(q.name),
    HostPath: lambda q: PATHS.get(q.path, PathFacts(None)),
    ClientContainer: lambda q: None,
    MakeVolume: lambda q: VolumeFacts(q.name, q.labels["com.dss.owner"], "local"),
    HooksOnCreate: no_hooks,
    EngineUsual: lambda q: EngineDefaults("runc", ("name=seccomp,profile=builtin",)),
}

AROUND = circumstances("ci", ("/srv/ci", "/srv/ro:ro"))


def judged(body: object, answers: Any = None, query: dict[str, str] | None = None) -> Forward:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    ruling = drive(
        create.judge(request("ContainerCreate", query=query, body=raw), AROUND),
        {**ANSWERS, **(answers or {})},
    )
    assert isinstance(ruling, Forward)
    return ruling


def sent(body: object, answers: Any = None) -> Any:
    forwarded = judged(body, answers)
    assert forwarded.body is not None
    return json.loads(forwarded.body)


def host(**fields: object) -> dict[str, object]:
    return {"Image": "busybox", "HostConfig": fields}


def config(**fields: object) -> dict[str, object]:
    return {"Image": "busybox", **fields}


def endpoint(key: str, **fields: object) -> dict[str, object]:
    return config(NetworkingConfig={"EndpointsConfig": {key: fields}})


#: One port more than may be published.
_MANY = tuple(f"{each}/tcp" for each in range(1, 102))

#: Rule, what is denied, and its allowed twin.
TWINS: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("container.privileged", host(Privileged=True), host(Privileged=False)),
    ("container.working_dir", config(WorkingDir="/proc/self/fd/8"), config(WorkingDir="/process")),
    ("container.working_dir", config(WorkingDir="/x/..//proc"), config(WorkingDir="/x/proc")),
    ("container.working_dir", config(WorkingDir="//proc/1/cwd"), config(WorkingDir="//srv")),
    (
        "container.healthcheck",
        config(Healthcheck={"Interval": 99_999_999}),
        config(Healthcheck={"Interval": 100_000_000, "Test": ["NONE"], "Retries": 1}),
    ),
    (
        "container.healthcheck",
        config(Healthcheck={"StartInterval": 1_000_000}),
        config(Healthcheck={"StartInterval": 0, "StartPeriod": 5}),
    ),
    ("container.healthcheck", config(Healthcheck={"Interval": -1}), config(Healthcheck={})),
    ("label.reserved", config(Labels={"com.dss.owner": "x"}), config(Labels={"com.dssx": "x"})),
    ("label.reserved", config(Labels={"COM.DSS.foo": ""}), config(Labels={"com.ds": ""})),
    ("label.reserved", config(Labels={"com.d\u017fs.owner": "x"}), config(Labels={"a": None})),
    ("container.capabilities", host(CapAdd=["SYS_ADMIN"]), host(CapAdd=["CHOWN", "cap_net_raw"])),
    ("container.capabilities", host(CapAdd=["ALL"]), host(CapAdd=["Cap_Kill"], CapDrop=["ALL"])),
    ("container.capabilities", host(CapAdd=["cap_cap_chown"]), host(CapAdd=[])),
    ("container.capabilities", host(CapAdd=["\u017fetuid"]), host(CapAdd=["setuid"])),
    ("container.capabilities", host(Capabilities=["CAP_CHOWN"]), host(Capabilities=None)),
    ("container.devices", host(Devices=[{"PathOnHost": "/dev/sda"}]), host(Devices=[])),
    ("container.devices", host(Devices=[{}]), host(Devices=None)),
    ("container.device_requests", host(DeviceRequests=[{"Count": -1}]), host(DeviceRequests=[])),
    ("container.device_requests", host(DeviceRequests=[{}]), host(DeviceRequests=None)),
    ("container.device_rules", host(DeviceCgroupRules=["b *:* rwm"]), host(DeviceCgroupRules=[])),
    ("container.cgroup_parent", host(CgroupParent="/x"), host(CgroupParent="")),
    ("container.cgroup", host(Cgroup="container:mine"), host(Cgroup="")),
    ("container.cgroupns", host(CgroupnsMode="host"), host(CgroupnsMode="private")),
    ("container.realtime", host(CpuRealtimeRuntime=1), host(CpuQuota=1, CpuPeriod=2)),
    ("container.realtime", host(CpuRealtimePeriod=1), host(CpuRealtimePeriod=0)),
    ("container.resources", host(CpusetCpus="0;1"), host(CpusetCpus="0-1,3", CpusetMems="0")),
    ("container.disk_quota", host(DiskQuota=1), host(DiskQuota=0)),
    ("container.oom", host(OomKillDisable=True), host(OomKillDisable=False)),
    ("container.oom", host(OomScoreAdj=-1), host(OomScoreAdj=500)),
    (
        "container.blkio",
        host(BlkioDeviceReadBps=[{"Path": "/etc/passwd", "Rate": 1}]),
        host(BlkioDeviceReadBps=[{"Path": "/dev/sda", "Rate": 2**63}]),
    ),
    (
        "container.blkio",
        host(BlkioWeightDevice=[{"Path": "/dev/../etc/shadow", "Weight": 1}]),
        host(BlkioWeightDevice=[{"Path": "/dev/mapper/x.y", "Weight": 1}], BlkioWeight=10),
    ),
    ("container.security_opt", host(SecurityOpt=["seccomp=unconfined"]), host(SecurityOpt=[])),
    (
        "container.security_opt",
        host(SecurityOpt=["no-new-privileges", "apparmor=unconfined"]),
        host(SecurityOpt=["no-new-privileges", "no-new-privileges:true"]),
    ),
    (
        "container.security_opt",
        host(SecurityOpt=["no-new-privileges=false", "label=disable"]),
        host(SecurityOpt=["no-new-privileges=false", "seccomp=builtin", "apparmor=docker-default"]),
    ),
    ("container.security_opt", host(SecurityOpt=["label=disable"]), host(SecurityOpt=None)),
    ("container.masked_paths", host(MaskedPaths=[]), host(MaskedPaths=None)),
    ("container.masked_paths", host(MaskedPaths=["/x"]), host()),
    ("container.readonly_paths", host(ReadonlyPaths=[]), host(ReadonlyPaths=None)),
    ("container.sysctls", host(Sysctls={"kernel.core_pattern": "|x"}), host(Sysctls={})),
    ("container.sysctls", host(Sysctls={"kernel.panic": ""}), host(Sysctls={"kernel.sem": "1"})),
    (
        "container.sysctls",
        host(Sysctls={"net/../kernel/panic": "1"}),
        host(Sysctls={"net.core.somaxconn": "1", "fs.mqueue.msg_max": "5"}),
    ),
    ("container.sysctls", host(Sysctls={"net.": "1"}), host(Sysctls={"net.ipv4.ip_forward": "0"})),
    ("container.runtime", host(Runtime="kata"), host(Runtime="runc")),
    ("container.isolation", host(Isolation="hyperv"), host(Isolation="default")),
    ("container.annotations", host(Annotations={"a": "b"}), host(Annotations={})),
    ("container.annotations", host(Annotations={"a": ""}), host(Annotations=None)),
    ("container.storage_opt", host(StorageOpt={"size": "1G"}), host(StorageOpt={})),
    ("container.uts", host(UTSMode="host"), host(UTSMode="")),
    ("container.userns", host(UsernsMode="host"), host(UsernsMode="")),
    ("container.pid", host(PidMode="host"), host(PidMode="container:mine")),
    ("container.pid", host(PidMode="private"), host(PidMode="")),
    ("container.ipc", host(IpcMode="host"), host(IpcMode="private")),
    ("container.ipc", host(IpcMode="Host"), host(IpcMode="shareable")),
    ("container.ipc", host(IpcMode="ns:/proc/1"), host(IpcMode="container:" + OWN[:12])),
    ("container.network", host(NetworkMode="host"), host(NetworkMode="bridge")),
    ("container.network", endpoint("host"), endpoint("bridge")),
    ("container.network", endpoint("host", Aliases=["a"]), endpoint("default", Aliases=["a"])),
    (
        "container.endpoint_options",
        endpoint("own", DriverOpts={"com.docker.network.endpoint.sysctls": "x"}),
        endpoint("own", DriverOpts={}, Aliases=["a"], IPAMConfig={"IPv4Address": "10.0.0.1"}),
    ),
    ("container.healthcheck", config(Healthcheck={"Test": ["CMD"]}), config(Healthcheck={})),
    (
        "container.healthcheck",
        config(Healthcheck={"Test": ["CMD-SHELL", ""]}),
        config(Healthcheck={"Test": ["CMD-SHELL", "true"]}),
    ),
    (
        "container.healthcheck",
        config(Healthcheck={"Test": ["CMD", "", "x"]}),
        config(Healthcheck={"Test": ["CMD", "true", ""]}),
    ),
    (
        "container.healthcheck",
        config(Healthcheck={"test": ["CMD"]}),
        config(Healthcheck={"Test": ["NONE"]}),
    ),
    ("container.log_driver", host(LogConfig={"Type": "syslog"}), host(LogConfig={"Type": "none"})),
    (
        "container.log_options",
        host(LogConfig={"Type": "json-file", "Config": {"syslog-address": "x"}}),
        host(LogConfig={"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}),
    ),
    (
        "container.log_options",
        host(LogConfig={"Config": {"gelf-address": ""}}),
        host(LogConfig={"Type": ""}),
    ),
    (
        "container.ports",
        host(PortBindings={"80/tcp": [{"HostPort": "80"}]}),
        host(PortBindings={"80/tcp": [{"HostPort": "8080", "HostIp": "127.0.0.1"}]}),
    ),
    (
        "container.ports",
        host(PortBindings={"80/tcp": [{}, {"HostPort": "01023"}]}),
        host(PortBindings={"80/tcp": [{"HostPort": "0"}, {"HostPort": ""}], "81/udp": None}),
    ),
    (
        "container.ports",
        host(PortBindings={"80/tcp": [{"HostPort": "0-2000"}]}),
        host(PortBindings={"80/tcp": [{"HostPort": "2000-2010"}]}, PublishAllPorts=True),
    ),
    ("container.ports", host(PortBindings={"1": [{"HostPort": "+80"}]}), host(PortBindings={})),
    (
        "container.ports.address",
        host(PortBindings={"80/tcp": [{"HostIp": "localhost"}]}),
        host(PortBindings={"80/tcp": [{"HostIp": "::"}, {"HostIp": "[::1]"}]}),
    ),
    ("container.shm", host(ShmSize=-1), host(ShmSize=1 << 30)),
    ("container.tmpfs", host(Tmpfs={"/t": "bind"}), host(Tmpfs={"/t": "rw,exec,size=65536k"})),
    ("container.tmpfs", host(Tmpfs={"/t": "size=1,remount"}), host(Tmpfs={"/t": ""})),
    ("container.tmpfs", host(Tmpfs={"/t": "shared"}), host(Tmpfs={"/t": "mode=1777,uid=5,"})),
    ("container.tmpfs", host(Tmpfs={"/proc/x": ""}), host(Tmpfs={"/process": ""})),
    ("volume.driver", host(VolumeDriver="nfs"), host(VolumeDriver="local")),
    (
        "container.restart",
        host(VolumesFrom=["mine"], RestartPolicy={"Name": "on-failure"}),
        host(VolumesFrom=["mine"], RestartPolicy={"Name": "no"}),
    ),
]


def problems_of(body: object) -> tuple[Problem, ...]:
    with pytest.raises(Denied) as caught:
        judged(body)
    return caught.value.problems


@pytest.mark.parametrize(("rule", "body", "twin"), TWINS)
def test_denied_and_its_allowed_twin(
    rule: str, body: dict[str, object], twin: dict[str, object]
) -> None:
    assert [each.rule for each in problems_of(body)] == [rule]
    assert sent(twin)


@pytest.mark.parametrize("field", ["HostConfig", "hostconfig", "HOSTCONFIG", "Ho\u017ftConfig"])
@pytest.mark.parametrize("inner", ["Privileged", "privileged", "PRIVILEGED"])
def test_a_field_in_any_case_is_the_field(field: str, inner: str) -> None:
    assert problems_of({"Image": "busybox", field: {inner: True}})[0].rule == "container.privileged"
    assert sent({"Image": "busybox", field: {inner: False}})["HostConfig"] == {"Privileged": False}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"Image":"busybox","image":"theirs"}',
        b'{"Image":"busybox","HostConfig":{"Privileged":true},"HostConfig":{}}',
        b'{"Image":"busybox","HostConfig":{"Privileged":true,"privileged":null}}',
        b'{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"bind"}],"mounts":[{}]}}',
        b'{"Image":"busybox","Labels":{"a":"1","a":"2"}}',
    ],
)
def test_a_field_that_stands_twice_is_no_request(raw: bytes) -> None:
    with pytest.raises(BadRequest, match="stands twice"):
        judged(raw)


def test_all_problems_are_told_at_once() -> None:
    body = {
        "Image": "theirs",
        "Labels": {"com.dss.owner": "other"},
        "HostConfig": {"Privileged": True, "Binds": ["/etc:/x"], "NetworkMode": "host"},
    }
    with pytest.raises(Denied) as caught:
        judged(body, query={"name": "a" * 12})
    assert {(each.rule, each.field) for each in caught.value.problems} == {
        ("container.name-like-id", "name"),
        ("label.reserved", "Labels['com.dss.owner']"),
        ("container.privileged", "HostConfig.Privileged"),
        ("container.network", "HostConfig.NetworkMode"),
        ("mount.source", "HostConfig.Binds[0]"),
    }
    for told in ("privileged container is root", "[rule mount.source]", "/srv/ci, /srv/ro:ro"):
        assert told in caught.value.message


def test_the_body_that_goes_on() -> None:
    forwarded = judged(
        {
            "image": "busybox",
            "Cmd": "true",
            "Labels": {"a": "b"},
            "Env": None,
            "Foo": 0,
            "HostConfig": {
                "NetworkMode": "own",
                "IpcMode": "container:mine",
                "PidMode": "container:" + OWN[:12],
                "Links": ["mine", "mine:db", "/mine:/me/x"],
                "VolumesFrom": ["mine:ro"],
                "Binds": ["/srv/ci/src:/src:ro", "cache:/cache:nocopy"],
                "Mounts": [{"Type": "tmpfs", "Target": "/t"}],
            },
            "NetworkingConfig": {
                "EndpointsConfig": {
                    "own": {"NetworkID": FOREIGN, "Gateway": "1.2.3.4", "Links": ["mine:x"]},
                    "bridge": None,
                }
            },
        },
        query={"name": "/web", "platform": "linux/amd64"},
    )
    assert forwarded.query == (("name", "web"), ("platform", "linux/amd64"))
    assert "Labels: stamped" in forwarded.rewrites
    found = json.loads(forwarded.body or b"")
    remembered = json.loads(found["Labels"].pop("com.dss.mounts"))
    assert remembered["Host"] == {
        "Binds": ["/srv/ci/src:/src:ro", "cache:/cache:nocopy"],
        "Mounts": [{"Type": "tmpfs", "Target": "/t"}],
        "VolumesFrom": ["mine:ro"],
    }
    labels = {"com.dss.owner": "ci", "com.dss.image": "busybox"}
    options = {"type": "none", "o": "rbind,rprivate", "device": "/srv/ci"}
    assert found == {
        "Image": SHARED_IMAGE,
        "Cmd": ["true"],
        "Labels": {"a": "b", **labels},
        "HostConfig": {
            "NetworkMode": OWN_NETWORK,
            "IpcMode": f"container:{OWN}",
            "PidMode": f"container:{OWN}",
            "Links": [f"{OWN}:mine", f"{OWN}:db", f"{OWN}:x"],
            "VolumesFrom": [f"{OWN}:ro"],
            "Mounts": [
                {
                    "Type": "volume",
                    "Source": name_of("ci", options),
                    "Target": "/src",
                    "ReadOnly": True,
                    "VolumeOptions": {
                        "NoCopy": True,
                        "Subpath": "src",
                        "Labels": {"com.dss.owner": "ci", "com.dss.root": "/srv/ci"},
                        "DriverConfig": {"Name": "local", "Options": options},
                    },
                },
                {
                    "Type": "volume",
                    "Source": "cache",
                    "Target": "/cache",
                    "VolumeOptions": {"NoCopy": True, "Labels": {"com.dss.owner": "ci"}},
                },
                {"Type": "tmpfs", "Target": "/t"},
            ],
        },
        "NetworkingConfig": {
            "EndpointsConfig": {OWN_NETWORK: {"Links": [f"{OWN[:12]}:x"]}, "bridge": {}}
        },
    }


def test_the_owner_is_told_also_where_nothing_is_asked_for() -> None:
    """
    Labels that are left out would be inherited from the image.
    """
    assert sent({"Image": "mine"})["Labels"] == {
        "com.dss.owner": "ci",
        "com.dss.image": "mine",
        "com.dss.mounts": "",
    }
    assert sent({"Image": "mine"})["Image"] == OWN_IMAGE


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("nope", "No such image: nope:latest"),
        ("theirs", "No such image: theirs:latest"),
        ("step", "No such image: step:latest"),
        ("nope:1", "No such image: nope:1"),
        ("reg.example:5000/a/b", "No such image: reg.example:5000/a/b:latest"),
        ("docker.io/library/nope", "No such image: nope:latest"),
        ("index.docker.io/a/b:c", "No such image: a/b:c"),
        ("nope@sha256:" + "a" * 64, "No such image: nope@sha256:" + "a" * 64),
        ("sha256:" + "a" * 64, "No such image: sha256:" + "a" * 64),
        ("a" * 64, "No such image: sha256:" + "a" * 64),
        ("a" * 12, "No such image: aaaaaaaaaaaa:latest"),
    ],
)
def test_a_missing_image_is_told_in_the_engines_words(reference: str, told: str) -> None:
    with pytest.raises(NotFound) as caught:
        judged({"Image": reference})
    assert caught.value.message == told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"null", "config cannot be empty"),
        (b"[]", "cannot unmarshal array"),
        (b"{}", "no image specified"),
        (b'{"Image":"Foo Bar"}', "invalid reference format"),
        (b'{"Image":"../x"}', "invalid reference format"),
        (host(NetworkMode="container:nope"), "No such container: nope"),
        (host(NetworkMode="container:"), "No such container: "),
        (host(NetworkMode="nope"), "network nope not found"),
        (host(NetworkMode="theirs"), "network theirs not found"),
        (host(NetworkMode="nobodys"), "network nobodys not found"),
        (host(NetworkMode="HOST"), "network HOST not found"),
        (host(NetworkMode="7" * 64), f"network {'7' * 64} not found"),
        (endpoint("theirs"), "network theirs not found"),
        (endpoint(""), "network  not found"),
        (host(PidMode="container:nope"), "No such container: nope"),
        (host(IpcMode="container:theirs"), "No such container: theirs"),
        (host(VolumesFrom=["nope"]), "No such container: nope"),
        (host(VolumesFrom=["mine:z"]), "invalid mode: z"),
        (host(VolumesFrom=[""]), "empty string"),
        (host(Links=["nope:a"]), "could not get container for nope: No such container: nope"),
        (host(Links=["a:b:c"]), "bad format for links: a:b:c"),
        (endpoint("own", Links=["nope"]), "could not get container for nope"),
        (
            config(NetworkingConfig={"EndpointsConfig": {"own": {}, OWN_NETWORK: {}}}),
            "named twice",
        ),
    ],
)
def test_what_the_engine_would_not_take(body: object, told: str) -> None:
    with pytest.raises(BadRequest) as caught:
        judged(body)
    assert told in caught.value.message
    assert caught.value.status == 400


def test_empty_lists_stay_as_they_were_written() -> None:
    """
    Newer engines show an empty list where one was written, and null where none was.
    """
    written: dict[str, Any] = {"Binds": [], "VolumesFrom": []}
    assert sent(host(**written))["HostConfig"] == written
    assert "Binds" not in sent(host(Binds=["own:/x"]))["HostConfig"]


@pytest.mark.parametrize("mode", ["", "default", "bridge", "none"])
def test_networks_that_every_engine_has(mode: str) -> None:
    assert sent(host(NetworkMode=mode))["HostConfig"]["NetworkMode"] == mode


def test_the_bridge_by_its_id() -> None:
    assert sent(host(NetworkMode=BRIDGE))["HostConfig"]["NetworkMode"] == "bridge"


def test_a_hook_can_rewrite_the_body() -> None:
    answers = {HooksOnCreate: lambda q: {**q.body, "user": "5"}}
    assert sent({"Image": "busybox"}, answers)["User"] == "5"


def test_a_hook_sees_canonical_keys() -> None:
    seen = []

    def hook(question: HooksOnCreate) -> object:
        seen.append(copy.deepcopy(question.body))
        return question.body

    judged({"IMAGE": "busybox", "cmd": "x"}, {HooksOnCreate: hook})
    assert seen == [{"Image": "busybox", "Cmd": ["x"]}]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"HostConfig": {"Privileged": True}}, "container.privileged"),
        ({"hostconfig": {"PRIVILEGED": True}}, "container.privileged"),
        ({"Labels": {"com.dss.owner": "other"}}, "label.reserved"),
        ({"HostConfig": {"New": True}}, "field.unknown"),
        ({"User": 5}, "hook.body"),
        ({"User": "a", "user": "b"}, "hook.body"),
        ({"User": object()}, "hook.body"),
    ],
)
def test_a_hook_reopens_nothing(change: dict[str, object], rule: str) -> None:
    with pytest.raises(Denied) as caught:
        judged({"Image": "busybox"}, {HooksOnCreate: lambda q: {**q.body, **change}})
    assert [each.rule for each in caught.value.problems] == [rule]


def test_all_that_is_denied_is_told_at_once() -> None:
    """
    Fields that no row knows, what rules deny, sources, names and what the image gives; what is
    only mistaken or missing is told where nothing is denied.
    """
    body: dict[str, Any] = {
        "Image": "nobodys-image",
        "Foo": 1,
        "HostConfig": {
            "Privileged": True,
            "Binds": ["/srv/ci/src:/x:bad", "/etc:/y", "C:\\foo:/z"],
            "Mounts": [{"Type": "bind", "Source": "/srv/ci/none", "Target": "/n"}],
            "VolumesFrom": ["theirs"],
        },
    }
    with pytest.raises(Denied) as caught:
        judged(body)
    assert [(each.rule, each.field) for each in caught.value.problems] == [
        ("field.unknown", "Foo"),
        ("container.privileged", "HostConfig.Privileged"),
        ("mount.source", "HostConfig.Binds[1]"),
        ("mount.source", "HostConfig.Binds[2]"),
    ]
    assert "Windows" in caught.value.message
    del body["Foo"], body["HostConfig"]["Privileged"]
    del body["HostConfig"]["Binds"][1:]
    for name, told in (
        ("VolumesFrom", "No such container: theirs"),
        ("Binds", "invalid mode: bad"),
        ("Mounts", "bind source path does not exist: /srv/ci/none"),
    ):
        with pytest.raises(BadRequest, match=told):
            judged(body)
        del body["HostConfig"][name]
    with pytest.raises(NotFound, match="nobodys-image"):
        judged(body)


def test_volumes_of_the_image_have_an_owner() -> None:
    """
    But where something else is mounted, or the client declares the same.
    """
    image = ImageFacts(OWN_IMAGE, "ci", volumes=("/a/", "/b", "/c", "/d", "/d/", "none"))
    body = {
        "Image": "mine",
        "Volumes": {"/b": {}},
        "HostConfig": {"Binds": ["own:/c"], "Tmpfs": {"/e": ""}},
    }
    made = sent(body, {ImageNamed: lambda q: image})
    assert made["Volumes"] == {"/b": {}}
    mounts = {each["Target"]: each for each in made["HostConfig"]["Mounts"]}
    assert sorted(mounts) == ["/a", "/b", "/c", "/d"]
    for target in ("/a", "/d"):
        assert "Source" not in mounts[target]
        assert mounts[target]["VolumeOptions"]["Labels"]["com.dss.owner"] == "ci"


def test_a_driver_that_is_the_default_is_left_out() -> None:
    """
    Else the engine would warn that it means nothing for what is a mount by now.
    """
    assert "VolumeDriver" not in sent(host(VolumeDriver="local", Binds=["own:/x"]))["HostConfig"]


def test_a_hook_that_denies() -> None:
    def deny(question: HooksOnCreate) -> object:
        raise Denied(Problem("acme.image", "Image", "not vetted."))

    with pytest.raises(Denied, match=r"acme\.image"):
        judged({"Image": "busybox"}, {HooksOnCreate: deny})


def told(message: str, image: str = "busybox:1") -> str:
    answers = {ImageNamed: lambda q: IMAGES["busybox"]}
    reply = judged({"Image": image}, answers).reply
    assert isinstance(reply, Stream)
    assert reply.edit_error is not None
    return drive(reply.edit_error(409, message), ANSWERS)


def test_a_conflict_hides_who_has_the_name() -> None:
    message = 'Conflict. The container name "/x" is already in use by container "{}". Rename it.'
    assert FOREIGN not in told(message.format(FOREIGN))
    assert told(message.format(OWN)) == message.format(OWN)


def test_the_engine_names_the_image_as_the_client_did() -> None:
    assert told(f"No such image: {SHARED_IMAGE}") == "No such image: busybox:1"


def test_the_engine_names_networks_and_containers_as_the_client_did() -> None:
    """
    Also those that the client named by an id: none of them is another owner's container.
    """
    for mode, said in (("own", "own"), (OWN_NETWORK, OWN_NETWORK), ("container:mine", "mine")):
        reply = judged({"Image": "busybox", "HostConfig": {"NetworkMode": mode}}).reply
        assert isinstance(reply, Stream)
        assert reply.edit_error is not None
        id = OWN if mode == "container:mine" else OWN_NETWORK
        message = drive(reply.edit_error(400, f"invalid config for network {id}: x"), ANSWERS)
        assert message == f"invalid config for network {said}: x"


def test_an_invalid_name_is_told_as_by_the_engine() -> None:
    with pytest.raises(BadRequest, match="Invalid container name"):
        judged({"Image": "busybox"}, query={"name": "a b"})
    assert judged({"Image": "busybox"}, query={"name": ""}).query == ()


@pytest.mark.parametrize(
    ("facts", "more", "rule"),
    [
        ({"working_dir": "/proc/self/fd/8"}, {}, r"container\.working_dir"),
        ({"working_dir": "/srv"}, {}, ""),
        ({"working_dir": "/proc/1"}, {"WorkingDir": "/srv"}, ""),
        ({"volumes": ("/data", "/sys/fs")}, {}, r"mount\.target"),
        ({"volumes": ("proc/..//proc",)}, {}, r"mount\.target"),
        ({"volumes": ("/data",)}, {}, ""),
        ({"check_intervals": {"Interval": 1_000_000}}, {}, r"container\.healthcheck"),
        ({"check_intervals": {"StartInterval": 1}}, {}, r"container\.healthcheck"),
        ({"check_intervals": {"Interval": 10**9}}, {}, ""),
        ({"check_test": ("CMD",)}, {}, r"container\.healthcheck"),
        ({"check_test": ("CMD-SHELL",)}, {"Healthcheck": {"Retries": 1}}, "[.]healthcheck"),
        ({"check_test": ("CMD",)}, {"Healthcheck": {"Test": ["CMD", "true"]}}, ""),
        ({"check_test": ("CMD", "true")}, {}, ""),
        ({"exposed": _MANY}, {"HostConfig": {"PublishAllPorts": True}}, r"ports\.most"),
        ({"exposed": _MANY}, {}, ""),
        ({"exposed": _MANY[1:]}, {"HostConfig": {"PublishAllPorts": True}}, ""),
        (
            {"exposed": _MANY},
            {"HostConfig": {"PublishAllPorts": True, "PortBindings": {_MANY[0]: [{}]}}},
            r"ports\.most",
        ),
        ({"check_intervals": {"Interval": 1}}, {"Healthcheck": {"Interval": 10**9}}, ""),
        (
            {"check_intervals": {"Interval": 1}},
            {"Healthcheck": {"StartInterval": 10**9}},
            r"container\.healthcheck",
        ),
    ],
)
def test_what_the_image_gives_a_container(
    facts: dict[str, Any], more: dict[str, object], rule: str
) -> None:
    """
    An owner can build it, so it is judged as if the client gave it.
    """
    image = ImageFacts(OWN_IMAGE, "ci", **facts)
    answers = {ImageNamed: lambda q: image}
    if not rule:
        assert sent(config(**more), answers)["Image"] == OWN_IMAGE
        return
    with pytest.raises(Denied, match=rule):
        judged(config(**more), answers)


@pytest.mark.parametrize(
    ("option", "denied", "fine"),
    [
        ("tag", '{{pad "x" 1099511627776 0}}', "{{.ImageName}}/{{.Name}}/{{ .ID }}"),
        ("tag", "{{.Hostname}}", "{{.ImageFullID}}{{.FullID}}{{.ImageID}}"),
        ("tag", "{{.ID | printf}}", "{.ID}} {% raw"),
        ("tag", "{{{.ID}}", "\n{"),
        ("tag", "{{- .ID}}", ""),
        ("tag", "{{.DaemonName}}", "x" * 1024),
        ("tag", "{{.ID}}{{", "a"),
        ("tag", "x" * 1025, "a"),
        ("env-regex", "(" * 1025, "^A"),
        ("max-file", "101", "100"),
        ("max-file", "3e7", "1"),
        ("max-file", "-1", "3"),
        ("max-size", "11g", "10g"),
        ("max-size", "1t", "1.5 MB"),
        ("max-size", "-1", "10m"),
        ("max-buffer-size", "400m", "16MiB"),
    ],
)
def test_log_options_are_bounded(option: str, denied: str, fine: str) -> None:
    for driver in ("json-file", "local", ""):
        with pytest.raises(Denied, match=r"container\.log_options"):
            judged(host(LogConfig={"Type": driver, "Config": {option: denied}}))
        log = {"Type": driver, "Config": {option: fine}}
        assert sent(host(LogConfig=log))["HostConfig"]["LogConfig"] == log


@pytest.mark.parametrize("name", ["nice", "rtprio", "rttime", "NICE", "n\u0131ce", "x"])
def test_ulimits_that_raise_the_priority(name: str) -> None:
    with pytest.raises(Denied, match=r"container\.ulimit"):
        judged(host(Ulimits=[{"Name": name, "Soft": 1, "Hard": 1}]))
    for fine in ("nofile", "core", "NPROC"):
        assert sent(host(Ulimits=[{"Name": fine, "Soft": 1, "Hard": 1}]))["HostConfig"]["Ulimits"]


def test_too_many_entries() -> None:
    """
    Each would be looked up; only texts for the program may be as many as they like.
    """
    for body in (
        host(Binds=[f"/srv/ci:/x{number}" for number in range(1001)]),
        config(Volumes={f"/x{number}": {} for number in range(1001)}),
        host(PortBindings={"80/tcp": [{}] * 1001}),
    ):
        with pytest.raises(Denied, match=r"field\.entries"):
            judged(body)
    many = [f"a{number}=b" for number in range(5000)]
    assert sent(config(Cmd=many, Env=many))["Cmd"] == many
    assert (
        len(sent(host(Binds=[f"own:/x{n}" for n in range(1000)]))["HostConfig"]["Mounts"]) == 1000
    )


def test_what_is_told_of_many_problems_is_short() -> None:
    """
    The first few of them, each cut.
    """
    with pytest.raises(Denied) as caught:
        judged(host(CapAdd=["X" * 100_000], Binds=[f"/etc:/x{number}" for number in range(500)]))
    assert len(caught.value.problems) > 500
    assert "more" in caught.value.message[-20:]
    assert len(caught.value.message) < 20_000


#: What the docker CLI 28.5 sends for C{docker run --rm busybox true}.
FULL = {
    **dict.fromkeys(("Hostname", "Domainname", "User", "WorkingDir"), ""),
    **dict.fromkeys(("AttachStdin", "Tty", "OpenStdin", "StdinOnce"), False),
    **dict.fromkeys(("AttachStdout", "AttachStderr"), True),
    **dict.fromkeys(("Env", "Entrypoint", "OnBuild")),
    "Cmd": ["true"],
    "Image": "busybox",
    "Volumes": {},
    "Labels": {},
    "HostConfig": {
        **dict.fromkeys(
            ("Binds", "VolumesFrom", "CapAdd", "CapDrop", "ExtraHosts", "GroupAdd", "Links")
        ),
        **dict.fromkeys(("SecurityOpt", "DeviceCgroupRules", "DeviceRequests")),
        **dict.fromkeys(("MaskedPaths", "ReadonlyPaths")),
        **dict.fromkeys(("ContainerIDFile", "VolumeDriver", "CgroupnsMode", "IpcMode"), ""),
        **dict.fromkeys(("Cgroup", "PidMode", "UTSMode", "UsernsMode", "Isolation"), ""),
        **dict.fromkeys(("CgroupParent", "CpusetCpus", "CpusetMems"), ""),
        **dict.fromkeys(("OomScoreAdj", "ShmSize", "CpuShares", "Memory", "NanoCpus"), 0),
        **dict.fromkeys(("BlkioWeight", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod"), 0),
        **dict.fromkeys(("CpuRealtimeRuntime", "KernelMemory", "KernelMemoryTCP"), 0),
        **dict.fromkeys(("MemoryReservation", "MemorySwap", "PidsLimit", "CpuCount"), 0),
        **dict.fromkeys(("CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"), 0),
        **{name: [] for name in ("Dns", "DnsOptions", "DnsSearch", "Devices", "Ulimits")},
        **{name: [] for name in ("BlkioWeightDevice", "BlkioDeviceReadBps")},
        **{name: [] for name in ("BlkioDeviceWriteBps", "BlkioDeviceReadIOps")},
        "BlkioDeviceWriteIOps": [],
        **dict.fromkeys(("Privileged", "PublishAllPorts", "ReadonlyRootfs"), False),
        "OomKillDisable": False,
        "AutoRemove": True,
        "MemorySwappiness": -1,
        "ConsoleSize": [0, 0],
        "NetworkMode": "default",
        "LogConfig": {"Type": "", "Config": {}},
        "PortBindings": {},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    },
    "NetworkingConfig": {
        "EndpointsConfig": {
            "default": {
                **dict.fromkeys(("IPAMConfig", "Links", "Aliases", "DriverOpts", "DNSNames")),
                **dict.fromkeys(("MacAddress", "NetworkID", "EndpointID", "Gateway"), ""),
                **dict.fromkeys(("IPAddress", "IPv6Gateway", "GlobalIPv6Address"), ""),
                **dict.fromkeys(("IPPrefixLen", "GlobalIPv6PrefixLen", "GwPriority"), 0),
            }
        }
    },
}


def test_what_the_cli_sends_goes_on() -> None:
    found = sent(FULL)
    assert found["HostConfig"]["AutoRemove"] is True
    assert found["NetworkingConfig"]["EndpointsConfig"]["default"] == {
        "MacAddress": "",
        "GwPriority": 0,
    }
    assert None not in found["HostConfig"].values()


TEXTS = st.sampled_from(
    [
        *("", "", "host", "container:mine", "container:theirs", "own", "theirs", "bridge"),
        *("bind", "volume", "volume", "tmpfs", "image", "/etc", "/srv/ci", "/srv/ci/src", "mine"),
        *("/srv/ci/link", "/srv/ci/../../etc", "/etc:/x", "/srv/ci/src:/y:ro", "own:/z", "/v"),
        *("theirs:/z", "/srv/ci:/y:rshared", "ALL", "CHOWN", "/proc/self/fd/7", "local", "nfs"),
        *("no-new-privileges", "seccomp=unconfined", "80", "8080", "always", "no", "json-file"),
    ]
)
MAP_KEYS = st.sampled_from(["80/tcp", "own", "bridge", "host", "com.dss.owner", "a", "/d", "net.x"])


def _with_long_s(name: str) -> str:
    return name.replace("s", "\u017f").replace("k", "\u212a")


def cased(name: str) -> st.SearchStrategy[str]:
    """
    A field's name in one of the ways that Go takes for it.
    """
    ways = (str, str, str, str.lower, str.upper, str.swapcase, _with_long_s)
    return st.sampled_from([way(name) for way in ways])


@st.composite
def structs(draw: st.DrawFn, shape: gojson.Struct) -> dict[str, Any]:
    least = 2 if len(shape.fields) > 2 else 0
    fields = sorted(shape.fields)
    names = draw(st.lists(st.sampled_from(fields), min_size=least, max_size=4, unique=True))
    found = {draw(cased(name)): draw(st.none() | values(shape.fields[name])) for name in names}
    if draw(st.integers(0, 15)) == 0:
        found[draw(st.sampled_from(["Unknown", *names]))] = draw(st.sampled_from([0, None, "x"]))
    return found


def values(shape: gojson.Shape) -> st.SearchStrategy[Any]:
    """
    Values of the right Go type, hostile ones among them.
    """
    if isinstance(shape, gojson.Struct):
        return structs(shape) if shape.fields else st.just({})
    if isinstance(shape, gojson.MapOf):
        return st.dictionaries(MAP_KEYS, values(shape.item), max_size=2)
    if isinstance(shape, gojson.ListOf):
        return st.lists(values(shape.item), max_size=2)
    if isinstance(shape, gojson.Words):
        return TEXTS | st.lists(TEXTS, max_size=2)
    if isinstance(shape, gojson.Flag):
        return st.booleans()
    if isinstance(shape, gojson.Whole):
        return st.sampled_from([0, 0, 1, 5000, -1])
    return st.just({}) if isinstance(shape, gojson.Nothing) else TEXTS


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(structs(CREATE.shape))
    host = CREATE.shape.fields["HostConfig"]
    assert isinstance(host, gojson.Struct)
    mounted = {name: host.fields[name] for name in ("Mounts", "Binds", "VolumesFrom", "Tmpfs")}
    inner = {**draw(structs(gojson.Struct(mounted))), **draw(structs(host))}
    replaced = {gojson.fold(name) for name in ("Image", "HostConfig")}
    kept = {name: each for name, each in found.items() if gojson.fold(name) not in replaced}
    return {**kept, "Image": "mine", draw(cased("HostConfig")): inner}


def assert_harmless(body: Any) -> None:
    """
    That a body which reaches the engine gives no power, told in other words than the rules.
    """
    found = body["HostConfig"]
    assert set(body["Labels"].items()) >= {("com.dss.owner", "ci"), ("com.dss.image", "mine")}
    assert not found.get("Privileged")
    for name in ("Devices", "DeviceRequests", "DeviceCgroupRules", "Annotations", "StorageOpt"):
        assert not found.get(name)
    for name in ("CgroupParent", "Cgroup", "Runtime", "UTSMode", "UsernsMode"):
        assert not found.get(name)
    assert "MaskedPaths" not in found
    assert "ReadonlyPaths" not in found
    assert "ALL" not in found.get("CapAdd", [])
    for name in ("PidMode", "IpcMode", "NetworkMode"):
        assert found.get(name, "") in (
            *("", f"container:{OWN}", OWN_NETWORK, "bridge", "none", "default"),
            *("private", "shareable"),
        )
    for bind in found.get("Binds", []):
        assert bind.startswith(("/srv/ci/src:", "/srv/ci:"))
    for mount in found.get("Mounts", []):
        if mount["Type"] == "bind":
            assert mount["Source"] in ("/srv/ci/src", "/srv/ci")
        if mount["Type"] == "volume":
            assert mount["VolumeOptions"]["Labels"]["com.dss.owner"] == "ci"
            options = (mount["VolumeOptions"].get("DriverConfig") or {}).get("Options")
            if options:
                assert mount["Source"] == name_of("ci", options)
                assert options["device"] in ("/srv/ci", "/srv/ro")
    for key, endpoint in (body["NetworkingConfig"].get("EndpointsConfig") or {}).items():
        assert key in ("default", "bridge", "none", OWN_NETWORK)
        assert "NetworkID" not in endpoint
        assert not endpoint.get("DriverOpts")
    for link in found.get("Links", []):
        assert link.startswith(OWN)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bodies())
def test_whatever_goes_on_is_harmless_and_stays_as_judged(body: dict[str, object]) -> None:
    """
    However keys are cased and nested: a body that goes on has canonical keys only,
    decodes to what was judged, obeys the rules, and is allowed again as it is.
    """
    try:
        forwarded = judged(body)
    except (BadRequest, Denied):
        return
    assert forwarded.body is not None
    assert forwarded.body.isascii()
    found = json.loads(forwarded.body)
    assert CREATE.read(forwarded.body) == found
    assert_harmless(found)
    if b"dss-root-" in forwarded.body:
        # A client can't ask for what an allowed directory is written as.
        return
    del found["Labels"]
    for mount in found["HostConfig"].get("Mounts", []):
        if mount["Type"] == "volume":
            del mount["VolumeOptions"]["Labels"]["com.dss.owner"]
    again = sent(found, {ImageNamed: lambda q: IMAGES["mine"]})
    assert again["HostConfig"] == json.loads(forwarded.body)["HostConfig"]
    assert again["NetworkingConfig"] == json.loads(forwarded.body)["NetworkingConfig"]
