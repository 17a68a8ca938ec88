"""
What nobody may do unless the operator grants it, and what may be known of nodes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from dss.config.grants import GRANTABLE
from dss.config.load import load
from dss.errors import BadRequest, Denied, EngineOdd, NotFound
from dss.model.facts import ContainerFacts, ContainerJson, ContainerNamed, HooksOnEntry
from dss.model.ruling import Forward, Stream
from dss.policy.containers import start
from dss.policy.swarm import nodes
from dss.routes import ROUTES
from dss.routes.table import Body, Route
from dss.testing.judging import circumstances, drive, edited, request

AROUND = circumstances("ci")
BOX = "c" * 64
ANSWERS: dict[Any, Any] = {
    ContainerNamed: lambda q: ContainerFacts(BOX, "ci") if q.reference == "box" else None,
    ContainerJson: lambda q: {"Mounts": []},
}
BY_NAME = {route.operation: route for route in ROUTES}

#: A body for each operation that has one.
BODIES: dict[str, Any] = {
    "SwarmInit": {"AdvertiseAddr": "127.0.0.1", "Spec": {"Labels": {"a": "b"}}},
    "SwarmJoin": {"RemoteAddrs": ["10.0.0.1"], "JoinToken": "x"},
    "SwarmUpdate": {"Name": "default", "CAConfig": {"ForceRotate": 1}},
    "SwarmUnlock": {"UnlockKey": "x"},
    "NodeUpdate": {"Role": "worker", "Availability": "drain"},
    "PluginPull": [{"Name": "network", "Description": "", "Value": ["host"]}],
    "PluginUpgrade": [{"Name": "network", "Description": "", "Value": ["host"]}],
    "PluginSet": ["DEBUG=1"],
    "CheckpointCreate": {"CheckpointID": "one", "Exit": True},
}


def granted(*operations: str) -> Any:
    return evolve(AROUND, settings=evolve(AROUND.settings, grants=operations))


def judged(route: Route, around: Any, body: Any = None, **query: str) -> Forward:
    params = {"id": "box", "name": "x/y:1", "checkpoint": "one"}
    raw = b"" if body is None else json.dumps(body).encode()
    made = request(route.operation, params, query, raw)
    ruling = drive(route.policy(made, around), ANSWERS)
    assert isinstance(ruling, Forward)
    return ruling


@pytest.mark.parametrize("operation", [each for each in GRANTABLE if each != "PluginInspect"])
def test_denied_unless_granted_by_name(operation: str) -> None:
    route = BY_NAME[operation]
    others = granted(*(each for each in GRANTABLE if each != operation))
    with pytest.raises(Denied) as caught:
        judged(route, others, BODIES.get(operation))
    (problem,) = caught.value.problems
    assert problem.rule == "grant.missing"
    line = problem.hint.split(" allow it with ")[1].removesuffix(" in the settings file.")
    # What is granted already stays so.
    assert set(load(line, "line").owner.grants) == set(GRANTABLE)
    forward = judged(route, granted(operation), BODIES.get(operation), version="1")
    assert forward.query == (("version", "1"),)
    if route.body is Body.JSON:
        assert forward.body is not None
        assert json.loads(forward.body) == BODIES[operation]
    else:
        assert forward.body is None
    assert route.treatment.startswith("denied unless granted")


def test_all_that_says_so_can_be_granted() -> None:
    said = {each.operation for each in ROUTES if " unless granted" in each.treatment}
    assert said == set(GRANTABLE)


def test_a_plugin_is_missing_unless_plugins_may_be_inspected() -> None:
    """
    So that C{docker inspect} says of a name that nothing has what it says without dss.
    """
    route = BY_NAME["PluginInspect"]
    with pytest.raises(NotFound, match=r'^plugin "x/y:1" not found$'):
        judged(route, granted("PluginList"))
    assert judged(route, granted("PluginInspect")).params["name"] == "x/y:1"


@pytest.mark.parametrize("operation", [each for each in BODIES if each != "PluginSet"])
def test_of_a_body_only_known_fields_go_on(operation: str) -> None:
    odd: Any = {"Foo": 1}
    body = [odd] if isinstance(BODIES[operation], list) else odd
    with pytest.raises(Denied, match=r"field\.unknown"):
        judged(BY_NAME[operation], granted(operation), body)


def test_checkpoints_are_of_own_containers_in_the_engines_own_directory() -> None:
    create, delete = BY_NAME["CheckpointCreate"], BY_NAME["CheckpointDelete"]
    around = granted("CheckpointCreate", "CheckpointDelete", "CheckpointList")
    forward = judged(create, around, {"CheckpointID": "one"})
    assert forward.params["id"] == BOX
    assert isinstance(forward.reply, Stream)
    assert judged(delete, around).params == {"id": BOX, "name": "x/y:1", "checkpoint": "one"}
    for route in (delete, BY_NAME["CheckpointList"]):
        with pytest.raises(Denied, match=r"container\.checkpoint"):
            judged(route, around, dir="/etc")
        foreign = request(route.operation, {"id": "theirs", "checkpoint": "one"})
        with pytest.raises(NotFound, match="No such container: theirs"):
            drive(route.policy(foreign, around), ANSWERS)
    with pytest.raises(Denied, match=r"container\.checkpoint"):
        judged(create, around, {"CheckpointID": "one", "CheckpointDir": "/etc"})
    for name in ("", "../x", "a/b"):
        with pytest.raises(BadRequest, match="Invalid checkpoint ID"):
            judged(create, around, {"CheckpointID": name})


def test_starting_from_a_checkpoint() -> None:
    def started(around: Any, **query: str) -> Any:
        return drive(start(request("ContainerStart", {"id": "box"}, query), around), ANSWERS)

    with pytest.raises(Denied, match=r"grant\.missing"):
        started(AROUND, checkpoint="one")
    around = granted("CheckpointCreate")
    assert started(around, checkpoint="one").query == (("checkpoint", "one"),)
    with pytest.raises(Denied, match=r"container\.checkpoint"):
        started(around, checkpoint="one", **{"checkpoint-dir": "/etc"})
    with pytest.raises(BadRequest):
        started(around, checkpoint="../one")


#: As engine 28.5 tells it, shortened.
NODE = {
    "ID": "n",
    "Spec": {"Labels": {"rack": "secret"}, "Role": "manager", "Availability": "active"},
    "Description": {
        "Hostname": "vm",
        "Platform": {"OS": "linux"},
        "Resources": {"NanoCPUs": 1, "GenericResources": ["secret"]},
        "Engine": {"EngineVersion": "28", "Plugins": ["secret"], "Labels": {"secret": ""}},
        "TLSInfo": {"TrustRoot": "secret"},
    },
    "Status": {"State": "ready", "Addr": "secret"},
    "ManagerStatus": {"Leader": True, "Addr": "secret"},
    "FieldOfTheFuture": "secret",
}
SWARM = {
    "ID": "s",
    "Spec": {
        "Name": "default",
        "Orchestration": {"TaskHistoryRetentionLimit": 5},
        "CAConfig": {"SigningCAKey": "secret"},
    },
    "JoinTokens": {"Worker": "secret", "Manager": "secret"},
    "TLSInfo": {"TrustRoot": "secret"},
}


def test_what_may_be_known_of_the_swarm_and_its_nodes() -> None:
    found = {
        "swarm": drive(nodes.inspect_swarm(request(), AROUND)),
        "node": drive(nodes.inspect(request("", {"id": "n"}), AROUND)),
        "nodes": drive(nodes.listing(request(query={"filters": {"role": ("x",)}}), AROUND)),
    }
    replies = {key: each.reply for key, each in found.items() if isinstance(each, Forward)}
    shown = edited(replies["node"], NODE)
    assert "secret" not in json.dumps(shown)
    assert shown["Description"] == {
        "Hostname": "vm",
        "Platform": {"OS": "linux"},
        "Resources": {"NanoCPUs": 1},
        "Engine": {"EngineVersion": "28"},
    }
    assert shown["Status"] == {"State": "ready"}
    hooks = {HooksOnEntry: lambda q: q.entry["ID"] != "hidden"}
    assert edited(replies["nodes"], [NODE, {"ID": "hidden"}], hooks) == [shown]
    swarm = edited(replies["swarm"], SWARM)
    assert "secret" not in json.dumps(swarm)
    assert swarm["Spec"]["Orchestration"] == {"TaskHistoryRetentionLimit": 5}
    for key, odd in (("swarm", []), ("node", "x"), ("nodes", {}), ("nodes", [1])):
        with pytest.raises(EngineOdd):
            edited(replies[key], odd, {HooksOnEntry: lambda q: True})
