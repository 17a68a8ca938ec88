"""
The ledger's file: shared by processes, whole after they were killed.
"""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred

from dss.errors import Denied, DssError
from dss.ledger.ledger import Ledger, LedgerError, NoLedger
from dss.model.facts import ContainerNamed
from dss.model.images import AllRecords, Begin, End, Gone, HasLedger, Keep, Pause, Release
from dss.model.records import NO_RECORDS, Records

ONE = "sha256:" + "1" * 64
NAME = "docker.io/library/a:1"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], Ledger]]:
    """
    Opens the same file again and again, as several processes do.
    """
    ledgers: list[Ledger] = []

    def open_() -> Ledger:
        ledgers.append(Ledger(str(tmp_path / "ledger"), reactor))
        return ledgers[-1]

    yield open_
    for each in ledgers:
        each.close()


@pytest_twisted.ensureDeferred
async def test_two_processes_see_each_others_records(
    opened: Callable[[], Ledger], tmp_path: Path
) -> None:
    """
    As soon as they are answered.
    """
    first, second = opened(), opened()
    assert stat.S_IMODE((tmp_path / "ledger").stat().st_mode) == 0o600
    await ask(first, Keep("a", ONE, (NAME,)))
    whole = Records({ONE: frozenset("a")}, {(NAME, ONE): frozenset("a")})
    assert await second.about(ONE) == await ask(second, AllRecords()) == whole
    token = await ask(first, Begin(NAME))
    with pytest.raises(Denied, match=r"image\.name-busy"):
        await ask(second, Begin(NAME), "b")
    await ask(first, End(token))
    await ask(second, End(await ask(second, Begin(NAME), "b")))
    await ask(second, Release(ONE, (NAME,), holds=True), "a")
    assert (await first.about(ONE)).names == {}
    await ask(second, Gone(ONE))
    assert await first.about(ONE) == NO_RECORDS
    assert await first.reconcile({}, ()) == 0
    assert await ask(first, HasLedger()) is True
    with pytest.raises(LookupError):
        first.answer(ContainerNamed("x"), "a")


async def ask(ledger: Ledger, question: Any, owner: str = "a") -> Any:
    """
    The answer to a question.
    """
    found = ledger.answer(question, owner)
    return await found if hasattr(found, "addCallback") else found  # type: ignore[misc]


_WRITER = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import Deferred
from dss.ledger.ledger import Ledger
from dss.model.images import Keep

async def write():
    ledger = Ledger(sys.argv[1], reactor)
    for number in range(10 ** 6):
        image = f"sha256:{number:064d}"
        await ledger.answer(Keep("a", image, (f"name-{number}", f"other-{number}")), "a")
        print(number, flush=True)

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(write()))
reactor.run()
"""


@pytest_twisted.ensureDeferred
async def test_a_process_that_is_killed(opened: Callable[[], Ledger], tmp_path: Path) -> None:
    """
    All that it was told is done, is there, and what it was at is there whole or not at all,
    while others go on.
    """
    beside = opened()
    for until in (1, 7, 20):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / "ledger")], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        done = -1
        while done < until:
            done = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        found = await ask(beside, AllRecords())
        last = max([done, *rest])
        assert {f"sha256:{number:064d}" for number in range(last + 1)} <= set(found.holders)
        for image in found.holders:
            number = int(image[7:])
            assert (f"name-{number}", image) in found.names
            assert (f"other-{number}", image) in found.names
        for image in found.holders:
            await ask(beside, Gone(image))


def test_a_file_that_can_not_be_used(tmp_path: Path) -> None:
    """
    dss does not start without what it was told to remember.
    """
    broken = tmp_path / "broken"
    broken.write_bytes(b"no database, but a long text" * 100)
    for path in (broken, tmp_path, tmp_path / "missing" / "ledger"):
        with pytest.raises(LedgerError, match="can't be used"):
            Ledger(str(path), reactor)


@pytest_twisted.ensureDeferred
async def test_a_file_that_breaks(opened: Callable[[], Ledger], tmp_path: Path) -> None:
    """
    Each question about it is then a failure, and nobody learns the reason.
    """
    ledger = opened()
    await ask(ledger, Keep("a", ONE))
    with closing(sqlite3.connect(tmp_path / "ledger")) as other:
        other.execute("DROP TABLE holders")
    for question in (AllRecords(), Keep("a", ONE)):
        with pytest.raises(DssError, match="dss's ledger can't be used") as error:
            await ask(ledger, question)
        assert "holders" not in error.value.message


@pytest_twisted.ensureDeferred
async def test_an_image_that_the_engine_misses(
    opened: Callable[[], Ledger], tmp_path: Path
) -> None:
    """
    What is recorded of it goes.
    """
    ledger = opened()
    await ask(ledger, Keep("a", ONE, (NAME,)))
    await ledger.missing(ONE)
    assert (await ledger.about(ONE)).has(ONE), "it may have come just now"
    with closing(sqlite3.connect(tmp_path / "ledger")) as other:
        other.execute("UPDATE holders SET added = 0")
        other.execute("UPDATE names SET added = 0")
        other.commit()
    await ledger.missing(ONE)
    assert not (await ledger.about(ONE)).has(ONE)


@pytest_twisted.ensureDeferred
async def test_a_pause(tmp_path: Path) -> None:
    """
    It ends by itself, or with the ledger.
    """
    ledger = Ledger(str(tmp_path / "ledger"), reactor)
    await ask(ledger, Pause(0))
    waiting = ledger.answer(Pause(60), "a")
    assert isinstance(waiting, Deferred)
    ledger.close()
    with pytest.raises(CancelledError):
        await waiting


def test_without_a_ledger() -> None:
    """
    What needs a record is denied, and all else goes on.
    """
    none = NoLedger()
    assert none.about(ONE) is none.answer(AllRecords(), "a") is NO_RECORDS
    assert none.answer(HasLedger(), "a") is False
    assert none.answer(Begin(NAME), "a") == ""
    for quiet in (End(""), Release(ONE, (), False), Gone(ONE), Pause(1)):
        assert none.answer(quiet, "a") is None
    for needs in (Keep("a", ONE), Begin(NAME, pulling=True)):
        with pytest.raises(Denied, match=r"--ledger FILE\. \[rule ledger\.missing\]"):
            none.answer(needs, "a")
    with pytest.raises(LookupError):
        none.answer(ContainerNamed("x"), "a")
