"""
The use of the disk is an owner's own.
"""

from __future__ import annotations

from typing import Any

import pytest

from dss.errors import EngineOdd
from dss.model.facts import HooksOnEntry, OwnContainers
from dss.model.images import AllRecords
from dss.model.records import Records
from dss.model.ruling import Answer, Forward
from dss.model.version import ApiVersion
from dss.policy import disk
from dss.testing.judging import circumstances, drive, edited, request

OWN = {"com.dss.owner": "ci"}
OTHERS = {"com.dss.owner": "other"}

ANSWERS: dict[Any, Any] = {
    HooksOnEntry: lambda asked: True,
    OwnContainers: lambda asked: [{"Id": "c1", "ImageID": "i1"}],
    AllRecords: lambda asked: Records(),
}


def image(id: str, size: int, shared: int, **more: Any) -> dict[str, Any]:
    return {"Id": id, "Size": size, "SharedSize": shared, "Containers": 1, **more}


USED: dict[str, Any] = {
    "LayersSize": 900,
    "Images": [
        image("i1", 100, 30, RepoTags=["a:1"]),
        image("i2", 50, 20, Labels=OWN),
        image("i3", 700, 0, Labels=OTHERS, RepoTags=["b:1"]),
        image("i4", 50, 30),
    ],
    "Containers": [{"Id": "c1", "Labels": OWN}, {"Id": "c2", "Labels": OTHERS}],
    "Volumes": [
        {"Name": "v1", "Labels": OWN},
        {"Name": "v2"},
        {"Name": "dss-root-1", "Labels": OWN},
    ],
    "BuildCache": [{"ID": "x", "Description": "RUN secret"}],
    "BuilderSize": 12,
    "Newer": {"Secret": "x"},
}


def used(told: Any, **query: Any) -> Any:
    """
    What the client gets.
    """
    ruling = drive(disk.usage(request(query=query), circumstances()))
    assert isinstance(ruling, Forward)
    return edited(ruling.reply, told, ANSWERS)


def test_only_own_things_and_images_that_may_be_seen() -> None:
    """
    What an owner may not see doesn't count either.
    """
    shown = used(USED)
    assert [each["Id"] for each in shown["Images"]] == ["i1", "i2"]
    assert [each["Containers"] for each in shown["Images"]] == [1, 0]
    assert [each["Id"] for each in shown["Containers"]] == ["c1"]
    assert [each["Name"] for each in shown["Volumes"]] == ["v1"]
    assert shown["BuildCache"] == []
    assert shown["BuilderSize"] == 0
    assert shown["LayersSize"] == 70 + 30 + 30
    assert "Newer" not in shown


def test_what_was_not_asked_for_stays_null() -> None:
    """
    As engines of API 1.42 and newer show it.
    """
    told = {"Images": None, "Containers": None, "Volumes": None, "BuildCache": None}
    assert used({"LayersSize": 0, **told}) == {"LayersSize": 0, **told}


def test_newer_versions_are_asked_for_lists() -> None:
    """
    Their sums would be of all that the engine has.
    """
    for version, asked in ((ApiVersion(1, 55), ApiVersion(1, 51)), (ApiVersion(1, 41),) * 2):
        wanted = request(query={"verbose": "1", "type": ("image",)}, version=version)
        ruling = drive(disk.usage(wanted, circumstances()))
        assert isinstance(ruling, Forward)
        assert ruling.version == asked
        assert ruling.query == (("type", "image"),)


def test_an_odd_answer_is_not_passed_on() -> None:
    with pytest.raises(EngineOdd):
        used([])


def test_the_build_cache_is_pruned_of_nothing() -> None:
    """
    An owner has none, whatever it asks to prune.
    """
    ruling = drive(disk.prune_cache(request(query={"all": "1"}), circumstances()))
    assert ruling == Answer(200, b'{"CachesDeleted":null,"SpaceReclaimed":0}\n')
