"""
Settings as values. L{dss.config.load} reads them from a file, L{dss.options} from the command line.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from dss.config.containers import Containers, OwnerLimits
from dss.config.networks import Networks
from dss.config.registries import Credentials, Registries
from dss.config.values import positive, setting
from dss.config.volumes import Volumes
from dss.model.owner import Owner

#: File systems of the kernel, and where services run.
KERNELS = ("/proc", "/sys", "/dev")
SERVICES = ("/run", "/var/run", "/run/docker", "/run/containerd")


@frozen
class Root:
    """
    An allowed host directory: owners may bind it and what is below it.

    @ivar path: on the engine's host; absolute and normalised.
    @ivar read_only: whether it may be bound read-only only.
    @ivar client_path: what clients call it, absolute and normalised; the same path unless
        told otherwise.
    """

    path: str = field()
    read_only: bool = False
    client_path: str = field()

    @client_path.default
    def _same(self) -> str:
        return self.path

    @path.validator
    def _check_host(self, attribute: object, value: str) -> None:
        # Builds may well be in memory.
        in_memory = value.startswith("/dev/shm/")
        for each in () if in_memory else KERNELS:
            if value == each or value.startswith(each + "/"):
                raise ValueError(
                    f"{value!r} can't be a root: the host's kernel is configured there"
                )
        if value in SERVICES:
            raise ValueError(
                f"{value!r} can't be a root: the host's services have their sockets there"
            )

    @path.validator
    @client_path.validator
    def _check(self, attribute: object, value: str) -> None:
        if not value.startswith("/") or posixpath.normpath(value) != value or "\0" in value:
            raise ValueError(f"{value!r} is no root: it should be an absolute, normalised path")
        if value == "/":
            raise ValueError("the whole file system can't be a root")

    @classmethod
    def parse(cls, text: str) -> Root:
        """
        Read C{DIR} or C{CLIENT_DIR=DIR}, each with C{:ro} or C{:rw} behind it or without.

        @raise ValueError: if it can't be a root.
        """
        path, colon, option = text.rpartition(":")
        if not colon or option not in ("ro", "rw"):
            path, option = text, "rw"
        client_path, equals, host_path = path.partition("=/")
        if equals:
            return cls(_clean("/" + host_path), option == "ro", _clean(client_path))
        return cls(_clean(path), option == "ro")

    def __str__(self) -> str:
        path = self.path if self.client_path == self.path else f"{self.client_path}={self.path}"
        return f"{path}:ro" if self.read_only else path


def _clean(path: str) -> str:
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else path


def _limit(default: int, meaning: str) -> Any:
    return setting(meaning, default, "number", positive)


@frozen
class Limits:
    """
    What one client, or one owner, may take of dss itself.

    @ivar connections: connections of one owner at once.
    @ivar head_bytes: bytes of a request's line and headers.
    @ivar head_seconds: from a head's first byte to its last.
    @ivar idle_seconds: how long a connection may stay between two requests.
    @ivar json_bytes: bytes of a JSON body that is judged, of a request or a line of a stream.
    @ivar reply_bytes: bytes of a JSON reply of the engine that dss reads: a list has the
        objects of all owners.
    @ivar pending_json_bytes: bytes of one owner's JSON bodies that have begun to arrive.
    @ivar json_seconds: how long a JSON body may take to arrive.
    @ivar question_seconds: how long the engine may take to answer a question of dss.
    @ivar hook_seconds: how long a hook may take.
    """

    connections: int = _limit(4096, "Connections of one owner at once.")
    head_bytes: int = _limit(256 * 1024, "Bytes of a request's line and headers.")
    head_seconds: int = _limit(30, "From a head's first byte to its last.")
    idle_seconds: int = _limit(3600, "How long a connection may stay between two requests.")
    json_bytes: int = _limit(
        8 * 1024 * 1024, "Bytes of a JSON body that is judged, of a request or a line of a stream."
    )
    reply_bytes: int = _limit(
        64 * 1024 * 1024, "Bytes of a JSON reply of the engine that dss reads."
    )
    pending_json_bytes: int = _limit(
        64 * 1024 * 1024, "Bytes of one owner's JSON bodies that have begun to arrive."
    )
    json_seconds: int = _limit(60, "How long a JSON body may take to arrive.")
    question_seconds: int = _limit(60, "How long the engine may take to answer a question of dss.")
    hook_seconds: int = _limit(5, "How long a hook may take.")


#: Where clients expect the engine's socket.
USUAL_SOCKETS = ("/run/docker.sock", "/var/run/docker.sock")


@frozen
class EngineSocket:
    """
    The engine's socket, as what owners may bind.

    @ivar names: the paths that mean it, normalised: where it is, where clients expect it, and
        where the owner's guarded sockets are.
    @ivar replacement: the guarded socket that is bound in its place; L{None} for none.
    """

    names: frozenset[str] = frozenset(USUAL_SOCKETS)
    replacement: str | None = None

    @classmethod
    def known(cls, names: Iterable[str], replacement: str | None) -> EngineSocket:
        """
        One that has these names beside the usual ones.
        """
        also = () if replacement is None else (replacement,)
        return cls(frozenset(_clean(each) for each in (*USUAL_SOCKETS, *names, *also)), replacement)


@frozen
class OwnerSettings:
    """
    What one owner may do.

    @ivar owner: whose socket it is.
    @ivar roots: the allowed host directories.
    @ivar containers: what its containers may ask for, and what they get.
    @ivar sums: what they may use in sum.
    @ivar networks: what may be asked of networks.
    @ivar engine_socket: what becomes of the engine's socket where it is bound.
    @ivar grants: operations that it may use though nobody may by default.
    @ivar volumes: what may be asked of volumes.
    @ivar registries: what may be asked of registries.
    @ivar credentials: what dss itself has for registries, by host.
    """

    owner: Owner
    roots: tuple[Root, ...] = ()
    limits: Limits = field(factory=Limits)
    containers: Containers = field(factory=Containers)
    sums: OwnerLimits = field(factory=OwnerLimits)
    networks: Networks = field(factory=Networks)
    engine_socket: EngineSocket = field(factory=EngineSocket)
    grants: tuple[str, ...] = ()
    volumes: Volumes = field(factory=Volumes)
    registries: Registries = field(factory=Registries)
    credentials: Mapping[str, Credentials] = field(factory=dict, repr=False)


__all__ = ["EngineSocket", "Limits", "OwnerSettings", "Root"]
