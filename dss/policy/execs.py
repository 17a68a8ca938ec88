"""
Processes started in a running container: made by one request, started by another.
"""

from __future__ import annotations

from dss.errors import Denied, NotFound
from dss.model import gojson
from dss.model.facts import ExecNamed
from dss.model.ruling import Forward, Hijack, Judgement, Ruling, Stream, ask
from dss.policy import given
from dss.policy.fields.tables import EXEC_CREATE, EXEC_START
from dss.policy.ownership import own_container
from dss.policy.request import Circumstances, Request


def create(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of making an exec instance, in a container of the owner's own.

    @raise Denied: for privileges, and what else the field table denies.
    """
    body = EXEC_CREATE.read(request.body)
    problems = list(EXEC_CREATE.problems(body))
    if problems:
        raise Denied(problems)
    found = yield from own_container(request.params["id"])
    ready = given.to_exec(EXEC_CREATE.cleaned(body), around.settings.containers.force)
    return Forward(params={"id": found.id}, body=gojson.encode(ready))


def start(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of starting an exec instance. The engine hijacks the connection unless
    C{Detach} is true: read here as the engine reads it, so that both always agree.
    """
    body = EXEC_START.read(request.body)
    id = request.params["id"]
    if (yield from ask(ExecNamed(id))) is None:
        raise NotFound(f"No such exec instance: {id}")
    reply = Stream() if body.get("Detach") else Hijack("tcp")
    return Forward(params={"id": id}, body=gojson.encode(EXEC_START.cleaned(body)), reply=reply)
