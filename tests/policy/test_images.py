"""
An owner sees its own images and those that nobody owns.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import EngineOdd, NotFound
from dss.model.facts import HooksOnEntry, ImageFacts, ImageNamed, OwnContainers
from dss.model.images import AllRecords
from dss.model.records import NO_RECORDS
from dss.model.ruling import EditJson, Forward
from dss.model.version import ApiVersion
from dss.policy.images import showing
from dss.testing.judging import circumstances, drive, edited, request

ID = "sha256:" + "ab" * 32
IMAGES = {
    "own": ImageFacts(ID, "ci", is_named=True),
    "ownstep": ImageFacts(ID, "ci"),
    "shared": ImageFacts(ID, None, is_named=True),
    "other": ImageFacts(ID, "someone", is_named=True),
    "step": ImageFacts(ID, None),
}
KNOWN = {ImageNamed: lambda asked: IMAGES.get(asked.reference)}
SHOWN = {
    HooksOnEntry: lambda asked: True,
    OwnContainers: lambda asked: [{"Id": "1"}],
    AllRecords: lambda asked: NO_RECORDS,
}


def inspected(name: str) -> Forward:
    """
    The request that inspects an image.
    """
    asked = request(params={"name": name}, query={"manifests": "1"})
    ruling = drive(showing.inspect(asked, circumstances()), KNOWN)
    assert isinstance(ruling, Forward)
    return ruling


def listed(**filters: tuple[str, ...]) -> Forward:
    """
    The request for the list of images.
    """
    asked = request(query={"filters": filters, "all": "1"})
    ruling = drive(showing.listing(asked, circumstances()), KNOWN)
    assert isinstance(ruling, Forward)
    return ruling


def image(owner: str | None = None, tag: str | None = "a:1", **more: object) -> dict[str, Any]:
    """
    An entry of the engine's list of images.
    """
    labels = {} if owner is None else {"com.dss.owner": owner}
    return {"Id": ID, "RepoTags": [tag] if tag else None, "Labels": labels, **more}


@pytest.mark.parametrize("name", ["own", "ownstep", "shared"])
def test_own_and_shared_images_are_inspected_by_id(name: str) -> None:
    """
    So that a tag can't move between the judgement and the answer.
    """
    ruling = inspected(name)
    assert ruling.params == {"name": ID}
    assert ruling.query == (("manifests", "1"),)
    assert isinstance(ruling.reply, EditJson)
    shown = {"Id": ID, "RepoTags": ["a:1"], "Config": {"Labels": {"a": "b"}}}
    assert edited(ruling.reply, shown) is shown
    labelled = {**shown, "Config": {"Labels": {"a": "b", "com.dss.owner": "ci"}}}
    assert edited(ruling.reply, labelled) == shown
    with pytest.raises(EngineOdd):
        edited(ruling.reply, {**shown, "Id": "sha256:" + "0" * 64})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("other", "other:latest"),
        ("step", "step:latest"),
        ("nosuch", "nosuch:latest"),
        ("nosuch:1", "nosuch:1"),
        ("r.io:5000/nosuch", "r.io:5000/nosuch:latest"),
        ("nosuch@sha256:12", "nosuch@sha256:12"),
        ("sha256:1234", "sha256:1234"),
        ("ab" * 32, "ab" * 32),
    ],
)
def test_missing_and_foreign_are_the_engines_404(name: str, told: str) -> None:
    """
    As engines 26.1 and 28.5 word it.
    """
    with pytest.raises(NotFound, match=f"^No such image: {told}$"):
        inspected(name)


def test_missing_in_the_words_of_20_10() -> None:
    """
    It says it twice.
    """
    asked = request(params={"name": "nosuch"})
    judgement = showing.inspect(asked, circumstances(engine_version=ApiVersion(1, 41)))
    with pytest.raises(NotFound, match=r"^no such image: nosuch: No such image: nosuch:latest$"):
        drive(judgement, KNOWN)


@pytest.mark.parametrize("key", ["before", "since"])
def test_a_filter_that_names_an_image_is_resolved(key: str) -> None:
    """
    To an id; another owner's image is missing.
    """
    assert json.loads(dict(listed(**{key: ("own", "shared")}).query)["filters"]) == {
        key: {ID: True}
    }
    with pytest.raises(NotFound, match="No such image: other:latest"):
        listed(**{key: ("other",)})


def test_list_keeps_the_clients_query() -> None:
    """
    Shared images have no owner's label, so none is asked for.
    """
    assert listed(reference=("a*",)).query == (
        ("filters", '{"reference":{"a*":true}}'),
        ("all", "1"),
    )
    assert listed().query == (("all", "1"),)


def test_list_is_filtered() -> None:
    """
    Another's image is dropped, and so is one without a name that nobody owns.
    """
    seen = [image("ci"), image(), image("ci", tag=None), image(RepoDigests=["a@sha256:1"])]
    hidden = [
        image("someone"),
        image(tag=None),
        image(tag="<none>:<none>", RepoDigests=["<none>@<none>"]),
        image("someone", tag=None),
    ]
    bare = [{**each, "Labels": each["Labels"] and None} for each in seen]
    assert edited(listed().reply, [*hidden, *seen], SHOWN) == bare
    assert edited(listed().reply, [image()], SHOWN)
    unchanged = [image()]
    assert edited(listed().reply, unchanged, SHOWN) is unchanged


def test_how_many_containers_of_others_use_an_image() -> None:
    """
    The engine counts those of all owners, where it counts; the owner's own are told.
    """
    own = [{"Id": "1", "ImageID": ID}, {"Id": "2", "ImageID": "sha256:other"}]
    answers = {**SHOWN, OwnContainers: lambda asked: own}
    assert edited(listed().reply, [image(Containers=3)], answers) == [image(Containers=1)]
    for count in (1, -1):
        fine = [image(Containers=count)]
        assert edited(listed().reply, fine, answers) is fine


def test_hooks_hide_images() -> None:
    """
    A hook that says no drops the entry.
    """
    assert edited(listed().reply, [image()], {**SHOWN, HooksOnEntry: lambda asked: False}) == []


def test_manifests_name_own_containers_only() -> None:
    """
    Manifests tell which containers use an image (API 1.47).
    """
    data = {"Containers": ["1", "2"], "Size": 3}
    told = image(Manifests=[{"ID": "x", "ImageData": data}, {"ID": "y"}])
    (shown,) = edited(listed().reply, [told], SHOWN)
    assert shown["Manifests"] == [
        {"ID": "x", "ImageData": {"Containers": ["1"], "Size": 3}},
        {"ID": "y"},
    ]


@pytest.mark.parametrize("told", [{}, None, [None], ["x"]])
def test_odd_list_is_not_passed_on(told: object) -> None:
    """
    What dss does not understand is not shown.
    """
    with pytest.raises(EngineOdd):
        edited(listed().reply, told, SHOWN)
