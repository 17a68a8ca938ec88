"""
The engine's socket where it is bound, and paths of clients that run in containers.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from dss.config.settings import EngineSocket
from dss.errors import Denied
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
    PathFacts,
    VolumeFacts,
    VolumeNamed,
)
from dss.model.owner import MOUNTS_LABEL
from dss.model.ruling import Forward
from dss.model.version import NEWEST, ApiVersion
from dss.policy import create
from dss.policy.mounts import volumes
from dss.policy.mounts.rechecking import loose_mounts, recheck
from dss.policy.request import Circumstances
from dss.testing.judging import circumstances, drive, request

OWN, CLIENT = "1" * 64, "c" * 64
REPLACEMENT = "/run/dss.sock.d/0.sock"
SOCKET = EngineSocket.known(["/opt/engine.sock", "/run/dss.sock"], REPLACEMENT)
OLD = ApiVersion(1, 41)

HOST = {
    REPLACEMENT: PathFacts(REPLACEMENT, is_socket=True),
    "/srv/ci": PathFacts("/srv/ci", True),
    "/srv/ci/src": PathFacts("/srv/ci/src", True),
    "/srv/ci/src/a": PathFacts("/srv/ci/src/a", True),
    "/srv/ci/other.sock": PathFacts("/srv/ci/other.sock", is_socket=True),
}

ROOT_OPTIONS = volumes.options_of("/srv/ci")
ROOT_VOLUME = volumes.name_of("ci", ROOT_OPTIONS)

#: What the client's own container mounts.
MOUNTS = [
    {"Type": "bind", "Source": "/srv/ci/src", "Destination": "/workspace", "RW": True},
    {"Type": "bind", "Source": "/etc", "Destination": "/host", "RW": True},
    {"Type": "bind", "Source": "/run/dss.sock", "Destination": "/my.sock", "RW": True},
    {"Type": "bind", "Source": REPLACEMENT, "Destination": "/nested.sock", "RW": True},
    {"Type": "volume", "Name": "cache", "Destination": "/workspace/cache", "RW": True},
    {"Type": "volume", "Name": ROOT_VOLUME, "Destination": "/w", "RW": True},
    {"Type": "tmpfs", "Destination": "/workspace/tmp"},
]
WANTED = [{"Source": ROOT_VOLUME, "Target": "/w", "VolumeOptions": {"Subpath": "src"}}]

ANSWERS: dict[type[Any], Callable[[Any], Any]] = {
    HooksOnCreate: lambda q: q.body,
    ImageNamed: lambda q: ImageFacts("sha256:" + "2" * 64, None, True),
    HostPath: lambda q: HOST.get(q.path, PathFacts(None)),
    ClientContainer: lambda q: None,
    ContainerNamed: lambda q: ContainerFacts(OWN, "ci"),
    MakeDirectory: lambda q: None,
    VolumeNamed: lambda q: (
        VolumeFacts(q.name, "ci", "local", ROOT_OPTIONS) if q.name == ROOT_VOLUME else None
    ),
}
IN_CONTAINER = {
    ClientContainer: lambda q: CLIENT,
    ContainerJson: lambda q: (
        {"Mounts": MOUNTS, "HostConfig": {"Mounts": WANTED}} if q.id == CLIENT else None
    ),
}


def around(version: ApiVersion = NEWEST, socket: EngineSocket = SOCKET) -> Circumstances:
    found = circumstances("ci", ("/srv/ci",), version)
    return evolve(found, settings=evolve(found.settings, engine_socket=socket))


def created(
    answers: Any = None, version: ApiVersion = NEWEST, socket: EngineSocket = SOCKET, **host: Any
) -> Any:
    raw = json.dumps({"Image": "i", "HostConfig": host}).encode()
    ruling = drive(
        create.judge(request(body=raw), around(version, socket)), {**ANSWERS, **(answers or {})}
    )
    assert isinstance(ruling, Forward)
    return json.loads(ruling.body or b"")


def denied(
    answers: Any = None,
    version: ApiVersion = NEWEST,
    socket: EngineSocket = SOCKET,
    **host: Any,
) -> tuple[str, str]:
    with pytest.raises(Denied) as caught:
        created(answers, version, socket, **host)
    (problem,) = caught.value.problems
    return problem.rule, str(problem)


def bound(**more: Any) -> dict[str, Any]:
    """
    The mount that the engine gets.
    """
    options = {"Propagation": "rprivate"}
    return {"Type": "bind", "Source": REPLACEMENT, "Target": "/s", "BindOptions": options, **more}


def shown(body: Any) -> Any:
    return json.loads(body["Labels"][MOUNTS_LABEL])


@pytest.mark.parametrize("version", [OLD, NEWEST])
@pytest.mark.parametrize(
    "source",
    [
        "/var/run/docker.sock",
        "/run/docker.sock",
        "//var//run/./docker.sock/",
        "/srv/ci/../../var/run/docker.sock",
        "/opt/engine.sock",
        "/run/dss.sock",
        REPLACEMENT,
    ],
)
def test_each_spelling_becomes_the_owners_own(source: str, version: ApiVersion) -> None:
    made = created(version=version, Binds=[f"{source}:/s"])
    assert made["HostConfig"]["Mounts"] == [bound()]
    assert shown(made)["Host"]["Binds"] == [f"{source}:/s"]
    made = created(version=version, Binds=[f"{source}:/s:ro,z"])
    assert made["HostConfig"]["Mounts"] == [bound(ReadOnly=True)]
    mount = {"Type": "bind", "Source": source, "Target": "/s", "ReadOnly": True}
    made = created(version=version, Mounts=[mount])
    assert made["HostConfig"]["Mounts"] == [bound(ReadOnly=True)]
    assert created(version=version, Binds=[f"{source}:/s"], RestartPolicy={"Name": "always"})


@pytest.mark.parametrize(
    "source", ["/var/run", "/run/dss.sock.d", "/run/other.sock", "/run/docker.sock2", "/opt"]
)
def test_what_is_near_is_a_path_like_any_other(source: str) -> None:
    assert denied(Binds=[f"{source}:/s"])[0] == "mount.source"


def test_sockets_of_other_services_stay_denied() -> None:
    assert denied(Binds=["/srv/ci/other.sock:/s"])[0] == "mount.socket"


def test_mounts_would_not_travel() -> None:
    assert denied(Binds=["/run/docker.sock:/s:rshared"])[0] == "mount.propagation"


def test_where_there_is_none() -> None:
    for source in ("/var/run/docker.sock", "/run/docker.sock"):
        rule, told = denied(socket=EngineSocket(), Binds=[f"{source}:/s"])
        assert rule == "mount.engine_socket"
        assert "--container-sockets" in told


@pytest.mark.parametrize(
    "facts",
    [PathFacts(None), PathFacts(REPLACEMENT), PathFacts("/run/docker.sock", is_socket=True)],
)
def test_where_something_else_is_in_its_place(facts: PathFacts) -> None:
    answers = {HostPath: lambda q: facts}
    assert denied(answers, Binds=["/run/docker.sock:/s"])[0] == "mount.engine_socket"
    mounts = [{"Type": "bind", "Source": REPLACEMENT, "Destination": "/s", "RW": True}]
    inspected = {ContainerJson: lambda q: {"Mounts": mounts}}
    with pytest.raises(Denied, match=r"mount\.engine_socket"):
        drive(recheck(OWN, around()), {**answers, **inspected})
    drive(recheck(OWN, around()), {**ANSWERS, **inspected})


def test_in_other_containers_and_later() -> None:
    """
    Taken as it is; never loose; but not another owner's.
    """
    mount = {"Type": "bind", "Source": REPLACEMENT, "Destination": "/s", "RW": True}
    answers = {ContainerJson: lambda q: {"Mounts": [mount]}}
    assert created(answers, VolumesFrom=["x"])["HostConfig"] == {"VolumesFrom": [OWN]}
    assert drive(loose_mounts(OWN, around(OLD)), {**ANSWERS, **answers}) == ()
    other = {**mount, "Source": "/run/dss.sock.d/1.sock"}
    answers = {ContainerJson: lambda q: {"Mounts": [other]}}
    assert denied(answers, VolumesFrom=["x"])[0] == "mount.source"
    with pytest.raises(Denied, match=r"mount\.source"):
        drive(recheck(OWN, around()), {**ANSWERS, **answers})


@pytest.mark.parametrize(
    ("source", "inside"),
    [
        ("/workspace", "src"),
        ("/workspace/a", "src/a"),
        ("//workspace/./a/", "src/a"),
        ("/w/a", "src/a"),
        # What the operator said goes first.
        ("/srv/ci/src", "src"),
    ],
)
def test_paths_of_the_clients_container(source: str, inside: str) -> None:
    made = created(IN_CONTAINER, Binds=[f"{source}:/x"])
    (mount,) = made["HostConfig"]["Mounts"]
    assert (mount["Source"], mount["VolumeOptions"]["Subpath"]) == (ROOT_VOLUME, inside)
    assert shown(made)["Host"]["Binds"] == [f"{source}:/x"]
    assert shown(made)["Points"]["/x"][1] == source.replace("//", "/").replace("/./", "/").rstrip(
        "/"
    )
    (mount,) = created(IN_CONTAINER, OLD, Binds=[f"{source}:/x"])["HostConfig"]["Mounts"]
    assert mount["Source"] == f"/srv/ci/{inside}"


@pytest.mark.parametrize("source", ["/my.sock", "/nested.sock"])
def test_sockets_of_the_clients_container(source: str) -> None:
    made = created(IN_CONTAINER, Binds=[f"{source}:/s"])
    assert made["HostConfig"]["Mounts"] == [bound()]


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("/host/passwd", "mount.source"),
        ("/host", "mount.source"),
        ("/workspace2", "mount.source"),
        ("/workspace/tmp/x", "mount.source"),
        ("/etc", "mount.source"),
        ("/", "mount.source"),
        ("/workspace/../host", "mount.source"),
        ("/workspace/cache/x", "mount.client_volume"),
        ("/workspace/none", "mount.missing"),
    ],
)
def test_what_is_denied_in_the_clients_own_words(source: str, rule: str) -> None:
    mount: dict[str, Any] = {"Type": "bind", "Source": source, "Target": "/x"}
    if rule == "mount.missing":
        mount["BindOptions"] = {"CreateMountpoint": True}
    found, told = denied({**IN_CONTAINER, MakeDirectory: lambda q: "no"}, OLD, Mounts=[mount])
    assert found == rule
    assert f"{posixpath.normpath(source)!r}" in told
    assert "/etc" in source or "/etc" not in told


def test_a_container_of_another_engine_tells_nothing() -> None:
    answers = {ClientContainer: lambda q: "d" * 64, ContainerJson: lambda q: None}
    assert denied(answers, Binds=["/workspace:/x"])[0] == "mount.source"


def test_a_client_is_looked_at_only_where_it_has_to_be() -> None:
    asked: list[object] = []
    answers = {ClientContainer: asked.append}
    assert created(answers)
    assert created(answers, Binds=["/srv/ci/src:/x", "/run/docker.sock:/s"])
    assert asked == []
    denied(answers, Binds=["/elsewhere:/x"])
    assert asked == [ClientContainer()]


def test_anothers_root_volume_is_no_translation() -> None:
    options = volumes.options_of("/srv/other")
    name = volumes.name_of("other", options)
    mounts = [{"Type": "volume", "Name": name, "Destination": "/w", "RW": True}]
    answers = {
        **IN_CONTAINER,
        ContainerJson: lambda q: {"Mounts": mounts},
        VolumeNamed: lambda q: VolumeFacts(name, "other", "local", options),
    }
    rule, told = denied(answers, Binds=["/w/x:/x"])
    assert rule == "mount.source"
    assert "/srv/other" not in told
