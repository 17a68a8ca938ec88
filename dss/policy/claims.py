"""
Limits of an owner in sum: what is about to be made or run is claimed before, and released
when the engine has answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from dss.config.containers import OwnerLimits
from dss.errors import Problem
from dss.model.facts import Claim
from dss.model.message import ResponseHead
from dss.model.ruling import Judgement, ask
from dss.policy.limits import cpus_of, shown

#: Fields of an update that change what is summed up.
_SUMMED = ("Memory", "NanoCpus", "CpuQuota", "CpuPeriod", "PidsLimit")


@frozen
class Release:
    """
    Releases claims: called with the reply's head, which it leaves as it is.
    """

    claims: tuple[Callable[[], None], ...] = ()

    def __call__(self, head: ResponseHead) -> ResponseHead:
        self.now()
        return head

    def now(self) -> None:
        """
        Release them where the engine has nothing to answer.
        """
        for release in self.claims:
            release()


#: Sees the reply's head; L{None} where nothing was claimed.
Released = Release | None


def problems(resources: Mapping[str, Any], limits: OwnerLimits, at: str) -> Iterator[Problem]:
    """
    What alone is over an owner's limits, so that it could never start.

    @param resources: what the container would have, with all that the operator gives.
    @param at: what stands before a field's name.
    """
    wanted = {
        "memory": ("Memory", resources.get("Memory", 0)),
        "cpus": ("NanoCpus", cpus_of(resources)),
        "pids": ("PidsLimit", resources.get("PidsLimit", 0)),
    }
    for name, (field, more) in wanted.items():
        limit = getattr(limits, name)
        if limit is not None and more > limit:
            yield Problem(
                f"owner.limit.{name}",
                f"{at}{field}",
                f"{shown(name, more)} is over the owner's limit of {name} for all that runs, "
                f"{shown(name, limit)}.",
                f"The operator's limit is owner.limits.{name} in the settings file.",
            )


def for_new(limits: OwnerLimits, kind: str = "container", count: int = 1) -> Judgement[Released]:
    """
    Claim something new.

    @param kind: C{container}, C{network} or C{volume}.
    @raise dss.errors.Denied: where the owner has as many as it may have.
    """
    if getattr(limits, f"{kind}s") is None or not count:
        return None
    return _at_reply((yield from ask(Claim(kind=kind, count=count))))


def for_create(limits: OwnerLimits, volumes: int, make: Judgement[None]) -> Judgement[Released]:
    """
    Claim a container and its volumes, and make what must be there before it is.

    @param volumes: how many volumes come of it that are not there yet.
    @raise dss.errors.Denied: where the owner has as many of either as it may have; nothing is
        made where it has of the volumes.
    """
    first = yield from for_new(limits, "volume", volumes)
    try:
        yield from make
        second = yield from for_new(limits)
    except BaseException:
        if first is not None:
            first.now()
        raise
    if first is None or second is None:
        return first or second
    return Release((*first.claims, *second.claims))


def for_start(container: str, limits: OwnerLimits) -> Judgement[Released]:
    """
    Claim what a container that starts may use.

    @raise dss.errors.Denied: where that is more than the owner has left.
    """
    if not _sums(limits):
        return None
    return _at_reply((yield from ask(Claim(container))))


def for_update(container: str, body: Mapping[str, Any], limits: OwnerLimits) -> Judgement[Released]:
    """
    Claim what a container may use after an update.

    @raise dss.errors.Denied: where that is more than the owner has left.
    """
    changes = {name: body[name] for name in _SUMMED if name in body}
    # Zero is no change, but for the processes.
    changes = {name: value for name, value in changes.items() if value or name == "PidsLimit"}
    if not changes or not _sums(limits):
        return None
    return _at_reply((yield from ask(Claim(container, changes))))


def _sums(limits: OwnerLimits) -> bool:
    return (limits.memory, limits.cpus, limits.pids) != (None, None, None)


def _at_reply(release: Callable[[], None]) -> Release:
    return Release((release,))
