"""
What is remembered of a volume that its client wanted on a host directory, in a label of the
volume.

Engines of API 1.45 and newer have such a volume on the allowed directory itself, and get the
path below it with each mount, which they open beneath the directory, links and all. Older ones
have it on the path, with all links resolved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from dss.model.facts import Json
from dss.model.owner import ROOT_LABEL, VOLUME_LABEL


@frozen
class Remembered:
    """
    How a client wrote a volume.

    @ivar options: its C{DriverOpts}.
    @ivar inside: the path below the volume's device that it means; empty for the device.
    """

    options: Mapping[str, str]
    inside: str = ""

    def text(self) -> str:
        """
        The label's value.
        """
        value = {"Options": dict(self.options), "Inside": self.inside}
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def of(cls, text: object) -> Remembered | None:
        """
        Read it from the label's value; L{None} where nothing is remembered.
        """
        if not isinstance(text, str) or not text:
            return None
        try:
            value = json.loads(text)
            options, inside = dict(value["Options"]), value["Inside"]
        except (ValueError, TypeError, KeyError):
            return None
        return cls(options, inside) if isinstance(inside, str) else None


def as_written(volume: Mapping[str, Any]) -> Json:
    """
    A volume as its client wrote it, without the labels that remember it.

    @param volume: the engine's object, which is not changed.
    @return: the same object where the engine's own is what the client wrote.
    """
    labels = volume.get("Labels")
    if not isinstance(labels, dict) or not {VOLUME_LABEL, ROOT_LABEL} & set(labels):
        return volume
    found = Remembered.of(labels.get(VOLUME_LABEL))
    kept = {key: each for key, each in labels.items() if key not in (VOLUME_LABEL, ROOT_LABEL)}
    options = {} if found is None else {"Options": dict(sorted(found.options.items()))}
    return {**volume, "Labels": kept, **options}
