"""
A valid request for every operation that names a container or an exec in its path.

The operations come from the route table: L{missing_operations} tells which of them
have no request here.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from dss.routes import ROUTES
from dss.routes.table import Family, Route
from tests.engines.api import Api, Reply


@frozen
class Attempt:
    """
    What to send for an operation.

    @ivar runs: whether the container has to run.
    @ivar once: whether a success changes what a second one would do, so that each
        needs a container of its own.
    @ivar hijacks: whether a success is an upgrade.
    @ivar upgrade: the headers that ask for the upgrade.
    @ivar denied: whether dss denies it to everybody.
    """

    query: Mapping[str, Any] = field(factory=dict)
    body: Any = None
    runs: bool = False
    once: bool = False
    hijacks: bool = False
    upgrade: Mapping[str, str] = field(factory=lambda: {"Upgrade": "tcp"})
    denied: bool = False

    def send(self, api: Api, route: Route, reference: str) -> Reply:
        """
        Send it, about what the reference names.
        """
        path = route.template.replace("{id}", reference).replace("{checkpoint}", "one")
        if not self.hijacks:
            return api.call(route.method, path, self.query, self.body)
        with api.hijack(route.method, path, self.query, self.body, self.upgrade) as raw:
            return Reply(101, raw.headers, b"") if raw.status == 101 else raw.reply()


def _tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("planted")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    return packed.getvalue()


_STREAMS = {"stream": 1, "stdin": 1, "stdout": 1, "stderr": 1}
_WEBSOCKET = {
    "Upgrade": "websocket",
    "Origin": "http://engine",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
_DENIED = Attempt(denied=True)

#: By operation. The executions' requests name an exec id in place of a container.
ATTEMPTS: Mapping[str, Attempt] = {
    "ContainerInspect": Attempt(),
    "ContainerTop": Attempt(runs=True),
    "ContainerLogs": Attempt({"stdout": 1, "stderr": 1}, runs=True),
    "ContainerChanges": Attempt(),
    "ContainerExport": Attempt(),
    "ContainerStats": Attempt({"stream": 0, "one-shot": 1}, runs=True),
    "ContainerResize": Attempt({"h": 20, "w": 70}, runs=True),
    "ContainerStart": Attempt(),
    "ContainerStop": Attempt({"t": 0}, runs=True),
    "ContainerRestart": Attempt({"t": 0}, runs=True),
    "ContainerKill": Attempt({"signal": "KILL"}, runs=True, once=True),
    "ContainerUpdate": Attempt(body={"CpuShares": 77}),
    "ContainerRename": Attempt({"name": "renamed"}, once=True),
    "ContainerPause": Attempt(runs=True, once=True),
    "ContainerUnpause": Attempt(runs=True, once=True),
    "ContainerAttach": Attempt(_STREAMS, runs=True, hijacks=True),
    "ContainerAttachWebsocket": Attempt(_STREAMS, runs=True, hijacks=True, upgrade=_WEBSOCKET),
    "ContainerWait": Attempt(),
    "ContainerDelete": Attempt({"force": 1, "v": 1}, once=True),
    "ContainerArchiveInfo": Attempt({"path": "/etc/passwd"}),
    "ContainerArchive": Attempt({"path": "/etc/passwd"}),
    "PutContainerArchive": Attempt({"path": "/tmp"}, body=_tar()),
    "ContainerExec": Attempt(body={"Cmd": ["touch", "/planted"]}, runs=True),
    "CheckpointList": _DENIED,
    "CheckpointCreate": Attempt(body={"CheckpointID": "one"}, denied=True),
    "CheckpointDelete": _DENIED,
    "ExecInspect": Attempt(),
    "ExecResize": Attempt({"h": 20, "w": 70}),
    "ExecStart": Attempt(body={"Detach": False, "Tty": False}, once=True, hijacks=True),
}

#: All operations that name a container or an exec in their path.
NAMING: tuple[Route, ...] = tuple(
    route
    for route in ROUTES
    if route.family in (Family.CONTAINERS, Family.EXECS) and "{id}" in route.template
)

ON_CONTAINERS = tuple(route for route in NAMING if route.template.startswith("/containers/"))
ON_EXECS = tuple(route for route in NAMING if route.template.startswith("/exec/"))


def missing_operations() -> set[str]:
    """
    Operations of the route table that have no request here.
    """
    return {route.operation for route in NAMING} - set(ATTEMPTS)
