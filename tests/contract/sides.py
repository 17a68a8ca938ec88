"""
The two sides of the contract: each test's body is run on the engine in memory and on
real ones, and holds for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.engines.api import Api, Raw, Reply
from tests.engines.cleaning import Contents, restore
from tests.engines.machine import Engine
from tests.engines.patience import eventually


@frozen
class Contracted:
    """
    An engine, in memory or real.

    @ivar api: questions to it.
    @ivar version: the newest API version that it speaks.
    """

    api: Api
    version: tuple[int, int]

    def create(self, name: str, *command: str, **body: Any) -> str:
        """
        Make a container of C{busybox:latest}.

        @return: its id.
        """
        made = {"Image": "busybox:latest", **({"Cmd": list(command)} if command else {}), **body}
        return str(self.api.post("/containers/create", made, name=name)["Id"])

    def run(self, name: str, *command: str, **body: Any) -> str:
        """
        Make a container and start it.

        @return: its id.
        """
        id_ = self.create(name, *command, **body)
        self.api.post(f"/containers/{id_}/start")
        return id_

    def state(self, name: str) -> dict[str, Any]:
        """
        The C{State} of a container's inspect.
        """
        state: dict[str, Any] = self.api.get(f"/containers/{name}/json")["State"]
        return state

    def finish(self, name: str) -> int:
        """
        Wait until a container has stopped.

        @return: its exit code.
        """
        code: int = self.api.post(f"/containers/{name}/wait")["StatusCode"]
        return code

    def exec(self, name: str, *command: str, **body: Any) -> str:
        """
        Make an exec.

        @return: its id.
        """
        asked = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(command), **body}
        return str(self.api.post(f"/containers/{name}/exec", asked)["Id"])

    def attach(self, name: str, **query: int) -> Raw:
        """
        Attach by an upgrade.
        """
        asked = {"stream": 1, "stdin": 1, "stdout": 1, "stderr": 1, **query}
        return self.api.hijack("POST", f"/containers/{name}/attach", asked)

    def refused(self, method: str, path: str, **options: Any) -> Reply:
        """
        A request that must fail with a JSON message and nothing else.
        """
        reply = self.api.call(method, path, **options)
        assert reply.status >= 400, reply
        assert reply.headers["content-type"] == "application/json"
        assert set(reply.json()) == {"message"}
        return reply

    def listed_as(self, id_: str, status: str) -> None:
        """
        Wait until the list shows a state; Docker 28 ends a wait a moment before.
        """
        asked = {"id": [id_], "status": [status]}
        eventually(
            lambda: self.api.get("/containers/json", all=1, filters=asked), f"{id_} {status}"
        )

    def stopped(self, name: str) -> dict[str, Any]:
        """
        A container's state once it has stopped, without asking it to wait.
        """
        return eventually(
            lambda: {} if (state := self.state(name))["Running"] else state, f"{name} to stop"
        )


class InMemory:
    """
    Runs a contract on the engine in memory.
    """

    @pytest.fixture
    def on(self, memory_engine_socket: Path) -> Iterator[Contracted]:
        """
        The engine that the contract is about.
        """
        api = Api(str(memory_engine_socket))
        before = Contents.of(api)
        yield Contracted(api, (1, 51))
        restore(api, before)
        assert Contents.of(api) == before


@pytest.mark.engine
class OnEngines:
    """
    Runs a contract on a real engine of each suite.
    """

    @pytest.fixture
    def on(self, engine: Engine) -> Contracted:
        """
        The engine that the contract is about.
        """
        return Contracted(engine.api, engine.version)


def demultiplexed(data: bytes) -> tuple[bytes, bytes]:
    """
    Standard output and error of a stream with Docker's headers.
    """
    streams = {1: b"", 2: b""}
    while data:
        assert data[1:4] == b"\0\0\0", data
        length = int.from_bytes(data[4:8], "big")
        assert len(data) >= 8 + length, data
        streams[data[0]] += data[8 : 8 + length]
        data = data[8 + length :]
    return streams[1], streams[2]
