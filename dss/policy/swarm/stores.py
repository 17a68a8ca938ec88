"""
Operations on a Swarm's secrets and configs.
"""

from __future__ import annotations

from dss.errors import Denied, EngineOdd
from dss.model import gojson
from dss.model.facts import HooksOnEntry, Json
from dss.model.ruling import Edit, EditJson, Forward, Judgement, Ruling, Stream, ask
from dss.policy.fields.table import Table
from dss.policy.labels import stamp
from dss.policy.narrowing import list_own
from dss.policy.queries import passed_on
from dss.policy.request import Circumstances, Policy, Request
from dss.policy.shown import labels_of
from dss.policy.swarm.references import as_asked, own
from dss.policy.swarm.showing import without_labels


def listing(kind: str) -> Policy:
    """
    Make the policy of listing secrets or configs: the owner's own.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        return list_own(request, around, _listed(kind, around))
        yield  # pragma: no cover - makes this function a generator

    return judge


def _listed(kind: str, around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, list):
            raise EngineOdd(f"the engine's list of {kind}s is no list")
        kept = []
        for each in value:
            is_own = around.owner.owns(labels_of(each.get("Spec")))
            if is_own and (yield from ask(HooksOnEntry(kind, each))):
                kept.append(_shown(each))
        return kept

    return edit


def _shown(value: Json) -> Json:
    return {**value, "Spec": without_labels(value["Spec"])}


def create(table: Table) -> Policy:
    """
    Make the policy of making a secret or config: by its field table, with the owner's label.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        return Forward(body=_judged(table, request, around), rewrites=("Labels: stamped",))
        yield  # pragma: no cover - makes this function a generator

    return judge


def inspect(kind: str) -> Policy:
    """
    Make the policy of inspecting a secret or config of the owner's own.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        reference = request.params["id"]
        found = yield from own(kind, reference)

        def edit(value: Json) -> Judgement[Json]:
            if not isinstance(value, dict) or value.get("ID") != found.id:
                raise EngineOdd(f"the engine's {kind} is another one")
            return _shown(value)
            yield  # pragma: no cover - makes this function a generator

        return Forward(
            params={"id": found.id},
            reply=EditJson(edit, edit_error=as_asked(reference, found.id)),
        )

    return judge


def update(kind: str, table: Table) -> Policy:
    """
    Make the policy of changing the labels of a secret or config of the owner's own. The
    engine changes nothing else, and the owner's label stays.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        reference = request.params["id"]
        found = yield from own(kind, reference)
        return Forward(
            params={"id": found.id},
            query=passed_on(request.query),
            body=_judged(table, request, around),
            reply=Stream(edit_error=as_asked(reference, found.id)),
            rewrites=("Labels: stamped",),
        )

    return judge


def _judged(table: Table, request: Request, around: Circumstances) -> bytes:
    body = table.read(request.body)
    problems = list(table.problems(body, around.settings.containers))
    if problems:
        raise Denied(problems)
    return gojson.encode({**body, "Labels": stamp(body.get("Labels"), around.owner)})
