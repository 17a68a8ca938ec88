"""
Questions about volumes, answered by the engine.
"""

from __future__ import annotations

import re

from dss.engine.asking import Asker, text_in
from dss.engine.cluster import Cluster
from dss.errors import BadRequest, EngineOdd
from dss.model.facts import Json, MakeVolume, VolumeFacts
from dss.model.owner import VOLUME_LABEL, owner_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Volumes:
    """
    Answers questions about volumes.
    """

    def __init__(self, asker: Asker, cluster: Cluster) -> None:
        """
        @param cluster: knows which names the services of a Swarm mount.
        """
        self._asker = asker
        self._cluster = cluster

    async def named(self, name: str) -> VolumeFacts | None:
        """
        The volume of this name, whoever owns it. Where there is none, it is theirs whose service
        mounts one of this name.
        """
        if not _NAME.fullmatch(name):
            return None
        value = (await self._asker.get(("volumes", name))).object_if_any()
        if value is not None:
            return _volume(value)
        owner = await self._cluster.owner_who_mounts(name)
        return None if owner is None else VolumeFacts(name, owner, "local")

    async def make(self, question: MakeVolume) -> VolumeFacts:
        """
        Make a volume; where there is one of that name already, the engine tells of that.

        @raise BadRequest: where the engine does not take its driver or its options.
        """
        body = {
            "Name": question.name,
            "Driver": question.driver,
            "Labels": dict(question.labels),
            # The engine shows empty ones otherwise than none.
            **({"DriverOpts": dict(question.options)} if question.options else {}),
        }
        answer = await self._asker.post(("volumes", "create"), body)
        if answer.status in (400, 404):
            # Not 404 for a driver: clients would take it for a missing image.
            raise BadRequest(answer.message)
        if answer.status != 201 or not isinstance(answer.value, dict):
            raise EngineOdd(f"the Docker Engine can't make a volume: {answer.message}")
        return _volume(answer.value)


def _volume(value: Json) -> VolumeFacts:
    return VolumeFacts(
        text_in(value, "Name"),
        owner_of(value.get("Labels")),
        # Of a plugin the engine tells the tag, too.
        (value.get("Driver") or "").removesuffix(":latest"),
        value.get("Options") or {},
        (value.get("Labels") or {}).get(VOLUME_LABEL) or "",
    )
