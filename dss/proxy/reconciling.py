"""
Keeps the ledger in step with the engine: at the start, and every few minutes.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from dss.engine.facts import EngineFacts
from dss.errors import DssError
from dss.ledger.ledger import Ledger
from dss.model.facts import names_of
from dss.model.images import AllImages
from dss.model.owner import owner_of

#: How often, in seconds.
INTERVAL = 600

_log = Logger(namespace="dss.ledger")


class LedgerService(Service):
    """
    Reconciles a ledger while it runs, and closes it at the end.
    """

    def __init__(self, ledger: Ledger, facts: EngineFacts, clock: Any) -> None:
        """
        @param facts: knows the engine.
        @param clock: tells the time.
        """
        self._ledger = ledger
        self._facts = facts
        self._loop = LoopingCall(self.reconcile)
        self._loop.clock = clock
        self._under_way: Deferred[None] | None = None

    def startService(self) -> None:
        Service.startService(self)
        self._loop.start(INTERVAL)

    def stopService(self) -> None:
        Service.stopService(self)
        if self._loop.running:
            self._loop.stop()
        if self._under_way is not None:
            self._under_way.cancel()
        self._ledger.close()

    def reconcile(self) -> Deferred[None]:
        """
        Do it once. Where the engine doesn't answer, the next time will do.
        """
        self._under_way = Deferred.fromCoroutine(self._reconcile())
        return self._under_way.addErrback(self._failed).addBoth(self._done)

    async def _reconcile(self) -> None:
        images = await self._facts.answer(AllImages(with_steps=True))  # type: ignore[misc]
        changed = await self._ledger.reconcile(
            {
                each["Id"]: (*names_of(each, "RepoTags"), *names_of(each, "RepoDigests"))
                for each in images
            },
            {each["Id"] for each in images if owner_of(each.get("Labels")) is not None},
        )
        if changed:
            _log.info("settled {changed} records that nobody looks after", changed=changed)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, DssError):
            _log.info("the ledger was not reconciled: {error}", error=error.message)
        elif not failure.check(CancelledError):
            _log.failure("the ledger was not reconciled", failure)

    def _done(self, result: None) -> None:
        self._under_way = None
