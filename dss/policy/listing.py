"""
Which containers an owner may see: asked for by label, and filtered again.
"""

from __future__ import annotations

from dss.errors import EngineOdd
from dss.model.facts import HooksOnEntry, Json
from dss.model.ruling import Edit, Judgement, Ruling, ask
from dss.model.version import ApiVersion
from dss.policy.narrowing import list_own
from dss.policy.networks.resolving import named
from dss.policy.networks.showing import with_networks
from dss.policy.ownership import NO_CONTAINER, own_container
from dss.policy.queries import filters_of
from dss.policy.request import Circumstances, Request
from dss.policy.shown import labels_of, with_image, with_mounts


def containers(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing containers: the owner's own.

    @raise NotFound: where a filter names a container that is not the owner's own.
    """
    filters = dict(filters_of(request))
    is_old = around.engine_version < ApiVersion(1, 42)
    wording = "no such container {}" if is_old else NO_CONTAINER
    for key in ("before", "since"):
        if key in filters:
            found = []
            for reference in filters[key]:
                found.append((yield from own_container(reference, wording)).id)
            filters[key] = tuple(dict.fromkeys(found))
    if "network" in filters:
        networks: list[str] = []
        for reference in filters["network"]:
            found_network = yield from named(reference, around)
            # By both: before its first start a container has no network by id, and one
            # that is created through dss has its own networks by id only.
            networks += (
                (reference,) if found_network is None else (found_network.name, found_network.id)
            )
        filters["network"] = tuple(dict.fromkeys(networks))
    return list_own(request, around, own_containers(around), filters)


def own_containers(around: Circumstances) -> Edit:
    """
    Edits a list of containers: the owner's own, as their client knows them.
    """

    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, list):
            raise EngineOdd("the engine's list of containers is no list")
        kept = []
        changed = False
        for entry in value:
            own = around.owner.owns(labels_of(entry))
            if own and (yield from ask(HooksOnEntry("container", entry))):
                shown = yield from with_networks(entry, around)
                shown = with_mounts(with_image(shown, "Image", "Labels"), labels_of(entry))
                changed = changed or shown is not entry
                kept.append(shown)
        return kept if changed or len(kept) != len(value) else value

    return edit
