"""
Rules of where a container's output goes: log drivers and their options.
"""

from __future__ import annotations

import re

from dss.config.containers import Containers
from dss.policy.fields.field import Rule, Spot
from dss.policy.fields.rules import shown

LOG_DRIVERS = ("json-file", "local", "none")
#: What bounds a log, and what of the container itself is written into it.
_LOG_OPTIONS = (
    *("max-size", "max-file", "compress", "mode", "max-buffer-size"),
    *("tag", "labels", "labels-regex", "env", "env-regex"),
)

#: What a tag may tell of the container. The engine takes a tag for a template, which can also
#: tell of the host, and whose functions can take all of the engine's memory (proved on 20.10
#: and 28.5).
_PLACEHOLDERS = ("ID", "FullID", "Name", "ImageID", "ImageFullID", "ImageName")
_TAG = re.compile(
    rf"(?:[^{{]|\{{(?!\{{)|\{{\{{ ?\.(?:{'|'.join(_PLACEHOLDERS)}) ?\}}\}})*", re.DOTALL
)

_VALUE_LENGTH = 1024
_MOST_FILES = 100
_SIZES = {"max-size": 10 * 2**30, "max-buffer-size": 16 * 2**20}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([kmgtp]?)i?b?", re.IGNORECASE | re.ASCII)
_POWERS = {unit: 1024**power for power, unit in enumerate(("", "k", "m", "g", "t", "p"))}


def _wrong(key: str, value: str) -> str | None:
    """
    Why the value of an option is denied, or L{None}.
    """
    if len(value) > _VALUE_LENGTH:
        return f"it has more than {_VALUE_LENGTH} characters."
    if key == "tag" and not _TAG.fullmatch(value):
        told = " ".join(f"{{{{.{each}}}}}" for each in _PLACEHOLDERS)
        return f"of placeholders a tag may have {told} only."
    if key == "max-file" and not (re.fullmatch("[0-9]{1,3}", value) and int(value) <= _MOST_FILES):
        # The engine goes over them all, one by one, whenever one is full or the log goes.
        return f"{shown(value)} is denied: {_MOST_FILES} files are the most."
    if key in _SIZES:
        size = _SIZE.fullmatch(value)
        if size is None or float(size[1]) * _POWERS[size[2].lower()] > _SIZES[key]:
            return f"{shown(value)} is denied: {_SIZES[key]} bytes are the most."
    return None


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
    line=lambda spot: {spot.value: []},
)


def log_options_of(name: str) -> Rule:
    """
    Makes the rule of a log driver's options.

    @param name: the field beside them that names the driver.
    """

    def check(spot: Spot, settings: Containers) -> str | None:
        key = spot.keys[-1]
        driver = spot.inside.get(name) or settings.defaults.log.driver
        more = settings.log_drivers.get(driver, ())
        if f"{key}={spot.value}" in more:
            return None
        if key in more or (driver in ("", *LOG_DRIVERS) and key in _LOG_OPTIONS):
            wrong = _wrong(key, spot.value)
            return wrong and f"the option {shown(key)}: {wrong}"
        return f"the option {shown(key)} is denied."

    def line(spot: Spot) -> dict[str, list[str]]:
        driver, key = spot.inside.get(name), spot.keys[-1]
        option = f"{key}={spot.value}" if _wrong(key, spot.value) else key
        return {driver: [option]} if driver else {}

    return Rule(
        "container.log_options",
        "limit",
        f"Allowed: {', '.join(_LOG_OPTIONS)}; up to {_MOST_FILES} files, of 10 GiB each, and a "
        "buffer of 16 MiB; in a tag, what names the container and its image.",
        check,
        judges_empty=True,
        setting="containers.log_drivers",
        line=line,
    )


log_options = log_options_of("Type")
