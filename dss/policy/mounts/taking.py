"""
What existing containers mount: those that another container takes volumes from, and those
that are about to start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from dss.errors import BadRequest, EngineOdd, NotFound, Problem
from dss.model.facts import ContainerJson, ContainerNamed, Json
from dss.model.ruling import Judgement, ask
from dss.policy.mounts import volumes
from dss.policy.mounts.showing import Memory, Point
from dss.policy.mounts.wishes import clean
from dss.policy.request import Circumstances


@frozen
class Taken:
    """
    A container, as far as its mounts go.

    @ivar entry: the entry of C{VolumesFrom} for the engine.
    @ivar mounts: what it mounts, as inspected.
    @ivar wanted: C{HostConfig.Mounts}, as inspected, by the path in the container.
    @ivar read_only: whether all is taken for reading only.
    @ivar memory: how its client wrote its mounts, if that is remembered.
    """

    entry: str
    mounts: Sequence[Json]
    wanted: Mapping[str, Json] = field(factory=dict)
    read_only: bool = False
    memory: Memory | None = None

    def point(self, target: str, source: str) -> Point:
        """
        How the bare engine would show one of its binds in the container that takes it.

        @param source: what the client calls the bind's source now.
        """
        known = self.memory.points.get(target) if self.memory else None
        if known is None or known.source is None:
            return Point("", source, "rprivate")
        return Point("", known.source, known.propagation)

    def makes(self, target: str) -> bool:
        """
        Whether the source of one of its binds is made where it is missing.
        """
        return self.memory is not None and target in self.memory.make

    def option(self, name: str) -> str:
        """
        The mount options of a volume of its own, from the body that it was created with.
        """
        for mount in self.wanted.values():
            if mount.get("Source") == name:
                driver = (mount.get("VolumeOptions") or {}).get("DriverConfig") or {}
                return str((driver.get("Options") or {}).get("o", ""))
        return "rbind"


def container(container_id: str, entry: str = "", read_only: bool = False) -> Judgement[Taken]:
    """
    What a container mounts.

    @raise NotFound: where it is gone.
    """
    shown = yield from ask(ContainerJson(container_id))
    if shown is None:
        raise NotFound(f"No such container: {container_id}")
    host, config = shown.get("HostConfig") or {}, shown.get("Config") or {}
    mounts, wanted = shown.get("Mounts") or [], host.get("Mounts") or []
    for each in (mounts, wanted):
        if not isinstance(each, list) or not all(isinstance(mount, dict) for mount in each):
            raise EngineOdd("the engine's container has no list of mounts")
    return Taken(
        entry or container_id,
        mounts,
        {clean(str(each.get("Target"))): each for each in wanted},
        read_only,
        Memory.of(config.get("Labels") or {}),
    )


def taken_from(entry: str) -> Judgement[Taken]:
    """
    Resolve an entry of C{VolumesFrom}.

    @raise BadRequest: for a mode that the engine does not take here, and where the
        container is missing or another owner's, in the engine's words (moby 20.10 to 28.5).
    """
    reference, _, mode = entry.partition(":")
    if not reference:
        raise BadRequest("volumes-from specification cannot be an empty string")
    if mode not in ("", "ro", "rw"):
        raise BadRequest(f"invalid mode: {mode}")
    found = yield from ask(ContainerNamed(reference))
    if found is None:
        raise BadRequest(f"No such container: {reference}")
    resolved = f"{found.id}:{mode}" if mode else found.id
    return (yield from container(found.id, resolved, mode == "ro"))


def place_of(
    mount: Mapping[str, Any], wanted: Mapping[str, Json], at: str, around: Circumstances
) -> Judgement[str | Problem]:
    """
    The path of the host that a container mounts, whether as itself or as a path of the
    volume that stands for a root.

    @param mount: an entry of the inspected C{Mounts}: a bind, or a volume of a root.
    @param wanted: C{HostConfig.Mounts} by the path in the container.
    """
    if mount.get("Type") == "bind":
        return clean(str(mount["Source"]))
    name = str(mount["Name"])
    directory = yield from volumes.directory_of(name, at, around)
    if directory is None:
        return Problem(
            "mount.source",
            at,
            f"the volume {name!r} of the allowed directory is gone.",
            "Create the container again.",
        )
    if isinstance(directory, Problem):
        return directory
    asked = wanted.get(clean(str(mount.get("Destination")))) or {}
    inside = (asked.get("VolumeOptions") or {}) if asked.get("Source") == name else {}
    return clean(f"{directory}/{inside.get('Subpath') or ''}")
