"""
Container update: limits and the restart policy, by the same rows as create.
"""

from __future__ import annotations

from dss.config.containers import Ceilings
from dss.errors import Denied, NotFound
from dss.model import gojson
from dss.model.facts import ContainerJson
from dss.model.ruling import Forward, Judgement, Ruling, Stream, ask
from dss.policy import claims, limits
from dss.policy.fields.tables import UPDATE
from dss.policy.mounts.rechecking import loose_mounts
from dss.policy.mounts.sources import restart_problem
from dss.policy.ownership import as_asked, own_container
from dss.policy.request import Circumstances, Request


def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of changing a container of the owner's own.

    @raise Denied: for what the field table denies, what is over a ceiling, and for a
        restart policy where a host directory is bound that the owner can replace.
    """
    body = UPDATE.read(request.body)
    settings, sums = around.settings.containers, around.settings.sums
    problems = list(UPDATE.problems(body, settings))
    reference = request.params["id"]
    found = yield from own_container(reference)
    changes = dict(UPDATE.cleaned(body))
    if settings.ceilings != Ceilings() or sums.cpus is not None:
        current = yield from ask(ContainerJson(found.id))
        if current is None:
            raise NotFound(f"No such container: {reference}")
        host = current.get("HostConfig") or {}
        problems.extend(limits.update_problems(body, host, settings.ceilings))
        if settings.ceilings.cpus is not None or sums.cpus is not None:
            changes.update(limits.whole_cpus(body, host, settings.ceilings.cpus))
    policy = (body.get("RestartPolicy") or {}).get("Name", "")
    if policy not in ("", "no"):
        loose = yield from loose_mounts(found.id, around)
        problem = restart_problem(policy, loose, "RestartPolicy.Name")
        if problem is not None:
            problems.append(problem)
    if problems:
        raise Denied(problems)
    released = yield from claims.for_update(found.id, changes, sums)
    return Forward(
        params={"id": found.id},
        body=gojson.encode(changes),
        reply=Stream(released, as_asked(reference, found.id)),
    )
