"""
A list of containers shows an owner its own.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import EngineOdd, NotFound
from dss.model.facts import (
    ContainerFacts,
    ContainerNamed,
    HooksOnEntry,
    NetworkFacts,
    NetworkNamed,
)
from dss.model.ruling import EditJson, Forward
from dss.model.version import ApiVersion
from dss.policy import listing
from dss.testing.judging import circumstances, drive, edited, request

ID = "ab" * 32
SHOWN = {HooksOnEntry: lambda asked: True}
OWN = {ContainerNamed: lambda asked: ContainerFacts(ID, "ci") if asked.reference == "web" else None}


def container(owner: str | None, **labels: str) -> dict[str, Any]:
    """
    An entry of the engine's list of containers.
    """
    stamped = labels if owner is None else {**labels, "com.dss.owner": owner}
    return {"Id": ID, "Image": "sha256:12", "Labels": stamped}


def listed(**filters: tuple[str, ...]) -> Forward:
    """
    The request for a list of containers.
    """
    asked = request(query={"all": "1", "filters": filters})
    ruling = drive(listing.containers(asked, circumstances()), OWN)
    assert isinstance(ruling, Forward)
    return ruling


def test_list_is_asked_for_by_label() -> None:
    """
    The client's filters stay, and the owner's label is added.
    """
    query = dict(listed(status=("running",), label=("a=b",)).query)
    assert query["all"] == "1"
    assert json.loads(query["filters"]) == {
        "status": {"running": True},
        "label": {"a=b": True, "com.dss.owner=ci": True},
    }
    assert '"com.dss.owner=ci"' in dict(drive_bare().query)["filters"]


def drive_bare() -> Forward:
    """
    The request for a list without any parameter.
    """
    ruling = drive(listing.containers(request(), circumstances()))
    assert isinstance(ruling, Forward)
    return ruling


@pytest.mark.parametrize("key", ["before", "since"])
def test_a_filter_that_names_a_container_is_resolved(key: str) -> None:
    """
    To the id of the owner's own; another's is missing, as the engine would say it.
    """
    assert json.loads(dict(listed(**{key: ("web",)}).query)["filters"])[key] == {ID: True}
    with pytest.raises(NotFound, match=r"^No such container: other$"):
        listed(**{key: ("web", "other")})


def test_a_filter_that_names_a_network_asks_for_its_name_and_its_id() -> None:
    """
    A container that never started has its network by either; a missing one stays a name.
    """
    known: dict[str, NetworkFacts] = {"app": NetworkFacts("cd" * 32, "app", "ci")}
    asked = request(query={"filters": {"network": ("app", "gone")}})
    answers: dict[Any, Any] = {
        **OWN,
        NetworkNamed: lambda question: known.get(question.reference),
    }
    ruling = drive(listing.containers(asked, circumstances()), answers)
    assert isinstance(ruling, Forward)
    filters = json.loads(dict(ruling.query)["filters"])
    assert filters["network"] == {"app": True, "cd" * 32: True, "gone": True}


def test_a_missing_one_in_the_words_of_20_10() -> None:
    asked = request(query={"filters": {"before": ("nobody",)}})
    judgement = listing.containers(asked, circumstances(engine_version=ApiVersion(1, 41)))
    with pytest.raises(NotFound, match=r"^no such container nobody$"):
        drive(judgement, {ContainerNamed: lambda asked: None})


def test_list_is_filtered_again() -> None:
    """
    What is another's, nobody's or odd is dropped, whatever the engine answered.
    """
    own = container("ci")
    told = [container("other"), own, container(None), {"Id": ID, "Labels": None}, {}, None, "x"]
    assert edited(listed().reply, told, SHOWN) == [own]


def test_list_of_own_is_the_same_object() -> None:
    """
    So that the engine's own bytes go on.
    """
    told = [container("ci"), container("ci")]
    assert edited(listed().reply, told, SHOWN) is told
    assert edited(listed().reply, [], {}) == []


def test_list_shows_the_image_that_was_written() -> None:
    """
    And hides the label that remembers it.
    """
    (shown,) = edited(listed().reply, [container("ci", **{"com.dss.image": "busybox:1"})], SHOWN)
    assert shown == {**container("ci"), "Image": "busybox:1"}


def test_hooks_hide_entries() -> None:
    """
    Each own entry is shown to the hooks as the engine told it, no other is.
    """
    asked: list[HooksOnEntry] = []

    def hook(question: HooksOnEntry) -> bool:
        asked.append(question)
        return question.entry.get("Keep", False) is True

    kept = {**container("ci"), "Keep": True}
    told = [kept, container("ci"), container("other")]
    assert edited(listed().reply, told, {HooksOnEntry: hook}) == [kept]
    assert asked == [HooksOnEntry("container", kept), HooksOnEntry("container", told[1])]


def test_list_that_is_none_is_not_shown() -> None:
    """
    What dss does not understand is not passed on.
    """
    assert isinstance(listed().reply, EditJson)
    with pytest.raises(EngineOdd):
        edited(listed().reply, {"containers": []}, SHOWN)
