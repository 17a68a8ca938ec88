"""
The scene of the attacks, with things of the attacker's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from tests.attacks.cases_create import ATTACKER, Scene
from tests.engines.cleaning import Contents
from tests.engines.machine import Engine


@define
class Yard:
    """
    A victim, and an owner that has a container and a volume, too.

    @ivar before: all that is there before a body is tried.
    @ivar own: the ids of the owner's containers.
    @ivar usual: C{HostConfig} of a container for which nothing was asked.
    """

    engine: Engine
    scene: Scene = field(init=False)
    own: frozenset[str] = field(init=False)
    usual: Mapping[str, Any] = field(init=False)
    before: Contents = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.scene = Scene(self.engine)
        api, labels = self.engine.api, {"com.dss.owner": ATTACKER}
        api.post("/volumes/create", {"Name": "own-data", "Labels": labels})
        made = api.post(
            "/containers/create",
            {
                "Image": "busybox",
                "Cmd": ["sleep", "98765"],
                "Labels": labels,
                "HostConfig": {
                    "Init": True,
                    "IpcMode": "shareable",
                    "Binds": ["own-data:/own"],
                },
            },
            name="own-box",
        )["Id"]
        api.post(f"/containers/{made}/start")
        self.own = frozenset({made})
        plain = api.post("/containers/create", {"Image": "busybox", "HostConfig": {}})["Id"]
        self.usual = api.get(f"/containers/{plain}/json")["HostConfig"]
        api.delete(f"/containers/{plain}")
        self.before = Contents.of(api)
