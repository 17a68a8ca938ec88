"""
Archives of images, read as they stream by.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.errors import BadRequest
from dss.model.archives import ArchiveFiles
from dss.wire import images
from dss.wire.images import ImagesReader
from tests.policy.archives_made import tar


def read(data: bytes, step: int = 1 << 20) -> ArchiveFiles:
    """
    What is in an archive that comes in pieces.
    """
    reader = ImagesReader()
    for place in range(0, len(data), step):
        reader.feed(data[place : place + step])
    reader.end()
    return reader.files()


LAYER = bytes(range(256)) * 40


@pytest.mark.parametrize("step", [1, 7, 512, 4096, 1 << 20])
def test_files_in_pieces(step: int) -> None:
    """
    However it is cut: digests of all, and what could be JSON.
    """
    packed = gzip.compress(LAYER)
    found = read(
        tar(
            [
                ("manifest.json", b' [{"a":1}]'),
                ("./a/layer.tar", LAYER),
                ("/b/layer.tar", packed),
                ("c/layer.tar", "../a/layer.tar"),
                ("empty", b""),
            ]
        ),
        step,
    )
    plain = hashlib.sha256(LAYER).hexdigest()
    assert found.files["manifest.json"].content == b' [{"a":1}]'
    assert found.files["a/layer.tar"].content is None
    assert found.files["a/layer.tar"].digest == found.files["a/layer.tar"].unpacked == plain
    assert found.files["b/layer.tar"].digest == hashlib.sha256(packed).hexdigest()
    assert found.files["b/layer.tar"].unpacked == plain
    assert found.at("c/layer.tar") == found.files["a/layer.tar"]
    assert found.files["empty"].unpacked == hashlib.sha256(b"").hexdigest()
    assert found.at("missing") is None


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_archive(pack: object) -> None:
    """
    As the engine unpacks it.
    """
    assert callable(pack)
    assert read(pack(tar([("a", b"{}")])), 100).files["a"].content == b"{}"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("a", b"1"), ("a", b"2")], "twice"),
        ([("a", b"1"), ("./a", b"2")], "twice"),
        ([("a", b"1"), ("b/../a", b"2")], "twice"),
        ([("a", "b"), ("a", b"2")], "through a link|twice"),
        ([("a", "/etc/passwd")], "leads out"),
        ([("a", "b"), ("b", "c")], "link to a link|to a link"),
        ([("a", "."), ("a/b", b"1")], "through a link"),
    ],
)
def test_what_could_be_read_in_two_ways(
    members: list[tuple[str, bytes | str]], reason: str
) -> None:
    """
    Is refused.
    """
    with pytest.raises(BadRequest, match=reason):
        read(tar(members))


def test_members_that_are_no_files() -> None:
    """
    Hard links and devices.
    """
    for kind in (tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        entry = tarfile.TarInfo("a")
        entry.type, entry.linkname = kind, "b"
        with pytest.raises(BadRequest, match="neither a file nor a directory"):
            read(entry.tobuf() + bytes(1024))


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of files, of JSON, and of what a layer unpacks to.
    """
    big = tar([("a", b"[" + b" " * 100), ("b", b"[" + b" " * 100)])
    assert read(big)
    monkeypatch.setattr(images, "KEPT_BYTES", 150)
    with pytest.raises(BadRequest, match="bytes of JSON"):
        read(big)
    monkeypatch.setattr(images, "FILE_BYTES", 50)
    assert read(big).files["a"].content is None
    monkeypatch.setattr(images, "FREE_BYTES", 1000)
    with pytest.raises(BadRequest, match="grows too much"):
        read(tar([("a", gzip.compress(bytes(1_000_000)))]))
    monkeypatch.setattr(images, "FILES", 1)
    with pytest.raises(BadRequest, match="more than 1 files"):
        read(big)


def test_a_layer_that_can_not_be_unpacked() -> None:
    """
    Has no digest of what is inside.
    """
    for broken in (gzip.compress(LAYER)[:-9], b"\x28\xb5\x2f\xfd" + bytes(20), b"BZh91AY&SY"):
        assert read(tar([("a", broken)])).files["a"].unpacked == ""


@given(st.binary(max_size=2000), st.integers(1, 700))
def test_noise_is_refused_and_nothing_else(data: bytes, step: int) -> None:
    """
    Whatever comes, it is an answer that the client gets.
    """
    with contextlib.suppress(BadRequest):
        read(data, step)


@given(
    st.lists(st.tuples(st.sampled_from("abc/."), st.binary(max_size=40)), max_size=4),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=3),
    st.integers(1, 2000),
)
def test_archives_with_wrong_bytes(
    members: list[tuple[str, bytes]], changes: list[tuple[int, int]], step: int
) -> None:
    """
    They read the same however they are cut, or are refused.
    """
    data = bytearray(
        tar([(f"x{name}{number}", each) for number, (name, each) in enumerate(members)])
    )
    for place, value in changes:
        data[place % len(data)] = value
    answers = []
    for size in (step, 1 << 20):
        try:
            answers.append(repr(read(bytes(data), size)))
        except BadRequest:
            answers.append("refused")
    assert answers[0] == answers[1]
