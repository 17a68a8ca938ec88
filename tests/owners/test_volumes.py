"""
Volumes of two owners: neither sees, changes or removes the other's, nor those of dss.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine
from tests.owners.pair import Pair, told

pytestmark = pytest.mark.engine


def _volume(api: Api, name: str, **more: Any) -> Any:
    return api.post("/volumes/create", {"Name": name, **more})


def test_every_operation_on_anothers_volume(pair: Pair) -> None:
    """
    Told as if it were missing, and nothing changes. B's own requests succeed.
    """
    _volume(pair.b, "theirs-x", Labels={"a": "b"})
    _volume(pair.a, "mine-x")
    before = pair.engine.api.get("/volumes/theirs-x")
    attempts: list[tuple[str, dict[str, int], Any]] = [
        ("GET", {}, None),
        ("DELETE", {}, None),
        ("DELETE", {"force": 1}, None),
        ("PUT", {"version": 1}, {"Spec": {"Availability": "drain"}}),
    ]
    for method, query, body in attempts:
        found, expected = (
            told(pair.a.call(method, f"/volumes/{name}", query, body), name)
            for name in ("theirs-x", "nobodys-x")
        )
        assert found == expected, method
        assert found[0] == (204 if query.get("force") else 404)
    # The engine would answer with B's volume.
    for options in ({}, {"DriverOpts": {"type": "tmpfs", "device": "tmpfs"}}):
        body = {"Name": "theirs-x", "Labels": {"c": "d"}, **options}
        assert pair.engine.api.call("POST", "/volumes/create", body=body).json() == before
        reply = pair.a.call("POST", "/volumes/create", body=body)
        assert reply.status == 403
        assert "volume.taken" in reply.message
    wanted: list[dict[str, Any]] = [{}, {"name": ["x"]}, {"label": ["com.dss.owner"]}]
    for filters in wanted:
        listed = pair.a.get("/volumes", filters=filters)["Volumes"]
        assert [each["Name"] for each in listed] == ["mine-x"]
    assert pair.a.get("/volumes", filters={"label": ["a=b"]})["Volumes"] == []
    for prefix in ("", "/v1.41"):
        for filters in (*wanted[:1], {"label": ["com.dss.owner=b"]}, {"label": ["a=b"]}):
            pair.a.post(f"{prefix}/volumes/prune", filters=filters)
    assert pair.engine.api.get("/volumes/theirs-x") == before
    assert pair.a.call("GET", "/volumes/mine-x").status == 404, "one's own is pruned"
    assert pair.b.get("/volumes/theirs-x") == before
    pair.b.delete("/volumes/theirs-x")


def test_labels_that_are_forged(pair: Pair) -> None:
    for body in (
        {"Labels": {"com.dss.owner": "b"}},
        {"labels": {"com.dss.owner": "b"}},
        {"Labels": {"COM.DSS.OWNER": "b"}},
        {"Label\u017f": {"com.dss.owner": "b"}},
        {"Labels": {"com.dss.volume": '{"Options":{},"Inside":""}'}},
        {"Labels": {"com.dss.root": "/"}},
    ):
        reply = pair.a.call("POST", "/volumes/create", body={"Name": "forged-x", **body})
        assert reply.status in (400, 403), body
    assert pair.engine.api.call("GET", "/volumes/forged-x").status == 404


def test_what_is_made_has_its_owner(pair: Pair) -> None:
    """
    With a name or without, and whatever the labels.
    """
    named = _volume(pair.a, "named-x", Labels={"a": "b"})
    assert named["Labels"] == {"a": "b", "com.dss.owner": "a"}
    unnamed = pair.a.post("/volumes/create", {})["Name"]
    assert len(unnamed) == 64
    assert _volume(pair.a, "named-x") == named
    # Names that look like ids are names and nothing else.
    for name in (unnamed[:12], "0" * 64):
        assert _volume(pair.a, name)["Name"] == name
        assert pair.a.get(f"/volumes/{name}")["Name"] == name
    assert {each["Name"] for each in pair.a.get("/volumes")["Volumes"]} == {
        "named-x",
        unnamed,
        unnamed[:12],
        "0" * 64,
    }
    assert pair.b.get("/volumes")["Volumes"] == []


def test_names_of_dss(engine: Engine, guard: StartGuard) -> None:
    """
    The volumes that stand for allowed directories are nowhere.
    """
    root = engine.directory / "volumes-root"
    (root / "sub").mkdir(parents=True, exist_ok=True)
    api = guard(engine, owner="a", allow_bind=[str(root)]).api
    body = {"Image": "busybox", "HostConfig": {"Binds": [f"{root}/sub:/x"]}}
    made = api.post("/containers/create", body)["Id"]
    api.delete(f"/containers/{made}", v=1)
    names = [each["Name"] for each in engine.api.get("/volumes")["Volumes"]]
    reserved = [each for each in names if each.startswith("dss-root-")]
    assert bool(reserved) == (engine.version >= (1, 45))
    assert api.get("/volumes")["Volumes"] == []
    for name in (*reserved, "dss-root-0"):
        assert api.call("GET", f"/volumes/{name}").status == 404
        assert api.call("DELETE", f"/volumes/{name}").status == 404
        assert api.call("DELETE", f"/volumes/{name}", {"force": 1}).status == 204
        assert api.call("POST", "/volumes/create", body={"Name": name}).status == 403
    for prefix in ("", "/v1.41"):
        assert not api.post(f"{prefix}/volumes/prune")["VolumesDeleted"]
    assert [each["Name"] for each in engine.api.get("/volumes")["Volumes"]] == names
