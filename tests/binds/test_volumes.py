"""
Volumes of host directories: as without dss for their client, and nothing outside of what is
allowed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.clients.sides import Side, Sides, both_ways
from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

SECRET = "nobody-may-read-this"


@pytest.fixture
def root(engine: Engine) -> Path:
    """
    An allowed directory beside one that is not.
    """
    made = engine.directory / "volumes" / "root"
    for name in ("dir/deep", "empty", "../outside"):
        (made / name).mkdir(parents=True, exist_ok=True)
    (made.parent / "outside" / "secret").write_text(SECRET)
    (made / "dir" / "file").write_text("mine")
    for each in (made / "empty").iterdir():
        each.unlink()
    if not (made / "inner").is_symlink():
        (made / "inner").symlink_to("dir")
    return made


@pytest.fixture
def sides(engine: Engine, guard: StartGuard, root: Path) -> Sides:
    """
    Both ways to an engine, with an allowed directory.
    """
    return Sides(engine, guard(engine, owner="binder", allow_bind=[str(root)]).socket)


def _options(device: object, o: str = "bind") -> dict[str, str]:
    return {"type": "none", "o": o, "device": str(device)}


def _inline(name: str, options: dict[str, str], **more: Any) -> dict[str, Any]:
    inside = {"DriverConfig": {"Options": options}, **more}
    return {"Type": "volume", "Source": name, "Target": "/x", "VolumeOptions": inside}


def _run(api: Api, command: str, **host: Any) -> str:
    body = {"Image": "busybox", "Cmd": ["sh", "-c", command], "Tty": True, "HostConfig": host}
    return api.output(api.post("/containers/create", body)["Id"]).decode().strip()


@both_ways
def test_a_volume_on_a_directory(side: Side) -> None:
    """
    In a create of its own and inside a mount, with links, flags and paths inside; shown as it was
    written, also where another container takes it.
    """
    where = side.engine.directory / "volumes" / "root"
    bind = ("-o", "type=none", "-o", "o=bind")
    side.docker("volume", "create", *bind, "-o", f"device={where}/dir", "data")
    side.docker("volume", "create", *bind, "-o", f"device={where}//inner/", "linked")
    side.docker("volume", "create", "-o", "type=none", "-o", "o=ro,bind", "-o",
                f"device={where}/dir", "reading")  # fmt: skip
    side.docker("volume", "create", *bind, "-o", f"device={where}/empty", "filled")
    side.docker("volume", "inspect", "-f", "{{.Name}} {{json .Options}}", "data", "linked")
    side.docker("volume", "ls", "--format", "{{.Name}} {{.Mountpoint}}")
    side.docker("run", "--name", "one", "-v", "data:/x", "busybox", "cat", "/x/file")
    mounts = "{{json .Mounts}} {{json .HostConfig.Binds}} {{json .HostConfig.Mounts}}"
    side.docker("inspect", "-f", mounts, "one")
    side.docker("run", "--rm", "-v", "linked:/x:ro", "busybox", "ls", "/x")
    write = ("busybox", "sh", "-c", "touch /x/no 2>&1; cat /x/file")
    side.docker("run", "--rm", "-v", "reading:/x", *write)
    side.docker("run", "--rm", "--volumes-from", "one:ro", *write)
    side.docker("create", "--name", "two", "--volumes-from", "one", "busybox", "true")
    side.docker("inspect", "-f", mounts, "two")
    # The image's content goes into an empty directory.
    side.docker("run", "--rm", "-v", "filled:/etc", "busybox", "true")
    side.see("copied", sorted(os.listdir(where / "empty")))
    for name in os.listdir(where / "empty"):
        (where / "empty" / name).unlink()
    inline = f'"volume-opt=o=bind",volume-opt=type=none,volume-opt=device={where}/dir'
    mount = f"type=volume,src=inline,dst=/x,{inline}"
    side.docker("run", "--name", "three", "--mount", mount, "busybox", "ls", "/x")
    side.docker("inspect", "-f", mounts, "three")
    side.docker("volume", "inspect", "-f", "{{json .Options}}", "inline")
    side.docker("cp", "three:/x/file", "-")
    # A bare engine has no reference to what one takes from a container that has run.
    side.docker("rm", "-v", "two")
    side.docker("volume", "rm", "data", ok=False)
    side.docker("rm", "-v", "one", "three")
    side.docker("volume", "prune", "-f")
    side.docker("volume", "rm", "data", "linked", "reading", "filled", "inline")
    side.see("still there", sorted(os.listdir(where / "dir")))


def test_read_only_directories_and_names_of_clients(
    engine: Engine, guard: StartGuard, root: Path
) -> None:
    """
    A directory for reading is never written, and only names of clients are told.
    """
    roots = [f"/workspace={root}:ro"]
    api = guard(engine, owner="binder", allow_bind=roots).api
    options = _options("/workspace/dir", "bind,ro")
    made = api.post("/volumes/create", {"Name": "strict", "DriverOpts": options})
    assert str(root) not in json.dumps([made, api.get("/volumes")])
    write = "touch /x/no || echo refused; cat /x/file"
    for mount in ("strict:/x", "strict:/x:ro"):
        assert _run(api, write, Binds=[mount]).endswith("refused\r\nmine")
    strict = _inline("new", _options("/workspace/dir", "ro,bind"))
    assert _run(api, write, Mounts=[strict]).endswith("refused\r\nmine")
    options = _options("/workspace/dir")
    other = _inline("other", options)
    for path, body in (
        ("/volumes/create", {"Name": "other", "DriverOpts": options}),
        ("/containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [other]}}),
    ):
        reply = api.call("POST", path, body=body)
        assert (reply.status, "for reading only" in reply.message) == (403, True)
    # The engine itself keeps it so, however the volume is mounted.
    raw = {"Image": "busybox", "Cmd": ["touch", "/x/no"], "HostConfig": {"Binds": ["strict:/x"]}}
    straight = engine.api.post("/containers/create", raw)["Id"]
    engine.api.post(f"/containers/{straight}/start")
    assert engine.api.post(f"/containers/{straight}/wait")["StatusCode"] == 1
    assert sorted(os.listdir(root / "dir")) == ["deep", "file"]


def test_a_link_put_there_later_leads_nowhere(
    engine: Engine, guard: StartGuard, root: Path
) -> None:
    """
    Whenever the directory is swapped: before a container is made, started, copied from, or
    takes the volume from another. From API 1.45 the engine itself refuses.
    """
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    for each, name in ((api, "guarded"), (engine.api, "bare")):
        each.post("/volumes/create", {"Name": name, "DriverOpts": _options(root / "dir")})
    body = {"Image": "busybox", "Cmd": ["cat", "/x/secret"]}
    made = api.post("/containers/create", {**body, "HostConfig": {"Binds": ["guarded:/x"]}})["Id"]
    bare = engine.api.post("/containers/create", {**body, "HostConfig": {"Binds": ["bare:/x"]}})
    (root / "dir").rename(root / "moved")
    (root / "dir").symlink_to(root.parent / "outside")
    try:
        engine.api.post(f"/containers/{bare['Id']}/start")
        engine.api.post(f"/containers/{bare['Id']}/wait")
        logs = engine.api.call("GET", f"/containers/{bare['Id']}/logs", {"stdout": 1})
        assert SECRET in logs.body.decode(), "the swap is no attack"
        assert not api.call("POST", f"/containers/{made}/start").ok
        assert not api.call("GET", f"/containers/{made}/archive", {"path": "/x/secret"}).ok
        for host in (
            {"Binds": ["guarded:/x"]},
            {"VolumesFrom": [made]},
            {"Mounts": [_inline("later", _options(root / "dir"))]},
            {"Mounts": [_inline("guarded", _options(root / "moved"))]},
        ):
            reply = api.call("POST", "/containers/create", body={**body, "HostConfig": host})
            assert reply.status == 403, host
        if engine.version >= (1, 45):
            # Without dss looking on.
            assert not engine.api.call("POST", f"/containers/{made}/start").ok
    finally:
        (root / "dir").unlink()
        (root / "moved").rename(root / "dir")
    api.post(f"/containers/{made}/start")


def test_paths_inside_and_restarts(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    A path inside a volume stays inside what the volume is, and the engine's own restarts are
    safe where it opens the path beneath the allowed directory.
    """
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    api.post("/volumes/create", {"Name": "data", "DriverOpts": _options(root / "dir")})
    restart = {"Binds": ["data:/x"], "RestartPolicy": {"Name": "always"}}
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "KILL"}
    reply = api.call("POST", "/containers/create", body={**body, "HostConfig": restart})
    assert reply.ok == (engine.version >= (1, 45))
    if engine.version < (1, 45):
        assert "container.restart" in reply.message
        return
    made = reply.json()["Id"]
    api.post(f"/containers/{made}/start")
    api.post(f"/containers/{made}/restart", t=0)
    api.delete(f"/containers/{made}", force=1)
    inside = {"Type": "volume", "Source": "data", "Target": "/x"}
    deep = {**inside, "VolumeOptions": {"Subpath": "deep"}}
    assert _run(api, "ls -a /x | wc -l", Mounts=[deep]) == "2"
    for path in ("../empty", "..", "deep/../../empty"):
        mount = {**inside, "VolumeOptions": {"Subpath": path}}
        reply = api.call(
            "POST", "/containers/create", body={**body, "HostConfig": {"Mounts": [mount]}}
        )
        assert (reply.status, "mount.subpath" in reply.message) == (403, True)
