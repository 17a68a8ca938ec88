"""
The kinds of rules that rows name: each rule is a pure function of one value.

Rules that must know more than the value (who owns a container, what a host path is)
have a row too, whose rule has no check: L{dss.policy.create} and
L{dss.policy.mounts} judge those.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from dss.config.containers import Containers
from dss.policy.fields.field import Rule, Spot
from dss.policy.sizes import size_of, too_large


def shown(value: Any) -> str:
    """
    A client's value as a denial tells it.
    """
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def allow(id: str, allowed: str = "any value") -> Rule:
    """
    A rule that denies nothing.
    """
    return Rule(id, "allow", allowed)


def drop(id: str) -> Rule:
    """
    A rule that takes the field out of the body.
    """
    return Rule(id, "drop", "any value; the engine does not get it")


def elsewhere(id: str, allowed: str, verdict: str = "rewrite", setting: str = "") -> Rule:
    """
    A rule whose check asks questions, and is therefore not in the table.
    """
    return Rule(id, verdict, allowed, setting=setting)


def inside(id: str) -> Rule:
    """
    A rule for what is inside an object or a map that is judged as a whole.
    """
    return Rule(id, "deny", "judged with what it is in")


def deny(
    id: str,
    reason: str,
    allowed: str = "Leave it out.",
    judges_empty: bool = False,
    never: str = "",
) -> Rule:
    """
    A rule that denies every value but the zero one.
    """
    return Rule(id, "deny", allowed, lambda spot, settings: reason, judges_empty, never=never)


def limit(id: str, allowed: str, check: Callable[[Any], str | None]) -> Rule:
    """
    A rule that denies some values, given only the value.
    """
    return Rule(id, "limit", allowed, lambda spot, settings: check(spot.value))


def texts(id: str, most: int) -> Rule:
    """
    A rule that allows any text, or list of texts, of some bytes in all.
    """
    return limit(
        id,
        f"Allowed: up to {most // 1024} KiB in all.",
        lambda value: too_large(size_of(value), most),
    )


def one_of(
    id: str,
    values: tuple[str, ...],
    reason: str,
    setting: str = "",
    settable: str = "",
    never: str = "",
    told: str = "only the empty value",
) -> Rule:
    """
    A rule that allows some strings.

    @param setting: the key path of a list of more strings.
    @param settable: the one string that may be in it; without, any may.
    @param told: what is allowed where there are no strings, in words.
    """
    listed = ", ".join(values) if values else told
    more = more_of(setting) if setting else lambda settings: ()

    def check(spot: Spot, settings: Containers) -> str | None:
        if spot.value in values or spot.value in more(settings):
            return None
        return f"{shown(spot.value)} is denied: {reason}"

    def line(spot: Spot) -> list[str]:
        return [spot.value] if settable in ("", spot.value) else []

    verdict = "limit"
    allowed = f"Allowed: {listed}."
    more_line = line if setting else None
    return Rule(id, verdict, allowed, check, setting=setting, line=more_line, never=never)


def more_of(path: str) -> Callable[[Containers], Any]:
    """
    Makes a reader of one setting.
    """
    get = operator.attrgetter(path.removeprefix("containers."))
    # A misspelt path is an error when it is written, not when it is needed.
    get(Containers())
    return get


def at_least(id: str, least: int, reason: str) -> Rule:
    """
    A rule that allows integers from some value on.
    """

    def check(value: int) -> str | None:
        return None if value >= least else f"{value} is denied: {reason}"

    return limit(id, f"Allowed: {least} and above.", check)


def matching(id: str, pattern: str, allowed: str, reason: str) -> Rule:
    """
    A rule that allows strings, or lists of strings, of one form.
    """
    form = re.compile(pattern)

    def check(value: str | list[str]) -> str | None:
        for each in [value] if isinstance(value, str) else value:
            if not form.fullmatch(each):
                return f"{shown(each)} is denied: {reason}"
        return None

    return limit(id, allowed, check)
