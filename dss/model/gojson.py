"""
JSON as the engine reads it: strictly, and by Go's rules for struct fields.

Go's C{encoding/json} matches the keys of a struct in any case, lets the last of two
equal keys win field by field, and takes C{null} for "no change" (all proved on
Engines 20.10, 26.1 and 28.5). Two readers that differ in any of this see two
different requests, so dss reads a body in two steps. L{read} turns bytes into a
tree that has lost nothing, duplicate keys included. L{decode} reads the tree by a
L{Shape}, and gives plain values under canonical keys, each once. Only those are
judged, and only those, serialised by L{encode}, reach the engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from attrs import field, frozen

from dss.errors import BadRequest

#: Levels of nesting that a body may have. The deepest known body has eight.
DEPTH = 64

#: How many unknown fields of a body are told.
UNKNOWN_TOLD = 100

#: Digits that a number may have. The longest 64-bit integer has twenty characters.
DIGITS = 40

#: A string; one that does not end goes to the end of the text, and is refused later. It
#: always matches at a quote, and never goes back, so that it takes linear time.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@frozen
class Pairs:
    """
    An object as it was written: its keys and values in order, duplicates and all.
    """

    items: tuple[tuple[str, Any], ...]


@frozen
class Fraction:
    """
    A number with a fraction or an exponent, which few fields of the API take.

    @ivar text: as it was written.
    """

    text: str

    def __bool__(self) -> bool:
        return float(self.text) != 0


#: What L{read} gives: L{None}, a bool, an int, a str, a list of values, L{Pairs} or
#: L{Fraction}.
Value = Any


def _invalid(why: str) -> NoReturn:
    raise BadRequest(f"invalid JSON: {why}")


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        _invalid("a number has too many digits")
    return int(text)


def _fraction(text: str) -> Fraction:
    if len(text) > DIGITS:
        _invalid("a number has too many digits")
    return Fraction(text)


def _constant(text: str) -> NoReturn:
    _invalid(f"{text} is no JSON value")


def _pairs(items: list[tuple[str, Any]]) -> Pairs:
    return Pairs(tuple(items))


_DECODER = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
    object_pairs_hook=_pairs,
)


def read(raw: bytes) -> Value:
    """
    Read one JSON value.

    @param raw: a whole body. The caller has limited its size.
    @raise BadRequest: for anything but one value in UTF-8 without a byte order mark:
        a second value, NaN and its like, a string with half of a surrogate pair
        (which Go would replace) or with a NUL, more than L{DEPTH} levels, or a number
        of more than L{DIGITS} digits.
    """
    if not raw.strip(b" \t\r\n"):
        _invalid("got EOF while reading request body")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        _invalid("the body is not UTF-8")
    if text.startswith("\ufeff"):
        _invalid("the body begins with a byte order mark")
    depth = 0
    # Counted before parsing, because Python's parser answers nesting with a
    # RecursionError.
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEPTH:
            _invalid(f"more than {DEPTH} levels of nesting")
    try:
        value, end = _DECODER.raw_decode(text, len(text) - len(text.lstrip(" \t\r\n")))
    except json.JSONDecodeError as error:
        _invalid(f"{error.msg} at character {error.pos + 1}")
    if text[end:].strip(" \t\r\n"):
        raise BadRequest("unexpected content after JSON")
    _check_strings(value)
    return value


def _check_strings(value: Value) -> None:
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, str):
            if _SURROGATE.search(each):
                _invalid("a string has half of a surrogate pair")
            if "\0" in each:
                _invalid("a string has a NUL character")
        elif isinstance(each, list):
            stack.extend(each)
        elif isinstance(each, Pairs):
            for key, inner in each.items:
                stack.append(key)
                stack.append(inner)


def encode(value: Any) -> bytes:
    """
    Serialise plain values, in ASCII.
    """
    return json.dumps(value, separators=(",", ":")).encode("ascii")


_FOLDS = str.maketrans({"\u017f": "s", "\u212a": "k"})


def fold(key: str) -> str:
    """
    What Go compares struct field names by: ASCII letters in any case, and the two
    other characters of Unicode whose simple folding is an ASCII letter: the long s
    and the Kelvin sign.
    """
    return key.translate(_FOLDS).lower()


@frozen
class Shape:
    """
    What Go type a value is decoded into.

    @ivar name: the Go type, as Go's own error messages name it.
    """

    name: str

    def zero(self) -> Any:
        """
        The type's zero value, which C{null} stands for in lists and maps.
        """
        raise NotImplementedError

    def decode(self, value: Value, at: _At) -> Any:
        """
        The plain value.

        @raise BadRequest: where Go would not decode it into this type.
        """
        raise NotImplementedError


@frozen
class Unknown:
    """
    A field that a struct does not have, with a value other than a zero one.

    @ivar path: where it is, such as C{HostConfig.Foo}.
    """

    path: str


@frozen
class _At:
    """
    Where a value is. It is told only in errors: to write it for each value would take
    quadratic time where a long key has many values inside.

    @ivar above: where the object, map or list is that holds it; L{None} for the body.
    @ivar step: the field, the key or the index there.
    """

    unknown: list[Unknown]
    above: _At | None = None
    step: str | int = ""
    is_key: bool = False

    def inside(self, name: str) -> _At:
        return _At(self.unknown, self, name)

    def element(self, index: int) -> _At:
        return _At(self.unknown, self, index)

    def entry(self, key: str) -> _At:
        return _At(self.unknown, self, key, is_key=True)

    @property
    def path(self) -> str:
        """
        For people, and for the problems of rules.
        """
        if self.above is None:
            return ""
        path = self.above.path
        if self.is_key or isinstance(self.step, int):
            return f"{path}[{self.step!r}]"
        return f"{path}.{self.step}" if path else self.step

    @property
    def pointer(self) -> str:
        """
        The same as Go's errors tell it (Engine 28.5, built with Go 1.25): steps after dots,
        with the slashes and tildes of keys escaped.
        """
        if self.above is None:
            return ""
        step = str(self.step)
        if self.is_key:
            step = step.replace("~", "~0").replace("/", "~1")
        return f"{self.above.pointer}.{step}"

    def wrong(self, value: Value, wanted: str) -> NoReturn:
        where = f"struct field {self.pointer}" if self.pointer else "value"
        kind = _kind(value, "int" in wanted)
        _invalid(f"json: cannot unmarshal {kind} into Go {where} of type {wanted}")


def _kind(value: Value, told: bool) -> str:
    """
    @param told: whether a number itself is told: where one is wanted, but not this one.
    """
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | Fraction):
        text = value.text if isinstance(value, Fraction) else str(value)
        return f"number {text}" if told else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


@frozen
class Text(Shape):
    """
    A Go C{string}.
    """

    name: str = "string"

    def zero(self) -> str:
        return ""

    def decode(self, value: Value, at: _At) -> str:
        if not isinstance(value, str):
            at.wrong(value, self.name)
        return value


@frozen
class Flag(Shape):
    """
    A Go C{bool}.
    """

    name: str = "bool"

    def zero(self) -> bool:
        return False

    def decode(self, value: Value, at: _At) -> bool:
        if not isinstance(value, bool):
            at.wrong(value, self.name)
        return value


@frozen
class Whole(Shape):
    """
    One of Go's integer types.
    """

    name: str = "int64"

    @property
    def bounds(self) -> tuple[int, int]:
        """
        The least and the greatest value. C{int} and C{uint} have 64 bits on all
        platforms that the engine runs on but the 32-bit ones.
        """
        bits = int(self.name.lstrip("uint") or 64)
        if self.name.startswith("u"):
            return 0, 2**bits - 1
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def zero(self) -> int:
        return 0

    def decode(self, value: Value, at: _At) -> int:
        low, high = self.bounds
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            at.wrong(value, self.name)
        return value


@frozen
class Real(Shape):
    """
    One of Go's floating-point types.
    """

    name: str = "float32"

    def zero(self) -> float:
        return 0

    def decode(self, value: Value, at: _At) -> float:
        if isinstance(value, bool) or not isinstance(value, int | Fraction):
            at.wrong(value, self.name)
        found = float(value.text) if isinstance(value, Fraction) else value
        if abs(found) >= 2**128:
            at.wrong(value, self.name)
        return found


@frozen
class Nothing(Shape):
    """
    Go's C{struct{}}: an object whose content, if any, is dropped.
    """

    name: str = "struct {}"

    def zero(self) -> dict[str, Any]:
        return {}

    def decode(self, value: Value, at: _At) -> dict[str, Any]:
        if not isinstance(value, Pairs):
            at.wrong(value, self.name)
        return {}


@frozen
class ListOf(Shape):
    """
    A Go slice or, with a length, an array.

    @ivar length: elements of an array. As in Go, more are dropped and those that
        are missing are zero.
    """

    item: Shape
    length: int | None = None
    name: str = field(init=False)

    @name.default
    def _named(self) -> str:
        return f"[{'' if self.length is None else self.length}]{self.item.name}"

    def zero(self) -> list[Any]:
        return [] if self.length is None else [self.item.zero()] * self.length

    def decode(self, value: Value, at: _At) -> list[Any]:
        if not isinstance(value, list):
            at.wrong(value, self.name)
        if self.length is not None:
            value = (value + [None] * self.length)[: self.length]
        return [
            self.item.zero() if each is None else self.item.decode(each, at.element(index))
            for index, each in enumerate(value)
        ]


@frozen
class Words(Shape):
    """
    The engine's C{strslice.StrSlice}: a list of strings, or one string.
    """

    name: str = "strslice.StrSlice"

    def zero(self) -> list[str]:
        return []

    def decode(self, value: Value, at: _At) -> list[str]:
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list) or any(not isinstance(each, str | None) for each in value):
            # The engine tries a list, then a string, and tells of the second failure.
            _invalid(f"json: cannot unmarshal {_kind(value, False)} into Go value of type string")
        return ListOf(Text()).decode(value, at)


@frozen
class MapOf(Shape):
    """
    A Go map with string keys: case matters, and each key may stand once.
    """

    item: Shape
    name: str = field(init=False)

    @name.default
    def _named(self) -> str:
        return f"map[string]{self.item.name}"

    def zero(self) -> dict[str, Any]:
        return {}

    def decode(self, value: Value, at: _At) -> dict[str, Any]:
        if not isinstance(value, Pairs):
            at.wrong(value, self.name)
        found: dict[str, Any] = {}
        for key, each in value.items:
            if key in found:
                _invalid(f"the key {key!r} stands twice in {at.path or 'the body'}")
            inner = self.item
            found[key] = inner.zero() if each is None else inner.decode(each, at.entry(key))
        return found


def _by_fold(fields: Mapping[str, Shape]) -> dict[str, str]:
    return {fold(name): name for name in fields}


@frozen
class Struct(Shape):
    """
    A Go struct: keys in any case, each once.

    @ivar fields: shapes by canonical name.
    """

    fields: Mapping[str, Shape]
    name: str = "struct"
    _folded: dict[str, str] = field(init=False)

    @_folded.default
    def _fold_all(self) -> dict[str, str]:
        return _by_fold(self.fields)

    def zero(self) -> dict[str, Any]:
        return {}

    def decode(self, value: Value, at: _At) -> dict[str, Any]:
        if not isinstance(value, Pairs):
            at.wrong(value, self.name)
        found: dict[str, Any] = {}
        seen: set[str] = set()
        for key, each in value.items:
            folded = fold(key)
            if folded in seen:
                _invalid(f"the field {key!r} stands twice in {at.path or 'the body'}")
            seen.add(folded)
            name = self._folded.get(folded)
            if name is None:
                if not _is_zero(each) and len(at.unknown) < UNKNOWN_TOLD:
                    at.unknown.append(Unknown(at.inside(key).path))
            elif each is not None:
                found[name] = self.fields[name].decode(each, at.inside(name))
        return found


def _is_zero(value: Value) -> bool:
    return not (value.items if isinstance(value, Pairs) else value)


@frozen
class Decoded:
    """
    What L{decode} found.

    @ivar value: plain dicts under canonical keys, lists, strings, bools and numbers.
        L{None} stands only for a body that is C{null}.
    @ivar unknown: fields that were left out, though they have a value: the first
        L{UNKNOWN_TOLD} of them.
    """

    value: Any
    unknown: tuple[Unknown, ...] = ()


def decode(value: Value, shape: Shape) -> Decoded:
    """
    Read a tree by a shape. Fields that the shape does not have and whose value is
    C{null}, false, zero or empty are dropped, since a client that sends all its fields
    means nothing by them.

    @param value: what L{read} gave.
    @raise BadRequest: where Go would not decode it, and where a key stands twice.
    """
    if value is None:
        return Decoded(None)
    unknown: list[Unknown] = []
    plain = shape.decode(value, _At(unknown))
    return Decoded(plain, tuple(unknown))


def reread(value: Any) -> Value:
    """
    Turn plain values, such as a hook gives back, into what L{read} gives.

    @raise BadRequest: where they are not JSON.
    """
    try:
        raw = json.dumps(value, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"invalid JSON: {error}") from None
    return read(raw)


#: Makes a shape; what tables of fields name types by.
SHAPES: Mapping[str, Callable[[], Shape]] = {
    "string": Text,
    "boolean": Flag,
    "int": lambda: Whole("int"),
    "int64": lambda: Whole("int64"),
    "uint": lambda: Whole("uint"),
    "uint16": lambda: Whole("uint16"),
    "uint32": lambda: Whole("uint32"),
    "uint64": lambda: Whole("uint64"),
    "number": Real,
    "nothing": Nothing,
    "words": Words,
    "array of string": lambda: ListOf(Text()),
    "pair of uint": lambda: ListOf(Whole("uint"), 2),
}
