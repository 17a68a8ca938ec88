"""
How large the texts of a Dockerfile become, at the most, when the engine puts in its variables.

Each may be made of others: C{ENV A=$A$A}, again and again, takes all of the engine's memory,
in a build and in the changes of a commit or an import (proved on 28.5, by the seventh line
of ten each).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dss.policy.sizes import size_of

#: Bytes that all of a Dockerfile may become.
MOST = 4 * 1024 * 1024

#: Bytes of a variable that an image or a container may bring.
BROUGHT = 16 * 1024

#: How often a variable may be put in, one upon the other, by an image's triggers.
_TRIGGERS = 8

_REFERENCE = re.compile(r"\$(?:(?P<bare>[A-Za-z0-9_]+)|\{(?P<name>[A-Za-z0-9_]+)(?P<replaces>/?))")

#: Of these the builder leaves variables alone.
_UNEXPANDED = ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL", "MAINTAINER")


class Growth:
    """
    The variables of one Dockerfile, as it is read.

    @ivar total: the bytes so far.
    """

    def __init__(self, build_args: Mapping[str, str | None]) -> None:
        self.total = 0
        self._before = {name: size_of(value or "") for name, value in build_args.items()}
        self._stage: dict[str, int] = {}

    def stage(self) -> None:
        """
        A stage begins: its image brings variables of its own, or those of a stage before.
        """
        for name, size in self._stage.items():
            self._before[name] = max(size, self._before.get(name, 0))
        self._stage = {}

    def bound(self, text: str) -> int:
        """
        The most bytes that a text becomes. What is quoted or escaped counts too.
        """
        found = [
            (self._size(match["bare"] or match["name"]), bool(match["replaces"]))
            for match in _REFERENCE.finditer(text)
        ]
        whole = size_of(text) + sum(size for size, _ in found)
        # ${A//a/b}: newer engines can put the text in for each character.
        return whole + sum((size + 1) * (whole - size) for size, replaces in found if replaces)

    def add(self, text: str) -> int:
        """
        The builder puts variables into a text.

        @return: the most bytes that it becomes.
        """
        size = min(self.bound(text), MOST + 1)
        self.total += size
        return size

    def assign(self, texts: Mapping[str, str], by_argument: bool) -> None:
        """
        One instruction gives variables their values, all made of what was before it.

        @param by_argument: whether one that the image brings comes before them.
        """
        sizes = {name: self.add(text) for name, text in texts.items()}
        for name, size in sizes.items():
            brought = self._size(name) if by_argument else 0
            self._stage[name] = max(size, brought, self._stage.get(name, 0))

    def _size(self, name: str) -> int:
        known = self._stage.get(name)
        return max(BROUGHT, self._before.get(name, 0)) if known is None else known


def brings_too_much(environment: Iterable[str]) -> bool:
    """
    Whether a variable of an image or a container is larger than L{Growth} takes it for.
    """
    return any(size_of(each) > BROUGHT for each in environment)


def triggers_grow(triggers: Iterable[str]) -> bool:
    """
    Whether an image's triggers make a variable much larger.
    """
    times = 1
    for text in triggers:
        if text.lstrip().partition(" ")[0].upper() not in _UNEXPANDED:
            times *= max(1, text.count("$"))
    return times > _TRIGGERS or size_of(triggers) > BROUGHT
