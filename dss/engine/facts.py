"""
Questions of policy, answered by the engine: those about containers here, all others by who
knows of them.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

from dss.engine.asking import Asker, EngineAnswer, text_in
from dss.engine.cluster import Cluster
from dss.engine.images import Images
from dss.engine.networks import Networks
from dss.engine.owned import Owned
from dss.engine.volumes import Volumes
from dss.errors import EngineOdd
from dss.ledger.ledger import AnyLedger, NoLedger
from dss.model.facts import (
    ClusterNamed,
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    EngineDefaults,
    EngineUsual,
    ExecNamed,
    ImageNamed,
    IsNetworkId,
    IsOwn,
    Json,
    MakeVolume,
    NetworkNamed,
    OwnContainers,
    OwnIds,
    OwnServices,
    PrivateBridge,
    Question,
    RemoveUnstarted,
    ThisNode,
    VolumeNamed,
)
from dss.model.images import AllImages, RegistryDigest, RemoveImage
from dss.model.owner import OWNER_LABEL, Owner, owner_of

_FULL_ID = re.compile(r"[0-9a-f]{64}")
_ID_PREFIX = re.compile(r"[0-9a-f]{1,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

#: How many ids' owners are remembered.
REMEMBERED = 10_000

Known = TypeVar("Known")


class _Memory(Generic[Known]):
    """
    Remembers what never changes, the newest L{REMEMBERED} of it.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()

    def get(self, key: str) -> Known | None:
        return self._known.get(key)

    def put(self, key: str, value: Known) -> None:
        self._known[key] = value
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


class EngineFacts:
    """
    Answers an owner's questions from the engine.

    Ownership of a full id never changes: the label is set at the creation of a
    container and the API has no way to change it. So the answer for a full id is
    remembered, also of one that is gone, which the engine itself then misses. The
    answer for a name is asked anew each time.
    """

    def __init__(self, asker: Asker, owner: Owner, ledger: AnyLedger | None = None) -> None:
        self._asker = asker
        self._owner = owner
        self._containers: _Memory[ContainerFacts] = _Memory()
        self._execs: _Memory[str] = _Memory()
        self._directory = ""
        self._cluster = Cluster(asker, owner)
        self._images = Images(asker, ledger or NoLedger())
        self._networks = Networks(asker, owner)
        self._volumes = Volumes(asker, self._cluster)
        self._owned = Owned(asker, owner)

    def answer(self, question: Question[object]) -> object:
        """
        The answer, or a Deferred of it.

        @raise LookupError: if it is no question for the engine.
        """
        if type(question) is ContainerNamed:
            known = self._known_container(question.reference)
            if known is not None:
                return self._if_own(known)
            return Deferred.fromCoroutine(self._container_named(question.reference))
        if type(question) is ExecNamed:
            known = self._containers.get(self._execs.get(question.id) or "")
            if known is not None:
                return self._if_own(known)
            return Deferred.fromCoroutine(self._exec_named(question.id))
        if type(question) is ContainerJson:
            return Deferred.fromCoroutine(self._container_json(question.id))
        if type(question) is EngineUsual:
            return Deferred.fromCoroutine(self._usual())
        if type(question) is RemoveUnstarted:
            return Deferred.fromCoroutine(self._remove(question.id))
        if type(question) is OwnContainers:
            return Deferred.fromCoroutine(self._own_containers())
        if type(question) is ImageNamed:
            return Deferred.fromCoroutine(self._images.named(question.reference))
        if type(question) is AllImages:
            return Deferred.fromCoroutine(self._images.all(question.with_steps))
        if type(question) is RemoveImage:
            return Deferred.fromCoroutine(self._images.remove(question))
        if type(question) is RegistryDigest:
            return Deferred.fromCoroutine(self._images.registry_digest(question))
        if type(question) is NetworkNamed:
            return Deferred.fromCoroutine(self._networks.named(question.reference))
        if type(question) is IsNetworkId:
            return Deferred.fromCoroutine(self._networks.is_id(question.prefix))
        if type(question) is PrivateBridge:
            return self._networks.private_bridge(question.name)
        if type(question) is VolumeNamed:
            return Deferred.fromCoroutine(self._volumes.named(question.name))
        if type(question) is MakeVolume:
            return Deferred.fromCoroutine(self._volumes.make(question))
        if type(question) is ClusterNamed:
            return Deferred.fromCoroutine(self._cluster.named(question.kind, question.reference))
        if type(question) is OwnServices:
            return Deferred.fromCoroutine(self._cluster.own_services())
        if type(question) is OwnIds:
            return Deferred.fromCoroutine(self._owned.ids(question.kind))
        if type(question) is IsOwn:
            return Deferred.fromCoroutine(self._owned.is_own(question.kind, question.id))
        if type(question) is ThisNode:
            return Deferred.fromCoroutine(self._cluster.this_node())
        raise LookupError(f"no question for the engine: {question!r}")

    def _if_own(self, facts: ContainerFacts) -> ContainerFacts | None:
        return facts if facts.owner == self._owner.name else None

    def _known_container(self, reference: str) -> ContainerFacts | None:
        return self._containers.get(reference) if len(reference) == 64 else None

    def _learn(self, value: Json) -> ContainerFacts:
        """
        Remember an inspected container.
        """
        container_id = value.get("Id") if isinstance(value, dict) else None
        if not isinstance(container_id, str) or not _FULL_ID.fullmatch(container_id):
            raise EngineOdd("the Docker Engine shows a container without an id")
        labels = (value.get("Config") or {}).get("Labels")
        facts = ContainerFacts(container_id, owner_of(labels))
        self._containers.put(container_id, facts)
        return facts

    async def _container_named(self, reference: str) -> ContainerFacts | None:
        reference = reference.removeprefix("/")
        if not _NAME.fullmatch(reference):
            return None
        answer = await self._asker.get(("containers", reference, "json"))
        if answer.status == 200:
            facts = self._learn(answer.value)
            if self._if_own(facts) is not None or facts.id == reference:
                return self._if_own(facts)
        elif answer.status >= 500 and not _is_ambiguous(answer):
            raise EngineOdd(answer.message)
        if not _ID_PREFIX.fullmatch(reference):
            return None
        # Another owner's container has this as its name, or an id that begins with
        # it too. Among one's own it may still mean exactly one.
        # (The engine's filter by id finds nothing where a prefix means several.)
        own = await self._own_containers()
        found = [entry["Id"] for entry in own if str(entry["Id"]).startswith(reference)]
        if len(found) != 1:
            return None
        facts = ContainerFacts(found[0], self._owner.name)
        self._containers.put(facts.id, facts)
        return facts

    async def _container_json(self, container_id: str) -> Json:
        answer = await self._asker.get(("containers", container_id, "json"))
        return answer.object_if_any()

    def directory(self) -> str | Deferred[str]:
        """
        Where the engine keeps its own files. It is asked once: an engine is not moved while it
        is guarded.
        """
        if self._directory:
            return self._directory
        return Deferred.fromCoroutine(self._asked_directory())

    async def _asked_directory(self) -> str:
        info = (await self._asker.get(("info",))).expect_object()
        self._directory = text_in(info, "DockerRootDir")
        return self._directory

    async def _usual(self) -> EngineDefaults:
        info = (await self._asker.get(("info",))).expect_object()
        options = info.get("SecurityOptions") or ()
        return EngineDefaults(text_in(info, "DefaultRuntime"), tuple(options))

    async def _remove(self, container_id: str) -> None:
        # Without force the engine removes none that runs. Whatever else it says, it is not
        # the client's to know.
        await self._asker.delete(("containers", container_id), {"v": "1"})

    async def _own_containers(self) -> Sequence[Json]:
        wanted = {"label": [f"{OWNER_LABEL}={self._owner.name}"]}
        answer = await self._asker.get(
            ("containers", "json"), {"all": "1", "filters": json.dumps(wanted)}
        )
        return [entry for entry in answer.expect_list() if self._owner.owns(entry.get("Labels"))]

    async def _exec_named(self, exec_id: str) -> ContainerFacts | None:
        if not _NAME.fullmatch(exec_id):
            return None
        value = (await self._asker.get(("exec", exec_id, "json"))).object_if_any()
        if value is None:
            return None
        container_id = value.get("ContainerID")
        if not isinstance(container_id, str) or not _FULL_ID.fullmatch(container_id):
            raise EngineOdd("the Docker Engine shows an exec without a container")
        # Execs have no names and no prefixes: the engine looks up full ids only.
        self._execs.put(exec_id, container_id)
        known = self._containers.get(container_id)
        if known is None:
            shown = await self._container_json(container_id)
            if shown is None:
                return None
            known = self._learn(shown)
        return self._if_own(known)


def _is_ambiguous(answer: EngineAnswer) -> bool:
    """
    Whether a prefix fits more than one container. The engine says so with 400, and
    before API 1.44 with 500.
    """
    return "multiple IDs found" in answer.message.lower() or (
        "multiple" in answer.message.lower() and "prefix" in answer.message.lower()
    )
