"""
The docker client inside of containers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.engines.api import Api, Reply

#: An engine's own root has its client: a host directory that a guard of tests may allow.
HOST_PROGRAMS = "/usr"

#: The client, with the loader and the libraries that busybox's image lacks.
_LIBRARIES = f"{HOST_PROGRAMS}/lib/x86_64-linux-gnu"
DOCKER = f"{_LIBRARIES}/ld-linux-x86-64.so.2 --library-path {_LIBRARIES} {HOST_PROGRAMS}/bin/docker"


def body(
    script: str, binds: Sequence[str] = (), host: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """
    A container that runs a script which has the client as C{$docker}.
    """
    return {
        "Image": "busybox",
        "Cmd": ["sh", "-c", f"docker='{DOCKER}'; {script}"],
        "Tty": True,
        "Env": ["HOME=/tmp"],
        "HostConfig": {"Binds": [f"{HOST_PROGRAMS}:{HOST_PROGRAMS}:ro", *binds], **(host or {})},
        **more,
    }


def create(api: Api, script: str, binds: Sequence[str] = (), **more: Any) -> Reply:
    """
    Create such a container.
    """
    return api.call("POST", "/containers/create", body=body(script, binds, **more))


def output(api: Api, container: str) -> str:
    """
    Start a container, wait for its end, and tell what it wrote.
    """
    return api.output(container).decode().replace("\r", "").strip()


def run(api: Api, script: str, binds: Sequence[str] = (), **more: Any) -> str:
    """
    Create such a container and tell what it wrote.
    """
    made = create(api, script, binds, **more)
    assert made.ok, made.message
    return output(api, made.json()["Id"])
