"""
What can go wrong, each with the answer that the client gets.

Every error knows its HTTP status and renders itself in the Docker Engine's
error shape, C{{"message": …}} (Docker Engine API, I{Errors}).
"""

from __future__ import annotations

import json
from collections.abc import Sequence


class DssError(Exception):
    """
    An exchange ends with an answer of dss itself.

    @ivar status: the HTTP status.
    @ivar message: what the client is told.
    @ivar closes: whether the client's connection ends with the answer, because
        what follows on it can no longer be trusted to be a request.
    """

    status = 500
    closes = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def body(self) -> bytes:
        """
        The answer's body, as the engine writes its errors: JSON and a newline.
        """
        return json.dumps({"message": self.message}).encode() + b"\n"


class BadRequest(DssError):
    """
    The request has no one meaning, or does not follow the API.
    """

    status = 400


class AmbiguousRequest(BadRequest):
    """
    The request's framing or target could be read in two ways: answered, and
    the connection is closed, since the next request's start is in doubt.
    """

    closes = True


class UnservedVersion(BadRequest):
    """
    The path begins with an API version that is not served. Whoever wrote it took somebody else
    for the reader, so the connection is closed.
    """

    closes = True


class HeadTooLarge(AmbiguousRequest):
    """
    The request's head is larger than the limit.
    """

    status = 431


class HeadTooSlow(AmbiguousRequest):
    """
    The request's head, or a JSON body, did not arrive in time.
    """

    status = 408


class BodyTooLarge(DssError):
    """
    A request's JSON body is larger than dss judges. A body that can't be judged whole is never
    passed on. (One of the engine's is L{EngineOdd}.)
    """

    status = 413
    closes = True


class NotFound(DssError):
    """
    The engine's own answer for an object that does not exist, also given for
    one that belongs to another owner.
    """

    status = 404


class Problem:
    """
    One thing that a rule denies.

    @ivar rule: the rule's stable id, such as C{container.privileged}.
    @ivar field: the body field or query parameter, such as
        C{HostConfig.Privileged}; empty where the whole operation is denied.
    @ivar reason: what was asked for and why it is denied, one sentence.
    @ivar hint: what is allowed instead, or what the operator could write to
        allow it; may be empty.
    """

    __slots__ = ("field", "hint", "reason", "rule")

    def __init__(self, rule: str, field: str, reason: str, hint: str = "") -> None:
        self.rule = rule
        self.field = field
        self.reason = reason
        self.hint = hint

    def __repr__(self) -> str:
        return f"Problem({self.rule!r}, {self.field!r}, {self.reason!r}, {self.hint!r})"

    def __str__(self) -> str:
        where = f"{_cut(self.field)}: " if self.field else ""
        hint = f" {_cut_before_advice(self.hint)}" if self.hint else ""
        return f"{where}{_cut(self.reason)}{hint} [rule {_cut(self.rule)}]"


def _cut(text: str) -> str:
    """
    A text of which the client wrote a part, as long as it may be told.
    """
    return text if len(text) <= CHARACTERS_TOLD else text[:CHARACTERS_TOLD] + "…"


def _cut_before_advice(hint: str) -> str:
    """
    A hint as long as it may be told: what the operator can do is the last to go.
    """
    allowed, mark, advice = hint.partition(_ADVICE)
    room = CHARACTERS_TOLD - len(mark) - len(advice)
    if len(hint) <= CHARACTERS_TOLD or not mark or room < 0:
        return _cut(hint)
    whole, comma, _ = allowed[:room].rpartition(", ")
    return f"{whole}{comma}…{mark}{advice}"


_ADVICE = " The operator "

#: How many problems of one request are told, and how many characters of each part of one.
PROBLEMS_TOLD = 20
CHARACTERS_TOLD = 500


class Denied(DssError):
    """
    A rule or a hook denies the request. Nothing reached the engine.

    @ivar problems: all that is denied, at least one. The first L{PROBLEMS_TOLD} are told at
        once.
    """

    status = 403

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        told = [str(each) for each in self.problems[:PROBLEMS_TOLD]]
        more = len(self.problems) - len(told)
        if more:
            told.append(f"and {more} more")
        super().__init__("denied by dss: " + "; ".join(told))


class LimitReached(Denied):
    """
    An owner's limit denies what it would allow once something else of the owner's has ended:
    the client may try again.
    """

    status = 429


class EngineAway(DssError):
    """
    The engine can't be reached, or went away before it answered.
    """

    status = 503


class NoManager(DssError):
    """
    The engine is no manager of a Swarm, or the Swarm can't decide at the moment: told in
    the engine's own words.
    """

    status = 503


class EngineOdd(DssError):
    """
    The engine answered what dss does not understand, so nothing of it is passed
    on.
    """

    status = 502


class EngineSaid(DssError):
    """
    The engine's own error, of a question that dss asked in the client's place.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class TooMany(DssError):
    """
    The owner has as much under way as it may have: connections, or bodies.
    """

    status = 503
    closes = True


class StartError(SystemExit, Exception):
    """
    dss can't start. C{twist}, as every program, ends with the message and the status 1.
    C{twistd} tells the process that waits for its daemon of an L{Exception} only; of
    anything else it would never hear.
    """
