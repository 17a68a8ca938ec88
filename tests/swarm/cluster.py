"""
What tests on Swarms share.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from tests.engines.api import Api
from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.engines.patience import eventually


@frozen
class Swarm:
    """
    A Swarm, as seen from one of its managers, with the guards of two owners.

    @ivar root: the one directory that owner A may bind.
    """

    engine: Engine
    guard_a: Guard
    guard_b: Guard
    root: Path

    @property
    def a(self) -> Api:
        """
        Owner A's API.
        """
        return self.guard_a.api

    @property
    def b(self) -> Api:
        """
        Owner B's API.
        """
        return self.guard_b.api


def service(name: str, command: str = "exec sleep 600", **container: Any) -> dict[str, Any]:
    """
    The body of a service that runs a shell's command once.
    """
    inner = {
        "Image": "busybox",
        "Args": ["sh", "-c", command],
        "StopGracePeriod": 10_000_000,
        **container,
    }
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": inner, "RestartPolicy": {"Condition": "none"}},
    }


def running(api: Api, name: str) -> Any:
    """
    A service's one task that runs, once there is exactly one.
    """

    def look() -> Any:
        wanted = {"service": [name], "desired-state": ["running"]}
        tasks = api.get("/tasks", filters=wanted)
        return tasks[0] if [each["Status"]["State"] for each in tasks] == ["running"] else None

    return eventually(look, f"a task of {name} to run")


def logged(api: Api, name: str, wanted: bytes, times: int = 1) -> bytes:
    """
    What a service logs, once that has some bytes in it some times.
    """

    def look() -> bytes:
        reply = api.call("GET", f"/services/{name}/logs", {"stdout": 1, "stderr": 1})
        return reply.body if reply.body.count(wanted) >= times else b""

    return eventually(look, f"{wanted!r} in the logs of {name}")
