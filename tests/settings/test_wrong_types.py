"""
Values of the wrong type: dss refuses what each engine refuses, in its words as far as they
don't hang on the names of Go's types.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

BODIES: list[Any] = [
    {"Image": 5},
    {"HostConfig": {"Memory": "x"}},
    {"HostConfig": {"Memory": 1.5}},
    {"HostConfig": {"CapAdd": [1]}},
    {"Labels": []},
    {"Labels": {"a": 1}},
    {"HostConfig": []},
    {"HostConfig": {"PortBindings": {"80/tcp": {}}}},
    {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": 80}]}}},
    {"HostConfig": {"RestartPolicy": {"MaximumRetryCount": "x"}}},
    {"Cmd": 5},
    {"Cmd": [5]},
    {"Tty": "true"},
    {"HostConfig": {"Mounts": [{"Type": 1}]}},
    {"HostConfig": {"BlkioWeight": 70000}},
    [],
    "x",
    {"NetworkingConfig": {"EndpointsConfig": {"a": {"IPAMConfig": {"IPv4Address": 1}}}}},
    {"Healthcheck": {"Interval": "1s"}},
    {"HostConfig": {"LogConfig": {"Config": {"a": 1}}}},
    {"HostConfig": {"Ulimits": [{"Hard": "x"}]}},
    {"HostConfig": {"ConsoleSize": [-1, 2]}},
    {"ExposedPorts": ["80"]},
    {"Volumes": {"/x": "y"}},
]


def test_each_is_refused_as_the_engine_does(engine: Engine, guard: StartGuard) -> None:
    through = guard(engine, owner="types").api
    for body in BODIES:
        path, sent = "/containers/create", json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        bare = engine.api.call("POST", path, None, sent, headers)
        told = through.call("POST", path, None, sent, headers)
        assert bare.status in (400, 500)
        assert told.status == 400, (body, told.message)
        theirs, ours = (
            reply.message.removeprefix("invalid JSON: ").partition(" into ")
            for reply in (bare, told)
        )
        assert ours[0] == theirs[0]
        if engine.suite == "sid":
            # The place too: older engines leave out parts of it.
            place = ours[2].partition(" of type ")[0].removeprefix("Go struct field ")
            assert place == theirs[2].partition(" of type ")[0].removeprefix("Go struct field ")


def test_a_string_for_a_list_of_words(engine: Engine, guard: StartGuard) -> None:
    """
    The twin: what looks like a wrong type and is none.
    """
    through = guard(engine, owner="types").api
    for api in (engine.api, through):
        made = api.post(
            "/containers/create",
            {"Image": "busybox", "Cmd": "true", "HostConfig": {"CapDrop": "CHOWN"}},
        )["Id"]
        shown = engine.api.get(f"/containers/{made}/json")
        assert shown["Config"]["Cmd"] == ["true"]
        assert [each.removeprefix("CAP_") for each in shown["HostConfig"]["CapDrop"]] == ["CHOWN"]
