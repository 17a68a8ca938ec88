"""
Points in time and durations, written and read as Go does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from dss.testing.engine.message import EngineError

#: How Go writes the zero time.
NEVER = "0001-01-01T00:00:00Z"

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")


class Clock(Protocol):
    """
    What tells the time: seconds since 1970. Twisted's reactor and its
    L{twisted.internet.task.Clock} both do.
    """

    def seconds(self) -> float:
        """
        The time now.
        """

    def callLater(self, delay: float, call: Callable[..., object], /) -> Any:
        """
        Have something called later. What is returned has a C{cancel} method.
        """


def stamp(when: float, fixed: bool = False) -> str:
    """
    RFC 3339 with nanoseconds, without trailing zeros unless C{fixed}.
    """
    nanoseconds = nano(when)
    base = datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{nanoseconds % 10**9:09d}"
    if not fixed:
        fraction = fraction.rstrip("0")
    return f"{base}.{fraction}Z" if fraction else f"{base}Z"


def nano(when: float) -> int:
    """
    Whole nanoseconds since 1970.
    """
    return round(when * 1_000_000) * 1000


def duration(text: str) -> float | None:
    """
    The seconds of a Go duration such as C{1h30m}, or L{None} if it is none.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def instant(text: str, now: float) -> float:
    """
    A point in time: Unix seconds, a duration before now, or a date.

    @raise EngineError: if it is none of them.
    """
    before = duration(text)
    if before is not None:
        return now - before
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise EngineError(400, f'failed to parse value as time or duration: "{text}"') from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def unix(text: str) -> float | None:
    """
    A point in time as logs and events take it: Unix seconds, perhaps with a fraction;
    L{None} for an empty text. Clients turn durations and dates into it themselves.

    @raise EngineError: if it is none.
    """
    if not text:
        return None
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?", text):
        raise EngineError(500, f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return float(text)


def ago(seconds: float) -> str:
    """
    A length of time in the words of C{docker ps}.
    """
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    minutes = whole // 60
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = (whole + 1800) // 3600
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    return f"{hours // 24} days"
