"""
Operations that the operator has to grant to an owner by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dss.config.lines import with_more
from dss.errors import BadRequest, Denied, NotFound, Problem
from dss.model import gojson
from dss.model.ruling import Forward, Judgement, Ruling, Stream
from dss.policy.fields.table import Table, unknown_field
from dss.policy.ownership import as_asked, own_container
from dss.policy.queries import passed_on, text_of
from dss.policy.request import Circumstances, Policy, Request

#: Reads a body, and gives what of it goes on.
Reader = Callable[[bytes], Any]


def check(operation: str, reason: str, around: Circumstances) -> None:
    """
    Whether an owner was granted an operation.

    @param reason: a sentence that says what the operation is good for.
    @raise Denied: where not, with the line that grants it.
    """
    if operation in around.settings.grants:
        return
    raise Denied(
        Problem(
            "grant.missing",
            "",
            f"{operation} is denied. {reason}",
            with_more("owner.grants", [operation], around.settings.grants),
        )
    )


def granted(reason: str, read: Reader | None = None) -> Policy:
    """
    Make a policy that lets an operation through where it is granted, written anew: the path's
    and the query's parameters that the row has, and of a body the fields that are known.

    @param reason: a sentence that says what the operation is good for.
    @param read: reads a body of JSON.
    """

    def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
        check(request.operation, reason, around)
        return Forward(
            params=request.params,
            query=passed_on(request.query),
            body=None if read is None else gojson.encode(read(request.body)),
            rewrites=("granted by the operator",),
        )
        yield  # pragma: no cover - makes this function a generator

    return judge


def plugin(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting a plugin. Without the grant an owner has none, and is told so, not
    denied: C{docker inspect} asks for a plugin of a name that nothing else has.

    @raise NotFound: where it is not granted, in the engine's words (moby 20.10 to 28.5).
    """
    if request.operation not in around.settings.grants:
        raise NotFound(f'plugin "{request.params["name"]}" not found')
    return Forward(params=request.params, rewrites=("granted by the operator",))
    yield  # pragma: no cover - makes this function a generator


def shaped(shape: gojson.Shape) -> Reader:
    """
    Reads a body of one shape, without what the shape does not have.
    """

    def read(raw: bytes) -> Any:
        decoded = gojson.decode(gojson.read(raw), shape)
        if decoded.unknown:
            raise Denied([unknown_field(each.path) for each in decoded.unknown])
        return decoded.value

    return read


def tabled(table: Table) -> Reader:
    """
    Reads a body by a table of fields.
    """

    def read(raw: bytes) -> Any:
        return table.cleaned(table.read(raw))

    return read


_CHECKPOINT = gojson.Struct(
    {"CheckpointID": gojson.Text(), "CheckpointDir": gojson.Text(), "Exit": gojson.Flag()}
)

#: Docker's own grammar of names (moby 28.5, C{daemon/names}).
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


def checkpoint(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of an operation on a container's checkpoints: granted, and the container the
    owner's own. Checkpoints stay in the engine's own directory.

    @raise BadRequest: for a new checkpoint without a name, or with none that is one.
    @raise Denied: where it is not granted, and for another directory.
    """
    check(request.operation, "Checkpoints are kept in the host's file system.", around)
    reference = request.params["id"]
    found = yield from own_container(reference)
    body = None
    if request.operation == "CheckpointCreate":
        value = shaped(_CHECKPOINT)(request.body) or {}
        check_checkpoint(value.get("CheckpointID", ""), value.get("CheckpointDir", ""), around)
        body = gojson.encode(value)
    elif text_of(request, "dir"):
        raise Denied(_in_directory("dir"))
    return Forward(
        params={**request.params, "id": found.id},
        query=passed_on(request.query),
        body=body,
        reply=Stream(edit_error=as_asked(reference, found.id)),
        rewrites=("granted by the operator",),
    )


def check_checkpoint(name: str, directory: str, around: Circumstances) -> None:
    """
    Judge a checkpoint that is made, or that a container starts from.

    @raise BadRequest: where the name is none.
    @raise Denied: where checkpoints are not granted, and for a directory.
    """
    if directory:
        raise Denied(_in_directory("checkpoint-dir"))
    check("CheckpointCreate", "A checkpoint is read from the host's file system.", around)
    if not _NAME.fullmatch(name):
        # In the engine's words (moby 28.5).
        raise BadRequest(
            f"Invalid checkpoint ID ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        )


def _in_directory(field: str) -> Problem:
    """
    What is wrong with a directory of checkpoints.
    """
    return Problem(
        "container.checkpoint",
        field,
        "a checkpoint in a directory of the host's file system is denied.",
        "Leave it out: checkpoints are kept in the engine's own directory.",
    )
