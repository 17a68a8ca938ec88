"""
Loads of images: by what is in the archive.
"""

from __future__ import annotations

import contextlib
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.errors import BadRequest, Denied
from dss.model.archives import ArchiveFiles
from dss.model.facts import ImageFacts
from dss.model.ruling import ImagesWatch
from dss.policy.images import loading
from dss.policy.images.archives import read
from dss.policy.sizes import LABELS
from dss.wire.images import ImagesReader
from tests.policy.archives_made import Image, digest, layer, saved
from tests.policy.images_world import World


def files(data: bytes) -> ArchiveFiles:
    """
    What is in an archive.
    """
    reader = ImagesReader()
    reader.feed(data)
    reader.end()
    return reader.files()


def load(world: World, data: bytes, owner: str = "ci") -> Any:
    """
    A load, judged to the archive's end.
    """
    ruling = world.judged(loading.load, owner=owner, quiet="1")
    assert ruling.query == (("quiet", "1"),)
    assert ruling.headers == (("Content-Type", "application/x-tar"),)
    assert isinstance(ruling.watch, ImagesWatch)
    try:
        world.drive(ruling.watch.judge(files(data)), owner)
    except (Denied, BadRequest):
        world.drive(ruling.after(False), owner)
        assert world.writes == 0
        raise
    return ruling


def arrive(world: World, image: Image, *names: str) -> ImageFacts:
    """
    The engine has loaded an image.
    """
    label = image.config.get("Labels", {}).get("com.dss.owner")
    tags = tuple(f"docker.io/library/{each}" for each in (*names, *image.tags))
    world.images[image.id] = ImageFacts(image.id, label, bool(tags), tags=tags)
    found = world.seen(image.id)
    assert found is not None
    return found


def tell(world: World, ruling: Any, *lines: str, owner: str = "ci") -> None:
    """
    What the engine says of a load.
    """
    for line in lines:
        told = {"stream": f"{line}\n"}
        assert world.drive(ruling.reply.edit(told), owner) is told


def finished(world: World, image: Image, owner: str = "ci") -> ImageFacts:
    """
    A load that succeeds, of an image with one name.
    """
    ruling = load(world, saved(image), owner)
    arrive(world, image)
    tell(world, ruling, f"Loaded image: {image.tags[0]}", owner=owner)
    world.drive(ruling.after(True), owner)
    found = world.seen(image.id)
    assert found is not None
    return found


def test_what_is_loaded_is_the_clients() -> None:
    """
    Recorded before the client learns of it, with its names; until then it is nobody's, and
    others are kept off the names.
    """
    world = World()
    image, bare = Image(["app:1", "app:2"]), Image([], [layer("bare")])
    ruling = load(world, saved(image, bare))
    assert world.writes == 2
    facts = arrive(world, image)
    assert not facts.is_usable("ci")
    assert not facts.is_usable("other")
    assert not facts.is_shared
    names = ("Loaded image: app:1", "Loaded image: app:2")
    tell(world, ruling, "Loading layer", *names)
    facts = arrive(world, image)
    assert facts.owners == {"ci"}
    assert facts.claimants("docker.io/library/app:1") == {"ci"}
    assert facts.claimants("docker.io/library/app:2") == {"ci"}
    assert not arrive(world, bare).is_usable("ci")
    tell(world, ruling, f"Loaded image ID: {image.id}\nLoaded image ID: {bare.id}")
    assert arrive(world, bare).owners == {"ci"}
    world.drive(ruling.after(True))
    assert world.writes == 0
    # Of those that have no name nothing is said where the last one has one.
    world = World()
    ruling = load(world, saved(bare, image))
    arrive(world, bare)
    arrive(world, image)
    tell(world, ruling, *names)
    assert arrive(world, bare).owners == arrive(world, image).owners == {"ci"}


def test_a_load_that_fails_claims_nothing() -> None:
    """
    What the operator brings in later by the same name, the same image even, is everybody's.
    What came and was not heard of is nobody's, and so is what may still come where the
    client has left.
    """
    image = Image(["app:1"])
    world = World()
    refused = load(world, saved(image))
    world.drive(refused.after(True))
    assert world.writes == 0
    assert arrive(world, image).is_shared
    world = World()
    unheard = load(world, saved(image))
    arrive(world, image)
    world.drive(unheard.after(True))
    assert world.writes == 0
    facts = arrive(world, image)
    assert not facts.is_usable("ci")
    assert not facts.is_usable("other")
    world = World()
    broken = load(world, saved(image))
    world.drive(broken.after(False))
    assert world.writes == 1
    facts = arrive(world, image)
    assert not facts.is_usable("ci")
    assert not facts.is_usable("other")
    # Another image by that name is not what was to be loaded.
    assert arrive(World(), Image(["app:1"], [layer("b")])).is_shared


def test_labels_in_an_archive() -> None:
    """
    An image is not loaded that would be another owner's by its label, or what is built upon
    it. One's own needs no record.
    """
    image = Image(["app:1"], config={"Labels": {"com.dss.owner": "victim"}})
    world = World()
    with pytest.raises(Denied, match=r"image\.load-label"):
        load(world, saved(Image(["b:1"], [layer("b")]), image))
    own = Image(["own:1"], config={"Labels": {"com.dss.owner": "ci"}})
    assert not finished(world, own).records.holders


def test_names_in_an_archive() -> None:
    """
    By the rules of tags; one that names just this image stays.
    """
    world = World()
    world.add("1", "shared:1")
    world.add("2", "theirs:1", label="other")
    world.add("3", "own:1", label="ci")
    for name in ("shared:1", "docker.io/library/shared:1", "theirs:1", "0123456789ab:1"):
        with pytest.raises(Denied, match=r"image\.name"):
            load(world, saved(Image(["free:1"]), Image([name], [layer("b")])))
    load(world, saved(Image(["own:1"])))
    same = Image(["app:1"])
    arrive(world, same)
    load(world, saved(same))
    assert arrive(world, same).is_shared
    held = Image(["held:1"], [layer("held")])
    arrive(world, held)
    load_by = World(world.images)
    load(load_by, saved(held), "other")
    assert load_by.writes == 1
    with pytest.raises(Denied, match="stands twice"):
        load(World(), saved(Image(["a:1"]), Image(["a:1"], [layer("b")])))


def test_what_others_have_too() -> None:
    """
    Who has the archive has the image, and its name.
    """
    world = World()
    image = Image(["app:1"])
    finished(world, image, "first")
    facts = finished(world, image, "second")
    assert facts.owners == {"first", "second"}
    assert facts.claimants("docker.io/library/app:1") == {"first", "second"}


PRIVATE = digest(b"another owner's layer")


@pytest.mark.parametrize(
    "image",
    [
        Image(layers=[b""], digests=[PRIVATE]),
        Image(layers=[layer()], digests=[PRIVATE]),
        Image(layers=[layer()], digests=[digest(layer()), PRIVATE]),
        Image(entry={"Layers": ["missing"]}),
        Image(entry={"Layers": []}),
        Image(layers=[gzip.compress(layer())[:-9]], digests=[digest(layer())]),
        Image(entry={"Config": "missing"}),
        Image(entry={"Config": ""}),
        Image(entry={"Parent": PRIVATE}),
        Image(entry={"parent": PRIVATE}),
        Image(entry={"New": 1}),
        Image(entry={"repotags": ["a"]}),
        Image(["a"]),
        Image([f"a@{PRIVATE}"]),
        Image(["A:1"]),
        Image(raw=b"[]"),
        Image(raw=b"{}"),
        Image(raw=b"nonsense"),
        Image(raw=b'{"rootfs":{"diff_ids":[]},"rootfs":{}}'),
        Image(raw=b'{"config":{},"Config":{}}'),
    ],
)
def test_archives_that_are_refused(image: Image) -> None:
    """
    They would take another owner's layers or image, or could be read in two ways.
    """
    with pytest.raises(BadRequest):
        load(World(), saved(image))


def test_labels_in_any_case() -> None:
    """
    As Go finds them.
    """
    for key, labels in (("config", "Labels"), ("CONFIG", "labels"), ("Config", "LABELS")):
        text = (
            Image()
            .json.decode()
            .replace('"config": {}', json.dumps({key: {labels: {"com.dss.owner": "x"}}})[1:-1])
        )
        (found,) = read(files(saved(Image(raw=text.encode()))))
        assert found.owner == "x"
    twice = Image().json.replace(b'"config": {}', b'"config":{"Labels":{},"labels":{}}')
    with pytest.raises(BadRequest, match="two fields"):
        read(files(saved(Image(raw=twice))))


def test_labels_have_a_bound() -> None:
    """
    Every list of images that the engine makes has them.
    """
    for size in (LABELS, LABELS + 1):
        image = Image(config={"Labels": {"": "x" * size}})
        if size == LABELS:
            assert read(files(saved(image)))
        else:
            with pytest.raises(BadRequest, match="bytes of labels"):
                read(files(saved(image)))


def test_layers_that_are_compressed_or_linked() -> None:
    """
    Their digests are those of what is in them.
    """
    packed = gzip.compress(layer())
    assert read(files(saved(Image(layers=[packed]))))
    linked = Image(entry={"Layers": ["b/layer.tar"]})
    real = f"{digest(layer())[7:19]}/layer.tar"
    assert read(files(saved(linked, more=[("b/layer.tar", f"../{real}")])))


def index(*manifests: Any) -> bytes:
    """
    An index of OCI.
    """
    return json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()


def test_both_layouts_tell_the_same() -> None:
    """
    What one engine reads there another doesn't.
    """
    image, other = Image(["app:1"]), Image(raw=b'{"config":{"Labels":{}}}')
    blobs: list[tuple[str, bytes | str]] = []

    def manifest(of: Image, **notes: str) -> dict[str, Any]:
        inner = json.dumps({"config": {"digest": of.id}}).encode()
        blob = (f"blobs/sha256/{digest(inner)[7:]}", inner)
        if blob not in blobs:
            blobs.append(blob)
        return {"digest": digest(inner), "annotations": notes}

    name = {"io.containerd.image.name": "docker.io/library/app:1"}
    good = index(manifest(image, **name), {"digest": "sha256:" + "0" * 64})
    assert load(World(), saved(image, more=[*blobs, ("index.json", good)]))
    attested = {"vnd.docker.reference.type": "attestation-manifest"}
    fine = index(manifest(image, **name), manifest(other, **attested))
    assert load(World(), saved(image, more=[*blobs, ("index.json", fine)]))
    nested = index(manifest(other))
    blobs.append((f"blobs/sha256/{digest(nested)[7:]}", nested))
    poison = {"io.containerd.image.name": "docker.io/library/busybox:latest"}
    for bad in (
        index(manifest(other)),
        index(manifest(image, **poison)),
        index({"digest": digest(nested)}),
        b'{"manifests":[],"Manifests":[]}',
    ):
        with pytest.raises(BadRequest):
            load(World(), saved(image, more=[*blobs, ("index.json", bad)]))
    wrong = ("blobs/sha256/" + "0" * 64, b"{}")
    with pytest.raises(BadRequest, match="not what its name says"):
        load(World(), saved(image, more=[*blobs, wrong, ("index.json", good)]))


def test_other_layouts() -> None:
    """
    The form before manifest.json, and that of OCI alone.
    """
    for more in ([("repositories", b"{}")], [("index.json", index())]):
        archive = files(saved(more=more))
        only = ArchiveFiles({"repositories": archive.files["manifest.json"]}, {})
        with pytest.raises(BadRequest, match=r"does not contain a manifest\.json"):
            read(only)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Config", "RepoTags", "Layers", "Parent", "config", "Labels", "rootfs", "diff_ids"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(VALUES, VALUES, VALUES)
def test_json_of_any_form(manifest: Any, config: Any, told: Any) -> None:
    """
    It is read or refused, and nothing else.
    """
    image = Image(raw=json.dumps(config).encode())
    more = [("index.json", json.dumps({"manifests": told}).encode())]
    for data in (
        saved(image, more=[*more]),
        saved(Image(), more=[("x", json.dumps(manifest).encode()), *more]),
    ):
        archive = files(data)
        swapped = dict(archive.files)
        if "x" in swapped:
            swapped["manifest.json"] = swapped["x"]
        with contextlib.suppress(BadRequest):
            read(ArchiveFiles(swapped, {}))
