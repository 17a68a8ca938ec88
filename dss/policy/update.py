"""
Container update: limits and the restart policy, by the same rows as create.
"""

from __future__ import annotations

from dss.errors import Denied
from dss.model import gojson
from dss.model.ruling import Forward, Judgement, Ruling, Stream
from dss.policy import mounts
from dss.policy.fields.tables import UPDATE
from dss.policy.ownership import as_asked, own_container
from dss.policy.request import Circumstances, Request


def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of changing a container of the owner's own.

    @raise Denied: for what the field table denies, and for a restart policy where a host
        directory is bound that the owner can replace.
    """
    body = UPDATE.read(request.body)
    problems = list(UPDATE.problems(body))
    reference = request.params["id"]
    found = yield from own_container(reference)
    policy = (body.get("RestartPolicy") or {}).get("Name", "")
    if policy not in ("", "no"):
        bound = [
            (f"Mounts[{each.get('Destination')!r}]", each["Source"])
            for each in (yield from mounts.mounts_of(found.id))
            if each.get("Type") == "bind"
        ]
        problem = mounts.restart_problem(policy, bound, "RestartPolicy.Name", around.settings.roots)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise Denied(problems)
    return Forward(
        params={"id": found.id},
        body=gojson.encode(UPDATE.cleaned(body)),
        reply=Stream(edit_error=as_asked(reference, found.id)),
    )
