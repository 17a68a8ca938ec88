"""
Volumes as the engine is to make them.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from dss.errors import Denied, NoManager, Problem
from dss.model.facts import MakeVolume, ThisNode, VolumeFacts
from dss.model.owner import OWNER_LABEL, VOLUME_LABEL
from dss.model.ruling import Judgement, ask
from dss.policy.mounts.meaning import judge_source
from dss.policy.mounts.sources import Place, is_fixed
from dss.policy.request import Circumstances
from dss.policy.volumes import options as rules
from dss.policy.volumes.remembering import Remembered
from dss.policy.volumes.standing import SUBPATH_SINCE, taken_problem


@frozen
class Made:
    """
    A judged volume as the engine is to make it.

    @ivar options: the engine's C{DriverOpts}.
    @ivar remembered: how the client wrote it, where the engine gets something else.
    """

    driver: str
    options: Mapping[str, str]
    remembered: Remembered | None = None

    @property
    def labels(self) -> dict[str, str]:
        """
        The labels that remember it.
        """
        return {} if self.remembered is None else {VOLUME_LABEL: self.remembered.text()}

    def as_found(self, name: str, owner: str) -> VolumeFacts:
        """
        What the engine will say of it.
        """
        return VolumeFacts(
            name,
            owner,
            self.driver or "local",
            self.options,
            self.labels.get(VOLUME_LABEL, ""),
        )


@frozen
class Fields:
    """
    Where a body names the driver of a volume, and its options.
    """

    driver: str
    options: str


def judge(
    name: str, driver: str, options: Mapping[str, str], at: Fields, around: Circumstances
) -> Judgement[Made]:
    """
    Judge the driver and the options of a volume that is to be made.

    @raise BadRequest: for what the local driver does not know.
    @raise Denied: with all problems.
    """
    settings = around.settings.volumes
    problem = rules.driver_problem(driver, at.driver, settings)
    if problem is not None:
        raise Denied(problem)
    rules.check(name, driver, options)
    problems = list(rules.problems(driver, options, at.options, settings))
    if problems:
        raise Denied(problems)
    if not rules.is_bind(driver, options):
        return Made(driver, options)
    given = rules.mount_options(options)
    read_only = rules.is_read_only(options)
    place = yield from _place(options["device"], read_only, at, around)
    beneath = around.engine_version >= SUBPATH_SINCE
    # What is mounted below the allowed directory must be seen where the path leads to it; but
    # it would stay writable where the rest is not.
    deep = not read_only and (beneath or "rbind" in given)
    for_engine = {
        **options,
        "o": rules.of_bind(given, deep),
        "device": place.base.path if beneath else place.found,
    }
    return Made(driver, for_engine, Remembered(options, place.relative if beneath else ""))


def _place(device: str, read_only: bool, at: Fields, around: Circumstances) -> Judgement[Place]:
    """
    The host directory that a volume is to stand for. What may only be read must be so by the
    volume itself: a Swarm mounts it anew without dss looking on, by its name alone, whatever
    the volume is by then.

    @raise Denied: where it may not be had.
    """
    field = f"{at.options}['device']"
    if "{{" in device:
        # A Swarm fills in what is so written in a service.
        raise Denied(Problem("mount.source", field, f"{device!r} has a placeholder in it."))
    place = yield from judge_source(device, field, read_only, around, may_miss=True)
    if isinstance(place, Problem):
        hint = "Write o=bind,ro." if place.rule == "mount.read_only" else place.hint
        raise Denied(Problem(place.rule, place.field, place.reason, hint))
    if place.is_guarded:
        raise Denied(
            Problem(
                "mount.read_only",
                field,
                "a directory that is allowed for reading only is inside the allowed one.",
                "Write o=bind,ro, or bind the directory.",
            )
        )
    if around.engine_version < SUBPATH_SINCE and not is_fixed(place.found, around.settings.roots):
        try:
            yield from ask(ThisNode())
        except NoManager:
            return place
        raise Denied(
            Problem(
                "volume.swarm",
                field,
                "the Swarm would look its path up anew whenever it mounts the volume.",
                "Use exactly an allowed directory, or bind the directory.",
            )
        )
    return place


def make(wanted: MakeVolume, at: str) -> Judgement[Problem | None]:
    """
    Make a volume with its owner's label.

    @return: a problem where somebody else has taken the name meanwhile.
    """
    made = yield from ask(wanted)
    same = (made.driver, dict(made.options)) == (wanted.driver, dict(wanted.options))
    if made.owner != wanted.labels[OWNER_LABEL] or not same:
        return taken_problem(wanted.name, at)
    return None
