"""
Whatever a reference in a service's request names, resolved to an id of the owner's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dss.errors import BadRequest, NotFound
from dss.model.facts import ClusterFacts, ClusterNamed
from dss.model.ruling import EditError, Judgement, ask
from dss.policy.networks.resolving import joinable
from dss.policy.request import Circumstances


def own(kind: str, reference: str) -> Judgement[ClusterFacts]:
    """
    The owner's service, task, secret or config that a reference means.

    @raise NotFound: where it is missing or another owner's, in the engine's words (moby
        20.10 to 28.5).
    """
    found = yield from ask(ClusterNamed(kind, reference))
    if found is None:
        raise NotFound(f"{kind} {reference} not found")
    return found


def as_asked(reference: str, id: str) -> EditError:
    """
    Edits an engine's error so that it names the object as the client did: the engine was
    asked by id.
    """

    def edit(status: int, message: str) -> Judgement[str]:
        return message.replace(id, reference)
        yield  # pragma: no cover - makes this function a generator

    return edit


def referred(given: Sequence[Mapping[str, Any]], kind: str) -> Judgement[list[dict[str, Any]]]:
    """
    A service's references to secrets or configs: each the owner's own by its id, with the
    name that it has.

    @raise BadRequest: where one is missing, another owner's or has another name, in the
        engine's words (moby 28.5, swarmkit's C{checkSecretExistence}).
    """
    by_id, by_name = f"{kind.capitalize()}ID", f"{kind.capitalize()}Name"
    found: list[dict[str, Any]] = []
    for each in given:
        id, name = each.get(by_id, ""), each.get(by_name, "")
        if not id or not name:
            raise BadRequest(f"rpc error: code = InvalidArgument desc = malformed {kind} reference")
        facts = yield from ask(ClusterNamed(kind, id))
        # The engine takes nothing but a full id here.
        if facts is None or facts.id != id or facts.value["Spec"]["Name"] != name:
            raise BadRequest(f"rpc error: code = InvalidArgument desc = {kind} not found: {name}")
        found.append(dict(each))
    return found


def targeted(
    given: Sequence[Mapping[str, Any]],
    around: Circumstances,
    current: Mapping[str, Any] | None,
) -> Judgement[list[dict[str, Any]]]:
    """
    A service's networks: the owner's own by their ids, and those that every engine has.

    @param current: the engine's service, whose networks by their ids stay as they are: of
        those that every engine has the Swarm has others of the same names, which no client
        can look up.
    @raise NotFound: where one is missing or another owner's.
    @raise Denied: for the host's network.
    """
    before = set(_targets(current)) if current is not None else set()
    found: list[dict[str, Any]] = []
    for each in given:
        target = each.get("Target", "")
        if target not in before:
            network = yield from _network(target, around)
            target = network
        found.append({**each, "Target": target})
    return found


def _network(target: str, around: Circumstances) -> Judgement[str]:
    if not target:
        raise NotFound("network  not found")
    network = yield from joinable(target, around)
    return network.name if network.owner is None else network.id


def _targets(service: Mapping[str, Any]) -> Iterator[str]:
    spec = service.get("Spec") or {}
    for holder in (spec, spec.get("TaskTemplate") or {}):
        for each in holder.get("Networks") or ():
            yield each.get("Target", "")
