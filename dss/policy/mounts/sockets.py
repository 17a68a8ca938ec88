"""
The engine's socket where it is bound: the container gets its owner's own guarded socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.errors import Problem
from dss.model.facts import HostPath
from dss.model.ruling import Judgement, ask
from dss.policy.mounts.wishes import Wish, clean
from dss.policy.request import Circumstances


def is_engine_socket(path: str, around: Circumstances) -> bool:
    """
    Whether a path means the engine's socket, however it is spelled. It does not matter what
    else it could mean: what is bound is the owner's own.
    """
    return path.startswith("/") and clean(path) in around.settings.engine_socket.names


def is_replacement(mount: Mapping[str, Any], around: Circumstances) -> bool:
    """
    Whether an inspected mount is the owner's own socket.
    """
    replacement = around.settings.engine_socket.replacement
    return mount.get("Type") == "bind" and mount.get("Source") == replacement is not None


def problem_of(at: str, around: Circumstances) -> Judgement[Problem | None]:
    """
    Why the owner's own socket can't be bound now.
    """
    replacement = around.settings.engine_socket.replacement
    if replacement is None:
        return Problem(
            "mount.engine_socket",
            at,
            "that is the engine's socket, and containers get none here.",
            "The operator can give them the guarded one with --container-sockets DIRECTORY.",
        )
    found = yield from ask(HostPath(replacement))
    if not found.is_socket or found.resolved != replacement:
        # Nobody but dss can write there, so this is the operator's doing.
        return Problem(
            "mount.engine_socket",
            at,
            "the guarded socket that containers get in place of the engine's is not there.",
            "The operator can restart dss.",
        )
    return None


def mount_of(wish: Wish, around: Circumstances) -> dict[str, Any]:
    """
    The entry of C{Mounts} that binds the owner's own socket. An engine makes no missing
    source of such an entry (moby 20.10 to 28.5), so that the place stays free while dss is
    away.
    """
    return {
        "Type": "bind",
        "Source": around.settings.engine_socket.replacement,
        "Target": wish.target,
        **({"ReadOnly": True} if wish.read_only else {}),
        "BindOptions": {"Propagation": wish.propagation},
    }
