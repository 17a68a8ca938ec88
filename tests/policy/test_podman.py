"""
What is judged of a request when the engine is Podman.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import Denied
from dss.model.ruling import Answer, Forward, Judgement, Ruling
from dss.policy.podman import SERVED, guarded
from dss.policy.request import Circumstances, Request
from dss.routes import ROUTES
from dss.testing.judging import circumstances, drive, request


def rules(body: Any, operation: str = "ContainerCreate") -> list[str]:
    """
    The rules that deny a body which another policy let through.
    """

    def policy(request: Request, around: Circumstances) -> Judgement[Ruling]:
        return Forward(body=json.dumps(body).encode())
        yield  # pragma: no cover - makes this function a generator

    try:
        ruling = drive(guarded(policy)(request(operation), circumstances()))
    except Denied as denied:
        return [each.rule for each in denied.problems]
    assert isinstance(ruling, Forward)
    return []


def test_only_rows_are_served() -> None:
    """
    What is served is in the route table.
    """
    assert {route.operation for route in ROUTES} > SERVED


def test_operations() -> None:
    """
    What nobody tried at Podman is denied before its policy asks anything.
    """
    assert rules({}) == []
    assert rules([]) == []
    assert rules({}, "ImageBuild") == ["podman.operation"]
    assert rules({}, "SwarmInit") == ["podman.operation"]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"Env": ["A=b", "HOME"]}, "podman.env"),
        ({"Env": ["*"]}, "podman.env"),
        ({"HostConfig": {"Mounts": [{"Source": "/a", "Target": "/x,source=/"}]}}, "podman.text"),
        ({"HostConfig": {"Mounts": [{"Source": "/a=b", "Target": "/x"}]}}, "podman.text"),
        ({"HostConfig": {"Mounts": [{"Target": '/x"'}]}}, "podman.text"),
        ({"HostConfig": {"Mounts": [{"Target": "/x\ny"}]}}, "podman.text"),
        ({"HostConfig": {"Tmpfs": {"/x:suid": ""}}}, "podman.text"),
        ({"HostConfig": {"Sysctls": {"a=b": "c"}}}, "podman.text"),
        ({"HostConfig": {"StorageOpt": {"a=b": "c"}}}, "podman.text"),
        ({"HostConfig": {"LogConfig": {"Config": {"path=/x": "c"}}}}, "podman.text"),
        ({"Volumes": {"/etc:/x": {}}}, "podman.text"),
        ({"HostConfig": {"Devices": [{"PathOnHost": "/dev/a:/dev/b"}]}}, "podman.text"),
        ({"DriverOpts": {"type": "tmpfs"}}, "podman.volume"),
        (
            {
                "HostConfig": {
                    "Mounts": [{"VolumeOptions": {"DriverConfig": {"Options": {"o": "x"}}}}]
                }
            },
            "podman.volume",
        ),
        ({"Labels": {"a=b": ""}}, "podman.text"),
        ({"Labels": {"PODMAN_SYSTEMD_UNIT": "x"}}, "podman.label"),
        ({"Labels": {"io.containers.autoupdate": "local"}}, "podman.label"),
        ({"Labels": {"io.podman.x": ""}}, "podman.label"),
    ],
)
def test_text_with_a_second_meaning(body: Any, rule: str) -> None:
    """
    What Podman would read as more than Docker does is denied.
    """
    assert rules(body) == [rule]


def test_ordinary_text() -> None:
    """
    All else goes on, as do nulls.
    """
    mounts = [{"Type": "bind", "Source": "/a b", "Target": "/x:y"}, {"Target": "/z"}]
    host = {"Mounts": mounts, "Tmpfs": {"/t": "size=1m,mode=700"}, "LogConfig": {"Config": None}}
    body = {"Env": ["A=b,c"], "Labels": {"a.b/c": "d=e"}, "Volumes": None, "HostConfig": host}
    assert rules(body) == []
    assert rules({"Env": None, "Labels": None, "HostConfig": None}) == []
    mount = {"Target": "/x", "VolumeOptions": {"DriverConfig": {"Name": "local"}}}
    devices = [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse"}]
    assert rules({"DriverOpts": {}, "HostConfig": {"Mounts": [mount], "Devices": devices}}) == []


def test_answers_pass() -> None:
    """
    What needs no engine is answered.
    """

    def policy(request: Request, around: Circumstances) -> Judgement[Ruling]:
        return Answer(200, b"{}")
        yield  # pragma: no cover - makes this function a generator

    assert isinstance(drive(guarded(policy)(request("ContainerPrune"), circumstances())), Answer)


def test_prunes_of_volumes() -> None:
    """
    With filters, any of which would do for Podman, they are denied.
    """

    def policy(request: Request, around: Circumstances) -> Judgement[Ruling]:
        return Forward()
        yield  # pragma: no cover - makes this function a generator

    def pruned(operation: str, query: dict[str, Any]) -> Ruling:
        return drive(guarded(policy)(request(operation, query=query), circumstances()))

    filters = {"filters": {"label": ("x=y",)}}
    assert pruned("VolumePrune", {}) == pruned("ContainerPrune", filters) == Forward()
    with pytest.raises(Denied, match=r"podman\.prune"):
        pruned("VolumePrune", filters)
