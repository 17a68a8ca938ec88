"""
Operations that make, change and remove volumes.
"""

from __future__ import annotations

from dss.errors import Denied, NotFound
from dss.model import gojson
from dss.model.facts import Json, VolumeFacts, VolumeNamed
from dss.model.ruling import Answer, Edit, EditJson, Forward, Judgement, Ruling, Stream, ask
from dss.model.version import ApiVersion
from dss.policy import claims
from dss.policy.fields.tables import VOLUME_CREATE, VOLUME_UPDATE
from dss.policy.fields.volumes import is_reserved
from dss.policy.labels import stamp
from dss.policy.names import hide_foreign_ids
from dss.policy.narrowing import prune_own
from dss.policy.queries import is_true, passed_on
from dss.policy.request import Circumstances, Request
from dss.policy.shown import labels_of
from dss.policy.volumes import making
from dss.policy.volumes.making import Fields
from dss.policy.volumes.remembering import as_written
from dss.policy.volumes.standing import taken_problem

#: The filters of a prune (Docker Engine API, I{VolumePrune}).
_PRUNE_FILTERS = frozenset({"label", "label!", "all"})


def own_volume(name: str, around: Circumstances) -> Judgement[VolumeFacts | None]:
    """
    The volume of the owner's own that has this name; L{None} where it is missing, another
    owner's, or one of dss's own.
    """
    if is_reserved(name):
        return None
    found = yield from ask(VolumeNamed(name))
    return found if found is not None and found.owner == around.owner.name else None


def missing(name: str) -> NotFound:
    """
    The engine's answer for a volume that it does not have (moby 20.10 to 28.5).
    """
    return NotFound(f"get {name}: no such volume")


def create(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of making a volume: by the field table and by its driver and options, with the
    owner's label. Where there is one of that name the engine answers with that one, so whose it
    is is looked up before, and told by its label after.

    @raise BadRequest: where the engine would not take the body.
    @raise Denied: with all problems.
    """
    body = VOLUME_CREATE.read(request.body)
    problems = list(VOLUME_CREATE.problems(body, around.settings.volumes))
    name = body.get("Name", "")
    if problems:
        raise Denied(problems)
    found = (yield from ask(VolumeNamed(name))) if name else None
    if found is not None and found.owner != around.owner.name:
        raise Denied(taken_problem(name, "Name"))
    made = yield from making.judge(
        name,
        body.get("Driver", ""),
        body.get("DriverOpts") or {},
        Fields("Driver", "DriverOpts"),
        around,
    )
    ready = {**body, "Labels": stamp(body.get("Labels"), around.owner, made.labels)}
    rewrites = ["Labels: stamped"]
    if made.remembered is not None:
        ready["DriverOpts"] = dict(made.options)
        rewrites.append("DriverOpts: no link can lead out of the allowed directory")
    released = yield from claims.for_new(around.settings.sums, "volume", 0 if found else 1)
    return Forward(
        body=gojson.encode(ready),
        reply=EditJson(_created(name, around), released),
        rewrites=tuple(rewrites),
    )


def _created(name: str, around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not around.owner.owns(labels_of(value)):
            # Another owner was faster.
            raise Denied(taken_problem(name, "Name"))
        return as_written(value)
        yield  # pragma: no cover - makes this function a generator

    return edit


def update(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of changing a volume, which only cluster volumes can be.

    @raise NotFound: where it is missing or another owner's.
    @raise Denied: for every change.
    """
    name = request.params["name"]
    body = VOLUME_UPDATE.read(request.body)
    if (yield from own_volume(name, around)) is None:
        raise missing(name)
    problems = list(VOLUME_UPDATE.problems(body, around.settings.volumes))
    if problems:
        raise Denied(problems)
    return Forward(params={"name": name}, query=passed_on(request.query), body=gojson.encode(body))


def delete(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of removing a volume of the owner's own.

    @raise NotFound: where it is missing or another owner's; with C{force} that is a success, as
        for the engine.
    """
    name = request.params["name"]
    if (yield from own_volume(name, around)) is None:
        if is_true(request, "force"):
            return Answer(204, b"")
        raise missing(name)
    return Forward(
        params={"name": name},
        query=passed_on(request.query),
        reply=Stream(edit_error=hide_foreign_ids),
    )


def prune(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of removing the volumes that no container uses: of the owner's own, by its label.
    Which of them, the engine decides by the version in force: before API 1.42 those with names
    too. Volumes with options, and so those that stand for allowed directories, it never prunes
    (moby 20.10 to 28.5).

    @raise BadRequest: for a filter that this operation does not have.
    """
    invalid = "Invalid" if around.engine_version < ApiVersion(1, 42) else "invalid"
    return prune_own(request, around, _PRUNE_FILTERS, invalid)
    yield  # pragma: no cover - makes this function a generator
