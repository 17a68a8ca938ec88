"""
On which nodes a service's tasks may run, and by what its image is known there.

dss looks at volumes and host directories on its own engine only. A volume has no id, and
on another node one of the same name may be another owner's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dss.model.facts import ImageFacts
from dss.model.owner import NODE_LABEL


def for_nodes(reference: str, image: ImageFacts) -> str:
    """
    How the Swarm is told of an image: by its digest where a registry has it, by which other
    nodes can pull it, else by its id, which none but those that have it know. A tag could
    be another image at the next start of a task.

    @param reference: as the client wrote it.
    """
    wanted = _repository(reference)
    for each in image.digests:
        name, _, digest = each.partition("@")
        if digest and _repository(name) == wanted:
            # As the engine shows it.
            return each.removeprefix("docker.io/").removeprefix("library/")
    return image.id


def _repository(reference: str) -> str:
    """
    A reference's repository as the engine shows it in digests (moby 28.5,
    C{reference.FamiliarName}).
    """
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    name = head if colon and "/" not in tag else name
    for domain in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(domain)
    return name.removeprefix("library/")


def is_needed(mounts: Iterable[Mapping[str, Any]]) -> bool:
    """
    Whether tasks with these mounts have to stay on the node where dss looked at them.
    """
    return any(each.get("Source") for each in mounts)


def kept(current: Mapping[str, Any] | None, mounts: Sequence[Mapping[str, Any]]) -> str | None:
    """
    The node that a service's tasks are kept to already, where it mounts what it mounted.

    @param current: the engine's service.
    """
    spec = (current or {}).get("Spec") or {}
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    node = (spec.get("Labels") or {}).get(NODE_LABEL)
    same = [_plain(each) for each in mounts] == [
        _plain(each) for each in container.get("Mounts") or ()
    ]
    return node if same and isinstance(node, str) and node else None


def _plain(mount: Mapping[str, Any]) -> Any:
    return (mount.get("Type"), mount.get("Source"), mount.get("Target"))


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
