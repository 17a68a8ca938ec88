"""
Drives judgements: whatever they ask is answered, now or later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from dss.engine.facts import EngineFacts
from dss.hooks.chain import HookChain
from dss.ledger.ledger import AnyLedger, NoLedger
from dss.model.facts import (
    Claim,
    ClientContainer,
    HooksOnCreate,
    HooksOnEntry,
    HostPath,
    HostRoutes,
    MakeDirectory,
    PathFacts,
    Question,
)
from dss.model.images import AllRecords, Begin, End, Gone, HasLedger, Keep, Now, Pause, Release
from dss.model.owner import Owner
from dss.model.ruling import Judgement
from dss.policy.mounts.wishes import below
from dss.proxy.host import look_at, make_directory
from dss.proxy.peer import Peer
from dss.proxy.routes import host_routes
from dss.proxy.usage import Usage

Result = TypeVar("Result")

_log = Logger(namespace="dss")

_LEDGER = frozenset({AllRecords, Begin, End, Gone, HasLedger, Keep, Pause, Release})


class Answering(Protocol):
    """
    Answers what a judgement asks.
    """

    def answer(self, question: Question[object]) -> object:
        """
        The answer, or a Deferred of it.

        @raise dss.errors.DssError: where there is none.
        """


class Answers:
    """
    Answers the questions of one owner's judgements.
    """

    def __init__(
        self,
        owner: Owner,
        engine: EngineFacts,
        hooks: HookChain,
        usage: Usage | None = None,
        ledger: AnyLedger | None = None,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        """
        @param usage: what the owner uses, where that has limits.
        @param seconds: tells the time.
        """
        self._ledger = ledger or NoLedger()
        self._seconds = seconds
        self._owner = owner
        self._usage = usage
        self._engine = engine
        self._hooks = hooks
        self._told: set[str] = set()

    def answer(self, question: Question[object]) -> object:
        """
        The answer, or a Deferred of it.

        @raise dss.errors.DssError: where there is none.
        """
        if type(question) is HooksOnEntry:
            return self._hooks.on_entry(self._owner.name, question.kind, question.entry)
        if type(question) is HooksOnCreate:
            return self._hooks.on_create(self._owner.name, question.body)
        if type(question) is HostPath:
            return self._host_path(question.path)
        if type(question) is HostRoutes:
            return host_routes()
        if type(question) is MakeDirectory:
            return make_directory(question.root, question.relative)
        if type(question) is Claim and self._usage is not None:
            return self._usage.claim(question)
        if type(question) in _LEDGER:
            return self._ledger.answer(question, self._owner.name)
        if type(question) is Now:
            return self._seconds()
        return self._engine.answer(question)

    def _host_path(self, path: str) -> PathFacts | Deferred[PathFacts]:
        directory = self._engine.directory()
        if isinstance(directory, str):
            return self._seen(path, directory)
        return directory.addCallback(lambda known: self._seen(path, known))

    def _seen(self, path: str, directory: str) -> PathFacts:
        found = look_at(path)
        at, engines = found.resolved or path, look_at(directory).resolved or directory
        if not (below(at, engines) or below(engines, at)):
            return found
        if path not in self._told:
            self._told.add(path)
            _log.error(
                "{path} can't be bound: the engine keeps its own files in {directory}",
                path=path,
                directory=directory,
            )
        return evolve(found, is_engines=True)


class ClientAnswers:
    """
    Answers the questions of one client's judgements: those about the client too.
    """

    __slots__ = ("_owners", "_peer")

    def __init__(self, owners: Answers, peer: Peer) -> None:
        self._owners = owners
        self._peer = peer

    def answer(self, question: Question[object]) -> object:
        """
        The answer, or a Deferred of it.

        @raise dss.errors.DssError: where there is none.
        """
        if type(question) is ClientContainer:
            return self._peer.container()
        return self._owners.answer(question)


def drive(judgement: Judgement[Result], answers: Answering) -> Result | Deferred[Result]:
    """
    Run a judgement to its end.

    @return: its result at once, where every answer was there at once; else a
        Deferred, which may be cancelled.
    @raise dss.errors.DssError: what the judgement raised, where it ended at once.
    """
    return _go_on(judgement, answers, None, None)


def _go_on(
    judgement: Judgement[Result],
    answers: Answering,
    answer: object,
    failure: Failure | None,
) -> Result | Deferred[Result]:
    while True:
        try:
            if failure is not None:
                question = judgement.throw(cast(BaseException, failure.value))
            else:
                question = judgement.send(answer)
        except StopIteration as end:
            return cast(Result, end.value)
        failure = None
        try:
            answer = answers.answer(question)
        except Exception:
            failure = Failure()
            continue
        if isinstance(answer, Deferred):
            if not answer.called or answer.paused:
                return _later(judgement, answers, answer)
            settled: list[Any] = []
            answer.addBoth(settled.append)
            if not settled:
                return _later(judgement, answers, answer)
            if isinstance(settled[0], Failure):
                failure = settled[0]
            else:
                answer = settled[0]


def _later(
    judgement: Judgement[Result], answers: Answering, waiting: Deferred[Any]
) -> Deferred[Result]:
    return waiting.addCallbacks(
        lambda answer: _go_on(judgement, answers, answer, None),
        lambda failure: _go_on(judgement, answers, None, failure),
    )
