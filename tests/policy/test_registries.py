"""
Pulls, pushes, logins and credentials: by allow lists, and to the registry that they are for.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from attrs import evolve

from dss.config.registries import Credentials, Registries, host_of, read_credentials
from dss.errors import BadRequest, Denied
from dss.model.message import RequestHead, Target
from dss.model.reference import Reference
from dss.model.ruling import Answer, EditLines, Forward
from dss.model.version import NEWEST
from dss.policy.images import making, registries
from dss.policy.request import Policy, QueryValue, Request
from dss.testing.judging import circumstances
from tests.policy.images_world import World, image_id

DIGEST, OTHER = "sha256:" + "d" * 64, "sha256:" + "e" * 64
HERE = "r.io:5000"
ALLOWED = Registries(pull=(HERE, "docker.io/library/*"), push=(f"{HERE}/team/*",))


def header(**fields: str) -> str:
    """
    Credentials as clients send them.
    """
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()


def ask(
    world: World,
    policy: Policy,
    name: str = "",
    owner: str = "ci",
    auth: str = "",
    body: bytes = b"",
    settings: Registries = ALLOWED,
    **query: QueryValue,
) -> Any:
    """
    An owner's request about a registry, judged.
    """
    headers = {"x-registry-auth": (auth,)} if auth else {}
    head = RequestHead("POST", Target("/"), headers=headers)
    around = circumstances(owner)
    own = {"r.io:5000": Credentials("dss", "secret")} if settings.credentials else {}
    around = evolve(around, settings=evolve(around.settings, registries=settings, credentials=own))
    request = Request("", head, NEWEST, {"name": name} if name else {}, query, body)
    return world.drive(policy(request, around), owner)


def pull(world: World, image: str, tag: str = "", **more: Any) -> Any:
    """
    A pull, judged.
    """
    return ask(world, making.create, fromImage=image, tag=tag, **more)


def progress(world: World, ruling: Forward, digest: str, owner: str = "ci") -> list[Any]:
    """
    What the client is told while the engine pulls.
    """
    query = dict(ruling.query)
    name = f"{query['fromImage']}{'@' if ':' in query['tag'] else ':'}{query['tag']}"
    lines = [
        {
            "status": f"Pulling from {query['fromImage']}",
            "id": name if "@" in name else query["tag"],
        },
        {"status": f"Digest: {digest}"},
        {"status": f"Status: Downloaded newer image for {name}"},
    ]
    assert isinstance(ruling.reply, EditLines)
    return [world.drive(ruling.reply.edit(each), owner) for each in lines]


def credentials(ruling: Any) -> Any:
    """
    What goes to the registry.
    """
    ((_, text),) = [each for each in ruling.headers if each[0] == "X-Registry-Auth"]
    return json.loads(base64.urlsafe_b64decode(text))


# names


def test_a_pull_is_recorded_once_the_engine_has_said_which_image() -> None:
    """
    Before its client learns that it is there.
    """
    world = World()
    ruling = pull(world, "docker.io/app", "1")
    assert ruling.query == (("fromImage", "app"), ("tag", "1"))
    world.add("1", "app:1", f"app@{DIGEST}")
    for owner in ("ci", "other"):
        assert not world.facts("1").is_usable(owner), "it could be another one's"
    told = progress(world, ruling, DIGEST)
    assert told[2] == {"status": "Status: Downloaded newer image for app:1"}
    world.drive(ruling.after(True))
    assert world.writes == 0
    assert world.facts("1").owners == {"ci"}
    assert world.facts("1").claimants(f"docker.io/library/app@{DIGEST}") == {"ci"}
    failed = pull(world, "app", "3")
    world.drive(failed.after(True))
    assert world.writes == 0


def test_a_pull_that_broke_off_claims_nothing() -> None:
    """
    What the operator pulls later by the name is everybody's. What came by then is nobody's,
    unless the engine had named it: then it is the client's.
    """
    world = World()
    broken = pull(world, "app", "1")
    world.drive(broken.after(False))
    world.add("1", "app:1", f"app@{DIGEST}")
    assert world.writes == 0
    assert world.facts("1").is_shared
    for complete in (True, False):
        world = World()
        late = pull(world, "app", "1")
        world.add("1", "app:1", f"app@{DIGEST}")
        world.drive(late.after(complete))
        assert world.writes == 0
        for owner in ("ci", "other"):
            assert not world.facts("1").is_usable(owner)
        # Who pulls it again has it.
        world.registry["app:1"] = DIGEST
        progress(world, pull(world, "app", "1"), DIGEST)
        assert world.facts("1").is_usable("ci")
        assert not world.facts("1").is_usable("other")
    world = World()
    told = pull(world, "app", "1")
    world.drive(told.reply.edit({"status": f"Digest: {DIGEST}"}))
    world.add("1", "app:1", f"app@{DIGEST}")
    world.drive(told.after(False))
    assert world.facts("1").owners == {"ci"}
    there = World()
    there.add("1", "app:0", f"app@{DIGEST}")
    unchanged = pull(there, "app", "1")
    there.add("1", "app:0", "app:1", f"app@{DIGEST}")
    there.drive(unchanged.after(False))
    assert there.facts("1").is_shared


def test_a_shared_tag_is_not_moved_by_a_pull() -> None:
    """
    What the registry has is compared first. The same image is pulled by its digest, and the
    client told what it asked for; nobody then has it who had it not.
    """
    world = World()
    world.add("1", "app:1", f"app@{DIGEST}")
    world.registry["app:1"] = DIGEST
    ruling = pull(world, "app", "1")
    assert ruling.query == (("fromImage", "app"), ("tag", DIGEST))
    assert progress(world, ruling, DIGEST) == [
        {"status": "Pulling from app", "id": "1"},
        {"status": f"Digest: {DIGEST}"},
        {"status": "Status: Downloaded newer image for app:1"},
    ]
    assert (world.facts("1").owners, world.writes) == (frozenset(), 0)
    world.registry["app:1"] = OTHER
    with pytest.raises(Denied, match=r"image\.pull-moves"):
        pull(world, "app", "1")
    with pytest.raises(Denied, match=rf"Pull app@{OTHER} instead\."):
        pull(world, "app", "1")
    with pytest.raises(Denied, match="another platform"):
        pull(world, "app", "1", platform="linux/arm64")
    # One that no registry has is known to be another without a question.
    world.add("2", "made:1")
    with pytest.raises(Denied, match="did not come from there"):
        pull(world, "made", "1")
    assert pull(world, "app", OTHER).query == (("fromImage", "app"), ("tag", OTHER))


def test_two_owners_pull_one_image() -> None:
    """
    Each then has it. The second changes nothing for the first.
    """
    world = World()
    first = pull(world, "app", "1")
    world.add("1", "app:1", f"app@{DIGEST}")
    progress(world, first, DIGEST)
    world.drive(first.after(True))
    assert not world.facts("1").is_usable("other")
    world.registry["app:1"] = OTHER
    with pytest.raises(Denied, match="pull-moves"):
        pull(world, "app", "1", owner="other")
    world.registry["app:1"] = DIGEST
    second = pull(world, "app", "1", owner="other")
    assert second.query == (("fromImage", "app"), ("tag", DIGEST))
    assert not world.facts("1").is_usable("other"), "not before the registry gave it"
    progress(world, second, DIGEST, "other")
    assert world.facts("1").owners == {"ci", "other"}
    assert world.facts("1").claimants("docker.io/library/app:1") == {"ci", "other"}


@pytest.mark.parametrize("was_there", [True, False])
def test_an_image_with_a_label_of_another_owner(was_there: bool) -> None:
    """
    One that its label's owner made here stays that owner's too; one that comes with such a
    label is not that owner's at all.
    """
    world = World()
    if was_there:
        world.add("1", "made:1", label="other")
    ruling = pull(world, "app", "1")
    names = ["made:1"] if was_there else []
    world.add("1", *names, "app:1", f"app@{DIGEST}", label="other")
    progress(world, ruling, DIGEST)
    world.drive(ruling.after(True))
    facts = world.facts("1")
    assert facts.owners == ({"ci", "other"} if was_there else {"ci"})
    assert not facts.is_shared
    assert facts.claimants("docker.io/library/app:1") == {"ci"}
    if was_there:
        assert facts.claimants("docker.io/library/made:1") == {"other"}


def test_an_own_tag_moves() -> None:
    """
    And what it named before is still one's own.
    """
    world = World()
    world.add("1", "app:1", f"app@{DIGEST}")
    world.keep("ci", "1", "app:1", f"app@{DIGEST}")
    ruling = pull(world, "app:1")
    assert ruling.query == (("fromImage", "app"), ("tag", "1"))
    world.add("1")
    world.add("2", "app:1", f"app@{OTHER}")
    progress(world, ruling, OTHER)
    assert world.facts("1").owners == world.facts("2").owners == {"ci"}


@pytest.mark.parametrize(
    ("image", "tag", "error"),
    [
        ("app", "", "image.pull-all"),
        ("evil.io/app", "1", "image.pull"),
        ("acme/app", "1", "image.pull"),
        ("r.io/app", "1", "image.pull"),
        ("127.0.0.1:2375/x", "1", "image.pull"),
    ],
)
def test_pulls_that_are_denied(image: str, tag: str, error: str) -> None:
    """
    Nothing is begun.
    """
    world = World()
    with pytest.raises(Denied) as denied:
        pull(world, image, tag)
    assert [each.rule for each in denied.value.problems] == [error]
    assert world.writes == 0


@pytest.mark.parametrize(("image", "tag"), [("A", "1"), ("a", "b c"), ("a", "sha256:12"), ("", "")])
def test_pulls_that_make_no_sense(image: str, tag: str) -> None:
    """
    As the engine says.
    """
    with pytest.raises((BadRequest, Denied)):
        pull(World(), image, tag)


def test_digests_that_are_allowed() -> None:
    """
    One image only, by whatever tag one can't get it.
    """
    only = Registries(pull=(f"r.io/app@{DIGEST}",))
    assert pull(World(), "r.io/app", DIGEST, settings=only)
    for tag in ("1", OTHER):
        with pytest.raises(Denied):
            pull(World(), "r.io/app", tag, settings=only)


# credentials


def test_credentials_go_to_their_registry_only() -> None:
    """
    Written anew; those of another one are denied.
    """
    world = World()
    own = header(username="u", password="p", serveraddress=HERE, evil="x", Email="e")
    assert credentials(pull(world, f"{HERE}/app", "1", auth=own)) == {
        "username": "u",
        "password": "p",
        "serveraddress": HERE,
    }
    hub = "https://index.docker.io/v1/"
    for_hub = header(username="u", password="p", serveraddress=hub)
    assert credentials(pull(world, "app", "1", auth=for_hub))["serveraddress"] == hub
    with pytest.raises(Denied, match=r"registry\.credentials"):
        pull(world, f"{HERE}/app", "1", auth=for_hub)
    with pytest.raises(Denied, match=r"registry\.credentials"):
        pull(world, "app", "1", auth=header(identitytoken="t", serveraddress=HERE))
    nobody = header(serveraddress="elsewhere.io")
    assert credentials(pull(world, "app", "1", auth=nobody)) == {}
    for odd in ("bnVsbA==", "e30", "!", "e3t7", "W10="):
        assert credentials(pull(world, "app", "1", auth=odd)) == {}


def test_credentials_of_dss_itself() -> None:
    """
    For their registry, where the client has none.
    """
    world = World()
    settings = evolve(ALLOWED, credentials="file")
    ours = {"username": "dss", "password": "secret", "serveraddress": HERE}
    assert credentials(pull(world, f"{HERE}/app", "1", settings=settings)) == ours
    assert credentials(pull(world, "app", "1", settings=settings)) == {}
    own = header(username="u", password="p", serveraddress=HERE)
    theirs = credentials(pull(world, f"{HERE}/app", "1", settings=settings, auth=own))
    assert theirs["username"] == "u"
    assert "secret" not in repr(Credentials("a", "secret"))


# pushes


def test_what_may_be_pushed() -> None:
    """
    A tag of one's own, to where it is allowed.
    """
    world = World()
    world.add("1", f"{HERE}/team/app:1", f"{HERE}/else/app:1", "app:1", label="ci")
    name = f"{HERE}/team/app"
    ruling = ask(world, registries.push, name, tag="1")
    assert (ruling.params, ruling.query) == ({"name": name}, (("tag", "1"),))
    assert credentials(ruling) == {}
    for other, tag, rule in (
        (f"{HERE}/else/app", "1", "image.push"),
        ("app", "1", "image.push"),
        (name, "", "image.push-all"),
    ):
        with pytest.raises(Denied) as error:
            ask(world, registries.push, other, tag=tag)
        assert [each.rule for each in error.value.problems] == [rule]


def test_what_is_anothers_is_not_pushed() -> None:
    """
    It is missing, in the engine's words; what is shared or has other owners is denied.
    """
    world = World()
    name = f"{HERE}/team/app"
    world.add("1", f"{name}:theirs", label="other")
    world.add("2", f"{name}:shared")
    world.add("3", f"{name}:both")
    for owner in ("ci", "other"):
        world.keep(owner, "3", f"{name}:both")
    theirs = ask(world, registries.push, name, tag="theirs")
    assert isinstance(theirs, Answer)
    lines = [json.loads(each) for each in theirs.body.splitlines()]
    assert lines[1]["error"] == f"tag does not exist: {name}:theirs"
    for number in "23":
        del world.images[image_id(number)]
    theirs, none = (ask(world, registries.push, name, tag=tag) for tag in ("theirs", "none"))
    assert theirs == none
    error = f"An image does not exist locally with the tag: {name}"
    assert json.loads(none.body.splitlines()[1])["error"] == error
    world.add("2", f"{name}:shared")
    world.add("3", f"{name}:both")
    for tag in ("shared", "both"):
        with pytest.raises(Denied, match=r"image\.shared"):
            ask(world, registries.push, name, tag=tag)


# logins, searches, questions


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("", "https://index.docker.io/v1/"),
        ("https://index.docker.io/v1/", "https://index.docker.io/v1/"),
        (HERE, HERE),
        (f"http://{HERE}/v2/", HERE),
    ],
)
def test_logins(address: str, sent: str) -> None:
    """
    The engine gets one spelling of the registry's address.
    """
    body = json.dumps({"username": "u", "password": "p", "serveraddress": address, "email": "e"})
    ruling = ask(World(), registries.login, body=body.encode())
    assert json.loads(ruling.body) == {"username": "u", "password": "p", "serveraddress": sent}


@pytest.mark.parametrize(
    "body",
    [
        {"serveraddress": "evil.io"},
        {"ServerAddress": "evil.io"},
        {"serveraddress": "http://127.0.0.1:2375"},
        {"serveraddress": f"http://{HERE}@evil.io/"},
        {"serveraddress": f"evil.io#{HERE}"},
        {"serveraddress": HERE, "new": "x"},
    ],
)
def test_logins_that_are_denied(body: dict[str, str]) -> None:
    """
    The engine would connect there.
    """
    with pytest.raises(Denied):
        ask(World(), registries.login, body=json.dumps(body).encode())


def test_searches_and_questions() -> None:
    """
    At registries that are allowed.
    """
    world = World()
    assert ask(world, registries.search, term="app", limit="5").query == (
        ("term", "app"),
        ("limit", "5"),
    )
    assert ask(world, registries.search, term=f"{HERE}/app")
    for term in ("evil.io/app", "localhost/app", "https://evil.io/app"):
        with pytest.raises(Denied, match=r"registry\.host"):
            ask(world, registries.search, term=term)
    asked = ask(world, registries.inspect, "docker.io/app")
    assert asked.params == {"name": "app:latest"}
    with pytest.raises(Denied, match=r"image\.pull"):
        ask(world, registries.inspect, "evil.io/app")


# settings


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("docker.io", ["a", "acme/a"], ["r.io/a"]),
        ("index.docker.io", ["a"], ["r.io/a"]),
        ("r.io", ["r.io/a", "r.io/a/b"], ["r.io:5000/a", "xr.io/a", "a"]),
        ("r.io/*", ["r.io/a/b"], ["a"]),
        ("r.io/a/*", ["r.io/a/b", "r.io/a/b/c"], ["r.io/a", "r.io/ab/c"]),
        ("r.io/a", ["r.io/a", "r.io/a:2", f"r.io/a@{DIGEST}"], ["r.io/a/b", "r.io/ab"]),
        (f"r.io/a@{DIGEST}", [f"r.io/a@{DIGEST}"], ["r.io/a", f"r.io/a@{OTHER}"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], others: list[str]) -> None:
    """
    A registry, a repository, all below a path, or one image.
    """
    settings = Registries(pull=(pattern,), push=(pattern.partition("@")[0],))
    for each in fits:
        assert settings.may_pull(Reference.parse(each)), each
        assert settings.may_push(Reference.parse(each)), each
    for each in others:
        assert not settings.may_pull(Reference.parse(each)), each


@pytest.mark.parametrize(
    "pattern",
    ["", "app", "library/app", "r.io/", "r.io/*/a", f"r.io@{DIGEST}", "r.io/a@1", "https://r.io"],
)
def test_patterns_that_are_none(pattern: str) -> None:
    """
    Found when the settings are read.
    """
    with pytest.raises(ValueError, match=r"should|has no"):
        Registries(pull=(pattern,))


def test_a_file_of_credentials() -> None:
    """
    As the docker client writes it.
    """
    pair = base64.b64encode(b"u:p:q").decode()
    text = json.dumps(
        {
            "auths": {
                "https://index.docker.io/v1/": {"auth": pair},
                HERE: {"username": "a", "password": "b"},
            }
        }
    )
    assert read_credentials(text) == {
        "docker.io": Credentials("u", "p:q"),
        HERE: Credentials("a", "b"),
    }
    for wrong in (
        "",
        "[]",
        '{"auths":{"r.io":{}}}',
        '{"auths":{"r.io":{"auth":"x"}}}',
        '{"auths":1}',
    ):
        with pytest.raises(ValueError, match="should be JSON"):
            read_credentials(wrong)


def test_hosts() -> None:
    """
    One spelling of each.
    """
    for each in ("", "docker.io", "index.docker.io", "https://index.docker.io/v1/"):
        assert host_of(each) == "docker.io"
    assert host_of("http://R.io:5000/v2/") == host_of("R.io:5000") == "r.io:5000"
