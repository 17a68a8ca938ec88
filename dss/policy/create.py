"""
Container create: the body is read by the field table, judged, resolved and stamped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.errors import BadRequest, Denied, DssError, NotFound, Problem
from dss.model import gojson
from dss.model.facts import HooksOnCreate, ImageFacts
from dss.model.owner import IMAGE_LABEL, MOUNTS_LABEL
from dss.model.ruling import EditError, Forward, Judgement, Ruling, Stream, ask
from dss.policy import buildkit, claims, given, limits
from dss.policy.chosen import chosen_image, familiar, image_problems
from dss.policy.fields import ports
from dss.policy.fields.field import Spot
from dss.policy.fields.tables import CREATE
from dss.policy.images.resolving import with_tag
from dss.policy.labels import stamp
from dss.policy.links import resolved_container, resolved_links
from dss.policy.mounts import judging
from dss.policy.mounts.draft import Mounted
from dss.policy.mounts.older import as_before, without_subpaths
from dss.policy.mounts.sources import restart_problem
from dss.policy.mounts.taking import Taken, taken_from
from dss.policy.names import check_container_name, hide_foreign_ids
from dss.policy.networks import joining
from dss.policy.networks.resolving import private_name
from dss.policy.queries import passed_on, text_of
from dss.policy.request import Circumstances, Request
from dss.policy.usual import with_usual, without_usual_paths
from dss.policy.wording import reworded, words_of


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
    body, problems = CREATE.read_all(request.body)
    buildkit.check_create(text_of(request, "name"), body)
    body = yield from _hooked(body)
    body = given.without_forced(body, around.settings.containers.force)
    body = without_usual_paths(without_subpaths(body, request.version))
    settings = yield from with_usual(body, around.settings.containers)
    host = body.get("HostConfig") or {}
    query, of_name = _named(request)
    problems.extend([*of_name, *CREATE.problems(body, settings)])
    over = list(limits.problems(host, settings.ceilings, "HostConfig."))
    would_have = given.with_limits(host, settings)
    problems.extend(over or claims.problems(would_have, around.settings.sums, "HostConfig."))
    reference = body.get("Image", "")
    image = yield from _image(reference, around)
    exposed = [*(body.get("ExposedPorts") or ())]
    if isinstance(image, ImageFacts):
        problems.extend(image_problems(image, body, settings))
        exposed += image.exposed
    published = Spot("HostConfig.PortBindings", ports.count(host, exposed))
    problems.extend(ports.most.problems(published, settings))
    taken, untaken = yield from _taken(host)
    of_image = image.volumes if isinstance(image, ImageFacts) else ()
    mounted = yield from judging.judge(body, taken, around, bool(problems or untaken), of_image)
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
    if untaken is not None:
        raise untaken
    if not isinstance(image, ImageFacts):
        raise image
    body, changed = given.to_container(CREATE.cleaned(body), settings, image.exposed)
    host = yield from _resolved_host(body.get("HostConfig") or {})
    # It is of Binds and Config.Volumes, which have become Mounts that say it themselves: the
    # engine would warn of it.
    host.pop("VolumeDriver", None)
    host = _with_lists(
        host,
        Binds=[],
        Mounts=[dict(each) for each in mounted.mounts],
        VolumesFrom=[each.entry for each in taken],
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
    words = {
        image.id: with_tag(familiar(reference)),
        private_name(around.owner): "bridge",
        **words_of(ready, body),
    }
    released = yield from claims.for_create(
        around.settings.sums, mounted.new_volumes, _made(mounted)
    )
    return Forward(
        query=query,
        body=gojson.encode(ready),
        reply=Stream(released, _as_asked(words)),
        rewrites=("Labels: stamped", f"Image: {image.id}", *mounted.rewrites, *changed),
        version=max(mounted.version, request.version) if mounted.version else None,
    )


def _made(mounted: Mounted) -> Judgement[None]:
    problem = (yield from mounted.make_missing()) or (yield from mounted.make_volumes())
    if problem is not None:
        raise Denied(problem)


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


def _image(reference: str, around: Circumstances) -> Judgement[ImageFacts | DssError]:
    """
    The image, or what is wrong with naming it, which is told last.
    """
    try:
        return (yield from chosen_image(reference, around.owner))
    except (BadRequest, NotFound) as error:
        return error


def _taken(host: Mapping[str, Any]) -> Judgement[tuple[list[Taken], BadRequest | None]]:
    """
    The containers in C{VolumesFrom}, and what the engine would not take of them.
    """
    taken: list[Taken] = []
    for entry in host.get("VolumesFrom") or ():
        try:
            taken.append((yield from taken_from(entry)))
        except BadRequest as mistake:
            return taken, mistake
    return taken, None


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


def _as_asked(words: Mapping[str, str]) -> EditError:
    """
    Edits the engine's errors: they name all as the client did, and no container of another
    owner.
    """

    def edit(status: int, message: str) -> Judgement[str]:
        named = reworded(message, words)
        return (yield from hide_foreign_ids(status, named, set(words.values())))

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


def _with_lists(host: Mapping[str, Any], **lists: list[Any]) -> dict[str, Any]:
    """
    With these lists of mounts. One that turned out empty is left out, but where it was written
    so: newer engines show it as it was.
    """
    found = dict(host)
    for name, value in lists.items():
        if value:
            found[name] = value
        elif host.get(name):
            del found[name]
    return found
