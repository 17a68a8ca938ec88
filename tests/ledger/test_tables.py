"""
The ledger's tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from dss.ledger import tables
from dss.model.images import Keep, Release
from dss.model.records import NOBODY_YET, Records, Write

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
NAME = "docker.io/library/a:1"


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    """
    An empty ledger.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    cursor = connection.cursor()
    tables.create(cursor)
    yield cursor
    connection.close()


def test_what_is_kept_is_told(cursor: sqlite3.Cursor) -> None:
    """
    Of one image, and of all; a name is of one image for each owner.
    """
    tables.keep(cursor, Keep("a", ONE, (NAME,)), 1)
    tables.keep(cursor, Keep("b", ONE, (NAME,), holds=False), 1)
    both = Records({ONE: frozenset("a")}, {(NAME, ONE): frozenset("ab")})
    assert tables.records(cursor) == tables.records(cursor, ONE) == both
    assert tables.records(cursor, TWO) == Records()
    tables.keep(cursor, Keep("b", TWO, (NAME,)), 1)
    assert tables.records(cursor).names == {
        (NAME, ONE): frozenset("a"),
        (NAME, TWO): frozenset("b"),
    }
    tables.forget(cursor, ONE)
    assert tables.records(cursor, ONE) == Records()


def test_what_is_released_goes_to_those_who_are_left(cursor: sqlite3.Cursor) -> None:
    """
    A name only where nobody else has it; the image so that its label counts no more.
    """
    tables.keep(cursor, Keep("a", ONE, (NAME,)), 1)
    tables.keep(cursor, Keep("b", ONE, ()), 1)
    tables.release(cursor, Release(ONE, (NAME,), False, frozenset("b")), "a", 1)
    left = Records({ONE: frozenset("b")}, {(NAME, ONE): frozenset("b")})
    assert tables.records(cursor) == left
    tables.keep(cursor, Keep("a", ONE, (NAME,)), 1)
    tables.release(cursor, Release(ONE, (NAME,), True, frozenset("b")), "a", 1)
    assert tables.records(cursor) == Records({ONE: frozenset("ab")}, left.names)


def test_writes_keep_others_off(cursor: sqlite3.Cursor) -> None:
    """
    Until they are over or too old; pulls stand beside each other.
    """

    def begin(owner: str, pulling: bool, now: float = 10, name: str = NAME) -> bool:
        token = f"{owner}{pulling}{now}{name}"
        return tables.begin(cursor, Write(name, owner, "", pulling), token, now)

    assert begin("a", True)
    assert begin("b", True)
    assert not begin("c", False)
    assert begin("c", False, name="other")
    assert not begin("a", True, name="other")
    assert begin("c", False, 11, name="other")
    assert tables.records(cursor).writes.count(Write(NAME, "a", "", True)) == 1
    tables.end(cursor, f"aTrue10{NAME}")
    assert not begin("c", False)
    tables.end(cursor, f"bTrue10{NAME}")
    assert begin("c", False)
    assert begin("d", False, 11 + tables.WRITE_SECONDS)


def test_reconciling(cursor: sqlite3.Cursor) -> None:
    """
    What a pull or a load may have brought whose process died is nobody's to use; records of
    images that there are not are dropped, but for new ones.
    """
    late = 10 + tables.WRITE_SECONDS
    tables.begin(cursor, Write(NAME, "a", "", True), "pulled", 10)
    tables.begin(cursor, Write("unchanged", "a", ONE, True), "unchanged", 10)
    tables.begin(cursor, Write("built", "a", "", False), "built", 10)
    tables.begin(cursor, Write("lost", "a", "", True), "lost", 10)
    tables.begin(cursor, Write("others", "a", "", True), "others", 10)
    tables.begin(cursor, Write("now", "a", "", True), "now", late)
    three, gone = "sha256:" + "3" * 64, "sha256:" + "4" * 64
    tables.keep(cursor, Keep("b", three, ("others",)), 10)
    tables.keep(cursor, Keep("b", gone, ("x",)), 10)
    tables.keep(cursor, Keep("b", "sha256:new", ("y",)), late)
    tables.begin(cursor, Write("labelled", "a", "", True), "labelled", 10)
    tables.begin(cursor, Write("both", "a", "", True), "both", 10)
    tables.begin(cursor, Write("both", "b", "", True), "both too", late)
    tables.keep(cursor, Keep("b", three, ("moved",), holds=False), 10)
    five, six = "sha256:" + "5" * 64, "sha256:" + "6" * 64
    loaded, other = "sha256:" + "7" * 64, "sha256:" + "8" * 64
    for name in ("loaded", "other"):
        tables.begin(cursor, Write(name, "a", "", False, loaded), name, 10)
    images = {
        loaded: ["loaded"],
        other: ["other"],
        TWO: [NAME, "built"],
        ONE: ["unchanged"],
        three: ["others"],
        five: ["labelled"],
        six: ["both"],
    }
    assert tables.reconcile(cursor, images, {five}, late) > 0
    found = tables.records(cursor)
    assert set(found.writes) == {Write("now", "a", "", True), Write("both", "b", "", True)}
    assert found.holders == {
        # Whoever brought it: nothing tells.
        TWO: frozenset([NOBODY_YET]),
        loaded: frozenset([NOBODY_YET]),
        six: frozenset([NOBODY_YET]),
        three: frozenset("b"),
        "sha256:new": frozenset("b"),
    }
    assert ("moved", three) not in found.names
    assert found.names[NAME, TWO] == frozenset([NOBODY_YET])
    assert tables.reconcile(cursor, images, {five}, late) == 0


def test_what_the_engine_misses(cursor: sqlite3.Cursor) -> None:
    """
    Is no longer anybody's, but for what may have come just now.
    """
    late = 10 + tables.RECORD_SECONDS
    tables.keep(cursor, Keep("a", ONE, (NAME,)), 10)
    tables.keep(cursor, Keep("b", ONE), late)
    tables.keep(cursor, Keep("a", TWO), 10)
    tables.missing(cursor, ONE, late)
    assert tables.records(cursor) == Records({ONE: frozenset("b"), TWO: frozenset("a")})


def test_another_layout_is_refused() -> None:
    """
    A newer dss may have written it.
    """
    cursor = sqlite3.connect(":memory:").cursor()
    cursor.execute("PRAGMA user_version = 3")
    with pytest.raises(tables.WrongLedger, match="3, not 2"):
        tables.create(cursor)


def test_the_first_layout_is_made_into_this_one(cursor: sqlite3.Cursor) -> None:
    """
    With what is in it.
    """
    tables.begin(cursor, Write(NAME, "a", ONE, True), "token", 10)
    cursor.execute("ALTER TABLE writes DROP COLUMN image")
    cursor.execute("PRAGMA user_version = 1")
    tables.create(cursor)
    tables.create(cursor)
    assert tables.records(cursor).writes == (Write(NAME, "a", ONE, True),)
