"""
Views of containers: the mounts as their client wrote them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.model.version import ApiVersion
from dss.policy.mounts.older import as_before
from dss.policy.mounts.showing import Memory, Point, as_engine_shows
from dss.policy.shown import with_image, with_mounts

HOST = {"Binds": ["/w/x:/x:ro"], "Mounts": None, "VolumesFrom": ["web"]}
LABEL = Memory(HOST, {"/x": Point("ro", "/w/x", "rprivate"), "/v": Point("")}, ["/x"]).text()
REAL = [
    {"Type": "volume", "Name": "dss-root-1", "Destination": "/x", "Mode": "z", "RW": False},
    {"Type": "volume", "Name": "v", "Destination": "/v", "Mode": "z", "RW": True},
    {"Type": "tmpfs", "Destination": "/t", "Mode": ""},
]
SHOWN = [
    {
        "Type": "bind",
        "Source": "/w/x",
        "Destination": "/x",
        "Mode": "ro",
        "RW": False,
        "Propagation": "rprivate",
    },
    {"Type": "volume", "Name": "v", "Destination": "/v", "Mode": "", "RW": True},
    {"Type": "tmpfs", "Destination": "/t", "Mode": ""},
]


def test_an_inspected_container() -> None:
    inspected = {
        "Mounts": REAL,
        "HostConfig": {"Binds": None, "Mounts": [1], "VolumesFrom": ["1" * 64], "Init": True},
    }
    found = with_mounts(inspected, {"com.dss.mounts": LABEL})
    assert found["Mounts"] == SHOWN
    assert found["HostConfig"] == {"Binds": HOST["Binds"], "VolumesFrom": ["web"], "Init": True}
    assert inspected["Mounts"] is REAL


def test_a_listed_container() -> None:
    listed = {"Mounts": REAL, "HostConfig": {"NetworkMode": "bridge"}}
    found = with_mounts(listed, {"com.dss.mounts": LABEL})
    assert found == {"Mounts": SHOWN, "HostConfig": {"NetworkMode": "bridge"}}


@pytest.mark.parametrize(
    "label", ["", "{}", "[]", "5", "no JSON", '{"Host":{},"Points":{},"Make":[]}', None, 5]
)
def test_where_nothing_is_remembered(label: object) -> None:
    container = {"Mounts": REAL, "HostConfig": {"Binds": None}}
    assert with_mounts(container, {"com.dss.mounts": label}) is container


def test_the_labels_are_hidden() -> None:
    labels = {"com.dss.mounts": LABEL, "com.dss.image": "web", "com.dss.owner": "ci", "a": "b"}
    shown = with_image({"Labels": labels, "Image": "2" * 64}, "Image", "Labels")
    assert shown == {"Labels": {"com.dss.owner": "ci", "a": "b"}, "Image": "web"}
    shown = with_image({"Labels": {"com.dss.mounts": ""}, "Image": "x"}, "Image", "Labels")
    assert shown == {"Labels": {}, "Image": "x"}
    plain = {"Labels": {"a": "b"}, "Image": "x"}
    assert with_image(plain, "Image", "Labels") is plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ({"a": "b"}, {"a": "b", "com.docker.volume.anonymous": ""}),
        ({}, {"com.docker.volume.anonymous": ""}),
        # Where its client wrote no labels, Engine 28.5 tells none.
        (None, None),
    ],
)
def test_a_label_that_the_engine_gave_a_volume(written: Any, shown: Any) -> None:
    options = {"NoCopy": True, **({} if written is None else {"Labels": written})}
    wish = {"Type": "volume", "Target": "/v", "VolumeOptions": options}
    host = {"Binds": None, "Mounts": [wish], "VolumesFrom": None}
    label = Memory(host, {}).text()
    given = {**(written or {}), "com.docker.volume.anonymous": "", "com.dss.owner": "ci"}
    real = {**wish, "VolumeOptions": {"NoCopy": True, "Labels": given}}
    found = with_mounts({"HostConfig": {**host, "Mounts": [real]}}, {"com.dss.mounts": label})
    told = found["HostConfig"]["Mounts"][0]["VolumeOptions"]
    assert told == {"NoCopy": True, **({"Labels": shown} if shown else {})}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ({"Type": "bind", "ReadOnly": False, "Source": ""}, {"Type": "bind"}),
        ({"Type": "bind", "BindOptions": {}}, {"Type": "bind", "BindOptions": {}}),
        ({"VolumeOptions": {"Labels": {}}}, {"VolumeOptions": {"Labels": {}}}),
        ({"BindOptions": None, "Consistency": "cached"}, {"Consistency": "cached"}),
        (
            {"VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {}}}},
            {"VolumeOptions": {"DriverConfig": {"Name": "local"}}},
        ),
    ],
)
def test_zero_values_are_left_out_as_go_does(written: Any, shown: Any) -> None:
    assert as_engine_shows(written) == shown


def test_bodies_of_older_clients() -> None:
    """
    What the engine would change under the client's own prefix.
    """
    body = {
        "HostConfig": {"IpcMode": ""},
        "Healthcheck": {"StartInterval": 5, "Interval": 6},
        "NetworkingConfig": {"EndpointsConfig": {"own": {"MacAddress": "02:00:00:00:00:01"}}},
    }
    before = json.dumps(body)
    oldest = as_before(body, ApiVersion(1, 39))
    assert oldest == {
        "HostConfig": {"IpcMode": "shareable"},
        "Healthcheck": {"Interval": 6},
        "NetworkingConfig": {"EndpointsConfig": {"own": {}}},
    }
    assert as_before(body, ApiVersion(1, 43))["HostConfig"] == {"IpcMode": ""}
    assert as_before(body, ApiVersion(1, 44)) == body
    assert as_before({"HostConfig": {"IpcMode": "private"}}, ApiVersion(1, 25)) == {
        "HostConfig": {"IpcMode": "private"}
    }
    assert json.dumps(body) == before
