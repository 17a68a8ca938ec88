"""
What the engine tells of itself is cut down.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import EngineOdd
from dss.model.facts import OwnContainers
from dss.model.images import AllImages, AllRecords
from dss.model.message import ResponseHead
from dss.model.records import Records
from dss.model.ruling import Forward, Stream
from dss.policy import system
from dss.testing.judging import circumstances, drive, edited, request

#: What engine 28.5 may tell of others and of the host, in a swarm and behind proxies.
SECRETS: dict[str, Any] = {
    "ID": "secret-id",
    "DockerRootDir": "/secret/root",
    "HttpProxy": "http://user:secret@proxy",
    "HttpsProxy": "http://user:secret@proxy",
    "NoProxy": "secret.example",
    "Name": "secret-host",
    "Labels": ["secret=1"],
    "RegistryConfig": {
        "IndexConfigs": {"secret.example": {"Mirrors": ["https://secret"]}},
        "InsecureRegistryCIDRs": ["10.99.0.0/16 secret"],
        "Mirrors": ["https://secret"],
    },
    "Runtimes": {"secret": {"path": "/secret/runtime"}},
    "Swarm": {
        "NodeID": "n-1",
        "NodeAddr": "secret",
        "LocalNodeState": "active",
        "ControlAvailable": True,
        "RemoteManagers": [{"NodeID": "secret"}],
        "Nodes": 77,
        "Cluster": {"ID": "secret"},
    },
    "GenericResources": [{"NamedResourceSpec": {"Kind": "secret"}}],
    "CDISpecDirs": ["/secret"],
    "Containerd": {"Address": "/secret.sock"},
    "Warnings": ["secret"],
    "DriverStatus": [["Backing", "secret"]],
    "DefaultAddressPools": [{"Base": "secret", "Size": 24}],
    "NFd": 77,
    "NGoroutines": 77,
    "NEventsListener": 77,
    "Images": 77,
    "Containers": 77,
    "ContainersRunning": 77,
    "ContainersPaused": 77,
    "ContainersStopped": 77,
    "FieldOfTheFuture": {"x": "secret"},
}

#: What every client may know.
PLAIN: dict[str, Any] = {
    "ServerVersion": "28.5.2",
    "NCPU": 2,
    "MemTotal": 25276514304,
    "OSType": "linux",
    "Architecture": "x86_64",
    "Driver": "overlay2",
    "SecurityOptions": ["name=seccomp,profile=builtin"],
    "MemoryLimit": True,
    "Plugins": {"Volume": ["local"]},
    "RuncCommit": {"ID": "1.3.6"},
}


def states(*names: str) -> dict[Any, Any]:
    """
    The owner's containers, in these states, and images of several owners.
    """
    images = [
        {"Id": "sha256:1", "RepoTags": ["a:1"]},
        {"Id": "sha256:2", "Labels": {"com.dss.owner": "ci"}},
        {"Id": "sha256:3", "Labels": {"com.dss.owner": "other"}, "RepoTags": ["b:1"]},
        {"Id": "sha256:4"},
    ]
    return {
        OwnContainers: lambda asked: [{"State": name} for name in names],
        AllRecords: lambda asked: Records(),
        AllImages: lambda asked: images,
    }


def pinged(*headers: tuple[str, str]) -> ResponseHead:
    """
    What the client gets of a ping's head.
    """
    ruling = drive(system.ping(request(), circumstances()))
    assert isinstance(ruling, Forward)
    assert isinstance(ruling.reply, Stream)
    assert ruling.reply.edit_head is not None
    return ruling.reply.edit_head(ResponseHead(200, "OK", headers, 2))


def versions(told: object) -> Any:
    """
    What the client gets of C{/version}.
    """
    ruling = drive(system.version(request(), circumstances()))
    assert isinstance(ruling, Forward)
    return edited(ruling.reply, told)


def informed(told: object, *containers: str) -> Any:
    """
    What the client gets of C{/info}.
    """
    ruling = drive(system.info(request(), circumstances()))
    assert isinstance(ruling, Forward)
    return edited(ruling.reply, told, states(*containers))


@pytest.mark.parametrize(
    ("told", "shown"), [("1.41", "1.41"), ("1.55", "1.55"), ("1.56", "1.55"), ("2.0", "1.55")]
)
def test_ping_tells_of_no_newer_version_than_dss_knows(told: str, shown: str) -> None:
    """
    A client then speaks the newest that both know.
    """
    head = pinged(("Api-Version", told), ("Server", "Docker"))
    assert head.header("api-version") == shown
    assert head.header("server") == "Docker"
    assert (head.status, head.reason, head.length) == (200, "OK", 2)


def test_ping_tells_of_the_classic_builder() -> None:
    """
    Whatever the engine tells.
    """
    head = pinged(("BUILDER-VERSION", "2"), ("swarm", "active/manager"))
    assert head.headers == (("swarm", "active/manager"), ("Builder-Version", "1"))
    assert pinged().header("builder-version") == "1"


def test_ping_of_an_odd_engine_is_not_passed_on() -> None:
    """
    A version that dss can't compare can't be capped.
    """
    with pytest.raises(EngineOdd):
        pinged(("Api-Version", "1.x"))


def test_version_is_capped_everywhere() -> None:
    """
    At the top, and among the details of the components.
    """
    told = {
        "ApiVersion": "1.60",
        "MinAPIVersion": "1.12",
        "Version": "30.0",
        "Components": [
            {"Name": "Engine", "Details": {"ApiVersion": "1.60", "MinAPIVersion": "1.12"}},
            {"Name": "runc", "Details": {"GitCommit": ""}},
            {"Name": "x"},
        ],
    }
    capped = {"ApiVersion": "1.55", "MinAPIVersion": "1.24"}
    assert versions(told) == {
        **capped,
        "Version": "30.0",
        "Components": [
            {"Name": "Engine", "Details": capped},
            {"Name": "runc", "Details": {"GitCommit": ""}},
            {"Name": "x"},
        ],
    }


def test_version_within_range_is_the_same_object() -> None:
    """
    So that the engine's own bytes go on.
    """
    told = {"ApiVersion": "1.51", "MinAPIVersion": "1.24", "Components": [{"Details": {}}]}
    assert versions(told) is told
    assert versions({"ApiVersion": "1.51", "MinAPIVersion": "1.44"})["MinAPIVersion"] == "1.44"


@pytest.mark.parametrize("told", [[], {"ApiVersion": "x"}, {"MinAPIVersion": "x"}])
def test_odd_version_is_not_passed_on(told: object) -> None:
    """
    What dss does not understand is not shown.
    """
    with pytest.raises(EngineOdd):
        versions(told)


def test_info_tells_nothing_of_others_or_of_the_host() -> None:
    """
    Every field is there with a value of its own type, and what is not on the list is empty.
    """
    shown = informed({**SECRETS, **PLAIN})
    text = json.dumps(shown)
    assert "secret" not in text
    assert "77" not in text
    assert set(shown) == set(SECRETS) | set(PLAIN)
    for key, value in SECRETS.items():
        assert type(shown[key]) is type(value), key
    assert {key: shown[key] for key in PLAIN} == PLAIN
    assert shown["Swarm"] == {
        "NodeID": "n-1",
        "NodeAddr": "",
        "LocalNodeState": "active",
        "ControlAvailable": True,
        "RemoteManagers": [],
        "Nodes": 0,
    }
    assert shown["RegistryConfig"]["IndexConfigs"] == {}


def test_info_counts_own_containers() -> None:
    """
    By state, as the engine counts all, and the images that the owner may see.
    """
    shown = informed(dict(SECRETS), "running", "running", "paused", "exited", "created", "dead")
    assert shown["Images"] == 2
    assert [shown[key] for key in ("Containers", "ContainersRunning")] == [6, 2]
    assert [shown[key] for key in ("ContainersPaused", "ContainersStopped")] == [1, 3]


def test_info_keeps_null_and_invents_nothing() -> None:
    """
    A null stays one, and an older engine's info gets no newer objects.
    """
    shown = informed({"Warnings": None, "ServerVersion": "20.10"})
    assert shown["Warnings"] is None
    assert "Swarm" not in shown
    assert "RegistryConfig" not in shown


def test_odd_info_is_not_passed_on() -> None:
    """
    What dss does not understand is not shown.
    """
    with pytest.raises(EngineOdd):
        informed([])
