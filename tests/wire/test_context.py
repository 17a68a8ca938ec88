"""
Contexts are read as they stream, in any pieces, and in one way only.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.errors import BadRequest
from dss.wire import archive as archives
from dss.wire import context
from dss.wire.context import ContextReader

TEXT = b"FROM busybox\n"
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
PACKINGS = [bytes, gzip.compress, bz2.compress, lzma.compress]
LONG = "a" * 90 + "/" + "b" * 90


def archive(*members: Any, form: int = tarfile.PAX_FORMAT) -> bytes:
    """
    An archive of pairs of a name and its bytes, or of ready heads.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                entry = tarfile.TarInfo(member[0])
                entry.size = len(member[1])
                tar.addfile(entry, io.BytesIO(member[1]))
    return packed.getvalue()


def special(name: str, kind: bytes, to: str = "") -> tarfile.TarInfo:
    """
    The head of a member without data.
    """
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, to
    return entry


def found(data: bytes, dockerfile: str = "", step: int = 1000) -> bytes:
    """
    The Dockerfile of a context that comes in pieces.
    """
    reader = ContextReader(dockerfile)
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
    reader.end()
    return reader.dockerfile()


@given(
    form=st.sampled_from(FORMATS),
    packing=st.sampled_from(PACKINGS),
    step=st.integers(1, 3000),
)
def test_any_pieces_give_the_same(form: int, packing: Any, step: int) -> None:
    """
    In each dialect and packing.
    """
    data = archive(
        (LONG, b"x" * 700),
        special("link", tarfile.SYMTYPE, LONG[:80]),
        special("dir", tarfile.DIRTYPE),
        ("./Dockerfile", TEXT),
        ("\u00e9", b"y"),
        form=form,
    )
    assert found(packing(data), step=step) == TEXT


@given(junk=st.binary(max_size=2000), place=st.integers(0, 10240))
def test_what_is_no_archive(junk: bytes, place: int) -> None:
    """
    Whatever it is, nothing but a refusal or the whole Dockerfile comes of it.
    """
    data = archive(("Dockerfile", TEXT))
    for each in (junk, data[:place], data[:place] + junk):
        with contextlib.suppress(BadRequest):
            assert found(each) == TEXT


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_end_is_noticed_with_the_piece_that_has_it(packing: Any) -> None:
    """
    So that it can be held back.
    """
    data = archive(("Dockerfile", TEXT))
    reader = ContextReader("")
    reader.feed(data[: 1024 + 512])
    assert not reader.complete
    reader.feed(data[1024 + 512 : 1024 + 1024])
    assert reader.complete
    reader = ContextReader("")
    reader.feed(packing(data))
    assert reader.complete


def test_an_archive_without_an_end_mark() -> None:
    """
    The body's end is its end, as for the engine.
    """
    data = archive(("Dockerfile", TEXT))[:1024]
    assert found(data) == TEXT
    with pytest.raises(BadRequest, match="no whole tar archive"):
        found(data[:-1])
    with pytest.raises(BadRequest, match="no whole tar archive"):
        found(b"")


@pytest.mark.parametrize(
    ("name", "dockerfile"),
    [
        ("Dockerfile", ""),
        ("dockerfile", ""),
        ("/Dockerfile", "Dockerfile"),
        ("a/../Dockerfile", "./Dockerfile"),
        ("sub/x", "/sub//x"),
        ("./sub/./x", "sub/x"),
        (LONG, LONG),
        ("\u00e9", "\u00e9"),
    ],
)
def test_where_the_dockerfile_is(name: str, dockerfile: str) -> None:
    """
    However its path is spelled.
    """
    for form in FORMATS:
        assert found(archive(("other", b"x"), (name, TEXT), form=form), dockerfile) == TEXT


def test_the_default_name_goes_before_the_lower_case_one() -> None:
    """
    As with the engine; another name has no second spelling.
    """
    assert found(archive(("dockerfile", b"x"), ("Dockerfile", TEXT))) == TEXT
    with pytest.raises(BadRequest, match="Cannot locate specified Dockerfile: Other"):
        found(archive(("other", TEXT)), "Other")


@pytest.mark.parametrize(
    ("members", "dockerfile", "reason"),
    [
        ([("Dockerfile", TEXT), ("./Dockerfile", TEXT)], "", "more than one"),
        ([special("Dockerfile", tarfile.SYMTYPE, "x")], "", "no regular file"),
        ([special("Dockerfile", tarfile.LNKTYPE, "x")], "", "no regular file"),
        ([special("dockerfile", tarfile.FIFOTYPE)], "", "no regular file"),
        ([special("Dockerfile", tarfile.DIRTYPE)], "", "no regular file"),
        ([("sub/x", TEXT), special("sub", tarfile.SYMTYPE, "y")], "sub/x", "directory"),
        ([special(".", tarfile.SYMTYPE, "y"), ("Dockerfile", TEXT)], "", "link|directory"),
        ([special("d", tarfile.SYMTYPE, "."), ("d/Dockerfile", TEXT)], "", "through a link"),
        ([special("d", tarfile.SYMTYPE, "."), ("d/x/y", TEXT)], "", "through a link"),
        ([special("d", tarfile.LNKTYPE, "e"), ("d/x", TEXT)], "", "through a link"),
        ([special("x", tarfile.CONTTYPE)], "", "of the kind b'7'"),
        ([special("x", b"S")], "", "of the kind b'S'"),
        ([special("x", b"V")], "", "of the kind b'V'"),
        ([("Dockerfile", bytes(context.DOCKERFILE_BYTES + 1))], "", "is over"),
    ],
)
def test_what_could_be_read_in_two_ways(members: Any, dockerfile: str, reason: str) -> None:
    """
    It is refused.
    """
    with pytest.raises(BadRequest, match=reason):
        found(archive(*members), dockerfile)


def test_the_largest_dockerfile() -> None:
    """
    Up to the limit it is read; other files may be larger.
    """
    text = b"#" * context.DOCKERFILE_BYTES
    data = archive(("x", text + b"x"), ("Dockerfile", text))
    assert found(data, step=50_000) == text


@pytest.mark.parametrize("records", [{"GNU.sparse.major": "1"}, {"size": "-1"}, {"path": ""}])
def test_odd_extended_heads(records: dict[str, str]) -> None:
    """
    Sparse files, and names and sizes that are none.
    """
    entry = tarfile.TarInfo("Dockerfile")
    entry.pax_headers = records
    with pytest.raises(BadRequest):
        found(archive(entry))


def test_a_name_for_all_members() -> None:
    """
    A global head may tell other things, such as git's comment.
    """
    for records, good in (({"comment": "1234"}, True), ({"path": "Dockerfile"}, False)):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", pax_headers=records) as tar:
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(TEXT)
            tar.addfile(entry, io.BytesIO(TEXT))
        if good:
            assert found(packed.getvalue()) == TEXT
        else:
            with pytest.raises(BadRequest, match="for all of its members"):
                found(packed.getvalue())


@pytest.mark.parametrize("packing", PACKINGS)
def test_what_follows_the_end(packing: Any) -> None:
    """
    Only zeros may, and after a packed archive nothing.
    """
    data = archive(("Dockerfile", TEXT))
    assert found(packing(data + bytes(5000))) == TEXT
    with pytest.raises(BadRequest, match="goes on after"):
        found(packing(data + b"x"))
    if packing is not bytes:
        with pytest.raises(BadRequest, match="goes on after"):
            found(packing(data) + packing(data))
        with pytest.raises(BadRequest, match="can't unpack"):
            found(packing(data)[:-3])
        with pytest.raises(BadRequest, match="can't unpack"):
            found(packing(data)[:20] + b"xxxx" + packing(data)[24:])


def test_zstd_is_refused() -> None:
    """
    Also behind a frame that is skipped.
    """
    for start in (b"\x28\xb5\x2f\xfd", b"\x53*M\x18"):
        with pytest.raises(BadRequest, match="zstd"):
            found(start + bytes(600))


def test_a_context_that_grows_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is given up in the midst.
    """
    monkeypatch.setattr(archives, "FREE_BYTES", 10_000)
    packed = gzip.compress(archive(("x", bytes(1_000_000)), ("Dockerfile", TEXT)))
    with pytest.raises(BadRequest, match="grows too much"):
        found(packed)
    assert found(gzip.compress(archive(("x", bytes(5000)), ("Dockerfile", TEXT)))) == TEXT


@pytest.mark.parametrize(("limit", "count"), [("MEMBERS", 3), ("LINKS", 2)])
def test_too_many(monkeypatch: pytest.MonkeyPatch, limit: str, count: int) -> None:
    """
    Of members, and of links, which are remembered.
    """
    monkeypatch.setattr(archives, limit, count)
    links = [special(f"l{number}", tarfile.SYMTYPE, "x") for number in range(2)]
    assert found(archive(*links, ("Dockerfile", TEXT))) == TEXT
    with pytest.raises(BadRequest, match="more than"):
        found(archive(*links, special("l3", tarfile.SYMTYPE, "x"), ("Dockerfile", TEXT)))
