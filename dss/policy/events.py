"""
Events: those of the owner's own objects, as their client knows them.

An event of a container carries its labels. Whose an image and its names are is asked, since its
labels may be anybody's, and of one that is gone remembered. Those of
networks, volumes and a Swarm's objects carry none: whose they are is asked when they are made, and
remembered for as long as the client watches, since of an object that is gone nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dss.errors import NoManager
from dss.model.facts import ContainerNamed, HooksOnEntry, ImageNamed, IsOwn, Json, OwnIds
from dss.model.images import AllImages, AllRecords
from dss.model.reference import canonical
from dss.model.ruling import EditLines, Forward, Judgement, Ruling, ask
from dss.policy.fields.volumes import is_reserved
from dss.policy.filters import narrowed
from dss.policy.images.seen import listed
from dss.policy.networks.resolving import COMMON, private_name
from dss.policy.queries import filters_of, passed_on
from dss.policy.request import Circumstances, Request
from dss.policy.shown import labels_of, with_image

#: Types of events whose objects are asked for, a Swarm's last (Docker Engine API,
#: I{EventMessage}).
_ASKED_FOR = ("network", "volume", "service", "secret", "config")

#: Types of events that carry the labels of what they are about.
_LABELLED = ("container", "image")

#: Actions after which an object is gone.
_ENDS = ("destroy", "remove", "delete")


def watch(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of watching events. Those of nodes, plugins, the builder and the engine itself,
    and what is told of a prune, are of no owner's own, and dropped.
    """
    filters = dict(filters_of(request))
    types = filters.get("type", ())
    if "label" in filters or (types and set(types) <= {"container"}):
        # No event without labels passes such filters anyway.
        filters = dict(narrowed(filters, around.owner.labels))
    # The engine knows a container's image by its id only, so it can't tell whether the
    # name matches that its client wrote.
    images = filters.pop("image", ())
    watcher = _Watcher(around, images)
    yield from watcher.look([kind for kind in _ASKED_FOR if not types or kind in types])
    if not types or "image" in types:
        yield from watcher.look_at_images()
    return Forward(
        query=passed_on({**request.query, "filters": filters}),
        # One owner's event that is too long must not end another's stream.
        reply=EditLines(watcher.edit, drops_long=True),
        rewrites=("events: own ones only",),
    )


class _Watcher:
    """
    Edits the events of one client.
    """

    def __init__(self, around: Circumstances, images: tuple[str, ...]) -> None:
        """
        @param images: what the client's filter C{image} asks for.
        """
        self._around = around
        self._images = images
        #: Types and ids of what is known to be the owner's own.
        self._own: set[tuple[str, str]] = set()
        #: Canonical names of images that are, or were, the owner's.
        self._names: set[str] = set()

    def look(self, kinds: Iterable[str]) -> Judgement[None]:
        """
        Remember what the owner has of some kinds, before an event tells that it is gone.
        """
        for kind in kinds:
            try:
                found = yield from ask(OwnIds(kind))
            except NoManager:
                # Those that follow are a Swarm's too.
                return
            self._own.update((kind, each) for each in found)

    def look_at_images(self) -> Judgement[None]:
        """
        Remember the owner's images and their names: of one that is gone neither the engine nor
        the ledger tells whose it was, and its label may be a lie.
        """
        owner = self._around.owner.name
        records = yield from ask(AllRecords())
        for entry in (yield from ask(AllImages())):
            image = listed(entry, records)
            if owner in image.owners:
                self._own.add(("image", image.id))
            self._names.update(each for each in image.tags if owner in image.claimants(each))

    def edit(self, event: Json) -> Judgement[Json]:
        """
        An event as the client is shown it; L{None} to drop it.
        """
        actor = event.get("Actor") if isinstance(event, dict) else None
        if not isinstance(actor, dict):
            return None
        kind, id = event.get("Type"), actor.get("ID")
        if not isinstance(id, str) or not id:
            return None
        if kind in _LABELLED:
            if not (yield from self._has(kind, id, actor)):
                return None
            shown = self._labelled(kind, id, event, actor)
        elif kind in _ASKED_FOR and not self._images:
            shown = yield from self._asked_for(kind, id, event, actor)
        else:
            shown = None
        if shown is None:
            return None
        if event.get("Action") in _ENDS:
            self._own.discard((kind, id))
        return shown if (yield from ask(HooksOnEntry("event", event))) else None

    def _has(self, kind: str, id: str, actor: Json) -> Judgement[bool]:
        """
        Whether an event about a container or an image is the owner's to see.
        """
        owner, attributes = self._around.owner, labels_of(actor, "Attributes")
        found = None if kind == "container" else (yield from ask(ImageNamed(id)))
        given = str(attributes.get("name", ""))
        name = canonical(given)
        if kind == "container":
            own = owner.owns(attributes)
        elif found is None:
            own = (kind, id) in self._own and (given == id or name in self._names)
        elif found.found_by:
            # A pull, which is not recorded yet, or a push.
            own = owner.name in found.claimants(found.found_by) or any(
                each.pulling and each.name == found.found_by and each.owner == owner.name
                for each in found.records.writes
            )
        else:
            own = owner.name in found.owners
            if name in found.tags:
                # One's own tag of a shared image, or another one's of one's own.
                claimants = found.claimants(name)
                own = owner.name in claimants or (own and not claimants)
        if own:
            self._own.add((kind, id))
            if kind == "image" and given != id:
                self._names.add(name)
        return own

    def _labelled(self, kind: str, id: str, event: Json, actor: Json) -> Json:
        shown = _with_image(event, actor)
        attributes = labels_of(shown["Actor"], "Attributes")
        image = str(attributes.get("image" if kind == "container" else "name", ""))
        if self._images and not {image, without_tag(image), id} & set(self._images):
            return None
        return shown

    def _asked_for(self, kind: str, id: str, event: Json, actor: Json) -> Judgement[Json]:
        attributes = labels_of(actor, "Attributes")
        key = kind, id
        container = attributes.get("container")
        if kind == "volume" and is_reserved(id):
            # It stands for a directory that was bound, of which engines tell nothing.
            return None
        if isinstance(container, str):
            if not (yield from self._is_own_container(container)):
                return None
            if kind == "volume" or attributes.get("name") not in (*COMMON, self._private):
                # Only what is the owner's own can be joined or mounted.
                self._own.add(key)
        elif event.get("Action") == "create":
            # A volume's name can change hands, so that what was known of it is no answer.
            if not (yield from ask(IsOwn(kind, id))):
                self._own.discard(key)
                return None
            self._own.add(key)
        elif key not in self._own:
            return None
        return self._named(kind, event, actor, attributes)

    @property
    def _private(self) -> str:
        return private_name(self._around.owner)

    def _is_own_container(self, id: str) -> Judgement[bool]:
        if ("container", id) in self._own:
            return True
        return (yield from ask(ContainerNamed(id))) is not None

    def _named(self, kind: str, event: Json, actor: Json, attributes: Mapping[str, Any]) -> Json:
        """
        An event that calls the owner's private bridge as its client does.
        """
        if kind != "network" or attributes.get("name") != self._private:
            return event
        return {**event, "Actor": {**actor, "Attributes": {**attributes, "name": "bridge"}}}


def _with_image(event: Json, actor: Json) -> Json:
    """
    An event with the image that its container's client wrote.
    """
    given = {"Attributes": labels_of(actor, "Attributes")}
    flat = with_image(given, "image", "Attributes")
    if flat is given:
        return event
    written = flat.get("image")
    restored = {} if written is None else {"image": written}
    shown = {**event, "Actor": {**actor, "Attributes": {**flat["Attributes"], **restored}}}
    if written is not None and "from" in event:
        shown["from"] = written
    return shown


def without_tag(image: str) -> str:
    """
    A reference of an image without its tag or digest, as the C{image} filter of events
    compares it (moby 28.5, C{daemon/events/filter.go}).
    """
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
