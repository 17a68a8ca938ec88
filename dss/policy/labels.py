"""
Labels: a client's are checked, the owner's are stamped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from dss.errors import Problem
from dss.model.owner import RESERVED_PREFIX, Owner

Value = TypeVar("Value")


def reserved(key: str) -> bool:
    """
    Whether a label belongs to dss, in whatever case it is written.
    """
    return key.strip().casefold().startswith(RESERVED_PREFIX)


def unreserved(labels: Mapping[str, Value]) -> dict[str, Value]:
    """
    An object's labels without those that belong to dss.
    """
    return {key: value for key, value in labels.items() if not reserved(key)}


def problems(keys: Iterable[str], field: str) -> Iterator[Problem]:
    """
    One problem for each label that a client may not set.

    @param keys: the labels' keys.
    @param field: the body field or query parameter that holds them.
    """
    for key in keys:
        if reserved(key):
            yield Problem(
                "label.reserved",
                field,
                f"the label {key!r} is dss's own: it tells who owns what.",
                f"Labels that don't begin with {RESERVED_PREFIX} are allowed.",
            )


def stamp(
    labels: Mapping[str, str] | None, owner: Owner, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """
    A client's labels with the owner's.

    @param more: other labels of dss, such as L{dss.model.owner.IMAGE_LABEL}. Every
        label that dss trusts must be told here: one that a container's labels leave
        out is inherited from the image, which anybody may have written (proved on
        Engine 28.5).
    """
    return {**unreserved(labels or {}), **owner.labels, **(more or {})}
