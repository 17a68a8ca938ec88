"""
Rows of the bodies that make and change volumes, and the rules of volumes that other bodies have
too.
"""

from __future__ import annotations

from dss.policy.fields import rules
from dss.policy.fields.field import Field, Rule, Spot, prefixed
from dss.policy.fields.labelled import labels

#: Names that begin so are of the volumes that dss makes.
RESERVED = "dss-"

#: Judged by L{dss.policy.volumes.options}, for each body.
driver = Rule("volume.driver", "limit", "Allowed: local.", setting="volumes.drivers")
options = Rule(
    "volume.options",
    "rewrite",
    "Allowed with the driver local: type=tmpfs with size=, mode=, uid=, gid= and the like; "
    "type=none with o=bind or o=rbind and an allowed directory as the device.",
    setting="volumes.file_systems",
)


def is_reserved(name: str) -> bool:
    """
    Whether a volume's name is kept for dss.
    """
    return name.casefold().startswith(RESERVED)


def _name(spot: Spot, settings: object) -> str | None:
    if is_reserved(spot.value):
        return f"the volume name {spot.value!r} is kept for dss."
    return None


#: For the name of a volume that a client makes or uses.
name = Rule(
    "volume.reserved", "limit", f"Allowed: a name that does not begin with {RESERVED}.", _name
)

_cluster = rules.deny(
    "volume.cluster", "a cluster volume is the whole Swarm's, and its secrets are others'."
)
_inside = rules.inside("volume.cluster")
_told = "Is of a cluster volume."

#: The engine's C{volume.ClusterVolumeSpec}. The published descriptions have what is beside
#: C{AccessMode} inside of it.
_CLUSTER = (
    ("Group", "string", True),
    ("AccessMode", "object", True),
    ("AccessMode.Scope", "string", True),
    ("AccessMode.Sharing", "string", True),
    ("AccessMode.MountVolume", "object", True),
    ("AccessMode.Secrets[]", "object", True),
    ("AccessMode.Secrets[].Key", "string", True),
    ("AccessMode.Secrets[].Secret", "string", True),
    ("AccessMode.AccessibilityRequirements", "object", True),
    ("AccessMode.AccessibilityRequirements.Requisite[]", "object", True),
    ("AccessMode.AccessibilityRequirements.Requisite[].Segments", "map", True),
    ("AccessMode.AccessibilityRequirements.Requisite[].Segments{}", "string", True),
    ("AccessMode.AccessibilityRequirements.Preferred[]", "object", True),
    ("AccessMode.AccessibilityRequirements.Preferred[].Segments", "map", True),
    ("AccessMode.AccessibilityRequirements.Preferred[].Segments{}", "string", True),
    ("AccessMode.CapacityRange", "object", True),
    ("AccessMode.CapacityRange.RequiredBytes", "int64", True),
    ("AccessMode.CapacityRange.LimitBytes", "int64", True),
    ("AccessMode.Availability", "string", True),
    ("AccessMode.BlockVolume", "object", False),
    ("Secrets[]", "object", False),
    ("Secrets[].Key", "string", False),
    ("Secrets[].Secret", "string", False),
    ("AccessibilityRequirements", "object", False),
    ("AccessibilityRequirements.Requisite[]", "object", False),
    ("AccessibilityRequirements.Requisite[].Segments", "map", False),
    ("AccessibilityRequirements.Requisite[].Segments{}", "string", False),
    ("AccessibilityRequirements.Preferred[]", "object", False),
    ("AccessibilityRequirements.Preferred[].Segments", "map", False),
    ("AccessibilityRequirements.Preferred[].Segments{}", "string", False),
    ("CapacityRange", "object", False),
    ("CapacityRange.RequiredBytes", "int64", False),
    ("CapacityRange.LimitBytes", "int64", False),
    ("Availability", "string", False),
)


def _spec(at: str) -> tuple[Field, ...]:
    rows = (
        Field(path, kind, _inside, _told, "1.42", documented=documented)
        for path, kind, documented in _CLUSTER
    )
    return (Field(at, "object", _cluster, _told, "1.42"), *prefixed(rows, at))


CREATE_ROWS = (
    Field("Name", "string", name, "Is looked up once, to tell whose it is."),
    Field("Driver", "string", driver, "Drivers mount what they like."),
    Field("DriverOpts", "map", options, "They are what the host mounts."),
    Field(
        "DriverOpts{}",
        "string",
        rules.elsewhere("volume.options", "judged with what it is in", "limit"),
        "They are what the host mounts.",
    ),
    *labels(),
    *_spec("ClusterVolumeSpec"),
)

UPDATE_ROWS = _spec("Spec")
