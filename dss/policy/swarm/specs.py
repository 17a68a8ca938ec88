"""
The body of a service: judged, and written for the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from dss.config.settings import OwnerSettings
from dss.errors import BadRequest, Denied, DssError, NotFound, Problem
from dss.model.facts import HooksOnCreate, ImageFacts, ThisNode
from dss.model.owner import IMAGE_LABEL, MOUNTS_LABEL, NODE_LABEL
from dss.model.ruling import Judgement, ask
from dss.policy.chosen import chosen_image, image_problems
from dss.policy.fields import ports
from dss.policy.fields.field import Spot
from dss.policy.fields.table import Table
from dss.policy.labels import stamp
from dss.policy.mounts import judging
from dss.policy.mounts.draft import Mounted
from dss.policy.request import Circumstances, Request
from dss.policy.swarm import equivalent, older, pinning
from dss.policy.swarm.references import referred, targeted

_CONTAINER = "TaskTemplate.ContainerSpec"


@frozen
class Ready:
    """
    A service as the engine gets it.

    @ivar spec: the whole body.
    @ivar mounted: what became of its mounts.
    @ivar rewrites: what was changed, for the audit.
    """

    spec: dict[str, Any]
    mounted: Mounted
    rewrites: tuple[str, ...]

    def make(self) -> Judgement[None]:
        """
        Make what must be there before the service is.

        @raise Denied: where that can't be.
        """
        problem = (yield from self.mounted.make_missing()) or (
            yield from self.mounted.make_volumes()
        )
        if problem is not None:
            raise Denied(problem)


def judge(
    table: Table, request: Request, around: Circumstances, current: Mapping[str, Any] | None = None
) -> Judgement[Ready]:
    """
    Judge a service's body by the rules of containers, and by its own.

    What goes on has the image by its id or digest, networks, secrets and configs by their
    ids, the owner's labels on the service and on its containers and volumes. It goes on in the
    engine's own version: in an older one L{older} tells what the engine would leave out, of
    what dss writes too.

    @param current: the engine's service, where there is one already.
    @raise BadRequest: where the engine would not take it, or could read it in two ways.
    @raise NotFound: where the image or a network is missing, or another owner's.
    @raise Denied: with all problems.
    """
    body = older.as_read(table.read(request.body), request.version)
    task = body.get("TaskTemplate") or {}
    container = task.get("ContainerSpec")
    if container is None and not any(each in task for each in _OTHER_RUNTIMES):
        # In the engine's words (moby 20.10 to 28.5).
        raise BadRequest("mismatched Runtime and *Spec fields")
    yield from _hooked(task)
    settings = around.settings
    problems = list(table.problems(body, settings.containers))
    problems.extend(equivalent.cannot_be_given(settings.containers, around.engine_version))
    problems.extend(equivalent.over_ceilings(task, settings.containers))
    problems.extend(_settled(body, settings))
    placeholders = list(_templates(container or {}))
    if placeholders:
        raise Denied([*problems, *placeholders])
    image = yield from _image((container or {}).get("Image", ""), around)
    of_image = image.volumes if isinstance(image, ImageFacts) else ()
    wanted = (container or {}).get("Mounts") or []
    mounted, node = yield from _mounted(wanted, of_image, around, current)
    problems.extend(mounted.problems)
    problems.extend(_loose(mounted))
    if problems:
        raise Denied(problems)
    container = dict(table.cleaned(body)["TaskTemplate"]["ContainerSpec"])
    reference = container.get("Image", "")
    chosen = pinning.image_before(current, reference) if node else None
    if chosen is None:
        if not isinstance(image, ImageFacts):
            raise image
        as_container = equivalent.as_container(task)
        at = f"{_CONTAINER}.Image"
        problems.extend(image_problems(image, as_container, settings.containers, at))
        if problems:
            raise Denied(problems)
        chosen = pinning.for_nodes(reference, image, settings.registries)
    plain = {**task, "ContainerSpec": container}
    given = equivalent.given_to(plain, settings.containers)
    container = dict(given["ContainerSpec"])
    for name, kind in (("Secrets", "secret"), ("Configs", "config")):
        if container.get(name):
            container[name] = yield from referred(container[name], kind)
    container["Image"] = chosen
    container["Labels"] = stamp(
        container.get("Labels"),
        around.owner,
        {IMAGE_LABEL: reference, MOUNTS_LABEL: mounted.label},
    )
    if mounted.mounts:
        container["Mounts"] = [dict(each) for each in mounted.mounts]
    ready_task = {**given, "ContainerSpec": container}
    labels = {}
    if pinning.is_needed(mounted.mounts):
        node = node or (yield from ask(ThisNode()))
        ready_task["Placement"] = pinning.to_node(given.get("Placement"), node)
        labels = {NODE_LABEL: node}
    ready = {
        **body,
        "Labels": stamp(body.get("Labels"), around.owner, labels),
        "TaskTemplate": ready_task,
    }
    for holder in (ready, ready_task):
        if holder.get("Networks"):
            holder["Networks"] = yield from targeted(holder["Networks"], around, current)
    return Ready(
        ready,
        mounted,
        ("Labels: stamped", f"Image: {chosen}", *mounted.rewrites),
    )


def _image(reference: str, around: Circumstances) -> Judgement[ImageFacts | DssError]:
    """
    A service's image, or what is told where nothing else is denied.
    """
    if not reference:
        # In the engine's words (moby 20.10 to 28.5).
        return BadRequest(
            "rpc error: code = InvalidArgument desc = "
            "ContainerSpec: image reference must be provided"
        )
    try:
        return (yield from chosen_image(reference, around.owner))
    except (BadRequest, NotFound) as error:
        return error


def _mounted(
    mounts: Sequence[Mapping[str, Any]],
    of_image: Iterable[str],
    around: Circumstances,
    current: Mapping[str, Any] | None,
) -> Judgement[tuple[Mounted, str]]:
    """
    What becomes of a service's mounts, and the node that its tasks are kept to already, if
    they stay there.

    @param of_image: where the image wants volumes: the engine would make them without an owner.
    """
    if mounts and current is not None:
        before = pinning.as_before(current, mounts, (yield from ask(ThisNode())))
        if before is not None:
            return before
    body = {"HostConfig": {"Mounts": mounts}}
    judged = yield from judging.judge(body, (), around, of_image=of_image)
    return _renamed(judged), ""


_OTHER_RUNTIMES = ("PluginSpec", "NetworkAttachmentSpec")


def _hooked(task: Mapping[str, Any]) -> Judgement[None]:
    """
    Ask the hooks about the containers of a service as about one that is created. A service
    can't have all that a hook could write.

    @raise Denied: where a hook denies, or wants another container.
    """
    body = equivalent.as_container(task)
    if (yield from ask(HooksOnCreate(body))) != body:
        raise Denied(
            Problem(
                "hook.service",
                "",
                "a policy hook wants the containers to be others, which a service's can't be.",
            )
        )


def _settled(body: Mapping[str, Any], settings: OwnerSettings) -> Iterator[Problem]:
    """
    What the operator's settings leave no room for.
    """
    sums = settings.sums
    summed = (sums.containers, sums.volumes, sums.memory, sums.cpus, sums.pids)
    if any(each is not None for each in summed):
        yield Problem(
            "service.sums",
            "",
            "the owner's containers and volumes are counted, and a Swarm makes a service's by "
            "itself.",
            "The setting is owner.limits.",
        )
    published = (body.get("EndpointSpec") or {}).get("Ports") or ()
    spot = Spot("EndpointSpec.Ports", len(published))
    yield from ports.most.problems(spot, settings.containers)
    if published and settings.containers.ports.allowed:
        yield Problem(
            "container.ports.address",
            "EndpointSpec.Ports",
            "a service publishes on all addresses of the host.",
            "The setting is containers.ports.addresses or loopback_only.",
        )
    if settings.networks.private_bridge:
        task = body.get("TaskTemplate") or {}
        targets = [
            each.get("Target") for holder in (body, task) for each in holder.get("Networks") or ()
        ]
        if not targets or "bridge" in targets:
            yield Problem(
                "service.network",
                "TaskTemplate.Networks",
                "a service without a network of its own is in the bridge of all owners.",
                "Name one of your own networks, of the driver overlay.",
            )


def _templates(container: Mapping[str, Any]) -> Iterator[Problem]:
    """
    Placeholders in what is mounted: what the engine makes of them nobody has judged (moby
    28.5, swarmkit's C{template}, which fills in mounts, the environment and the host name).
    """
    for index, mount in enumerate(container.get("Mounts") or ()):
        if "{{" in "\0".join(_texts(mount)):
            yield Problem(
                "service.template",
                f"{_CONTAINER}.Mounts[{index}]",
                "a placeholder is denied: it could become any path.",
                "Some placeholders are allowed in Env and Hostname.",
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield key
            yield from _texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _texts(each)


def _renamed(mounted: Mounted) -> Mounted:
    """
    With the fields as a service's client calls them.
    """

    def at(field: str) -> str:
        return field.replace("HostConfig.Mounts", f"{_CONTAINER}.Mounts", 1)

    return evolve(
        mounted,
        problems=tuple(
            Problem(each.rule, at(each.field), each.reason, each.hint) for each in mounted.problems
        ),
        loose=tuple(evolve(each, at=at(each.at)) for each in mounted.loose),
        missing=tuple((at(field), shown, place) for field, shown, place in mounted.missing),
        volumes=tuple((at(field), wanted) for field, wanted in mounted.volumes),
        rewrites=tuple(map(at, mounted.rewrites)),
    )


def _loose(mounted: Mounted) -> Iterator[Problem]:
    """
    Host directories that could become others: the engine starts tasks, and looks the
    paths up each time, without dss looking on.
    """
    for each in mounted.loose:
        yield Problem(
            "service.mount",
            each.at,
            f"the host directory {each.shown!r} is denied: the Swarm looks its path up anew at "
            "each start of a task.",
            "Bind exactly an allowed directory, or use a volume.",
        )
