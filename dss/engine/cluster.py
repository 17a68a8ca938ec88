"""
Questions about a Swarm, answered by the engine where it is a manager of one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from dss.engine.asking import Asker, EngineAnswer
from dss.errors import BadRequest, EngineOdd, NoManager
from dss.model.facts import ClusterFacts, Json
from dss.model.owner import OWNER_LABEL, Owner, owner_of


class Cluster:
    """
    Answers an owner's questions about services, tasks, secrets and configs.

    The owner's label is in each object's specification, where only a judged request can
    change it. A task has no label of its own: it is its service's owner's.
    """

    def __init__(self, asker: Asker, owner: Owner) -> None:
        self._asker = asker
        self._owner = owner

    async def own_services(self) -> Sequence[Json]:
        """
        The owner's services.

        @raise NoManager: where the engine is no manager.
        """
        return await self._own("service")

    async def named(self, kind: str, reference: str) -> ClusterFacts | None:
        """
        The owner's object that a reference means.

        @raise BadRequest: where it means several.
        @raise NoManager: where the engine is no manager.
        """
        names: dict[str, str] = {}
        if kind == "task":
            services = {each["ID"]: each["Spec"]["Name"] for each in await self._own("service")}
            own = [each for each in await self._list("task") if each.get("ServiceID") in services]
            for each in own:
                # As the engine calls it (moby 28.5, swarmkit's C{naming.Task}).
                place = each.get("Slot") or each.get("NodeID")
                names[each["ID"]] = f"{services[each['ServiceID']]}.{place}.{each['ID']}"
        else:
            own = list(await self._own(kind))
            names = {each["ID"]: each["Spec"]["Name"] for each in own}
        # In the engine's order (moby 28.5, C{daemon/cluster/helpers.go}).
        found = [each for each in own if each["ID"] == reference]
        found = found or [each for each in own if names[each["ID"]] == reference]
        found = found or [each for each in own if each["ID"].startswith(reference or "-")]
        if len(found) > 1:
            raise BadRequest(f"{kind} {reference} is ambiguous ({len(found)} matches found)")
        return ClusterFacts(found[0]["ID"], found[0]) if found else None

    async def this_node(self) -> str:
        """
        The id of the engine's own node.

        @raise NoManager: where the engine is in no Swarm.
        """
        answer = await self._asker.get(("info",))
        if answer.status != 200 or not isinstance(answer.value, dict):
            raise EngineOdd(answer.message)
        node = (answer.value.get("Swarm") or {}).get("NodeID")
        if not isinstance(node, str) or not node:
            raise NoManager("This node is not a swarm manager.")
        return node

    async def owner_who_mounts(self, volume: str) -> str | None:
        """
        The name of another owner whose service mounts a volume, now or after a rollback;
        empty for a service that nobody owns.
        """
        answer = await self._asker.get(("services",))
        if answer.status == 404 or _is_outside(answer):
            return None
        for service in _listed(answer):
            labels = service["Spec"].get("Labels")
            if self._owner.owns(labels):
                continue
            for spec in (service["Spec"], service.get("PreviousSpec") or {}):
                container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
                mounts = container.get("Mounts") or ()
                if any(each.get("Source") == volume for each in mounts):
                    return owner_of(labels) or ""
        return None

    async def _own(self, kind: str) -> Sequence[Json]:
        return [
            each
            for each in await self._list(kind)
            if self._owner.owns((each.get("Spec") or {}).get("Labels"))
        ]

    async def _list(self, kind: str) -> Sequence[Json]:
        # Of a task the engine compares the labels of its service (moby 20.10 and 28.5).
        wanted = {"label": [f"{OWNER_LABEL}={self._owner.name}"]}
        return _listed(await self._asker.get((f"{kind}s",), {"filters": json.dumps(wanted)}))


def _listed(answer: EngineAnswer) -> Sequence[Json]:
    if answer.status == 503:
        raise NoManager(answer.message)
    if answer.status != 200 or not isinstance(answer.value, list):
        raise EngineOdd(answer.message)
    if not all(_is_object(each) for each in answer.value):
        raise EngineOdd("the Docker Engine shows an object without an id")
    return answer.value


def _is_object(value: Json) -> bool:
    return isinstance(value, Mapping) and bool(value.get("ID")) and "Spec" in value


def _is_outside(answer: EngineAnswer) -> bool:
    """
    Whether the engine is in no Swarm, or only works for one. Then it starts no task by its
    own choice. A Swarm that can't answer at the moment is another thing.
    """
    return answer.status == 503 and "This node is not a swarm manager" in answer.message
