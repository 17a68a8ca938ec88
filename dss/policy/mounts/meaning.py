"""
What a client means by a path of the host: a path below an allowed directory, as clients
call that; or, where the client runs in a container of the same engine, a path of its own,
which its container's mounts tell.

A path that is found in that way is judged like any other. It translates, and allows nothing.
"""

from __future__ import annotations

import re

from attrs import frozen

from dss.errors import NotFound, Problem
from dss.model.facts import ClientContainer
from dss.model.ruling import Judgement, ask
from dss.policy.mounts import volumes
from dss.policy.mounts.sources import Place, allowed_roots, judge_path
from dss.policy.mounts.taking import Origin, container, origin_of
from dss.policy.mounts.wishes import below, clean
from dss.policy.request import Circumstances

_WINDOWS = re.compile(r"[A-Za-z]:([\\/]|$)|\\\\|//[.?]/")


@frozen
class Meant:
    """
    A path of the host that a client means.

    @ivar path: on the host, clean.
    @ivar shown: as the client calls it, clean.
    """

    path: str
    shown: str


def meant_path(source: str, at: str, around: Circumstances) -> Judgement[Meant | Problem]:
    """
    The path of the host that a client means. The allowed directories are asked first, so
    that what the operator said holds wherever the client runs.

    @param source: as the client wrote it.
    @param at: the field that names it.
    """
    roots = around.settings.roots
    problem = _spelling_problem(source)
    if problem:
        return Problem("mount.source", at, f"{source!r} {problem}", allowed_roots(roots))
    path = clean(source)
    root = max(
        (each for each in roots if below(path, each.client_path)),
        key=lambda each: len(each.client_path),
        default=None,
    )
    if root is not None:
        return Meant(clean(root.path + path.removeprefix(root.client_path)), path)
    own = yield from _of_own_container(path, at, around)
    if own is None:
        return Problem(
            "mount.source",
            at,
            f"{path!r} is not below an allowed directory of the host.",
            allowed_roots(roots, path),
        )
    return own if isinstance(own, Problem) else Meant(own, path)


def _spelling_problem(source: str) -> str:
    if _WINDOWS.match(source):
        return "is a path of Windows; the engine's host runs Linux."
    if not source.startswith("/") or "\\" in source or "\0" in source:
        return "is no absolute path of a Linux host."
    return ""


def _of_own_container(path: str, at: str, around: Circumstances) -> Judgement[str | Problem | None]:
    """
    The path of the host that the client's own container has at a path; L{None} where the
    client runs in none, or has there what is no mount of the host's.

    Whose that container is does not matter: a build that is started by a CI agent is its
    agent's, and a client in it knows the path anyhow.
    """
    inside = yield from ask(ClientContainer())
    if inside is None:
        return None
    try:
        found = yield from container(inside)
    except NotFound:
        # It is one of another engine.
        return None
    mount = max(
        (each for each in found.mounts if below(path, clean(str(each.get("Destination"))))),
        key=lambda each: len(clean(str(each["Destination"]))),
        default=None,
    )
    if mount is None or mount.get("Type") not in ("bind", "volume"):
        return None
    name = str(mount.get("Name", ""))
    origin = yield from origin_of(mount, found.wanted, at, around)
    if isinstance(origin, Origin):
        return clean(origin.path + path.removeprefix(clean(str(mount["Destination"]))))
    if mount["Type"] == "volume" and not volumes.is_root(name):
        return Problem(
            "mount.client_volume",
            at,
            f"{path!r} is in a volume of the container that the client runs in.",
            "Mount that volume by its name.",
        )
    return None


def judge_source(
    source: str, at: str, read_only: bool, around: Circumstances, may_miss: bool = False
) -> Judgement[Place | Problem]:
    """
    Judge one host directory or file as a client wrote it.
    """
    meant = yield from meant_path(source, at, around)
    if isinstance(meant, Problem):
        return meant
    return (yield from judge_path(meant.path, at, read_only, around, may_miss, meant.shown))
