"""
Imports and commits: stamped, of what is one's own, under names that may be written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from dss.errors import BadRequest, Denied, NotFound
from dss.model.facts import ContainerFacts, ContainerJson, ContainerNamed
from dss.model.ruling import Ruling
from dss.policy.growth import BROUGHT
from dss.policy.images import making
from dss.policy.request import Policy, QueryValue
from dss.testing.judging import circumstances, drive, request
from tests.policy.images_world import World

BOX = "c" * 64
OWN = "LABEL com.dss.owner=ci"
LABELS = {"a": "b", "com.dss.owner": "ci", "com.dss.mounts": "x"}


def judged(
    policy: Policy, body: bytes = b"", labels: Mapping[str, str] = LABELS, **query: QueryValue
) -> Any:
    """
    A request, in a world with a shared, an own and another's image and an own container.
    """
    world = World()
    world.add("1", "shared:1")
    world.add("2", "own:1", label="ci")
    world.add("3", "theirs:1", label="other")
    answers = {
        **world.answers("ci"),
        ContainerNamed: lambda asked: (
            ContainerFacts(BOX, "ci") if asked.reference == "box" else None
        ),
        ContainerJson: lambda asked: {"Config": {"Labels": labels}},
    }
    asked = request(query=query, body=body)
    ruling: Ruling = drive(policy(asked, circumstances()), answers)
    return ruling


def test_an_import() -> None:
    """
    Stamped before all that the client wants, and never a form.
    """
    ruling = judged(
        making.create,
        fromSrc="-",
        repo="own",
        tag="1",
        changes=("ENV A=b", "LABEL x=y"),
        message="m",
    )
    assert ruling.query == (
        ("message", "m"),
        ("fromSrc", "-"),
        ("changes", OWN),
        ("changes", "ENV A=b"),
        ("changes", "LABEL x=y"),
        ("repo", "own"),
        ("tag", "1"),
    )
    assert ruling.headers == (("Content-Type", "application/x-tar"),)
    assert judged(making.create, fromSrc="-").query == (("fromSrc", "-"), ("changes", OWN))


def test_a_commit() -> None:
    """
    By the container's id; labels of dss's own that it has are not the image's.
    """
    ruling = judged(making.commit, b"null", container="box", repo="new", comment="c", pause="0")
    assert ruling.query == (
        ("comment", "c"),
        ("pause", "0"),
        ("container", BOX),
        ("changes", f'{OWN} com.dss.mounts=""'),
        ("repo", "new"),
        ("tag", "latest"),
    )
    assert ruling.body == b"null"
    body = json.dumps({"cmd": ["sh"], "Image": "x", "Labels": {"a": "b"}}).encode()
    sent = json.loads(judged(making.commit, body, container="box").body)
    assert sent == {"Cmd": ["sh"], "Labels": {"a": "b", "com.dss.owner": "ci"}}
    with pytest.raises(NotFound, match="No such container: theirs"):
        judged(making.commit, container="theirs")


def test_a_commit_of_large_variables() -> None:
    """
    They are not put into changes; without a place for them they do no harm.
    """
    body = json.dumps({"Env": ["A=" + "x" * BROUGHT]}).encode()
    with pytest.raises(Denied, match=r"build\.variables"):
        judged(making.commit, body, container="box", changes=("ENV B=$A",))
    assert judged(making.commit, body, container="box", changes=("ENV B=A",))


@pytest.mark.parametrize(
    "key",
    ["com.dss.x=1\nLABEL com.dss.owner=other\nLABEL y", "com.dss.x y", "COM.DSS.x", " com.dss.x"],
)
def test_labels_of_an_image_do_not_break_out_of_the_stamp(key: str) -> None:
    """
    A container has its image's labels, of which anybody can have written the keys.
    """
    with pytest.raises(Denied, match=r"label\.reserved"):
        judged(making.commit, container="box", labels={key: "1"})


@pytest.mark.parametrize(
    ("policy", "query"),
    [(making.create, {"fromSrc": "-"}), (making.commit, {"container": "box"})],
)
@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"repo": "shared", "tag": "1"}, "image.name-taken"),
        ({"repo": "theirs:1"}, "image.name-taken"),
        ({"repo": "0123456789ab"}, "image.name-like-id"),
        ({"changes": ("LABEL com.dss.owner=other",)}, "label.reserved"),
        ({"changes": ("label COM.DSS.owner=other",)}, "label.reserved"),
        ({"changes": ("ENV A=b\nLABEL com.dss.owner=other",)}, "label.reserved"),
        ({"changes": ("LABEL a=b \\", "com.dss.owner=other")}, "label.reserved"),
        ({"changes": ('LABEL "com.dss.owner"=other',)}, "label.reserved"),
        ({"changes": ("LABEL com.dss.owner other",)}, "label.reserved"),
        ({"changes": ("ENV K=com.dss.owner", "LABEL $K=other")}, "build.label"),
        ({"changes": ("ONBUILD LABEL com.dss.owner=other",)}, "label.reserved"),
    ],
)
def test_names_and_labels_that_are_not_ones_own(
    policy: Policy, query: dict[str, Any], more: dict[str, Any], rule: str
) -> None:
    """
    In whatever spelling.
    """
    with pytest.raises(Denied) as error:
        judged(policy, **query, **more)
    assert rule in {each.rule for each in error.value.problems}


def test_other_directives_are_not_read_in_two_ways() -> None:
    """
    The stamp stands before them, so that the engine reads none.
    """
    escape = ("# escape=`", "LABEL a=b `", "com.dss.owner=other")
    with pytest.raises((Denied, BadRequest)):
        judged(making.create, fromSrc="-", changes=escape)


@pytest.mark.parametrize("source", ["", "http://evil.io/x", "evil.io/x", "file:///etc"])
def test_what_the_engine_would_fetch(source: str) -> None:
    """
    Is not imported.
    """
    with pytest.raises(Denied, match=r"image\.import-url"):
        judged(making.create, fromSrc=source)


@pytest.mark.parametrize(
    "body",
    [
        {"Labels": {"com.dss.owner": "other"}},
        {"labels": {"com.dss.mounts": ""}},
        {"WorkingDir": "/proc/self/fd/7"},
        {"New": 1},
    ],
)
def test_bodies_of_commits(body: dict[str, Any]) -> None:
    """
    By the table of a container's fields.
    """
    with pytest.raises(Denied):
        judged(making.commit, json.dumps(body).encode(), container="box")
