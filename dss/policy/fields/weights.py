"""
Rules of what changes a container's weight beside the host's own processes, which the operator
can allow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dss.config.kernel import BOUNDING_ULIMITS, RAISING_ULIMITS
from dss.config.resources import Resources
from dss.config.values import fits
from dss.policy.fields.field import Rule, Spot
from dss.policy.fields.rules import shown

_SECTION = "containers.resources"


def _rule(
    id: str,
    key: str,
    allowed: str,
    check: Callable[[Spot, Resources], str | None],
    line: Callable[[Spot], Any],
    judges_empty: bool = False,
) -> Rule:
    """
    @param line: the value of the setting that would allow it, or L{None} where none would.
    """

    return Rule(
        id,
        "limit",
        allowed,
        lambda spot, settings: check(spot, settings.resources),
        judges_empty,
        f"{_SECTION}.{key}",
        line,
    )


def _ulimit(spot: Spot, settings: Resources) -> str | None:
    # The engine upper-cases it.
    if spot.value.isascii() and spot.value.lower() in (*BOUNDING_ULIMITS, *settings.ulimits):
        return None
    return f"{shown(spot.value)} is denied: it could let the container come before the host's own."


ulimit = _rule(
    "container.ulimit",
    "ulimits",
    f"Allowed: {', '.join(BOUNDING_ULIMITS)}.",
    _ulimit,
    lambda spot: [spot.value.lower()] if spot.value.lower() in RAISING_ULIMITS else None,
)


def _interval(spot: Spot, settings: Resources) -> str | None:
    if spot.value < settings.least_check_interval * 1e9:
        return f"{spot.value} ns is denied: so many checks would load the engine."
    return None


interval = _rule(
    "container.healthcheck",
    "least_check_interval",
    "Allowed: 100 ms (100000000) and above, or 0 to inherit.",
    _interval,
    # Less than a millisecond the engine does not take.
    lambda spot: spot.value / 1e9 if spot.value >= 1e6 else None,
)


def _oom_score(spot: Spot, settings: Resources) -> str | None:
    if spot.value >= settings.least_oom_score_adj:
        return None
    return f"{spot.value} is denied: the host's processes would go before the container."


oom_score = _rule(
    "container.oom",
    "least_oom_score_adj",
    "Allowed: 0 and above.",
    _oom_score,
    lambda spot: spot.value if spot.value >= -1000 else None,
)

oom_kill = _rule(
    "container.oom",
    "oom_kill_disable",
    "Leave it out.",
    lambda spot, settings: (
        None
        if settings.oom_kill_disable
        else "a container that can't be killed takes others' memory."
    ),
    lambda spot: True,
)


def _cgroup_parent(spot: Spot, settings: Resources) -> str | None:
    if ".." not in spot.value.split("/") and fits(spot.value, settings.cgroup_parents):
        return None
    return f"{shown(spot.value)} is denied: another cgroup parent leaves the limits of the host."


cgroup_parent = _rule(
    "container.cgroup_parent",
    "cgroup_parents",
    "Leave it out.",
    _cgroup_parent,
    lambda spot: (
        [spot.value] if ".." not in spot.value.split("/") and spot.value.strip("/*") else None
    ),
)

_DEVICE_RULE = re.compile(r"[abc] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}")


def _device_rules(spot: Spot, settings: Resources) -> str | None:
    denied = [each for each in spot.value if each not in settings.device_cgroup_rules]
    if not denied:
        return None
    return f"{shown(denied[0])} is denied: it opens the host's devices to mknod."


device_rules = _rule(
    "container.device_rules",
    "device_cgroup_rules",
    "Leave it out.",
    _device_rules,
    lambda spot: spot.value if all(map(_DEVICE_RULE.fullmatch, spot.value)) else None,
)


def _storage(spot: Spot, settings: Resources) -> str | None:
    key = spot.keys[-1]
    if key in settings.storage_options:
        return None
    return f"the option {shown(key)} is denied: storage options are the operator's."


storage_option = _rule(
    "container.storage_opt",
    "storage_options",
    "Leave it out.",
    _storage,
    lambda spot: [spot.keys[-1]] if spot.keys[-1] else None,
    judges_empty=True,
)


def _endpoint(spot: Spot, settings: Resources) -> str | None:
    key = spot.keys[-1]
    if fits(key, settings.endpoint_options):
        return None
    return f"the option {shown(key)} is denied: it can set what the host routes."


endpoint_option = _rule(
    "container.endpoint_options",
    "endpoint_options",
    "Leave it out.",
    _endpoint,
    lambda spot: [spot.keys[-1]] if spot.keys[-1].strip("*") else None,
    judges_empty=True,
)
