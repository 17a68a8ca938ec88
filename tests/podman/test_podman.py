"""
Podman in the engine's place: its Docker-compatible API does the main job through dss, and what
it reads in requests that Docker does not is of no use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from dss.policy.podman import SERVED
from dss.routes import ROUTES
from tests.conftest import StartGuard
from tests.engines.api import Api, demultiplex
from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.engines.patience import eventually
from tests.engines.roots import PODMAN
from tests.owners.attempts import ATTEMPTS, ON_CONTAINERS
from tests.owners.pair import Pair, missing, told

pytestmark = [
    pytest.mark.engine,
    pytest.mark.parametrize("engine", [PODMAN], indirect=True),
]

#: Of Podman's own environment: the harness has set it.
SECRET = "OF_THE_SERVICE=secret"

_BOX = {"Image": "busybox", "Cmd": ["sleep", "60"], "StopSignal": "KILL"}


@pytest.fixture
def a(engine: Engine, shared_guard: Callable[[Engine, str], Guard]) -> Api:
    """
    Owner A, who attempts.
    """
    return shared_guard(engine, "a").api


@pytest.fixture
def b(engine: Engine, shared_guard: Callable[[Engine, str], Guard]) -> Api:
    """
    Owner B.
    """
    return shared_guard(engine, "b").api


def made(api: Api, name: str = "", runs: bool = False, **body: Any) -> str:
    """
    A new container's id.
    """
    query = {"name": name} if name else {}
    id: str = api.post("/containers/create", {**_BOX, **body}, **query)["Id"]
    if runs:
        api.post(f"/containers/{id}/start")
    return id


def output(api: Api, **body: Any) -> bytes:
    """
    What a container wrote until its end.
    """
    id = made(api, runs=True, **body)
    api.post(f"/containers/{id}/wait")
    reply = api.call("GET", f"/containers/{id}/logs", {"stdout": 1, "stderr": 1})
    api.delete(f"/containers/{id}", force=1)
    return b"".join(demultiplex(reply.body))


def test_it_is_known(engine: Engine, a: Api, guard: StartGuard) -> None:
    """
    Clients see which engine it is; dss says it in its log.
    """
    assert a.call("GET", "/_ping").body == b"OK"
    assert any("Podman" in each["Name"] for each in a.get("/version")["Components"])
    assert a.get("/info")["ServerVersion"] == engine.api.get("/info")["ServerVersion"]
    new = guard(engine, "c")
    assert new.api.get("/containers/json") == []
    assert "the engine is Podman 4." in new.text()


def test_the_main_job(engine: Engine, a: Api, b: Api) -> None:
    """
    Run, attach, exec, logs, archives, the end and the removal; nothing of it is B's.
    """
    id = made(a, "mine", Cmd=["sh", "-c", "read line; echo got $line"], OpenStdin=True)
    assert engine.api.get(f"/containers/{id}/json")["Config"]["Labels"]["com.dss.owner"] == "a"
    streams = {"stream": 1, "stdin": 1, "stdout": 1}
    with a.hijack("POST", f"/containers/{id}/attach", streams) as raw:
        assert raw.status == 101
        a.post(f"/containers/{id}/start")
        a.post(f"/containers/{id}/resize", h=20, w=70)
        ran = a.post(
            f"/containers/{id}/exec",
            {"Cmd": ["sh", "-c", "echo there; sleep 1"], "AttachStdout": True},
        )
        with a.hijack("POST", f"/exec/{ran['Id']}/start", body={"Detach": False}) as other:
            assert other.status == 101
            assert demultiplex(other.rest()) == (b"there\n", b"")
        assert a.get(f"/exec/{ran['Id']}/json")["ContainerID"] == id
        paths = [f"/containers/{each}" for each in (id, id[:12], "mine")]
        for path in paths:
            assert a.get(f"{path}/json")["Config"]["Image"] == "busybox"
            assert a.call("GET", f"{path}/archive", {"path": "/etc/passwd"}).ok
            told = b.call("GET", f"{path}/json")
            assert (told.status, "No such container" in told.message) == (404, True)
            for method, rest, query in (
                ("POST", "/stop", {}),
                ("POST", "/exec", {}),
                ("GET", "/logs", {"stdout": 1}),
                ("GET", "/archive", {"path": "/etc/passwd"}),
                ("DELETE", "", {"force": 1}),
            ):
                body = {"Cmd": ["true"]} if rest == "/exec" else None
                assert b.call(method, path + rest, query, body).status == 404
        assert b.call("GET", f"/exec/{ran['Id']}/json").status == 404
        with b.hijack("POST", f"/exec/{ran['Id']}/start", body={"Detach": False}) as other:
            assert other.status == 404
        with b.hijack("POST", f"{paths[0]}/attach", streams) as other:
            assert other.status == 404
        assert a.get(f"{paths[0]}/top")["Titles"]
        assert [each["Id"] for each in a.get("/containers/json")] == [id]
        assert b.get("/containers/json", all=1) == []
        raw.send(b"a line\n")
        assert demultiplex(raw.rest()) == (b"got a line\n", b"")
    assert a.post(f"/containers/{id}/wait")["StatusCode"] == 0
    logs = a.call("GET", f"/containers/{id}/logs", {"stdout": 1}).body
    assert demultiplex(logs) == (b"got a line\n", b"")
    taken = b.call("POST", "/containers/create", {"name": "mine"}, _BOX)
    assert taken.status >= 400
    assert id not in taken.message
    a.post(f"/containers/{id}/rename", name="renamed")
    a.delete(f"/containers/{id}")
    assert a.get("/containers/json", all=1) == []


def test_networks_and_volumes(engine: Engine, a: Api, b: Api) -> None:
    """
    Own ones are made, used, shown and pruned; B's are as if they were not there, and stay.
    """
    for owner, name in ((a, "a"), (b, "b")):
        labels = {"x": "y"}
        owner.post("/networks/create", {"Name": f"net-{name}", "Labels": labels})
        owner.post("/volumes/create", {"Name": f"volume-{name}", "Labels": labels})
        made(owner, f"created-{name}", Labels=labels)
    bodies = {each["Name"]: each for each in engine.api.get("/networks")}
    for reference in ("net-b", bodies["net-b"]["Id"], bodies["net-b"]["Id"][:10]):
        assert a.call("GET", f"/networks/{reference}").status == 404
        assert a.call("DELETE", f"/networks/{reference}").status == 404
        joins = {**_BOX, "HostConfig": {"NetworkMode": reference}}
        assert a.call("POST", "/containers/create", None, joins).status == 400
    assert a.call("GET", "/volumes/volume-b").status == 404
    assert a.call("DELETE", "/volumes/volume-b").status == 404
    takes = {**_BOX, "HostConfig": {"Binds": ["volume-b:/x"]}}
    assert a.call("POST", "/containers/create", None, takes).status == 403
    host = {"NetworkMode": "net-a", "Binds": ["volume-a:/x", "new:/y"]}
    joined = made(a, runs=True, HostConfig=host)
    networks = engine.api.get(f"/containers/{joined}/json")["NetworkSettings"]["Networks"]
    assert set(networks) == {"net-a"}
    assert set(a.get("/networks/net-a")["Containers"]) == {joined}
    assert engine.api.get("/volumes/new")["Labels"] == {"com.dss.owner": "a"}
    assert {each["Name"] for each in a.get("/volumes")["Volumes"]} == {"volume-a", "new"}
    assert {each["Name"] for each in a.get("/networks")} == {"net-a", "bridge"}
    a.delete(f"/containers/{joined}", force=1)
    # Of volumes Podman removes what has any of the labels; of the others what has all.
    for kind in ("containers", "networks", "volumes"):
        for label in ("x=y", "x", "*", "com.dss.owner=b"):
            pruned = a.call("POST", f"/{kind}/prune", {"filters": {"label": [label]}})
            assert (pruned.status == 403) == (kind == "volumes"), pruned.message
        a.post(f"/{kind}/prune")
    assert a.get("/containers/json", all=1) == []
    assert [each["Names"] for each in engine.api.get("/containers/json", all=1)] == [["/created-b"]]
    assert {each["Name"] for each in engine.api.get("/networks")} == {"net-b", "bridge"}
    assert [each["Name"] for each in engine.api.get("/volumes")["Volumes"]] == ["volume-b"]
    both = {"filters": {"label": ["com.dss.owner=a", "x=y"]}}
    assert engine.api.post("/volumes/prune", **both)["VolumesDeleted"] == ["volume-b"]


def test_events(engine: Engine, a: Api, b: Api) -> None:
    """
    Those of own containers, and no other.
    """
    with a.hijack("GET", "/events") as raw:
        assert raw.status == 200
        foreign, own = made(b, "foreign"), made(a, "own")
        seen = raw.until(own.encode())
        assert b'"create"' in raw.until(b"timeNano")
        assert foreign.encode() not in seen


@pytest.fixture
def granted(engine: Engine, guard: StartGuard) -> Iterator[tuple[Api, Path]]:
    """
    An owner who may bind one directory.
    """
    allowed = engine.directory / "allowed"
    allowed.mkdir(exist_ok=True)
    yield guard(engine, "d", allow_bind=[str(allowed)]).api, allowed
    allowed.rmdir()


def test_links_that_lead_out(engine: Engine, granted: tuple[Api, Path]) -> None:
    """
    Neither a directory that became a link before the start, nor a link in an archive's path.
    """
    d, allowed = granted
    source = allowed / "source"
    for host in (
        {"Binds": [f"{source}:/x"]},
        {"Mounts": [{"Type": "bind", "Source": str(source), "Target": "/x"}]},
    ):
        source.mkdir()
        id = made(d, HostConfig=host, Cmd=["ls", "/x"])
        source.rmdir()
        source.symlink_to("/etc")
        denied = d.call("POST", f"/containers/{id}/start")
        assert (denied.status, "mount.link" in denied.message) == (403, True)
        source.unlink()
        source.mkdir()
        d.post(f"/containers/{id}/start")
        source.rmdir()
    inside = "ln -s /etc/debian_version /file; ln -s /proc/1/root /root-of-the-host; sleep 60"
    id = made(d, runs=True, Cmd=["sh", "-c", inside])
    eventually(lambda: b"host" in output_of_exec(d, id, "ls", "/"), "the links")
    for path in ("/file", "/root-of-the-host/etc/debian_version", "/../../etc/debian_version"):
        assert d.call("GET", f"/containers/{id}/archive", {"path": path}).status == 404


def output_of_exec(api: Api, id: str, *command: str) -> bytes:
    """
    What a command in a container writes.
    """
    ran = api.post(f"/containers/{id}/exec", {"Cmd": command, "AttachStdout": True})
    with api.hijack("POST", f"/exec/{ran['Id']}/start", body={"Detach": False}) as raw:
        return demultiplex(raw.rest())[0]


def test_a_client_of_every_day(
    engine: Engine, shared_guard: Callable[[Engine, str], Guard], a: Api
) -> None:
    """
    docker-py runs containers; the engine's socket in one is its owner's guarded one.
    """
    guard = shared_guard(engine, "a")
    client = docker.DockerClient(base_url=guard.host, version="1.41")
    assert client.containers.run("busybox", "echo hi", remove=True) == b"hi\n"
    box = client.containers.run(
        "busybox",
        "sleep 60",
        detach=True,
        ports={"80/tcp": None},
        volumes=["/var/run/docker.sock:/var/run/docker.sock"],
    )
    # Podman itself loses the output of a short exec now and then.
    eventually(lambda: box.exec_run("echo there") == (0, b"there\n"), "what an exec writes")
    (mount,) = engine.api.get(f"/containers/{box.id}/json")["Mounts"]
    assert mount["Source"].startswith(str(guard.directory))
    box.remove(force=True)
    client.close()


def test_text_that_becomes_options(engine: Engine, granted: tuple[Api, Path]) -> None:
    """
    Podman writes a mount as text: behind a comma of its target another source can stand.
    """
    d, allowed = granted
    mount = {"Type": "bind", "Source": str(allowed), "Target": "/x,source=/etc"}
    attack = {"Cmd": ["ls", "/x"], "HostConfig": {"Mounts": [mount]}}
    assert b"containers" in output(engine.api, **attack)
    for host in (
        attack["HostConfig"],
        {"Binds": [f"{allowed}:/x,source=/etc"]},
        {"Mounts": [{"Type": "tmpfs", "Target": "/x,tmpfs-mode=4777"}]},
        {"Tmpfs": {"/x:suid,dev": ""}},
    ):
        denied = d.call("POST", "/containers/create", None, {**_BOX, "HostConfig": host})
        assert (denied.status, "podman.text" in denied.message) == (403, True), denied.message
    mounted = {"Mounts": [{**mount, "Target": "/x"}]}
    assert output(d, Cmd=["ls", "/x"], HostConfig=mounted) == b""
    labels = {**_BOX, "Labels": {"a=b": "c"}}
    assert "podman.text" in d.call("POST", "/containers/create", None, labels).message
    updates = {**_BOX, "Labels": {"io.containers.autoupdate": "local"}}
    assert "podman.label" in d.call("POST", "/containers/create", None, updates).message


def test_variables_without_values(engine: Engine, a: Api) -> None:
    """
    Podman fills them from its own environment, and C{*} stands for all of it.
    """
    assert SECRET.encode() in output(engine.api, Cmd=["env"], Env=["*"])
    for env in ("*", "OF_THE_SERVICE"):
        denied = a.call("POST", "/containers/create", None, {**_BOX, "Env": [env]})
        assert (denied.status, "podman.env" in denied.message) == (403, True)
    assert b"NAME=value\n" in output(a, Cmd=["env"], Env=["NAME=value"])


def test_every_operation_on_containers(engine: Engine, a: Api, b: Api) -> None:
    """
    What is served does its work for B, and A learns nothing of it by any reference.
    """
    pair = Pair(engine, a, b)
    for route in ON_CONTAINERS:
        if route.operation not in SERVED:
            continue
        attempt = ATTEMPTS[route.operation]
        target = pair.container(run=attempt.runs)
        if route.operation == "ContainerUnpause":
            b.post(f"/containers/{target.id}/pause")
        for kind, reference in target.references.items():
            nothing = missing(kind)
            before = engine.api.get(f"/containers/{target.id}/json")
            expected = told(attempt.send(a, route, nothing), nothing)
            assert expected[0] == 404, route
            assert told(attempt.send(a, route, reference), reference) == expected, route
            assert engine.api.get(f"/containers/{target.id}/json") == before, route
        own = attempt.send(b, route, target.id)
        assert own.status < 400, (route, own.status, own.message)
        engine.api.call("DELETE", f"/containers/{target.id}", {"force": 1})


def test_what_is_not_served(engine: Engine, a: Api) -> None:
    """
    Each operation that nobody tried at Podman is denied by its name, and its own API too.
    """
    for route in ROUTES:
        if route.operation in SERVED:
            continue
        path = route.template.replace("{name...}", "busybox").replace("{id}", "0" * 64)
        denied = a.call(route.method, path.replace("{name}", "x").replace("{checkpoint}", "x"))
        assert denied.status == 403, route
        assert f"{route.operation} is denied: the engine is Podman." in denied.message
    assert engine.api.call("GET", "/v4.0.0/libpod/info").ok
    for version, status in (("", 403), ("/v1.41", 403), ("/v4.0.0", 400)):
        assert a.call("GET", f"{version}/libpod/info").status == status
    assert json.loads(a.call("GET", "/libpod/info").body)["message"].startswith("denied by dss")
