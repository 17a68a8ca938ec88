"""
Settings that allow more: each lets through what it names and nothing else.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.errors import Denied, Problem
from dss.model.facts import (
    ClientContainer,
    ContainerFacts,
    ContainerNamed,
    EngineDefaults,
    EngineUsual,
    HooksOnCreate,
    HostPath,
    ImageFacts,
    ImageNamed,
    NetworkNamed,
    PathFacts,
    VolumeNamed,
)
from dss.model.ruling import Forward
from dss.policy import create
from dss.testing.judging import drive, request
from tests.policy.by_settings import around

ANSWERS: dict[type[Any], Any] = {
    ContainerNamed: lambda q: ContainerFacts("1" * 64, "ci") if q.reference == "mine" else None,
    ImageNamed: lambda q: ImageFacts("sha256:" + "3" * 64, None, True, exposed=("443/tcp",)),
    NetworkNamed: lambda q: None,
    VolumeNamed: lambda q: None,
    HostPath: lambda q: PathFacts(None),
    ClientContainer: lambda q: None,
    HooksOnCreate: lambda q: q.body,
    EngineUsual: lambda q: EngineDefaults("runc", ("name=seccomp,profile=builtin",)),
}


def created(body: object, toml: str = "") -> Any:
    ruling = drive(
        create.judge(request("ContainerCreate", body=json.dumps(body).encode()), around(toml)),
        ANSWERS,
    )
    assert isinstance(ruling, Forward)
    return json.loads(ruling.body or b"")


def problems(body: object, toml: str = "") -> list[Problem]:
    with pytest.raises(Denied) as caught:
        created(body, toml)
    return list(caught.value.problems)


def host(**fields: object) -> dict[str, object]:
    return {"Image": "busybox", "HostConfig": fields}


def ports(address: str | None, port: str = "8080") -> dict[str, object]:
    binding = {"HostPort": port} if address is None else {"HostIp": address, "HostPort": port}
    return host(PortBindings={"80/tcp": [binding]})


def log(driver: str, **options: str) -> dict[str, object]:
    return host(
        LogConfig={
            "Type": driver,
            "Config": {key.replace("_", "-"): value for key, value in options.items()},
        }
    )


def device(path: str, inside: str = "", permissions: str = "rwm") -> dict[str, object]:
    return host(
        Devices=[{"PathOnHost": path, "PathInContainer": inside, "CgroupPermissions": permissions}]
    )


def gpu(**fields: object) -> dict[str, object]:
    return host(DeviceRequests=[fields])


@frozen
class Case:
    """
    @ivar setting: the key's path.
    @ivar value: what is written there, as TOML.
    @ivar body: denied without the setting, and allowed with it.
    @ivar rule: the rule that denies it.
    @ivar still: denied in spite of the setting.
    """

    setting: str
    value: str
    rule: str
    body: dict[str, object]
    still: tuple[dict[str, object], ...] = ()

    @property
    def toml(self) -> str:
        return f"{self.setting} = {self.value}\n"


def endpoint(**options: str) -> dict[str, object]:
    settings = {"bridge": {"DriverOpts": options}}
    return {"Image": "busybox", "NetworkingConfig": {"EndpointsConfig": settings}}


CASES = [
    Case(
        "containers.resources.ulimits",
        '["rtprio"]',
        "container.ulimit",
        host(Ulimits=[{"Name": "RTPRIO", "Soft": 1, "Hard": 1}]),
        (host(Ulimits=[{"Name": "nice", "Soft": 1, "Hard": 1}]),),
    ),
    Case(
        "containers.resources.least_oom_score_adj",
        "-500",
        "container.oom",
        host(OomScoreAdj=-500),
        (host(OomScoreAdj=-501), host(OomKillDisable=True)),
    ),
    Case(
        "containers.resources.oom_kill_disable",
        "true",
        "container.oom",
        host(OomKillDisable=True),
        (host(OomScoreAdj=-1),),
    ),
    Case(
        "containers.resources.cgroup_parents",
        '["/builds/*", "ci.slice"]',
        "container.cgroup_parent",
        host(CgroupParent="/builds/a"),
        (
            host(CgroupParent="/"),
            host(CgroupParent="/builds/../x"),
            host(CgroupParent="/builds"),
            host(CgroupParent="ci.slice/x"),
        ),
    ),
    Case(
        "containers.resources.device_cgroup_rules",
        '["c 188:* rw"]',
        "container.device_rules",
        host(DeviceCgroupRules=["c 188:* rw"]),
        (host(DeviceCgroupRules=["c 188:* rw", "a"]), host(DeviceCgroupRules=["c 188:* rwm"])),
    ),
    Case(
        "containers.resources.storage_options",
        '["size"]',
        "container.storage_opt",
        host(StorageOpt={"size": "1G"}),
        (host(StorageOpt={"size": "1G", "x": ""}), host(StorageOpt={"Size": "1G"})),
    ),
    Case(
        "containers.resources.endpoint_options",
        '["com.docker.network.endpoint.ifname"]',
        "container.endpoint_options",
        endpoint(**{"com.docker.network.endpoint.ifname": "x0"}),
        (endpoint(**{"com.docker.network.endpoint.sysctls": "net.ipv4.x=1"}),),
    ),
    Case(
        "containers.resources.least_check_interval",
        "0.01",
        "container.healthcheck",
        {"Image": "busybox", "Healthcheck": {"Test": ["CMD", "x"], "Interval": 10_000_000}},
        ({"Image": "busybox", "Healthcheck": {"Test": ["CMD", "x"], "Interval": 9_999_999}},),
    ),
    Case(
        "containers.capabilities",
        '["NET_ADMIN", "SYS_PTRACE"]',
        "container.capabilities",
        host(CapAdd=["cap_net_admin", "SYS_PTRACE", "CHOWN"]),
        (
            host(CapAdd=["NET_ADMIN", "SYS_ADMIN"]),
            host(CapAdd=["ALL"]),
            host(CapAdd=["NET_ADM\u0131N"]),
            host(CapAdd=[""]),
        ),
    ),
    Case(
        "containers.devices",
        '["/dev/fuse", "/dev/kvm:rw", "/dev/snd"]',
        "container.devices",
        host(
            Devices=[
                {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse"},
                {"PathOnHost": "/dev/kvm", "CgroupPermissions": "r"},
                {"PathOnHost": "/dev/snd/timer", "PathInContainer": "/x"},
            ]
        ),
        (
            device("/dev/kvm"),
            device("/dev/kvm", permissions=""),
            device("/dev/sda"),
            device("/dev/snd/../sda"),
            device("/dev/fuse/"),
            device("/dev/fuse2"),
            device(""),
            device("/dev/fuse", "/proc/kcore"),
            device("/dev/fuse", "/dev/../sys/x"),
            device("/dev/fuse", "../x"),
            host(Devices=[{}]),
            host(DeviceCgroupRules=["c 10:229 rwm"]),
        ),
    ),
    Case(
        "containers.device_requests",
        "{ gpus = true }",
        "container.device_requests",
        gpu(Driver="nvidia", Count=-1, DeviceIDs=["GPU-1"], Capabilities=[["gpu", "compute"]]),
        (
            gpu(Driver="nvidia", Capabilities=[["gpu"]], Options={"a": "b"}),
            gpu(Driver="other", Capabilities=[["gpu"]]),
            gpu(Driver="cdi", DeviceIDs=["nvidia.com/gpu=0"]),
            gpu(Capabilities=[["tpu"]]),
            gpu(Capabilities=[["gpu", "admin"]]),
            gpu(Capabilities=[]),
            gpu(Capabilities=[["gpu"]], DeviceIDs=["0,1;x"]),
            gpu(),
        ),
    ),
    Case(
        "containers.device_requests",
        '{ cdi = ["nvidia.com/gpu=*"] }',
        "container.device_requests",
        gpu(Driver="cdi", DeviceIDs=["nvidia.com/gpu=all"]),
        (
            gpu(Driver="cdi", DeviceIDs=["nvidia.com/gpu=0", "other.com/x=y"]),
            gpu(Driver="cdi"),
            gpu(Capabilities=[["gpu"]]),
        ),
    ),
    Case(
        "containers.sysctls",
        '["kernel.domainname", "vm.*"]',
        "container.sysctls",
        host(Sysctls={"kernel.domainname": "x", "vm.swappiness": "", "net.core.somaxconn": "1"}),
        (
            host(Sysctls={"kernel.domainname2": "x"}),
            host(Sysctls={"vm./../../kernel.core_pattern": "x"}),
            host(Sysctls={"vm..": ""}),
            host(Sysctls={"vm.": ""}),
            host(Sysctls={"kernel/domainname": "x"}),
            host(Sysctls={"VM.swappiness": "1"}),
        ),
    ),
    Case(
        "containers.runtimes",
        '["runsc"]',
        "container.runtime",
        host(Runtime="runsc"),
        (host(Runtime="kata"), host(Runtime="runsc2")),
    ),
    Case(
        "containers.annotations",
        '["com.example.*", "x"]',
        "container.annotations",
        host(Annotations={"com.example.a": "", "x": "y"}),
        (host(Annotations={"com.example": "1"}), host(Annotations={"": ""})),
    ),
    Case(
        "containers.log_drivers",
        '{ syslog = ["tag", "syslog-address=udp://10.0.0.1:514"], "json-file" = ["foo"] }',
        "container.log_driver",
        log("syslog", tag="x", syslog_address="udp://10.0.0.1:514"),
        (
            log("gelf"),
            log("syslog", syslog_address="udp://10.0.0.2:514"),
            log("syslog", max_size="1m"),
            log("json-file", syslog_address="x"),
            log("local", foo="x"),
            log("", foo="x"),
        ),
    ),
    Case(
        "containers.log_drivers",
        '{ "json-file" = ["foo"] }',
        "container.log_options",
        log("json-file", foo="a", max_size="1m"),
        (log("json-file", bar="a"), log("local", foo="a")),
    ),
    Case(
        "containers.log_drivers",
        '{ local = ["tag={{.Hostname}}", "max-file"] }',
        "container.log_options",
        log("local", tag="{{.Hostname}}"),
        (log("local", tag="{{.DaemonName}}"), log("local", max_file="101")),
    ),
    Case(
        "containers.security_options",
        '["seccomp=unconfined"]',
        "container.security_opt",
        host(SecurityOpt=["seccomp=unconfined", "no-new-privileges"]),
        (
            host(SecurityOpt=["seccomp:unconfined"]),
            host(SecurityOpt=["apparmor=unconfined"]),
            host(SecurityOpt=["no-new-privileges=no"]),
            host(SecurityOpt=[""]),
        ),
    ),
    Case(
        "containers.ipc_modes",
        '["host"]',
        "container.ipc",
        host(IpcMode="host"),
        (host(PidMode="host"), host(UTSMode="host"), host(IpcMode="x")),
    ),
    Case(
        "containers.uts_modes",
        '["host"]',
        "container.uts",
        host(UTSMode="host"),
        (host(UTSMode="container:mine"),),
    ),
    Case(
        "containers.user_namespace_modes",
        '["host"]',
        "container.userns",
        host(UsernsMode="host"),
        (host(UsernsMode="x"), host(NetworkMode="host")),
    ),
    Case(
        "containers.cgroup_namespace_modes",
        '["host"]',
        "container.cgroupns",
        host(CgroupnsMode="host"),
        (host(CgroupnsMode="Host"), host(CgroupParent="/x")),
    ),
    Case(
        "containers.ports.ranges",
        '["80", "1024-65535"]',
        "container.ports",
        ports(None, "80"),
        (ports(None, "81"), ports(None, "80-81"), ports(None, "65536"), ports(None, "x")),
    ),
    Case(
        "containers.ports.most",
        "101",
        "container.ports.most",
        host(PortBindings={f"{each}/tcp": [{}] for each in range(1, 102)}),
        (
            host(PortBindings={f"{each}/tcp": [{}, {}] for each in range(1, 52)}),
            host(PortBindings={"1-102/tcp": [{}]}),
            {
                "ExposedPorts": {f"{each}/tcp": {} for each in range(1, 102)},
                **host(PublishAllPorts=True, PortBindings={"200/tcp": [{}]}),
            },
            {"ExposedPorts": {"1-65535/udp": {}}, **host(PublishAllPorts=True)},
        ),
    ),
]

IDS = [f"{case.setting}:{case.rule}" for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_denied_without_and_allowed_with(case: Case) -> None:
    assert {each.rule for each in problems(case.body)} >= {case.rule}
    sent = created(case.body, case.toml)
    for name in set(case.body) - {"Image"}:
        wanted = case.body[name]
        assert isinstance(wanted, dict)
        assert {key: sent[name][key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("case", "body"),
    [(case, body) for case in CASES for body in case.still],
)
def test_what_stays_denied(case: Case, body: dict[str, object]) -> None:
    assert problems(body, case.toml)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_denial_tells_the_setting(case: Case) -> None:
    """
    What it says is TOML, and does what it says.
    """
    lines = []
    for each in problems(case.body):
        assert each.hint.endswith(" in the settings file.")
        lines.append(each.hint.split(" allow it with ")[1].removesuffix(" in the settings file."))
    assert all(each.startswith((f"{case.setting} = ", f"{case.setting}.")) for each in lines)
    if len(lines) == 1:
        created(case.body, lines[0])


@pytest.mark.parametrize(
    "body",
    [
        host(Privileged=True),
        host(PidMode="host"),
        host(NetworkMode="host"),
        host(CapAdd=["ALL"]),
        host(CapAdd=["NOT_ONE"]),
        host(UTSMode="x"),
        host(IpcMode="x"),
        device("/etc/passwd"),
        ports(None, "x"),
        ports("x"),
        host(Sysctls={"a/b": "c"}),
        host(CgroupParent="/"),
    ],
)
def test_what_no_setting_allows_has_no_line(body: dict[str, object]) -> None:
    assert all("settings file" not in each.hint for each in problems(body))


def test_the_hint_for_a_capability() -> None:
    (only,) = problems(host(CapAdd=["CHOWN", "cap_net_admin"]))
    assert only.hint.endswith(
        'The operator can allow it with containers.capabilities = ["NET_ADMIN"] in the settings '
        "file."
    )


@given(
    case=st.sampled_from(CASES),
    others=st.lists(st.sampled_from(CASES), unique_by=lambda each: each.setting),
    force=st.sampled_from(
        [
            "",
            'containers.force.user = "1"\n',
            "containers.defaults.memory = 1\n",
            'containers.force.security_options = ["no-new-privileges"]\n',
            'containers.defaults.runtime = "kata"\n',
        ]
    ),
)
@settings(deadline=None)
def test_no_other_setting_allows_it(case: Case, others: list[Case], force: str) -> None:
    """
    What a file does not allow is denied, whatever else it says.
    """
    text = force + "".join(each.toml for each in others if each.setting != case.setting)
    found = {each.rule for each in problems(case.body, text)}
    assert case.rule in found


@given(st.lists(st.sampled_from(CASES), unique_by=lambda each: each.setting))
@settings(deadline=None)
def test_what_no_file_allows(others: list[Case]) -> None:
    """
    Whatever a file allows, some things stay denied.
    """
    text = "".join(each.toml for each in others)
    body = host(
        Privileged=True,
        PidMode="host",
        NetworkMode="host",
        CgroupParent="/",
        MaskedPaths=[],
        CapAdd=["ALL"],
    )
    assert {each.field for each in problems(body, text)} == {
        f"HostConfig.{name}"
        for name in (
            "Privileged",
            "PidMode",
            "NetworkMode",
            "CgroupParent",
            "MaskedPaths",
            "CapAdd",
        )
    }


LOOPBACK = "containers.ports.loopback_only = true"
NAMED = 'containers.ports.addresses = ["10.0.0.1", "10.1.0.0/16"]'


@pytest.mark.parametrize(
    ("toml", "written", "sent"),
    [
        ("", None, None),
        ("", "", ""),
        ("", "10.0.0.9", "10.0.0.9"),
        ("", "[::1]", "[::1]"),
        (LOOPBACK, None, "127.0.0.1"),
        (LOOPBACK, "", "127.0.0.1"),
        (LOOPBACK, "0.0.0.0", "127.0.0.1"),
        (LOOPBACK, "::", "127.0.0.1"),
        (LOOPBACK, "[::]", "127.0.0.1"),
        (LOOPBACK, "127.0.0.5", "127.0.0.5"),
        (LOOPBACK, "::1", "::1"),
        # The engine would take the brackets for all addresses.
        (LOOPBACK, "[::1]", "::1"),
        (LOOPBACK, "0:0::0:1", "::1"),
        (NAMED, None, "10.0.0.1"),
        (NAMED, "10.1.2.3", "10.1.2.3"),
    ],
)
def test_addresses_of_ports(toml: str, written: str | None, sent: str | None) -> None:
    (binding,) = created(ports(written), toml)["HostConfig"]["PortBindings"]["80/tcp"]
    assert binding.get("HostIp") == sent
    assert binding["HostPort"] == "8080"


@pytest.mark.parametrize(
    ("toml", "written"),
    [
        ("", "x"),
        ("", "fe80::1%eth0"),
        (LOOPBACK, "10.0.0.1"),
        (LOOPBACK, "::ffff:0.0.0.0"),
        (LOOPBACK, "127.0.0.1 "),
        (LOOPBACK, "127.0.0.01"),
        (LOOPBACK, "localhost"),
        (NAMED, "127.0.0.1"),
        (NAMED, "10.2.0.1"),
    ],
)
def test_addresses_that_are_denied(toml: str, written: str) -> None:
    (only,) = problems(ports(written), toml)
    assert only.rule == "container.ports.address"


def test_a_port_without_any_binding_and_all_ports() -> None:
    """
    Newer engines take an empty list for one binding on all addresses. All ports are published
    one by one where the operator names addresses: the image's too.
    """
    body = host(PortBindings={"80/tcp": []})
    assert created(body)["HostConfig"]["PortBindings"] == {"80/tcp": []}
    assert created(body, LOOPBACK)["HostConfig"]["PortBindings"] == {}
    everything = {
        **host(PublishAllPorts=True, PortBindings={"80": [{"HostPort": "8080"}]}),
        "ExposedPorts": {"80/tcp": {}, "81/udp": {}},
    }
    assert created(everything)["HostConfig"]["PublishAllPorts"] is True
    sent = created(everything, LOOPBACK)["HostConfig"]
    assert "PublishAllPorts" not in sent
    assert sent["PortBindings"] == {
        "80": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
        "81/udp": [{"HostIp": "127.0.0.1"}],
        "443/tcp": [{"HostIp": "127.0.0.1"}],
    }
