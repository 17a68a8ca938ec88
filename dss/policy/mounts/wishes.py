"""
What a client wants mounted, read from C{Binds}, C{Mounts} and C{Volumes} as the engine
reads them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from dss.errors import BadRequest, DssError

#: Which way mounts travel between the host and a container.
PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})

_CONSISTENCIES = {"consistent", "cached", "delegated"}
#: At most one of each kind (moby 28.5, C{linuxValidMountMode}).
_MODES = (
    {"ro", "rw"},
    {"z", "Z"},
    PROPAGATIONS,
    {"nocopy"},
    _CONSISTENCIES,
)

#: The options that go with each type of mount (moby 28.5, C{volume/mounts}).
_OPTIONS = {
    "bind": "BindOptions",
    "volume": "VolumeOptions",
    "tmpfs": "TmpfsOptions",
    "image": "ImageOptions",
}


@frozen
class Wish:
    """
    One thing that a client wants mounted.

    @ivar at: the field that says so.
    @ivar kind: C{bind}, C{volume}, C{tmpfs} or C{image}.
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

    @property
    def propagation(self) -> str:
        """
        Which way mounts travel; C{rprivate} where the client does not say.
        """
        told = [each for each in self.modes if each in PROPAGATIONS]
        return told[0] if told else self.option("Propagation") or "rprivate"

    @property
    def makes_source(self) -> bool:
        """
        Whether the engine makes a missing source: for all of C{Binds}, and for a mount
        with C{CreateMountpoint} (API 1.42).
        """
        return self.raw is not None or bool(self.option("CreateMountpoint"))

    @property
    def is_declared(self) -> bool:
        """
        Whether it is a volume of C{Config.Volumes}, which gives way to other mounts.
        """
        return self.at.startswith("Volumes[")


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


_WINDOWS = re.compile(r"([A-Za-z]:[\\/][^:]*):(/[^:]*)(?::[^:]*)?")


def parse_bind(raw: str, at: str) -> Wish:
    """
    Read an entry of C{Binds} as the engine does: a target, a source and a target, or those
    and a mode. A source that begins with a slash is a path of the host, any other a
    volume's name.

    @raise BadRequest: where the engine would not read it, in its words (moby 28.5,
        C{ParseMountRaw}).
    """
    windows = _WINDOWS.fullmatch(raw)
    if windows is not None:
        # Else the drive's letter would be taken for a volume: it is refused as what it is.
        return Wish(at, "bind", windows[1], _target(windows[2]), raw=raw)
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
    if kind in ("bind", "image") and not source:
        raise BadRequest(f'invalid mount config for type "{kind}": field Source must not be empty')
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


def extract(body: Mapping[str, Any], mistakes: list[DssError]) -> tuple[Wish, ...]:
    """
    All that a decoded create body wants mounted, but for what it takes from other
    containers and what the image declares.

    @param mistakes: what the engine would not read is added to these.
    """
    host = body.get("HostConfig") or {}
    found: list[Wish] = []
    wanted: list[tuple[Callable[[Any, str], Wish | None], Any, str]] = [
        *(
            (parse_bind, raw, f"HostConfig.Binds[{i}]")
            for i, raw in enumerate(host.get("Binds") or ())
        ),
        *(
            (parse_mount, each, f"HostConfig.Mounts[{i}]")
            for i, each in enumerate(host.get("Mounts") or ())
        ),
        *((declared, target, f"Volumes[{target!r}]") for target in body.get("Volumes") or {}),
    ]
    for parse, value, at in wanted:
        try:
            wish = parse(value, at)
        except BadRequest as mistake:
            mistakes.append(mistake)
        else:
            found.extend([] if wish is None else [wish])
    return tuple(found)


def declared(target: str, at: str) -> Wish:
    """
    A volume without a name, of C{Config.Volumes}.

    @raise BadRequest: where the engine would not take its target.
    """
    cleaned = _target(target)
    return Wish(at, "volume", "", cleaned, mount={"Type": "volume", "Target": cleaned})


def below(path: str, directory: str) -> bool:
    """
    Whether a clean path is a directory or below it, by components.
    """
    return path == directory or path.startswith(directory.rstrip("/") + "/")
