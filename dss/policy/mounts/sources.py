"""
Host directories: whether a path of the host may be mounted.

Everything that reaches the host ends in L{judge_path}. A path is judged by the innermost
root around it, and once more by the innermost one around what its links lead to.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from attrs import frozen

from dss.config.lines import added, with_more
from dss.config.settings import Root
from dss.errors import Problem
from dss.model.facts import HostPath, MakeDirectory
from dss.model.ruling import Judgement, ask
from dss.policy.mounts.wishes import below, clean
from dss.policy.request import Circumstances


@frozen
class Place:
    """
    A path of the host that may be mounted.

    @ivar path: as it was meant, clean.
    @ivar base: the root that it is reached from: no owner can replace the root itself.
    @ivar found: the same place without a link below the base.
    @ivar is_missing: whether nothing is there yet.
    @ivar is_guarded: whether a read-only root could be written if links below the base
        changed after the judgement.
    """

    path: str
    base: Root
    found: str
    is_missing: bool = False
    is_guarded: bool = False

    @property
    def relative(self) -> str:
        """
        The path below the base; empty for the base itself.
        """
        return self.path.removeprefix(self.base.path).lstrip("/")

    def make(self, at: str, shown: str) -> Judgement[Problem | None]:
        """
        Make it if it is missing.

        @param at: the field that names it.
        @param shown: what the client calls it.
        """
        if not self.is_missing:
            return None
        reason = yield from ask(MakeDirectory(self.base.path, self.relative))
        if reason is None:
            return None
        return Problem(
            "mount.missing",
            at,
            f"{shown!r} does not exist, and can't be made: {reason}.",
            "Create it before it is bound.",
        )


def client_path(path: str, roots: Sequence[Root]) -> str:
    """
    What a client calls a path of the host.
    """
    root = _innermost(path, roots)
    return path if root is None else clean(root.client_path + path.removeprefix(root.path))


def allowed_roots(roots: Sequence[Root], wanted: str = "") -> str:
    """
    The hint of a denied source.

    @param wanted: a path that the operator could allow.
    """
    told = [f"{each.client_path}:ro" if each.read_only else each.client_path for each in roots]
    hint = f"Allowed: {', '.join(told)}, and what is below." if told else ""
    hint = hint or "No host directory is allowed here."
    if wanted in ("", "/"):
        return hint
    if any(each.path != each.client_path for each in roots):
        # Where they are on the host is not for the client to know.
        line = added("owner.allow_bind", [wanted])
    else:
        line = with_more("owner.allow_bind", [wanted], roots)
    return f"{hint} {line.removesuffix('.')}, or with --allow-bind {wanted}."


def judge_path(
    path: str,
    at: str,
    read_only: bool,
    around: Circumstances,
    may_miss: bool = False,
    shown: str = "",
) -> Judgement[Place | Problem]:
    """
    Judge one path of the host that is to be mounted.

    @param path: clean.
    @param at: the field that names it.
    @param read_only: whether the container could only read it.
    @param may_miss: whether it may be a directory that is to be made.
    @param shown: what the client called it, where that is known.
    """
    roots = around.settings.roots
    shown = shown or client_path(path, roots)

    def problem(rule: str, reason: str, hint: str = "") -> Problem:
        return Problem(rule, at, reason, hint or allowed_roots(roots))

    root = _innermost(path, roots)
    if root is None:
        # What a container mounts, maybe not the client's own, is not for the client to know.
        return problem(
            "mount.source",
            f"{shown!r} is not below an allowed directory of the host.",
            allowed_roots(roots, path if shown == path else ""),
        )
    base = max(
        (each for each in roots if below(path, each.path) and is_fixed(each.path, roots)),
        key=lambda each: len(each.path),
    )
    strict = None if read_only else _read_only_at(path, roots)
    if strict is not None:
        return problem(
            "mount.read_only",
            f"{strict.client_path!r} is allowed for reading only.",
            "Mount it 'ro'.",
        )
    allowed = yield from ask(HostPath(base.path))
    if allowed.resolved is None:
        return problem(
            "mount.source", f"the allowed directory {base.client_path!r} does not exist."
        )
    if allowed.is_engines:
        return problem(
            "mount.engine_directory",
            f"{base.client_path!r} is denied: the engine keeps its own files there.",
            "The operator can allow a directory that is apart from the engine's.",
        )
    real = yield from ask(HostPath(path))
    if real.resolved is None:
        missing = problem(
            "mount.missing",
            f"{shown!r} does not exist on the host.",
            "Create it before it is bound.",
        )
        if not may_miss or root.read_only:
            return missing
        parent = yield from _nearest(path)
        above = yield from ask(HostPath(parent))
        if above.resolved != clean(allowed.resolved + parent.removeprefix(base.path)):
            return problem(
                "mount.link",
                f"{shown!r} does not exist, and there is a symbolic link on the way to it.",
                "Create it before it is bound.",
            )
        return Place(path, base, path, True)
    if not below(real.resolved, allowed.resolved):
        return problem(
            "mount.link",
            f"{shown!r} has a symbolic link in it that leads out of {base.client_path!r}.",
            "Bind what the link leads to, if that is allowed.",
        )
    found = clean(base.path + real.resolved.removeprefix(allowed.resolved))
    strict = None if read_only else _read_only_at(found, roots)
    if strict is not None:
        return problem(
            "mount.read_only",
            f"{shown!r} leads to {strict.client_path!r}, which is allowed for reading only.",
            "Mount it 'ro'.",
        )
    if real.is_socket:
        return problem("mount.socket", f"{shown!r} is a socket, and may lead to any service.")
    guarded = not read_only and any(
        each.read_only and below(each.path, base.path) for each in roots
    )
    return Place(path, base, found, is_guarded=guarded)


def _nearest(path: str) -> Judgement[str]:
    """
    The nearest directory above a missing path that is there.
    """
    while path != "/":
        path = posixpath.dirname(path)
        if (yield from ask(HostPath(path))).resolved is not None:
            break
    return path


def _innermost(path: str, roots: Sequence[Root]) -> Root | None:
    return max(
        (each for each in roots if below(path, each.path)),
        key=lambda each: len(each.path),
        default=None,
    )


def _read_only_at(path: str, roots: Sequence[Root]) -> Root | None:
    """
    A read-only root that could be written through a path: the innermost one around it, or
    one below it.
    """
    root = _innermost(path, roots)
    if root is not None and root.read_only:
        return root
    return next((each for each in roots if each.read_only and below(each.path, path)), None)


def is_fixed(path: str, roots: Sequence[Root]) -> bool:
    """
    Whether a path of the host is a root that no owner can replace by a link: no other root
    that can be written is above it.
    """
    if all(each.path != path for each in roots):
        return False
    return not any(
        each.path != path and not each.read_only and below(path, each.path) for each in roots
    )


@frozen
class Loose:
    """
    A mounted path of the host that could become another one without dss looking on.

    @ivar at: the field that names it.
    @ivar shown: what the client calls it.
    """

    at: str
    shown: str


def restart_problem(policy: str, loose: Iterable[Loose], at: str) -> Problem | None:
    """
    What is wrong with a restart policy. A restart by the engine itself looks bind sources
    up anew without dss looking on.

    @param policy: its name.
    @param loose: what a restart could mount differently.
    @param at: the field of the policy.
    """
    if policy in ("", "no"):
        return None
    for each in loose:
        return Problem(
            "container.restart",
            at,
            f"{policy!r} is denied together with the host directory {each.shown!r} "
            f"({each.at}), because the engine looks its path up anew at each restart.",
            "Bind exactly an allowed directory, or use a volume, or no restart policy.",
        )
    return None
