"""
Images of two owners: neither sees, takes, moves, changes or removes the other's.
"""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine
from tests.owners.pair import Pair

pytestmark = pytest.mark.engine


def built(api: Api, name: str, text: str = "FROM busybox\nENV SECRET=b\n") -> str:
    """
    A new image of an owner's.

    @return: its id.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    reply = api.call("POST", "/build", {"t": name}, packed.getvalue())
    assert reply.ok, reply.message
    assert b"Successfully tagged" in reply.body, reply.body
    id: str = api.get(f"/images/{name}/json")["Id"]
    return id


def names(api: Api, reference: str) -> list[str]:
    """
    The tags that an owner is shown of an image.
    """
    return sorted(api.get(f"/images/{reference}/json")["RepoTags"])


def test_what_is_anothers_is_missing(pair: Pair) -> None:
    """
    By tag, id, part of an id: in each operation the answer is as for nothing at all, and
    nothing changes. The owner's own succeed.
    """
    image = built(pair.b, "theirs:1")
    none = {"theirs:1": "nobodys:1", image: f"sha256:{'0' * 64}", image[7:19]: "0" * 12}
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/images/{}/json", {}),
        ("GET", "/images/{}/history", {}),
        ("GET", "/images/{}/get", {}),
        ("POST", "/images/{}/tag", {"repo": "mine", "tag": "1"}),
        ("DELETE", "/images/{}", {"force": 1}),
    ]
    for method, path, query in attempts:
        for reference, nothing in none.items():
            replies = [
                pair.a.call(method, path.replace("{}", each), query)
                for each in (reference, nothing)
            ]
            statuses = {each.status for each in replies}
            told = {
                each.message.replace(name, "").replace(name.removeprefix("sha256:"), "")
                for each, name in zip(replies, (reference, nothing), strict=True)
            }
            assert statuses == {404}, (path, replies)
            assert len(told) == 1, told
    saved = pair.a.call("GET", "/images/get", {"names": ("busybox:latest", "theirs:1")})
    assert saved.status == 404
    assert not any(each["Id"] == image for each in pair.a.get("/images/json", all=1))
    assert names(pair.engine.api, image) == ["theirs:1"]
    for reference in none:
        assert pair.b.call("GET", f"/images/{reference}/history").ok
        assert pair.b.call("GET", f"/images/{reference}/get").ok
    pair.b.call("POST", "/images/theirs:1/tag", {"repo": "more", "tag": "1"})
    assert names(pair.b, image) == ["more:1", "theirs:1"]
    assert pair.b.call("DELETE", f"/images/{image}").status == 409
    assert pair.b.call("DELETE", f"/images/{image}", {"force": 1}).ok
    assert pair.engine.api.call("GET", f"/images/{image}/json").status == 404


def test_tags_that_others_use_are_not_moved(pair: Pair) -> None:
    """
    Neither shared ones nor the other owner's, in any spelling. The engine itself moves them.
    """
    built(pair.b, "theirs:1")
    mine = built(pair.a, "mine:1", "FROM busybox\nENV EVIL=yes\n")
    before = {
        each: pair.engine.api.get(f"/images/{each}/json")["Id"] for each in ("theirs:1", "busybox")
    }
    for repo, tag in (
        ("busybox", ""),
        ("busybox", "latest"),
        ("busybox:latest", ""),
        ("docker.io/library/busybox", "latest"),
        ("index.docker.io/busybox", "latest"),
        ("library/busybox", ""),
        ("theirs", "1"),
        ("docker.io/theirs", "1"),
    ):
        reply = pair.a.call("POST", f"/images/{mine}/tag", {"repo": repo, "tag": tag})
        assert (reply.status, "image.name-taken" in reply.message) == (403, True), repo
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(b"FROM busybox")
        tar.addfile(entry, io.BytesIO(b"FROM busybox"))
    for name in ("busybox", "docker.io/busybox:latest", "theirs:1"):
        assert pair.a.call("POST", "/build", {"t": name}, packed.getvalue()).status == 403
    for reference, id in before.items():
        assert pair.engine.api.get(f"/images/{reference}/json")["Id"] == id
    pair.engine.api.call("POST", f"/images/{mine}/tag", {"repo": "theirs", "tag": "1"})
    assert pair.engine.api.get("/images/theirs:1/json")["Id"] == mine, "the engine moves it"
    # A name like B's id would stand before it.
    for name in (before["theirs:1"][7:19], before["theirs:1"][7:]):
        assert pair.a.call("POST", f"/images/{mine}/tag", {"repo": name}).status in (400, 403)


def test_tags_of_a_shared_image(pair: Pair) -> None:
    """
    Each owner has names of its own for it, which the other does not see, use or remove; and
    nobody removes it.
    """
    for api, name in ((pair.a, "mine:1"), (pair.b, "theirs:1")):
        assert api.call("POST", "/images/busybox/tag", {"repo": name}).status == 201
    shared = names(pair.engine.api, "busybox")
    assert {"mine:1", "theirs:1"} < set(shared)
    assert names(pair.a, "busybox") == [each for each in shared if each != "theirs:1"]
    listed = [each for each in pair.a.get("/images/json") if "mine:1" in each["RepoTags"]]
    assert [sorted(each["RepoTags"]) for each in listed] == [names(pair.a, "busybox")]
    for filters in ('{"reference":["theirs"]}', '{"reference":["thei*"]}'):
        assert pair.a.get("/images/json", filters=filters) == []
        assert len(pair.b.get("/images/json", filters=filters)) == 1
    assert pair.a.call("GET", "/images/theirs:1/json").status == 404
    assert pair.a.call("DELETE", "/images/theirs:1", {"force": 1}).status == 404
    assert pair.a.call("POST", "/containers/create", body={"Image": "theirs:1"}).status == 404
    assert pair.a.call("POST", "/images/mine:1/tag", {"repo": "theirs", "tag": "1"}).status == 403
    archive = pair.a.call("GET", "/images/get", {"names": ("busybox",)}).body
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        (entry,) = json.load(tar.extractfile("manifest.json") or io.BytesIO())
    assert not any("theirs" in each for each in entry["RepoTags"])
    for reference in ("busybox", pair.engine.api.get("/images/busybox/json")["Id"]):
        reply = pair.a.call("DELETE", f"/images/{reference}", {"force": 1})
        assert (reply.status, "image.shared" in reply.message) == (403, True)
    assert pair.a.call("DELETE", "/images/mine:1").json() == [{"Untagged": "mine:1"}]
    assert pair.b.call("DELETE", "/images/theirs:1").json() == [{"Untagged": "theirs:1"}]
    assert names(pair.engine.api, "busybox") == sorted(set(shared) - {"mine:1", "theirs:1"})


def test_prune_leaves_what_is_anothers(pair: Pair) -> None:
    """
    Dangling or not; one's own goes.
    """
    theirs = built(pair.b, "theirs:1")
    built(pair.b, "theirs:1", "FROM busybox\nENV A=c\n")
    mine = built(pair.a, "mine:1")
    again = built(pair.a, "mine:1", "FROM busybox\nENV A=d\n")
    before = len(pair.engine.api.get("/images/json"))
    reply = pair.a.post("/images/prune")
    assert [each.get("Deleted") for each in reply["ImagesDeleted"]][:1] == [mine]
    assert pair.engine.api.call("GET", f"/images/{theirs}/json").ok
    assert pair.a.post("/images/prune")["ImagesDeleted"] is None
    reply = pair.a.post("/images/prune", filters={"dangling": ["false"]})
    assert [each for each in reply["ImagesDeleted"] if "Untagged" in each] == [
        {"Untagged": "mine:1"}
    ]
    assert pair.engine.api.call("GET", f"/images/{again}/json").status == 404
    assert len(pair.engine.api.get("/images/json")) == before - 2
    assert pair.b.post("/images/prune")["ImagesDeleted"][0]["Deleted"] == theirs


def test_without_a_ledger(engine: Engine, guard: StartGuard) -> None:
    """
    Whatever labels can't carry is denied, and the operator told what to do.
    """
    api = guard(engine, owner="a", ledger=False).api
    reply = api.call("POST", "/images/busybox/tag", {"repo": "mine", "tag": "1"})
    assert (reply.status, "--ledger FILE" in reply.message) == (403, True)
    assert engine.api.call("GET", "/images/mine:1/json").status == 404
    image = built(api, "mine:1")
    assert api.call("POST", f"/images/{image}/tag", {"repo": "mine", "tag": "2"}).status == 201
    assert api.call("DELETE", "/images/mine:2").ok
    assert api.call("DELETE", "/images/mine:1").ok
