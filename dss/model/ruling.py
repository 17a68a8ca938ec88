"""
Rulings: what is to be done with one request.

A denial is not among them: a judgement that denies raises
L{dss.errors.Denied} or another L{dss.errors.DssError}.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from attrs import field, frozen

from dss.model.archives import ArchiveFiles
from dss.model.facts import Json, Question
from dss.model.message import HeaderList, ResponseHead
from dss.model.version import ApiVersion

Result = TypeVar("Result")

#: A computation that asks questions on its way to a result.
Judgement = Generator[Question[Any], Any, Result]

#: Query parameters in the order in which they are written, decoded.
QueryList = tuple[tuple[str, str], ...]


def ask(question: Question[Result]) -> Judgement[Result]:
    """
    Ask, from inside a judgement: C{facts = yield from ask(ContainerNamed(ref))}.
    """
    answer: Result = yield question
    return answer


def settled(value: Result) -> Judgement[Result]:
    """
    A judgement that asks nothing.
    """
    return value
    yield  # pragma: no cover - makes this function a generator


#: Changes the head of the engine's reply.
EditHead = Callable[[ResponseHead], ResponseHead]

#: Given one of the engine's values, the one that the client gets.
Edit = Callable[[Json], Judgement[Json]]

#: Given the status and the message of an engine's error, what the client is told instead.
EditError = Callable[[int, str], Judgement[str]]

#: What is left to do at the end, given whether the engine's reply was complete.
After = Callable[[bool], Judgement[None]]


@frozen
class Stream:
    """
    The reply streams to the client as it is.

    @ivar edit_head: changes the reply's head, where it must not pass unchanged.
    @ivar edit_error: given the status and the message of an engine's error, what the client
        is told instead.
    """

    edit_head: EditHead | None = None
    edit_error: EditError | None = None


@frozen
class EditJson:
    """
    A successful reply is one JSON value, collected whole and edited. Error replies
    pass as they are.

    @ivar edit: given the engine's value, the value that the client gets. Returning
        the same object means that nothing changed, and the engine's own bytes are
        passed on.
    @ivar edit_head: as in L{Stream}.
    @ivar edit_error: as in L{Stream}.
    """

    edit: Edit
    edit_head: EditHead | None = None
    edit_error: EditError | None = None


@frozen
class EditLines:
    """
    A successful reply is a stream of JSON values, one a line, each edited.

    @ivar edit: given one value, the value that the client gets, or L{None} to drop
        it. The same object means the same bytes.
    @ivar drops_long: whether a line that is over the limit is left out; the reply ends else.
    """

    edit: Edit
    drops_long: bool = False


@frozen
class Hijack:
    """
    The connection becomes a raw one when the engine answers C{101}, or the older bare C{200}
    of a raw stream.

    @ivar protocol: what the C{Upgrade} header towards the engine says.
    """

    protocol: str = "tcp"


Reply = Stream | EditJson | EditLines | Hijack


@frozen
class ContextWatch:
    """
    The client's body is a build's context, a tar archive: the engine gets its end only
    once the Dockerfile inside is judged.

    @ivar dockerfile: the Dockerfile's path in the context; empty for the engine's default.
    @ivar judge: judges the Dockerfile's bytes, and raises what denies it.
    """

    dockerfile: str
    judge: Callable[[bytes], Judgement[None]]


@frozen
class ImagesWatch:
    """
    The client's body is an archive of images: the engine gets its end only once what is
    inside is judged.

    @ivar judge: judges the archive's files, and raises what denies them.
    """

    judge: Callable[[ArchiveFiles], Judgement[None]]


@frozen
class Forward:
    """
    A request for the engine, in the parts from which it is written anew.

    @ivar params: the path's parameters: resolved ids, by the template's names.
    @ivar query: the query parameters.
    @ivar headers: headers beside those that every request has.
    @ivar body: a judged body, already serialised; L{None} where the client's own
        body streams (if the route has one) or there is none.
    @ivar reply: how the reply flows.
    @ivar rewrites: what dss changed, for the audit, such as
        C{("Labels: stamped",)}.
    @ivar version: the API version that the engine is asked in; L{None} for the one in
        force, the client's own.
    @ivar watch: what the client's body is watched for on its way.
    @ivar after: what is left to do once the exchange has ended, given whether the engine's
        reply was complete.
    """

    params: Mapping[str, str] = field(factory=dict)
    query: QueryList = ()
    headers: HeaderList = ()
    body: bytes | None = None
    reply: Reply = field(factory=Stream)
    rewrites: tuple[str, ...] = ()
    version: ApiVersion | None = None
    watch: ContextWatch | ImagesWatch | None = None
    after: After | None = None


@frozen
class Answer:
    """
    dss answers by itself.

    @ivar body: the whole body.
    """

    status: int
    body: bytes
    content_type: str = "application/json"


Ruling = Forward | Answer
