"""
Questions about networks, answered by the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred, DeferredLock

from dss.engine.asking import Asker, text_in
from dss.errors import BadRequest, EngineOdd
from dss.model.facts import NetworkFacts
from dss.model.owner import BRIDGE_LABEL, OWNER_LABEL, Owner, owner_of


class Networks:
    """
    Answers an owner's questions about networks.
    """

    def __init__(self, asker: Asker, owner: Owner) -> None:
        self._asker = asker
        self._owner = owner
        self._making = DeferredLock()

    async def named(self, reference: str) -> NetworkFacts | None:
        """
        The network of the owner's own, or of those that every engine has, that a reference means.

        @raise BadRequest: where it means several.
        """
        for wanted in ({"label": [f"{OWNER_LABEL}={self._owner.name}"]}, {"type": ["builtin"]}):
            known = [
                each
                for each in await self._listed(wanted)
                if each.owner == (self._owner.name if "label" in wanted else None)
            ]
            # In the engine's order (moby 28.5, C{daemon.FindNetwork}).
            by_id = [each for each in known if each.id == reference]
            by_name = [each for each in known if each.name == reference]
            by_prefix = [each for each in known if each.id.startswith(reference or "-")]
            found = by_id or by_name or by_prefix
            if len(found) > 1:
                raise BadRequest(f"network {reference} is ambiguous ({len(found)} matches)")
            if found:
                return found[0]
        return None

    async def is_id(self, prefix: str) -> bool:
        """
        Whether the id of any network begins so.
        """
        return any(each.id.startswith(prefix) for each in await self._listed({}))

    async def _listed(self, filters: Mapping[str, Sequence[str]]) -> Sequence[NetworkFacts]:
        answer = await self._asker.get(("networks",), {"filters": json.dumps(filters)})
        if "type" in filters and 'invalid filter "type"' in answer.message:
            # Podman 4.3, which has one network of its own and does not tell it from others.
            return ()
        return [
            NetworkFacts(text_in(each, "Id"), text_in(each, "Name"), owner_of(each.get("Labels")))
            for each in answer.expect_list()
        ]

    def private_bridge(self, name: str) -> Deferred[NetworkFacts]:
        """
        The owner's private bridge, made where there is none yet; of questions at the same time,
        by one.
        """
        return self._making.run(lambda: Deferred.fromCoroutine(self._private_bridge(name)))

    async def _private_bridge(self, name: str) -> NetworkFacts:
        labels = {BRIDGE_LABEL: self._owner.name}
        wanted = {"label": [f"{key}={value}" for key, value in labels.items()]}
        for each in await self._listed(wanted):
            if each.name == name:
                return NetworkFacts(each.id, name, self._owner.name)
        body = {"Name": name, "Driver": "bridge", "CheckDuplicate": True, "Labels": labels}
        answer = await self._asker.post(("networks", "create"), body)
        if answer.status != 201 or not isinstance(answer.value, dict):
            raise EngineOdd(f"the Docker Engine can't make a network: {answer.message}")
        return NetworkFacts(text_in(answer.value, "Id"), name, self._owner.name)
