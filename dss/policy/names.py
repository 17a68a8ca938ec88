"""
Names that clients give to containers, and the conflicts that names lead to.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from dss.errors import BadRequest, Denied, Problem
from dss.model.facts import ContainerNamed
from dss.model.ruling import Judgement, ask

_NAME = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+")

#: What tools take for an id: the engine looks a reference up as a full id, then as a
#: name and then as the beginning of an id (moby 28.5, C{daemon/container.go}), so that
#: such a name would stand before another container's short id.
_LIKE_AN_ID = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")

_FULL_ID = re.compile(r"\b[0-9a-f]{64}\b")


def check_container_name(name: str, field: str = "name") -> str:
    """
    Judge a name for a container.

    @param name: as the client wrote it; one leading slash is allowed, as by the engine.
    @param field: where it was written, for the denial.
    @return: the name without the slash.
    @raise BadRequest: where it does not follow Docker's grammar, in the engine's words
        (moby 28.5).
    @raise Denied: where it looks like an id.
    """
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        )
    plain = name.removeprefix("/")
    if _LIKE_AN_ID.fullmatch(plain):
        raise Denied(
            Problem(
                "container.name-like-id",
                field,
                f"{plain!r} looks like a container's id and would hide the container that has it.",
                "Give it a name that is not exactly 12 or 64 hexadecimal digits.",
            )
        )
    return plain


def hide_foreign_ids(status: int, message: str, written: Collection[str] = ()) -> Judgement[str]:
    """
    An engine's error message without the ids of containers that are not the owner's: for
    C{Stream.edit_error} where a name can be in conflict with another owner's.

    @param written: ids that the client itself wrote, of whatever.
    """
    for found in dict.fromkeys(_FULL_ID.findall(message)):
        if found in written:
            continue
        if (yield from ask(ContainerNamed(found))) is None:
            message = message.replace(f'container "{found}"', "another container")
            message = message.replace(found, "another container")
    return message
