"""
Archives that one owner loads: they take, move and forge nothing of the other's.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import pytest

from tests.engines.api import Api, Reply
from tests.owners.pair import Pair
from tests.owners.test_images import built, names
from tests.policy.archives_made import Image, digest, layer, saved, tar

pytestmark = pytest.mark.engine


def load(api: Api, archive: bytes) -> Reply:
    """
    A whole load.
    """
    return api.call("POST", "/images/load", {"quiet": 1}, archive)


def is_loaded(reply: Reply) -> bool:
    """
    Whether it succeeded.
    """
    return reply.ok and b"Loaded image" in reply.body and b"errorDetail" not in reply.body


def image_of(api: Api, reference: str) -> str:
    """
    The id of what a reference means, or empty.
    """
    reply = api.call("GET", f"/images/{reference}/json")
    return str(reply.json()["Id"]) if reply.ok else ""


def test_what_is_loaded(pair: Pair) -> None:
    """
    It is the loader's, by tag and id; the other who has the archive gets it too; compressed or
    not. The last one's removal removes it.
    """
    for pack in (bytes, gzip.compress):
        labels = {"Labels": {"other": "kept"}}
        image = Image(["app:1"], [layer(content=pack.__name__.encode())], labels)
        reply = load(pair.a, pack(saved(image)))
        assert is_loaded(reply), reply
        for reference in ("app:1", image.id, image.id[7:19]):
            assert image_of(pair.a, reference) == image.id
            assert image_of(pair.b, reference) == ""
        assert pair.b.call("POST", "/containers/create", body={"Image": image.id}).status == 404
        assert pair.b.post("/images/prune", filters={"dangling": ["0"]})["ImagesDeleted"] is None
        assert is_loaded(load(pair.b, saved(image)))
        assert image_of(pair.b, "app:1") == image.id
        assert pair.a.call("DELETE", "/images/app:1").json() == [{"Untagged": "app:1"}]
        assert image_of(pair.a, image.id) == ""
        assert names(pair.b, "app:1") == ["app:1"]
        assert {"Deleted": image.id} in pair.b.call("DELETE", "/images/app:1").json()
        assert image_of(pair.engine.api, image.id) == ""


def test_what_is_saved_by_one_and_loaded_by_the_other(pair: Pair) -> None:
    """
    What one made is not loaded by the other: by its label the engine would give the first one
    what is built on it. Its maker loads it again, and a shared one stays shared.
    """
    image = built(pair.a, "app:1")
    archive = pair.a.call("GET", "/images/get", {"names": ("app:1",)}).body
    assert image_of(pair.b, image) == ""
    reply = load(pair.b, archive)
    assert (reply.status, "image.load-label" in reply.message) == (403, True)
    assert image_of(pair.b, image) == ""
    pair.a.call("DELETE", "/images/app:1")
    assert image_of(pair.a, image) == ""
    assert is_loaded(load(pair.a, archive))
    assert image_of(pair.a, "app:1") == image
    shared = pair.a.call("GET", "/images/get", {"names": ("busybox",)}).body
    assert is_loaded(load(pair.a, shared))
    assert image_of(pair.b, "busybox")


def test_what_the_engine_refuses_is_not_claimed(pair: Pair) -> None:
    """
    Neither the image nor its name: what the operator brings in by it is everybody's, and no
    owner moves or removes it.
    """
    good = Image(["operators:1"], [layer("claimed")])
    config = json.loads(good.json)
    bad = Image(layers=good.layers, raw=json.dumps({**config, "os": "windows"}).encode())
    assert not is_loaded(load(pair.a, saved(bad, good)))
    assert image_of(pair.engine.api, "operators:1") == ""
    assert is_loaded(load(pair.engine.api, saved(good)))
    assert image_of(pair.b, "operators:1") == image_of(pair.a, "operators:1") == good.id
    evil = built(pair.a, "evil:1")
    reply = pair.a.call("POST", f"/images/{evil}/tag", {"repo": "operators", "tag": "1"})
    assert (reply.status, "image.name-taken" in reply.message) == (403, True)
    assert pair.a.call("DELETE", f"/images/{good.id}", {"force": 1}).status == 403
    assert image_of(pair.engine.api, "operators:1") == good.id


def test_names_are_not_poisoned(pair: Pair) -> None:
    """
    The engine itself moves them.
    """
    built(pair.b, "theirs:1")
    before = {name: image_of(pair.engine.api, name) for name in ("busybox", "theirs:1")}
    for name in ("busybox:latest", "docker.io/library/busybox:latest", "theirs:1"):
        reply = load(pair.a, saved(Image(["free:1"]), Image([name], [layer("evil")])))
        assert (reply.status, "image.name-taken" in reply.message) == (403, True), name
    assert {name: image_of(pair.engine.api, name) for name in before} == before
    assert image_of(pair.engine.api, "free:1") == ""
    evil = Image(["theirs:1"], [layer("evil")])
    assert is_loaded(load(pair.engine.api, saved(evil)))
    assert image_of(pair.engine.api, "theirs:1") == evil.id, "the attack works at the engine"


def test_labels_are_not_forged(pair: Pair) -> None:
    """
    What is made of an image has its labels: no commit becomes the other owner's by them, as it
    does at the engine itself.
    """
    key = "com.dss.x=1\nLABEL com.dss.owner=b\nLABEL y"
    busybox = pair.engine.api.call("GET", "/images/busybox/get").body
    with tarfile.open(fileobj=io.BytesIO(busybox)) as archive:
        (entry,) = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        layers = [(archive.extractfile(each) or io.BytesIO()).read() for each in entry["Layers"]]
    labelled = Image(["evil:1"], layers, {"Labels": {"com.dss.owner": "b"}, "Cmd": ["x"]})
    odd = Image(["odd:1"], layers, {"Labels": {key: "1"}, "Cmd": ["x"]})
    before = {each["Id"] for each in pair.b.get("/images/json", all=1)}
    assert (load(pair.a, saved(labelled)).status, is_loaded(load(pair.a, saved(odd)))) == (
        403,
        True,
    )
    made = pair.a.post("/containers/create", {"Image": "odd:1"})["Id"]
    reply = pair.a.call("POST", "/commit", {"container": made, "repo": "planted"}, {})
    assert (reply.status, "label.reserved" in reply.message) == (403, True)
    assert {each["Id"] for each in pair.b.get("/images/json", all=1)} == before
    line = f'LABEL com.dss.owner=a {key}=""'
    reply = pair.engine.api.call(
        "POST", "/commit", {"container": made, "repo": "planted", "changes": line}, {}
    )
    labels = pair.engine.api.get("/images/planted/json")["Config"]["Labels"]
    assert labels["com.dss.owner"] == "b", "the attack works at the engine"


def test_layers_are_not_stolen(pair: Pair) -> None:
    """
    Who knows the digests of another's layers, and has not what is in them, could let the
    engine fill them in.
    """
    built(pair.b, "theirs:1", "FROM busybox\nRUN echo hidden >/secret\n")
    digests = pair.b.get("/images/theirs:1/json")["RootFS"]["Layers"]
    thief = Image(["mine:1"], [b"" for _ in digests], {"Cmd": ["cat", "/secret"]}, digests=digests)
    archive = saved(thief)
    reply = load(pair.a, archive)
    assert (reply.status, "not the one of its image" in reply.message) == (400, True)
    assert image_of(pair.engine.api, thief.id) == ""
    assert is_loaded(load(pair.engine.api, archive)), "the attack works at the engine"
    made = pair.engine.api.post("/containers/create", {"Image": thief.id, "Tty": True})["Id"]
    pair.engine.api.post(f"/containers/{made}/start")
    pair.engine.api.post(f"/containers/{made}/wait")
    logs = pair.engine.api.call("GET", f"/containers/{made}/logs", {"stdout": 1})
    assert b"hidden" in logs.body


def test_hostile_archives(pair: Pair) -> None:
    """
    Nothing of them is loaded, and nothing is left of them.
    """
    image = Image(["app:1"])
    good = saved(image)
    other = Image(["busybox:latest"], [layer("evil")])
    files: list[tuple[str, bytes | str]] = []
    with tarfile.open(fileobj=io.BytesIO(good)) as archive:
        for each in archive:
            found = archive.extractfile(each)
            assert found is not None
            files.append((each.name, found.read()))
    evil = json.dumps([{"Config": f"{other.id[7:]}.json", "RepoTags": ["busybox:latest"]}]).encode()
    more: list[Any] = [
        [*files, ("manifest.json", evil)],
        [*files, ("./manifest.json", evil)],
        [("manifest.json", "other.json"), ("other.json", evil), *files[:-1]],
        [*files[:-1], ("repositories", b'{"busybox":{"latest":"x"}}')],
        [*files, ("../../etc/evil", b"x")],
    ]
    for each in more[:4]:
        assert load(pair.a, tar(each)).status in (400, 403), each
    assert load(pair.a, good[:-1024] + b"x" * 512).status == 400
    assert load(pair.a, b"").status == 400
    assert load(pair.a, b"\x28\xb5\x2f\xfd" + good).status == 400
    assert image_of(pair.engine.api, "app:1") == ""
    load(pair.a, tar(more[4]))
    assert is_loaded(load(pair.a, good))
    assert digest(image.json) == image_of(pair.a, "app:1")
