"""
Tags, removals, prunes and archives of images, by whose they are.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import BadRequest, Denied, EngineSaid, NotFound
from dss.model.ruling import Answer, EditJson, Forward
from dss.policy.images import pruning, removing, saving, showing, tagging
from dss.testing.judging import circumstances
from tests.policy.images_world import NOW, World, image_id

DIGEST = "sha256:" + "d" * 64


def told(answer: Any) -> Any:
    """
    The JSON of an answer of dss's own.
    """
    assert isinstance(answer, Answer)
    assert answer.status == 200
    return json.loads(answer.body)


def ended(world: World, ruling: Any, owner: str = "ci") -> None:
    """
    The exchange is over.
    """
    world.drive(ruling.after(True), owner)


# tags


def test_a_tag_of_a_shared_image_is_recorded() -> None:
    """
    Before the engine gives it, so that it is never anybody's; others are kept off
    meanwhile, and don't see it.
    """
    world = World()
    world.add("1", "base:1")
    ruling = world.judged(tagging.tag, "base:1", repo="docker.io/app", tag="1")
    assert ruling.params == {"name": image_id("1")}
    assert ruling.query == (("repo", "app"), ("tag", "1"))
    with pytest.raises(Denied, match="name-busy"):
        world.judged(tagging.tag, "base:1", owner="other", repo="app", tag="1")
    world.add("1", "base:1", "app:1")
    ended(world, ruling)
    assert world.writes == 0
    assert world.facts("1").claimants("docker.io/library/app:1") == {"ci"}
    with pytest.raises(NotFound, match="No such image: app:1"):
        world.judged(showing.inspect, "app:1", owner="other")


def test_a_tag_that_the_engine_refuses_is_nobodys() -> None:
    """
    Whoever gives it to the image later has it.
    """
    world = World()
    world.add("1", "shared:1")
    ruling = world.judged(tagging.tag, "shared:1", repo="new", tag="1")
    world.drive(ruling.after(True))
    world.add("1", "shared:1", "new:1")
    assert not world.facts("1").claimants("docker.io/library/new:1")
    world = World()
    world.add("1", "shared:1")
    ruling = world.judged(tagging.tag, "shared:1", repo="new", tag="1")
    world.add("1", "shared:1", "new:1")
    world.drive(ruling.after(True))
    assert world.facts("1").claimants("docker.io/library/new:1") == {"ci"}
    assert world.writes == 0


def test_a_tag_of_an_own_image_needs_no_record() -> None:
    """
    Its label tells; but for one that somebody else has, too.
    """
    world = World()
    world.add("1", "own:1", label="ci")
    ended(world, world.judged(tagging.tag, "own:1", repo="app"))
    assert not world.facts("1").records.names
    world.keep("ci", "1")
    world.judged(tagging.tag, "own:1", repo="more")
    assert world.facts("1").records.names


@pytest.mark.parametrize(
    ("repo", "rule"),
    [
        ("shared:1", "image.name-taken"),
        ("docker.io/library/shared:1", "image.name-taken"),
        ("index.docker.io/shared:1", "image.name-taken"),
        ("theirs:1", "image.name-taken"),
        ("held:1", "image.name-taken"),
        ("both:1", "image.name-taken"),
        ("0123456789ab", "image.name-like-id"),
        ("docker.io/library/0123456789ab:x", "image.name-like-id"),
    ],
)
def test_tags_that_may_not_be_written(repo: str, rule: str) -> None:
    """
    Shared ones, others' and those that others have, too. One's own may move.
    """
    world = World()
    world.add("1", "own:1", label="ci")
    world.add("2", "shared:1")
    world.add("3", "theirs:1", label="other")
    world.add("4", "held:1")
    world.keep("other", "4", "held:1")
    world.add("5", "both:1")
    world.keep("other", "5", "both:1")
    world.keep("ci", "5", "both:1")
    with pytest.raises(Denied) as error:
        world.judged(tagging.tag, "own:1", repo=repo)
    assert [each.rule for each in error.value.problems] == [rule]
    assert world.writes == 0
    world.add("6", "mine:1", label="ci")
    assert world.judged(tagging.tag, "own:1", repo="mine", tag="1")


@pytest.mark.parametrize("name", ["theirs:1", "3" * 64, "sha256:" + "3" * 64, "3" * 12, "none"])
def test_only_what_one_may_use_is_tagged_or_saved(name: str) -> None:
    """
    Another's image is missing, whatever names it.
    """
    world = World()
    world.add("3", "theirs:1", label="other")
    for policy in (tagging.tag, removing.delete, showing.history):
        with pytest.raises(NotFound, match=f"^No such image: (sha256:)?{name}"):
            world.judged(policy, name, repo="x")
    for policy, asked in ((saving.get, {"name": name}), (saving.get_all, {"names": (name,)})):
        with pytest.raises(NotFound, match=r"No such image|reference does not exist"):
            world.judged(policy, **asked)


@pytest.mark.parametrize(
    ("repo", "tag"), [("", "1"), ("A", ""), (f"a@{DIGEST}", ""), ("a:1", "2"), ("a", "b c")]
)
def test_what_is_no_tag(repo: str, tag: str) -> None:
    """
    As the engine says.
    """
    world = World()
    world.add("1", "own:1", label="ci")
    with pytest.raises(BadRequest):
        world.judged(tagging.tag, "own:1", repo=repo, tag=tag)


# removal


def test_an_own_image_is_removed_by_the_engine() -> None:
    """
    By its tag or its id; what was recorded of it goes with it.
    """
    world = World()
    world.add("1", "own:1", label="ci")
    ruling = world.judged(removing.delete, "docker.io/library/own:1", force="1")
    assert ruling.params == {"name": "own:1"}
    assert ruling.query == (("force", "1"), ("noprune", "0"))
    assert world.judged(removing.delete, "1" * 12).params == {"name": image_id("1")}
    world.keep("ci", "1", "own:1")
    world.untag("own:1")
    ended(world, ruling)
    world.add("1", "own:1")
    assert not world.facts("1").records.holders


def test_shared_images_stay() -> None:
    """
    By whatever name; a tag of one's own goes.
    """
    world = World()
    world.add("1", "base:1", "app:1", f"base@{DIGEST}")
    world.keep("ci", "1", "app:1", holds=False)
    for name in ("base:1", "1" * 12, image_id("1"), f"base@{DIGEST}"):
        with pytest.raises(Denied, match=r"image\.shared"):
            world.judged(removing.delete, name, force="1")
    assert world.judged(removing.delete, "app:1").params == {"name": "app:1"}


def both_pulled() -> World:
    """
    Two owners have one image, under one name.
    """
    world = World()
    world.add("1", "app:1", f"app@{DIGEST}")
    for owner in ("ci", "other"):
        world.keep(owner, "1", "app:1", f"app@{DIGEST}")
    return world


@pytest.mark.parametrize("name", ["app:1", "1" * 12])
def test_the_last_owner_removes_it(name: str) -> None:
    """
    The first one lets it go, and does not see it any longer.
    """
    world = both_pulled()
    assert told(world.judged(removing.delete, name)) == [{"Untagged": "app:1"}]
    assert world.removed == []
    with pytest.raises(NotFound):
        world.judged(removing.delete, name)
    ruling = world.judged(removing.delete, name, owner="other")
    assert isinstance(ruling, Forward)


def test_who_made_it_lets_it_go_too() -> None:
    """
    Its label counts no more, once the others are recorded.
    """
    world = World()
    world.add("1", "app:1", label="ci")
    world.keep("ci", "1", "app:1")
    world.keep("other", "1")
    assert told(world.judged(removing.delete, "app:1")) == [{"Untagged": "app:1"}]
    assert not world.facts("1").is_usable("ci")
    assert world.facts("1").claimants("docker.io/library/app:1") == {"other"}


def test_own_names_of_an_image_that_others_keep() -> None:
    """
    The engine takes them off while there are others; by id, several need force.
    """
    world = both_pulled()
    world.add("1", "app:1", "mine:1", f"app@{DIGEST}")
    world.keep("ci", "1", "mine:1")
    with pytest.raises(EngineSaid, match="must be forced") as error:
        world.judged(removing.delete, "1" * 12)
    assert error.value.status == 409
    answer = told(world.judged(removing.delete, "1" * 12, force="1"))
    assert answer == [{"Untagged": "app:1"}, {"Untagged": "mine:1"}]
    assert world.removed == ["mine:1"]
    assert world.facts("1").is_usable("other")
    assert not world.facts("1").is_usable("ci")


def test_what_others_have_below_an_image_stays() -> None:
    """
    The engine would remove untagged images that it was built upon.
    """
    world = World()
    world.add("1")
    world.add("2", "own:1", label="ci", parent=image_id("1"))
    assert ("noprune", "0") in world.judged(removing.delete, "own:1").query
    world.keep("other", "1")
    assert ("noprune", "1") in world.judged(removing.delete, "own:1").query


def test_errors_name_no_other_owners_container() -> None:
    """
    And the image as the client did.
    """
    from dss.model.facts import ContainerFacts, ContainerNamed
    from dss.testing.judging import drive

    world = World()
    world.add("1", "own:latest", label="ci")
    edit = world.judged(removing.delete, "own").reply.edit_error
    own = {ContainerNamed: lambda asked: ContainerFacts("1" * 64, "ci")}
    message = 'unable to remove "own:latest" - container 0123456789ab is using it'
    assert drive(edit(409, message), own) == message.replace("own:latest", "own")
    assert "0123456789ab" not in drive(edit(409, message), {ContainerNamed: lambda asked: None})


# prune


def test_prune_takes_own_images_only() -> None:
    """
    Those without a tag, and with C{dangling=false} all that no own container uses.
    """
    world = World()
    world.add("1", label="ci")
    world.add("2", "own:1", label="ci")
    world.add("3", label="other")
    world.add("4")
    world.add("5", "shared:1")
    world.add("6", "pulled:1")
    world.keep("ci", "6", "pulled:1")
    world.add("7", "used:1", label="ci")
    world.containers.append({"ImageID": image_id("7")})
    answer = told(world.judged(pruning.prune, filters={}))
    assert answer == {"ImagesDeleted": [{"Untagged": image_id("1")}], "SpaceReclaimed": 0}
    assert world.removed == [image_id("1")]
    world.removed.clear()
    world.judged(pruning.prune, filters={"dangling": ("false",)})
    assert world.removed == ["own:1", "pulled:1"]
    assert told(world.judged(pruning.prune, filters={}))["ImagesDeleted"] is None


def test_prune_lets_go_of_what_others_have() -> None:
    """
    And the engine keeps it.
    """
    world = both_pulled()
    answer = told(world.judged(pruning.prune, filters={"dangling": ("0",)}))
    assert answer["ImagesDeleted"] == [{"Untagged": "app:1"}]
    assert world.removed == []
    assert not world.facts("1").is_usable("ci")
    assert world.facts("1").is_usable("other")


@pytest.mark.parametrize(
    ("filters", "pruned"),
    [
        ({"until": ("30s",)}, True),
        ({"until": ("2m",)}, False),
        ({"until": (str(int(NOW)),)}, True),
        ({"until": ("2001-01-01",)}, False),
        ({"label": ("com.dss.owner",)}, True),
        ({"label": ("com.dss.owner=ci",)}, True),
        ({"label": ("x",)}, False),
        ({"label!": ("x",)}, True),
        ({"label!": ("com.dss.owner=ci",)}, False),
    ],
)
def test_filters_of_a_prune(filters: Any, pruned: bool) -> None:
    """
    As the engine's own.
    """
    world = World()
    world.add("1", label="ci")
    answer = told(world.judged(pruning.prune, filters=filters))
    assert bool(answer["ImagesDeleted"]) is pruned


@pytest.mark.parametrize(
    "filters",
    [
        {"reference": ("x",)},
        {"dangling": ("maybe",)},
        {"dangling": ("1", "0")},
        {"until": ("yesterday",)},
        {"until": ("1h", "2h")},
        {"until": ("2001-13-01",)},
        {"until": ("1" * 63 + "ns",)},
        # A regular expression would look at it again from each of its digits.
        {"until": ("9" * 1_000_000,)},
    ],
)
def test_filters_that_a_prune_does_not_have(filters: Any) -> None:
    """
    Nothing is removed.
    """
    world = World()
    world.add("1", label="ci")
    with pytest.raises(BadRequest):
        world.judged(pruning.prune, filters=filters)
    assert world.removed == []


# archives


def test_what_is_saved() -> None:
    """
    By name where it has one, so that the archive tells it; else by id. A repository means
    all of its tags that the owner may know.
    """
    world = World()
    world.add("1", "base:1", "base:2")
    world.keep("other", "1", "base:2", holds=False)
    world.add("2", "own:1", "own:2", label="ci")
    assert world.judged(saving.get, "base").params == {"name": "base:1"}
    assert world.judged(saving.get, "base:1").params == {"name": "base:1"}
    assert world.judged(saving.get, "1" * 12).params == {"name": image_id("1")}
    with pytest.raises(Denied, match="several tags"):
        world.judged(saving.get, "own")
    asked = world.judged(saving.get_all, names=("own", "base", "2" * 64))
    assert asked.query == tuple(
        ("names", each) for each in ("own:1", "own:2", "base:1", image_id("2"))
    )
    with pytest.raises(NotFound, match="reference does not exist"):
        world.judged(saving.get_all, names=("base:1", "base:2"))


# what is shown


def test_names_of_others_are_not_shown() -> None:
    """
    In lists, inspects and histories; nor digests of repositories that only others use.
    """
    world = World()
    id = world.add("1", "base:1", "app:1", f"base@{DIGEST}", f"app@{DIGEST}")
    world.keep("other", "1", "app:1", holds=False)
    entry = world.entry(world.images[id])
    for owner, names in (("ci", ["base"]), ("other", ["base", "app"])):
        listed = world.judged(showing.listing, owner=owner, filters={}).reply
        assert isinstance(listed, EditJson)
        (shown,) = world.drive(listed.edit([entry]), owner)
        assert shown["RepoTags"] == [f"{each}:1" for each in names]
        assert shown["RepoDigests"] == [f"{each}@{DIGEST}" for each in names]
        inspected = world.judged(showing.inspect, "base:1", owner=owner).reply
        assert world.drive(inspected.edit(entry), owner)["RepoTags"] == shown["RepoTags"]
        history = world.judged(showing.history, "base:1", owner=owner).reply
        given = [{"Id": id, "Tags": ["base:1", "app:1"]}, {"Id": "<missing>", "Tags": None}]
        (first, second) = world.drive(history.edit(given), owner)
        assert first["Tags"] == shown["RepoTags"]
        assert second is given[1]


def test_a_list_by_names_tells_of_no_other_owners() -> None:
    """
    Where only a hidden name fits, there is no entry.
    """
    world = World()
    id = world.add("1", "base:1", "app:1")
    world.keep("other", "1", "app:1", holds=False)
    entry = {**world.entry(world.images[id]), "RepoTags": ["app:1"]}
    for owner, count in (("ci", 0), ("other", 1)):
        ruling = world.judged(showing.listing, owner=owner, filters={"reference": ("app",)})
        assert len(world.drive(ruling.reply.edit([entry]), owner)) == count


def test_an_own_image_whose_names_are_others() -> None:
    """
    It is shown without a name, as each engine shows that.
    """
    world = World()
    id = world.add("1", "app:1")
    world.keep("ci", "1")
    world.keep("other", "1", "app:1")
    from dss.model.version import ApiVersion

    for version, tags in (((1, 41), ["<none>:<none>"]), ((1, 45), [])):
        around = circumstances(engine_version=ApiVersion(*version))
        ruling = world.judged(showing.listing, around=around, filters={})
        (shown,) = world.drive(ruling.reply.edit([world.entry(world.images[id])]))
        assert shown["RepoTags"] == tags
