"""
Values of settings: how they are written, and what they mean.
"""

from __future__ import annotations

import difflib
import ipaddress
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NewType

from attrs import Attribute, field, frozen

#: Bytes.
Size = NewType("Size", int)

#: Refuses a value by a ValueError that says what should stand there.
Check = Callable[[Any], None]

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([kmgt])i?b?|b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class WrongValue(ValueError):
    """
    A key of the settings file has a value that makes no sense.

    @ivar key: the key, in its own table, or the path of one further in.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class WrongValues(ValueError):
    """
    Several such keys.

    @ivar all: each of them, by a key path in the same table.
    """

    def __init__(self, all: Sequence[WrongValue]) -> None:
        super().__init__("; ".join(f"{each.key}: {each}" for each in all))
        self.all = tuple(all)


def setting(meaning: str, default: Any, kind: str, check: Check | None = None) -> Any:
    """
    One key of the settings file.

    @param meaning: one or two sentences for the operator.
    @param kind: what is written there, in words.
    @param check: asked about every value but L{None}.
    """

    def validate(instance: object, attribute: Attribute[Any], value: Any) -> None:
        if check is not None and value is not None:
            try:
                check(value)
            except ValueError as error:
                raise WrongValue(attribute.name, str(error)) from None

    return field(default=default, validator=validate, metadata={"meaning": meaning, "kind": kind})


def section(meaning: str, factory: Callable[[], Any]) -> Any:
    """
    A table of the settings file that has keys of its own.
    """
    return field(factory=factory, metadata={"meaning": meaning})


def suggestion(word: str, known: Iterable[str]) -> str:
    """
    C{" Did you mean X?"} where a known word is like this one, or nothing.
    """
    close = difflib.get_close_matches(word, sorted(known), 1)
    return f" Did you mean {close[0]!r}?" if close else ""


def size(value: object) -> Size:
    """
    Read a size: bytes as a number, or a text such as C{512m}, by the units of C{docker run
    --memory}: k, m, g and t, each 1024 of the one before.

    @raise ValueError: if it is no size.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return Size(value)
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no size: write 512m, 2g, or a number of bytes")
    return Size(int(float(found[1]) * _UNITS[(found[2] or "").lower()]))


def size_text(number: float) -> str:
    """
    A number of bytes as L{size} reads it: in the largest unit that it is a whole number of.
    """
    bytes_ = int(number)
    for unit in ("t", "g", "m", "k"):
        if bytes_ and bytes_ % _UNITS[unit] == 0:
            return f"{bytes_ // _UNITS[unit]}{unit}"
    return str(bytes_)


def positive(value: float) -> None:
    """
    Refuse what is not above zero, and what is no finite number.
    """
    if not 0 < value < 2**53:
        raise ValueError(f"{value} should be a number above zero")


def listed(check: Check) -> Check:
    """
    The same check for each value of a list.
    """

    def each(values: Iterable[Any]) -> None:
        for value in values:
            check(value)

    return each


def word(value: str) -> None:
    """
    Refuse an empty text, and one with characters that can't be printed.
    """
    if not value or not value.isprintable():
        raise ValueError(f"{value!r} should be a printable text")


def one_of(*known: str) -> Check:
    """
    Refuse all but some words.
    """

    def check(value: str) -> None:
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}.{suggestion(value, known)}")

    return check


def pattern(value: str) -> None:
    """
    Refuse what is neither a name nor the beginning of one with a star after it.
    """
    word(value)
    if "*" in value.removesuffix("*") or value == "*":
        raise ValueError(f"{value!r} should be a name, or the beginning of one and then *")


def fits(name: str, patterns: Iterable[str]) -> bool:
    """
    Whether a name is one of some names, or begins as one of them that ends in C{*}.
    """
    return any(
        name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns
    )


@frozen
class Device:
    """
    A device of the host, or a directory of them, that containers may have.

    @ivar path: below C{/dev}, normalised.
    @ivar permissions: some of C{r}, C{w} and C{m} (read, write, mknod).
    """

    path: str
    permissions: str = "rwm"

    @classmethod
    def parse(cls, text: str) -> Device:
        """
        Read C{/dev/fuse} or C{/dev/kvm:rw}.

        @raise ValueError: if it is neither.
        """
        path, colon, permissions = text.partition(":")
        if not path.startswith("/dev/") or posixpath.normpath(path) != path:
            raise ValueError(f"{text!r} is no device: write a path below /dev, as /dev/fuse:rwm")
        if colon and (not permissions or set(permissions) - set("rwm")):
            raise ValueError(f"{text!r}: permissions are some of the letters r, w and m")
        return cls(path, permissions if colon else "rwm")

    def __str__(self) -> str:
        return f"{self.path}:{self.permissions}"

    def covers(self, path: str) -> bool:
        """
        Whether a path is this device, or is in this directory of devices.
        """
        return posixpath.normpath(path) == path and (path + "/").startswith(self.path + "/")


@frozen
class Ports:
    """
    A range of ports, both ends in it.
    """

    low: int
    high: int

    @classmethod
    def parse(cls, text: str) -> Ports:
        """
        Read C{8080} or C{1024-65535}.

        @raise ValueError: if it is neither.
        """
        low, dash, high = text.partition("-")
        numbers = [low, high if dash else low]
        if not all(re.fullmatch("[0-9]{1,5}", each) for each in numbers):
            raise ValueError(f"{text!r} is no range of ports: write 8080 or 1024-65535")
        found = cls(int(numbers[0]), int(numbers[1]))
        if not 0 < found.low <= found.high <= 65535:
            raise ValueError(f"{text!r} is no range of ports: they go from 1 to 65535")
        return found

    def __str__(self) -> str:
        return f"{self.low}-{self.high}" if self.low < self.high else str(self.low)


def network(text: str) -> None:
    """
    Refuse what is neither an address nor a network as C{10.0.0.0/8}.
    """
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address nor a network") from None
