"""
Rows of the labels of what a client makes.
"""

from __future__ import annotations

from dss.config.containers import Containers
from dss.policy.fields.field import Field, Rule, Spot
from dss.policy.fields.rules import shown
from dss.policy.labels import reserved
from dss.policy.sizes import LABELS, labels_size, too_large

_WHY = "Labels tell who owns what."

_stamped = Rule(
    "label.stamp",
    "rewrite",
    f"any labels but those of dss, up to {LABELS // 1024} KiB in all; the owner's are added",
    lambda spot, settings: too_large(labels_size(spot.value), LABELS),
)


def _reserved(spot: Spot, settings: Containers) -> str | None:
    key = spot.keys[-1]
    return (
        f"the label {shown(key)} is dss's own: it tells who owns what." if reserved(key) else None
    )


#: For the values of a map of labels. Judged also where the value is empty.
_labels = Rule(
    "label.reserved",
    "limit",
    "Labels that don't begin with com.dss. are allowed.",
    _reserved,
    judges_empty=True,
)


def labels(
    since: str = "1.24", why: str = _WHY, at: str = "Labels", given: tuple[str, ...] = ()
) -> tuple[Field, ...]:
    """
    Rows of a map of labels, to which the owner's are added.

    @param why: the reason of the map's row.
    @param at: the path of the map.
    @param given: as in L{Field}.
    """
    return (
        Field(at, "map", _stamped, why, since, given=given),
        Field(f"{at}{{}}", "string", _labels, _WHY, since),
    )
