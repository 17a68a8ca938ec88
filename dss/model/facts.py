"""
Questions that policy asks, and the facts that answer them.

A rule does no I/O. What it must know it asks for with one of these values, and
whoever drives the judgement finds the answer: from the engine, the host's file
system or the hooks. Each question's class says what type its answer has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from dss.model.records import NO_RECORDS, Records
from dss.model.reference import canonical

Answer_co = TypeVar("Answer_co", covariant=True)

#: Anything that JSON can hold.
Json = Any


class Question(Generic[Answer_co]):
    """
    Something that a rule must know. The type parameter is the answer's type.
    """

    __slots__ = ()


@frozen
class ContainerFacts:
    """
    What the engine says of one container.

    @ivar id: the full id, 64 hex digits. It is never given to another container.
    @ivar owner: the owner's name by its label, or L{None}.
    """

    id: str
    owner: str | None


@frozen
class ImageFacts:
    """
    What the engine and the ledger say of one image.

    @ivar id: the full id, C{sha256:} and 64 hex digits.
    @ivar owner: the owner's name by its label, or L{None} where that tells of none.
    @ivar is_named: whether it has a tag or a digest. Without one, and without an owner, it
        is a step of somebody's build.
    @ivar working_dir: the directory in which its program starts, or empty.
    @ivar volumes: paths at which each of its containers gets a volume.
    @ivar check_intervals: how often its health is checked, in nanoseconds, by the names
        C{Interval} and C{StartInterval}.
    @ivar on_build: instructions that a build runs which begins with it.
    @ivar platform: its operating system, processor and, where it has one, variant, as
        C{linux/arm64/v8}; empty where unknown.
    @ivar tags: its tags, canonical.
    @ivar digests: its digests, canonical.
    @ivar found_by: which of these it was found by; empty where that was an id.
    @ivar parent: the id of the image that it was built upon here, or empty.
    @ivar records: what the ledger has on it.
    @ivar exposed: ports that it names, as C{80/tcp}.
    @ivar check_test: the words that check its health, the first of which tells their kind.
    @ivar environment: its variables, as C{NAME=value}.
    """

    id: str
    owner: str | None
    is_named: bool = False
    working_dir: str = ""
    volumes: tuple[str, ...] = ()
    check_intervals: Mapping[str, int] = field(factory=dict)
    on_build: tuple[str, ...] = ()
    platform: str = ""
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    found_by: str = ""
    parent: str = ""
    records: Records = NO_RECORDS
    exposed: tuple[str, ...] = ()
    check_test: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def owners(self) -> frozenset[str]:
        """
        Whose it is: those who made, pulled or loaded it.
        """
        return self.records.owners(self.id, self.owner)

    def claimants(self, name: str) -> frozenset[str]:
        """
        Whose one of its tags or digests is; nobody's where it is shared.
        """
        if name in self.digests:
            return self.records.claimants_of_digest(name, self.id)
        return self.records.claimants(name, self.id, self.owner)

    @property
    def is_shared(self) -> bool:
        """
        Whether everybody may use it: it has a tag that is nobody's; or it has neither an
        owner nor a tag, but a digest.
        """
        if any(not self.claimants(each) for each in self.tags):
            return True
        if self.owners or not self.is_named:
            return False
        if not self.tags and not self.digests:
            return True
        return any(not self.claimants(each) for each in self.digests)

    def is_visible(self, name: str, owner: str) -> bool:
        """
        Whether an owner may know of a tag or a digest.
        """
        claimants = self.claimants(name)
        return not claimants or owner in claimants

    def is_usable(self, owner: str) -> bool:
        """
        Whether an owner may see and use it, by the reference that it was found by: its own,
        or a shared one.
        """
        if self.found_by and not self.is_visible(self.found_by, owner):
            return False
        return (
            owner in self.owners
            or self.is_shared
            or any(owner in self.claimants(each) for each in (*self.tags, *self.digests))
        )

    def others(self, owner: str) -> frozenset[str]:
        """
        The other owners who have it, by itself or by a tag.
        """
        found = set(self.owners)
        for name in self.tags:
            found |= self.claimants(name)
        return frozenset(found - {owner})


def names_of(image: Json, key: str) -> tuple[str, ...]:
    """
    An image's tags or digests, canonical.
    """
    return tuple(canonical(name) for name in image.get(key) or () if not name.startswith("<none>"))


def is_named(image: Json) -> bool:
    """
    Whether an image has a tag or a digest.

    @param image: the engine's object, inspected or from a list, where engines before API
        1.43 write C{<none>} for none.
    """
    names = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
    return any(not name.startswith("<none>") for name in names)


@frozen
class NetworkFacts:
    """
    What the engine says of one network.

    @ivar owner: the owner's name, or L{None} for one that every engine has.
    """

    id: str
    name: str
    owner: str | None


@frozen
class VolumeFacts:
    """
    What the engine says of one volume. A volume has no id but its name.

    @ivar remembered: what dss wrote down of it, or empty: its L{dss.model.owner.VOLUME_LABEL}.
    """

    name: str
    owner: str | None
    driver: str
    options: Mapping[str, str] = field(factory=dict)
    remembered: str = ""


@frozen
class ClusterFacts:
    """
    What a Swarm's manager says of one service, task, secret or config.

    @ivar id: the full id. It is never given to another object.
    @ivar value: the manager's whole object.
    """

    id: str
    value: Json


@frozen
class PathFacts:
    """
    What the host says of one path.

    @ivar resolved: the path with every link followed, or L{None} where it does
        not exist or can't be looked at.
    @ivar is_directory: whether that is a directory.
    @ivar is_socket: whether that is a socket.
    @ivar is_engines: whether the engine keeps its own files there: in it, or around it.
    """

    resolved: str | None
    is_directory: bool = False
    is_socket: bool = False
    is_engines: bool = False


@frozen
class ContainerNamed(Question[ContainerFacts | None]):
    """
    Which container of the asking owner a reference means: a full id, a name or a
    unique prefix of an id, in this order. L{None} where there is none.

    The answer is only ever the owner's own: another owner's container with that
    name or prefix is as if it were missing, also where it would hide one's own.
    """

    reference: str


@frozen
class ContainerJson(Question[Json]):
    """
    The engine's C{GET /containers/{id}/json} for a full id, or L{None} where it
    is gone.
    """

    id: str


@frozen
class HostRoutes(Question[tuple[str, ...]]):
    """
    The networks that the host has a route to, but for the one that leads to all others and
    those of the engine's own bridges. Of a host that dss does not share the network of, dss
    sees nothing.
    """


@frozen
class ClientContainer(Question[str | None]):
    """
    The full id of the container that the client itself runs in, by what its kernel says of
    it; L{None} where it runs in none, or that can't be told. It may be another engine's.
    """


@frozen
class EngineDefaults:
    """
    What the engine gives containers that ask for nothing.

    @ivar runtime: the runtime's name.
    @ivar security_options: as C{GET /info} tells them.
    """

    runtime: str
    security_options: tuple[str, ...] = ()


@frozen
class EngineUsual(Question[EngineDefaults]):
    """
    What the engine gives containers that ask for nothing.
    """


@frozen
class RemoveUnstarted(Question[None]):
    """
    Remove a container that has never run, with its anonymous volumes, unless somebody starts it
    meanwhile.

    @ivar id: the full id.
    """

    id: str


@frozen
class OwnContainers(Question[Sequence[Json]]):
    """
    The owner's entries of C{GET /containers/json?all=1}.
    """


@frozen
class ExecNamed(Question[ContainerFacts | None]):
    """
    The container of the asking owner that an exec id belongs to, or L{None}.
    """

    id: str


@frozen
class ImageNamed(Question[ImageFacts | None]):
    """
    Which image a reference, id or unique prefix of an id means, whoever owns it, with the
    ledger's records of it.
    """

    reference: str


@frozen
class NetworkNamed(Question[NetworkFacts | None]):
    """
    Which network a full id, a name or a unique prefix of an id means: of the asking owner's
    own first, then of those that every engine has. L{None} where there is none.

    @raise dss.errors.BadRequest: where it means several.
    """

    reference: str


@frozen
class IsNetworkId(Question[bool]):
    """
    Whether there is a network whose id begins so, whoever owns it.
    """

    prefix: str


@frozen
class PrivateBridge(Question[NetworkFacts]):
    """
    The network that the asking owner has in place of the engine's default one. It is made
    where there is none.
    """

    name: str


@frozen
class VolumeNamed(Question[VolumeFacts | None]):
    """
    The volume of that name, whoever owns it. A name that another owner's service mounts is
    that owner's, though no volume has it yet: the engine makes one when a task starts.
    """

    name: str


@frozen
class MakeVolume(Question[VolumeFacts]):
    """
    Make a volume. Where there is one of that name the engine makes none, and the answer
    tells whose that is.

    @raise dss.errors.BadRequest: where the engine takes no such volume.
    """

    name: str
    labels: Mapping[str, str]
    driver: str = "local"
    options: Mapping[str, str] = field(factory=dict)


@frozen
class ClusterNamed(Question[ClusterFacts | None]):
    """
    Which object of a Swarm a full id, a name or a unique prefix of an id means, of the
    asking owner's own. L{None} where there is none. A task is its service's owner's.

    @ivar kind: C{service}, C{task}, C{secret} or C{config}.
    @raise dss.errors.BadRequest: where it means several.
    @raise dss.errors.NoManager: where the engine is no manager of a Swarm.
    """

    kind: str
    reference: str


@frozen
class OwnServices(Question[Sequence[Json]]):
    """
    The owner's entries of C{GET /services}.

    @raise dss.errors.NoManager: where the engine is no manager of a Swarm.
    """


@frozen
class OwnIds(Question[frozenset[str]]):
    """
    The ids, as events tell them, of all that the owner has of a kind.

    @ivar kind: C{network}, C{volume} (whose id is its name), C{service}, C{secret} or
        C{config}.
    @raise dss.errors.NoManager: for an object of a Swarm, where the engine is no manager.
    """

    kind: str


@frozen
class IsOwn(Question[bool]):
    """
    Whether an object is there, and the owner's.

    @ivar kind: as in L{OwnIds}.
    @ivar id: a full id, or a volume's name.
    """

    kind: str
    id: str


@frozen
class ThisNode(Question[str]):
    """
    The id of the engine's own node in its Swarm.

    @raise dss.errors.NoManager: where the engine is in none.
    """


@frozen
class HostPath(Question[PathFacts]):
    """
    What a path of the host is, as the engine's host sees it.
    """

    path: str


@frozen
class MakeDirectory(Question[str | None]):
    """
    Make a directory and those above it, as the engine does for a bind's missing source.
    No link below the root is followed. L{None} once it is there, else why it can't be.

    @ivar root: an existing directory of the engine's host.
    @ivar relative: the path below it, clean.
    """

    root: str
    relative: str


@frozen
class HooksOnCreate(Question[Json]):
    """
    The create body after all hooks have seen it.

    @raise dss.errors.Denied: where a hook denies, fails or is too slow.
    """

    body: Json


@frozen
class HooksOnEntry(Question[bool]):
    """
    Whether every hook shows a list entry to the owner.

    @ivar kind: what the list holds, such as C{container}, C{image} or C{event}.
    """

    kind: str
    entry: Json


@frozen
class Claim(Question[Callable[[], None]]):
    """
    Claim what an owner is about to use, within the owner's limits: for a container that is
    about to be made, or to run with some resources, and for networks and volumes. The claim
    counts as use until the answer is called: once the engine has answered, and so can tell by
    itself.

    @ivar container: the full id, or empty for something new.
    @ivar changes: for a container that is updated, the resources that change.
    @ivar kind: what is new: C{container}, C{network} or C{volume}.
    @ivar count: how many are.
    @raise dss.errors.Denied: where it goes over a limit.
    """

    container: str = ""
    changes: Mapping[str, Any] = field(factory=dict)
    kind: str = "container"
    count: int = 1
