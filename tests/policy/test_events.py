"""
Events show an owner what happens to its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from dss.config.networks import Networks
from dss.errors import NoManager
from dss.model.facts import (
    ContainerFacts,
    ContainerNamed,
    HooksOnEntry,
    ImageNamed,
    IsOwn,
    OwnIds,
)
from dss.model.ruling import EditLines, Forward
from dss.policy import events
from dss.policy.networks.resolving import private_name
from dss.testing.judging import circumstances, drive, edited, request
from tests.policy.images_world import World, image_id

ID = "ab" * 32
NET = "cd" * 32
SHOWN: dict[Any, Any] = {HooksOnEntry: lambda asked: True, ImageNamed: lambda asked: None}


def event(owner: str | None, kind: str = "container", **attributes: str) -> dict[str, Any]:
    """
    An event as engine 28.5 writes it.
    """
    stamped = attributes if owner is None else {**attributes, "com.dss.owner": owner}
    return {
        "status": "start",
        "id": ID,
        "from": "sha256:12",
        "Type": kind,
        "Action": "start",
        "Actor": {"ID": ID, "Attributes": {"image": "sha256:12", "name": "web", **stamped}},
    }


def about(kind: str, id: str, action: str, **attributes: str) -> dict[str, Any]:
    """
    An event of what carries no labels, as engines 20.10 to 28.5 write it.
    """
    return {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": id, "Attributes": attributes},
        "scope": "local",
    }


def own_ids(known: Mapping[str, set[str]]) -> Any:
    """
    Answers what the owner has; without an entry for a Swarm's kinds there is none.
    """

    def answer(asked: OwnIds) -> frozenset[str]:
        if asked.kind not in known and asked.kind not in ("network", "volume"):
            raise NoManager("This node is not a swarm manager.")
        return frozenset(known.get(asked.kind, ()))

    return answer


def watched(known: Mapping[str, set[str]] | None = None, **filters: tuple[str, ...]) -> Forward:
    """
    The request for events, of an owner that has something already.
    """
    asked = request(query={"since": "1", "filters": filters})
    ruling = drive(
        events.watch(asked, circumstances()),
        {**World().answers("ci"), OwnIds: own_ids(known or {})},
    )
    assert isinstance(ruling, Forward)
    return ruling


def test_the_clients_filters_stay() -> None:
    """
    But for the image: the engine knows the id only. The owner's label is asked for where
    no event without labels is asked for.
    """
    assert "filters" not in dict(watched().query)
    assert json.loads(dict(watched(type=("network", "container")).query)["filters"]) == {
        "type": {"network": True, "container": True},
    }
    assert json.loads(dict(watched(label=("a=b",)).query)["filters"]) == {
        "label": {"a=b": True, "com.dss.owner=ci": True},
    }
    query = dict(watched(type=("container",), image=("busybox",)).query)
    assert query["since"] == "1"
    assert json.loads(query["filters"]) == {
        "type": {"container": True},
        "label": {"com.dss.owner=ci": True},
    }


@pytest.mark.parametrize(
    "told",
    [
        event("other"),
        event(None),
        event("other", kind="image"),
        event(None, kind="image"),
        event("ci", kind="plugin"),
        event("ci", kind="daemon"),
        event("ci", kind="node"),
        event("ci", kind="network"),
        event("ci", kind="volume"),
        about("builder", "", "prune", reclaimed="0"),
        about("volume", "", "prune", reclaimed="0"),
        about("network", NET, "destroy", name="app", type="bridge"),
        about("volume", "data", "destroy", driver="local"),
        about("secret", "s1", "remove", name="key"),
        {"Type": "container"},
        {"Type": "container", "Actor": None},
        {"Type": "container", "Actor": {"Attributes": None}},
        [],
        None,
        {"status": "start", "id": ID},
    ],
)
def test_other_events_are_dropped(told: object) -> None:
    """
    What is another's, nobody's, or can't be told whose it is.
    """
    assert isinstance(watched().reply, EditLines)
    assert edited(watched().reply, told, SHOWN) is None
    own = event("ci")
    assert edited(watched().reply, own, SHOWN) is own


def test_events_show_the_image_that_was_written() -> None:
    """
    In both places, and without the label that remembers it.
    """
    told = event("ci", **{"com.dss.image": "busybox:1"})
    shown = edited(watched().reply, told, SHOWN)
    expected = event("ci", image="busybox:1")
    assert shown == {**expected, "from": "busybox:1"}
    del told["from"]
    assert "from" not in edited(watched().reply, told, SHOWN)


@pytest.mark.parametrize(
    ("image", "wanted", "seen"),
    [
        ("busybox:1", "busybox:1", True),
        ("busybox:1", "busybox", True),
        ("busybox", "busybox", True),
        ("r.io:5000/busybox", "r.io:5000/busybox", True),
        ("busybox@sha256:12", "busybox", True),
        ("busybox:1", "busybox:2", False),
        ("busybox:1", "box", False),
        ("r.io:5000/busybox", "r.io", False),
        ("busybox", ID, True),
    ],
)
def test_events_of_an_image(image: str, wanted: str, seen: bool) -> None:
    """
    The filter C{image} means what the container's client wrote, with its tag or without.
    """
    told = event("ci", **{"com.dss.image": image})
    assert (edited(watched(image=(wanted,)).reply, told, SHOWN) is not None) is seen


def test_hooks_hide_events() -> None:
    """
    A hook that says no drops the event.
    """
    assert edited(watched().reply, event("ci"), {HooksOnEntry: lambda asked: False}) is None


OWNED: dict[Any, Any] = {
    **SHOWN,
    IsOwn: lambda asked: asked.id in (NET, "data", "s1"),
    ContainerNamed: lambda asked: ContainerFacts(ID, "ci") if asked.reference == ID else None,
}


@pytest.mark.parametrize(
    ("kind", "id", "end"),
    [("network", NET, "destroy"), ("volume", "data", "destroy"), ("secret", "s1", "remove")],
)
def test_what_carries_no_labels_is_asked_for_when_it_is_made(kind: str, id: str, end: str) -> None:
    """
    And is known when it goes, once: the same name may be another's afterwards.
    """
    reply = watched().reply
    for action in ("create", "update", end):
        told = about(kind, id, action, name="x")
        assert edited(reply, told, OWNED) is told
    assert edited(reply, about(kind, id, end, name="x"), OWNED) is None
    others = about(kind, "ef" * 32, "create", name="x")
    assert edited(reply, others, OWNED) is None
    assert edited(reply, {**others, "Action": end}, OWNED) is None


def test_a_name_that_changed_hands_is_not_remembered() -> None:
    reply = watched({"volume": {"data"}}).reply
    made = about("volume", "data", "create", driver="local")
    assert edited(reply, made, {**SHOWN, IsOwn: lambda asked: False}) is None
    assert edited(reply, about("volume", "data", "destroy", driver="local"), SHOWN) is None


@pytest.mark.parametrize("kind", ["network", "volume", "service", "secret", "config"])
def test_what_was_there_before_is_known(kind: str) -> None:
    known = {kind: {"x1"}, "service": {"x1"}, "secret": {"x1"}, "config": {"x1"}}
    reply = watched(known).reply
    told = about(kind, "x1", "destroy", name="x")
    assert edited(reply, told, SHOWN) is told
    assert edited(reply, about(kind, "x2", "destroy", name="x"), SHOWN) is None


def test_only_what_is_asked_for_is_looked_at() -> None:
    """
    A client that wants events of containers costs the engine no question.
    """
    asked = request(query={"filters": {"type": ("container",)}})
    assert isinstance(drive(events.watch(asked, circumstances())), Forward)


@pytest.mark.parametrize(
    ("kind", "id", "action", "end"),
    [("network", NET, "connect", "destroy"), ("volume", "data", "mount", "destroy")],
)
def test_of_an_own_container(kind: str, id: str, action: str, end: str) -> None:
    """
    What an own container joins or mounts is shown, and known from then on; what another
    owner's does is not.
    """
    reply = watched().reply
    told = about(kind, id, action, container=ID, name="app")
    assert edited(reply, told, OWNED) is told
    assert edited(reply, {**told, "Action": end, "Actor": {"ID": id, "Attributes": {}}}, OWNED)
    others = about(kind, "other", action, container="ef" * 32, name="app")
    assert edited(reply, others, OWNED) is None
    assert edited(reply, about(kind, "other", end, name="app"), OWNED) is None


def test_a_container_that_is_gone_is_known_from_its_own_events() -> None:
    reply = watched().reply
    gone: dict[Any, Any] = {**SHOWN, ContainerNamed: lambda asked: None}
    left = about("network", NET, "disconnect", container=ID, name="app")
    assert edited(reply, left, gone) is None
    assert edited(reply, event("ci"), gone) is not None
    assert edited(reply, left, gone) is left


def test_the_engines_own_networks_stay_everybodys() -> None:
    """
    An own container in the common bridge doesn't make the bridge the owner's.
    """
    reply = watched().reply
    joined = about("network", NET, "connect", container=ID, name="bridge", type="bridge")
    assert edited(reply, joined, OWNED) is joined
    assert edited(reply, about("network", NET, "destroy", name="bridge"), OWNED) is None


def test_a_private_bridge_is_called_as_its_client_does() -> None:
    plain = circumstances()
    settings = evolve(plain.settings, networks=Networks(private_bridge=True))
    around = evolve(plain, settings=settings)
    answers = {**World().answers("ci"), OwnIds: own_ids({})}
    ruling = drive(events.watch(request(), around), answers)
    assert isinstance(ruling, Forward)
    told = about("network", NET, "connect", container=ID, name=private_name(around.owner))
    assert edited(ruling.reply, told, OWNED) == about(
        "network", NET, "connect", container=ID, name="bridge"
    )


def test_volumes_of_dss_are_hidden() -> None:
    told = about("volume", "dss-root-0123456789abcdef", "mount", container=ID)
    assert edited(watched().reply, told, OWNED) is None


def test_an_image_that_is_gone_is_known_from_what_was_told_before() -> None:
    """
    From its events, or from what there was when the client came. Its label tells nothing:
    others may have pulled it, and named it as they like.
    """
    world = World()
    id = world.add("1", "own:1", label="ci")
    theirs = world.add("2", "secret:1", label="ci")
    world.keep("other", "2", "secret:1")
    asked = request(query={"since": "1"})
    answers = {**world.answers("ci"), OwnIds: own_ids({})}
    ruling = drive(events.watch(asked, circumstances()), answers)
    assert isinstance(ruling, Forward)
    reply = ruling.reply
    label = {"com.dss.owner": "ci"}
    tagged = about("image", theirs, "tag", name="secret:1", **label)
    assert edited(reply, tagged, answers) is None
    world.images.clear()
    assert edited(reply, tagged, answers) is None
    for own in (
        about("image", id, "tag", name="own:1", **label),
        about("image", id, "untag", name=id, **label),
        about("image", id, "delete", name=id),
    ):
        assert edited(reply, own, answers) is own
    assert edited(reply, about("image", id, "tag", name="secret:2", **label), answers) is None
    assert edited(reply, about("image", id, "delete", name=id), answers) is None


def test_images_by_the_ledger() -> None:
    """
    Pulled ones are theirs who have them, whatever their labels say, and so are names.
    """
    world = World()
    id = world.add("1", "app:1", label="other")
    world.keep("ci", "1", "app:1")
    world.add("2", "base:1", "mine:1", "theirs:1")
    world.keep("ci", "2", "mine:1", holds=False)
    world.keep("other", "2", "theirs:1", holds=False)
    label = {"com.dss.owner": "other"}
    for told, seen in (
        (about("image", id, "tag", name="app:1", **label), {"ci"}),
        (about("image", "app:1", "pull", name="app", **label), {"ci"}),
        (about("image", id, "save", name=id, **label), {"ci"}),
        (about("image", image_id("2"), "tag", name="mine:1"), {"ci"}),
        (about("image", image_id("2"), "tag", name="theirs:1"), {"other"}),
        (about("image", image_id("2"), "tag", name="base:1"), set[str]()),
        (about("image", "base:1", "push", name="base"), set[str]()),
    ):
        for owner in ("ci", "other"):
            asked = request(query={"since": "1"})
            answers = {**World().answers(owner), OwnIds: own_ids({})}
            ruling = drive(events.watch(asked, circumstances(owner)), answers)
            assert isinstance(ruling, Forward)
            shown = edited(ruling.reply, told, world.answers(owner))
            assert (shown is told) is (owner in seen), (told, owner)


def test_a_filter_of_images_leaves_only_what_has_one() -> None:
    reply = watched({"network": {NET}}, image=("a:1",)).reply
    assert edited(reply, about("network", NET, "destroy", name="app"), OWNED) is None
    world = World()
    tagged = about("image", world.add("1", "a:1", label="ci"), "tag", name="a:1")
    assert edited(reply, tagged, world.answers("ci")) is tagged
