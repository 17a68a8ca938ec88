"""
Settings as values. Reading them from the command line is L{dss.tap}'s job.
"""

from __future__ import annotations

import posixpath

from attrs import Attribute, field, frozen

from dss.model.owner import Owner


@frozen
class Root:
    """
    An allowed host directory: owners may bind it and what is below it.

    @ivar path: absolute and normalised.
    @ivar read_only: whether it may be bound read-only only.
    """

    path: str = field()
    read_only: bool = False

    @path.validator
    def _check(self, attribute: object, value: str) -> None:
        if not value.startswith("/") or posixpath.normpath(value) != value or "\0" in value:
            raise ValueError(f"{value!r} is no root: it should be an absolute, normalised path")
        if value == "/":
            raise ValueError("the whole file system can't be a root")

    @classmethod
    def parse(cls, text: str) -> Root:
        """
        Read C{DIR} or C{DIR:ro}.

        @raise ValueError: if it can't be a root.
        """
        path, colon, option = text.rpartition(":")
        if colon and option in ("ro", "rw"):
            return cls(_clean(path), option == "ro")
        return cls(_clean(text))

    def __str__(self) -> str:
        return f"{self.path}:ro" if self.read_only else self.path


def _clean(path: str) -> str:
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else path


def _positive(instance: object, attribute: Attribute[int], value: int) -> None:
    if value <= 0:
        raise ValueError(f"{attribute.name} must be above zero, not {value}")


def _limit(default: int) -> int:
    validated: int = field(default=default, validator=_positive)
    return validated


@frozen
class Limits:
    """
    What one client, or one owner, may take of dss itself.

    @ivar connections: connections of one owner at once.
    @ivar head_bytes: bytes of a request's line and headers.
    @ivar head_seconds: from a head's first byte to its last.
    @ivar idle_seconds: how long a connection may stay between two requests.
    @ivar json_bytes: bytes of a JSON body that is judged, of a request or a reply.
    @ivar json_seconds: how long a JSON body may take to arrive.
    @ivar question_seconds: how long the engine may take to answer a question of dss.
    @ivar hook_seconds: how long a hook may take.
    """

    connections: int = _limit(4096)
    head_bytes: int = _limit(256 * 1024)
    head_seconds: int = _limit(30)
    idle_seconds: int = _limit(3600)
    json_bytes: int = _limit(8 * 1024 * 1024)
    json_seconds: int = _limit(60)
    question_seconds: int = _limit(60)
    hook_seconds: int = _limit(5)


@frozen
class OwnerSettings:
    """
    What one owner may do.

    @ivar owner: whose socket it is.
    @ivar roots: the allowed host directories.
    """

    owner: Owner
    roots: tuple[Root, ...] = ()
    limits: Limits = field(factory=Limits)


__all__ = ["Limits", "OwnerSettings", "Root"]
