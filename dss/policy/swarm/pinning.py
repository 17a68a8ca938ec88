"""
On which nodes a service's tasks may run, and by what its image is known there.

dss looks at volumes and host directories on its own engine only. A volume has no id, and
on another node one of the same name may be another owner's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dss.config.registries import Registries
from dss.errors import BadRequest
from dss.model.facts import ImageFacts
from dss.model.owner import IMAGE_LABEL, NODE_LABEL
from dss.model.reference import Reference
from dss.policy.mounts.draft import Mounted
from dss.policy.mounts.showing import Memory, as_engine_shows
from dss.policy.shown import labels_of
from dss.policy.volumes.standing import SUBPATH_SINCE


def for_nodes(reference: str, image: ImageFacts, registries: Registries) -> str:
    """
    How the Swarm is told of an image: by its digest where it may be pulled from a registry
    that has it, by which other nodes can pull it, else by its id, which none but those that
    have it know. A tag could be another image at the next start of a task.

    @param reference: as the client wrote it.
    """
    try:
        wanted = Reference.parse(reference)
        known = [(each, Reference.parse(each)) for each in image.digests]
    except BadRequest:
        # An id, or a name that is no reference.
        return image.id
    for each, found in known:
        same = (found.domain, found.path) == (wanted.domain, wanted.path)
        if same and found.digest and registries.may_pull(found):
            return each
    return image.id


def is_needed(mounts: Iterable[Mapping[str, Any]]) -> bool:
    """
    Whether tasks with these mounts have to stay on the node where dss looked at them.
    """
    return any(each.get("Source") for each in mounts)


def as_before(
    current: Mapping[str, Any] | None, given: Sequence[Mapping[str, Any]], node: str
) -> tuple[Mounted, str] | None:
    """
    What a service mounts already, where its client wants the same and its tasks are kept to
    another node than the engine's own: it was judged there, and can't be here.

    @param current: the engine's service.
    @param given: the mounts as its client writes them.
    @param node: the id of the engine's own node.
    @return: that, and the other node.
    """
    spec = (current or {}).get("Spec") or {}
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    pinned = labels_of(spec).get(NODE_LABEL)
    memory = Memory.of(labels_of(container))
    if pinned in (None, node) or memory is None:
        return None
    if [as_engine_shows(each) for each in given] != memory.host["Mounts"]:
        return None
    mounts = tuple(container.get("Mounts") or ())
    by_path = any("Subpath" in (each.get("VolumeOptions") or {}) for each in mounts)
    version = SUBPATH_SINCE if by_path else None
    return Mounted((), mounts, (), (), (), memory.text(), version, ()), str(pinned)


def image_before(current: Mapping[str, Any] | None, reference: str) -> str | None:
    """
    The image that a service has already, where its client names the same: that of a service
    whose tasks are kept to another node is known there, and maybe not here.

    @param current: the engine's service.
    """
    spec = (current or {}).get("Spec") or {}
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    image = container.get("Image")
    same = labels_of(container).get(IMAGE_LABEL) == reference
    return image if same and isinstance(image, str) and image else None


def constraint(node: str) -> str:
    """
    What keeps tasks to a node.
    """
    return f"node.id=={node}"


def to_node(placement: Mapping[str, Any] | None, node: str) -> dict[str, Any]:
    """
    A placement that keeps tasks to a node.
    """
    given = dict(placement or {})
    rest = [each for each in given.get("Constraints") or () if each != constraint(node)]
    return {**given, "Constraints": [*rest, constraint(node)]}
