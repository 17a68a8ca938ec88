"""
What an owner is shown of volumes.
"""

from __future__ import annotations

from dss.errors import EngineOdd
from dss.model.facts import HooksOnEntry, Json
from dss.model.ruling import Edit, EditJson, Forward, Judgement, Ruling, ask
from dss.policy.fields.volumes import is_reserved
from dss.policy.narrowing import list_own
from dss.policy.request import Circumstances, Request
from dss.policy.shown import labels_of
from dss.policy.volumes.judging import missing, own_volume
from dss.policy.volumes.remembering import as_written


def listing(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing volumes: the owner's own, but for those that stand for allowed
    directories.
    """
    return list_own(request, around, shown_entries(around))
    yield  # pragma: no cover - makes this function a generator


def inspect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting a volume of the owner's own, shown with the options that its
    client wrote.

    @raise NotFound: where it is missing or another owner's.
    """
    name = request.params["name"]
    if (yield from own_volume(name, around)) is None:
        raise missing(name)
    return Forward(params={"name": name}, reply=EditJson(_inspected(name, around)))


def shown_entries(around: Circumstances) -> Edit:
    """
    Edits an object with a list of volumes: the owner's own, as their client knows them.
    """

    def edit(value: Json) -> Judgement[Json]:
        volumes = value.get("Volumes") if isinstance(value, dict) else None
        if volumes is None and isinstance(value, dict):
            volumes = []
        if not isinstance(volumes, list):
            raise EngineOdd("the engine's list of volumes is no list")
        shown = []
        for each in volumes:
            own = around.owner.owns(labels_of(each)) and not is_reserved(str(each.get("Name")))
            if own and (yield from ask(HooksOnEntry("volume", each))):
                shown.append(as_written(each))
        # Warnings are about drivers, and can name the volumes of others.
        if shown == volumes and not value.get("Warnings"):
            return value
        return {**value, "Volumes": shown, "Warnings": None}

    return edit


def _inspected(name: str, around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not around.owner.owns(labels_of(value)):
            # It changed hands meanwhile.
            raise missing(name)
        return as_written(value)
        yield  # pragma: no cover - makes this function a generator

    return edit
