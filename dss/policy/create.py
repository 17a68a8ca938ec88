"""
Container create: the body is read by the field table, judged, resolved and stamped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dss.errors import BadRequest, Denied, NotFound, Problem
from dss.model import gojson
from dss.model.facts import (
    HooksOnCreate,
    ImageFacts,
    ImageNamed,
)
from dss.model.owner import IMAGE_LABEL, MOUNTS_LABEL, Owner
from dss.model.ruling import Forward, Judgement, Ruling, Stream, ask
from dss.policy import claims, given, limits
from dss.policy.fields import rules
from dss.policy.fields.field import Spot
from dss.policy.fields.tables import CREATE
from dss.policy.images import with_tag
from dss.policy.labels import stamp
from dss.policy.links import resolved_container, resolved_links
from dss.policy.mounts import judging
from dss.policy.mounts.older import as_before
from dss.policy.mounts.sources import restart_problem
from dss.policy.mounts.taking import taken_from
from dss.policy.names import check_container_name, hide_foreign_ids
from dss.policy.networks import joining
from dss.policy.queries import passed_on, text_of
from dss.policy.request import Circumstances, Request

#: A reference to an image, as the engine's grammar has it (distribution/reference).
_REFERENCE = re.compile(
    r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def judge(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of container create.

    What goes on has the image by its id, containers and networks by their full ids, every
    volume with its owner's label, and the owner's labels. All that is denied is told at
    once.

    A container or network that is missing (or another owner's) is told with status 400,
    though the engine would say it with 404 or only at the start: the CLI takes any 404 of a
    create for a missing image, and pulls it.

    @raise BadRequest: where the engine would not take the body, or could read it in two
        ways.
    @raise NotFound: where the image is missing, or another owner's.
    @raise Denied: with all problems.
    """
    body = yield from _hooked(CREATE.read(request.body))
    host = body.get("HostConfig") or {}
    query, problems = _named(request)
    settings = around.settings.containers
    problems.extend(CREATE.problems(body, settings))
    problems.extend(limits.problems(host, settings.ceilings, "HostConfig."))
    taken = []
    if host.get("VolumesFrom"):
        for entry in host["VolumesFrom"]:
            taken.append((yield from taken_from(entry)))
    mounted = yield from judging.judge(body, taken, around)
    problems.extend(mounted.problems)
    restart = restart_problem(
        (host.get("RestartPolicy") or {}).get("Name", ""),
        mounted.loose,
        "HostConfig.RestartPolicy.Name",
    )
    if restart is not None:
        problems.append(restart)
    if problems:
        raise Denied(problems)
    reference = body.get("Image", "")
    image = yield from _image(reference, around.owner)
    problems.extend(_image_problems(image, body))
    if problems:
        raise Denied(problems)
    body, changed = given.to_container(CREATE.cleaned(body), settings)
    host = yield from _resolved_host(body.get("HostConfig") or {})
    host = _without_empty(
        {
            **host,
            "Binds": [],
            "Mounts": [dict(each) for each in mounted.mounts],
            "VolumesFrom": [each.entry for each in taken],
        }
    )
    forced_network = settings.force.network
    networking: dict[str, Any] = {}
    if forced_network is not None:
        # Not the owner's to choose, and so not the owner's to have: its own name goes on.
        host = {**host, "NetworkMode": forced_network}
        changed.append(f"HostConfig.NetworkMode: {forced_network}")
    else:
        host, networking = yield from joining.judge(body, host, around)
    ready = {
        **body,
        "Image": image.id,
        "Labels": stamp(
            body.get("Labels"), around.owner, {IMAGE_LABEL: reference, MOUNTS_LABEL: mounted.label}
        ),
        "HostConfig": host,
        "NetworkingConfig": networking,
    }
    if mounted.version is not None and request.version < mounted.version:
        ready = as_before(ready, request.version)
    problem = (yield from mounted.make_missing()) or (yield from mounted.make_volumes())
    if problem is not None:
        raise Denied(problem)
    released = yield from claims.for_new(around.settings.sums)
    return Forward(
        query=query,
        body=gojson.encode(ready),
        reply=Stream(released, _as_asked(reference, image.id)),
        rewrites=("Labels: stamped", f"Image: {image.id}", *mounted.rewrites, *changed),
        version=max(mounted.version, request.version) if mounted.version else None,
    )


def _hooked(body: dict[str, Any]) -> Judgement[dict[str, Any]]:
    """
    The body after the hooks, read again: they can't reopen what the rules close.
    """
    changed = yield from ask(HooksOnCreate(body))
    try:
        return CREATE.reread(changed)
    except BadRequest as error:
        raise Denied(
            Problem("hook.body", "", f"a hook made a body that is none: {error.message}.")
        ) from None


def _named(request: Request) -> tuple[tuple[tuple[str, str], ...], list[Problem]]:
    """
    The query for the engine, and what is wrong with the container's name.
    """
    query = dict(request.query)
    name = text_of(request, "name")
    if not name:
        query.pop("name", None)
        return passed_on(query), []
    try:
        query["name"] = check_container_name(name)
    except Denied as denied:
        return (), list(denied.problems)
    return passed_on(query), []


def _image(reference: str, owner: Owner) -> Judgement[ImageFacts]:
    """
    The image that a container is made from.
    """
    if not reference:
        # Engines would make a container of nothing.
        raise BadRequest("no image specified")
    if not _REFERENCE.fullmatch(reference):
        raise BadRequest("invalid reference format")
    found = yield from ask(ImageNamed(reference))
    if found is None or not found.is_usable(owner.name):
        raise NotFound(f"No such image: {with_tag(_familiar(reference))}")
    return found


def _image_problems(image: ImageFacts, body: Mapping[str, Any]) -> Iterator[Problem]:
    """
    What an image gives a container that its client could not give it. A working directory
    and intervals that the client gives replace the image's.
    """
    at = "Image"
    if not body.get("WorkingDir"):
        yield from rules.working_dir.problems(Spot(at, image.working_dir))
    for target in image.volumes:
        yield from rules.mount_target.problems(Spot(at, target))
    checks = body.get("Healthcheck") or {}
    for name, interval in image.check_intervals.items():
        if not checks.get(name):
            yield from rules.interval.problems(Spot(at, interval))


def _familiar(reference: str) -> str:
    """
    A reference without Docker Hub's name, as the engine repeats it (moby 20.10 to 28.5).
    """
    for domain in ("docker.io/", "index.docker.io/"):
        if reference.startswith(domain):
            return reference.removeprefix(domain).removeprefix("library/")
    return f"sha256:{reference}" if re.fullmatch(r"[0-9a-f]{64}", reference) else reference


def _as_asked(reference: str, image: str) -> Callable[[int, str], Judgement[str]]:
    """
    Edits the engine's errors: they name the image as the client did, and no container of
    another owner.
    """

    def edit(status: int, message: str) -> Judgement[str]:
        named = message.replace(image, with_tag(_familiar(reference)))
        return (yield from hide_foreign_ids(status, named))

    return edit


def _mode(value: str) -> Judgement[str]:
    """
    A namespace mode with C{container:} followed by a full id.
    """
    kind, colon, reference = value.partition(":")
    if kind != "container" or not colon:
        return value
    return f"container:{(yield from resolved_container(reference))}"


def _resolved_host(host: Mapping[str, Any]) -> Judgement[dict[str, Any]]:
    found = dict(host)
    for name in ("IpcMode", "PidMode", "NetworkMode"):
        if name in found:
            found[name] = yield from _mode(found[name])
    if found.get("Links"):
        found["Links"] = yield from resolved_links(found["Links"])
    return found


def _without_empty(host: dict[str, Any]) -> dict[str, Any]:
    """
    Without the lists of mounts that turned out empty.
    """
    lists = ("Binds", "Mounts", "VolumesFrom")
    return {name: value for name, value in host.items() if value or name not in lists}
