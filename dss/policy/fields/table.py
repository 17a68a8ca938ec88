"""
A table of fields: its shape, the judgement of a body by its rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import field, frozen

from dss.config.containers import Containers
from dss.errors import BadRequest, Denied, Problem
from dss.model import gojson
from dss.policy.fields.field import Field, split

#: How many entries a list or a map may have. What is in them is looked up one by one.
MOST_ENTRIES = 1000

#: Lists of plain texts, of which nothing is looked up.
_ANY_LENGTH = frozenset({"Cmd", "Entrypoint", "Env"})


@frozen
class Table:
    """
    All fields of one operation's body.

    @ivar name: the operation's heading in the documentation.
    @ivar settings: makes the settings by which its rules judge, where nothing is set.
    """

    name: str
    rows: tuple[Field, ...]
    settings: Callable[[], Any] = Containers
    shape: gojson.Struct = field(init=False, repr=False)

    @shape.default
    def _shape(self) -> gojson.Struct:
        return _struct({row.path: row.type for row in self.rows})

    def read(self, raw: bytes) -> dict[str, Any]:
        """
        A client's body as plain values under canonical keys.

        @raise BadRequest: where the engine would not decode it, or could in two ways.
        @raise Denied: where it has a field that no row knows, and where a list or a map has
            more than L{MOST_ENTRIES} entries.
        """
        found, unknown = self.read_all(raw)
        if unknown:
            raise Denied(unknown)
        return found

    def read_all(self, raw: bytes) -> tuple[dict[str, Any], list[Problem]]:
        """
        The same with what is wrong with fields that no row knows, which are left out.

        @raise BadRequest: as L{read}.
        @raise Denied: where a list or a map has more than L{MOST_ENTRIES} entries.
        """
        return self._decoded(gojson.read(raw))

    def reread(self, body: Any) -> dict[str, Any]:
        """
        The same for values that a hook made.

        @raise BadRequest: as L{read}.
        @raise Denied: as L{read}.
        """
        found, unknown = self._decoded(gojson.reread(body))
        if unknown:
            raise Denied(unknown)
        return found

    def _decoded(self, value: gojson.Value) -> tuple[dict[str, Any], list[Problem]]:
        decoded = gojson.decode(value, self.shape)
        if decoded.value is None:
            raise BadRequest("config cannot be empty")
        found: dict[str, Any] = decoded.value
        _check_sizes(found)
        return found, [unknown_field(each.path) for each in decoded.unknown]

    def problems(self, body: dict[str, Any], settings: Any = None) -> Iterator[Problem]:
        """
        All that the rules deny in a decoded body.

        @param settings: of the table's own kind. Without them only what is always fine is
            allowed.
        """
        by = self.settings() if settings is None else settings
        for row in self.rows:
            for spot in row.spots(body):
                yield from row.rule.problems(spot, by)

    def cleaned(self, body: dict[str, Any]) -> dict[str, Any]:
        """
        A decoded body without the fields that are dropped.
        """
        dropped = [row.segments for row in self.rows if row.rule.verdict == "drop"]
        return without(body, dropped) if dropped else body


def _check_sizes(body: dict[str, Any]) -> None:
    stack: list[tuple[str, Any]] = [
        (name, each) for name, each in body.items() if name not in _ANY_LENGTH
    ]
    while stack:
        path, value = stack.pop()
        if not isinstance(value, list | dict):
            continue
        if len(value) > MOST_ENTRIES:
            raise Denied(
                Problem(
                    "field.entries",
                    path,
                    f"it has {len(value)} entries, which are too many.",
                    f"Allowed: up to {MOST_ENTRIES}.",
                )
            )
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        stack.extend((f"{path}.{_short(key)}", each) for key, each in inside)


def _short(key: str | int) -> str:
    return str(key)[:64]


def unknown_field(path: str) -> Problem:
    """
    What is wrong with a field that no row knows.
    """
    return Problem(
        "field.unknown",
        path,
        "dss does not know this field, so it can't judge it.",
        "Leave it out, or update dss.",
    )


def _struct(types: dict[str, str]) -> gojson.Struct:
    """
    Shapes from paths. A step's containers may be told by a row of their own or only by
    the rows inside.
    """
    below: dict[str, dict[str, str]] = {}
    names: dict[str, dict[str, str]] = {}
    for path, kind in types.items():
        step, _, rest = path.partition(".")
        ((name, into),) = split(step)
        if rest:
            below.setdefault(name, {})[rest] = kind
            names.setdefault(name, {}).setdefault(into, "object")
        else:
            names.setdefault(name, {})[into] = kind
    shapes: dict[str, gojson.Shape] = {}
    for name, forms in names.items():
        into = max(forms, key=len)
        kind = forms[into]
        inner = _struct(below[name]) if name in below else _shape_of(kind)
        for container in reversed([into[i : i + 2] for i in range(0, len(into), 2)]):
            inner = gojson.ListOf(inner) if container == "[]" else gojson.MapOf(inner)
        shapes[name] = inner
    return gojson.Struct(shapes)


def _shape_of(kind: str) -> gojson.Shape:
    if kind == "object":
        return gojson.Struct({})
    return gojson.SHAPES[kind]()


def without(value: Any, paths: Sequence[tuple[tuple[str, str], ...]]) -> Any:
    """
    A copy of a decoded body without the fields at some paths.

    @param paths: each as L{dss.policy.fields.field.split} gives it.
    """
    gone = {path[0][0] for path in paths if len(path) == 1}
    kept = {}
    for name, each in value.items():
        if name in gone:
            continue
        inside = [path for path in paths if len(path) > 1 and path[0][0] == name]
        kept[name] = _inside(each, inside[0][0][1], [p[1:] for p in inside]) if inside else each
    return kept


def _inside(value: Any, into: str, paths: Sequence[tuple[tuple[str, str], ...]]) -> Any:
    if not into:
        return without(value, paths)
    if into.startswith("[]"):
        return [_inside(each, into[2:], paths) for each in value]
    return {key: _inside(each, into[2:], paths) for key, each in value.items()}
