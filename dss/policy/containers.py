"""
Operations on one container that ask for more than its ownership, and prune.
"""

from __future__ import annotations

from dss.errors import BadRequest, Denied, EngineOdd, Problem
from dss.model.facts import ContainerJson, Json, RemoveUnstarted
from dss.model.message import HeaderList
from dss.model.ruling import Edit, EditJson, Forward, Judgement, Ruling, Stream, ask
from dss.policy import claims
from dss.policy.granted import check_checkpoint
from dss.policy.mounts.rechecking import recheck
from dss.policy.names import check_container_name, hide_foreign_ids
from dss.policy.narrowing import prune_own
from dss.policy.networks.resolving import private_name
from dss.policy.networks.showing import with_networks
from dss.policy.ownership import as_asked, own_container
from dss.policy.processes import is_harmless, without_processes
from dss.policy.queries import passed_on, text_of
from dss.policy.request import Circumstances, Policy, Request
from dss.policy.shown import labels_of, with_image, with_mounts
from dss.policy.wording import instead

#: The filters of a prune (Docker Engine API, I{ContainerPrune}).
_PRUNE_FILTERS = frozenset({"until", "label", "label!"})


def start(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of starting and restarting a container. The engine looks at a bind's source
    anew at each start, so its host directories are judged again.

    @raise Denied: for a checkpoint that is not granted, for a host directory that is no longer
        what was allowed, and for a limit of the owner. A container that is to be removed when it
        ends, and never began, is removed then.
    """
    name, directory = text_of(request, "checkpoint"), text_of(request, "checkpoint-dir")
    if name or directory:
        check_checkpoint(name, directory, around)
    reference = request.params["id"]
    found = yield from own_container(reference)
    try:
        yield from recheck(found.id, around)
        released = yield from claims.for_start(found.id, around.settings.sums)
    except Denied:
        yield from _removed_as_by_the_engine(found.id)
        raise
    words = {private_name(around.owner): "bridge"}
    return Forward(
        params={"id": found.id},
        query=passed_on(request.query),
        reply=Stream(released, instead(words, as_asked(reference, found.id))),
    )


def _removed_as_by_the_engine(container: str) -> Judgement[None]:
    """
    Remove a container whose start is denied, where the engine would remove it after a start
    that fails: C{docker run --rm} waits for that, for good.
    """
    shown = yield from ask(ContainerJson(container))
    if shown is None or not (shown.get("HostConfig") or {}).get("AutoRemove"):
        return
    # One that runs is only restarted.
    if (shown.get("State") or {}).get("Status") == "created":
        yield from ask(RemoveUnstarted(container))


def files(headers: HeaderList = ()) -> Policy:
    """
    Make the policy of copying to or from a container's file system. The engine mounts a
    container's volumes for a copy as it does for a start (moby 28.5,
    C{daemon/archive_unix.go}), so its host directories are judged again.

    @param headers: headers for the engine.
    @raise Denied: for a host directory that is no longer what was allowed.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        reference = request.params["id"]
        found = yield from own_container(reference)
        yield from recheck(found.id, around)
        return Forward(
            params={"id": found.id},
            query=passed_on(request.query),
            headers=headers,
            reply=Stream(edit_error=as_asked(reference, found.id)),
        )

    return judge


def rename(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of renaming a container.

    @raise BadRequest: without a new name, or with one that is not a name.
    @raise Denied: for a name that looks like an id.
    """
    found = yield from own_container(request.params["id"])
    name = text_of(request, "name")
    if not name:
        raise BadRequest("Neither old nor new names may be empty")
    try:
        plain = check_container_name(name)
    except BadRequest as error:
        # The engine tells it with a slash, written or not (moby 20.10 to 28.5).
        told = error.message.replace(f"({name})", f"(/{name.removeprefix('/')})", 1)
        raise BadRequest(f"Error when allocating new name: {told}") from None
    return Forward(
        params={"id": found.id},
        query=(("name", plain),),
        reply=Stream(edit_error=hide_foreign_ids),
    )


def top(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing a container's processes. The engine runs C{ps} on the host with the
    client's arguments, and reads the process ids from what it prints, so its table must
    have one word in each column up to that of the ids.

    @raise Denied: for other arguments.
    """
    reference = request.params["id"]
    found = yield from own_container(reference)
    if not is_harmless(text_of(request, "ps_args")):
        raise Denied(
            Problem(
                "container.ps-args",
                "ps_args",
                "the engine gives these arguments to ps on the host, where they could show "
                "what is not the container's.",
                "Allowed: forms such as -ef, aux and -ely, and -eo with a list of columns, pid "
                "among them, such as -eo pid,user,args.",
            )
        )
    edit = as_asked(reference, found.id)
    return Forward(
        params={"id": found.id},
        query=passed_on(request.query),
        reply=Stream(edit_error=without_processes(edit)),
    )


def inspect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting a container: shown with the image and the
    mounts that its client wrote.
    """
    reference = request.params["id"]
    found = yield from own_container(reference)
    return Forward(
        params={"id": found.id},
        query=passed_on(request.query),
        reply=EditJson(_shown(around), edit_error=as_asked(reference, found.id)),
    )


def _shown(around: Circumstances) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        config = value.get("Config") if isinstance(value, dict) else None
        if not isinstance(config, dict):
            raise EngineOdd("the engine's container has no configuration")
        value = yield from with_networks(value, around)
        shown = with_image(config, "Image", "Labels")
        if shown is config:
            return value
        return with_mounts({**value, "Config": shown}, labels_of(config))

    return edit


def prune(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of removing all stopped containers: of the owner's own, by its label.

    @raise BadRequest: for a filter that this operation does not have.
    """
    return prune_own(request, around, _PRUNE_FILTERS)
    yield  # pragma: no cover - makes this function a generator
