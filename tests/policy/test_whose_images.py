"""
Whose images and their names are, by labels and by the ledger.
"""

from __future__ import annotations

import pytest
from attrs import evolve

from dss.model.records import Write
from tests.policy.images_world import World, image_id

DIGEST = "sha256:" + "d" * 64


def usable(world: World, reference: str) -> list[str]:
    """
    Which of three owners may use what a reference means.
    """
    found = world.seen(reference)
    assert found is not None
    return [each for each in ("a", "b", "c") if found.is_usable(each)]


def test_by_labels_alone() -> None:
    """
    One with a label is its owner's; one with a name and no label is for all.
    """
    world = World()
    world.add("1", "own:1", label="a")
    world.add("2", "shared:1")
    world.add("3", f"shared@{DIGEST}")
    world.add("4")
    assert usable(world, "own:1") == ["a"]
    assert usable(world, "shared:1") == usable(world, image_id("3")) == ["a", "b", "c"]
    assert usable(world, image_id("4")) == []


def test_what_was_pulled() -> None:
    """
    It is of those who pulled it, also by digest and id, until somebody beside dss gives it
    a name.
    """
    world = World()
    world.add("1", "app:1", f"app@{DIGEST}")
    for owner in ("a", "b"):
        world.keep(owner, "1", "app:1", f"app@{DIGEST}")
        owners = ["a", "b"][: 1 + (owner == "b")]
        for reference in ("app:1", image_id("1"), f"app@{DIGEST}"):
            assert usable(world, reference) == owners
    world.add("1", "app:1", "ops:1", f"app@{DIGEST}")
    assert usable(world, "ops:1") == usable(world, image_id("1")) == ["a", "b", "c"]
    assert usable(world, "app:1") == ["a", "b"]


def test_records_stand_before_labels() -> None:
    """
    An image that was pulled or loaded may have any label. A tag of it that nobody recorded
    is the operator's.
    """
    world = World()
    world.add("1", "app:1", label="a")
    world.keep("b", "1", "app:1")
    assert usable(world, "app:1") == usable(world, image_id("1")) == ["b"]
    world.add("1", "app:1", "ops:1", label="a")
    assert usable(world, "ops:1") == ["a", "b", "c"]


def test_records_of_a_name_hold_for_its_image_only() -> None:
    """
    A tag that moved since is not the recorded owner's.
    """
    world = World()
    world.add("1", "app:1", "base:1")
    world.keep("a", "1", "app:1", holds=False)
    assert usable(world, "app:1") == ["a"]
    assert usable(world, "base:1") == ["a", "b", "c"]
    world.add("1", "base:1")
    world.add("2", "app:1")
    assert usable(world, "app:1") == ["a", "b", "c"]


def test_an_image_of_which_only_the_names_are_known() -> None:
    """
    It is theirs who have a name for it, and not shared.
    """
    world = World()
    world.add("1", "app:1")
    world.keep("a", "1", "app:1", holds=False)
    assert usable(world, image_id("1")) == ["a"]


@pytest.mark.parametrize("before", ["", "1"])
def test_a_pull_that_is_under_way(before: str) -> None:
    """
    What it brings is nobody's until it is recorded: another one's pull of the same name
    may have brought it. What was there is what it was.
    """
    world = World()
    write = Write("docker.io/library/app:1", "a", image_id(before) if before else "", True)
    world.add("1", "app:1", f"app@{DIGEST}")
    for reference in ("app:1", f"app@{DIGEST}"):
        found = world.seen(reference)
        assert found is not None
        records = type(found.records)(writes=(write,))
        facts = evolve(found, records=records)
        assert facts.is_usable("a") is facts.is_usable("b") is bool(before)


def test_nobody_gets_anothers_image_by_a_pull_that_does_not_end() -> None:
    """
    Neither a labelled nor a recorded one, whose tag comes while the pull is under way.
    """
    for label in ("a", None):
        world = World()
        world.add("1", "app:1", label=label)
        if label is None:
            world.keep("a", "1", "app:1")
        facts = world.facts("1")
        write = Write("docker.io/library/app:1", "b", "", True)
        records = type(facts.records)(facts.records.holders, facts.records.names, (write,))
        assert not evolve(facts, records=records).is_usable("b")
        assert evolve(facts, records=records).is_usable("a")
