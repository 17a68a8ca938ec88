"""
What clients are shown of a container is what the same create shows without dss.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

#: What differs between any two containers.
_OWN = (
    "Id",
    "Created",
    "Name",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "GraphDriver",
    "NetworkSettings",
    "Storage",
)
_RANDOM = re.compile(r"[0-9a-f]{64}")

#: Names of what the tests use, in place of ROOT.
_CASES: tuple[dict[str, Any], ...] = (
    {"Binds": ["ROOT/dir:/x"]},
    {"Binds": ["ROOT/dir/:/x/:ro"]},
    {"Binds": ["ROOT/./dir:/x:ro,rprivate", "ROOT/file:/y"]},
    {"Binds": ["ROOT//dir:/x:rw,cached,private", "named:/v:ro", "/anonymous"]},
    {"Binds": ["named:/v:nocopy", "named:/w"], "Mounts": []},
    {"Binds": ["ROOT:/all"], "RestartPolicy": {"Name": "no"}},
    {"Binds": ["ROOT/inner:/x", "ROOT/inner/deep:/y"]},
    {"Binds": ["ROOT/a b:/x"]},
    {"Binds": [], "Mounts": []},
    {"Binds": ["ROOT/../docker.sock:/s", "ROOT//../docker.sock/:/t:ro,z"]},
    {
        "Mounts": [
            {"Type": "bind", "Source": "ROOT/../docker.sock", "Target": "/s", "ReadOnly": True},
            {"Type": "bind", "Source": "ROOT/../docker.sock", "Target": "/t", "BindOptions": {}},
        ]
    },
    {},
    {"Mounts": [{"Type": "bind", "Source": "ROOT/dir", "Target": "/x"}]},
    {
        "Mounts": [
            {
                "Type": "bind",
                "Source": "ROOT/dir/",
                "Target": "/x/",
                "ReadOnly": False,
                "BindOptions": {"Propagation": "private"},
                "Consistency": "cached",
            },
            {"Type": "bind", "Source": "ROOT/a:b", "Target": "/y", "BindOptions": {}},
            {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 0}},
        ],
        "Binds": ["ROOT/dir:/z"],
    },
    {
        "Mounts": [
            {"Type": "volume", "Source": "named", "Target": "/v", "ReadOnly": True},
            {"Type": "volume", "Target": "/w", "VolumeOptions": {"NoCopy": True, "Labels": {}}},
        ]
    },
)


@pytest.fixture
def root(engine: Engine) -> Path:
    """
    An allowed directory with something in it.
    """
    made = engine.directory / "views"
    for name in ("dir", "dir/deep", "a b", "a:b"):
        (made / name).mkdir(parents=True, exist_ok=True)
    (made / "file").write_text("x")
    if not (made / "inner").is_symlink():
        (made / "inner").symlink_to("dir")
    return made


def _body(case: dict[str, Any], root: Path, **more: Any) -> dict[str, Any]:
    host = json.loads(json.dumps(case).replace("ROOT", str(root)))
    return {"Image": "busybox", "Cmd": ["true"], **more, "HostConfig": host}


def _shown(api: Api, body: dict[str, Any], prefix: str = "") -> Any:
    """
    A container as its creator sees it: inspected, and its mounts in the list.
    """
    made = api.post(f"{prefix}/containers/create", body)["Id"]
    try:
        (listed,) = (
            each for each in api.get(f"{prefix}/containers/json", all=1) if each["Id"] == made
        )
        return _plain(api.get(f"{prefix}/containers/{made}/json"), listed, made)
    finally:
        api.delete(f"/containers/{made}", force=1, v=1)


def _plain(inspected: Any, listed: Any, made: str) -> Any:
    found = {key: value for key, value in inspected.items() if key not in _OWN}
    for holder in (found["Config"], listed):
        labels = holder["Labels"] or {}
        assert not [key for key in labels if key in ("com.dss.mounts", "com.dss.image")]
        holder["Labels"] = {k: v for k, v in labels.items() if not k.startswith("com.dss.")}
    found["Config"].pop("Hostname")
    found["Mounts"] = _points(found["Mounts"])
    found["Listed"] = {key: listed[key] for key in ("Image", "Labels", "Command", "HostConfig")}
    found["Listed"]["Mounts"] = _points(listed["Mounts"])
    for each in found["Listed"]["Mounts"]:
        if each["Type"] == "volume":
            # Empty before the first start where it comes from Config.Volumes.
            del each["Source"]
    return json.loads(_RANDOM.sub("RANDOM", json.dumps(found).replace(made, "SELF")))


def _points(mounts: Any) -> Any:
    """
    The engine's order is accidental. Engine 28.5 leaves the random name out where a
    volume without a name comes from C{Binds}.
    """
    for each in mounts:
        if _RANDOM.fullmatch(each.get("Name", "")):
            del each["Name"]
    return sorted(mounts, key=lambda each: str(each["Destination"]))


def _lines(shown: Any) -> list[str]:
    """
    In an order, and in pieces that a failing test can show.
    """
    return json.dumps(shown, indent=1, sort_keys=True).splitlines()


def _prefixes(engine: Engine) -> list[str]:
    known = [(1, 25), (1, 39), (1, 41), (1, 43), (1, 45)]
    return [
        "",
        *(f"/v{major}.{minor}" for major, minor in known if (major, minor) <= engine.version),
    ]


def test_a_container_looks_as_without_dss(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    In every version of the API that a client may speak.
    """
    through = guard(engine, owner="viewer", allow_bind=[str(root)])
    engine.api.post("/volumes/create", {"Name": "named", "Labels": {"com.dss.owner": "viewer"}})
    for prefix in _prefixes(engine):
        for case in _CASES:
            body = _body(case, root, Volumes={"/declared": {}})
            bare, guarded = _shown(engine.api, body, prefix), _shown(through.api, body, prefix)
            assert _lines(guarded) == _lines(bare), f"{prefix} {case}"


def test_old_clients_get_what_they_always_got(
    engine: Engine, guard: StartGuard, root: Path
) -> None:
    """
    What else a newer prefix would change.
    """
    through = guard(engine, owner="viewer", allow_bind=[str(root)])
    body = _body(
        {"Binds": ["ROOT/dir:/x"]},
        root,
        Healthcheck={"Test": ["CMD", "true"], "Interval": 10**9, "StartInterval": 10**9},
        Labels={"a": "b"},
        Env=["A=b"],
    )
    for prefix in _prefixes(engine):
        bare, guarded = _shown(engine.api, body, prefix), _shown(through.api, body, prefix)
        assert _lines(guarded) == _lines(bare), prefix


def test_what_comes_from_another_container_looks_as_without_dss(
    engine: Engine, guard: StartGuard, root: Path
) -> None:
    through = guard(engine, owner="viewer", allow_bind=[str(root)])
    giver = _body(
        {"Binds": ["ROOT/dir:/x:ro", "ROOT/inner:/y", "named-too:/v", "/anonymous"]}, root
    )
    seen = []
    for api, name in ((engine.api, "giver-bare"), (through.api, "giver-dss")):
        given = api.post("/containers/create", giver, name=name)["Id"]
        for entry in (name, f"{given[:12]}:ro", f"{name}:rw"):
            shown = _shown(api, _body({"VolumesFrom": [entry]}, root))
            seen.append(json.loads(json.dumps(shown).replace(entry.partition(":")[0], "GIVER")))
        api.delete(f"/containers/{given}", force=1, v=1)
        engine.api.delete("/volumes/named-too")
    assert [_lines(each) for each in seen[3:]] == [_lines(each) for each in seen[:3]]


def test_the_cli_shows_what_it_was_told(engine: Engine, guard: StartGuard, root: Path) -> None:
    through = guard(engine, owner="viewer", allow_bind=[f"/workspace={root}"])
    argv = ["-v", "/workspace/dir:/x:ro", "--mount", "type=bind,src=/workspace/file,dst=/y"]
    created = engine.run("docker", "-H", through.host, "create", *argv, "busybox", "true")
    made = created.stdout.decode().strip()
    shown = through.api.get(f"/containers/{made}/json")
    assert shown["HostConfig"]["Binds"] == ["/workspace/dir:/x:ro"]
    assert sorted(each["Source"] for each in shown["Mounts"]) == [
        "/workspace/dir",
        "/workspace/file",
    ]
    listed = engine.run(
        "docker", "-H", through.host, "ps", "-a", "--no-trunc", "--format", "{{.Mounts}}"
    )
    assert sorted(listed.stdout.decode().strip().split(",")) == [
        "/workspace/dir",
        "/workspace/file",
    ]
    for text in (json.dumps(shown), json.dumps(through.api.get("/containers/json", all=1))):
        assert str(root) not in text
        assert "dss-root" not in text


def test_events_hide_what_is_remembered(engine: Engine, guard: StartGuard, root: Path) -> None:
    through = guard(engine, owner="viewer", allow_bind=[str(root)])
    made = through.api.post("/containers/create", _body({"Binds": ["ROOT/dir:/x"]}, root))["Id"]
    through.api.delete(f"/containers/{made}")
    reply = through.api.call("GET", "/events", {"since": 1, "until": int(time.time()) + 1})
    events = [json.loads(line) for line in reply.body.splitlines()]
    mine = [each for each in events if each["Actor"]["ID"] == made]
    assert {each["Action"] for each in mine} >= {"create", "destroy"}
    assert "com.dss.mounts" not in json.dumps(events)
    assert mine[0]["Actor"]["Attributes"]["image"] == "busybox"


def test_an_image_can_not_tell_what_is_shown(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    A container without mounts does not inherit the label that remembers them.
    """
    through = guard(engine, owner="viewer", allow_bind=[str(root)])
    lie = json.dumps({"Host": {"Binds": ["/etc:/x"], "Mounts": None, "VolumesFrom": None}})
    bare = engine.api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"]})["Id"]
    engine.api.post(
        "/commit",
        {"Labels": {"com.dss.mounts": lie}},
        container=bare,
        repo="liar",
    )
    made = through.api.post("/containers/create", {"Image": "liar", "Cmd": ["true"]})["Id"]
    shown = through.api.get(f"/containers/{made}/json")
    assert shown["HostConfig"]["Binds"] is None
    assert engine.api.get(f"/containers/{made}/json")["Config"]["Labels"]["com.dss.mounts"] == ""
