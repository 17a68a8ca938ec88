"""
Two owners of one engine, and what is theirs.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from tests.engines.api import Api, Reply
from tests.engines.machine import Engine

_HIDDEN = "<reference>"


@frozen
class Pair:
    """
    Owner A, who attempts, and owner B, whose things must not be touched.
    """

    engine: Engine
    a: Api
    b: Api

    def container(self, owner: Api | None = None, run: bool = False, **body: Any) -> Container:
        """
        A new container of B's, or of another owner's.

        @param run: whether to start it.
        """
        name = f"box-{secrets.token_hex(3)}x"
        whole = {"Image": "busybox", "Cmd": ["sleep", "60"], "StopSignal": "KILL", **body}
        owner = owner or self.b
        made = owner.post(f"/containers/create?name={name}", whole)["Id"]
        if run:
            owner.post(f"/containers/{made}/start")
        return Container(self.engine, made, name)


@frozen
class Container:
    """
    A container, and how it can be named.
    """

    engine: Engine
    id: str
    name: str

    @property
    def references(self) -> Mapping[str, str]:
        """
        All that names it, by the kind of reference.
        """
        return {"id": self.id, "short id": self.id[:12], "prefix": self.id[:9], "name": self.name}

    def snapshot(self) -> Any:
        """
        All that the engine tells of it, straight: its state, its name, its settings, its
        execs, and which files changed.
        """
        api = self.engine.api
        return api.get(f"/containers/{self.id}/json"), api.get(f"/containers/{self.id}/changes")


def missing(kind: str) -> str:
    """
    A reference of that kind which means nothing.
    """
    full = secrets.token_hex(32)
    length = {"id": 64, "short id": 12, "prefix": 9}
    return full[: length[kind]] if kind in length else f"nobody-{full[:8]}x"


def told(reply: Reply, reference: str) -> tuple[int, str]:
    """
    What a client learns from a reply, but for the reference that it wrote itself.
    """
    written = rf"(?<![0-9A-Za-z]){re.escape(reference)}(?![0-9A-Za-z])"
    return reply.status, re.sub(written, _HIDDEN, reply.message)
