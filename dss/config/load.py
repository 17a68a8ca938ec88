"""
The settings file: read as TOML, checked, and told of by key and line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from attrs import fields, frozen, has
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from dss.config import grants
from dss.config.containers import Containers, OwnerLimits
from dss.config.networks import Networks
from dss.config.registries import Registries
from dss.config.settings import Limits, Root
from dss.config.values import (
    Device,
    Ports,
    Size,
    WrongValue,
    WrongValues,
    section,
    setting,
    size,
    suggestion,
)
from dss.config.volumes import Volumes
from dss.model.owner import Owner


def _sockets(directory: str) -> None:
    if directory != "none" and not directory.startswith("/"):
        raise ValueError(f'{directory!r} should be an absolute path, or "none"')


@frozen
class OwnerSection:
    """
    C{[owner]}
    """

    name: Owner | None = setting("Whose sockets these are: --owner.", None, "text")
    listen: tuple[str, ...] = setting(
        "Where clients connect, as Twisted server endpoints: --listen.", (), "list of texts"
    )
    allow_bind: tuple[Root, ...] = setting(
        "Host directories that clients may bind: --allow-bind.", (), "list of texts"
    )
    container_sockets: str | None = setting(
        "The directory of the guarded socket that containers get where they ask for the engine's: "
        '--container-sockets. "none" for no such socket; without it, a directory beside the first '
        "UNIX socket of listen.",
        None,
        "text",
        _sockets,
    )
    grants: tuple[str, ...] = setting(
        'Operations that are denied to everybody else, by their names, such as "SwarmInit" or '
        '"PluginList". Most of them are as good as root on the host, or on all machines of a '
        "Swarm.",
        (),
        "list of names",
        grants.check,
    )
    limits: OwnerLimits = section(
        "What the owner may use in sum. Whatever goes over it is denied: with status 429 (too many "
        "requests) where it fits once others have ended, else with 403. Builds are not summed up.",
        OwnerLimits,
    )


@frozen
class FileSettings:
    """
    All of a settings file.
    """

    engine: str | None = setting(
        "The engine, as a Twisted client endpoint: --engine.", None, "text"
    )
    ledger: str | None = setting(
        "The file of the ledger, made where it is missing: --ledger.", None, "path"
    )
    owner: OwnerSection = section("The owner.", OwnerSection)
    limits: Limits = section("What may be taken of dss itself: --limit.", Limits)
    containers: Containers = section(
        "What containers may ask for beside what is always fine, and what they get.", Containers
    )
    networks: Networks = section("What may be asked of networks.", Networks)
    volumes: Volumes = section("What may be asked of volumes.", Volumes)
    registries: Registries = section("What may be asked of registries.", Registries)

    def __attrs_post_init__(self) -> None:
        given = self.containers
        wrong = []
        for name in ("memory", "cpus", "pids"):
            if (
                getattr(self.owner.limits, name) is not None
                and getattr(given.defaults, name) is None
                and getattr(given.ceilings, name) is None
            ):
                wrong.append(
                    WrongValue(
                        f"owner.limits.{name}",
                        f"it needs containers.defaults.{name} or containers.ceilings.{name}: a "
                        "container without a limit can't be summed up",
                    )
                )
        if wrong:
            raise WrongValues(wrong)


@frozen
class Trouble:
    """
    One thing that is wrong with a settings file.

    @ivar key: the key's path, such as C{containers.ports.ranges[1]}; empty for the file.
    @ivar line: the line that it stands in, or L{None} where that can't be told.
    """

    key: str
    message: str
    line: int | None = None

    def in_file(self, name: str) -> str:
        """
        C{FILE:LINE: KEY: MESSAGE}
        """
        where = name if self.line is None else f"{name}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class SettingsError(ValueError):
    """
    A settings file can't be used.

    @ivar troubles: all that is wrong with it, at least one.
    """

    def __init__(self, name: str, troubles: Sequence[Trouble]) -> None:
        super().__init__("\n".join(each.in_file(name) for each in troubles))
        self.troubles = tuple(troubles)


def load(text: str, name: str) -> FileSettings:
    """
    Read a settings file.

    @param text: what is in it.
    @param name: what it is called in messages.
    @raise SettingsError: where it is not TOML; else with all keys that there are not and all
        values of the wrong type; else with what makes no sense.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), ", str(error))
        line = int(found[1]) if found else None
        raise SettingsError(name, [Trouble("", f"no TOML: {error}", line)]) from None
    try:
        found_all: FileSettings = _CONVERTER.structure(table, FileSettings)
        return found_all
    except Exception as error:
        troubles = [
            Trouble(_dotted(path), message, _line_of(text, path))
            for path, message in _troubles(error, ())
        ]
        raise SettingsError(name, troubles) from None


#: Keys and indices, from the outside in.
_Path = tuple[str | int, ...]


def _dotted(path: _Path) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f'"{step}"'
            text += f".{plain}" if text else plain
    return text


def _troubles(error: BaseException, path: _Path) -> Iterator[tuple[_Path, str]]:
    """
    The errors in an error of cattrs, each with its path.
    """
    if isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            step: tuple[str | int, ...] = ()
            for note in getattr(inner, "__notes__", ()):
                if isinstance(note, AttributeValidationNote):
                    step = (note.name,)
                elif isinstance(note, IterableValidationNote):
                    step = (note.index,)
            yield from _troubles(inner, (*path, *step))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [each.name for each in fields(error.cl)]
        for key in sorted(error.extra_fields):
            hint = suggestion(key, known) or f" The keys here are {', '.join(known)}."
            yield (*path, key), f"there is no such key.{hint}"
    elif isinstance(error, WrongValues):
        for each in error.all:
            yield from _troubles(each, path)
    elif isinstance(error, WrongValue):
        yield (*path, *error.key.split(".")), str(error)
    else:
        yield path, str(error)


def _line_of(text: str, path: _Path) -> int | None:
    """
    The line that a key stands in: by headers of tables and keys at the beginning of
    lines, which is how files are written but not all that TOML knows. An element of a
    list has the list's line.
    """
    wanted = [step for step in path if isinstance(step, str)]
    best, depth = None, 0
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$", line)
        key = re.match(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'|\s*\.\s*)+?)\s*=", line)
        if header is not None:
            table = _steps(header[1])
            here = table
        elif key is not None:
            here = [*table, *_steps(key[1])]
        else:
            continue
        if len(here) > depth and wanted[: len(here)] == here:
            best, depth = number, len(here)
    return best


def _steps(dotted: str) -> list[str]:
    return [
        (plain or quoted.strip("\"'")).strip()
        for quoted, plain in re.findall(r"(\"[^\"]*\"|'[^']*')|([^.\s]+)", dotted)
    ]


def _typed(kind: type, words: str, *also: type) -> Any:
    """
    Take values of one type only: cattrs itself would convert others.
    """

    def structure(value: Any, _: Any) -> Any:
        if (isinstance(value, bool) and kind is not bool) or not isinstance(value, (kind, *also)):
            raise ValueError(f"{value!r} should be {words}")
        return value

    return structure


def _parsed(parse: Any) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} should be a text")
        return parse(value)

    return structure


def _is_table(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} should be a table")


def _each(
    converter: Converter, items: Iterable[tuple[Any, Any]], item: Any, kind: Any
) -> dict[Any, Any]:
    """
    Structure each value, and tell of all that can't be.
    """
    found: dict[Any, Any] = {}
    errors: list[Exception] = []
    for key, value in items:
        try:
            found[key] = converter.structure(value, item)
        except Exception as error:
            error.add_note(IterableValidationNote(f"at {key!r}", key, item))
            errors.append(error)
    if errors:
        raise IterableValidationError("several values", errors, kind)
    return found


def _list_hook(kind: Any, converter: Converter) -> Any:
    item = get_args(kind)[0]

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} should be a list, in [ and ]")
        return tuple(_each(converter, enumerate(value), item, kind).values())

    return structure


def _map_hook(kind: Any, converter: Converter) -> Any:
    item = get_args(kind)[1]

    def structure(value: Any, _: Any) -> Any:
        _is_table(value)
        return _each(converter, value.items(), item, kind)

    return structure


def _section_hook(kind: Any, converter: Converter) -> Any:
    plain = make_dict_structure_fn(
        kind,
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_detailed_validation=True,
    )

    def structure(value: Any, _: Any) -> Any:
        _is_table(value)
        left = dict(value)
        wrong: list[Exception] = []
        while True:
            try:
                made = plain(left, kind)
            except ClassValidationError as error:
                (first, *others) = error.exceptions
                if not others and isinstance(first, WrongValue) and first.key in left:
                    # attrs tells of one at a time.
                    wrong.append(first)
                    del left[first.key]
                    continue
                # What a class says of all its keys counts only where each is fine.
                if not wrong:
                    raise
            if wrong:
                raise ClassValidationError("several", wrong, kind)
            return made

    return structure


def _is_a(generic: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is generic


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook(str, _typed(str, "a text"))
    converter.register_structure_hook(int, _typed(int, "a whole number"))
    converter.register_structure_hook(float, _typed(float, "a number", int))
    converter.register_structure_hook(bool, _typed(bool, "true or false"))
    converter.register_structure_hook(Size, lambda value, _: size(value))
    # The latest factory is asked first.
    factories = converter.register_structure_hook_factory
    factories(has, lambda kind: _section_hook(kind, converter))
    for kind, parse in {
        Owner: Owner,
        Root: Root.parse,
        Device: Device.parse,
        Ports: Ports.parse,
    }.items():
        converter.register_structure_hook(kind, _parsed(parse))
    factories(_is_a(tuple), lambda kind: _list_hook(kind, converter))
    factories(_is_a(Mapping), lambda kind: _map_hook(kind, converter))
    return converter


_CONVERTER = _converter()
