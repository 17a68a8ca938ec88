"""
Networks of two owners: neither sees, joins, changes or removes the other's.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.cleaning import Contents
from tests.engines.machine import Engine
from tests.owners.pair import Pair, missing, told

pytestmark = pytest.mark.engine

#: Requests about a network, by name: given its reference and a container's.
_ATTEMPTS: dict[str, tuple[str, str, Any]] = {
    "inspect": ("GET", "/networks/{net}", None),
    "inspect verbosely": ("GET", "/networks/{net}?verbose=1", None),
    "connect": ("POST", "/networks/{net}/connect", {"Container": "{box}"}),
    "disconnect": ("POST", "/networks/{net}/disconnect", {"Container": "{box}"}),
    "delete": ("DELETE", "/networks/{net}", None),
}


def _send(api: Api, attempt: str, net: str, box: str) -> Any:
    method, path, body = _ATTEMPTS[attempt]
    whole = None if body is None else {"Container": box, "Force": True}
    if attempt == "connect":
        whole = {"Container": box}
    return api.call(method, path.replace("{net}", net), {}, whole)


def _shown(engine: Engine, network: str) -> Any:
    return engine.api.get(f"/networks/{network}")


def test_every_operation_on_anothers_network(pair: Pair) -> None:
    """
    Told as if it were missing, and nothing changes, as with B's container in one's own
    network. B's own requests succeed.
    """
    net = pair.b.post("/networks/create", {"Name": "theirs-x"})["Id"]
    box, own = pair.container(run=True), pair.container(pair.a, run=True)
    pair.b.post(f"/networks/{net}/connect", {"Container": box.id})
    mine = pair.a.post("/networks/create", {"Name": "mine-x"})["Id"]
    before = Contents.of(pair.engine.api), _shown(pair.engine, net), _shown(pair.engine, mine)
    for attempt in _ATTEMPTS:
        for kind, reference in {"id": net, "short id": net[:12], "name": "theirs-x"}.items():
            nothing = missing(kind)
            expected = told(_send(pair.a, attempt, nothing, own.id), nothing)
            assert expected[0] == 404
            found = told(_send(pair.a, attempt, reference, own.id), reference)
            assert found == expected, (attempt, kind)
    for attempt in ("connect", "disconnect"):
        # B's container in one's own network.
        for kind, reference in box.references.items():
            nothing = missing(kind)
            expected = told(_send(pair.a, attempt, mine, nothing), nothing)
            assert told(_send(pair.a, attempt, mine, reference), reference) == expected
            assert told(_send(pair.a, attempt, "bridge", reference), reference) == expected
    assert pair.a.call("POST", "/networks/prune").ok
    assert pair.a.call("GET", f"/networks/{mine}").status == 404, "one's own is pruned"
    now = Contents.of(pair.engine.api)
    assert net in now.networks
    assert now.containers == before[0].containers
    assert _shown(pair.engine, net) == before[1]
    for attempt in ("inspect", "disconnect", "connect"):
        assert _send(pair.b, attempt, net[:12], box.name).ok, attempt


def test_lists_and_the_common_bridge(pair: Pair) -> None:
    """
    Own networks and those of every engine; of the bridge, own containers.
    """
    pair.b.post("/networks/create", {"Name": "theirs-x"})
    pair.a.post("/networks/create", {"Name": "mine-x"})
    box, own = pair.container(run=True), pair.container(pair.a, run=True)
    for query in ({}, {"filters": '{"name":["x"]}'}, {"filters": '{"driver":["bridge"]}'}):
        names = {each["Name"] for each in pair.a.get("/networks", **query)}
        assert "theirs-x" not in names
        assert "mine-x" in names
    bridge = pair.a.get("/networks/bridge")
    assert set(bridge["Containers"]) == {own.id}
    assert box.id in pair.engine.api.get("/networks/bridge")["Containers"]


def test_names_that_hide_anothers_network(pair: Pair) -> None:
    """
    A name like the beginning of B's id: for B the id still means its own.
    """
    net = pair.b.post("/networks/create", {"Name": "theirs-x"})["Id"]
    for name in (net, net[:12]):
        assert pair.a.call("POST", "/networks/create", body={"Name": name}).status in (403, 409)
    shorter = pair.a.post("/networks/create", {"Name": net[:11]})["Id"]
    assert pair.b.get(f"/networks/{net[:11]}")["Id"] == net
    assert pair.a.get(f"/networks/{net[:11]}")["Id"] == shorter
    assert pair.a.call("DELETE", f"/networks/{net[:11]}").ok
    assert pair.engine.api.get(f"/networks/{net}")["Name"] == "theirs-x"


def test_bodies_that_join_anothers_network(pair: Pair) -> None:
    """
    In a create, in whatever field and spelling: no container gets there. The same
    succeeds for B.
    """
    net = pair.b.post("/networks/create", {"Name": "theirs-x"})["Id"]
    mine = pair.a.post("/networks/create", {"Name": "mine-x"})["Id"]
    for reference in (net, net[:12], "theirs-x"):
        bodies: list[dict[str, Any]] = [
            {"HostConfig": {"NetworkMode": reference}},
            {"HostConfig": {"networkmode": reference}},
            {"NetworkingConfig": {"EndpointsConfig": {reference: {}}}},
        ]
        for body in bodies:
            whole = {"Image": "busybox", "Cmd": ["sleep", "60"], "StopSignal": "KILL", **body}
            assert pair.a.call("POST", "/containers/create", body=whole).status == 400
            made = pair.b.post("/containers/create", whole)["Id"]
            pair.b.post(f"/containers/{made}/start")
            assert made in _shown(pair.engine, net)["Containers"]
            pair.b.call("DELETE", f"/containers/{made}", {"force": 1})
    # The map's key is one's own network, and what is inside names B's.
    body = {"NetworkingConfig": {"EndpointsConfig": {mine: {"NetworkID": net}}}}
    whole = {"Image": "busybox", "Cmd": ["sleep", "60"], "StopSignal": "KILL", **body}
    bare = pair.engine.api.post("/containers/create", whole)["Id"]
    made = pair.a.post("/containers/create", whole)["Id"]
    for api, id in ((pair.engine.api, bare), (pair.a, made)):
        api.post(f"/containers/{id}/start")
    assert bare in _shown(pair.engine, net)["Containers"], "the attack works at the engine"
    assert made not in _shown(pair.engine, net)["Containers"]
    assert made in _shown(pair.engine, mine)["Containers"]


def test_networks_that_reach_the_host(pair: Pair) -> None:
    """
    Each is made by the engine, and by dss denied.
    """
    bodies: list[dict[str, Any]] = [
        {"Options": {"com.docker.network.bridge.name": "docker0"}},
        {"IPAM": {"Config": [{"Subnet": "93.184.216.0/24"}]}},
        {"Driver": "macvlan", "Options": {"parent": "lo"}},
        {"Driver": "ipvlan", "Internal": True},
    ]
    for body in bodies:
        before = Contents.of(pair.engine.api)
        reply = pair.a.call("POST", "/networks/create", body={"Name": "reach-x", **body})
        assert reply.status == 403, body
        assert Contents.of(pair.engine.api) == before
    allowed: list[dict[str, Any]] = [
        {"IPAM": {"Config": [{"Subnet": "10.93.0.0/24"}]}},
        {"Options": {"com.docker.network.driver.mtu": "1400"}},
    ]
    for number, body in enumerate(allowed):
        reply = pair.a.call("POST", "/networks/create", body={"Name": f"n-{number}x", **body})
        assert reply.status == 201, reply.message


def test_private_bridges(engine: Engine, guard: StartGuard, tmp_path: Any) -> None:
    """
    Two owners' containers reach their own and not each other's, and both are in what their
    clients call the bridge.
    """
    file = tmp_path / "dss.toml"
    file.write_text("[networks]\nprivate_bridge = true\n")
    options = ["--config", str(file)]
    owners = [guard(engine, owner=each, options=options).api for each in ("private-a", "private-b")]
    serve = "exec httpd -f -p 80 -h /"
    addresses: list[str] = []
    for api in owners:
        body = {"Image": "busybox", "Cmd": ["sh", "-c", serve], "StopSignal": "KILL"}
        made = api.post("/containers/create?name=" + f"web-{len(addresses)}x", body)["Id"]
        api.post(f"/containers/{made}/start")
        shown = api.get(f"/containers/{made}/json")
        assert list(shown["NetworkSettings"]["Networks"]) == ["bridge"]
        assert shown["HostConfig"]["NetworkMode"] in ("default", "bridge")
        address = shown["NetworkSettings"]["IPAddress"]
        assert address == shown["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] != ""
        addresses.append(address)
        bridge = api.get("/networks/bridge")
        assert (bridge["Name"], list(bridge["Containers"])) == ("bridge", [made])
        names = [each["Name"] for each in api.get("/networks")]
        assert sorted(names) == ["bridge", "host", "none"]
        assert api.call("DELETE", "/networks/bridge").status == 403
        again = api.call("POST", "/networks/bridge/connect", body={"Container": made})
        assert (again.status, "network bridge" in again.message) == (403, True), again.message
        api.post("/networks/prune")
        mode = {"HostConfig": {"NetworkMode": "bridge"}}
        assert api.post("/containers/create", {"Image": "busybox", **mode})["Id"]
    body = {"Image": "busybox", "Cmd": ["nc", "-w", "2", addresses[0], "80"]}
    statuses = []
    for api in owners:
        made = api.post("/containers/create", body)["Id"]
        api.post(f"/containers/{made}/start")
        statuses.append(api.post(f"/containers/{made}/wait")["StatusCode"])
    assert statuses[0] == 0
    assert statuses[1] != 0, "another owner's container was reached"
