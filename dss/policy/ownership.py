"""
What names a container or an exec instance is resolved to a full id of the owner's own.
"""

from __future__ import annotations

from collections.abc import Callable

from dss.errors import NotFound
from dss.model.facts import ContainerFacts, ContainerNamed, ExecNamed
from dss.model.ruling import EditError, Forward, Judgement, Reply, Ruling, Stream, ask
from dss.model.version import ApiVersion
from dss.policy.queries import passed_on
from dss.policy.request import Circumstances, Policy, Request

#: What the engine answers for a container that it does not have (moby 28.5).
NO_CONTAINER = "No such container: {}"


def own_container(reference: str, wording: str = NO_CONTAINER) -> Judgement[ContainerFacts]:
    """
    The owner's container that a reference means.

    @param wording: the engine's message for a missing one, with a place for the reference.
    @raise NotFound: where it is missing or another owner's.
    """
    found = yield from ask(ContainerNamed(reference))
    if found is None:
        raise NotFound(wording.format(reference))
    return found


def as_asked(reference: str, id: str) -> EditError:
    """
    Edits an engine's error so that it names the container as the client did: the engine
    was asked by id, and some of its messages repeat what it was asked for.
    """

    def edit(status: int, message: str) -> Judgement[str]:
        return (
            message.replace(f"container: {id}:", f"container: {reference}:")
            .replace(f'container "{id}"', f'container "{reference}"')
            .replace(f"in container {id}", f"in container {reference}")
            .replace(f"No such container: {id}", f"No such container: {reference}")
        )
        yield  # pragma: no cover - makes this function a generator

    return edit


def of(
    param: str = "id",
    *,
    reply: Reply | None = None,
    wording: Callable[[ApiVersion], str] = lambda engine: NO_CONTAINER,
) -> Policy:
    """
    Make the policy of an operation on one container, which must be the owner's own. Its
    query is passed on.

    @param param: the path's parameter that names it.
    @param reply: how the reply flows; streamed where L{None}.
    @param wording: given the engine's version, its message for a missing container.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        reference = request.params[param]
        found = yield from own_container(reference, wording(around.engine_version))
        return Forward(
            params={param: found.id},
            query=passed_on(request.query),
            reply=reply or Stream(edit_error=as_asked(reference, found.id)),
        )

    return judge


def of_exec(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of an operation on an exec instance, which must be in a container of the
    owner's own. Exec ids are never names, nor prefixes.
    """
    id = request.params["id"]
    found = yield from ask(ExecNamed(id))
    if found is None:
        raise NotFound(f"No such exec instance: {id}")
    return Forward(params={"id": id}, query=passed_on(request.query))


def killing(engine: ApiVersion) -> str:
    """
    What the engine answers for a missing container that is to be killed: moby 20.10
    writes it with a capital, 26.1 and 28.5 without.
    """
    first = "Cannot" if engine < ApiVersion(1, 44) else "cannot"
    return first + " kill container: {0}: No such container: {0}"
