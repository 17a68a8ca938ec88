"""
What guards the engine for one owner: everything that its exchanges share.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from dss.config.settings import OwnerSettings
from dss.engine.asking import Asker
from dss.engine.facts import EngineFacts
from dss.engine.identity import EngineIdentity
from dss.engine.pool import EnginePool
from dss.hooks.chain import HookChain
from dss.model.message import RequestHead
from dss.proxy.client_side import ClientChannel, ClientFactory, Gate
from dss.proxy.exchange import Exchange
from dss.proxy.judging import Answers
from dss.proxy.usage import Usage


class Guard:
    """
    One owner's guard.

    @ivar settings: what the owner may do.
    @ivar limits: what it may take of dss itself.
    @ivar pool: its connections to the engine.
    @ivar identity: which engine that is.
    @ivar answers: answers what its judgements ask.
    @ivar pending_json: bytes of JSON bodies that are being collected.
    """

    def __init__(
        self,
        settings: OwnerSettings,
        engine: IStreamClientEndpoint,
        hooks: HookChain,
        reactor: IReactorTime,
    ) -> None:
        """
        @param engine: where the engine is.
        @param reactor: tells the time, and connects.
        """
        self.settings = settings
        self.limits = settings.limits
        self.clock = reactor
        self.pending_json = 0
        self.pool = EnginePool(engine, reactor)
        self.identity = EngineIdentity(engine, reactor, settings.limits.question_seconds)
        asker = Asker(self.pool, settings.limits, reactor)
        facts = EngineFacts(asker, settings.owner)
        usage = Usage(facts, settings.sums, reactor)
        self.answers = Answers(settings.owner, facts, hooks, usage)
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

    def stop(self) -> None:
        """
        Close what is idle; exchanges end with their listeners.
        """
        self.pool.close()
