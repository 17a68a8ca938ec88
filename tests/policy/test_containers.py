"""
Operations on one container that ask for more than its ownership.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from dss.errors import BadRequest, Denied, EngineOdd, NotFound
from dss.model.facts import (
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    HostPath,
    PathFacts,
    RemoveUnstarted,
)
from dss.model.ruling import EditJson, Forward, Stream
from dss.policy import containers
from dss.policy.names import check_container_name
from dss.policy.request import Policy
from dss.testing.judging import circumstances, drive, edited, request

ID = "ab" * 32
SOURCE = "/srv/ci/src"


def answers(resolved: str = SOURCE) -> dict[Any, Any]:
    """
    One container, called web, that binds a host directory.
    """
    mount = {"Type": "bind", "Source": SOURCE, "Destination": "/src", "RW": True}
    return {
        ContainerNamed: lambda asked: (
            ContainerFacts(ID, "ci") if asked.reference == "web" else None
        ),
        ContainerJson: lambda asked: {"Id": ID, "Mounts": [mount], "HostConfig": {}},
        HostPath: lambda asked: PathFacts(
            resolved if asked.path == SOURCE else asked.path, is_directory=True
        ),
    }


def forwarded(
    policy: Policy, query: Mapping[str, str] | None = None, resolved: str = SOURCE
) -> Forward:
    """
    The request that a policy forwards for the container web.
    """
    asked = request(params={"id": "web"}, query=query)
    ruling = drive(policy(asked, circumstances(roots=("/srv/ci",))), answers(resolved))
    assert isinstance(ruling, Forward)
    return ruling


@pytest.mark.parametrize("policy", [containers.start, containers.files()])
def test_host_directories_are_judged_again(policy: Policy) -> None:
    """
    A directory that was swapped for a link to elsewhere is found out before the engine looks.
    """
    assert forwarded(policy).params == {"id": ID}
    with pytest.raises(Denied):
        forwarded(policy, resolved="/etc")


@pytest.mark.parametrize(
    "policy",
    [containers.start, containers.files(), containers.rename, containers.top, containers.inspect],
)
def test_missing_and_foreign_are_the_engines_404(policy: Policy) -> None:
    """
    Before anything else is judged.
    """
    with pytest.raises(NotFound, match=r"^No such container: nosuch$"):
        drive(policy(request(params={"id": "nosuch"}), circumstances()), answers())


def test_start_passes_its_parameters_on() -> None:
    """
    What is harmless goes on.
    """
    assert forwarded(containers.start, {"detachKeys": "ctrl-a", "t": "5"}).query == (
        ("detachKeys", "ctrl-a"),
        ("t", "5"),
    )


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint-dir"])
def test_checkpoints_are_denied(name: str) -> None:
    """
    A checkpoint's directory is one of the host.
    """
    with pytest.raises(Denied, match=r"rule (container\.checkpoint|grant\.missing)"):
        forwarded(containers.start, {name: "one"})
    assert forwarded(containers.start, {name: ""}).params == {"id": ID}


def test_files_are_a_tarball() -> None:
    """
    The content type of an upload is dss's, so that the engine never takes it for a form.
    """
    policy = containers.files((("Content-Type", "application/x-tar"),))
    ruling = forwarded(policy, {"path": "/tmp"})
    assert ruling.headers == (("Content-Type", "application/x-tar"),)
    assert ruling.query == (("path", "/tmp"),)
    assert ruling.body is None


@pytest.mark.parametrize(
    ("name", "plain"), [("new", "new"), ("/new", "new"), ("a.b_c-1", "a.b_c-1")]
)
def test_rename(name: str, plain: str) -> None:
    """
    A proper new name goes on, and a conflict does not tell another owner's id.
    """
    ruling = forwarded(containers.rename, {"name": name})
    assert ruling.query == (("name", plain),)
    assert isinstance(ruling.reply, Stream)
    assert ruling.reply.edit_error is not None


@pytest.mark.parametrize("name", ["", "_x", "a", "a b", "//x", "a/b", "é1", "x\n"])
def test_rename_to_what_is_no_name(name: str) -> None:
    """
    It is refused in the engine's words.
    """
    with pytest.raises(BadRequest, match=r"Neither old nor new|Error when allocating new name"):
        forwarded(containers.rename, {"name": name})


@pytest.mark.parametrize("name", ["new/odd", "/new/odd"])
def test_rename_tells_a_bad_name_with_its_slash(name: str) -> None:
    """
    As engines do, whichever way it was written.
    """
    with pytest.raises(BadRequest, match=r"^Error when .* container name \(/new/odd\), only"):
        forwarded(containers.rename, {"name": name})


@pytest.mark.parametrize("name", ["0123456789ab", "ab" * 32, "/0123456789ab"])
def test_name_like_an_id_is_denied(name: str) -> None:
    """
    It would stand before the container that has the id.
    """
    with pytest.raises(Denied, match=r"container\.name-like-id"):
        forwarded(containers.rename, {"name": name})
    assert (
        check_container_name(name.upper().removeprefix("/") + "x") == name.upper().strip("/") + "x"
    )


def test_inspect_shows_the_image_that_was_written() -> None:
    """
    The label that remembers it is hidden; all else is as the engine told it.
    """
    reply = forwarded(containers.inspect).reply
    told = {
        "Id": ID,
        "Image": "sha256:12",
        "Config": {
            "Image": "sha256:12",
            "Labels": {"com.dss.image": "busybox", "com.dss.owner": "ci", "a": "b"},
        },
    }
    before = json.dumps(told)
    assert edited(reply, told) == {
        "Id": ID,
        "Image": "sha256:12",
        "Config": {"Image": "busybox", "Labels": {"com.dss.owner": "ci", "a": "b"}},
    }
    assert json.dumps(told) == before


@pytest.mark.parametrize("labels", [None, {}, {"a": "b"}])
def test_inspect_leaves_a_container_without_the_label(labels: object) -> None:
    """
    The same object, so that the engine's own bytes go on.
    """
    told = {"Id": ID, "Config": {"Image": "busybox", "Labels": labels}}
    assert edited(forwarded(containers.inspect).reply, told) is told


@pytest.mark.parametrize("told", [[], None, {}, {"Config": None}])
def test_inspect_of_something_odd_is_not_shown(told: object) -> None:
    """
    What dss does not understand is not passed on.
    """
    with pytest.raises(EngineOdd):
        edited(forwarded(containers.inspect).reply, told)


def test_prune_is_of_the_owners_own() -> None:
    """
    The client's filters stay, and the owner's label is added.
    """
    asked = request(query={"filters": {"until": ("1h",), "label": ("a",), "label!": ("b=c",)}})
    ruling = drive(containers.prune(asked, circumstances()))
    assert isinstance(ruling, Forward)
    ((name, filters),) = ruling.query
    assert name == "filters"
    assert json.loads(filters) == {
        "until": {"1h": True},
        "label": {"a": True, "com.dss.owner=ci": True},
        "label!": {"b=c": True},
    }


def test_prune_without_filters_has_the_owners_label() -> None:
    """
    Never an unfiltered prune.
    """
    ruling = drive(containers.prune(request(), circumstances()))
    assert isinstance(ruling, Forward)
    assert ruling.query == (("filters", '{"label":{"com.dss.owner=ci":true}}'),)
    assert not isinstance(ruling.reply, EditJson)


def test_prune_with_a_filter_that_it_does_not_have() -> None:
    """
    It is refused, as by engine 28.5.
    """
    asked = request(query={"filters": {"name": ("x",)}})
    with pytest.raises(BadRequest, match=r"^invalid filter 'name'$"):
        drive(containers.prune(asked, circumstances()))


@pytest.mark.parametrize(
    ("host", "status", "removed"),
    [
        ({"AutoRemove": True}, "created", True),
        ({"AutoRemove": True}, "running", False),
        ({"AutoRemove": False}, "created", False),
        ({}, "exited", False),
    ],
)
def test_a_denied_start_removes_what_the_engine_would(
    host: dict[str, bool], status: str, removed: bool
) -> None:
    """
    One that is removed when it ends, and never ran.
    """
    gone: list[str] = []
    known = answers("/etc")
    shown = {**known[ContainerJson](None), "HostConfig": host, "State": {"Status": status}}
    with pytest.raises(Denied):
        drive(
            containers.start(request(params={"id": "web"}), circumstances(roots=("/srv/ci",))),
            {
                **known,
                ContainerJson: lambda asked: shown,
                RemoveUnstarted: lambda asked: gone.append(asked.id),
            },
        )
    assert gone == ([ID] if removed else [])
