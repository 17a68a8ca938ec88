"""
What an owner uses in sum: asked of the engine, and claimed by what is on its way to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredLock, TimeoutError
from twisted.internet.interfaces import IReactorTime

from dss.config.containers import OwnerLimits
from dss.engine.facts import EngineFacts
from dss.errors import Denied, LimitReached, NotFound, Problem
from dss.model.facts import Claim, ContainerJson, Json, OwnContainers, OwnIds
from dss.policy.fields.volumes import is_reserved
from dss.policy.limits import cpus_of, shown

#: How long a claim counts whose request never got an answer, in seconds: the engine may
#: still be at it after its client has left.
FORGOTTEN = 300

#: How long a claim waits for others that are on their way to the engine, in seconds. Until
#: they are answered, what they ask for may be counted twice: by the engine and as a claim.
PATIENCE = 10

#: States in which a container uses what it may use (Docker Engine API, I{ContainerState}).
_RUNNING = ("running", "paused", "restarting")


@frozen
class Use:
    """
    What something uses; infinite where it has no limit.

    @ivar things: how many containers, networks or volumes it is.
    """

    things: int = 0
    memory: float = 0
    cpus: float = 0
    pids: float = 0

    @classmethod
    def of(cls, resources: Mapping[str, Any]) -> Use:
        """
        What a running container may use.

        @param resources: the engine's C{container.Resources}.
        """
        return cls(
            0,
            _limit(resources.get("Memory")),
            cpus_of({name: value or 0 for name, value in resources.items()}) or math.inf,
            _limit(resources.get("PidsLimit")),
        )

    def __add__(self, other: Use) -> Use:
        return Use(
            self.things + other.things,
            self.memory + other.memory,
            self.cpus + other.cpus,
            self.pids + other.pids,
        )

    def or_more(self, other: Use) -> Use:
        """
        The larger of both, in each respect.
        """
        return Use(
            max(self.things, other.things),
            max(self.memory, other.memory),
            max(self.cpus, other.cpus),
            max(self.pids, other.pids),
        )


def _limit(value: Any) -> float:
    return float(value) if value and value > 0 else math.inf


@define(eq=False)
class _Held:
    """
    A claim that was granted.

    @ivar until: when it is forgotten, in seconds of the clock.
    @ivar settled: fires when its request was answered. From then on the engine can tell by
        itself, when it is asked anew.
    """

    container: str
    kind: str
    use: Use
    until: float
    settled: Deferred[None] = field(factory=Deferred)

    def release(self) -> None:
        if not self.settled.called:
            self.settled.callback(None)


@frozen
class _Seen:
    """
    What the engine answered, for one claim.

    @ivar wanted: what is asked for.
    @ivar things: how many there are of the kind that is claimed.
    @ivar uses: what each running one may use, but the one that the claim is for.
    """

    wanted: Use
    things: int = 0
    uses: Mapping[str, Use] = field(factory=dict)

    def with_claims(self, claim: Claim, held: Sequence[_Held]) -> tuple[Use, Use]:
        """
        What is wanted and what all else uses, where other claims count too.
        """
        if not claim.container:
            new = sum(
                each.use.things for each in held if not each.container and each.kind == claim.kind
            )
            return self.wanted, Use(self.things + new)
        wanted, uses = self.wanted, dict(self.uses)
        for each in held:
            if each.container == claim.container:
                wanted = wanted.or_more(each.use)
            elif each.container:
                uses[each.container] = uses.get(each.container, Use()).or_more(each.use)
        return wanted, sum(uses.values(), Use())


class Usage:
    """
    One owner's use. Claims are judged one after the other, each by an answer of the
    engine that is newer than every settled claim: so what races is counted at least once.
    """

    def __init__(self, engine: EngineFacts, limits: OwnerLimits, clock: IReactorTime) -> None:
        self._engine = engine
        self._limits = limits
        self._clock = clock
        self._lock = DeferredLock()
        self._held: list[_Held] = []

    def claim(self, claim: Claim) -> Deferred[Callable[[], None]]:
        """
        Grant a claim.

        @return: what releases it. It fails with L{Denied}, and with L{LimitReached} where it
            would be granted once others have ended.
        """
        return self._lock.run(lambda: Deferred.fromCoroutine(self._granted(claim)))

    async def _granted(self, claim: Claim) -> Callable[[], None]:
        patience = self._clock.seconds() + PATIENCE
        while True:
            now = self._clock.seconds()
            self._held = [
                each for each in self._held if not each.settled.called and now < each.until
            ]
            seen = await self._seen(claim)
            wanted, used = seen.with_claims(claim, self._held)
            problems = _over(claim, wanted, used, self._limits)
            if not problems:
                held = _Held(claim.container, claim.kind, wanted, now + FORGOTTEN)
                self._held.append(held)
                return held.release
            certain = _over(claim, *seen.with_claims(claim, ()), self._limits)
            if certain or now >= patience:
                alone = _over(claim, seen.wanted, Use(), self._limits)
                raise (Denied if alone else LimitReached)(certain or problems)
            await self._news(patience - now)

    async def _news(self, seconds: float) -> None:
        """
        Wait until one more claim is settled, but no longer than C{seconds}.
        """
        if any(each.settled.called for each in self._held):
            return
        news: Deferred[None] = Deferred()
        for each in self._held:
            each.settled.addCallback(lambda _: None if news.called else news.callback(None))
        news.addTimeout(seconds, self._clock)
        with suppress(TimeoutError):
            await news

    async def _seen(self, claim: Claim) -> _Seen:
        if claim.kind != "container":
            names = cast("frozenset[str]", await self._ask(OwnIds(claim.kind)))
            # What dss makes for itself is not the owner's doing.
            return _Seen(Use(claim.count), sum(not is_reserved(each) for each in names))
        own = cast("list[Json]", await self._ask(OwnContainers()))
        if not claim.container:
            return _Seen(Use(claim.count), len(own))
        resources = await self._resources(claim.container)
        if resources is None:
            raise NotFound(f"No such container: {claim.container}")
        uses: dict[str, Use] = {}
        for each in own:
            if each["Id"] != claim.container and each.get("State") in _RUNNING:
                found = await self._resources(each["Id"])
                if found is not None:
                    uses[each["Id"]] = Use.of(found)
        return _Seen(Use.of({**resources, **claim.changes}), len(own), uses)

    async def _resources(self, container: str) -> Mapping[str, Any] | None:
        shown = cast("Json", await self._ask(ContainerJson(container)))
        return None if shown is None else shown.get("HostConfig") or {}

    async def _ask(self, question: Any) -> object:
        answer = self._engine.answer(question)
        return await answer if isinstance(answer, Deferred) else answer


def _over(claim: Claim, wanted: Use, used: Use, limits: OwnerLimits) -> list[Problem]:
    names = ("memory", "cpus", "pids") if claim.container else (f"{claim.kind}s",)
    found = []
    for name in names:
        limit = getattr(limits, name)
        field = name if claim.container else "things"
        use, more = getattr(used, field), getattr(wanted, field)
        if limit is not None and use + more > limit:
            found.append(
                Problem(
                    f"owner.limit.{name}",
                    "",
                    f"the owner's limit of {name} is {_shown(name, limit)}; "
                    f"{_shown(name, use)} in use, {_shown(name, more)} asked for.",
                    f"The operator's limit is owner.limits.{name} in the settings file.",
                )
            )
    return found


def _shown(name: str, value: float) -> str:
    return "no limit" if value == math.inf else shown(name, value)
