"""
Images as lists show them, and what of an image's names an owner may know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.errors import EngineOdd
from dss.model.facts import ImageFacts, Json, is_named, names_of
from dss.model.owner import owner_of
from dss.model.records import Records
from dss.model.reference import canonical, repository_of
from dss.policy.labels import unreserved
from dss.policy.shown import labels_of


def listed(entry: Json, records: Records) -> ImageFacts:
    """
    What an entry of the engine's list of images says, with the ledger's records.

    @raise EngineOdd: where it is no image.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("Id"), str):
        raise EngineOdd("an entry of the engine's list of images is no image")
    return ImageFacts(
        entry["Id"],
        owner_of(labels_of(entry)),
        is_named(entry),
        tags=names_of(entry, "RepoTags"),
        digests=names_of(entry, "RepoDigests"),
        parent=entry.get("ParentId") or "",
        records=records,
    )


def without_others_names(image: Json, facts: ImageFacts, owner: str) -> Json:
    """
    An image without the tags and digests that others gave it.

    @param image: the engine's object, inspected or from a list, which is not changed.
    @return: the same object where it has none.
    """
    hidden = [each for each in facts.tags if not facts.is_visible(each, owner)]
    shown_in = {repository_of(each) for each in facts.tags if each not in hidden}
    hidden_in = {repository_of(each) for each in hidden} - shown_in

    def keeps_digest(name: str) -> bool:
        return facts.is_visible(name, owner) and repository_of(name) not in hidden_in

    shown = dict(image)
    for key, keeps in (
        ("RepoTags", lambda name: name not in hidden),
        ("RepoDigests", keeps_digest),
    ):
        given = image.get(key) or []
        kept = [each for each in given if each.startswith("<none>") or keeps(canonical(each))]
        if len(kept) != len(given):
            shown[key] = kept
    return shown if shown != image else image


def without_reserved(holder: Mapping[str, Any], key: str = "Labels") -> Mapping[str, Any]:
    """
    An object without dss's own labels, and without labels where these are all.

    @return: the same object where it has none of them.
    """
    labels = holder.get(key)
    if not isinstance(labels, dict):
        return holder
    kept = unreserved(labels)
    return holder if len(kept) == len(labels) else {**holder, key: kept or None}
