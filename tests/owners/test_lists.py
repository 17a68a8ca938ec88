"""
Lists, events, prune and totals: each owner's own, whatever the filters.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.engines.api import Api, Raw
from tests.engines.cleaning import Contents
from tests.engines.patience import eventually
from tests.owners.pair import Pair, missing, told

pytestmark = pytest.mark.engine


def _ids(api: Api, **filters: list[str]) -> set[str]:
    return {each["Id"] for each in api.get("/containers/json", all=1, filters=filters)}


def test_lists(pair: Pair) -> None:
    """
    Nothing of the other's, running or not; nothing that nobody owns.
    """
    own, foreign = pair.container(pair.a), pair.container(run=True)
    unowned = pair.container(pair.engine.api)
    assert _ids(pair.a) == {own.id}
    assert _ids(pair.b) == {foreign.id}
    assert _ids(pair.engine.api) == {own.id, foreign.id, unowned.id}
    assert pair.a.get("/containers/json") == []
    assert [each["Id"] for each in pair.a.get("/containers/json", limit=5)] == [own.id]
    assert [each["Id"] for each in pair.b.get("/containers/json")] == [foreign.id]


def test_filters_find_nothing_of_another_owner(pair: Pair) -> None:
    """
    Each filter that can name a container or its owner.
    """
    own = pair.container(pair.a, Labels={"app": "x"})
    foreign = pair.container(run=True, Labels={"app": "x"}, Volumes={"/data": {}})
    (mount,) = pair.engine.api.get(f"/containers/{foreign.id}/json")["Mounts"]
    hiding: list[dict[str, list[str]]] = [
        {"id": [foreign.id]},
        {"id": [foreign.id[:12]]},
        {"name": [foreign.name]},
        {"name": [own.name, foreign.name]},
        {"label": ["com.dss.owner=b"]},
        {"label": ["com.dss.owner"]},
        {"label": ["app=x"]},
        {"volume": [mount["Name"]]},
        {"volume": ["/data"]},
        {"status": ["running", "created"]},
        {"ancestor": ["busybox"]},
        {"network": ["bridge"]},
        {"is-task": ["false"]},
    ]
    for filters in hiding:
        reply = pair.a.call("GET", "/containers/json", {"all": 1, "filters": filters})
        if reply.ok:
            found = {each["Id"] for each in reply.json()}
            assert foreign.id not in found, filters
    assert _ids(pair.a, label=["app=x"]) == {own.id}
    assert _ids(pair.b, id=[foreign.id]) == {foreign.id}
    assert _ids(pair.b, name=[foreign.name]) == {foreign.id}
    assert _ids(pair.b, volume=["/data"]) == {foreign.id}


@pytest.mark.parametrize("key", ["before", "since"])
def test_filters_by_another_owners_age(pair: Pair, key: str) -> None:
    """
    C{before} and C{since} another owner's container are errors as for a missing one.
    """
    foreign = pair.container()
    for kind, reference in foreign.references.items():
        nothing = missing(kind)
        replies = [
            told(pair.a.call("GET", "/containers/json", {"filters": {key: [each]}}), each)
            for each in (nothing, reference)
        ]
        assert replies[0] == replies[1], kind
        assert replies[0][0] == 404
        assert pair.b.call("GET", "/containers/json", {"filters": {key: [reference]}}).ok


def test_events(pair: Pair) -> None:
    """
    Each owner hears of its own only, in whatever way it asks.
    """
    begin = f"{time.time():.9f}"
    own = pair.container(pair.a, run=True)
    foreign = pair.container(run=True)
    for each in (own, foreign):
        pair.engine.api.post(f"/containers/{each.id}/kill")
        _await_end(pair.engine.api, begin, each.id)
    asked: list[dict[str, list[str]]] = [
        {},
        {"container": [foreign.id]},
        {"container": [foreign.name]},
        {"container": [foreign.id[:12]]},
        {"label": ["com.dss.owner=b"]},
        {"type": ["container"]},
        {"event": ["die"]},
        {"image": ["busybox"]},
    ]
    for filters in asked:
        told_of = {_container(each) for each in _events(pair.a, begin, filters)}
        assert told_of <= {own.id}, filters
    assert {_container(each) for each in _events(pair.a, begin, {})} == {own.id}
    by_name = _events(pair.b, begin, {"container": [foreign.name]})
    assert {_container(each) for each in by_name} == {foreign.id}
    assert foreign.name not in json.dumps(_events(pair.a, begin, {}))


def test_events_of_networks_volumes_and_images(pair: Pair) -> None:
    """
    No event carries a label of a network's or a volume's owner. Each hears of its own all
    the same, also of how it ends, and nothing of the other's, nor of what nobody owns.
    """
    begin = f"{time.time():.9f}"
    named: dict[str, Api] = {"mine": pair.a, "theirs": pair.b, "nobodys": pair.engine.api}
    with Raw.connect(pair.a.socket) as raw:
        raw.send(f"GET /events?since={begin} HTTP/1.1\r\nHost: e\r\n\r\n".encode())
        for word, api in named.items():
            network = api.post("/networks/create", {"Name": f"net-{word}"})["Id"]
            host = {"Binds": [f"vol-{word}:/data"], "NetworkMode": network}
            box = pair.container(api, run=True, HostConfig=host)
            api.call("DELETE", f"/containers/{box.id}", {"force": 1})
            api.call("DELETE", f"/networks/{network}")
        last = pair.container(pair.a)
        heard = raw.until(last.id.encode()).decode()
    assert "theirs" not in heard
    assert "nobodys" not in heard
    whole = heard.splitlines()[:-1]
    events = [json.loads(line) for line in whole if line.startswith("{")]
    seen = [(each["Type"], each["Action"]) for each in events if "mine" in json.dumps(each)]
    for wanted in (
        ("network", "create"),
        ("network", "connect"),
        ("volume", "mount"),
        ("volume", "unmount"),
        ("network", "disconnect"),
        ("network", "destroy"),
    ):
        assert wanted in seen


def test_prune(pair: Pair) -> None:
    """
    Each removes its own, with whatever filters.
    """
    own, foreign = pair.container(pair.a), pair.container()
    unowned = pair.container(pair.engine.api)
    before = foreign.snapshot(), unowned.snapshot()
    asked: list[dict[str, list[str]]] = [
        {"label": ["com.dss.owner=b"]},
        {"label!": ["com.dss.owner=a"]},
        {"until": ["0s"], "label": ["com.dss.owner"]},
        {},
    ]
    removed: set[str] = set()
    for filters in asked:
        reply = pair.a.call("POST", "/containers/prune", {"filters": filters})
        if reply.ok:
            removed |= set(reply.json()["ContainersDeleted"] or ())
    assert removed == {own.id}
    assert (foreign.snapshot(), unowned.snapshot()) == before
    done = pair.b.post("/containers/prune")
    assert done["ContainersDeleted"] == [foreign.id]
    assert unowned.id in Contents.of(pair.engine.api).containers


def test_prune_with_filters_in_a_form(pair: Pair) -> None:
    """
    The engine reads parameters from a form in the body too, and first.
    """
    foreign = pair.container()
    form = b'filters={"label":["com.dss.owner=b"]}'
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    pair.a.call("POST", "/containers/prune", body=form, headers=headers)
    assert foreign.id in Contents.of(pair.engine.api).containers


def test_totals(pair: Pair) -> None:
    """
    C{info} counts one's own.
    """
    pair.container(pair.a)
    pair.container(run=True)
    pair.container(run=True)
    counts = ("Containers", "ContainersRunning", "ContainersStopped")
    assert [pair.a.get("/info")[key] for key in counts] == [1, 0, 1]
    assert [pair.b.get("/info")[key] for key in counts] == [2, 2, 0]


def test_use_of_the_disk(pair: Pair) -> None:
    """
    Each owner's own containers and volumes, and images that both may see.
    """
    names = {"own": pair.a, "theirs": pair.b, "nobodys": pair.engine.api}
    made = {
        name: pair.container(api, HostConfig={"Binds": [f"{name}:/data"]})
        for name, api in names.items()
    }
    for name in ("own", "theirs"):
        used = names[name].get("/system/df")
        assert [each["Id"] for each in used["Containers"]] == [made[name].id]
        assert [each["Name"] for each in used["Volumes"]] == [name]
        assert used["Images"]
        assert not used["BuildCache"]
        assert used["LayersSize"] <= pair.engine.api.get("/system/df")["LayersSize"]


def _events(api: Api, begin: str, filters: dict[str, list[str]]) -> list[Any]:
    query = {"since": begin, "until": f"{time.time():.9f}", "filters": filters}
    reply = api.call("GET", "/events", query)
    assert reply.ok, reply.message
    return [json.loads(line) for line in reply.body.splitlines() if line.strip()]


def _await_end(api: Api, begin: str, container: str) -> None:
    filters = {"container": [container], "event": ["die"]}
    eventually(lambda: _events(api, begin, filters), "the container's end")


def _container(event: Any) -> str:
    """
    The container that an event is about, or of which it tells what it joined.
    """
    actor = event["Actor"]
    return str(actor["ID"] if event["Type"] == "container" else actor["Attributes"]["container"])
