"""
The ledger as policy's questions see it: one SQLite file, which several processes may share.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from dss.errors import Denied, DssError, Problem
from dss.ledger import tables
from dss.model.facts import Question
from dss.model.images import AllRecords, Begin, End, Gone, HasLedger, Keep, Pause, Release
from dss.model.records import NO_RECORDS, Records, Write

Result = TypeVar("Result")

#: How long one process waits for another's transaction, in seconds.
BUSY_SECONDS = 20.0

_log = Logger(namespace="dss.ledger")


class LedgerError(Exception):
    """
    The ledger's file can't be used, so dss must not start: what it would not know of would
    be everybody's.
    """


class NoLedger:
    """
    Stands for a ledger where there is none: nothing is recorded, and what needs a record is
    denied.
    """

    def about(self, image: str) -> Records:
        """
        What is recorded of an image: nothing.
        """
        return NO_RECORDS

    async def missing(self, image: str) -> None:
        """
        The engine does not have an image: nothing was recorded of it.
        """

    def answer(self, question: Question[object], owner: str) -> object:
        """
        The answer to a question about the ledger.

        @raise Denied: where it needs one.
        @raise LookupError: if it is another question.
        """
        if type(question) is AllRecords:
            return NO_RECORDS
        if type(question) is HasLedger:
            return False
        if type(question) is Keep or (type(question) is Begin and question.pulling):
            raise Denied(
                Problem(
                    "ledger.missing",
                    "",
                    "without a ledger, dss could not tell whose this image is.",
                    "The operator can start dss with --ledger FILE.",
                )
            )
        if type(question) is Begin:
            return ""
        if type(question) in (End, Release, Gone, Pause):
            return None
        raise LookupError(f"no question for the ledger: {question!r}")


class Ledger:
    """
    A ledger in a file.

    Each change is one transaction that is in the file when its Deferred fires, so that a
    process can be killed at any point.
    """

    def __init__(self, path: str, reactor: Any) -> None:
        """
        @param path: the file, made where it is missing, for this user only.
        @param reactor: has the threads that SQLite waits in, and tells the time.
        @raise LedgerError: if it can't be used.
        """
        self._reactor = reactor
        self._waiting: set[Deferred[None]] = set()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                _prepare(connection)
                connection.execute("BEGIN IMMEDIATE")
                tables.create(connection.cursor())
                connection.execute("COMMIT")
            finally:
                connection.close()
        except (OSError, sqlite3.Error, tables.WrongLedger) as error:
            raise LedgerError(f"the ledger {path} can't be used: {error}") from error
        # It starts by itself once the reactor runs, and not before: threads would keep a start
        # that fails from ending, and a daemon would not have those of the process that made it.
        self._pool = ConnectionPool(
            "sqlite3",
            path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cp_min=1,
            cp_max=2,
            cp_openfun=_prepare,
            cp_reactor=reactor,
        )

    def close(self) -> None:
        """
        Close the file, once what is under way has ended.
        """
        for waiting in list(self._waiting):
            waiting.cancel()
        self._pool.close()

    def about(self, image: str) -> Deferred[Records]:
        """
        What is recorded of an image.
        """
        return self._run("BEGIN", tables.records, image)

    async def missing(self, image: str) -> None:
        """
        The engine does not have an image: what is recorded of it would hold for whoever brings
        it in again.
        """
        found = await self.about(image)
        if found.has(image):
            await self._write(tables.missing, image, self._reactor.seconds())

    def reconcile(
        self, images: Mapping[str, Collection[str]], labelled: Collection[str]
    ) -> Deferred[int]:
        """
        Settle what was left by processes that were killed.

        @param images: as L{tables.reconcile} wants them.
        @param labelled: likewise.
        """
        return self._write(tables.reconcile, images, labelled, self._reactor.seconds())

    def answer(self, question: Question[object], owner: str) -> object:
        """
        The answer to a question about the ledger, or a Deferred of it.

        @param owner: who asks.
        @raise LookupError: if it is another question.
        """
        now = self._reactor.seconds()
        if type(question) is AllRecords:
            return self._run("BEGIN", tables.records)
        if type(question) is HasLedger:
            return True
        if type(question) is Begin:
            token = uuid.uuid4().hex
            write = Write(question.name, owner, question.before, question.pulling, question.image)
            begun = self._write(tables.begin, write, token, now)
            return begun.addCallback(_token, token)
        if type(question) is End:
            return self._write(tables.end, question.token)
        if type(question) is Keep:
            return self._write(tables.keep, question, now)
        if type(question) is Release:
            return self._write(tables.release, question, owner, now)
        if type(question) is Gone:
            return self._write(tables.forget, question.image)
        if type(question) is Pause:
            return self._pause(question.seconds)
        raise LookupError(f"no question for the ledger: {question!r}")

    def _pause(self, seconds: float) -> Deferred[None]:
        waiting: Deferred[None] = deferLater(self._reactor, seconds)
        self._waiting.add(waiting)

        def over(result: Any) -> Any:
            self._waiting.discard(waiting)
            return result

        return waiting.addBoth(over)

    def _write(self, action: Callable[..., Result], *arguments: object) -> Deferred[Result]:
        return self._run("BEGIN IMMEDIATE", action, *arguments)

    def _run(
        self, begin: str, action: Callable[..., Result], *arguments: object
    ) -> Deferred[Result]:
        def interaction(cursor: Any) -> Result:
            cursor.execute(begin)
            return action(cursor, *arguments)

        done: Deferred[Result] = self._pool.runInteraction(interaction)
        return done.addErrback(_unusable)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _unusable(failure: Failure) -> Any:
    if failure.check(CancelledError):
        return failure
    _log.failure("the ledger failed", failure)
    raise DssError("dss's ledger can't be used, so that it can't tell whose images are whose")


def _token(begun: bool, token: str) -> str:
    if not begun:
        raise Denied(
            Problem(
                "image.name-busy",
                "",
                "another owner is about to give this name to an image.",
                "Choose a name that is free or one's own.",
            )
        )
    return token


#: What L{NoLedger} and L{Ledger} have in common.
AnyLedger = Ledger | NoLedger

__all__ = ["AnyLedger", "Ledger", "LedgerError", "NoLedger"]
