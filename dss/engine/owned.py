"""
Which objects of a kind carry the owner's label, asked of the engine by id or all at once.
"""

from __future__ import annotations

import json
import re

from dss.engine.asking import Asker, EngineAnswer
from dss.errors import EngineOdd, NoManager
from dss.model.facts import Json
from dss.model.owner import OWNER_LABEL, Owner

#: For each kind the key by which events tell of it.
_KEYS = {"network": "Id", "volume": "Name", "service": "ID", "secret": "ID", "config": "ID"}

#: Kinds that an engine has without a Swarm.
_OF_THE_ENGINE = ("network", "volume")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Owned:
    """
    Answers which networks, volumes, services, secrets and configs are an owner's own.
    """

    def __init__(self, asker: Asker, owner: Owner) -> None:
        self._asker = asker
        self._owner = owner

    async def ids(self, kind: str) -> frozenset[str]:
        """
        The ids (of volumes, the names) of all that the owner has.

        @raise NoManager: for an object of a Swarm, where the engine is no manager.
        """
        wanted = json.dumps({"label": [f"{OWNER_LABEL}={self._owner.name}"]})
        answer = _told(kind, await self._asker.get((f"{kind}s",), {"filters": wanted}))
        if answer.status == 404 and kind not in _OF_THE_ENGINE:
            # Podman knows no Swarm.
            raise NoManager(answer.message)
        found = answer.value
        if kind == "volume" and isinstance(found, dict):
            found = found.get("Volumes") or []
        if answer.status != 200 or not isinstance(found, list):
            raise EngineOdd(answer.message)
        return frozenset(str(each.get(_KEYS[kind])) for each in found if self._owns(kind, each))

    async def is_own(self, kind: str, id: str) -> bool:
        """
        Whether an object is there, and the owner's.
        """
        if not _ID.fullmatch(id):
            return False
        try:
            answer = _told(kind, await self._asker.get((f"{kind}s", id)))
        except NoManager:
            return False
        if answer.status == 404:
            return False
        if answer.status != 200 or not isinstance(answer.value, dict):
            raise EngineOdd(answer.message)
        return answer.value.get(_KEYS[kind]) == id and self._owns(kind, answer.value)

    def _owns(self, kind: str, value: Json) -> bool:
        if not isinstance(value, dict):
            raise EngineOdd(f"the Docker Engine shows a {kind} that is no object")
        holder = value if kind in _OF_THE_ENGINE else value.get("Spec") or {}
        return self._owner.owns(holder.get("Labels"))


def _told(kind: str, answer: EngineAnswer) -> EngineAnswer:
    if answer.status == 503 and kind not in _OF_THE_ENGINE:
        raise NoManager(answer.message)
    return answer
