"""
Container update: the same rows as create.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import Denied, NotFound
from dss.model.facts import (
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    HostPath,
    PathFacts,
    VolumeFacts,
    VolumeNamed,
)
from dss.model.ruling import Forward
from dss.policy import update
from dss.testing.judging import circumstances, drive, request

OWN = "1" * 64


def updated(body: dict[str, Any], source: str = "/srv/ci", container: str = "mine") -> Forward:
    ruling = drive(
        update.judge(
            request(params={"id": container}, body=json.dumps(body).encode()),
            circumstances("ci", ("/srv/ci",)),
        ),
        {
            ContainerNamed: lambda q: ContainerFacts(OWN, "ci") if q.reference == "mine" else None,
            ContainerJson: lambda q: {
                "Mounts": [
                    {"Type": "volume", "Name": "v", "Destination": "/v"},
                    {"Type": "bind", "Source": source, "Destination": "/x", "RW": True},
                ]
            },
            VolumeNamed: lambda q: VolumeFacts(q.name, "ci", "local"),
            HostPath: lambda q: PathFacts(q.path, True),
        },
    )
    assert isinstance(ruling, Forward)
    return ruling


#: What the docker CLI 28.5 sends for C{docker update --memory 100m --memory-swap -1}.
CLI = {
    "CpuShares": 0,
    "Memory": 104857600,
    "NanoCpus": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "BlkioWeightDevice": None,
    "CpuPeriod": 0,
    "CpuRealtimePeriod": 0,
    "CpusetCpus": "",
    "Devices": None,
    "DeviceCgroupRules": None,
    "MemorySwap": -1,
    "MemorySwappiness": None,
    "OomKillDisable": None,
    "PidsLimit": None,
    "IOMaximumBandwidth": 0,
    "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
}


def test_what_the_cli_sends_goes_on() -> None:
    found = updated(CLI)
    assert found.params == {"id": OWN}
    assert json.loads(found.body or b"") == {
        name: value for name, value in CLI.items() if value is not None
    }


def test_zero_is_not_null() -> None:
    """
    The engine takes the one for unlimited and the other for no change.
    """
    assert json.loads(updated({"PidsLimit": 0, "Init": True}).body or b"") == {"PidsLimit": 0}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"Devices": [{"PathOnHost": "/dev/sda"}]}, "container.devices"),
        ({"devicecgrouprules": ["a"]}, "container.device_rules"),
        ({"CgroupParent": "/"}, "container.cgroup_parent"),
        ({"CpuRealtimeRuntime": 5}, "container.realtime"),
        ({"OomKillDisable": True}, "container.oom"),
        ({"Privileged": True}, "field.unknown"),
    ],
)
def test_denied(body: dict[str, Any], rule: str) -> None:
    with pytest.raises(Denied) as caught:
        updated(body)
    assert [each.rule for each in caught.value.problems] == [rule]


@pytest.mark.parametrize("policy", ["always", "on-failure", "unless-stopped"])
def test_a_restart_policy_where_a_source_can_be_replaced(policy: str) -> None:
    body = {"RestartPolicy": {"Name": policy}}
    with pytest.raises(Denied, match=r"container\.restart"):
        updated(body, "/srv/ci/src")
    assert updated(body, "/srv/ci")
    assert updated({"RestartPolicy": {"Name": "no"}}, "/srv/ci/src")


def test_a_missing_or_foreign_container() -> None:
    with pytest.raises(NotFound, match="No such container: theirs"):
        updated({"Memory": 1}, container="theirs")
