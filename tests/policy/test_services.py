"""
Services: what is denied, its allowed twin, what goes on to the engine, and what is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from dss.config.containers import (
    Ceilings,
    Containers,
    Defaults,
    Forced,
    LogConfig,
    OwnerLimits,
    PublishedPorts,
)
from dss.config.networks import Networks
from dss.config.registries import Registries
from dss.config.settings import OwnerSettings
from dss.config.values import Size
from dss.errors import BadRequest, Denied, NotFound, Problem
from dss.model.facts import (
    ClientContainer,
    ClusterFacts,
    ClusterNamed,
    HooksOnCreate,
    HooksOnEntry,
    HostPath,
    ImageFacts,
    ImageNamed,
    MakeVolume,
    NetworkFacts,
    NetworkNamed,
    OwnServices,
    PathFacts,
    ThisNode,
    VolumeFacts,
    VolumeNamed,
)
from dss.model.ruling import EditJson, Forward, Stream
from dss.model.version import NEWEST, ApiVersion
from dss.policy.swarm import services, showing
from dss.testing.judging import circumstances, drive, edited, request

IMAGE = "sha256:" + "2" * 64
DIGEST = "reg:5000/app@sha256:" + "3" * 64
OTHER_DIGEST = "reg:5000/other@sha256:" + "3" * 64
NODE = "n" * 25
SERVICE, SECRET, CONFIG, NETWORK = (letter * 25 for letter in "abcd")
OWNED = {"com.dss.owner": "ci"}

IMAGES = {
    "busybox": ImageFacts(IMAGE, None, is_named=True),
    "reg:5000/app:1": ImageFacts(IMAGE, "ci", digests=(OTHER_DIGEST, DIGEST)),
    IMAGE: ImageFacts(IMAGE, None, is_named=True, digests=(DIGEST,)),
    "theirs": ImageFacts(IMAGE, "other", is_named=True),
}
NETWORKS = {
    "net": NetworkFacts(NETWORK, "net", "ci"),
    NETWORK: NetworkFacts(NETWORK, "net", "ci"),
    "bridge": NetworkFacts("5" * 64, "bridge", None),
    "7" * 64: NetworkFacts("7" * 64, "host", None),
    "theirs": NetworkFacts("f" * 25, "theirs", "other"),
}
VOLUMES = {
    "own": VolumeFacts("own", "ci", "local"),
    "theirs": VolumeFacts("theirs", "other", "local"),
}
PATHS = {
    "/srv/ci": PathFacts("/srv/ci", True),
    "/srv/ci/src": PathFacts("/srv/ci/src", True),
}


def named(id: str, name: str, **more: object) -> ClusterFacts:
    return ClusterFacts(id, {"ID": id, "Spec": {"Name": name, "Labels": OWNED}, **more})


CLUSTER = {
    ("service", "web"): named(SERVICE, "web"),
    ("secret", SECRET): named(SECRET, "pw"),
    ("secret", "pw"): named(SECRET, "pw"),
    ("config", CONFIG): named(CONFIG, "conf"),
}

ANSWERS: dict[type[Any], Callable[[Any], Any]] = {
    ClusterNamed: lambda q: CLUSTER.get((q.kind, q.reference)),
    HooksOnCreate: lambda q: q.body,
    HooksOnEntry: lambda q: q.entry["ID"] != "hidden",
    ClientContainer: lambda q: None,
    HostPath: lambda q: PATHS.get(q.path, PathFacts(None)),
    ImageNamed: lambda q: IMAGES.get(q.reference),
    MakeVolume: lambda q: VolumeFacts(q.name, q.labels["com.dss.owner"], "local"),
    NetworkNamed: lambda q: NETWORKS.get(q.reference),
    OwnServices: lambda q: [{"ID": SERVICE}],
    ThisNode: lambda q: NODE,
    VolumeNamed: lambda q: VOLUMES.get(q.name),
}

AROUND = circumstances("ci", ("/srv/ci",))


def with_settings(**changes: Any) -> Any:
    settings: OwnerSettings = evolve(AROUND.settings, **changes)
    return evolve(AROUND, settings=settings)


#: Where a registry's image may be pulled.
PULLING = with_settings(registries=Registries(pull=("reg:5000",)))


def spec(**container: Any) -> dict[str, Any]:
    """
    The body of a service with these fields of C{ContainerSpec}.
    """
    return {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox", **container}}}


def task(**fields: Any) -> dict[str, Any]:
    """
    The body of a service with these fields of C{TaskTemplate}.
    """
    body = spec()
    return {**body, "TaskTemplate": {**body["TaskTemplate"], **fields}}


def judged(
    body: Any, around: Any = AROUND, answers: Any = None, version: ApiVersion = NEWEST
) -> Forward:
    raw = json.dumps(body).encode()
    ruling = drive(
        services.create(request("ServiceCreate", body=raw, version=version), around),
        {**ANSWERS, **(answers or {})},
    )
    assert isinstance(ruling, Forward)
    return ruling


def sent(body: Any, around: Any = AROUND, answers: Any = None) -> Any:
    found = judged(body, around, answers).body
    assert found is not None
    return json.loads(found)


def container(body: Any, around: Any = AROUND) -> Any:
    return sent(body, around)["TaskTemplate"]["ContainerSpec"]


def problems(body: Any, around: Any = AROUND) -> list[Problem]:
    with pytest.raises(Denied) as caught:
        judged(body, around)
    return list(caught.value.problems)


def bind(**more: Any) -> dict[str, Any]:
    return spec(Mounts=[{"Type": "bind", "Source": "/srv/ci", "Target": "/m", **more}])


EXT4 = {"type": "ext4", "device": "/dev/sda"}


def volume(source: str = "data", **more: Any) -> dict[str, Any]:
    mount = {"Type": "volume", "Source": source, "Target": "/m"}
    return spec(Mounts=[{**mount, "VolumeOptions": more} if more else mount])


def ports(**port: Any) -> dict[str, Any]:
    return {**spec(), "EndpointSpec": {"Ports": [{"TargetPort": 80, **port}]}}


def privileges(**more: Any) -> dict[str, Any]:
    return spec(Privileges=more)


def file(kind: str, id: str, name: str, target: str = "x") -> dict[str, Any]:
    reference = {f"{kind}ID": id, f"{kind}Name": name, "File": {"Name": target, "Mode": 292}}
    return spec(**{f"{kind}s": [reference]})


#: The container spec's own label in what is sent.
STAMPED = {"com.dss.owner": "ci", "com.dss.image": "busybox", "com.dss.mounts": ""}

DENIED: list[tuple[dict[str, Any], str, str]] = [
    (spec(CapabilityAdd=["SYS_ADMIN"]), "container.capabilities", "ContainerSpec.CapabilityAdd"),
    (spec(Sysctls={"kernel.core_pattern": "|/x"}), "container.sysctls", "Sysctls"),
    (spec(Ulimits=[{"Name": "rtprio", "Soft": 9, "Hard": 9}]), "container.ulimit", "Ulimits"),
    (spec(Dir="/proc/self/fd/8"), "container.working_dir", "ContainerSpec.Dir"),
    (spec(OomScoreAdj=-5), "container.oom", "OomScoreAdj"),
    (spec(Isolation="hyperv"), "container.isolation", "Isolation"),
    (spec(HealthCheck={"Interval": 5}), "container.healthcheck", "HealthCheck.Interval"),
    (spec(Labels={"com.dss.owner": "b"}), "label.reserved", "ContainerSpec.Labels"),
    ({**spec(), "Labels": {"COM.dss.owner": "b"}}, "label.reserved", "Labels"),
    (privileges(Seccomp={"Mode": "unconfined"}), "container.security_opt", "Seccomp.Mode"),
    (privileges(Seccomp={"Mode": "custom"}), "container.security_opt", "Seccomp.Mode"),
    (privileges(Seccomp={"Profile": "e30="}), "container.security_opt", "Seccomp.Profile"),
    (privileges(AppArmor={"Mode": "disabled"}), "container.security_opt", "AppArmor.Mode"),
    (privileges(SELinuxContext={"Disable": True}), "container.security_opt", "SELinuxContext"),
    (privileges(CredentialSpec={"File": "x"}), "container.credential_spec", "CredentialSpec"),
    (bind(Source="/etc"), "mount.source", "ContainerSpec.Mounts[0]"),
    (bind(Source="/srv/ci/../../etc"), "mount.source", "Mounts[0]"),
    (bind(BindOptions={"Propagation": "rshared"}), "mount.propagation", "Propagation"),
    (bind(Target="/proc/x"), "mount.target", "Target"),
    (bind(Source="/srv/ci/{{.Task.Slot}}"), "service.template", "Mounts[0]"),
    (volume("{{.Service.Name}}"), "service.template", "Mounts[0]"),
    (volume(Labels={"a": "{{.Node.ID}}"}), "service.template", "Mounts[0]"),
    *(
        (spec(Env=["A=1", text]), "service.template", "ContainerSpec.Env")
        for text in (
            'X={{printf "%9d" 1}}',
            "X={{.Service.Labels}}",
            "{{.Task.ID}}{{$a := 1}}",
            "{{.Task.ID | len}}",
            "{{.Task.ID.x}}",
            "{{- .Task.ID}}",
            "{{{.Task.ID}}",
            "{{.Task.ID",
            "{{/* */}}",
            "{{",
        )
    ),
    (spec(Hostname="{{len .Task.ID}}"), "service.template", "ContainerSpec.Hostname"),
    (volume("theirs"), "volume.taken", "Mounts[0]"),
    (volume("dss-root-0"), "volume.reserved", "Mounts[0]"),
    (volume(Labels={"com.dss.owner": "b"}), "label.reserved", "VolumeOptions.Labels"),
    (volume(DriverConfig={"Name": "nfs"}), "volume.driver", "DriverConfig.Name"),
    (volume(DriverConfig={"Options": EXT4}), "volume.options", "DriverConfig.Options"),
    (spec(Mounts=[{"Type": "npipe", "Source": "x", "Target": "/m"}]), "mount.type", "Type"),
    (file("Config", CONFIG, "conf", "/proc/sys/x"), "mount.target", "Configs[0].File.Name"),
    (file("Secret", SECRET, "pw", "../../sys/x"), "mount.target", "Secrets[0].File.Name"),
    (task(Runtime="plugin"), "service.runtime", "TaskTemplate.Runtime"),
    (task(Runtime="attachment"), "service.runtime", "TaskTemplate.Runtime"),
    (task(PluginSpec={"Remote": "x"}), "service.runtime", "TaskTemplate.PluginSpec"),
    (task(NetworkAttachmentSpec={"ContainerID": "x"}), "service.runtime", "NetworkAttachment"),
    (task(Networks=[{"Target": "host"}]), "container.network", "Networks[0].Target"),
    ({**spec(), "Networks": [{"Target": "host"}]}, "container.network", "Networks[0].Target"),
    (
        task(Networks=[{"Target": "net", "DriverOpts": {"a": "b"}}]),
        "container.endpoint_options",
        "Networks[0].DriverOpts",
    ),
    (
        task(LogDriver={"Name": "local", "Options": {"tag": "{{.Hostname}}"}}),
        "container.log_options",
        "LogDriver.Options",
    ),
    (
        spec(HealthCheck={"Test": ["CMD"]}),
        "container.healthcheck",
        "HealthCheck.Test",
    ),
    (
        {**spec(), "EndpointSpec": {"Ports": [{"TargetPort": each} for each in range(1, 102)]}},
        "container.ports.most",
        "EndpointSpec.Ports",
    ),
    (task(LogDriver={"Name": "syslog"}), "container.log_driver", "LogDriver.Name"),
    (
        task(LogDriver={"Name": "json-file", "Options": {"foo": "x"}}),
        "container.log_options",
        "LogDriver.Options",
    ),
    (
        task(
            Resources={"Reservations": {"GenericResources": [{"NamedResourceSpec": {"Kind": "g"}}]}}
        ),
        "container.device_requests",
        "GenericResources[0]",
    ),
    (ports(PublishedPort=22), "container.ports", "EndpointSpec.Ports[0].PublishedPort"),
    (ports(PublishedPort=22, PublishMode="host"), "container.ports", "PublishedPort"),
    (spec(Foo=1), "field.unknown", "TaskTemplate.ContainerSpec.Foo"),
]


@pytest.mark.parametrize(("body", "rule", "field"), DENIED, ids=lambda each: str(each)[:60])
def test_what_is_denied(body: dict[str, Any], rule: str, field: str) -> None:
    told = problems(body)
    assert told[0].rule == rule
    assert field in told[0].field


@pytest.mark.parametrize(
    "body",
    [
        spec(CapabilityAdd=["CHOWN"], CapabilityDrop=["ALL"], Init=True, ReadOnly=True),
        spec(Sysctls={"net.ipv4.ip_forward": "1"}, Ulimits=[{"Name": "nofile", "Soft": 9}]),
        spec(Env=["NODE={{.Node.Hostname}}"], Hostname="{{.Task.Slot}}", Dir="/tmp", User="1"),
        spec(Env=["A={{ .Service.Name }}-{{.Node.Platform.OS}}}}{", "B={ {.x}}"]),
        spec(HealthCheck={"Test": ["CMD", "x"], "Interval": 10**9}, Groups=["1"], Hosts=["a b"]),
        spec(DNSConfig={"Nameservers": ["1.1.1.1"]}, Isolation="default", StopSignal="INT"),
        privileges(NoNewPrivileges=True, Seccomp={"Mode": "default"}, AppArmor={"Mode": "default"}),
        privileges(CredentialSpec=None, SELinuxContext=None, NoNewPrivileges=False),
        task(RestartPolicy={"Condition": "any", "MaxAttempts": 5}, ForceUpdate=1),
        task(Placement={"Constraints": ["node.role==worker"], "MaxReplicas": 2}),
        task(LogDriver={"Name": "local", "Options": {"max-size": "1m"}}, Runtime="container"),
        task(Resources={"Limits": {"MemoryBytes": 2**26, "NanoCPUs": 10**9, "Pids": 9}}),
        {**spec(), "UpdateConfig": {"Parallelism": 1, "MaxFailureRatio": 0.25, "Order": "x"}},
        {**spec(), "Mode": {"Replicated": {"Replicas": 3}}},
        {**spec(), "Mode": {"Global": {}}},
        ports(PublishedPort=8080, Protocol="tcp", PublishMode="host"),
        ports(PublishedPort=0),
        spec(Mounts=[{"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"SizeBytes": 9}}]),
    ],
)
def test_what_is_allowed_goes_on_as_it_is(body: dict[str, Any]) -> None:
    expected = json.loads(json.dumps(body))
    expected["Labels"] = OWNED
    inner = expected["TaskTemplate"]["ContainerSpec"]
    inner.update(Image=IMAGE, Labels=STAMPED)
    inner["Privileges"] = {
        k: v for k, v in (inner.get("Privileges") or {}).items() if v is not None
    }
    found = sent(body)
    found["TaskTemplate"]["ContainerSpec"].setdefault("Privileges", {})
    assert found == expected


def test_labels_tell_the_owner_on_all_that_comes_of_it() -> None:
    body = {**volume(Labels={"a": "b"}), "Labels": {"x": "y"}}
    found = sent(body)
    assert found["Labels"] == {"x": "y", "com.dss.node": NODE, **OWNED}
    (mount,) = found["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert mount["VolumeOptions"]["Labels"] == {"a": "b", **OWNED}
    labels = found["TaskTemplate"]["ContainerSpec"]["Labels"]
    assert labels["com.dss.owner"] == "ci"


@pytest.mark.parametrize(
    ("reference", "image"),
    [("busybox", IMAGE), ("reg:5000/app:1", DIGEST), (IMAGE, IMAGE)],
)
def test_an_image_goes_on_as_what_can_not_change(reference: str, image: str) -> None:
    """
    By the digest only where it may be pulled by it.
    """
    found = container(spec(Image=reference), PULLING)
    assert found["Image"] == image
    assert found["Labels"]["com.dss.image"] == reference
    assert container(spec(Image=reference))["Image"] == IMAGE


@pytest.mark.parametrize("reference", ["theirs", "missing"])
def test_a_foreign_image_is_missing(reference: str) -> None:
    with pytest.raises(NotFound, match=f"No such image: {reference}:latest"):
        judged(spec(Image=reference))


def test_what_an_image_brings_is_judged() -> None:
    image = ImageFacts(IMAGE, None, True, "/proc/self/fd/8", check_test=("CMD",))
    answers = {ImageNamed: lambda q: image}
    with pytest.raises(Denied) as caught:
        judged(spec(), answers=answers)
    assert [each.rule for each in caught.value.problems] == [
        "container.working_dir",
        "container.healthcheck",
    ]
    assert sent(spec(Dir="/", HealthCheck={"Test": ["CMD", "true"]}), answers=answers)


def test_volumes_that_an_image_declares_have_an_owner_from_birth() -> None:
    image = ImageFacts(IMAGE, None, True, volumes=("/var/data", "/m"))
    body = sent(volume(), answers={ImageNamed: lambda q: image})
    mounts = body["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert [(each["Target"], each.get("Source")) for each in mounts] == [
        ("/m", "data"),
        ("/var/data", None),
    ]
    assert all(each["VolumeOptions"]["Labels"]["com.dss.owner"] == "ci" for each in mounts)
    shown = showing.service({"ID": SERVICE, "Spec": body})
    assert shown["Spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"] == [
        {"Type": "volume", "Source": "data", "Target": "/m"}
    ]


def test_networks_go_on_by_id() -> None:
    targets = [{"Target": "net", "Aliases": ["web"]}, {"Target": "bridge"}]
    expected = [{"Target": NETWORK, "Aliases": ["web"]}, {"Target": "bridge"}]
    assert sent(task(Networks=targets))["TaskTemplate"]["Networks"] == expected
    assert sent({**spec(), "Networks": targets})["Networks"] == expected
    for missing in ("theirs", "none-such", "ingress", ""):
        with pytest.raises(NotFound, match=f"network {missing} not found"):
            judged(task(Networks=[{"Target": missing}]))
    with pytest.raises(Denied, match=r"container\.network"):
        judged(task(Networks=[{"Target": "7" * 64}]))


@pytest.mark.parametrize(
    ("kind", "id", "name"), [("Secret", SECRET, "pw"), ("Config", CONFIG, "conf")]
)
def test_secrets_and_configs_are_own_by_id_and_name(kind: str, id: str, name: str) -> None:
    (found,) = container(file(kind, id, name))[f"{kind}s"]
    assert (found[f"{kind}ID"], found[f"{kind}Name"]) == (id, name)
    for other_id, other_name in ((id, "theirs"), ("z" * 25, name), (name, name), (id[:9], name)):
        with pytest.raises(BadRequest, match=f"{kind.lower()} not found: {other_name}"):
            judged(file(kind, other_id, other_name))
    with pytest.raises(BadRequest, match=f"malformed {kind.lower()} reference"):
        judged(file(kind, "", name))


def test_a_root_is_bound_by_its_volume_and_a_path_below_it() -> None:
    for source, path in (("/srv/ci", {}), ("/srv/ci/src", {"Subpath": "src"})):
        forward = judged(bind(Source=source))
        assert forward.body is not None
        found = json.loads(forward.body)
        (mount,) = found["TaskTemplate"]["ContainerSpec"]["Mounts"]
        assert mount["Type"] == "volume"
        options = mount["VolumeOptions"]
        assert options["DriverConfig"]["Options"]["device"] == "/srv/ci"
        assert {key: options[key] for key in ("Subpath",) if key in options} == path
        assert forward.version == AROUND.engine_version


def test_on_older_engines_only_the_root_itself_is_bound() -> None:
    older = evolve(AROUND, engine_version=ApiVersion(1, 41))
    (mount,) = container(bind(), older)["Mounts"]
    assert (mount["Type"], mount["Source"]) == ("bind", "/srv/ci")
    assert [each.rule for each in problems(bind(Source="/srv/ci/src"), older)] == ["service.mount"]


def test_what_is_mounted_is_kept_to_the_node_that_was_looked_at() -> None:
    for body in (bind(), volume()):
        found = sent(body)
        assert found["TaskTemplate"]["Placement"] == {"Constraints": [f"node.id=={NODE}"]}
        assert found["Labels"]["com.dss.node"] == NODE
    nameless = spec(Mounts=[{"Type": "volume", "Target": "/m"}])
    assert "Placement" not in sent(nameless)["TaskTemplate"]


def test_a_volume_that_another_takes_meanwhile() -> None:
    other = {MakeVolume: lambda q: VolumeFacts(q.name, "other", "local")}
    with pytest.raises(Denied, match=r"volume\.taken"):
        judged(volume(), answers=other)


def test_hooks_judge_a_service_as_its_container() -> None:
    asked: list[Any] = []

    def hook(question: HooksOnCreate) -> Any:
        asked.append(question.body)
        return question.body

    judged(
        spec(Args=["x"], CapabilityAdd=["CHOWN"], Privileges={"NoNewPrivileges": True}),
        answers={HooksOnCreate: hook},
    )
    assert asked == [
        {
            "Image": "busybox",
            "Cmd": ["x"],
            "HostConfig": {"CapAdd": ["CHOWN"], "SecurityOpt": ["no-new-privileges"]},
        }
    ]
    with pytest.raises(Denied, match=r"hook\.service"):
        judged(spec(), answers={HooksOnCreate: lambda q: {**q.body, "User": "1"}})


def test_an_old_prefix_drops_nothing_that_the_operator_gives() -> None:
    settings = Containers(
        force=Forced(security_options=("no-new-privileges",)),
        ceilings=Ceilings(pids=7, ulimits={"nofile": 9}),
    )
    body = spec(
        Ulimits=[{"Name": "nofile", "Soft": 9, "Hard": 9}],
        Privileges={"NoNewPrivileges": True},
        CapabilityAdd=["SYS_ADMIN"],
        Sysctls={"net.ipv4.ip_forward": "1"},
    )
    body["TaskTemplate"]["Resources"] = {"Limits": {"Pids": 7, "NanoCPUs": 5}}
    for around in (with_settings(containers=settings), AROUND):
        forward = judged(body, around, version=ApiVersion(1, 39))
        assert forward.version == AROUND.engine_version
        template = json.loads(forward.body or b"")["TaskTemplate"]
        inner = template["ContainerSpec"]
        given = around is not AROUND
        assert template["Resources"]["Limits"].get("Pids") == (7 if given else None)
        assert bool(inner.get("Ulimits")) is given
        assert inner["Privileges"] == ({"NoNewPrivileges": True} if given else {})
        assert not {"CapabilityAdd", "Sysctls"} & set(inner)
    with pytest.raises(Denied, match=r"container\.capabilities"):
        judged(body, version=ApiVersion(1, 41))


def test_the_operator_gives_what_it_gives_containers() -> None:
    settings = Containers(
        force=Forced(
            labels={"team": "a"},
            environment={"P": "x"},
            user="9",
            security_options=("no-new-privileges",),
        ),
        defaults=Defaults(memory=Size(5 * 2**20), log=LogConfig("local", {"max-size": "1m"})),
        ceilings=Ceilings(pids=7, cpus=2.0, ulimits={"nofile": 9}),
    )
    forward = judged(spec(Env=["P=y", "A=b"], User="0"), with_settings(containers=settings))
    assert forward.body is not None
    assert forward.version == AROUND.engine_version
    template = json.loads(forward.body)["TaskTemplate"]
    inner = template["ContainerSpec"]
    assert inner["Env"] == ["A=b", "P=x"]
    assert inner["User"] == "9"
    assert inner["Labels"] == {"team": "a", **STAMPED}
    assert inner["Privileges"] == {"NoNewPrivileges": True}
    assert inner["Ulimits"] == [{"Name": "nofile", "Soft": 9, "Hard": 9}]
    limits = {"MemoryBytes": 5 * 2**20, "Pids": 7, "NanoCPUs": 2 * 10**9}
    assert template["Resources"]["Limits"] == limits
    assert template["LogDriver"] == {"Name": "local", "Options": {"max-size": "1m"}}


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"Resources": {"Limits": {"MemoryBytes": 2**30}}}, "Resources.Limits.MemoryBytes"),
        ({"Resources": {"Limits": {"NanoCPUs": 9 * 10**9}}}, "Resources.Limits.NanoCPUs"),
        ({"Resources": {"Limits": {"Pids": 99}}}, "Resources.Limits.Pids"),
        ({"Resources": {"SwapBytes": -1}}, "Resources.SwapBytes"),
        ({"Resources": {"SwapBytes": 2**27}}, "Resources.SwapBytes"),
        (
            {"ContainerSpec": {"Image": "busybox", "Ulimits": [{"Name": "nofile", "Hard": 99}]}},
            "ContainerSpec.Ulimits[0].Hard",
        ),
    ],
)
def test_ceilings(template: dict[str, Any], field: str) -> None:
    ceilings = Ceilings(memory=Size(2**26), cpus=2.0, pids=9, ulimits={"nofile": 9})
    around = with_settings(containers=Containers(ceilings=ceilings))
    (problem,) = problems(task(**template), around)
    assert problem.field == f"TaskTemplate.{field}"
    assert problem.rule.startswith("container.ceiling.")
    within = {"Resources": {"Limits": {"MemoryBytes": 2**26, "Pids": 9}, "SwapBytes": 2**26}}
    assert sent(task(**within), around)


@pytest.mark.parametrize(
    ("changes", "body", "rule"),
    [
        ({"containers": Containers(force=Forced(network="ci"))}, spec(), "service.settings"),
        ({"containers": Containers(force=Forced(runtime="x"))}, spec(), "service.settings"),
        ({"containers": Containers(defaults=Defaults(runtime="x"))}, spec(), "service.settings"),
        ({"containers": Containers(force=Forced(cgroup_parent="x"))}, spec(), "service.settings"),
        (
            {"containers": Containers(force=Forced(security_options=("apparmor=x",)))},
            spec(),
            "service.settings",
        ),
        (
            {"containers": Containers(ceilings=Ceilings(shm_size=Size(9)))},
            spec(),
            "service.settings",
        ),
        ({"sums": OwnerLimits(containers=3)}, spec(), "service.sums"),
        ({"sums": OwnerLimits(volumes=3)}, spec(), "service.sums"),
        (
            {"containers": Containers(ports=PublishedPorts(loopback_only=True))},
            ports(PublishedPort=8080),
            "container.ports.address",
        ),
        ({"networks": Networks(private_bridge=True)}, spec(), "service.network"),
    ],
)
def test_what_the_operator_wants_and_a_service_can_not_have(
    changes: dict[str, Any], body: dict[str, Any], rule: str
) -> None:
    assert [each.rule for each in problems(body, with_settings(**changes))] == [rule]


def test_settings_that_leave_room_for_services() -> None:
    assert sent(
        spec(), with_settings(containers=Containers(ceilings=Ceilings(shm_size=Size(2**27))))
    )
    assert sent(
        spec(), with_settings(containers=Containers(ports=PublishedPorts(loopback_only=True)))
    )
    private = with_settings(networks=Networks(private_bridge=True))
    assert sent(task(Networks=[{"Target": "net"}]), private)
    unconfined = with_settings(containers=Containers(security_options=("seccomp=unconfined",)))
    assert sent(privileges(Seccomp={"Mode": "unconfined"}), unconfined)
    forced = Forced(security_options=("no-new-privileges",))
    newer = with_settings(containers=Containers(force=forced))
    assert container(spec(), newer)["Privileges"] == {"NoNewPrivileges": True}
    older = evolve(newer, engine_version=ApiVersion(1, 43))
    assert [each.rule for each in problems(spec(), older)] == ["service.settings"]


@pytest.mark.parametrize("body", [{"Name": "x"}, {"Name": "x", "TaskTemplate": {}}])
def test_a_service_of_nothing(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="mismatched Runtime"):
        judged(body)
    with pytest.raises(BadRequest, match="image reference must be provided"):
        judged(spec(Image=""))


def update(body: Any, reference: str = "web", current: Any = None, **query: str) -> Any:
    facts = {ClusterNamed: lambda q: current} if current is not None else {}
    raw = json.dumps(body).encode()
    ruling = drive(
        services.update(request("ServiceUpdate", {"id": reference}, query, raw), AROUND),
        {**ANSWERS, **facts},
    )
    assert isinstance(ruling, Forward)
    assert ruling.body is not None
    return ruling, json.loads(ruling.body)


def test_an_update_is_judged_like_a_create_and_acts_on_the_id() -> None:
    forward, body = update(spec(), version="5", registryAuthFrom="spec")
    assert forward.params == {"id": SERVICE}
    assert forward.query == (("version", "5"), ("registryAuthFrom", "spec"))
    assert body["Labels"] == OWNED
    with pytest.raises(Denied, match=r"label\.reserved"):
        update({**spec(), "Labels": {"com.dss.owner": "other"}})
    with pytest.raises(NotFound, match="service theirs not found"):
        update(spec(), "theirs")
    for query in ({"rollback": "x"}, {"registryAuthFrom": "x"}):
        with pytest.raises(BadRequest):
            update(spec(), **query)


def test_an_update_keeps_what_the_swarm_itself_named() -> None:
    before = task(Networks=[{"Target": "swarms-own-bridge"}])
    current = named(SERVICE, "web")
    current = ClusterFacts(SERVICE, {**current.value, "Spec": before})
    _, body = update(before, current=current)
    assert body["TaskTemplate"]["Networks"] == [{"Target": "swarms-own-bridge"}]
    with pytest.raises(NotFound):
        update(task(Networks=[{"Target": "other"}]), current=current)


def test_an_update_keeps_the_node_while_the_mounts_stay() -> None:
    before = sent(volume())
    before["Labels"]["com.dss.node"] = "elsewhere"
    current = ClusterFacts(SERVICE, {"ID": SERVICE, "Spec": before})
    for body, node in ((volume(), "elsewhere"), (volume("more"), NODE)):
        _, found = update(body, current=current)
        assert found["Labels"]["com.dss.node"] == node
        assert found["TaskTemplate"]["Placement"]["Constraints"] == [f"node.id=={node}"]


def test_what_another_node_mounts_already_is_not_judged_on_this_one() -> None:
    before = json.loads(json.dumps(sent(volume())).replace('"data"', '"theirs"'))
    container = before["TaskTemplate"]["ContainerSpec"]
    container["Labels"]["com.dss.mounts"] = container["Labels"]["com.dss.mounts"].replace(
        "data", "theirs"
    )
    current = ClusterFacts(SERVICE, {"ID": SERVICE, "Spec": before})
    with pytest.raises(Denied, match=r"volume\.taken"):
        update(volume("theirs"), current=current)
    before["Labels"]["com.dss.node"] = "elsewhere"
    container["Image"] = "sha256:known-there"
    _, found = update(volume("theirs"), current=current)
    assert found["Labels"]["com.dss.node"] == "elsewhere"
    assert found["TaskTemplate"]["ContainerSpec"]["Image"] == "sha256:known-there"
    other = volume("theirs")
    other["TaskTemplate"]["ContainerSpec"]["Image"] = "reg:5000/app:1"
    _, changed = update(other, current=current)
    assert changed["TaskTemplate"]["ContainerSpec"]["Image"] == IMAGE
    assert found["TaskTemplate"]["ContainerSpec"]["Mounts"] == container["Mounts"]
    assert found["TaskTemplate"]["ContainerSpec"]["Labels"] == container["Labels"]
    more = volume("theirs")
    more["TaskTemplate"]["ContainerSpec"]["Mounts"][0]["Target"] = "/other"
    with pytest.raises(Denied, match=r"volume\.taken"):
        update(more, current=current)


def test_a_rollback_judges_what_was_before() -> None:
    def current(previous: Any) -> ClusterFacts:
        value = {"ID": SERVICE, "Spec": sent(spec()), "PreviousSpec": previous}
        return ClusterFacts(SERVICE, value)

    forward, _ = update(spec(), current=current(sent(volume())), rollback="previous")
    assert forward.query == (("rollback", "previous"),)
    assert update(spec(), current=current(None), rollback="previous")
    taken = json.loads(json.dumps(sent(volume())).replace('"data"', '"theirs"'))
    for previous, rule in ((taken, "volume.taken"), (spec(), "service.previous")):
        with pytest.raises(Denied, match=rule):
            update(spec(), current=current(previous), rollback="previous")
        assert update(spec(), current=current(previous))


def test_errors_name_no_service_of_others() -> None:
    reply = judged(spec()).reply
    assert isinstance(reply, Stream)
    assert reply.edit_error is not None
    told = "port '80' is already in use by service 'web' (xyz123) as an ingress port"
    assert drive(reply.edit_error(400, told), ANSWERS) == (
        "port '80' is already in use by another service as an ingress port"
    )
    own = told.replace("xyz123", "web")
    assert drive(reply.edit_error(400, own), ANSWERS) == own


def test_what_is_shown_can_be_sent_back() -> None:
    body = task(
        ContainerSpec={
            "Image": "busybox",
            "Labels": {"a": "b"},
            "Mounts": [{"Type": "volume", "Source": "data", "Target": "/m"}],
        },
        Placement={"Constraints": ["node.role==worker"]},
    )
    engine = sent(body)
    shown = showing.service({"ID": SERVICE, "Spec": engine, "PreviousSpec": engine})
    assert shown == {
        "ID": SERVICE,
        "Spec": {**body, "Labels": {}},
        "PreviousSpec": {**body, "Labels": {}},
    }
    assert sent(shown["Spec"]) == engine
    told = showing.task({"ID": "t", "NodeID": NODE, "Spec": engine["TaskTemplate"]})
    assert told["Spec"] == body["TaskTemplate"]
    assert showing.task({"ID": "t"}) == {"ID": "t"}


def test_lists_are_filtered_twice() -> None:
    filters = {"label": ("a",)}
    ruling = drive(services.listing(request(query={"filters": filters}), AROUND))
    assert isinstance(ruling, Forward)
    assert json.loads(dict(ruling.query)["filters"]) == {
        "label": {"a": True, "com.dss.owner=ci": True}
    }
    entries = [
        {"ID": id, "Spec": {"Name": "x", "Labels": labels}}
        for id, labels in (
            ("1", OWNED),
            ("2", {"com.dss.owner": "b"}),
            ("3", None),
            ("hidden", OWNED),
        )
    ]
    assert [each["ID"] for each in edited(ruling.reply, entries, ANSWERS)] == ["1"]
    ruling = drive(services.tasks(request(), AROUND))
    assert isinstance(ruling, Forward)
    tasks = [{"ID": "1", "ServiceID": SERVICE}, {"ID": "2", "ServiceID": "x"}, {"ID": "3"}]
    assert [each["ID"] for each in edited(ruling.reply, tasks, ANSWERS)] == ["1"]
    assert edited(ruling.reply, [], {}) == []


def test_one_service() -> None:
    policy = services.of("service", showing.service)
    ruling = drive(policy(request("", {"id": "web"}, {"insertDefaults": "1"}), AROUND), ANSWERS)
    assert isinstance(ruling, Forward)
    assert ruling.params == {"id": SERVICE}
    assert ruling.query == (("insertDefaults", "1"),)
    assert isinstance(ruling.reply, EditJson)
    shown = edited(ruling.reply, {"ID": SERVICE, "Spec": {"Name": "web", "Labels": OWNED}})
    assert shown == {"ID": SERVICE, "Spec": {"Name": "web", "Labels": {}}}
    assert ruling.reply.edit_error is not None
    told = drive(ruling.reply.edit_error(404, f"service {SERVICE} not found"))
    assert told == "service web not found"
    for kind in ("service", "task", "secret", "config"):
        with pytest.raises(NotFound, match=f"{kind} theirs not found"):
            drive(services.of(kind)(request("", {"id": "theirs"}), AROUND), ANSWERS)
