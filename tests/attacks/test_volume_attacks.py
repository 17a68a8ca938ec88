"""
Volumes that would be the host's file systems: each works at a bare engine, and fails through dss.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.cases_create import SECRET, Scene
from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.cleaning import Contents
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine


def _read(api: Api, mount: str, path: str) -> bytes:
    """
    What a container reads in a volume.
    """
    body = {
        "Image": "busybox",
        "Cmd": ["cat", f"/x/{path}"],
        "HostConfig": {"Binds": [f"{mount}:/x"], "NetworkMode": "none"},
    }
    reply = api.call("POST", "/containers/create", body=body)
    if not reply.ok:
        return b""
    made = reply.json()["Id"]
    api.call("POST", f"/containers/{made}/start")
    api.call("POST", f"/containers/{made}/wait")
    logs = api.call("GET", f"/containers/{made}/logs", {"stdout": 1}).body
    api.call("DELETE", f"/containers/{made}", {"force": 1})
    return logs


def _host(scene: Scene) -> dict[str, dict[str, str]]:
    """
    Options that make the host's file system a volume.
    """
    secret = str(scene.outside)
    return {
        "bind": {"type": "none", "o": "bind", "device": secret},
        "bind of /": {"type": "none", "o": "rbind", "device": "/"},
        "a bind by another type": {"type": "tmpfs", "o": "bind", "device": secret},
        "options in another order": {"device": secret, "o": "ro,bind", "type": "none"},
        "a path that goes up": {
            "type": "none",
            "o": "bind",
            "device": f"{scene.root}/../{scene.outside.name}",
        },
        "a link": {"type": "none", "o": "bind", "device": f"{scene.root}/link"},
        "overlay": {
            "type": "overlay",
            "device": "overlay",
            "o": f"lowerdir={secret}:{scene.root}",
        },
    }


def test_options_that_reach_the_host(engine: Engine, guard: StartGuard) -> None:
    """
    Each gives the secret at the bare engine, and is denied by dss in a create of a volume, in
    every spelling of its field, and in one of a container. What would mount a device or a
    server is denied as well.
    """
    scene = Scene(engine)
    api = guard(engine, owner="attacker", allow_bind=[str(scene.root)]).api
    path = {"bind of /": str(scene.outside / "secret").lstrip("/")}
    for number, (name, options) in enumerate(_host(scene).items()):
        volume = f"host-{number}x"
        engine.api.post("/volumes/create", {"Name": volume, "DriverOpts": options})
        read = _read(engine.api, volume, path.get(name, "secret"))
        assert SECRET.encode() in read, f"{name} is no attack"
        engine.api.delete(f"/volumes/{volume}")
        before = Contents.of(engine.api)
        for key in ("DriverOpts", "driveropts", "DriverOpt\u017f"):
            reply = api.call("POST", "/volumes/create", body={"Name": volume, key: options})
            assert reply.status in (400, 403), (name, key)
        driver = {"DriverConfig": {"Name": "local", "Options": options}}
        mount = {"Type": "volume", "Source": volume, "Target": "/x", "VolumeOptions": driver}
        body = {"Image": "busybox", "HostConfig": {"Mounts": [mount]}}
        assert api.call("POST", "/containers/create", body=body).status == 403, name
        assert Contents.of(engine.api) == before
    for options in (
        {"type": "nfs", "o": "addr=127.0.0.1,rw", "device": ":/"},
        {"type": "cifs", "o": "username=x,password=y", "device": "//127.0.0.1/x"},
        {"type": "ext4", "device": "/dev/vda"},
        {"type": "proc", "device": "proc"},
    ):
        reply = api.call("POST", "/volumes/create", body={"Name": "host-x", "DriverOpts": options})
        assert reply.status == 403
        assert "volume.options" in reply.message
    allowed = {"type": "none", "o": "bind", "device": str(scene.root / "sub")}
    (scene.root / "sub" / "file").write_text("mine")
    api.post("/volumes/create", {"Name": "allowed-x", "DriverOpts": allowed})
    assert _read(api, "allowed-x", "file").endswith(b"mine")


def test_what_may_only_be_read_is_not_written(engine: Engine, guard: StartGuard) -> None:
    """
    Of two options that say the contrary the last one counts for the engine: it writes to the
    directory, and dss denies the volume. With C{ro} alone nobody can write.
    """
    readable = engine.directory / "readable"
    readable.mkdir(exist_ok=True)
    api = guard(engine, owner="attacker", allow_bind=[f"{readable}:ro"]).api

    def write(at: Api, volume: str) -> bool:
        file = readable / volume
        host = {"Binds": [f"{volume}:/x"], "NetworkMode": "none"}
        body = {"Image": "busybox", "Cmd": ["touch", f"/x/{volume}"], "HostConfig": host}
        reply = at.call("POST", "/containers/create", body=body)
        if not reply.ok:
            return file.exists()
        made = reply.json()["Id"]
        at.call("POST", f"/containers/{made}/start")
        at.call("POST", f"/containers/{made}/wait")
        at.call("DELETE", f"/containers/{made}", {"force": 1})
        return file.exists()

    options = {"type": "none", "o": "bind,ro,rw", "device": str(readable)}
    engine.api.post("/volumes/create", {"Name": "undone-x", "DriverOpts": options})
    assert write(engine.api, "undone-x"), "it is no attack"
    reply = api.call("POST", "/volumes/create", body={"Name": "mine-x", "DriverOpts": options})
    assert (reply.status, "volume.options" in reply.message) == (403, True)
    api.post("/volumes/create", {"Name": "read-x", "DriverOpts": {**options, "o": "bind,ro"}})
    assert _read(api, "read-x", "undone-x") == b""
    assert not write(engine.api, "read-x")


def test_what_the_operator_allows(engine: Engine, guard: StartGuard, tmp_path: Any) -> None:
    """
    A file system of the host's own, mounted for real, and no other device or option.
    """
    file = tmp_path / "dss.toml"
    file.write_text(
        '[[volumes.file_systems]]\ntype = "ramfs"\ndevices = ["ramfs"]\noptions = ["mode=*"]\n'
    )
    api = guard(engine, owner="a", options=["--config", str(file)]).api
    options = {"type": "ramfs", "device": "ramfs", "o": "mode=755"}
    api.post("/volumes/create", {"Name": "ram-x", "DriverOpts": options})
    assert _read(api, "ram-x", "../proc/self/mountinfo").count(b" - ramfs ramfs ") == 1
    for other in ({"device": "other"}, {"o": "bind"}, {"type": "tmpfs", "o": "suid"}):
        body = {"Name": "other-x", "DriverOpts": {**options, **other}}
        assert api.call("POST", "/volumes/create", body=body).status == 403
