"""
Requests as dockerode writes them, and with it all clients in Node: a whole body is
repeated in the query, the query's name is in the body, and both have notes for dockerode itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.sides import Side, both_ways

pytestmark = pytest.mark.engine


@both_ways
def test_bodies_that_are_repeated_in_the_query(side: Side) -> None:
    """
    What the engine makes of them is what dss makes of them.
    """

    def create(path: str, **body: Any) -> Any:
        # querystring.stringify has a parameter for each text of a list, and empty ones for
        # what is undefined.
        query = {
            name: tuple(value) if isinstance(value, list) else value for name, value in body.items()
        }
        return side.api.post(path, body, **query, Entrypoint="")

    create("/networks/create", Name="n", CheckDuplicate=True, Labels={"a": "b"}, Driver="bridge")
    create("/volumes/create", Name="vol", Labels={"a": "b"})
    box = create(
        "/containers/create",
        name="box",
        platform="linux",
        Image="busybox",
        Cmd=["cat"],
        OpenStdin=True,
        StdinOnce=True,
        AttachStdin=True,
        Env=["A=b", "C=d"],
        Labels={"x": "y"},
        ExposedPorts={"80/tcp": {}},
        HostConfig={"NetworkMode": "n", "Binds": []},
    )
    shown = side.api.get("/containers/box/json")
    assert shown["Id"] == box["Id"]
    side.see("created", [shown[name] for name in ("Name", "Path", "Args")])
    side.see("config", shown["Config"])
    told = {"stream": True, "stdin": True, "stdout": True, "hijack": True}
    attached = side.api.hijack("POST", "/containers/box/attach", told, told)
    assert attached.status == 101
    side.api.post("/containers/box/start")
    attached.send(b"hello\n")
    attached.half_close()
    side.see("attached", attached.rest())
    query: dict[str, Any] = {
        "container": "box",
        "comment": "c",
        "pause": False,
        "changes": "LABEL k=v",
    }
    image = side.api.post("/commit", query, **query)["Id"]
    made = side.api.get(f"/images/{image}/json")
    side.see("committed", [made["Comment"], made["Config"]["Cmd"], made["Config"]["Labels"]])


@both_ways
def test_execs(side: Side) -> None:
    box = side.api.post(
        "/containers/create", {"Image": "busybox", "Cmd": ["sleep", "60"], "StopSignal": "KILL"}
    )["Id"]
    side.api.post(f"/containers/{box}/start")
    made = side.api.post(
        f"/containers/{box}/exec", {"Cmd": ["cat"], "AttachStdin": True, "AttachStdout": True}
    )["Id"]
    started = side.api.hijack("POST", f"/exec/{made}/start", body={"hijack": True, "stdin": True})
    assert started.status == 101
    started.send(b"hello\n")
    started.half_close()
    side.see("exec", started.rest())
