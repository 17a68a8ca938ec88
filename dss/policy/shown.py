"""
How a container is shown to its owner: with the image that the client wrote, and without
the label that remembers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.model.facts import Json
from dss.model.owner import IMAGE_LABEL


def labels_of(entry: Json, key: str = "Labels") -> Mapping[str, Any]:
    """
    An entry's labels; none where there are none or where they are no object.
    """
    labels = entry.get(key) if isinstance(entry, dict) else None
    return labels if isinstance(labels, dict) else {}


def with_image(holder: Json, image: str, labels: str) -> Json:
    """
    An object with the image restored from its labels, and that label hidden.

    @param holder: a JSON object, which is not changed.
    @param image: its key for the image, such as C{Image}.
    @param labels: its key for the labels, such as C{Labels}.
    @return: the same object where the label is absent.
    """
    given = labels_of(holder, labels)
    written = given.get(IMAGE_LABEL)
    if not isinstance(written, str):
        return holder
    kept = {key: value for key, value in given.items() if key != IMAGE_LABEL}
    return {**holder, labels: kept, image: written}
