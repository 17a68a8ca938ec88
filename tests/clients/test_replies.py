"""
Replies as they are on the wire, for every API version that an engine speaks.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.sides import Side, both_ways
from tests.engines.api import Reply
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine

#: Headers that tell clients how to read a reply, or what the engine can do.
_HEADERS = ("api-version", "content-type", "ostype", "server", "docker-experimental")

#: What is read in every version.
_READ = (
    "/containers/{id}/json",
    "/containers/{id}/logs?stdout=1&stderr=1",
    "/containers/json?all=1",
    "/images/busybox/json",
    "/containers/nobody/json",
)

#: What is read in no version by name: in the newest that the engine speaks.
_READ_ONCE = (
    "/containers/{id}/json?size=1",
    "/containers/{id}/archive?path=/etc/passwd",
    "/containers/{id}/changes",
    "/containers/{id}/logs",
    "/containers/json?all=true&limit=3&size=yes",
    '/containers/json?all=1&filters={"status":{"exited":true}}',
    "/images/json",
)


def _shown(reply: Reply) -> list[Any]:
    """
    What of a reply has to be the same: binary bodies byte for byte.
    """
    headers = {name: reply.headers.get(name) for name in _HEADERS}
    if "json" in (headers["content-type"] or ""):
        return [reply.status, headers, reply.json()]
    return [reply.status, headers, reply.body.decode("latin-1")]


@both_ways
def test_every_version(side: Side) -> None:
    """
    From the oldest that dss serves to the newest that the engine speaks, and none at all.
    """
    made = side.api.post("/containers/create?name=web", {"Image": "busybox", "Cmd": ["echo", "hi"]})
    side.api.post(f"/containers/{made['Id']}/start")
    side.api.post(f"/containers/{made['Id']}/wait")
    newest = side.engine.version[1]
    versions = ["", *(f"/v1.{minor}" for minor in range(24, newest + 1))]
    paths = [version + template for version in versions for template in _READ]
    for path in [*paths, *_READ_ONCE]:
        target = path.replace("{id}", made["Id"]).replace('"', "%22")
        side.see(path, _shown(side.api.call("GET", target)))


@both_ways
def test_versions_that_the_engine_does_not_speak(side: Side) -> None:
    """
    One that is too new is an error in the engine's words.
    """
    newer = side.engine.version[1] + 1
    status, headers, body = _shown(side.api.call("GET", f"/v1.{newer}/containers/json"))
    # Engines have not come to that header yet when they look at the version.
    side.see("newer", [status, {**headers, "docker-experimental": None}, body])


@both_ways
def test_bodies_that_are_not_declared_as_json(side: Side) -> None:
    """
    Whatever is in them, and in the words of the engine.
    """
    for path in ("/containers/create", "/containers/none/exec", "/commit", "/volumes/create"):
        for declared in ("text/plain", "application/x-www-form-urlencoded", ""):
            reply = side.api.call("POST", path, body={}, headers={"Content-Type": declared})
            side.see(f"{path} {declared}", _shown(reply))
            assert reply.status == 400


@both_ways
def test_ping(side: Side) -> None:
    """
    C{GET} and C{HEAD}, with what clients learn from the headers.
    """
    for method in ("GET", "HEAD"):
        reply = side.api.call(method, "/_ping")
        told = {name: reply.headers.get(name) for name in (*_HEADERS, "cache-control", "pragma")}
        side.see(method, [reply.status, told, reply.body.decode()])


@both_ways
def test_a_path_of_a_container(side: Side) -> None:
    """
    C{HEAD}: the facts of the path are in a header.
    """
    side.api.post("/containers/create?name=web", {"Image": "busybox"})
    reply = side.api.call("HEAD", "/containers/web/archive", {"path": "/etc/passwd"})
    assert reply.headers["x-docker-container-path-stat"]
    side.see("stat", [reply.status, reply.headers["x-docker-container-path-stat"], reply.body])
    missing = side.api.call("HEAD", "/containers/web/archive", {"path": "/none"})
    side.see("missing", [missing.status, missing.body])


@both_ways
def test_what_create_answers(side: Side) -> None:
    """
    Its warnings and its errors.
    """
    for body in (
        {"Image": "busybox"},
        {"Image": "busybox", "HostConfig": {"MemorySwappiness": 10}},
        {"Image": "busybox", "HostConfig": {"Memory": 1}},
        {"Image": "busybox", "HostConfig": {"RestartPolicy": {"Name": "odd"}}},
        {"Image": "busybox", "ExposedPorts": {"odd/odd": {}}},
        {"Image": "busybox", "Env": ["=bad"]},
        {"Image": "busybox", "Labels": {"": "x"}},
        {"Image": "no-such:tag"},
    ):
        reply = side.api.call("POST", "/containers/create", body=body)
        side.see(f"create {body}", [reply.status, reply.json()])


@both_ways
def test_requests_that_make_no_sense(side: Side) -> None:
    """
    What dss can't read it does not pass on: the status is the engine's, the words are
    its own.
    """
    side.api.post("/containers/create?name=web", {"Image": "busybox"})
    for method, path, query, body in (
        ("POST", "/containers/create", None, {}),
        ("POST", "/containers/create", None, {"Image": "UPPER"}),
        ("POST", "/containers/create", None, {"Image": 1}),
        ("POST", "/containers/create", None, ["Image"]),
        ("POST", "/containers/web/exec", None, None),
        ("POST", "/containers/web/update", None, "text"),
        ("POST", "/containers/web/resize", {"h": "x", "w": 1}, None),
        ("GET", "/containers/json", {"filters": "odd"}, None),
        ("GET", "/no/such/path", None, None),
    ):
        reply = side.api.call(method, path, query, body)
        # The oldest engine calls JSON of another type a failure of its own, 500.
        status = 400 if reply.status == 500 and side.engine.suite == "bookworm" else reply.status
        side.see(f"{method} {path} {query} {body}", status)
        assert status in (400, 404)
        assert reply.message


@both_ways
def test_states_in_which_the_engine_answers_otherwise(side: Side) -> None:
    """
    304 for what is so already, 409 for what can't be.
    """
    side.api.post("/containers/create?name=web", {"Image": "busybox", "Cmd": ["sleep", "60"]})

    def attempt(method: str, path: str, query: dict[str, Any] | None = None) -> None:
        reply = side.api.call(method, path, query)
        side.see(f"{method} {path}", [reply.status, reply.message])

    attempt("POST", "/containers/web/stop")
    attempt("POST", "/containers/web/kill")
    attempt("POST", "/containers/web/pause")
    attempt("POST", "/containers/web/start")
    attempt("POST", "/containers/web/start")
    attempt("POST", "/containers/web/unpause")
    attempt("DELETE", "/containers/web")
    attempt("POST", "/containers/web/kill", {"signal": "ODD"})
    attempt("GET", "/containers/web/logs")
    attempt("POST", "/containers/web/kill")
    eventually(lambda: not side.inspect("web")["State"]["Running"], "its end")
    attempt("DELETE", "/containers/web")
    attempt("DELETE", "/containers/web")
