"""
Owners: whom a client and a resource belong to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

#: All labels below this prefix are dss's own. Clients can't set them.
RESERVED_PREFIX = "com.dss."

#: Names the owner of the object that carries it.
OWNER_LABEL = "com.dss.owner"

#: On a container: the image reference that its client wrote. The engine is
#: given the image's id, and the client is shown this.
IMAGE_LABEL = "com.dss.image"

#: On a container: how its client wrote what it mounts, where the engine was given
#: something else; empty where it was not. L{dss.policy.shown} says what is in it.
MOUNTS_LABEL = "com.dss.mounts"

#: On a service: the id of the node that its tasks are kept to, because what they mount was
#: looked at there.
NODE_LABEL = "com.dss.node"

#: On the volume that stands for an allowed host directory: the directory.
ROOT_LABEL = "com.dss.root"

#: On a volume of a host directory: how its client wrote it. L{dss.policy.volumes.remembering}
#: says what is in it.
VOLUME_LABEL = "com.dss.volume"

#: On an owner's private bridge, in place of L{OWNER_LABEL}: the owner's name. What removes
#: all that an owner has no use for leaves the bridge, as engines leave theirs.
BRIDGE_LABEL = "com.dss.bridge"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@frozen
class Owner:
    """
    An owner, by name.

    @ivar name: a letter or digit, then up to 62 letters, digits, dots, dashes
        and underscores.
    """

    name: str = field()

    @name.validator
    def _check(self, attribute: object, value: str) -> None:
        if not _NAME.fullmatch(value):
            raise ValueError(
                f"{value!r} is no owner's name: a letter or digit, then up to 62 letters, "
                "digits, dots, dashes and underscores"
            )

    @property
    def labels(self) -> dict[str, str]:
        """
        The labels that are stamped on what this owner makes.
        """
        return {OWNER_LABEL: self.name}

    def owns(self, labels: Mapping[str, str] | None) -> bool:
        """
        Whether an object with these labels is this owner's.
        """
        return labels is not None and labels.get(OWNER_LABEL) == self.name


def owner_of(labels: Mapping[str, str] | None) -> str | None:
    """
    The name of the owner that labels tell of, or L{None} where they tell of none.
    """
    return None if labels is None else labels.get(OWNER_LABEL)
