"""
What existing containers mount: those that another container takes volumes from, and those
that are about to start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from dss.errors import BadRequest, EngineOdd, NotFound, Problem
from dss.model.facts import ContainerJson, ContainerNamed, Json, VolumeNamed
from dss.model.owner import Owner
from dss.model.ruling import Judgement, ask
from dss.policy.labels import stamp
from dss.policy.mounts import volumes
from dss.policy.mounts.showing import Memory, Point
from dss.policy.mounts.sources import Place
from dss.policy.mounts.wishes import below, clean
from dss.policy.request import Circumstances
from dss.policy.volumes.standing import Standing, standing

#: What engines call a volume that was made without a name.
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


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


@frozen
class Origin:
    """
    The host directory that a container mounts.

    @ivar path: of the host.
    @ivar inside: the path below what the engine mounts as a volume.
    @ivar device: of a volume: what the engine mounts.
    @ivar volume: the name of a client's own volume; L{None} for a bind, whether the engine
        has it as one or as a path of the volume that stands for a root.
    """

    path: str
    inside: str = ""
    device: str | None = None
    volume: str | None = None

    @property
    def needs_path(self) -> bool:
        """
        Whether an engine would mount something else without a path inside the volume.
        """
        return self.device is not None and (self.volume is None or bool(self.inside))

    def is_beneath(self, place: Place) -> bool:
        """
        Whether the engine opens the path beneath the allowed directory.
        """
        return self.device == place.base.path

    def mount(self, target: str, read_only: bool, owner: Owner) -> dict[str, Any]:
        """
        The entry of C{Mounts} that means the same path of a client's volume.
        """
        options = {"NoCopy": True, "Labels": stamp({}, owner), "Subpath": self.inside}
        return {
            "Type": "volume",
            "Source": self.volume,
            "Target": target,
            **({"ReadOnly": True} if read_only else {}),
            "VolumeOptions": options,
        }


def origin_of(
    mount: Mapping[str, Any], wanted: Mapping[str, Json], at: str, around: Circumstances
) -> Judgement[Origin | Problem | None]:
    """
    The path of the host that a container mounts: as itself, as a path of the volume that
    stands for a root, or by a volume of its client's; L{None} for what is not of the host.

    @param mount: an entry of the inspected C{Mounts}.
    @param wanted: C{HostConfig.Mounts} by the path in the container.
    """
    kind, name = mount.get("Type"), str(mount.get("Name", ""))
    if kind == "bind":
        return Origin(clean(str(mount["Source"])))
    if kind != "volume" or not name:
        return None
    asked = wanted.get(clean(str(mount.get("Destination")))) or {}
    # One without a name gets it from the engine.
    same = asked.get("Type", "volume") == "volume" and (asked.get("Source") or name) == name
    inside = str((asked.get("VolumeOptions") or {}).get("Subpath") or "") if same else ""
    if volumes.is_root(name):
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
        return Origin(clean(f"{directory}/{inside}"), inside, directory)
    return (yield from _of_client(name, inside, at, around))


def _of_client(
    name: str, inside: str, at: str, around: Circumstances
) -> Judgement[Origin | Problem | None]:
    """
    What a client's volume stands for. A volume has no id: one that is not the owner's by now
    took the name since the create. What the image of a Swarm's task declares has no owner, but
    the name that the engine gave it, which nobody could foresee.
    """
    found = yield from ask(VolumeNamed(name))
    if found is None:
        return None
    nameless = _ANONYMOUS.fullmatch(name) is not None
    if found.owner != around.owner.name and not (found.owner is None and nameless):
        return Problem("volume.taken", at, f"the volume name {name!r} is taken.")
    held = yield from standing(found, at, around)
    if not isinstance(held, Standing):
        return held
    path = clean(f"{held.device}/{inside}")
    if not below(path, held.path):
        return Problem(
            "mount.link",
            at,
            f"the volume {name!r} is another one by now.",
            "Create the container again.",
        )
    return Origin(path, inside, held.device, name)
