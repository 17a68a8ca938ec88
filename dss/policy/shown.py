"""
How a container is shown to its owner: with the image and the mounts that the client wrote,
and without the labels that remember them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.model.facts import Json
from dss.model.owner import IMAGE_LABEL, MOUNTS_LABEL
from dss.policy.labels import unreserved
from dss.policy.mounts.showing import Memory
from dss.policy.mounts.wishes import clean

_HIDDEN = (IMAGE_LABEL, MOUNTS_LABEL)


def labels_of(entry: Json, key: str = "Labels") -> Mapping[str, Any]:
    """
    An entry's labels; none where there are none or where they are no object.
    """
    labels = entry.get(key) if isinstance(entry, dict) else None
    return labels if isinstance(labels, dict) else {}


def with_image(holder: Json, image: str, labels: str) -> Json:
    """
    An object with the image restored from its labels, and the labels hidden that
    remember what a client wrote.

    @param holder: a JSON object, which is not changed.
    @param image: its key for the image, such as C{Image}.
    @param labels: its key for the labels, such as C{Labels}.
    @return: the same object where there are no such labels.
    """
    given = labels_of(holder, labels)
    if not any(isinstance(given.get(name), str) for name in _HIDDEN):
        return holder
    kept = {key: value for key, value in given.items() if key not in _HIDDEN}
    written = given.get(IMAGE_LABEL)
    return {**holder, labels: kept, **({image: written} if isinstance(written, str) else {})}


def with_mounts(holder: Json, labels: Mapping[str, Any]) -> Json:
    """
    A container, inspected or from a list, with its mounts as its client wrote them.

    @param holder: a JSON object, which is not changed.
    @param labels: the container's labels, as the engine has them.
    @return: the same object where they are what the client wrote.
    """
    memory = Memory.of(labels)
    if memory is None:
        return holder
    shown = dict(holder)
    mounts = holder.get("Mounts")
    if isinstance(mounts, list):
        shown["Mounts"] = [_with_point(each, memory) for each in mounts]
    host = holder.get("HostConfig")
    if isinstance(host, dict) and "Binds" in host:
        shown["HostConfig"] = _restored(host, memory)
    return shown


def _with_point(entry: Json, memory: Memory) -> Json:
    if not isinstance(entry, dict):
        return entry
    target = clean(str(entry.get("Destination", "")))
    if entry.get("Type") == "image":
        # The engine calls it as it was asked for.
        wanted = {clean(str(each.get("Target"))): each for each in memory.host["Mounts"] or ()}
        return {**entry, "Name": wanted[target].get("Source")} if target in wanted else entry
    point = memory.points.get(target)
    return entry if point is None else point.applied(entry)


def _restored(host: Mapping[str, Any], memory: Memory) -> dict[str, Any]:
    """
    The engine leaves C{Mounts} out where there are none, and shows C{null} for the other two.
    """
    shown = {**host, **memory.host}
    if shown["Mounts"] is None:
        del shown["Mounts"]
    else:
        shown["Mounts"] = [with_labels(each, host.get("Mounts")) for each in shown["Mounts"]]
    return shown


def with_labels(mount: Json, real: Json) -> Json:
    """
    A remembered entry of C{HostConfig.Mounts}, with the label that the engine itself gave
    to a volume without a name (28.5 writes C{com.docker.volume.anonymous} into the labels that
    the client wrote, also where these are empty, and into none where it wrote none).
    """
    options = mount.get("VolumeOptions")
    if not isinstance(options, dict) or "Labels" not in options:
        return mount
    shown = {name: value for name, value in options.items() if name != "Labels"}
    labels = options["Labels"]
    if mount.get("Type") == "volume" and not mount.get("Source"):
        for each in real if isinstance(real, list) else ():
            if each.get("Target") == mount.get("Target"):
                labels = unreserved(labels_of(each.get("VolumeOptions")))
    return {**mount, "VolumeOptions": {**shown, **({"Labels": labels} if labels else {})}}
