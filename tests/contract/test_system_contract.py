"""
The contract of C{/_ping}, C{/version}, C{/info}, C{/events} and of routing itself.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.contract.sides import Contracted, InMemory, OnEngines
from tests.engines.api import Raw


def _events(on: Contracted, since: Any, **filters: list[str]) -> list[dict[str, Any]]:
    now = on.api.get("/info")["SystemTime"]
    reply = on.api.call(
        "GET", "/events", {"since": since, "until": _seconds(now, 0.001), "filters": filters}
    )
    return [json.loads(line) for line in reply.body.splitlines() if line]


def _seconds(stamp: str, later: float = 0.0) -> str:
    when = datetime.fromisoformat(stamp[:26].rstrip("Z") + "+00:00")
    return f"{when.timestamp() + later:.9f}"


def _now(on: Contracted) -> str:
    return _seconds(on.api.get("/info")["SystemTime"])


class System:
    """
    What holds for every engine.
    """

    def test_ping(self, on: Contracted) -> None:
        """
        A ping tells the API version in its headers; HEAD has the same ones, no body.
        """
        got = on.api.call("GET", "/_ping")
        assert (got.status, got.body) == (200, b"OK")
        assert got.headers["api-version"] == ".".join(map(str, on.version))
        assert got.headers["ostype"] == "linux"
        assert got.headers["docker-experimental"] == "false"
        assert got.headers["content-type"] == "text/plain; charset=utf-8"
        head = on.api.call("HEAD", "/_ping")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["api-version"] == got.headers["api-version"]

    def test_version(self, on: Contracted) -> None:
        """
        The version's keys, and its agreement with the ping.
        """
        told = on.api.get("/version")
        assert told["ApiVersion"] == ".".join(map(str, on.version))
        keys = {"Platform", "Components", "Version", "ApiVersion", "MinAPIVersion", "Os", "Arch"}
        assert keys <= set(told)
        assert told["Components"][0]["Name"] == "Engine"

    def test_info_counts(self, on: Contracted) -> None:
        """
        Containers are counted by state.
        """
        before = on.api.get("/info")
        on.create("contract-a", "true")
        on.run("contract-b", "sleep", "1000")
        after = on.api.get("/info")
        for key, more in (("Containers", 2), ("ContainersRunning", 1), ("ContainersStopped", 1)):
            assert after[key] == before[key] + more, key

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/nowhere"), ("PUT", "/containers/json"), ("GET", "/containers/x/start")],
    )
    def test_no_route(self, on: Contracted, method: str, path: str) -> None:
        """
        Paths and methods without a route get the same 404.
        """
        got = on.refused(method, path)
        assert (got.status, got.message) == (404, "page not found")

    def test_version_prefix(self, on: Contracted) -> None:
        """
        Known versions are taken; too new ones are not.
        """
        assert on.api.get("/v1.40/containers/json", all=1) == on.api.get("/containers/json", all=1)
        got = on.refused("GET", "/v1.99/containers/json")
        newest = ".".join(map(str, on.version))
        assert got.status == 400
        assert got.message == (
            f"client version 1.99 is too new. Maximum supported API version is {newest}"
        )

    def test_too_old_a_version(self, on: Contracted) -> None:
        """
        So are versions that are too old, by some engines as mere text.
        """
        got = on.api.call("GET", "/v1.11/containers/json")
        assert got.status == 400
        assert got.message.startswith(
            "client version 1.11 is too old. Minimum supported API version"
        )

    def test_connection_is_kept(self, on: Contracted) -> None:
        """
        A second request on the same connection is answered, also when both are sent at
        once.
        """
        with Raw.connect(on.api.socket) as raw:
            raw.send(b"GET /containers/nope/json HTTP/1.1\r\nHost: e\r\n\r\n" * 2)
            for _ in range(2):
                head = raw.until(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
                body = b'{"message":"No such container: nope"}\n'
                assert b"Content-Length: %d\r\n" % len(body) in head
                assert raw.exactly(len(body)) == body

    def test_long_replies_are_chunked(self, on: Contracted) -> None:
        """
        A long JSON reply comes in chunks, a short one with its length.
        """
        long = on.api.call("GET", f"/containers/{on.create('contract-a', 'true')}/json")
        assert long.headers["transfer-encoding"] == "chunked"
        assert "content-length" in on.api.call("GET", "/containers/nope/json").headers

    def test_life_in_events(self, on: Contracted) -> None:
        """
        A container's life in events, in order, with its labels, image and name.
        """
        since = _now(on)
        id_ = on.run("contract-a", "true", Labels={"contract": "life"})
        on.finish("contract-a")
        on.api.delete("/containers/contract-a")
        told = [each for each in _events(on, since) if id_ in json.dumps(each)]

        def actions(kind: str) -> list[str]:
            return [each["Action"] for each in told if each["Type"] == kind]

        assert actions("container") == ["create", "start", "die", "destroy"]
        assert actions("network") == ["connect", "disconnect"]
        created, died = told[0], next(each for each in told if each["Action"] == "die")
        assert created["Actor"]["ID"] == created["id"] == id_
        assert created["status"] == "create"
        assert created["from"] == "busybox:latest"
        assert created["Actor"]["Attributes"] == {
            "contract": "life",
            "image": "busybox:latest",
            "name": "contract-a",
        }
        assert died["Actor"]["Attributes"]["exitCode"] == "0"

    def test_event_filters(self, on: Contracted) -> None:
        """
        Events are filtered by label, by type and by container, all of them together.
        """
        since = _now(on)
        on.create("contract-a", "true", Labels={"contract": "1"})
        on.create("contract-b", "true", Labels={"contract": "2"})
        on.api.post("/volumes/create", {"Name": "contract-v"})

        def names(**filters: list[str]) -> list[str]:
            found = _events(on, since, **filters)
            return [each["Actor"]["Attributes"].get("name", each["Actor"]["ID"]) for each in found]

        assert names(type=["container"]) == ["contract-a", "contract-b"]
        assert names(label=["contract=2"]) == ["contract-b"]
        assert names(label=["contract"], container=["contract-a"]) == ["contract-a"]
        assert names(type=["volume"]) == ["contract-v"]
        assert names(type=["container"], event=["start"]) == []

    def test_events_to_come(self, on: Contracted) -> None:
        """
        The head of an event stream comes at once; what happens later comes when it
        happens; a client's half-close ends it.
        """
        with Raw.connect(on.api.socket) as raw:
            raw.send(b"GET /events HTTP/1.1\r\nHost: e\r\n\r\n")
            assert raw.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")
            on.create("contract-a", "true")
            assert b'"name":"contract-a"' in raw.until(b"\n\r\n")
            raw.half_close()
            raw.rest()


class TestSystemInMemory(InMemory, System):
    """
    The contract of the system, in memory.
    """


class TestSystemOnEngines(OnEngines, System):
    """
    The contract of the system, on real engines.
    """
