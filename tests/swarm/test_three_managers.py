"""
A Swarm of three engines of three generations, with a dss before each manager.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import StartGuard
from tests.engines.machine import Engine
from tests.engines.patience import eventually
from tests.swarm.cluster import logged, running, service

pytestmark = pytest.mark.engine


def _address(number: int) -> str:
    return f"10.213.7.{number + 1}"


def _ip(engine: Engine, *argv: str, check: bool = True) -> None:
    """
    Run the host's C{ip} in an engine's network namespace.
    """
    command = ["nsenter", "--target", str(engine.process), "--net", "ip", *argv]
    subprocess.run(command, check=check, capture_output=True)


def _join(hub: Engine, others: Sequence[Engine]) -> None:
    """
    Join the engines' network namespaces by pairs of virtual interfaces at a bridge in the
    first one.
    """
    _ip(hub, "link", "add", "joint", "type", "bridge")
    _ip(hub, "addr", "add", f"{_address(0)}/24", "dev", "joint")
    _ip(hub, "link", "set", "joint", "up")
    for number, engine in enumerate(others, 1):
        there = f"joint{number}"
        _ip(engine, "link", "add", "joint", "type", "veth", "peer", "name", there)
        _ip(engine, "link", "set", there, "netns", str(hub.process))
        _ip(hub, "link", "set", there, "master", "joint", "up")
        _ip(engine, "addr", "add", f"{_address(number)}/24", "dev", "joint")
        _ip(engine, "link", "set", "joint", "up")


@pytest.fixture
def managers(all_engines: Sequence[Engine]) -> Iterator[Sequence[Engine]]:
    """
    The engines as managers of one Swarm. The newest leads: an older leader knows no
    cluster volumes, for which newer engines ask at each look at a volume.
    """
    hub, *others = engines = all_engines[::-1]
    try:
        _join(hub, others)
        own = {"ListenAddr": _address(0), "AdvertiseAddr": _address(0)}
        hub.api.post("/swarm/init", own)
        token = hub.api.get("/swarm")["JoinTokens"]["Manager"]
        for number, engine in enumerate(others, 1):
            own = {"ListenAddr": _address(number), "AdvertiseAddr": _address(number)}
            there = {"RemoteAddrs": [f"{_address(0)}:2377"], "JoinToken": token}
            engine.api.post("/swarm/join", {**own, **there})
        eventually(lambda: _is_whole(engines), "three nodes that are ready")
        yield engines
    finally:
        for engine in engines:
            engine.api.call("POST", "/swarm/leave", {"force": 1})
            _ip(engine, "link", "delete", "joint", check=False)


def _is_whole(engines: Sequence[Engine]) -> bool:
    nodes = [engine.api.call("GET", "/nodes") for engine in engines]
    return all(
        reply.ok and [each["Status"]["State"] for each in reply.json()] == ["ready"] * 3
        for reply in nodes
    )


def test_owners_move_between_managers(
    managers: Sequence[Engine], guard: StartGuard, settings_file: Path
) -> None:
    """
    What an owner makes at one manager it has at all of them, and nobody else at any. A
    service with a volume stays on the node where dss looked at the volume, though another
    node has one of the same name.
    """
    options = ["--config", str(settings_file)]
    one, two, three = (guard(engine, owner="a", options=options).api for engine in managers)
    other = guard(managers[2], owner="b", options=options).api
    secret = one.post("/secrets/create", {"Name": "pw", "Data": "bW92ZWQ="})["ID"]
    network = two.post("/networks/create", {"Name": "net", "Driver": "overlay"})["Id"]
    # On the second node there is another owner's volume of that name.
    there = {"Name": "data", "Labels": {"com.dss.owner": "b"}}
    managers[1].api.post("/volumes/create", there)
    file = {"Name": "/pw", "UID": "0", "GID": "0", "Mode": 292}
    body = service(
        "web",
        "cat /pw; echo; exec sleep 600",
        Mounts=[{"Type": "volume", "Source": "data", "Target": "/data"}],
        Secrets=[{"SecretID": secret, "SecretName": "pw", "File": file}],
    )
    body["TaskTemplate"]["Networks"] = [{"Target": network}]
    body["Mode"] = {"Replicated": {"Replicas": 3}}
    made = three.post("/services/create", body)["ID"]
    here = three.get("/info")["Swarm"]["NodeID"]

    def tasks() -> bool:
        found = one.get("/tasks", filters={"service": ["web"], "desired-state": ["running"]})
        return [each["Status"]["State"] for each in found] == ["running"] * 3 and {
            each["NodeID"] for each in found
        } == {here}

    eventually(tasks, "three tasks on the third node")
    assert managers[2].api.get("/volumes/data")["Labels"] == {"com.dss.owner": "a"}
    assert logged(two, "web", b"moved")
    assert len(three.get("/containers/json")) == 3
    # Scaled down at the second manager, by what the first one shows. It mounts what it did.
    shown = one.get(f"/services/{made}")
    spec = {**shown["Spec"], "Mode": {"Replicated": {"Replicas": 1}}, "Labels": {"x": "y"}}
    two.post(f"/services/{made}/update", spec, version=shown["Version"]["Index"])
    assert running(three, "web")["NodeID"] == here
    more = {"Type": "volume", "Source": "data", "Target": "/more"}
    spec["TaskTemplate"]["ContainerSpec"]["Mounts"] = [more]
    version = two.get(f"/services/{made}")["Version"]["Index"]
    path = f"/services/{made}/update"
    assert two.call("POST", path, {"version": version}, spec).status == 403
    for api in (one, two, three):
        assert [each["Spec"]["Labels"] for each in api.get("/services")] == [{"x": "y"}]
        assert len(api.get("/nodes")) == 3
    # The other owner, at the same managers.
    assert other.get("/services") == other.get("/tasks") == other.get("/secrets") == []
    assert other.call("GET", f"/services/{made}").status == 404
    # The name of the volume is taken as long as the service is there.
    bind = {"Image": "busybox", "HostConfig": {"Binds": ["data:/x"]}}
    assert other.call("POST", "/containers/create", body=bind).status == 403
    two.delete("/services/web")
    assert one.get("/services") == []
