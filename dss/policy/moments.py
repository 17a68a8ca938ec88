"""
Points in time as the engine's filters take them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dss.errors import BadRequest

#: The longest text that is read: a date with all that it may have has fewer characters. Of
#: longer ones a part of a duration would be looked for again and again.
_LONGEST = 64

_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")


def moment(text: str, now: float) -> float:
    """
    A point in time, in seconds since 1970: seconds, a Go duration before now, or a date.

    @raise BadRequest: if it is none of them.
    """
    if len(text) > _LONGEST:
        raise _unread(text)
    if _SECONDS.fullmatch(text):
        return float(text)
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return now - sum(float(number) * _UNITS[unit] for number, unit in parts)
    if _DATE.fullmatch(text):
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    raise _unread(text)


def _unread(text: str) -> BadRequest:
    return BadRequest(f'failed to parse value as time or duration: "{text[:_LONGEST]}"')
