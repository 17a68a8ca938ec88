"""
What may be asked of networks, and what is shown of them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from dss.config.containers import Containers, Forced
from dss.config.networks import Networks
from dss.errors import BadRequest, Denied, NotFound
from dss.model.facts import (
    ContainerFacts,
    ContainerNamed,
    HooksOnEntry,
    HostRoutes,
    IsNetworkId,
    NetworkFacts,
    NetworkNamed,
    OwnContainers,
    PrivateBridge,
)
from dss.model.ruling import Forward
from dss.model.version import ApiVersion
from dss.policy.networks import joining, judging, showing
from dss.policy.networks.resolving import private_name
from dss.policy.request import Circumstances
from dss.testing.judging import circumstances, drive, edited, request

OWN, FOREIGN, BRIDGE = "1" * 64, "9" * 64, "b" * 64
PRIVATE = "5" * 64

NETWORKS = {
    "net": NetworkFacts(OWN, "net", "ci"),
    OWN: NetworkFacts(OWN, "net", "ci"),
    "theirs": NetworkFacts(FOREIGN, "theirs", "other"),
    "bridge": NetworkFacts(BRIDGE, "bridge", None),
    BRIDGE: NetworkFacts(BRIDGE, "bridge", None),
    "none": NetworkFacts("0" * 64, "none", None),
    "host": NetworkFacts("a" * 64, "host", None),
}
ANSWERS = {
    NetworkNamed: lambda q: NETWORKS.get(q.reference),
    ContainerNamed: lambda q: (
        ContainerFacts("c" * 64, "ci") if q.reference in ("box", "c" * 64) else None
    ),
    IsNetworkId: lambda q: q.prefix == "0123456789ab",
    OwnContainers: lambda q: [{"Id": "c" * 64}],
    HooksOnEntry: lambda q: q.entry.get("Name") != "hidden",
    HostRoutes: lambda q: ("192.168.77.0/24", "10.250.0.0/16", "fd00:7::/64"),
    PrivateBridge: lambda q: NetworkFacts(PRIVATE, q.name, "ci"),
}
AROUND = circumstances("ci")


def with_settings(**networks: Any) -> Circumstances:
    return evolve(AROUND, settings=evolve(AROUND.settings, networks=Networks(**networks)))


PRIVATELY = with_settings(private_bridge=True)


def judged(
    policy: Any, body: object = None, reference: str = "net", around: Circumstances = AROUND
) -> Forward:
    raw = b"" if body is None else json.dumps(body).encode()
    ruling = drive(policy(request("", {"id": reference}, {}, raw), around), ANSWERS)
    assert isinstance(ruling, Forward)
    return ruling


def sent(*args: Any, **more: Any) -> Any:
    body = judged(*args, **more).body
    assert body is not None
    return json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        {"Name": "app_default"},
        {"Name": "a", "Driver": "bridge", "Internal": True, "EnableIPv6": True},
        {"Name": "a", "CheckDuplicate": True, "Attachable": True, "Scope": "local"},
        {"Name": "a", "Options": {"com.docker.network.driver.mtu": "1400"}},
        {"Name": "a", "Options": {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}},
        {"Name": "a", "IPAM": {"Driver": "default", "Config": [{"Subnet": "172.28.0.0/16"}]}},
        {
            "Name": "a",
            "IPAM": {
                "Config": [
                    {
                        "Subnet": "10.5.0.0/16",
                        "IPRange": "10.5.1.0/24",
                        "Gateway": "10.5.0.1",
                        "AuxiliaryAddresses": {"router": "10.5.0.2"},
                    },
                    {"Subnet": "fd00:1::/64"},
                ]
            },
        },
        {"Name": "0123456789ac"},
        {"Name": "0123456789a"},
    ],
)
def test_networks_that_may_be_made(body: dict[str, Any]) -> None:
    assert sent(judging.create, body) == {**body, "Labels": {"com.dss.owner": "ci"}}


@pytest.mark.parametrize(
    ("body", "rule", "setting"),
    [
        ({"Driver": "macvlan"}, "network.driver", 'networks.drivers = ["macvlan"]'),
        ({"Driver": "overlay"}, "network.driver", 'networks.drivers = ["overlay"]'),
        ({"Scope": "swarm"}, "network.scope", ""),
        ({"Ingress": True}, "network.ingress", ""),
        ({"ConfigOnly": True}, "network.config", ""),
        ({"ConfigFrom": {"Network": "x"}}, "network.config", ""),
        ({"IPAM": {"Driver": "weave"}}, "network.ipam", 'networks.ipam_drivers = ["weave"]'),
        ({"IPAM": {"Options": {"a": "b"}}}, "network.ipam", ""),
        (
            {"IPAM": {"Config": [{"Subnet": "93.184.216.0/24"}]}},
            "network.subnet",
            'networks.subnets = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", '
            '"93.184.216.0/24"]',
        ),
        ({"IPAM": {"Config": [{"Subnet": "0.0.0.0/0"}]}}, "network.subnet", "networks.subnets"),
        ({"IPAM": {"Config": [{"Subnet": "here"}]}}, "network.subnet", "networks.subnets"),
        ({"IPAM": {"Config": [{"Gateway": "8.8.8.8"}]}}, "network.subnet", "networks.subnets"),
        (
            {"IPAM": {"Config": [{"AuxiliaryAddresses": {"a": "8.8.8.8"}}]}},
            "network.subnet",
            "networks.subnets",
        ),
        (
            {"Options": {"com.docker.network.bridge.name": "docker0"}},
            "network.options",
            'networks.options = ["com.docker.network.bridge.name=docker0"]',
        ),
        ({"Options": {"com.docker.network.bridge.default_bridge": ""}}, "network.options", ""),
        (
            {"Options": {"com.docker.network.bridge.gateway_mode_ipv4": "routed"}},
            "network.options",
            "",
        ),
        ({"Options": {"parent": "eth0"}}, "network.options", ""),
        ({"Labels": {"com.dss.owner": "other"}}, "label.reserved", ""),
        ({"Labels": {"com.dss.bridge": "other"}}, "label.reserved", ""),
        ({"Name": "dss-bridge-1"}, "network.name", ""),
        ({"Name": "DSS-bridge-1"}, "network.name", ""),
        ({"Name": "0123456789ab"}, "network.name", ""),
        ({"Name": "0" * 25}, "network.name", ""),
        ({"Name": "0" * 64}, "network.name", ""),
        ({"Name": "a/b"}, "network.name", ""),
        ({"Foo": 1}, "field.unknown", ""),
    ],
)
def test_networks_that_may_not(body: dict[str, Any], rule: str, setting: str) -> None:
    with pytest.raises(Denied) as caught:
        judged(judging.create, {"Name": "a", **body})
    (problem,) = caught.value.problems
    assert problem.rule == rule
    assert setting in problem.hint


def test_what_settings_allow() -> None:
    """
    Each a twin of a denial above.
    """
    around = with_settings(
        drivers=("macvlan", "overlay"),
        ipam_drivers=("weave",),
        options=("parent", "com.docker.network.bridge.name=docker7"),
        subnets=("93.184.216.0/24",),
    )
    allowed: list[dict[str, Any]] = [
        {"Driver": "macvlan", "Options": {"parent": "eth0"}},
        {"Driver": "overlay", "Scope": "swarm"},
        {"Options": {"com.docker.network.bridge.name": "docker7"}},
        {"IPAM": {"Driver": "weave", "Config": [{"Subnet": "93.184.216.0/24"}]}},
    ]
    denied: list[dict[str, Any]] = [
        {"Options": {"com.docker.network.bridge.name": "docker0"}},
        {"IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}},
    ]
    for body in allowed:
        judged(judging.create, {"Name": "a", **body}, around=around)
    for body in denied:
        with pytest.raises(Denied):
            judged(judging.create, {"Name": "a", **body}, around=around)


@pytest.mark.parametrize(
    "subnet", ["192.168.77.0/24", "192.168.0.0/16", "192.168.77.53/30", "10.0.0.0/8", "fd00:7::/80"]
)
def test_subnets_that_the_host_has_a_route_to(subnet: str) -> None:
    """
    Denied on a bridge, unless the operator has named what clients may use.
    """
    body = {"Name": "a", "IPAM": {"Config": [{"Subnet": "10.9.0.0/16"}, {"Subnet": subnet}]}}
    with pytest.raises(Denied, match=r"networks\.subnets") as caught:
        judged(judging.create, body)
    (only,) = caught.value.problems
    assert (only.rule, only.field) == ("network.routed", "IPAM.Config[1].Subnet")
    named = with_settings(subnets=("192.168.0.0/16", "10.0.0.0/8", "fd00::/8"))
    assert sent(judging.create, body, around=named)["IPAM"] == body["IPAM"]
    overlay = with_settings(drivers=("overlay",))
    assert judged(judging.create, {**body, "Driver": "overlay"}, around=overlay)


@pytest.mark.parametrize("subnet", ["10.1.2.0/24", "10.0.0.0/8", "10.1.0.0/16"])
def test_denied_subnets(subnet: str) -> None:
    around = with_settings(denied_subnets=("10.1.0.0/16",))
    body = {"Name": "a", "IPAM": {"Config": [{"Subnet": subnet}]}}
    with pytest.raises(Denied):
        judged(judging.create, body, around=around)
    body = {"Name": "a", "IPAM": {"Config": [{"Subnet": "10.2.0.0/16"}]}}
    judged(judging.create, body, around=around)


def test_connect() -> None:
    endpoint = {
        "Aliases": ["db"],
        "IPAMConfig": {"IPv4Address": "10.5.0.9"},
        "Links": ["box:web"],
        "NetworkID": FOREIGN,
        "EndpointID": "x",
    }
    ruling = judged(judging.connect, {"Container": "box", "EndpointConfig": endpoint})
    assert ruling.params == {"id": OWN}
    assert json.loads(ruling.body or b"") == {
        "Container": "c" * 64,
        "EndpointConfig": {
            "Aliases": ["db"],
            "IPAMConfig": {"IPv4Address": "10.5.0.9"},
            "Links": ["c" * 12 + ":web"],
        },
    }
    assert judged(judging.connect, {"container": "box"}, "bridge").params == {"id": BRIDGE}
    assert judged(judging.disconnect, {"Container": "box", "Force": True}).params == {"id": OWN}


@pytest.mark.parametrize("policy", [judging.connect, judging.disconnect])
def test_what_is_not_ones_own_can_not_be_joined(policy: Any) -> None:
    for reference in ("theirs", FOREIGN, "nothing"):
        with pytest.raises(NotFound, match=f"network {reference} not found"):
            judged(policy, {"Container": "box"}, reference)
    with pytest.raises(NotFound, match="No such container: theirs"):
        judged(policy, {"Container": "theirs"})
    with pytest.raises(BadRequest, match="invalid name or ID supplied"):
        judged(policy, {"Container": ""})
    with pytest.raises(Denied, match="host"):
        judged(policy, {"Container": "box"}, "host")
    with pytest.raises(BadRequest):
        judged(policy, {"Container": "box", "container": "box"})


def test_a_forced_network_is_the_only_one() -> None:
    containers = Containers(force=Forced(network="ci-net"))
    around = evolve(AROUND, settings=evolve(AROUND.settings, containers=containers))
    with pytest.raises(Denied, match=r"containers\.force\.network"):
        judged(judging.connect, {"Container": "box"}, around=around)


def test_options_of_an_endpoint() -> None:
    body = {"Container": "box", "EndpointConfig": {"DriverOpts": {"a": "b"}}}
    with pytest.raises(Denied, match=r"container\.endpoint_options"):
        judged(judging.connect, body)


def test_delete() -> None:
    assert judged(judging.delete).params == {"id": OWN}
    for reference in ("bridge", "host", "none"):
        with pytest.raises(Denied, match="pre-defined network and cannot be removed"):
            judged(judging.delete, reference=reference)
    for reference in ("theirs", "nothing"):
        with pytest.raises(NotFound):
            judged(judging.delete, reference=reference)


def test_prune() -> None:
    ruling = drive(judging.prune(request(query={"filters": {"until": ("1h",)}}), AROUND))
    assert isinstance(ruling, Forward)
    assert json.loads(dict(ruling.query)["filters"]) == {
        "until": {"1h": True},
        "label": {"com.dss.owner=ci": True},
    }
    with pytest.raises(BadRequest, match="invalid filter 'name'"):
        drive(judging.prune(request(query={"filters": {"name": ("x",)}}), AROUND))


def shown(name: str, id: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Id": id, "Labels": {}, "Containers": {}, **more}


MINE = shown("net", OWN, Labels={"com.dss.owner": "ci", "a": "b"}, Services={"s": {}}, Peers=[1])
THEIRS = shown("theirs", FOREIGN, Labels={"com.dss.owner": "other"})
NOBODYS = shown("made-outside", "8" * 64, Labels={"a": "b"})
DEFAULT = shown(
    "bridge", BRIDGE, Containers={"c" * 64: {"Name": "box"}, "d" * 64: {"Name": "theirs"}}
)


def test_lists() -> None:
    ruling = judged(showing.listing)
    answer = edited(ruling.reply, [MINE, THEIRS, NOBODYS, DEFAULT], ANSWERS)
    assert [each["Name"] for each in answer] == ["net", "bridge"]
    assert answer[1]["Containers"] == {"c" * 64: {"Name": "box"}}
    assert "Peers" not in answer[0]
    hidden = shown("hidden", "7" * 64, Labels={"com.dss.owner": "ci"})
    assert edited(ruling.reply, [hidden], ANSWERS) == []


def test_a_network_of_a_common_name_with_labels_is_not_the_engines() -> None:
    lookalike = shown("bridge", FOREIGN, Labels={"com.dss.owner": "other"})
    assert edited(judged(showing.listing).reply, [lookalike], ANSWERS) == []


def test_inspect() -> None:
    ruling = judged(showing.inspect)
    assert ruling.params == {"id": OWN}
    assert "Services" in edited(ruling.reply, MINE, ANSWERS)
    common = edited(judged(showing.inspect, reference="bridge").reply, DEFAULT, ANSWERS)
    assert common["Containers"] == {"c" * 64: {"Name": "box"}}
    for reference in ("theirs", FOREIGN, "nothing"):
        with pytest.raises(NotFound, match=f"network {reference} not found"):
            judged(showing.inspect, reference=reference)


PRIVATE_NETWORK = shown(
    private_name(AROUND.owner), PRIVATE, Labels={"com.dss.bridge": "ci"}, Containers={}
)


def test_a_private_bridge_is_the_bridge() -> None:
    for policy, body in (
        (judging.connect, {"Container": "box"}),
        (judging.disconnect, {"Container": "box"}),
        (showing.inspect, None),
    ):
        for reference in ("bridge", PRIVATE, PRIVATE[:12]):
            ruling = judged(policy, body, reference, PRIVATELY)
            assert ruling.params == {"id": PRIVATE}
        with pytest.raises(NotFound):
            judged(policy, body, BRIDGE, PRIVATELY)
    with pytest.raises(Denied, match="pre-defined"):
        judged(judging.delete, reference="bridge", around=PRIVATELY)
    ruling = judged(showing.listing, around=PRIVATELY)
    answer = edited(ruling.reply, [MINE, DEFAULT, PRIVATE_NETWORK], ANSWERS)
    assert [(each["Name"], each["Id"]) for each in answer] == [("net", OWN), ("bridge", PRIVATE)]
    assert answer[1]["Labels"] == {}
    other = evolve(PRIVATELY, owner=evolve(PRIVATELY.owner, name="other"))
    answer = edited(judged(showing.listing, around=other).reply, [PRIVATE_NETWORK], ANSWERS)
    assert answer == []


def joined(host: dict[str, Any], around: Circumstances = PRIVATELY, **body: Any) -> Any:
    return drive(joining.judge(body, host, around), ANSWERS)


def endpoints(**named: Any) -> dict[str, Any]:
    return {"NetworkingConfig": {"EndpointsConfig": named}}


def test_new_containers_are_in_the_private_bridge() -> None:
    for host in ({}, {"NetworkMode": ""}, {"NetworkMode": "default"}, {"NetworkMode": "bridge"}):
        assert joined(host) == ({"NetworkMode": PRIVATE}, {})
    assert joined({"NetworkMode": "none"}) == ({"NetworkMode": "none"}, {})
    assert joined({"NetworkMode": "net"}) == ({"NetworkMode": OWN}, {})
    assert joined({"NetworkMode": "container:x"}) == ({"NetworkMode": "container:x"}, {})
    assert joined({}, NetworkDisabled=True) == ({}, {})
    with_endpoint = joined({}, **endpoints(bridge={"Aliases": ["a"]}))
    assert with_endpoint == (
        {"NetworkMode": PRIVATE},
        {"EndpointsConfig": {PRIVATE: {"Aliases": ["a"]}}},
    )
    assert joined({}, **endpoints(net={})) == ({}, {"EndpointsConfig": {OWN: {}}})
    linked = joined({"Links": ["c" * 64 + ":db"]})
    assert linked == (
        {"NetworkMode": PRIVATE},
        {"EndpointsConfig": {PRIVATE: {"Links": ["c" * 12 + ":db"]}}},
    )
    for reference in ("theirs", BRIDGE, private_name(AROUND.owner)):
        with pytest.raises(BadRequest, match="not found"):
            joined({"NetworkMode": reference})


def test_without_it_they_are_in_the_engines() -> None:
    assert joined({}, AROUND) == ({}, {})
    assert joined({"NetworkMode": "bridge"}, AROUND) == ({"NetworkMode": "bridge"}, {})
    assert joined({"NetworkMode": BRIDGE}, AROUND) == ({"NetworkMode": "bridge"}, {})


def container(mode: str, **networks: Any) -> dict[str, Any]:
    settings = {"IPAddress": "", "Networks": networks}
    return {"HostConfig": {"NetworkMode": mode}, "NetworkSettings": settings}


def test_networks_of_a_container_have_the_names_of_its_client() -> None:
    value = container(OWN, net={"NetworkID": OWN})
    seen = drive(showing.with_networks(value, AROUND), ANSWERS)
    assert seen == container("net", net={"NetworkID": OWN})
    value = container(OWN, net={"NetworkID": ""}, other={"NetworkID": ""})
    assert drive(showing.with_networks(value, AROUND), ANSWERS)["HostConfig"] == {
        "NetworkMode": "net"
    }
    value = container("default", **{OWN: {"NetworkID": ""}})
    seen = drive(showing.with_networks(value, AROUND), ANSWERS)
    assert seen == container("default", net={"NetworkID": ""})
    for value in (container("bridge", bridge={}), container(FOREIGN, gone={"NetworkID": ""})):
        assert drive(showing.with_networks(value, AROUND), ANSWERS) is value


@pytest.mark.parametrize(("newest", "mode"), [((1, 41), "default"), ((1, 51), "bridge")])
def test_a_container_in_a_private_bridge(newest: tuple[int, int], mode: str) -> None:
    around = evolve(PRIVATELY, engine_version=ApiVersion(*newest))
    name = private_name(AROUND.owner)
    value = container(PRIVATE, **{name: {"NetworkID": PRIVATE, "IPAddress": "172.20.0.2"}})
    seen = drive(showing.with_networks(value, around), ANSWERS)
    assert seen == {
        "HostConfig": {"NetworkMode": mode},
        "NetworkSettings": {
            "IPAddress": "172.20.0.2",
            "Networks": {"bridge": {"NetworkID": PRIVATE, "IPAddress": "172.20.0.2"}},
        },
    }
