"""
What the volumes that are there stand for.
"""

from __future__ import annotations

from attrs import field, frozen

from dss.errors import Problem
from dss.model.facts import VolumeFacts
from dss.model.ruling import Judgement
from dss.model.version import ApiVersion
from dss.policy.mounts.sources import Place, judge_path
from dss.policy.mounts.wishes import clean
from dss.policy.request import Circumstances
from dss.policy.volumes import options as rules
from dss.policy.volumes.remembering import Remembered

#: The first API version of C{VolumeOptions.Subpath}. Older prefixes drop it (moby 28.5,
#: C{postContainersCreate}).
SUBPATH_SINCE = ApiVersion(1, 45)


def taken_problem(name: str, at: str) -> Problem:
    """
    Why an owner can't have a volume that is another's.
    """
    return Problem(
        "volume.taken",
        at,
        f"the volume name {name!r} is taken.",
        "Use another name; a volume that does not exist is made.",
    )


@frozen
class Standing:
    """
    The host directory that a volume stands for.

    @ivar device: what the engine mounts as the volume.
    @ivar inside: the path below it that is meant.
    @ivar read_only: whether the volume itself is mounted for reading only.
    """

    device: str
    inside: str = ""
    read_only: bool = False
    path: str = field(init=False)

    @path.default
    def _joined(self) -> str:
        return clean(f"{self.device}/{self.inside}")

    def subpath(self, more: str) -> str:
        """
        The path inside the volume of the engine, given the one that a client asked for.
        """
        return "/".join(each for each in (self.inside, more) if each)

    def is_held_by(self, place: Place) -> bool:
        """
        Whether what the engine mounts is what was judged: the path is opened beneath the
        allowed directory, or has no link in it.
        """
        return self.device == place.base.path or (not self.inside and self.device == place.found)


def standing(
    found: VolumeFacts, at: str, around: Circumstances
) -> Judgement[Standing | Problem | None]:
    """
    What a volume of the owner's own stands for on the host; L{None} for nothing there.

    @return: a problem where it has a driver or options that are denied.
    """
    settings = around.settings.volumes
    if rules.is_bind(found.driver, found.options):
        remembered = Remembered.of(found.remembered)
        if remembered is None:
            return Problem(
                "volume.options",
                at,
                f"the volume {found.name!r} is a directory of the host, made without dss.",
                "Make it anew.",
            )
        read_only = rules.is_read_only(found.options)
        return Standing(clean(found.options["device"]), remembered.inside, read_only)
    problem = rules.driver_problem(found.driver, at, settings)
    if problem is not None:
        return problem
    return next(rules.problems(found.driver, found.options, at, settings), None)
    yield  # pragma: no cover - makes this function a generator


def place(
    found: Standing, more: str, at: str, read_only: bool, around: Circumstances
) -> Judgement[Place | Problem]:
    """
    Judge the host directory that a volume is mounted from.

    @param more: the path inside the volume that a client asked for.
    @param read_only: whether the container could only read it.
    """
    if ".." in more.split("/") or more.startswith("/"):
        return Problem(
            "mount.subpath",
            at,
            f"{more!r} is no path inside a volume.",
            "Allowed: a path without '..'.",
        )
    judged = yield from judge_path(clean(f"{found.path}/{more}"), at, read_only, around)
    if isinstance(judged, Problem):
        return judged
    if not more and not found.is_held_by(judged):
        return Problem(
            "mount.link",
            at,
            "the volume was made for something else than its path leads to by now.",
            "Make the volume anew.",
        )
    if more and found.device != judged.base.path:
        # Engines open what is below a volume beneath it, and not beneath the directory.
        return Problem(
            "mount.subpath",
            at,
            "this volume was made before paths inside of it could be mounted.",
            "Make the volume anew.",
        )
    return judged
