"""
Operations on services and their tasks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dss.errors import BadRequest, Denied, EngineOdd, Problem
from dss.model import gojson
from dss.model.facts import ClusterNamed, HooksOnEntry, Json, OwnServices, VolumeNamed
from dss.model.ruling import Edit, EditJson, Forward, Judgement, Ruling, Stream, ask
from dss.policy.fields.tables import SERVICE_CREATE, SERVICE_UPDATE
from dss.policy.mounts import volumes
from dss.policy.narrowing import list_own
from dss.policy.queries import passed_on, text_of
from dss.policy.request import Circumstances, Policy, Request
from dss.policy.shown import labels_of
from dss.policy.swarm import showing, specs
from dss.policy.swarm.references import as_asked, own
from dss.policy.volumes.standing import Standing, standing, taken_problem

#: How the engine tells who has a port (moby 28.5, swarmkit's C{checkPortConflicts}).
_PORT_OF = re.compile(r"by service '[^']*' \((?P<id>[0-9a-z]+)\)")


def listing(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing services: the owner's own.
    """
    return list_own(request, around, _listed(around))
    yield  # pragma: no cover - makes this function a generator


def _listed(around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        if not isinstance(value, list):
            raise EngineOdd("the engine's list of services is no list")
        kept = []
        for each in value:
            is_own = around.owner.owns(labels_of(each.get("Spec")))
            if is_own and (yield from ask(HooksOnEntry("service", each))):
                kept.append(showing.service(each))
        return kept

    return edit


def tasks(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing tasks: those of the owner's own services.
    """
    return list_own(request, around, _listed_tasks)
    yield  # pragma: no cover - makes this function a generator


def _listed_tasks(value: Json) -> Judgement[Json]:
    if not isinstance(value, list):
        raise EngineOdd("the engine's list of tasks is no list")
    own = {each["ID"] for each in (yield from ask(OwnServices()))} if value else set()
    kept = []
    for each in value:
        if each.get("ServiceID") in own and (yield from ask(HooksOnEntry("task", each))):
            kept.append(showing.task(each))
    return kept


def of(kind: str, show: Callable[[Json], Json] | None = None) -> Policy:
    """
    Make the policy of an operation on one service or task of the owner's own. Its query is
    passed on.

    @param show: what the reply's object is shown as; the reply streams where L{None}.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        reference = request.params["id"]
        found = yield from own(kind, reference)
        edit_error = as_asked(reference, found.id)

        def edit(value: Json) -> Judgement[Json]:
            if not isinstance(value, dict) or value.get("ID") != found.id:
                raise EngineOdd(f"the engine's {kind} is another one")
            assert show is not None, "what streams is not edited"
            return show(value)
            yield  # pragma: no cover - makes this function a generator

        return Forward(
            params={"id": found.id},
            query=passed_on(request.query),
            reply=Stream(edit_error=edit_error)
            if show is None
            else EditJson(edit, None, edit_error),
        )

    return judge


def create(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of making a service: by the field table, with the owner's labels.

    @raise dss.errors.DssError: as L{specs.judge}.
    """
    ready = yield from specs.judge(SERVICE_CREATE, request, around)
    yield from ready.make()
    return Forward(
        body=gojson.encode(ready.spec),
        reply=Stream(edit_error=_hide_services),
        rewrites=ready.rewrites,
        version=around.engine_version,
    )


def update(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of changing a service, and of taking a change back. The version in the query
    sees to it that what was judged is what is changed.

    @raise dss.errors.DssError: as L{specs.judge}.
    @raise Denied: where what it was before mounts a volume that is another owner's by now.
    """
    reference = request.params["id"]
    found = yield from own("service", reference)
    rollback = text_of(request, "rollback")
    if rollback not in ("", "none", "previous"):
        raise BadRequest(f"unrecognized rollback option {rollback}")
    auth = text_of(request, "registryAuthFrom")
    if auth not in ("", "spec", "previous-spec"):
        raise BadRequest("unsupported registryAuthFrom value")
    ready = yield from specs.judge(SERVICE_UPDATE, request, around, found.value)
    if rollback == "previous":
        yield from _previous(found.value, around)
    yield from ready.make()
    named = as_asked(reference, found.id)

    def edit_error(status: int, message: str) -> Judgement[str]:
        return (yield from named(status, (yield from _hide_services(status, message))))

    return Forward(
        params={"id": found.id},
        query=passed_on(request.query),
        body=gojson.encode(ready.spec),
        reply=Stream(edit_error=edit_error),
        rewrites=ready.rewrites,
        version=around.engine_version,
    )


def _previous(service: Mapping[str, Json], around: Circumstances) -> Judgement[None]:
    """
    Judge what a service was before: all that is in it was judged then and is known by ids,
    but for the names of volumes.
    """
    spec = service.get("PreviousSpec")
    if not isinstance(spec, dict):
        return
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    if not all(around.owner.owns(labels_of(each)) for each in (spec, container)):
        raise Denied(
            Problem("service.previous", "rollback", "what it was before was not the owner's.")
        )
    problems: list[Problem] = []
    for mount in container.get("Mounts") or ():
        source = mount.get("Source", "")
        if mount.get("Type") != "volume" or not source or volumes.is_root(source):
            continue
        volume = yield from ask(VolumeNamed(source))
        if volume is None:
            continue
        if volume.owner != around.owner.name:
            problems.append(taken_problem(source, "rollback"))
            continue
        held = yield from standing(volume, "rollback", around)
        if isinstance(held, Standing):
            held = Problem(
                "service.previous",
                "rollback",
                f"the volume {source!r} is a directory of the host.",
                "Update the service to what it was.",
            )
        problems.extend([held] if held else [])
    if problems:
        raise Denied(problems)


def _hide_services(status: int, message: str) -> Judgement[str]:
    """
    An engine's error that names no other owner's service.
    """
    taken = _PORT_OF.search(message)
    if taken and (yield from ask(ClusterNamed("service", taken["id"]))) is None:
        return message.replace(taken[0], "by another service")
    return message
