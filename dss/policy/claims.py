"""
Limits of an owner in sum: what is about to be made or run is claimed before, and released
when the engine has answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dss.config.containers import OwnerLimits
from dss.errors import Problem
from dss.model.facts import Claim
from dss.model.message import ResponseHead
from dss.model.ruling import EditHead, Judgement, ask
from dss.policy.limits import cpus_of, shown

#: Sees the reply's head, and leaves it as it is; L{None} where nothing was claimed.
Released = EditHead | None

#: Fields of an update that change what is summed up.
_SUMMED = ("Memory", "NanoCpus", "CpuQuota", "CpuPeriod", "PidsLimit")


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


def for_new(limits: OwnerLimits) -> Judgement[Released]:
    """
    Claim one more container.

    @raise dss.errors.Denied: where the owner has as many as it may have.
    """
    if limits.containers is None:
        return None
    return _at_reply((yield from ask(Claim())))


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


def _at_reply(release: Callable[[], None]) -> Released:
    def seen(head: ResponseHead) -> ResponseHead:
        release()
        return head

    return seen
