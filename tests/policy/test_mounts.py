"""
Host directories and volumes: every spelling, one judgement.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.config.settings import Root
from dss.errors import BadRequest, Denied, EngineOdd, NotFound, Problem
from dss.model.facts import (
    ClientContainer,
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    HooksOnCreate,
    HostPath,
    ImageFacts,
    ImageNamed,
    MakeDirectory,
    MakeVolume,
    PathFacts,
    VolumeFacts,
    VolumeNamed,
)
from dss.model.ruling import Forward
from dss.model.version import NEWEST, ApiVersion
from dss.policy import create
from dss.policy.mounts import meaning, sources, volumes, wishes
from dss.policy.mounts.rechecking import recheck
from dss.policy.mounts.showing import Memory
from dss.testing.judging import circumstances, drive, request

OWN = "1" * 64

ROOTS = ("/srv/ci", "/srv/ro:ro", "/srv/ci/keep:ro", "/srv/ci/deep/er", "/var/alias", "/srv/gone")

#: What the host has. The root /var/alias is itself a link, which its operator made.
HOST = {
    "/srv/ci": PathFacts("/srv/ci", True),
    "/srv/ci/src": PathFacts("/srv/ci/src", True),
    "/srv/ci/file": PathFacts("/srv/ci/file"),
    "/srv/ci/a b": PathFacts("/srv/ci/a b", True),
    "/srv/ci/link": PathFacts("/etc", True),
    "/srv/ci/link/passwd": PathFacts("/etc/passwd"),
    "/srv/ci/inner": PathFacts("/srv/ci/src", True),
    "/srv/ci/to-keep": PathFacts("/srv/ci/keep/x", True),
    "/srv/ci/inner/deep": PathFacts("/srv/ci/src/deep", True),
    "/srv/ci/sock": PathFacts("/srv/ci/sock", is_socket=True),
    "/srv/ci/keep": PathFacts("/srv/ci/keep", True),
    "/srv/ci/keep/x": PathFacts("/srv/ci/keep/x", True),
    "/srv/ci/deep/er": PathFacts("/srv/ci/deep/er", True),
    "/srv/ro": PathFacts("/srv/ro", True),
    "/srv/ro/x": PathFacts("/srv/ro/x", True),
    "/var/alias": PathFacts("/data", True),
    "/var/alias/x": PathFacts("/data/x", True),
    "/etc": PathFacts("/etc", True),
}

VOLUMES = {
    "own": VolumeFacts("own", "ci", "local"),
    "theirs": VolumeFacts("theirs", "other", "local"),
    "nobodys": VolumeFacts("nobodys", None, "local"),
    "optioned": VolumeFacts("optioned", "ci", "local", {"type": "none", "o": "bind"}),
    "driven": VolumeFacts("driven", "ci", "nfs"),
}

ANSWERS: dict[type[Any], Callable[[Any], Any]] = {
    HooksOnCreate: lambda q: q.body,
    ImageNamed: lambda q: ImageFacts("sha256:" + "2" * 64, None, True),
    ClientContainer: lambda q: None,
    HostPath: lambda q: HOST.get(q.path, PathFacts(None)),
    VolumeNamed: lambda q: VOLUMES.get(q.name),
    MakeDirectory: lambda q: None,
    MakeVolume: lambda q: VolumeFacts(q.name, q.labels["com.dss.owner"], "local"),
    ContainerNamed: lambda q: ContainerFacts(OWN, "ci") if q.reference == "mine" else None,
}


def created(
    body: dict[str, Any], taken: Any = (), version: ApiVersion = NEWEST, **fields: Any
) -> Any:
    raw = json.dumps({"Image": "i", "HostConfig": fields, **body}).encode()
    ruling = drive(
        create.judge(request(body=raw), circumstances("ci", ROOTS, version)),
        {**ANSWERS, ContainerJson: lambda q: {"Mounts": list(taken)}},
    )
    assert isinstance(ruling, Forward)
    return json.loads(ruling.body or b"")


def rules_of(
    body: dict[str, Any] | None = None,
    taken: Any = (),
    version: ApiVersion = NEWEST,
    **fields: Any,
) -> list[str]:
    with pytest.raises(Denied) as caught:
        created(body or {}, taken, version, **fields)
    return [each.rule for each in caught.value.problems]


def bind(source: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "bind", "Source": source, "Target": "/x", **fields}


#: The last engine without paths inside volumes, and the first with them.
OLD, NEW = ApiVersion(1, 44), ApiVersion(1, 45)


def of_root(base: str, inside: str = "", target: str = "/x", **fields: Any) -> dict[str, Any]:
    """
    The mount that stands for a bind.
    """
    options = {"type": "none", "o": "rbind,rprivate", "device": base}
    labels = {"com.dss.owner": "ci", "com.dss.root": base}
    found: dict[str, Any] = {"NoCopy": True, "Labels": labels}
    found["DriverConfig"] = {"Name": "local", "Options": options}
    if inside:
        found["Subpath"] = inside
    name = volumes.name_of("ci", options)
    return {"Type": "volume", "Source": name, "Target": target, **fields, "VolumeOptions": found}


def volume(source: str, **options: Any) -> dict[str, Any]:
    return {"Type": "volume", "Source": source, "Target": "/x", "VolumeOptions": options}


DENIED = [
    ("/etc", "mount.source"),
    ("/", "mount.source"),
    ("/srv", "mount.source"),
    ("/srv/ci-evil", "mount.source"),
    ("/srv/c", "mount.source"),
    ("/proc/1/root", "mount.source"),
    ("/var/run", "mount.source"),
    ("/run/podman/podman.sock", "mount.source"),
    ("/data/x", "mount.source"),
    ("/srv/gone/x", "mount.source"),
    ("/srv/ci/link", "mount.link"),
    ("/srv/ci/link/passwd", "mount.link"),
    ("/srv/ci/link/", "mount.link"),
    ("/srv/ci/sock", "mount.socket"),
    ("/srv/ro", "mount.read_only"),
    ("/srv/ro/x", "mount.read_only"),
    ("/srv/ci/keep/x", "mount.read_only"),
    ("/srv/ci/to-keep", "mount.read_only"),
    ("/srv/ci", "mount.read_only"),
]

UNCLEAN = [
    ("/srv/ci/../../etc", "mount.source"),
    ("/srv/ci/..", "mount.source"),
    ("/srv/ci/src/..", "mount.read_only"),
    ("/srv/ci\\..\\..\\etc", "mount.source"),
    ("//./pipe/docker_engine", "mount.source"),
]


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize(("source", "rule"), [*DENIED, *UNCLEAN])
def test_denied_sources_in_every_spelling(source: str, rule: str, version: ApiVersion) -> None:
    assert rules_of(version=version, Binds=[f"{source}:/x"]) == [rule]
    assert rules_of(version=version, Mounts=[bind(source)]) == [rule]


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize(("source", "rule"), DENIED)
def test_denied_sources_of_other_containers(source: str, rule: str, version: ApiVersion) -> None:
    taken = {"Type": "bind", "Source": source, "Destination": "/y", "RW": True}
    assert rules_of(taken=[taken], version=version, VolumesFrom=["mine"]) == [rule]


@pytest.mark.parametrize(
    "source", ["C:\\work", "c:/work", "C:", "\\\\.\\pipe\\docker_engine", "//./pipe/docker_engine"]
)
def test_sources_of_windows_are_told_as_such(source: str) -> None:
    with pytest.raises(Denied, match="Windows") as caught:
        created({}, Mounts=[bind(source)])
    assert [each.rule for each in caught.value.problems] == ["mount.source"]


@pytest.mark.parametrize("source", ["etc", "C:\\windows", "~/x", "./src", "..", "\\etc"])
def test_a_mounts_source_must_be_absolute(source: str) -> None:
    assert rules_of(Mounts=[bind(source)]) == ["mount.source"]


@pytest.mark.parametrize(
    ("source", "base", "inside", "found"),
    [
        ("/srv/ci/src", "/srv/ci", "src", "/srv/ci/src"),
        ("//srv//ci/./src/", "/srv/ci", "src", "/srv/ci/src"),
        ("/srv/ci/file", "/srv/ci", "file", "/srv/ci/file"),
        ("/srv/ci/a b", "/srv/ci", "a b", "/srv/ci/a b"),
        ("/srv/ci/inner", "/srv/ci", "inner", "/srv/ci/src"),
        ("/srv/ci/inner/deep", "/srv/ci", "inner/deep", "/srv/ci/src/deep"),
        # The owner could replace it through the root around it.
        ("/srv/ci/deep/er", "/srv/ci", "deep/er", "/srv/ci/deep/er"),
        ("/var/alias", "/var/alias", "", "/var/alias"),
        ("/var/alias/x", "/var/alias", "x", "/var/alias/x"),
    ],
)
def test_allowed_sources_in_every_spelling(source: str, base: str, inside: str, found: str) -> None:
    new = {"Mounts": [of_root(base, inside)]}
    assert created({}, version=NEW, Binds=[f"{source}:/x"])["HostConfig"] == new
    assert created({}, version=NEW, Mounts=[bind(source)])["HostConfig"] == new
    options = {"Propagation": "rprivate"}
    old = {"Mounts": [bind(found, BindOptions=options)]}
    assert created({}, version=OLD, Binds=[f"{source}:/x"])["HostConfig"] == old
    assert created({}, version=OLD, Mounts=[bind(source)])["HostConfig"] == old
    taken = {"Type": "bind", "Source": source, "Destination": "/y", "RW": True}
    assert created({}, [taken], VolumesFrom=["mine"])["HostConfig"] == {"VolumesFrom": [OWN]}


@pytest.mark.parametrize(
    "source", ["/srv/ro", "/srv/ro/x", "/srv/ci/keep", "/srv/ci", "/srv/ci/src"]
)
def test_what_may_be_read(source: str) -> None:
    assert created({}, Binds=[f"{source}:/x:ro"])
    assert created({}, Binds=[f"{source}:/x:ro,rprivate,cached"])
    assert created({}, Mounts=[bind(source, ReadOnly=True)])
    taken = {"Type": "bind", "Source": source, "Destination": "/y", "RW": False}
    assert created({}, [taken], VolumesFrom=["mine"])


@pytest.mark.parametrize("source", ["/srv/ro", "/srv/ro/x", "/srv/ci"])
@pytest.mark.parametrize("option", ["NonRecursive", "ReadOnlyNonRecursive"])
def test_what_would_leave_parts_of_a_read_only_root_writable(source: str, option: str) -> None:
    shallow = bind(source, ReadOnly=True, BindOptions={option: True})
    assert rules_of(Mounts=[shallow]) == ["mount.read_only"]
    deep = bind(source, ReadOnly=True, BindOptions={"ReadOnlyForceRecursive": True, option: False})
    assert created({}, Mounts=[deep])
    assert created({}, Mounts=[bind("/srv/ci/src", BindOptions={option: True})])


@pytest.mark.parametrize("mode", ["rshared", "shared", "rslave", "slave"])
def test_mounts_that_would_travel(mode: str) -> None:
    assert rules_of(Binds=[f"/srv/ci/src:/x:{mode}"]) == ["mount.propagation"]
    assert rules_of(Mounts=[bind("/srv/ci/src", BindOptions={"Propagation": mode})]) == [
        "mount.propagation"
    ]


@pytest.mark.parametrize("mode", ["rprivate", "private"])
def test_mounts_that_stay(mode: str) -> None:
    assert created({}, Binds=[f"/srv/ci/src:/x:{mode}"])
    assert created({}, Mounts=[bind("/srv/ci/src", BindOptions={"Propagation": mode})])


@pytest.mark.parametrize("mode", ["z", "Z", "ro,z"])
def test_labels_of_the_hosts_files(mode: str) -> None:
    """
    They are not changed, so that the modes mean nothing.
    """
    assert created({}, Binds=[f"/srv/ci/src:/x:{mode}"])
    assert created({}, Binds=[f"own:/x:{mode}"])


@pytest.mark.parametrize("target", ["/proc", "/proc/sys", "/x/../proc", "//proc/", "/sys/kernel"])
def test_targets_that_hide_what_confines(target: str) -> None:
    assert rules_of(Binds=[f"/srv/ci/src:{target}"]) == ["mount.target"]
    assert rules_of(Binds=[f"own:{target}"]) == ["mount.target"]
    assert rules_of(Mounts=[{"Type": "tmpfs", "Target": target}]) == ["mount.target"]
    assert rules_of({"Volumes": {target: {}}}) == ["mount.target"]


@pytest.mark.parametrize("target", ["/process", "/x/proc", "/data"])
def test_other_targets(target: str) -> None:
    assert created({}, Binds=[f"/srv/ci/src:{target}"])
    assert created({"Volumes": {target: {}}}, Mounts=[{"Type": "tmpfs", "Target": target}])


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("", "invalid volume specification: ''"),
        (":/x", "invalid volume specification: ':/x'"),
        ("/x:ro", "invalid volume specification: '/x:ro'"),
        ("/x:", "invalid volume specification: '/x:'"),
        ("a:b:c:d", "invalid volume specification: 'a:b:c:d'"),
        ("/srv/ci/src:/x:ro:z", "invalid volume specification"),
        ("/srv/ci/src:/x:ro,rw", "invalid mode: ro,rw"),
        ("/srv/ci/src:/x:RO", "invalid mode: RO"),
        ("/srv/ci/src:/x:ro,", "invalid mode: ro,"),
        ("/srv/ci/src:/x:nosuid", "invalid mode: nosuid"),
        ("/srv/ci/src:x", "mount path must be absolute"),
        ("/srv/ci/src::ro", "field Target must not be empty"),
        ("/srv/ci/src:/", "destination can't be '/'"),
        ("/srv/ci/src:/x/..", "destination can't be '/'"),
        ("x:/y:rshared", "no mount propagation"),
        ("./x:/y", 'create ./x: "./x" includes invalid characters for a local volume name'),
        ("a/b:/y", "use absolute path"),
        ("x:/y", "includes invalid characters"),
        (".:/y", "includes invalid characters"),
    ],
)
def test_binds_that_are_none(raw: str, told: str) -> None:
    with pytest.raises(BadRequest) as caught:
        created({}, Binds=[raw])
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("mount", "told"),
    [
        ({"Target": "/x"}, "mount type unknown"),
        ({"Type": "", "Source": "/etc", "Target": "/x"}, "mount type unknown"),
        ({"Type": "bind", "Target": "/x"}, "field Source must not be empty"),
        ({"Type": "bind", "Source": "/srv/ci/src"}, "field Target must not be empty"),
        ({"Type": "tmpfs", "Source": "/etc", "Target": "/x"}, "Source must not be specified"),
        (bind("/srv/ci/src", VolumeOptions={"NoCopy": True}), "VolumeOptions must not be"),
        (
            {**volume("own"), "BindOptions": {"Propagation": "private"}},
            "BindOptions must not be specified",
        ),
        (volume("a/b"), "includes invalid characters"),
    ],
)
def test_mounts_that_are_none(mount: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRequest) as caught:
        created({}, Mounts=[mount])
    assert told in caught.value.message


@pytest.mark.parametrize("kind", ["cluster", "npipe", "Bind", "glusterfs"])
def test_types_of_mount_that_are_denied(kind: str) -> None:
    assert rules_of(Mounts=[{"Type": kind, "Source": "own", "Target": "/x"}]) == ["mount.type"]


def test_empty_options_of_another_type_mean_nothing() -> None:
    mount = bind("/srv/ci/src", VolumeOptions={}, TmpfsOptions={"SizeBytes": 0})
    assert created({}, Mounts=[mount])


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (
            {"DriverConfig": {"Options": {"type": "none", "o": "bind", "device": "/"}}},
            "mount.source",
        ),
        (
            {"driverconfig": {"OPTIONS": {"type": "ext4", "device": "/dev/sda"}}},
            "volume.options",
        ),
        ({"DriverConfig": {"Name": "nfs"}}, "volume.driver"),
        ({"Labels": {"com.dss.owner": "other"}}, "label.reserved"),
    ],
)
def test_options_of_volumes_that_are_denied(options: dict[str, Any], rule: str) -> None:
    assert rules_of(Mounts=[volume("new", **options)]) == [rule]
    assert rules_of(Mounts=[volume("", **options)]) == [rule]


@pytest.mark.parametrize(
    "options",
    [
        {"DriverConfig": {"Name": "local"}},
        {"DriverConfig": {}, "NoCopy": True, "Subpath": "a/b"},
        {"Labels": {"a": "b"}},
    ],
)
def test_options_of_volumes_that_are_allowed(options: dict[str, Any]) -> None:
    (mount,) = created({}, Mounts=[volume("new", **options)])["HostConfig"]["Mounts"]
    labels = {**options.get("Labels", {}), "com.dss.owner": "ci"}
    assert mount == volume("new", **{**options, "Labels": labels})


@pytest.mark.parametrize("name", ["theirs", "nobodys"])
def test_volumes_that_are_not_the_owners(name: str) -> None:
    assert rules_of(Binds=[f"{name}:/x"]) == ["volume.taken"]
    assert rules_of(Mounts=[volume(name)]) == ["volume.taken"]


def test_a_denial_does_not_tell_whose_it_is() -> None:
    def told(name: str) -> str:
        with pytest.raises(Denied) as caught:
            created({}, Binds=[f"{name}:/x"])
        return caught.value.message.replace(name, "NAME")

    assert told("theirs") == told("nobodys")
    assert "'other'" not in told("theirs")


@pytest.mark.parametrize("name", ["optioned", "driven"])
def test_own_volumes_with_a_driver_or_options(name: str) -> None:
    rule = {"driven": "volume.driver", "optioned": "volume.options"}[name]
    assert rules_of(Binds=[f"{name}:/x"]) == [rule]


@pytest.mark.parametrize("name", ["own", "new"])
@pytest.mark.parametrize(
    ("mode", "more", "options"),
    [
        ("", {}, {}),
        (":ro", {"ReadOnly": True}, {}),
        (":rw", {}, {}),
        (":nocopy,ro", {"ReadOnly": True}, {"NoCopy": True}),
        (":z", {}, {}),
    ],
)
def test_named_volumes_have_an_owner_from_birth(
    name: str, mode: str, more: dict[str, Any], options: dict[str, Any]
) -> None:
    found = created({}, Binds=[f"{name}:/x{mode}"])["HostConfig"]
    assert found == {
        "Mounts": [
            {**volume(name, **options, Labels={"com.dss.owner": "ci"}), **more},
        ]
    }


@pytest.mark.parametrize(
    ("version", "labels"),
    [
        (ApiVersion(1, 41), {"com.dss.owner": "ci"}),
        (ApiVersion(1, 42), {"com.dss.owner": "ci", "com.docker.volume.anonymous": ""}),
    ],
)
def test_volumes_without_a_name_have_an_owner_from_birth(
    version: ApiVersion, labels: dict[str, str]
) -> None:
    found = created({"Volumes": {"/a/": {}, "/b": {}}}, version=version, Binds=["/c"])
    assert found["Volumes"] == {"/a/": {}, "/b": {}}
    assert found["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Target": target, "VolumeOptions": {"Labels": labels}}
        for target in ("/c", "/a", "/b")
    ]


def test_no_volume_is_made_where_something_else_is_mounted() -> None:
    """
    As the engine does; docker-py names the target of each bind in C{Volumes} too.
    """
    taken = [{"Type": "volume", "Name": "v", "Destination": "/taken", "RW": True}]
    found = created(
        {"Volumes": {key: {} for key in ("/bound/", "/mounted", "/memory", "/taken", "/free")}},
        taken,
        Binds=["/srv/ci/src:/bound"],
        Mounts=[{**volume("own"), "Target": "/mounted//"}],
        Tmpfs={"/memory/": ""},
        VolumesFrom=["mine"],
    )
    assert [each["Target"] for each in found["HostConfig"]["Mounts"]] == [
        "/bound",
        "/mounted//",
        "/free",
    ]


@pytest.mark.parametrize("target", ["data", "", "/"])
def test_volumes_at_no_target(target: str) -> None:
    with pytest.raises(BadRequest):
        created({"Volumes": {target: {}}})


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_restarts_that_dss_would_not_see(policy: str) -> None:
    restart: dict[str, Any] = {"RestartPolicy": {"Name": policy}}
    for version in (OLD, NEW):
        # A link could lead to what is allowed for reading only.
        assert rules_of(version=version, Binds=["/srv/ci/src:/x"], **restart) == [
            "container.restart"
        ]
        assert rules_of(version=version, Mounts=[bind("/srv/ci/deep/er")], **restart) == [
            "container.restart"
        ]
        assert created(
            {}, version=version, Binds=["/srv/ci:/x:ro", "/var/alias:/y", "own:/z"], **restart
        )
        assert created({}, version=version, Binds=["/srv/ci/src:/x"], RestartPolicy={"Name": "no"})
    inside = ["/var/alias/x:/x", "/srv/ci/src:/y:ro"]
    assert created({}, version=NEW, Binds=inside, **restart)
    assert rules_of(version=OLD, Binds=inside, **restart) == ["container.restart"]


def test_roots_that_can_be_replaced() -> None:
    roots = [Root("/a"), Root("/a/b"), Root("/c", True), Root("/c/d")]
    fixed = [path for path in ("/a", "/a/b", "/c", "/c/d", "/c/e") if sources.is_fixed(path, roots)]
    assert fixed == ["/a", "/c", "/c/d"]


def test_without_roots_the_hint_says_how_to_allow_one() -> None:
    problem = drive(meaning.judge_source("/srv/ci", "at", False, circumstances()), ANSWERS)
    assert isinstance(problem, Problem)
    assert "--allow-bind" in problem.hint


def rechecked(shown: Any, host: Any = None, volumes: Any = None) -> None:
    answers: dict[type[Any], Any] = {
        ContainerJson: lambda q: shown,
        HostPath: lambda q: (host or HOST).get(q.path, PathFacts(None)),
        VolumeNamed: lambda q: (volumes or VOLUMES).get(q.name),
    }
    answers[MakeDirectory] = MADE.append
    drive(recheck(OWN, circumstances("ci", ROOTS)), answers)


MADE: list[Any] = []

#: The name of a volume that was made without one.
NAMELESS = "9" * 64


BOUND = {"Type": "bind", "Source": "/srv/ci/src", "Destination": "/x", "RW": True}


def test_what_is_still_as_it_was_starts() -> None:
    rechecked({"Mounts": [BOUND, {"Type": "volume", "Name": "own", "Destination": "/v"}]})
    nameless = {NAMELESS: VolumeFacts(NAMELESS, None, "local")}
    rechecked(
        {"Mounts": [{"Type": "volume", "Name": NAMELESS, "Destination": "/v"}]}, volumes=nameless
    )
    rechecked({"Mounts": [{"Type": "tmpfs", "Destination": "/t"}]})
    rechecked({"Mounts": None})


@pytest.mark.parametrize(
    ("now", "rule"),
    [
        (PathFacts("/etc", True), "mount.link"),
        (PathFacts(None), "mount.missing"),
        (PathFacts("/srv/ci/src", is_socket=True), "mount.socket"),
    ],
)
def test_a_source_that_became_something_else(now: PathFacts, rule: str) -> None:
    with pytest.raises(Denied) as caught:
        rechecked({"Mounts": [BOUND]}, {**HOST, "/srv/ci/src": now})
    assert [each.rule for each in caught.value.problems] == [rule]


@pytest.mark.parametrize(
    ("name", "owner"), [("nobodys", None), ("theirs", "other"), (NAMELESS, "other")]
)
def test_a_volume_that_is_somebody_elses_by_now(name: str, owner: str | None) -> None:
    """
    Without an owner it is the container's own only where the engine named it.
    """
    volumes = {name: VolumeFacts(name, owner, "local")}
    with pytest.raises(Denied, match=r"volume\.taken"):
        rechecked(
            {"Mounts": [{"Type": "volume", "Name": name, "Destination": "/v"}]}, None, volumes
        )


@pytest.mark.parametrize(
    ("host", "made"),
    [
        ({"Binds": ["cache:/c"]}, {"cache": {"com.dss.owner": "ci"}}),
        ({"Binds": ["own:/c", "/v"]}, {}),
        (
            {
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": "cache",
                        "Target": "/c",
                        "VolumeOptions": {"Labels": {"a": "b"}},
                    }
                ]
            },
            {"cache": {"a": "b", "com.dss.owner": "ci"}},
        ),
    ],
)
def test_new_volumes_are_made_before_the_container(
    host: dict[str, Any], made: dict[str, Any]
) -> None:
    """
    So that it is known whose they are before the engine puts the image's files into them.
    """
    asked: dict[str, Any] = {}

    def make(question: MakeVolume) -> VolumeFacts:
        asked[question.name] = question.labels
        return VolumeFacts(question.name, "ci", "local")

    raw = json.dumps({"Image": "i", "HostConfig": host}).encode()
    drive(
        create.judge(request(body=raw), circumstances("ci", ROOTS)), {**ANSWERS, MakeVolume: make}
    )
    assert asked == made


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (VolumeFacts("cache", "other", "local"), r"volume\.taken"),
        (VolumeFacts("cache", None, "local"), r"volume\.taken"),
        (VolumeFacts("cache", "ci", "local", {"type": "none"}), r"volume\.taken"),
    ],
)
def test_a_name_that_was_taken_meanwhile(found: VolumeFacts, rule: str) -> None:
    """
    The engine gives the other's volume in place of a new one; no container is made.
    """
    raw = json.dumps({"Image": "i", "HostConfig": {"Binds": ["cache:/c"]}}).encode()
    judgement = create.judge(request(body=raw), circumstances("ci", ROOTS))
    with pytest.raises(Denied, match=rule):
        drive(judgement, {**ANSWERS, MakeVolume: lambda q: found})


def test_a_root_that_is_no_longer_allowed() -> None:
    with pytest.raises(Denied, match=r"mount\.source"):
        rechecked({"Mounts": [{**BOUND, "Source": "/opt"}]})
    with pytest.raises(Denied, match=r"mount\.read_only"):
        rechecked({"Mounts": [{**BOUND, "Source": "/srv/ro"}]})


def test_a_volume_whose_name_another_owner_took() -> None:
    with pytest.raises(Denied, match=r"volume\.taken"):
        rechecked({"Mounts": [{"Type": "volume", "Name": "theirs", "Destination": "/v"}]})


def test_a_container_that_is_gone() -> None:
    with pytest.raises(NotFound):
        rechecked(None)


@pytest.mark.parametrize("mounted", [5, ["x"], {"a": "b"}])
def test_an_engine_that_shows_no_mounts(mounted: object) -> None:
    with pytest.raises(EngineOdd):
        rechecked({"Mounts": mounted})


PATHS = st.lists(
    st.sampled_from(["srv", "ci", "src", "link", "..", ".", "", "etc", "keep", "ro"]), max_size=6
).map("/".join)


@settings(deadline=None)
@given(PATHS, st.booleans())
def test_no_spelling_of_a_path_leaves_the_roots(path: str, read_only: bool) -> None:
    """
    What is allowed has no dots that climb, and is, as the host resolves it, inside a root
    that allows as much.
    """
    problem = drive(
        meaning.judge_source("/" + path, "at", read_only, circumstances("ci", ROOTS)), ANSWERS
    )
    if not isinstance(problem, Problem):
        real = HOST[wishes.clean("/" + path)].resolved
        assert real is not None
        assert ".." not in path
        assert wishes.below(real, "/srv/ci") or (read_only and wishes.below(real, "/srv/ro"))
        assert read_only or not wishes.below(real, "/srv/ci/keep")


@given(st.text(alphabet="/.ab", max_size=8))
def test_clean_is_idempotent_and_keeps_the_root(path: str) -> None:
    cleaned = wishes.clean("/" + path)
    assert cleaned.startswith("/")
    assert "//" not in cleaned
    assert wishes.clean(cleaned) == cleaned


#: A container that binds below /var/alias, as an engine of API 1.45 shows it.
ALIAS = of_root("/var/alias", "x", "/y")
OF_ALIAS = {
    "Mounts": [
        {"Type": "volume", "Name": ALIAS["Source"], "Destination": "/y", "RW": True, "Mode": "z"}
    ],
    "HostConfig": {"Mounts": [ALIAS]},
}
GENUINE = VolumeFacts(
    ALIAS["Source"], "ci", "local", ALIAS["VolumeOptions"]["DriverConfig"]["Options"]
)


def with_volumes(*extra: VolumeFacts) -> dict[str, VolumeFacts]:
    return {**VOLUMES, **{each.name: each for each in extra}}


def test_a_path_of_a_root_starts() -> None:
    rechecked(OF_ALIAS, volumes=with_volumes(GENUINE))


@pytest.mark.parametrize(
    "volume",
    [
        VolumeFacts(GENUINE.name, "other", "local", GENUINE.options),
        VolumeFacts(GENUINE.name, None, "local", GENUINE.options),
        VolumeFacts(GENUINE.name, "ci", "nfs", GENUINE.options),
        VolumeFacts(GENUINE.name, "ci", "local", {}),
        VolumeFacts(GENUINE.name, "ci", "local", {**GENUINE.options, "device": "/etc"}),
        VolumeFacts(GENUINE.name, "ci", "local", {**GENUINE.options, "o": "bind"}),
    ],
)
def test_a_volume_of_a_root_that_is_none(volume: VolumeFacts) -> None:
    found = with_volumes(volume)
    with pytest.raises(Denied, match=r"volume\.taken"):
        rechecked(OF_ALIAS, volumes=found)
    answers = {**ANSWERS, VolumeNamed: lambda q: found.get(q.name)}
    raw = json.dumps({"Image": "i", "HostConfig": {"Binds": ["/var/alias/x:/y"]}}).encode()
    with pytest.raises(Denied, match=r"volume\.taken"):
        drive(create.judge(request(body=raw), circumstances("ci", ROOTS)), answers)


def test_a_volume_of_a_root_that_is_gone() -> None:
    with pytest.raises(Denied, match=r"mount\.source"):
        rechecked(OF_ALIAS)


def test_a_path_of_a_root_that_leads_out_by_now() -> None:
    host = {**HOST, "/var/alias/x": PathFacts("/etc", True)}
    with pytest.raises(Denied, match=r"mount\.link"):
        rechecked(OF_ALIAS, host, with_volumes(GENUINE))


@pytest.mark.parametrize("make", [["/y"], []])
def test_a_missing_source_is_made_where_it_was_to_be(make: list[str]) -> None:
    shown = {"Binds": None, "Mounts": None, "VolumesFrom": None}
    label = Memory(shown, {}, make).text()
    container = {**OF_ALIAS, "Config": {"Labels": {"com.dss.mounts": label}}}
    host = {path: facts for path, facts in HOST.items() if path != "/var/alias/x"}
    MADE.clear()
    if make:
        rechecked(container, host, with_volumes(GENUINE))
        assert [(each.root, each.relative) for each in MADE] == [("/var/alias", "x")]
    else:
        with pytest.raises(Denied, match=r"mount\.missing"):
            rechecked(container, host, with_volumes(GENUINE))
        assert MADE == []


def taking(body: dict[str, Any], entry: str = "mine") -> Any:
    found = with_volumes(GENUINE)
    raw = json.dumps({"Image": "i", "HostConfig": {"VolumesFrom": [entry], **body}}).encode()
    answers = {
        **ANSWERS,
        VolumeNamed: lambda q: found.get(q.name),
        ContainerJson: lambda q: OF_ALIAS,
    }
    ruling = drive(create.judge(request(body=raw), circumstances("ci", ROOTS)), answers)
    assert isinstance(ruling, Forward)
    return json.loads(ruling.body or b"")["HostConfig"]


def test_a_path_of_a_root_is_taken_as_such() -> None:
    """
    The engine alone would take the whole root.
    """
    assert taking({}) == {"VolumesFrom": [OWN], "Mounts": [ALIAS]}
    read_only = of_root("/var/alias", "x", "/y", ReadOnly=True)
    assert taking({}, "mine:ro") == {"VolumesFrom": [f"{OWN}:ro"], "Mounts": [read_only]}
    assert taking({"Tmpfs": {"/z": ""}})["Mounts"] == [ALIAS]
    with pytest.raises(Denied, match=r"mount\.volumes_from"):
        taking({"Tmpfs": {"/y/": ""}})
    assert [each["Source"] for each in taking({"Binds": ["own:/y"]})["Mounts"]] == ["own"]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_missing_sources(version: ApiVersion) -> None:
    """
    An engine without paths inside volumes needs the directory before it takes the body.
    """
    MADE.clear()
    answers = {**ANSWERS, MakeDirectory: MADE.append, ContainerJson: lambda q: None}

    def sent(**fields: Any) -> None:
        raw = json.dumps({"Image": "i", "HostConfig": fields}).encode()
        drive(create.judge(request(body=raw), circumstances("ci", ROOTS, version)), answers)

    sent(Binds=["/srv/ci/new/er:/x"])
    sent(Mounts=[bind("/srv/ci/new", BindOptions={"CreateMountpoint": True})])
    made = [(each.root, each.relative) for each in MADE]
    assert made == ([("/srv/ci", "new/er"), ("/srv/ci", "new")] if version == OLD else [])
    told = "bind source path does not exist: /srv/ci/new/$"
    with pytest.raises(BadRequest, match=told):
        sent(Mounts=[bind("/srv/ci/new/")])
    for denied in ("/srv/ci/link/new", "/srv/ci/inner/new"):
        with pytest.raises(Denied, match=r"mount\.link"):
            sent(Binds=[f"{denied}:/x"])
    with pytest.raises(Denied, match=r"mount\.missing"):
        sent(Binds=["/srv/ro/new:/x:ro"])
    answers[MakeDirectory] = lambda q: "Permission denied"
    if version == OLD:
        with pytest.raises(Denied, match="can't be made: Permission denied"):
            sent(Binds=["/srv/ci/new:/x"])


@pytest.mark.parametrize("name", ["dss-root-0123456789abcdef", "dss-x", "DSS-x"])
def test_names_of_volumes_that_are_kept(name: str) -> None:
    assert rules_of(Binds=[f"{name}:/x"]) == ["volume.reserved"]
    assert rules_of(Mounts=[volume(name)]) == ["volume.reserved"]
    assert created({}, Binds=[f"x{name}:/x"])


def test_clients_have_names_of_their_own_for_roots() -> None:
    roots = (Root("/srv/ci", False, "/workspace"), Root("/srv/ro", True, "/workspace/ro"))
    around = circumstances("ci", tuple(str(each) for each in roots))

    def meant(path: str) -> meaning.Meant | Problem:
        return drive(meaning.meant_path(path, "at", around), ANSWERS)

    assert meant("/workspace") == meaning.Meant("/srv/ci", "/workspace")
    assert meant("/workspace/ro/x") == meaning.Meant("/srv/ro/x", "/workspace/ro/x")
    assert isinstance(meant("/srv/ci"), Problem)
    assert sources.client_path("/srv/ci/a", roots) == "/workspace/a"
    assert sources.allowed_roots(roots).startswith("Allowed: /workspace, /workspace/ro:ro")


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("/a", Root("/a")),
        ("/a:ro", Root("/a", True)),
        ("/w=/a", Root("/a", False, "/w")),
        ("/w/=/a/b/:ro", Root("/a/b", True, "/w")),
        ("/a=b", Root("/a=b")),
    ],
)
def test_roots_as_they_are_written(text: str, root: Root) -> None:
    assert Root.parse(text) == root
    assert Root.parse(str(root)) == root


@pytest.mark.parametrize("text", ["w=/a", "/w=/", "/=/a", "a"])
def test_roots_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="root"):
        Root.parse(text)


def _looked_at(known: dict[str, PathFacts], question: HostPath) -> PathFacts:
    return known.get(question.path, PathFacts(None))


def test_where_the_engine_keeps_its_own_files() -> None:
    """
    Nothing below such an allowed directory can be bound.
    """
    around = circumstances("ci", ROOTS)
    for directory, rule in (("/srv/ci", "mount.engine_directory"), ("/srv/ro", None)):
        known = {**HOST, directory: evolve(HOST[directory], is_engines=True)}
        looked_at: Callable[[HostPath], PathFacts] = partial(_looked_at, known)
        answers = {**ANSWERS, HostPath: looked_at}
        found = drive(meaning.judge_source("/srv/ci/src", "at", False, around), answers)
        assert getattr(found, "rule", None) == rule


def test_an_image_is_mounted_by_its_id() -> None:
    """
    One that the owner may use, on engines that know it, and as a whole.
    """
    image = {"Type": "image", "Source": "i", "Target": "/x"}
    (sent,) = created({}, Mounts=[image])["HostConfig"]["Mounts"]
    assert sent == {**image, "Source": "sha256:" + "2" * 64}
    with pytest.raises(BadRequest, match="mount type unknown"):
        created({}, version=ApiVersion(1, 47), Mounts=[image])
    assert rules_of(Mounts=[{**image, "ImageOptions": {"Subpath": "etc"}}]) == ["mount.image"]
