"""
Questions of policy, answered by the engine.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

from dss.engine.asking import Asker, EngineAnswer
from dss.engine.cluster import Cluster
from dss.engine.owned import Owned
from dss.errors import BadRequest, EngineOdd, EngineSaid
from dss.ledger.ledger import AnyLedger, NoLedger
from dss.model.facts import (
    ClusterNamed,
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    EngineDefaults,
    EngineUsual,
    ExecNamed,
    ImageFacts,
    ImageNamed,
    IsNetworkId,
    IsOwn,
    Json,
    MakeVolume,
    NetworkFacts,
    NetworkNamed,
    OwnContainers,
    OwnIds,
    OwnServices,
    PrivateBridge,
    Question,
    RemoveUnstarted,
    ThisNode,
    VolumeFacts,
    VolumeNamed,
    is_named,
)
from dss.model.images import AllImages, RegistryDigest, RemoveImage
from dss.model.owner import BRIDGE_LABEL, OWNER_LABEL, VOLUME_LABEL, Owner, owner_of
from dss.model.records import Records
from dss.model.reference import canonical

_FULL_ID = re.compile(r"[0-9a-f]{64}")
_ID_PREFIX = re.compile(r"[0-9a-f]{1,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]*")

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
        self._ledger = ledger or NoLedger()
        self._owner = owner
        self._containers: _Memory[ContainerFacts] = _Memory()
        self._execs: _Memory[str] = _Memory()
        self._making = DeferredLock()
        self._directory = ""
        self._cluster = Cluster(asker, owner)
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
            return Deferred.fromCoroutine(self._image_named(question.reference))
        if type(question) is AllImages:
            return Deferred.fromCoroutine(self._all_images(question.with_steps))
        if type(question) is RemoveImage:
            return Deferred.fromCoroutine(self._remove_image(question))
        if type(question) is RegistryDigest:
            return Deferred.fromCoroutine(self._registry_digest(question))
        if type(question) is NetworkNamed:
            return Deferred.fromCoroutine(self._network_named(question.reference))
        if type(question) is IsNetworkId:
            return Deferred.fromCoroutine(self._is_network_id(question.prefix))
        if type(question) is PrivateBridge:
            return self._making.run(
                lambda: Deferred.fromCoroutine(self._private_bridge(question.name))
            )
        if type(question) is VolumeNamed:
            return Deferred.fromCoroutine(self._volume_named(question.name))
        if type(question) is MakeVolume:
            return Deferred.fromCoroutine(self._make_volume(question))
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
        return _found(answer)

    def directory(self) -> str | Deferred[str]:
        """
        Where the engine keeps its own files. It is asked once: an engine is not moved while it
        is guarded.
        """
        if self._directory:
            return self._directory
        return Deferred.fromCoroutine(self._asked_directory())

    async def _asked_directory(self) -> str:
        answer = await self._asker.get(("info",))
        if answer.status != 200 or not isinstance(answer.value, dict):
            raise EngineOdd(answer.message)
        self._directory = _text(answer.value, "DockerRootDir")
        return self._directory

    async def _usual(self) -> EngineDefaults:
        answer = await self._asker.get(("info",))
        if answer.status != 200 or not isinstance(answer.value, dict):
            raise EngineOdd(answer.message)
        options = answer.value.get("SecurityOptions") or ()
        return EngineDefaults(_text(answer.value, "DefaultRuntime"), tuple(options))

    async def _remove(self, container_id: str) -> None:
        # Without force the engine removes none that runs. Whatever else it says, it is not
        # the client's to know.
        await self._asker.delete(("containers", container_id), {"v": "1"})

    async def _own_containers(self) -> Sequence[Json]:
        wanted = {"label": [f"{OWNER_LABEL}={self._owner.name}"]}
        answer = await self._asker.get(
            ("containers", "json"), {"all": "1", "filters": json.dumps(wanted)}
        )
        if answer.status != 200 or not isinstance(answer.value, list):
            raise EngineOdd(answer.message)
        return [entry for entry in answer.value if self._owner.owns(entry.get("Labels"))]

    async def _exec_named(self, exec_id: str) -> ContainerFacts | None:
        if not _NAME.fullmatch(exec_id):
            return None
        value = _found(await self._asker.get(("exec", exec_id, "json")))
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

    async def _image_named(self, reference: str) -> ImageFacts | None:
        if not _IMAGE.fullmatch(reference) or "//" in reference or "/." in reference:
            return None
        value = _found(await self._asker.get(("images", reference, "json")))
        if value is None:
            return None
        config = value.get("Config") or {}
        checks = config.get("Healthcheck") or {}
        image = _text(value, "Id")
        records = self._ledger.about(image)
        tags = names_of(value, "RepoTags")
        digests = names_of(value, "RepoDigests")
        return ImageFacts(
            image,
            owner_of(config.get("Labels")),
            is_named(value),
            config.get("WorkingDir") or "",
            tuple(config.get("Volumes") or ()),
            {name: checks[name] for name in ("Interval", "StartInterval") if checks.get(name)},
            tuple(config.get("OnBuild") or ()),
            "/".join(value[key] for key in ("Os", "Architecture", "Variant") if value.get(key)),
            tags,
            digests,
            _found_by(reference, tags, digests),
            value.get("Parent") or "",
            records if isinstance(records, Records) else await records,
            tuple(config.get("ExposedPorts") or ()),
        )

    async def _all_images(self, with_steps: bool) -> Sequence[Json]:
        answer = await self._asker.get(("images", "json"), {"all": "1" if with_steps else "0"})
        if answer.status != 200 or not isinstance(answer.value, list):
            raise EngineOdd(answer.message)
        return answer.value

    async def _remove_image(self, question: RemoveImage) -> tuple[int, Json]:
        query = {"noprune": "0" if question.prunes else "1"}
        answer = await self._asker.delete(("images", question.reference), query)
        return answer.status, answer.value

    async def _registry_digest(self, question: RegistryDigest) -> str:
        name = question.reference.familiar
        answer = await self._asker.get(("distribution", name, "json"), headers=question.headers)
        if answer.status != 200:
            raise EngineSaid(answer.status, answer.message)
        described = answer.value.get("Descriptor") if isinstance(answer.value, dict) else None
        return _text(described or {}, "digest")

    async def _network_named(self, reference: str) -> NetworkFacts | None:
        for wanted in ({"label": [f"{OWNER_LABEL}={self._owner.name}"]}, {"type": ["builtin"]}):
            known = [
                each
                for each in await self._networks(wanted)
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

    async def _is_network_id(self, prefix: str) -> bool:
        return any(each.id.startswith(prefix) for each in await self._networks({}))

    async def _networks(self, filters: Mapping[str, Sequence[str]]) -> Sequence[NetworkFacts]:
        answer = await self._asker.get(("networks",), {"filters": json.dumps(filters)})
        if "type" in filters and 'invalid filter "type"' in answer.message:
            # Podman 4.3, which has one network of its own and does not tell it from others.
            return ()
        if answer.status != 200 or not isinstance(answer.value, list):
            raise EngineOdd(answer.message)
        return [
            NetworkFacts(_text(each, "Id"), _text(each, "Name"), owner_of(each.get("Labels")))
            for each in answer.value
        ]

    async def _private_bridge(self, name: str) -> NetworkFacts:
        labels = {BRIDGE_LABEL: self._owner.name}
        wanted = {"label": [f"{key}={value}" for key, value in labels.items()]}
        for each in await self._networks(wanted):
            if each.name == name:
                return NetworkFacts(each.id, name, self._owner.name)
        body = {"Name": name, "Driver": "bridge", "CheckDuplicate": True, "Labels": labels}
        answer = await self._asker.post(("networks", "create"), body)
        if answer.status != 201 or not isinstance(answer.value, dict):
            raise EngineOdd(f"the Docker Engine can't make a network: {answer.message}")
        return NetworkFacts(_text(answer.value, "Id"), name, self._owner.name)

    async def _volume_named(self, name: str) -> VolumeFacts | None:
        if not _NAME.fullmatch(name):
            return None
        value = _found(await self._asker.get(("volumes", name)))
        if value is not None:
            return _volume(value)
        owner = await self._cluster.owner_who_mounts(name)
        return None if owner is None else VolumeFacts(name, owner, "local")

    async def _make_volume(self, question: MakeVolume) -> VolumeFacts:
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


def names_of(image: Json, key: str) -> tuple[str, ...]:
    """
    An image's tags or digests, canonical.
    """
    return tuple(canonical(name) for name in image.get(key) or () if not name.startswith("<none>"))


def _found_by(reference: str, tags: tuple[str, ...], digests: tuple[str, ...]) -> str:
    """
    The tag or the digest that a reference means, or empty where it is an id: the engine
    looks for names first (proved on 20.10, 26.1 and 28.5), but for full ids.
    """
    if _FULL_ID.fullmatch(reference.removeprefix("sha256:")):
        return ""
    name = canonical(reference)
    if name in tags or name in digests:
        return name
    # Of a name with both, the digest counts.
    bare = canonical(re.sub(r":[^:/@]*@", "@", reference))
    return bare if bare in digests else ""


def _volume(value: Json) -> VolumeFacts:
    return VolumeFacts(
        _text(value, "Name"),
        owner_of(value.get("Labels")),
        # Of a plugin the engine tells the tag, too.
        (value.get("Driver") or "").removesuffix(":latest"),
        value.get("Options") or {},
        (value.get("Labels") or {}).get(VOLUME_LABEL) or "",
    )


def _is_ambiguous(answer: EngineAnswer) -> bool:
    """
    Whether a prefix fits more than one container. The engine says so with 400, and
    before API 1.44 with 500.
    """
    return "multiple IDs found" in answer.message.lower() or (
        "multiple" in answer.message.lower() and "prefix" in answer.message.lower()
    )


def _text(value: Json, name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise EngineOdd(f"the Docker Engine shows an object without its {name}")
    return found


def _found(answer: EngineAnswer) -> Json:
    """
    The object that was asked for, or L{None} where there is none.

    @raise EngineOdd: if the engine said neither. A failed look-up is no answer.
    """
    if answer.status == 200 and isinstance(answer.value, dict):
        return answer.value
    if answer.status in (400, 404):
        return None
    raise EngineOdd(f"the Docker Engine can't look an object up: {answer.message}")
