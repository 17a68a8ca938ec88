"""
The rule of what checks a container's health, in a body and in an image.
"""

from __future__ import annotations

from dss.config.containers import Containers
from dss.policy.fields.field import Rule, Spot

_WITH_WORDS = ("CMD", "CMD-SHELL")


def _test(spot: Spot, settings: Containers) -> str | None:
    kind, *words = spot.value
    # Without a word to run the engine itself ends at the first check (proved on 20.10 and 28.5).
    if kind in _WITH_WORDS and not (words and words[0]):
        return f"[{kind!r}] without a command would end the engine."
    return None


#: For the words of a check. What begins otherwise the engine does not run.
test = Rule(
    "container.healthcheck",
    "limit",
    f"Allowed: {' and '.join(_WITH_WORDS)} with a command after it, and NONE.",
    _test,
)
