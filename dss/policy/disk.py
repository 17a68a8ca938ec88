"""
The use of the disk, counted for one owner.
"""

from __future__ import annotations

from dss.errors import EngineOdd
from dss.model.facts import Json
from dss.model.ruling import Answer, Edit, EditJson, Forward, Judgement, Ruling
from dss.model.version import ApiVersion
from dss.policy import listing
from dss.policy.images import showing as images
from dss.policy.queries import passed_on
from dss.policy.request import Circumstances, Request
from dss.policy.volumes import showing as volumes

#: Newer versions count by themselves (Docker Engine API 1.52, I{SystemDataUsage}): over all
#: that the engine has, where dss must do it.
_LISTS_UNTIL = ApiVersion(1, 51)


def usage(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of asking for the use of the disk: of own containers and volumes, and of images
    that the owner may see. No record of the build cache tells whose it is, so that none is
    shown.
    """
    query = {name: value for name, value in request.query.items() if name != "verbose"}
    return Forward(
        query=passed_on(query),
        reply=EditJson(_counted(around)),
        version=min(request.version, _LISTS_UNTIL),
    )
    yield  # pragma: no cover - makes this function a generator


def prune_cache(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of pruning the build cache: of it an owner has nothing, so that nothing goes, as
    the engine says it (moby 20.10 to 28.5).
    """
    return Answer(200, b'{"CachesDeleted":null,"SpaceReclaimed":0}\n')
    yield  # pragma: no cover - makes this function a generator


def _counted(around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, dict):
            raise EngineOdd("the engine's use of the disk is no object")
        shown: dict[str, Json] = {}
        # In the engine's order. What else there may be is not known to be the owner's.
        for key, given in value.items():
            if key == "LayersSize":
                shown[key] = 0
            elif key == "Images":
                shown[key] = given and (yield from images.shown_entries(around)(given))
            elif key == "Containers":
                shown[key] = given and (yield from listing.own_containers(around)(given))
            elif key == "Volumes":
                told = yield from volumes.shown_entries(around)({key: given})
                shown[key] = given and told[key]
            elif key == "BuildCache":
                shown[key] = None if given is None else []
            elif key == "BuilderSize":
                shown[key] = 0
        if value.get("LayersSize"):
            shown["LayersSize"] = _size_of(shown.get("Images") or ())
        return shown

    return edit


def _size_of(images: Json) -> int:
    """
    The size of the layers of some images: each one's own, and once what they share. Which
    layers these are the engine doesn't tell, so that it is the least that they can be.
    """
    sizes = [(each.get("Size") or 0, max(each.get("SharedSize") or 0, 0)) for each in images]
    most_shared = max((shared for _, shared in sizes), default=0)
    return sum(size - shared for size, shared in sizes) + most_shared
