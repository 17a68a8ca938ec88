"""
What a memory engine holds: its objects, how they are found, and what happened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from dss.testing.engine.files import Tree, small_system
from dss.testing.engine.journal import Journal
from dss.testing.engine.message import EngineError, Outlet
from dss.testing.engine.processes import Process
from dss.testing.engine.programs import NAMES
from dss.testing.engine.times import Clock

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]{64}")


@define(eq=False)
class Image:
    """
    An image.

    @ivar id: C{sha256:} and 64 hex digits.
    @ivar tags: references such as C{busybox:latest}, with their tags.
    @ivar digests: references such as C{busybox@sha256:…}.
    @ivar config: in the shape of C{GET /images/{name}/json}.
    @ivar tree: the files of a container made from it.
    """

    id: str
    created: float
    config: dict[str, Any]
    tree: Tree
    tags: list[str] = field(factory=list)
    digests: list[str] = field(factory=list)
    comment: str = ""
    parent: str = ""
    tagged: float = 0.0

    @property
    def labels(self) -> dict[str, str]:
        """
        The image's labels.
        """
        return self.config.get("Labels") or {}


@define(eq=False)
class Volume:
    """
    A volume.
    """

    name: str
    created: float
    labels: dict[str, str] | None
    driver: str = "local"
    options: dict[str, str] | None = None

    @property
    def anonymous(self) -> bool:
        """
        Whether the engine gave it its name.
        """
        return "com.docker.volume.anonymous" in (self.labels or {})

    @property
    def mountpoint(self) -> str:
        """
        Where its files would be.
        """
        return f"/var/lib/docker/volumes/{self.name}/_data"


@define(eq=False)
class Endpoint:
    """
    A container's place in a network.

    @ivar id: empty while the container doesn't run, and so are the addresses.
    @ivar settings: what the client gave: C{Aliases}, C{Links}, C{IPAMConfig} and such.
    """

    settings: dict[str, Any]
    network_id: str = ""
    id: str = ""
    address: str = ""
    mac: str = ""


@define(eq=False)
class Network:
    """
    A network.

    @ivar subnet: two numbers, such as C{172.17}, or empty where it has no addresses.
    """

    id: str
    name: str
    created: float
    driver: str = "bridge"
    labels: dict[str, str] = field(factory=dict)
    options: dict[str, str] = field(factory=dict)
    internal: bool = False
    attachable: bool = False
    ipv6: bool = False
    ipam: dict[str, Any] | None = None
    subnet: str = ""
    next_host: int = 2

    @property
    def predefined(self) -> bool:
        """
        Whether it came with the engine.
        """
        return self.name in ("bridge", "host", "none")


@define(eq=False)
class Exec:
    """
    A command to run inside a container.
    """

    id: str
    container: Container
    config: dict[str, Any]
    process: Process | None = None
    pid: int = 0
    exit_code: int | None = None
    outlets: list[tuple[Outlet, bool, bool]] = field(factory=list)

    @property
    def running(self) -> bool:
        """
        Whether it was started and has not ended.
        """
        return self.process is not None and not self.process.finished


@define(eq=False)
class Line:
    """
    A line of a container's log.
    """

    when: float
    stream: int
    data: bytes


@define(eq=False)
class Container:
    """
    A container.

    @ivar config: C{Config} of its inspect.
    @ivar host_config: C{HostConfig} of its inspect.
    @ivar mounts: in the shape of C{Mounts} of its inspect.
    @ivar networks: its endpoints by the name that its client used.
    @ivar stdin: what was written to it before it started.
    @ivar waits: called, once, with the exit code, at the next exit or when it is
        removed.
    """

    id: str
    name: str
    image: Image
    created: float
    config: dict[str, Any]
    host_config: dict[str, Any]
    tree: Tree
    mounts: list[dict[str, Any]] = field(factory=list)
    networks: dict[str, Endpoint] = field(factory=dict)
    status: str = "created"
    exit_code: int = 0
    error: str = ""
    started: float | None = None
    finished: float | None = None
    pid: int = 0
    restarts: int = 0
    process: Process | None = None
    stdin: bytearray = field(factory=bytearray)
    stdin_ended: bool = False
    attached: list[tuple[Outlet, bool, bool]] = field(factory=list)
    log: list[Line] = field(factory=list)
    partial: dict[int, bytes] = field(factory=dict)
    followers: list[Callable[[Line | None], None]] = field(factory=list)
    exit_waits: list[Callable[[int], None]] = field(factory=list)
    removal_waits: list[Callable[[int], None]] = field(factory=list)
    execs: list[Exec] = field(factory=list)
    removing: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """
        The container's labels.
        """
        labels: dict[str, str] = self.config["Labels"]
        return labels

    @property
    def running(self) -> bool:
        """
        Whether its process lives, frozen or not.
        """
        return self.status in ("running", "paused")

    @property
    def tty(self) -> bool:
        """
        Whether it has a terminal.
        """
        return bool(self.config["Tty"])

    @property
    def command(self) -> list[str]:
        """
        What it runs.
        """
        return [*(self.config.get("Entrypoint") or ()), *(self.config.get("Cmd") or ())]


class State:
    """
    Everything that one memory engine holds.

    @ivar clock: tells the time.
    @ivar new_id: gives 64 hex digits, never the same twice.
    """

    def __init__(self, clock: Clock, new_id: Callable[[], str]) -> None:
        self.clock = clock
        self.new_id = new_id
        self.containers: dict[str, Container] = {}
        self.images: dict[str, Image] = {}
        self.networks: dict[str, Network] = {}
        self.volumes: dict[str, Volume] = {}
        self.execs: dict[str, Exec] = {}
        self.journal = Journal(clock)
        self._pid = 1000
        self._subnet = 16
        for repository in ("busybox", "alpine"):
            self.make_image(repository, {"Cmd": ["sh"]}).tags.append(f"{repository}:latest")
        for name, driver in (("bridge", "bridge"), ("host", "host"), ("none", "null")):
            network = Network(new_id(), name, clock.seconds(), driver)
            if driver == "bridge":
                network.subnet = self.next_subnet()
            self.networks[network.id] = network

    @property
    def now(self) -> float:
        """
        The time, in seconds since 1970.
        """
        return self.clock.seconds()

    def next_pid(self) -> int:
        """
        A process number.
        """
        self._pid += 1
        return self._pid

    def next_subnet(self) -> str:
        """
        The first two numbers of a free subnet.
        """
        self._subnet += 1
        return f"172.{self._subnet}" if self._subnet < 256 else f"10.{self._subnet % 256}"

    def make_image(self, origin: str, config: dict[str, Any], parent: Image | None = None) -> Image:
        """
        Make an image without a tag.

        @param origin: told in its comment.
        @param config: what differs from the parent's, or from an empty one.
        """
        base: dict[str, Any] = {
            "Cmd": None,
            "Entrypoint": None,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Labels": None,
            "OnBuild": None,
            "User": "",
            "Volumes": None,
            "WorkingDir": "",
        }
        if parent is not None:
            base.update(parent.config)
        base.update(config)
        image = Image(
            f"sha256:{self.new_id()}",
            self.now,
            base,
            parent.tree if parent is not None else small_system(NAMES, self.now),
            comment=f"made up in memory: {origin}",
            parent=parent.id if parent is not None else "",
            tagged=self.now,
        )
        self.images[image.id] = image
        return image

    # finding

    def container(self, reference: str) -> Container:
        """
        The container that a reference means: by full id, then by name, then by a
        unique prefix of its id (moby 28.5, C{daemon.GetContainer}).

        @raise EngineError: 404 if there is none, 400 if a prefix means several.
        """
        found = self.containers.get(reference) or self.container_by_name(reference)
        if found is not None:
            return found
        matching = [each for each in self.containers if reference and each.startswith(reference)]
        if len(matching) > 1:
            raise EngineError(400, f"multiple IDs found with provided prefix: {reference}")
        if not matching:
            raise EngineError(404, f"No such container: {reference}")
        return self.containers[matching[0]]

    def container_by_name(self, name: str) -> Container | None:
        """
        The container of that name, with or without its slash.
        """
        bare = name.removeprefix("/")
        return next((each for each in self.containers.values() if each.name == bare), None)

    def image_or_none(self, reference: str) -> Image | None:
        """
        The image that a reference means: a full id, then a name, then a unique prefix
        of an id.
        """
        if _HEX.fullmatch(reference):
            return self.images.get(f"sha256:{reference}")
        if _DIGEST.fullmatch(reference):
            return self.images.get(reference)
        wanted = tagged(reference)
        for image in self.images.values():
            if wanted in image.tags or wanted in image.digests:
                return image
        prefix = reference if reference.startswith("sha256:") else f"sha256:{reference}"
        matching = [each for each in self.images if each.startswith(prefix)]
        return self.images[matching[0]] if len(matching) == 1 and reference else None

    def image(self, reference: str) -> Image:
        """
        As L{image_or_none}.

        @raise EngineError: 404 if there is none.
        """
        found = self.image_or_none(reference)
        if found is None:
            raise EngineError(404, f"No such image: {tagged(reference)}")
        return found

    def network(self, reference: str) -> Network:
        """
        The network that a reference means: by full id, then by name, then by a unique
        prefix of its id.

        @raise EngineError: 404 if there is none, 400 if a prefix means several.
        """
        found = self.networks.get(reference) or self.network_by_name(reference)
        if found is not None:
            return found
        matching = [each for each in self.networks if reference and each.startswith(reference)]
        if len(matching) > 1:
            raise EngineError(
                400,
                f"network {reference} is ambiguous ({len(matching)} matches found "
                "based on ID prefix)",
            )
        if not matching:
            raise EngineError(404, f"network {reference} not found")
        return self.networks[matching[0]]

    def network_by_name(self, name: str) -> Network | None:
        """
        The network of that name.
        """
        return next((each for each in self.networks.values() if each.name == name), None)

    def volume(self, name: str) -> Volume:
        """
        The volume of that name.

        @raise EngineError: 404 if there is none.
        """
        found = self.volumes.get(name)
        if found is None:
            raise EngineError(404, f"get {name}: no such volume")
        return found

    def exec(self, reference: str) -> Exec:
        """
        The exec of that id. Its container must still run.

        @raise EngineError: 404 if there is none.
        """
        found = self.execs.get(reference)
        if found is None:
            raise EngineError(404, f"No such exec instance: {reference}")
        return found

    def users(self, volume: Volume) -> list[Container]:
        """
        The containers that mount a volume.
        """
        return [
            each
            for each in self.containers.values()
            if any(mount.get("Name") == volume.name for mount in each.mounts)
        ]

    def members(self, network: Network) -> Iterable[tuple[Container, Endpoint]]:
        """
        The running containers in a network.
        """
        for container in self.containers.values():
            for endpoint in container.networks.values():
                if endpoint.network_id == network.id and endpoint.id:
                    yield container, endpoint


def tagged(reference: str) -> str:
    """
    A reference in the form in which images are tagged: Docker Hub's own prefixes
    left out, C{:latest} where it has neither tag nor digest.
    """
    for prefix in ("docker.io/library/", "index.docker.io/library/", "library/", "docker.io/"):
        if reference.startswith(prefix):
            reference = reference[len(prefix) :]
            break
    if "@" in reference:
        name, _, digest = reference.partition("@")
        last = name.rpartition("/")[2]
        return f"{name[: -len(last)] if ':' in last else name}" + (
            f"{last.partition(':')[0]}@{digest}" if ":" in last else f"@{digest}"
        )
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"
