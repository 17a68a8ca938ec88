"""
What an owner is shown of services and tasks: what its client wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.model.facts import Json
from dss.model.owner import IMAGE_LABEL, NODE_LABEL
from dss.policy.labels import unreserved
from dss.policy.mounts.showing import Memory
from dss.policy.shown import labels_of, with_labels
from dss.policy.swarm.pinning import constraint, is_needed


def without_labels(spec: Json) -> Json:
    """
    A specification without dss's own labels, so that a client can send back what it was
    shown.
    """
    labels = labels_of(spec)
    kept = unreserved(labels)
    return spec if kept == labels else {**spec, "Labels": kept}


def service(value: Json) -> Json:
    """
    A service, inspected or from a list.
    """
    shown = dict(value)
    for name in ("Spec", "PreviousSpec"):
        if isinstance(value.get(name), dict):
            shown[name] = _spec(value[name])
    return shown


def task(value: Json) -> Json:
    """
    A task, inspected or from a list. Its node is what its service is kept to.
    """
    spec = value.get("Spec")
    if not isinstance(spec, dict):
        return value
    mounts = (spec.get("ContainerSpec") or {}).get("Mounts") or ()
    node = value.get("NodeID") if is_needed(mounts) else None
    return {**value, "Spec": _task(spec, node if isinstance(node, str) else "")}


def _spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    node = labels_of(spec).get(NODE_LABEL)
    shown = dict(without_labels(spec))
    if isinstance(spec.get("TaskTemplate"), dict):
        shown["TaskTemplate"] = _task(spec["TaskTemplate"], node if isinstance(node, str) else "")
    return shown


def _task(template: Mapping[str, Any], node: str) -> dict[str, Any]:
    shown = dict(template)
    container = template.get("ContainerSpec")
    if isinstance(container, dict):
        shown["ContainerSpec"] = _container(container)
    placement = template.get("Placement")
    if node and isinstance(placement, dict) and placement.get("Constraints"):
        rest = [each for each in placement["Constraints"] if each != constraint(node)]
        kept = {key: each for key, each in placement.items() if key != "Constraints"}
        shown["Placement"] = {**({"Constraints": rest} if rest else {}), **kept}
    return shown


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    labels = labels_of(container)
    shown = dict(without_labels(container))
    if not shown.get("Labels"):
        # As engines show none.
        shown.pop("Labels", None)
    if isinstance(labels.get(IMAGE_LABEL), str):
        shown["Image"] = labels[IMAGE_LABEL]
    memory = Memory.of(labels)
    if memory is not None:
        shown.pop("Mounts", None)
        if memory.host["Mounts"]:
            shown["Mounts"] = [_mount(with_labels(each, None)) for each in memory.host["Mounts"]]
    return shown


def _mount(mount: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    As a Swarm shows it: without empty options of a bind (moby 20.10 and 28.5).
    """
    options = mount.get("BindOptions")
    return mount if options else {key: each for key, each in mount.items() if key != "BindOptions"}
