"""
What is remembered of mounts as their client wrote them, in a label of the container that
L{dss.policy.shown} reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from dss.model.facts import Json
from dss.model.owner import MOUNTS_LABEL


@frozen
class Point:
    """
    How the bare engine would show one mount.

    @ivar mode: its C{Mode}.
    @ivar source: of a bind: the source as the client calls it, clean; else L{None}.
    @ivar propagation: of a bind.
    """

    mode: str
    source: str | None = None
    propagation: str = ""

    def applied(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """
        An entry of the engine's C{Mounts}, as the bare engine would have it.
        """
        if self.source is None:
            return {**entry, "Mode": self.mode}
        return {
            "Type": "bind",
            "Source": self.source,
            "Destination": entry.get("Destination"),
            "Mode": self.mode,
            "RW": entry.get("RW"),
            "Propagation": self.propagation,
        }


@frozen
class Memory:
    """
    How a client wrote what its container mounts.

    @ivar host: C{Binds}, C{Mounts} and C{VolumesFrom} of C{HostConfig}, as the bare engine
        would show them.
    @ivar points: by the path in the container.
    @ivar make: the paths in the container whose sources are made where they are missing.
    """

    host: Mapping[str, Any]
    points: Mapping[str, Point]
    make: Sequence[str] = ()

    def text(self) -> str:
        """
        The label's value.
        """
        value = {
            "Host": self.host,
            "Points": {
                target: [point.mode]
                if point.source is None
                else [point.mode, point.source, point.propagation]
                for target, point in self.points.items()
            },
            "Make": list(self.make),
        }
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def of(cls, labels: Mapping[str, Any]) -> Memory | None:
        """
        Read it from a container's labels; L{None} where nothing is remembered.
        """
        text = labels.get(MOUNTS_LABEL)
        if not isinstance(text, str) or not text:
            return None
        try:
            value = json.loads(text)
            return cls(
                {name: value["Host"][name] for name in ("Binds", "Mounts", "VolumesFrom")},
                {target: Point(*point) for target, point in value["Points"].items()},
                tuple(value["Make"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


#: How fields are called that Go has pointers for, and so shows where they are empty.
_POINTERS = ("Options", "DriverConfig")


def as_engine_shows(value: Json) -> Json:
    """
    A decoded entry of C{Mounts} as the engine writes it back: without zero values, which
    Go leaves out (moby 28.5, C{api/types/mount}), but with objects that are empty, and with
    empty labels, into which the engine may write one.
    """
    if not isinstance(value, dict):
        return value
    return {
        name: as_engine_shows(each)
        for name, each in value.items()
        if each
        or (isinstance(each, dict) and name.endswith(_POINTERS) and name != "Options")
        # L{dss.policy.shown} leaves them out where they stay empty.
        or (isinstance(each, dict) and name == "Labels")
    }
