"""
Drives a policy by hand: what it asks is answered by plain functions, no engine needed.

For tests of policies, those of hooks and extensions too::

    ruling = drive(
        judge(request, around),
        {ContainerNamed: lambda question: ContainerFacts("1" * 64, "ci")},
    )
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dss.config.settings import OwnerSettings, Root
from dss.errors import DssError
from dss.model.facts import Json
from dss.model.message import RequestHead, Target
from dss.model.owner import Owner
from dss.model.ruling import EditJson, EditLines, Judgement, Result
from dss.model.version import NEWEST, ApiVersion
from dss.policy.request import Circumstances, QueryValue, Request

#: What answers the questions of each class.
Answers = Mapping[Any, Callable[[Any], Any]]


def drive(judgement: Judgement[Result], answers: Answers | None = None) -> Result:
    """
    Run a judgement to its end.

    @param answers: for each class of question a function from the question to its
        answer. One that raises a L{DssError} has it raised inside the judgement, as
        when the proxy can't find an answer.
    @return: what the judgement comes to.
    @raise AssertionError: where it asks what nobody answers.
    """
    known = answers or {}
    try:
        question = next(judgement)
        while True:
            answer = known.get(type(question))
            assert answer is not None, f"nobody answers {question!r}"
            try:
                found = answer(question)
            except DssError as error:
                question = judgement.throw(error)
            else:
                question = judgement.send(found)
    except StopIteration as end:
        result: Result = end.value
        return result


def edited(reply: object, value: Json, answers: Answers | None = None) -> Json:
    """
    What a client gets of one JSON value of the engine's reply.

    @param reply: an L{EditJson} or L{EditLines}.
    """
    assert isinstance(reply, EditJson | EditLines), f"{reply!r} edits no JSON"
    return drive(reply.edit(value), answers)


def request(
    operation: str = "",
    params: Mapping[str, str] | None = None,
    query: Mapping[str, QueryValue] | None = None,
    body: bytes = b"",
    version: ApiVersion = NEWEST,
) -> Request:
    """
    A request as the route table hands it to a policy; its head tells nothing.
    """
    return Request(
        operation,
        RequestHead("GET", Target("/")),
        version,
        params or {},
        query or {},
        body,
    )


def circumstances(
    owner: str = "ci", roots: tuple[str, ...] = (), engine_version: ApiVersion = NEWEST
) -> Circumstances:
    """
    What surrounds a request of an owner who may bind these host directories.
    """
    who = Owner(owner)
    settings = OwnerSettings(who, tuple(Root.parse(each) for each in roots))
    return Circumstances(who, settings, engine_version)
