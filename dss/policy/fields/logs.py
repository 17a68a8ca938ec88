"""
Rules of where a container's output goes: log drivers and their options.
"""

from __future__ import annotations

from dss.config.containers import Containers
from dss.policy.fields.field import Rule, Spot
from dss.policy.fields.rules import shown, toml

LOG_DRIVERS = ("json-file", "local", "none")
#: What bounds a log, and what of the container itself is written into it.
_LOG_OPTIONS = (
    *("max-size", "max-file", "compress", "mode", "max-buffer-size"),
    *("tag", "labels", "labels-regex", "env", "env-regex"),
)


def _log_driver(spot: Spot, settings: Containers) -> str | None:
    if spot.value in LOG_DRIVERS or spot.value in settings.log_drivers:
        return None
    return f"{shown(spot.value)} is denied: other drivers make the engine connect out."


log_driver = Rule(
    "container.log_driver",
    "limit",
    f"Allowed: {', '.join(LOG_DRIVERS)}.",
    _log_driver,
    setting="containers.log_drivers",
    line=lambda spot: f"{{ {toml(spot.value)} = [] }}",
)


def log_options_of(name: str) -> Rule:
    """
    Makes the rule of a log driver's options.

    @param name: the field beside them that names the driver.
    """

    def check(spot: Spot, settings: Containers) -> str | None:
        key = spot.keys[-1]
        driver = spot.inside.get(name) or settings.defaults.log.driver
        if driver in ("", *LOG_DRIVERS) and key in _LOG_OPTIONS:
            return None
        more = settings.log_drivers.get(driver, ())
        if key in more or f"{key}={spot.value}" in more:
            return None
        return f"the option {shown(key)} is denied."

    def line(spot: Spot) -> str:
        driver = spot.inside.get(name)
        return f"{{ {toml(driver)} = [{toml(spot.keys[-1])}] }}" if driver else ""

    return Rule(
        "container.log_options",
        "limit",
        f"Allowed: {', '.join(_LOG_OPTIONS)}.",
        check,
        judges_empty=True,
        setting="containers.log_drivers",
        line=line,
    )


log_options = log_options_of("Type")
