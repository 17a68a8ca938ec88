"""
The volumes that stand for allowed host directories.

From API 1.45 a mount of a volume may name a path inside it, which the engine opens beneath
the volume at every start, links and all (moby 26.1, C{internal/safepath}). So what is bound
below a root is mounted as a path of a volume on that root, and a link that is put there
later leads nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from dss.errors import Problem
from dss.model.facts import VolumeNamed
from dss.model.owner import OWNER_LABEL, ROOT_LABEL
from dss.model.ruling import Judgement, ask
from dss.policy.fields.volumes import RESERVED
from dss.policy.mounts.sources import Place
from dss.policy.request import Circumstances

_PREFIX = f"{RESERVED}root-"


def is_root(name: str) -> bool:
    """
    Whether a volume stands for an allowed host directory.
    """
    return name.startswith(_PREFIX)


def options_of(directory: str, shallow: bool = False) -> dict[str, str]:
    """
    The options of the local driver for a root: what is mounted below it comes too, unless
    it is shallow, and later mounts don't travel, as with a bind that is C{rprivate}.
    """
    return {
        "type": "none",
        "o": "bind,rprivate" if shallow else "rbind,rprivate",
        "device": directory,
    }


def name_of(owner: str, options: Mapping[str, str]) -> str:
    """
    The name of an owner's volume with these options.
    """
    told = "\0".join((owner, options["device"], options["o"]))
    return _PREFIX + hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:16]


def mount_of(
    place: Place, target: str, read_only: bool, shallow: bool, around: Circumstances
) -> dict[str, Any]:
    """
    The entry of C{Mounts} that means a bind of a place.
    """
    options = options_of(place.base.path, shallow)
    labels = {OWNER_LABEL: around.owner.name, ROOT_LABEL: place.base.path}
    inside: dict[str, Any] = {
        "NoCopy": True,
        "Labels": labels,
        "DriverConfig": {"Name": "local", "Options": options},
    }
    if place.relative:
        inside["Subpath"] = place.relative
    return {
        "Type": "volume",
        "Source": name_of(around.owner.name, options),
        "Target": target,
        **({"ReadOnly": True} if read_only else {}),
        "VolumeOptions": inside,
    }


def directory_of(name: str, at: str, around: Circumstances) -> Judgement[str | Problem | None]:
    """
    The host directory that a volume stands for; L{None} where there is no such volume yet.

    @return: a problem where the volume is not what dss makes under this name.
    """
    found = yield from ask(VolumeNamed(name))
    if found is None:
        return None
    options = dict(found.options)
    device = options.get("device", "")
    genuine = any(options == options_of(device, shallow) for shallow in (False, True))
    if (
        not genuine
        or found.driver != "local"
        or found.owner != around.owner.name
        or name != name_of(around.owner.name, options)
    ):
        return Problem(
            "volume.taken",
            at,
            f"the volume {name!r} is not the one that dss makes for an allowed directory.",
            "The operator can remove it.",
        )
    return device
