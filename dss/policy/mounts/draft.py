"""
What becomes of a create body's mounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from dss.errors import Problem
from dss.model.facts import MakeVolume
from dss.model.ruling import Judgement
from dss.model.version import ApiVersion
from dss.policy.fields.volumes import is_reserved
from dss.policy.mounts.showing import Point
from dss.policy.mounts.sources import Loose, Place, client_path, is_fixed
from dss.policy.request import Circumstances
from dss.policy.volumes.making import make


@frozen
class Mounted:
    """
    What became of a create body's mounts.

    @ivar problems: what is denied.
    @ivar mounts: C{HostConfig.Mounts} for the engine. It has no C{Binds}: of a mount the
        engine makes no missing source.
    @ivar loose: what a restart by the engine could mount differently.
    @ivar missing: fields, what the client calls it and the places that must be made before
        the engine takes the body.
    @ivar volumes: fields and volumes that must be made before the engine takes the body.
    @ivar label: what is remembered of the client's own spelling; empty where nothing was
        changed.
    @ivar version: the API version that the engine must be asked in, or L{None} for any.
    @ivar rewrites: what was changed.
    """

    problems: tuple[Problem, ...]
    mounts: tuple[Mapping[str, Any], ...]
    loose: tuple[Loose, ...]
    missing: tuple[tuple[str, str, Place], ...]
    volumes: tuple[tuple[str, MakeVolume], ...]
    label: str
    version: ApiVersion | None
    rewrites: tuple[str, ...]

    @property
    def new_volumes(self) -> int:
        """
        How many volumes come of it that are not there yet: those that are made before, and
        those without a name, which the engine makes.
        """
        named = sum(not is_reserved(wanted.name) for _, wanted in self.volumes)
        return named + sum(
            1 for each in self.mounts if each.get("Type") == "volume" and not each.get("Source")
        )

    def make_missing(self) -> Judgement[Problem | None]:
        """
        Make what must be there before the container is.
        """
        for at, shown, place in self.missing:
            problem = yield from place.make(at, shown)
            if problem is not None:
                return problem
        return None

    def make_volumes(self) -> Judgement[Problem | None]:
        """
        Make the volumes that were not there, each of which is then known to be the owner's.
        The engine would copy the image's content into one that another owner has made since
        it was looked for.
        """
        for at, wanted in self.volumes:
            problem = yield from make(wanted, at)
            if problem is not None:
                return problem
        return None


@define
class Draft:
    """
    L{Mounted}, while it grows.
    """

    problems: list[Problem] = field(factory=list)
    mounts: list[Mapping[str, Any]] = field(factory=list)
    loose: list[Loose] = field(factory=list)
    missing: list[tuple[str, str, Place]] = field(factory=list)
    volumes: list[tuple[str, MakeVolume]] = field(factory=list)
    points: dict[str, Point] = field(factory=dict)
    make: list[str] = field(factory=list)
    rewrites: list[str] = field(factory=list)
    by_path: bool = False

    def note(self, place: Place, at: str, by_path: bool, around: Circumstances) -> None:
        """
        Note what could become something else.

        @param by_path: whether the engine opens it beneath the allowed directory.
        """
        roots = around.settings.roots
        if place.is_guarded or not (by_path or is_fixed(place.found, roots)):
            self.loose.append(Loose(at, client_path(place.path, roots)))
