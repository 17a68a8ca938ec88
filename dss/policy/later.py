"""
Operations that dss does not mediate: denied by name, whoever asks.
"""

from __future__ import annotations

from dss.errors import Denied, Problem
from dss.model.ruling import Judgement, Ruling
from dss.policy.request import Circumstances, Policy, Request


def later(subject: str, reason: str = "", hint: str = "") -> Policy:
    """
    Make a policy that denies the whole operation.

    @param subject: what it is about, such as C{networks}.
    @param reason: a sentence that says why it can't be let through unjudged.
    @param hint: what the client can do instead.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        because = f" {reason}" if reason else ""
        told = f"{request.operation}: dss does not mediate {subject} yet.{because}"
        raise Denied(Problem("route.later", "", told, hint))
        yield  # pragma: no cover - makes this function a generator

    return judge
