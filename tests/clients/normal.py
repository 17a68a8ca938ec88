"""
What two runs of one test may differ in: ids, times, addresses and dss's own labels.
"""

from __future__ import annotations

import re
from typing import Any

from dss.model.owner import RESERVED_PREFIX

_LABEL = re.escape(RESERVED_PREFIX) + r"[a-z.]+=[^,\"\s)\]]*"
_TEXT = (
    (re.compile(rf"{_LABEL},\s?|,\s?{_LABEL}|{_LABEL}"), ""),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"), "<id>"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])"), "<short id>"),
    # Ids of a Swarm.
    (re.compile(r"(?<![0-9a-z])(?=[a-z]*[0-9])[0-9a-z]{25}(?![0-9a-z])"), "<swarm id>"),
    (re.compile(r"(?<![0-9a-z])(?=[a-z]*[0-9])(?=[0-9]*[a-z])[0-9a-z]{12}(?![0-9a-z])"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[ +-][\d: +A-Z-]+)?"), "<time>"),
    (re.compile(r"([Ll]ess than a|About an?|\d+) (second|minute|hour|day)s?( ago)?"), "<age>"),
    (re.compile(r'"Index": ?[0-9]+'), '"Index": <number>'),
    (re.compile(r"\b(172\.\d+|10\.\d+|192\.168)\.\d+\.\d+\b"), "<address>"),
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "<mac>"),
    # A table's columns are as wide as its times.
    (re.compile(r" {2,}"), "  "),
)

#: Keys of the API's JSON whose values tell of a moment or of a place, not of what
#: was asked for.
_VOLATILE = frozenset(
    {
        "Created",
        "created",
        "CreatedAt",
        "EndpointID",
        "GlobalIPv6Address",
        "HostPort",
        "IPAddress",
        "Index",
        "MacAddress",
        "NetworkID",
        "PID",
        "Pid",
        "RunningFor",
        "SandboxID",
        "SandboxKey",
        "SizeRootFs",
        "SizeRw",
        "time",
        "timeNano",
    }
)


def normal(value: Any) -> Any:
    """
    A value with all that may differ replaced by what kind of thing it is.
    """
    match value:
        case str():
            for pattern, word in _TEXT:
                value = pattern.sub(word, value)
            return value
        case dict():
            return {
                normal(key): f"<{key}>" if key in _VOLATILE and each else normal(each)
                for key, each in value.items()
                if not str(key).startswith(RESERVED_PREFIX)
            }
        case list() | tuple():
            return [normal(each) for each in value]
        case _:
            return value
