"""
Host directories, volumes and file systems in memory: what a container mounts, from
every spelling of it.

L{extract} is the one reader of C{Binds}, C{Mounts} and C{Volumes}; whatever reaches the
host ends in L{judge_source}. The engine follows the links of a bind's source anew at each
start (proved on 20.10, 26.1 and 28.5), so that L{recheck} asks again before each start.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from dss.config.settings import Root
from dss.errors import BadRequest, Denied, EngineOdd, NotFound, Problem
from dss.model.facts import ContainerJson, ContainerNamed, HostPath, Json, VolumeNamed
from dss.model.owner import Owner
from dss.model.ruling import Judgement, ask
from dss.model.version import ApiVersion
from dss.policy.fields import rules
from dss.policy.fields.field import Spot
from dss.policy.labels import stamp
from dss.policy.request import Circumstances

_PROPAGATIONS = {"private", "rprivate", "shared", "rshared", "slave", "rslave"}
_CONSISTENCIES = {"consistent", "cached", "delegated"}
_MODES = (
    {"ro", "rw"},
    {"z", "Z"},
    _PROPAGATIONS,
    {"nocopy"},
    _CONSISTENCIES,
)
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")

#: What engines put on a volume without a name, for C{volume prune}; Engine 26.1 leaves it
#: out where the volume is asked for by C{Mounts}.
_ANONYMOUS_LABEL = {"com.docker.volume.anonymous": ""}
_ANONYMOUS_LABEL_SINCE = ApiVersion(1, 42)

#: The options that go with each type of mount (moby 28.5, C{volume/mounts}).
_OPTIONS = {"bind": "BindOptions", "volume": "VolumeOptions", "tmpfs": "TmpfsOptions"}


@frozen
class Wish:
    """
    One thing that a client wants mounted.

    @ivar at: the field that says so.
    @ivar kind: C{bind}, C{volume} or C{tmpfs}.
    @ivar source: a path of the host, or a volume's name; empty for what has none.
    @ivar target: the path in the container, clean.
    @ivar modes: the mode of an entry of C{Binds}, split.
    @ivar mount: the entry of C{Mounts} that means the same.
    @ivar raw: the entry of C{Binds}, if it was one.
    """

    at: str
    kind: str
    source: str
    target: str
    read_only: bool = False
    modes: tuple[str, ...] = ()
    mount: Mapping[str, Any] = field(factory=dict)
    raw: str | None = None

    def option(self, name: str) -> Any:
        """
        An option of the mount's own kind, or L{None}.
        """
        return (self.mount.get(_OPTIONS[self.kind]) or {}).get(name)


def clean(path: str) -> str:
    """
    A path without empty and dot segments, as Go's C{path.Clean} writes it.
    """
    cleaned = posixpath.normpath(path)
    return "/" + cleaned.lstrip("/") if cleaned.startswith("//") else cleaned


def _modes(mode: str) -> tuple[str, ...] | None:
    """
    A mode of C{Binds}, split, or L{None} where it is none: at most one of each kind
    (moby 28.5, C{linuxValidMountMode}).
    """
    if not mode:
        return ()
    found = tuple(mode.split(","))
    for each in found:
        if not any(each in kind for kind in _MODES):
            return None
    if any(sum(each in kind for each in found) > 1 for kind in _MODES):
        return None
    return found


def parse_bind(raw: str, at: str) -> Wish:
    """
    Read an entry of C{Binds} as the engine does: a target, a source and a target, or those
    and a mode. A source that begins with a slash is a path of the host, any other a
    volume's name.

    @raise BadRequest: where the engine would not read it, in its words (moby 28.5,
        C{ParseMountRaw}).
    """
    parts = raw.split(":", 3)
    if parts[0] == "" or len(parts) > 3 or (len(parts) == 2 and _modes(parts[1]) is not None):
        raise BadRequest(f"invalid volume specification: '{raw}'")
    modes = _modes(parts[2]) if len(parts) == 3 else ()
    if modes is None:
        raise BadRequest(f"invalid mode: {parts[2]}")
    source = parts[0] if len(parts) > 1 else ""
    target = _target(parts[-1] if len(parts) < 3 else parts[1])
    read_only = "ro" in modes
    if source.startswith("/"):
        return Wish(at, "bind", source, target, read_only, modes, raw=raw)
    mount: dict[str, Any] = {"Type": "volume", "Target": target}
    if source:
        mount["Source"] = source
    if read_only:
        mount["ReadOnly"] = True
    if "nocopy" in modes:
        mount["VolumeOptions"] = {"NoCopy": True}
    return Wish(at, "volume", source, target, read_only, modes, mount, raw)


def _target(target: str) -> str:
    if not target:
        raise BadRequest("invalid mount config: field Target must not be empty")
    if not target.startswith("/"):
        raise BadRequest(f"invalid mount path: '{target}' mount path must be absolute")
    if clean(target) == "/":
        raise BadRequest("invalid volume specification: destination can't be '/'")
    return clean(target)


def parse_mount(mount: Mapping[str, Any], at: str) -> Wish | None:
    """
    Read an entry of C{Mounts}; L{None} for a type that the field table denies.

    @raise BadRequest: where the engine would not read it.
    """
    kind = mount.get("Type", "")
    if not kind:
        raise BadRequest(f"invalid mount config in {at}: mount type unknown")
    if kind not in _OPTIONS:
        return None
    for other, options in _OPTIONS.items():
        if other != kind and _anything(mount.get(options)):
            raise BadRequest(
                f'invalid mount config for type "{kind}": field {options} must not be specified'
            )
    source = mount.get("Source", "")
    if kind == "bind" and not source:
        raise BadRequest('invalid mount config for type "bind": field Source must not be empty')
    if kind == "tmpfs" and source:
        raise BadRequest(
            'invalid mount config for type "tmpfs": field Source must not be specified'
        )
    target = _target(mount.get("Target", ""))
    return Wish(at, kind, source, target, mount.get("ReadOnly", False), mount=mount)


def _anything(value: Any) -> bool:
    return (
        any(_anything(each) for each in value.values()) if isinstance(value, dict) else bool(value)
    )


def extract(body: Mapping[str, Any]) -> tuple[Wish, ...]:
    """
    All that a decoded create body wants mounted, but for what it takes from other
    containers and what the image declares.

    @raise BadRequest: where the engine would not read it.
    """
    host = body.get("HostConfig") or {}
    found: list[Wish] = []
    for index, raw in enumerate(host.get("Binds") or ()):
        found.append(parse_bind(raw, f"HostConfig.Binds[{index}]"))
    for index, mount in enumerate(host.get("Mounts") or ()):
        wish = parse_mount(mount, f"HostConfig.Mounts[{index}]")
        if wish is not None:
            found.append(wish)
    for target in body.get("Volumes") or {}:
        cleaned = _target(target)
        mount = {"Type": "volume", "Target": cleaned}
        found.append(Wish(f"Volumes[{target!r}]", "volume", "", cleaned, mount=mount))
    return tuple(found)


def below(path: str, directory: str) -> bool:
    """
    Whether a clean path is a directory or below it, by components.
    """
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _roots(roots: Sequence[Root]) -> str:
    if not roots:
        return "No host directory is allowed here; the operator can allow one with --allow-bind."
    return f"Allowed: {', '.join(map(str, roots))}, and what is below."


def judge_source(
    source: str, at: str, read_only: bool, around: Circumstances
) -> Judgement[Problem | None]:
    """
    Judge one host path that is to be mounted.

    It must be below a root, exist, and have no link in any component below the root:
    then it is what it seems to be at this moment. L{recheck} looks again.

    @param source: as the client wrote it.
    @param at: the field that names it.
    @param read_only: whether the container could only read it.
    """
    roots = around.settings.roots

    def problem(rule: str, reason: str, hint: str = "") -> Problem:
        return Problem(rule, at, reason, hint or _roots(roots))

    if not source.startswith("/") or "\\" in source:
        return problem("mount.source", f"{source!r} is no absolute path of a Linux host.")
    if ".." in source.split("/"):
        return problem("mount.source", f"{source!r} has a '..' in it.")
    path = clean(source)
    root = max(
        (each for each in roots if below(path, each.path)),
        key=lambda each: len(each.path),
        default=None,
    )
    if root is None:
        return problem("mount.source", f"{path!r} is not below an allowed directory of the host.")
    if not read_only:
        strict = root if root.read_only else _read_only_below(path, roots)
        if strict is not None:
            return problem(
                "mount.read_only", f"{strict.path!r} is allowed for reading only.", "Mount it 'ro'."
            )
    allowed = yield from ask(HostPath(root.path))
    if allowed.resolved is None:
        return problem("mount.source", f"the allowed directory {root.path!r} does not exist.")
    real = yield from ask(HostPath(path))
    if real.resolved is None:
        return problem(
            "mount.missing",
            f"{path!r} does not exist on the host.",
            "Create it before it is bound.",
        )
    if real.resolved != clean(allowed.resolved + path.removeprefix(root.path)):
        return problem(
            "mount.link",
            f"{path!r} has a symbolic link in it, below {root.path!r}.",
            "Bind what the link leads to.",
        )
    if real.is_socket:
        return problem("mount.socket", f"{path!r} is a socket, and may lead to any service.")
    return None


def _read_only_below(path: str, roots: Sequence[Root]) -> Root | None:
    """
    A read-only root that could be written through a path above it.
    """
    return next((each for each in roots if each.read_only and below(each.path, path)), None)


def is_fixed(source: str, roots: Sequence[Root]) -> bool:
    """
    Whether a path is a root that no owner can replace by a link: no other root that can
    be written is above it.
    """
    path = clean(source)
    if all(each.path != path for each in roots):
        return False
    return not any(
        each.path != path and not each.read_only and below(path, each.path) for each in roots
    )


def restart_problem(
    policy: str, sources: Iterable[tuple[str, str]], at: str, roots: Sequence[Root]
) -> Problem | None:
    """
    What is wrong with a restart policy. A restart by the engine itself resolves the bind
    sources anew without dss looking on.

    @param policy: its name.
    @param sources: fields and the host paths that they bind.
    @param at: the field of the policy.
    """
    if policy in ("", "no"):
        return None
    for where, source in sources:
        if not is_fixed(source, roots):
            return Problem(
                "container.restart",
                at,
                f"{policy!r} is denied together with the host directory {clean(source)!r} "
                f"({where}), because the engine looks its path up anew at each restart.",
                "Bind exactly an allowed directory, or use a volume, or no restart policy.",
            )
    return None


@frozen
class Mounted:
    """
    What became of a create body's mounts.

    @ivar problems: what is denied.
    @ivar binds: C{HostConfig.Binds} for the engine: host paths only.
    @ivar mounts: C{HostConfig.Mounts} for the engine: all volumes with their owner.
    @ivar sources: fields and the host paths that they bind.
    @ivar rewrites: what was changed.
    """

    problems: tuple[Problem, ...]
    binds: tuple[str, ...]
    mounts: tuple[Mapping[str, Any], ...]
    sources: tuple[tuple[str, str], ...]
    rewrites: tuple[str, ...]


def judge(
    body: Mapping[str, Any], taken: Sequence[Json], around: Circumstances
) -> Judgement[Mounted]:
    """
    Judge all mounts of a decoded create body.

    @param taken: the C{Mounts} (as inspected) of the containers in C{VolumesFrom}.
    @raise BadRequest: where the engine would not read them.
    """
    problems: list[Problem] = []
    binds: list[str] = []
    mounts: list[Mapping[str, Any]] = []
    sources: list[tuple[str, str]] = []
    rewrites: list[str] = []
    for mount in taken:
        if mount.get("Type") == "bind":
            at = "HostConfig.VolumesFrom"
            sources.append((at, mount["Source"]))
            # That container has the mount as it is. It can't become more writable.
            problem = yield from judge_source(mount["Source"], at, not mount.get("RW"), around)
            problems.extend([problem] if problem else [])
    wishes = extract(body)
    # The engine makes no volume of Config.Volumes where something else is mounted.
    occupied = {wish.target for wish in wishes if not wish.at.startswith("Volumes[")}
    occupied.update(clean(target) for target in (body.get("HostConfig") or {}).get("Tmpfs") or {})
    occupied.update(clean(mount["Destination"]) for mount in taken)
    for wish in wishes:
        if wish.at.startswith("Volumes[") and wish.target in occupied:
            continue
        if wish.raw is not None or wish.at.startswith("Volumes["):
            problems.extend(rules.mount_target.problems(Spot(wish.at, wish.target)))
        if wish.kind == "bind":
            sources.append((wish.at, wish.source))
            problem = yield from _bind_problem(wish, around)
        elif wish.kind == "volume":
            problem = yield from _volume_problem(wish, around.owner)
        else:
            problem = None
        if problem is not None:
            problems.append(problem)
        if wish.kind == "bind" and wish.raw is not None:
            binds.append(wish.raw)
        elif wish.kind == "volume":
            mounts.append(_owned(wish, around))
            rewrites.append(f"{wish.at}: made with the owner's label")
        else:
            mounts.append(wish.mount)
    return Mounted(tuple(problems), tuple(binds), tuple(mounts), tuple(sources), tuple(rewrites))


def _bind_problem(wish: Wish, around: Circumstances) -> Judgement[Problem | None]:
    moving = [each for each in wish.modes if each in _PROPAGATIONS - {"private", "rprivate"}]
    if moving:
        return Problem(
            "mount.propagation",
            wish.at,
            f"{moving[0]!r}: mounts would travel between the host and the container.",
            "Allowed: private, rprivate.",
        )
    if "z" in wish.modes or "Z" in wish.modes:
        return Problem(
            "mount.relabel",
            wish.at,
            "'z' and 'Z' change the labels of the host's files.",
            "Leave the mode out.",
        )
    shallow = [name for name in ("NonRecursive", "ReadOnlyNonRecursive") if wish.option(name)]
    if shallow and _under_read_only(clean(wish.source), around.settings.roots):
        return Problem(
            "mount.read_only",
            f"{wish.at}.BindOptions.{shallow[0]}",
            "file systems mounted below a read-only directory would stay writable.",
            "Leave it out.",
        )
    return (yield from judge_source(wish.source, wish.at, wish.read_only, around))


def _under_read_only(path: str, roots: Sequence[Root]) -> bool:
    return any(
        each.read_only and (below(path, each.path) or below(each.path, path)) for each in roots
    )


def _volume_problem(wish: Wish, owner: Owner) -> Judgement[Problem | None]:
    if any(each in _PROPAGATIONS for each in wish.modes):
        raise BadRequest(
            f"invalid volume specification: '{wish.raw}': a volume has no mount propagation"
        )
    if not wish.source:
        return None
    if not _VOLUME_NAME.fullmatch(wish.source):
        raise BadRequest(
            f'create {wish.source}: "{wish.source}" includes invalid characters for a local volume '
            'name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host '
            "directory, use absolute path"
        )
    found = yield from ask(VolumeNamed(wish.source))
    if found is None:
        return None
    if found.owner != owner.name:
        return Problem(
            "volume.taken",
            wish.at,
            f"the volume name {wish.source!r} is taken.",
            "Use another name; a volume that does not exist is made.",
        )
    if found.driver != "local" or found.options:
        return Problem(
            "volume.driver",
            wish.at,
            f"the volume {wish.source!r} has a driver or options that are denied.",
            "Use a volume of the local driver without options.",
        )
    return None


def _owned(wish: Wish, around: Circumstances) -> dict[str, Any]:
    """
    The mount of a volume that has an owner from birth.
    """
    options = dict(wish.mount.get("VolumeOptions") or {})
    labels = options.get("Labels")
    spelled_otherwise = wish.raw is not None or wish.at.startswith("Volumes[")
    if not wish.source and spelled_otherwise and around.engine_version >= _ANONYMOUS_LABEL_SINCE:
        labels = {**_ANONYMOUS_LABEL, **(labels or {})}
    options["Labels"] = stamp(labels, around.owner)
    return {**wish.mount, "VolumeOptions": options}


def mounts_of(container_id: str) -> Judgement[Sequence[Json]]:
    """
    What a container mounts, as inspected: binds, volumes and what it took from others.

    @raise NotFound: where it is gone.
    """
    shown = yield from ask(ContainerJson(container_id))
    if shown is None:
        raise NotFound(f"No such container: {container_id}")
    mounts = shown.get("Mounts") or []
    if not isinstance(mounts, list) or not all(isinstance(each, dict) for each in mounts):
        raise EngineOdd("the engine's container has no list of mounts")
    return mounts


def taken_from(entry: str) -> Judgement[tuple[str, Sequence[Json]]]:
    """
    Resolve an entry of C{VolumesFrom}.

    @return: the entry with the full id, and what that container mounts.
    @raise BadRequest: for a mode that the engine does not take here, and where the
        container is missing or another owner's, in the engine's words (moby 20.10 to 28.5).
    """
    reference, _, mode = entry.partition(":")
    if not reference:
        raise BadRequest("volumes-from specification cannot be an empty string")
    if mode not in ("", "ro", "rw"):
        raise BadRequest(f"invalid mode: {mode}")
    found = yield from ask(ContainerNamed(reference))
    if found is None:
        raise BadRequest(f"No such container: {reference}")
    mounts = yield from mounts_of(found.id)
    return f"{found.id}:{mode}" if mode else found.id, mounts


def recheck(container_id: str, around: Circumstances) -> Judgement[None]:
    """
    Judge what a container mounts again. To be asked before all that makes the engine look
    the sources up: a start, a restart, and each use of a stopped container's files.

    A volume has no id. One that is another owner's by now took the name between the
    judgement of the create and the create itself.

    @raise NotFound: where the container is gone.
    @raise Denied: where it would now mount something else than was allowed.
    """
    problems: list[Problem] = []
    for mount in (yield from mounts_of(container_id)):
        kind, at = mount.get("Type"), f"Mounts[{mount.get('Destination')!r}]"
        if kind == "bind":
            problem = yield from judge_source(mount["Source"], at, not mount.get("RW"), around)
            problems.extend([problem] if problem else [])
        elif kind == "volume":
            found = yield from ask(VolumeNamed(mount["Name"]))
            if found is not None and found.owner not in (None, around.owner.name):
                problems.append(
                    Problem("volume.taken", at, f"the volume name {mount['Name']!r} is taken.")
                )
    if problems:
        raise Denied(problems)
