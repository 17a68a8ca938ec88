"""
What guards the engine for one owner: everything that its exchanges share.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from dss.config.settings import OwnerSettings
from dss.engine.asking import Asker
from dss.engine.facts import EngineFacts
from dss.engine.identity import EngineIdentity
from dss.engine.pool import EnginePool
from dss.errors import DssError
from dss.hooks.chain import HookChain
from dss.ledger.ledger import AnyLedger, NoLedger
from dss.model.message import RequestHead
from dss.model.ruling import Judgement
from dss.proxy.client_side import ClientChannel, ClientFactory, Gate
from dss.proxy.exchange import Exchange
from dss.proxy.judging import Answers, drive
from dss.proxy.usage import Usage

_log = Logger(namespace="dss")


class Guard:
    """
    One owner's guard.

    @ivar settings: what the owner may do.
    @ivar limits: what it may take of dss itself.
    @ivar pool: its connections to the engine.
    @ivar identity: which engine that is.
    @ivar facts: what it knows of the engine.
    @ivar answers: answers what its judgements ask.
    @ivar pending_json: bytes of JSON bodies that are being collected.
    """

    def __init__(
        self,
        settings: OwnerSettings,
        engine: IStreamClientEndpoint,
        hooks: HookChain,
        reactor: IReactorTime,
        ledger: AnyLedger | None = None,
    ) -> None:
        """
        @param engine: where the engine is.
        @param reactor: tells the time, and connects.
        @param ledger: what is recorded beside labels, if anything.
        """
        self.settings = settings
        self.limits = settings.limits
        self.clock = reactor
        self.pending_json = 0
        self.pool = EnginePool(engine, reactor)
        self.identity = EngineIdentity(engine, reactor, settings.limits.question_seconds)
        asker = Asker(self.pool, settings.limits, reactor)
        ledger = ledger or NoLedger()
        self.facts = EngineFacts(asker, settings.owner, ledger)
        usage = Usage(self.facts, settings.sums, reactor)
        self.answers = Answers(settings.owner, self.facts, hooks, usage, ledger, reactor.seconds)
        self._gate = Gate(settings.limits.connections)

    def listener(self) -> ClientFactory:
        """
        A factory for one more listening socket of this owner's.
        """
        return ClientFactory(self._begin, self.limits, self.clock, self._gate)

    def _begin(self, channel: ClientChannel, head: RequestHead) -> Exchange:
        exchange = Exchange(self, channel, head)
        exchange.start()
        return exchange

    def run(self, judgement: Judgement[None]) -> None:
        """
        Run what no client waits for.
        """
        try:
            done = drive(judgement, self.answers)
        except DssError as error:
            self._not_run(Failure(error))
            return
        if isinstance(done, Deferred):
            done.addErrback(self._not_run)

    def _not_run(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, DssError):
            _log.warn("after a request: {error}", error=error.message)
        elif not failure.check(CancelledError):
            _log.failure("what follows a request failed", failure)

    def stop(self) -> None:
        """
        Close what is idle; exchanges end with their listeners.
        """
        self.pool.close()
