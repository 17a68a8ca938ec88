"""
Lines are the same however the stream is cut.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.errors import EngineOdd
from dss.wire.jsonlines import LineSplitter


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda each: each.replace(b"\n", b""))),
    rest=st.binary(max_size=20).map(lambda each: each.replace(b"\n", b"")),
    places=st.lists(st.integers(0, 500), max_size=20),
)
def test_any_cut(lines: list[bytes], rest: bytes, places: list[int]) -> None:
    """
    Every line comes once, whole, in order, with its newline; the rest at the end.
    """
    stream = b"".join(line + b"\n" for line in lines) + rest
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    splitter = LineSplitter(1000)
    found = []
    for start, end in itertools.pairwise(edges):
        found += splitter.feed(stream[start:end])
    assert found == [line + b"\n" for line in lines]
    assert splitter.end() == ([rest] if rest else [])
    assert splitter.end() == []


@given(pieces=st.lists(st.binary(max_size=12) | st.just(b"\n"), max_size=30))
def test_no_bytes_are_kept_beyond_the_limit(pieces: list[bytes]) -> None:
    """
    Whatever comes, it is lines within the limit, in order, or the engine is given up.
    """
    splitter = LineSplitter(10)
    found: list[bytes] = []
    taken = b""
    try:
        for piece in pieces:
            taken += piece
            found += splitter.feed(piece)
        found += splitter.end()
    except EngineOdd:
        assert any(len(line) > 10 for line in taken.split(b"\n"))
    else:
        assert b"".join(found) == taken
        assert all(line.index(b"\n") == len(line) - 1 for line in found[:-1])


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_long_line_is_left_out(size: int) -> None:
    """
    However it is cut; those around it come. At the limit it is kept.
    """
    splitter = LineSplitter(10, drops=True)
    stream = b"a\n" + b"x" * 41 + b"\n" + b"y" * 10 + b"\nb"
    found = []
    for start in range(0, 44, size):
        found += splitter.feed(stream[start : min(start + size, 43)])
    found += splitter.feed(stream[43:])
    assert found == [b"a\n", b"y" * 10 + b"\n"]
    assert splitter.end() == [b"b"]


def test_a_line_is_not_waited_for() -> None:
    """
    A line comes with the piece that completes it.
    """
    splitter = LineSplitter(100)
    assert splitter.feed(b'{"a"') == []
    assert splitter.feed(b":1}\n{") == [b'{"a":1}\n']
    assert splitter.feed(b"}\n") == [b"{}\n"]


def test_a_line_without_end() -> None:
    """
    It is given up at the limit, and not before; a new line counts anew.
    """
    splitter = LineSplitter(10)
    for _ in range(3):
        assert splitter.feed(b"12345") == []
        assert splitter.feed(b"67890") == []
        assert splitter.feed(b"\n") == [b"1234567890\n"]
    splitter.feed(b"1234567890")
    with pytest.raises(EngineOdd):
        splitter.feed(b"1")
