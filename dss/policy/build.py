"""
The classic image build: each of its parameters ruled, the owner's label stamped on what it
makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

from dss.config.containers import Containers
from dss.errors import BadRequest, Denied, Problem
from dss.model.facts import Json
from dss.model.reference import Reference
from dss.model.ruling import ContextWatch, Forward, Judgement, Ruling
from dss.policy import bases, steps
from dss.policy import labels as label_rules
from dss.policy.bases import PULLS
from dss.policy.buildkit import CLASSIC
from dss.policy.fields import weights
from dss.policy.fields.field import Spot
from dss.policy.filters import read_once
from dss.policy.images.resolving import begin_all, target, target_problems
from dss.policy.queries import is_true, passed_on, text_of, texts_of
from dss.policy.request import Circumstances, QueryValue, Request
from dss.policy.sizes import label_problems

#: Parameters that may only be empty or one of these values, with the reason.
_ONLY: Mapping[str, tuple[tuple[str, ...], str]] = {
    "version": (("1",), "dss does not mediate BuildKit yet."),
    "session": ((), "dss does not mediate BuildKit's sessions yet."),
    "buildid": ((), "dss does not mediate BuildKit yet."),
    "outputs": (("[]", "null"), "dss does not mediate BuildKit's exporters yet."),
    "remote": ((), "the engine would fetch the build's context itself, from its own network."),
    "cgroupparent": (
        (),
        "a cgroup of the client's choice leaves the owner's limits. The operator can choose one, "
        "with containers.force.cgroup_parent in the settings file.",
    ),
    "isolation": (("default",), "only the engine's default isolation is allowed."),
    "networkmode": (
        ("default", "bridge", "none"),
        "only the networks default, bridge and none are allowed in a build.",
    ),
}

#: Passed on as they are: limits, and what names something inside the context.
_PASSED = (
    "q",
    "pull",
    "rm",
    "forcerm",
    "memory",
    "memswap",
    "cpushares",
    "cpusetcpus",
    "cpusetmems",
    "cpuperiod",
    "cpuquota",
    "shmsize",
    "platform",
    "target",
    "networkmode",
    "version",
    "extrahosts",
)


def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of the classic build.

    The steps get what the operator gives containers. The engine's cache of the classic builder
    is one for all owners, from which one could read another's layers and into which one could
    put layers for another, so it is never used. A label of the parameters wins over one of the
    Dockerfile's last or chosen stage, and its key is taken as it is (proved on engines 20.10
    and 28.5). The content type is forced: of a form, the engine would read further parameters
    from the body (moby 28.5).

    @raise Denied: for what reaches the host, another owner's image or BuildKit.
    @raise BadRequest: for a parameter that can't be read in one way.
    """
    settings = around.settings.containers
    problems = _not_allowed(request, settings)
    ulimits = _ulimits(text_of(request, "ulimits"))
    problems += [
        problem
        for each in ulimits
        for problem in weights.ulimit.problems(Spot("ulimits", each["Name"]), settings)
    ]
    asked = steps.asked_of(request, ulimits)
    problems += steps.problems(asked, around.settings)
    names: dict[Reference, str] = {}
    for text in filter(None, texts_of(request, "t")):
        wanted = target(text, "")
        names[wanted], wrong = yield from target_problems(wanted, "t", around.owner)
        problems += wrong
    labels = _labels(text_of(request, "labels"))
    problems += [*label_rules.problems(labels, "labels"), *label_problems(labels, "labels")]
    if problems:
        raise Denied(problems)
    asked_arguments = _arguments(text_of(request, "buildargs"))
    arguments = steps.arguments(asked_arguments, settings)
    query: dict[str, QueryValue] = {
        name: request.query[name] for name in _PASSED if name in request.query
    }
    for name, value in (
        ("dockerfile", _path(text_of(request, "dockerfile"))),
        ("buildargs", _dumped(arguments)),
        ("ulimits", _dumped(ulimits)),
    ):
        if value:
            query[name] = value
    changed = steps.resources(asked, settings)
    asked_network = text_of(request, "networkmode")
    network = yield from steps.network(asked_network, around)
    if network != asked_network:
        changed["networkmode"] = network
    query.update(changed)
    given = [*changed] if arguments == asked_arguments else [*changed, "buildargs"]
    if names:
        query["t"] = tuple(each.familiar for each in names)
    query["labels"] = _dumped(label_rules.stamp(labels, around.owner))
    query["nocache"] = "1"
    rewrites = ["labels: stamped", *(f"{name}: given" for name in sorted(given))]
    if not is_true(request, "nocache"):
        rewrites.append("nocache: set")
    if text_of(request, "cachefrom"):
        rewrites.append("cachefrom: dropped")
    after = yield from begin_all(names)
    return Forward(
        query=passed_on(query),
        headers=(("Content-Type", "application/x-tar"),),
        rewrites=tuple(rewrites),
        after=after,
        watch=ContextWatch(
            text_of(request, "dockerfile"),
            partial(bases.judge, text_of(request, "platform"), around, arguments),
        ),
    )


def _not_allowed(request: Request, settings: Containers) -> list[Problem]:
    # What is forced takes the place of whatever a client asks.
    forced = {"networkmode": settings.force.network, "cgroupparent": settings.force.cgroup_parent}
    problems = [
        Problem(f"build.{name}", name, reason, CLASSIC if "BuildKit" in reason else "")
        for name, (allowed, reason) in _ONLY.items()
        if text_of(request, name) not in ("", *allowed) and forced.get(name) is None
    ]
    if any(texts_of(request, "securityopt")):
        problems.append(
            Problem(
                "build.securityopt", "securityopt", "security options are not allowed in a build."
            )
        )
    if is_true(request, "squash"):
        problems.append(Problem("build.squash", "squash", "it is an experiment of the engine's."))
    if is_true(request, "pull"):
        problems.append(
            Problem(
                "build.pull",
                "pull",
                "the engine would pull by itself, past the rules of pulls.",
                f"Pull the images first, with docker pull IMAGE, and build without. {PULLS}",
            )
        )
    return problems


def _parsed(name: str, text: str) -> Json:
    try:
        return read_once(text)
    except (ValueError, RecursionError):
        raise BadRequest(f"the query parameter {name} is not JSON that can be judged") from None


def _object(name: str, text: str) -> dict[str, Json]:
    value = _parsed(name, text) if text else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"the query parameter {name} is not a JSON object")
    return value


def _labels(text: str) -> dict[str, str]:
    value = _object("labels", text)
    if not all(isinstance(each, str) for each in value.values()):
        raise BadRequest("the query parameter labels is not an object of texts")
    return value


def _arguments(text: str) -> dict[str, Json]:
    value = _object("buildargs", text)
    if not all(each is None or isinstance(each, str) for each in value.values()):
        raise BadRequest("the query parameter buildargs is not an object of texts and nulls")
    return value


def _dumped(value: Json) -> str:
    return json.dumps(value, separators=(",", ":")) if value else ""


def _ulimits(text: str) -> list[dict[str, Json]]:
    value = _parsed("ulimits", text) if text else None
    if not value:
        return []
    if not isinstance(value, list) or not all(_is_ulimit(each) for each in value):
        raise BadRequest("the query parameter ulimits is not a list of Name, Soft and Hard")
    return value


def _is_ulimit(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and set(value) <= {"Name", "Soft", "Hard"}
        and isinstance(value.get("Name"), str)
        and all(type(value.get(key, 0)) is int for key in ("Soft", "Hard"))
    )


def _path(path: str) -> str:
    if ".." in path.split("/"):
        raise Denied(
            Problem("build.dockerfile", "dockerfile", "it must lie within the build's context.")
        )
    return path
