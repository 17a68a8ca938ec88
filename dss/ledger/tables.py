"""
The ledger's tables, and what is done to them: each a function of an open cursor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from dss.model.images import Keep, Release
from dss.model.records import NOBODY_YET, Records, Write

#: For how long a write to a reference keeps others off, in seconds: one that takes longer
#: was broken off with its process.
WRITE_SECONDS = 3600.0

#: How old a record is at least that is dropped where the engine doesn't have its image, or
#: not by that name: the engine was asked a moment before, and the record of a tag is there
#: before the tag.
RECORD_SECONDS = 600.0

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS holders (image TEXT NOT NULL, owner TEXT NOT NULL, "
    "added REAL NOT NULL, PRIMARY KEY (image, owner)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS names (name TEXT NOT NULL, image TEXT NOT NULL, "
    "owner TEXT NOT NULL, added REAL NOT NULL, PRIMARY KEY (name, image, owner)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS names_of_image ON names (image)",
    "CREATE TABLE IF NOT EXISTS writes (token TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
    "owner TEXT NOT NULL, before TEXT NOT NULL, pulling INTEGER NOT NULL, "
    "added REAL NOT NULL, image TEXT NOT NULL DEFAULT '') WITHOUT ROWID",
)

#: What makes the first layout into this one.
_FROM_FIRST = "ALTER TABLE writes ADD COLUMN image TEXT NOT NULL DEFAULT ''"

#: The layout's number, kept in the file.
VERSION = 2


class WrongLedger(Exception):
    """
    The file is no ledger that this dss can use.
    """


class Cursor(Protocol):
    """
    What a function needs of sqlite3's cursors, and of those of adbapi.
    """

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Any:
        """
        Execute a statement.
        """

    def fetchall(self) -> list[Any]:
        """
        The rows that it found.
        """


def create(cursor: Cursor) -> None:
    """
    Make the tables where they are missing.

    @raise WrongLedger: where the file has another layout.
    """
    found = _rows(cursor, "PRAGMA user_version")[0][0]
    if found == 1:
        cursor.execute(_FROM_FIRST)
    elif found not in (0, VERSION):
        raise WrongLedger(f"its layout is {found}, not {VERSION}")
    for statement in _SCHEMA:
        cursor.execute(statement)
    cursor.execute(f"PRAGMA user_version = {VERSION}")


def records(cursor: Cursor, image: str = "") -> Records:
    """
    What is recorded of one image, or of all.
    """
    only, parameters = (" WHERE image = ?", (image,)) if image else ("", ())
    holders: dict[str, set[str]] = {}
    for key, owner in _rows(cursor, f"SELECT image, owner FROM holders{only}", parameters):
        holders.setdefault(key, set()).add(owner)
    names: dict[tuple[str, str], set[str]] = {}
    for name, key, owner in _rows(
        cursor, f"SELECT name, image, owner FROM names{only}", parameters
    ):
        names.setdefault((name, key), set()).add(owner)
    writes = _rows(cursor, "SELECT name, owner, before, pulling, image FROM writes")
    return Records(
        {key: frozenset(owners) for key, owners in holders.items()},
        {key: frozenset(owners) for key, owners in names.items()},
        tuple(
            Write(name, owner, before, bool(pulling), key)
            for name, owner, before, pulling, key in writes
        ),
    )


def begin(cursor: Cursor, write: Write, token: str, now: float) -> bool:
    """
    Begin a write to a reference.

    @return: whether no other owner's stands in its way.
    """
    others = _rows(
        cursor,
        "SELECT pulling FROM writes WHERE name = ? AND owner != ? AND added > ?",
        (write.name, write.owner, now - WRITE_SECONDS),
    )
    if any(not (pulling and write.pulling) for (pulling,) in others):
        return False
    cursor.execute(
        "INSERT INTO writes (token, name, owner, before, pulling, added, image) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (token, write.name, write.owner, write.before, int(write.pulling), now, write.image),
    )
    return True


def end(cursor: Cursor, token: str) -> None:
    """
    A write is over.
    """
    cursor.execute("DELETE FROM writes WHERE token = ?", (token,))


def keep(cursor: Cursor, what: Keep, now: float) -> None:
    """
    Record that an owner has an image.
    """
    if what.holds:
        cursor.execute(
            "INSERT OR REPLACE INTO holders (image, owner, added) VALUES (?, ?, ?)",
            (what.image, what.owner, now),
        )
    for name in what.names:
        cursor.execute(
            "DELETE FROM names WHERE name = ? AND owner = ? AND image != ?",
            (name, what.owner, what.image),
        )
        cursor.execute(
            "INSERT OR REPLACE INTO names (name, image, owner, added) VALUES (?, ?, ?, ?)",
            (name, what.image, what.owner, now),
        )


def release(cursor: Cursor, what: Release, owner: str, now: float) -> None:
    """
    Record that an owner gives up references to an image, or all of it.
    """
    for name in what.names:
        cursor.execute(
            "DELETE FROM names WHERE name = ? AND image = ? AND owner = ?",
            (name, what.image, owner),
        )
        left = _rows(cursor, "SELECT 1 FROM names WHERE name = ? AND image = ?", (name, what.image))
        if not left:
            for heir in sorted(what.heirs):
                keep(cursor, Keep(heir, what.image, (name,), False), now)
    if not what.holds:
        for heir in sorted(what.heirs):
            keep(cursor, Keep(heir, what.image), now)
        cursor.execute("DELETE FROM names WHERE image = ? AND owner = ?", (what.image, owner))
        cursor.execute("DELETE FROM holders WHERE image = ? AND owner = ?", (what.image, owner))


def forget(cursor: Cursor, image: str) -> None:
    """
    An image is no longer in the engine.
    """
    cursor.execute("DELETE FROM holders WHERE image = ?", (image,))
    cursor.execute("DELETE FROM names WHERE image = ?", (image,))


def missing(cursor: Cursor, image: str, now: float) -> None:
    """
    The engine did not find an image a moment ago: records that are newer may be of one that has
    come since.
    """
    for table in ("holders", "names"):
        cursor.execute(
            f"DELETE FROM {table} WHERE image = ? AND added <= ?", (image, now - RECORD_SECONDS)
        )


def reconcile(
    cursor: Cursor, images: Mapping[str, Collection[str]], labelled: Collection[str], now: float
) -> int:
    """
    Settle what was left by a process that was killed, or by a load that broke off: what a
    name means that was to be brought, and that nobody has, may be anybody's, so it is recorded
    as nobody's to use. Writes that are too old are dropped, and so is what is recorded of
    images and names that the engine does not have.

    @param images: all images of the engine, by id, each with its canonical tags and digests.
    @param labelled: ids of those whose label tells whose they are.
    @return: how many rows were dropped or settled.
    """
    changed = 0
    for token, *columns in _rows(
        cursor,
        "SELECT token, name, owner, before, pulling, image FROM writes WHERE added <= ?",
        (now - WRITE_SECONDS,),
    ):
        write = Write(*columns)
        found = next((image for image, names in images.items() if write.name in names), "")
        if found and write.may_bring(found) and found not in labelled:
            known = records(cursor, found)
            if not known.holders and not known.names:
                # Whoever has brought it: a record here would let an owner take, by a pull that
                # it broke off, what the operator pulls.
                keep(cursor, Keep(NOBODY_YET, found, (write.name,)), now)
        end(cursor, token)
        changed += 1
    for table in ("holders", "names"):
        rows = _rows(
            cursor, f"SELECT DISTINCT image FROM {table} WHERE added <= ?", (now - RECORD_SECONDS,)
        )
        for (image,) in rows:
            if image not in images:
                forget(cursor, image)
                changed += 1
    for name, image in _rows(
        cursor, "SELECT DISTINCT name, image FROM names WHERE added <= ?", (now - RECORD_SECONDS,)
    ):
        if name not in images[image]:
            cursor.execute("DELETE FROM names WHERE name = ? AND image = ?", (name, image))
            changed += 1
    return changed


def _rows(cursor: Cursor, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    cursor.execute(statement, parameters)
    return cursor.fetchall()
