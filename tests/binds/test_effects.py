"""
What a container gets of an allowed host directory, and what it never gets.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

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
    made = engine.directory / "effects" / "root"
    outside = made.parent / "outside"
    for directory in (made / "dir" / "deep", made / "keep", made / "other", outside):
        directory.mkdir(parents=True, exist_ok=True)
    (outside / "secret").write_text(SECRET)
    (made / "dir" / "file").write_text("mine")
    (made / "other" / "file").write_text("other")
    for name, to in (("inner", "dir"), ("out", "../outside"), ("dangling", "dir/none")):
        if not (made / name).is_symlink():
            (made / name).symlink_to(to)
    return made


def _create(api: Api, command: str, prefix: str = "", **host: Any) -> str:
    body = {"Image": "busybox", "Cmd": ["sh", "-c", command], "Tty": True, "HostConfig": host}
    return str(api.post(f"{prefix}/containers/create", body)["Id"])


def _output(api: Api, made: str) -> str:
    return api.output(made).decode().strip()


def _run(api: Api, command: str, prefix: str = "", **host: Any) -> str:
    return _output(api, _create(api, command, prefix, **host))


def _refused(api: Api, *, status: int = 403, **host: Any) -> str:
    reply = api.call("POST", "/containers/create", body={"Image": "busybox", "HostConfig": host})
    assert reply.status == status, reply.body
    return reply.message


def test_files_are_read_and_written(engine: Engine, guard: StartGuard, root: Path) -> None:
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    for prefix in ("", "/v1.25", "/v1.41"):
        told = _run(api, "cat /x/file; echo kept >/x/new", prefix, Binds=[f"{root}/dir:/x"])
        assert told == "mine"
        assert (root / "dir" / "new").read_text() == "kept\n"
        (root / "dir" / "new").unlink()
    assert _run(api, "cat /x/dir/file", Binds=[f"{root}:/x"]) == "mine"
    assert _run(api, "cat /f", Binds=[f"{root}/dir/file:/f"]) == "mine"
    assert _run(api, "cat /x/file", Binds=[f"{root}/inner:/x"]) == "mine"
    mount = {"Type": "bind", "Source": f"{root}/dir", "Target": "/x", "ReadOnly": True}
    told = _run(api, "cat /x/file; touch /x/no 2>/dev/null || echo refused", Mounts=[mount])
    assert told.split() == ["minerefused"]


def test_read_only_roots_stay_read_only(engine: Engine, guard: StartGuard, root: Path) -> None:
    api = guard(engine, owner="binder", allow_bind=[f"{root}:ro"]).api
    told = _run(api, "touch /x/no 2>/dev/null || echo refused", Binds=[f"{root}/dir:/x:ro"])
    assert told == "refused"
    assert "for reading only" in _refused(api, Binds=[f"{root}/dir:/x"])
    assert "does not exist" in _refused(api, Binds=[f"{root}/new:/x:ro"])
    assert not (root / "new").exists()


def test_client_paths_and_nested_roots(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    The innermost root decides, by what clients call it.
    """
    roots = [f"/workspace={root}", f"/workspace/keep={root}/keep:ro", f"/tools={root}/other:ro"]
    api = guard(engine, owner="binder", allow_bind=roots).api
    assert _run(api, "cat /x/file", Binds=["/workspace/dir:/x"]) == "mine"
    assert _run(api, "cat /x/file", Binds=["/tools:/x:ro"]) == "other"
    assert "'/workspace/keep' is allowed for reading only" in _refused(
        api, Binds=["/workspace/keep:/x"]
    )
    assert "'/tools' is allowed for reading only" in _refused(api, Binds=["/workspace/other:/x"])
    told = _refused(api, Binds=[f"{root}/dir:/x"])
    assert "Allowed: /workspace, /workspace/keep:ro, /tools:ro" in told


def test_missing_sources_are_as_docker_has_them(
    engine: Engine, guard: StartGuard, root: Path
) -> None:
    through = guard(engine, owner="binder", allow_bind=[str(root)])
    api = through.api
    made = _create(api, "ls -ld /x", Binds=[f"{root}/new/er:/x"])
    assert _output(api, made).startswith("drwxr-xr-x")
    shown = os.stat(root / "new" / "er")
    assert (shown.st_mode & 0o7777, shown.st_uid, shown.st_gid) == (0o755, 0, 0)
    # Once more, as the engine does at each start.
    (root / "new" / "er").rmdir()
    assert "drwxr-xr-x" in _output(api, made)
    (root / "new" / "er").rmdir()
    (root / "new").rmdir()
    mount = {"Type": "bind", "Source": f"{root}/no/", "Target": "/x"}
    bare = engine.api.call(
        "POST", "/containers/create", body={"Image": "busybox", "HostConfig": {"Mounts": [mount]}}
    )
    assert _refused(api, status=400, Mounts=[mount]) == bare.message
    assert not (root / "no").exists()
    if engine.version >= (1, 42):
        told = _run(api, "echo in", Mounts=[{**mount, "BindOptions": {"CreateMountpoint": True}}])
        assert told == "in"
        (root / "no").rmdir()


@pytest.mark.parametrize("name", ["out/new", "out", "out/secret", "inner/none", "dangling"])
def test_nothing_is_made_through_a_link(
    engine: Engine, guard: StartGuard, root: Path, name: str
) -> None:
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Binds": [f"{root}/{name}:/x"]}}
    reply = api.call("POST", "/containers/create", body=body)
    if reply.ok:
        # A link that leads nowhere yet.
        reply = api.call("POST", f"/containers/{reply.json()['Id']}/start")
    assert reply.status == 403, reply.body
    assert sorted(os.listdir(root.parent / "outside")) == ["secret"]
    assert not (root / "dir" / "none").exists()


def test_a_link_put_there_later_leads_nowhere(
    engine: Engine, guard: StartGuard, root: Path
) -> None:
    """
    Also for the copy of a file from a container that does not run.
    """
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    made = _create(api, "cat /x/secret", Binds=[f"{root}/dir:/x"])
    (root / "dir").rename(root / "moved")
    (root / "dir").symlink_to(root.parent / "outside")
    try:
        assert not api.call("POST", f"/containers/{made}/start").ok
        assert not api.call("GET", f"/containers/{made}/archive", {"path": "/x/secret"}).ok
        if engine.version >= (1, 45):
            # Without dss looking on: the engine itself refuses.
            assert not engine.api.call("POST", f"/containers/{made}/start").ok
    finally:
        (root / "dir").unlink()
        (root / "moved").rename(root / "dir")
    api.post(f"/containers/{made}/start")


def test_restart_policies(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    The engine's own restarts are safe where it opens the path beneath the root.
    """
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    wish: dict[str, Any] = {"Binds": [f"{root}/dir:/x"], "RestartPolicy": {"Name": "always"}}
    if engine.version < (1, 45):
        assert "container.restart" in _refused(api, **wish)
        return
    made = _create(api, "exec sleep 1000", **wish)
    api.post(f"/containers/{made}/start")
    api.post(f"/containers/{made}/restart", t=0)
    other = _create(api, "true", Binds=[f"{root}/dir:/x"])
    assert api.call(
        "POST", f"/containers/{other}/update", body={"RestartPolicy": {"Name": "always"}}
    ).ok
    api.delete(f"/containers/{made}", force=1)


def test_what_another_container_has(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    The same path, not the whole root, and no more writable.
    """
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    giver = _create(api, "true", Binds=[f"{root}/dir:/x:ro", f"{root}/other:/y", "/z"])
    look = "ls /x; cat /y/file; touch /x/no || echo refused; touch /y/new; ls -d /z"
    seen = set(_run(api, look, VolumesFrom=[giver]).split())
    assert {"deep", "file", "refused", "/z"} <= seen
    assert "keep" not in seen
    (root / "other" / "new").unlink()
    # From there once more, for reading only.
    middle = _create(api, "true", VolumesFrom=[giver])
    told = _run(api, "cat /y/file; touch /y/new || echo refused", VolumesFrom=[f"{middle}:ro"])
    assert told.startswith("other")
    assert told.endswith("refused")
    # What it mounts itself goes first.
    told = _run(api, "ls /x", VolumesFrom=[giver], Binds=[f"{root}/other:/x"])
    assert told == "file"
    if engine.version >= (1, 45):
        assert "mount.volumes_from" in _refused(api, VolumesFrom=[giver], Tmpfs={"/x/": ""})


def test_the_volumes_of_dss_are_its_own(engine: Engine, guard: StartGuard, root: Path) -> None:
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    made = _create(api, "true", Binds=[f"{root}/dir:/x"])
    (mount,) = engine.api.get(f"/containers/{made}/json")["Mounts"]
    name = mount.get("Name", "dss-root-0123456789abcdef")
    for taken in (name, "dss-anything", "DSS-Root"):
        assert "volume.reserved" in _refused(api, Binds=[f"{taken}:/x"])
        volume = {"Type": "volume", "Source": taken, "Target": "/x"}
        assert "volume.reserved" in _refused(api, Mounts=[volume])
    if engine.version < (1, 45):
        return
    engine.api.delete(f"/containers/{made}")
    engine.api.delete(f"/volumes/{name}")
    engine.api.post(
        "/volumes/create",
        {
            "Name": name,
            "Labels": {"com.dss.owner": "binder"},
            "DriverOpts": {"type": "none", "o": "bind", "device": str(root.parent / "outside")},
        },
    )
    assert "volume.taken" in _refused(api, Binds=[f"{root}/dir:/x"])


def test_mounts_do_not_travel(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    As with a bind without dss: nothing that is mounted later shows up on the other side. For
    the moment of a start, it may follow a mount of the engine's own.
    """
    api = guard(engine, owner="binder", allow_bind=[str(root)]).api
    line = "grep ' /x ' /proc/self/mountinfo"
    look = f"for i in $(seq 50); do {line} | grep -q master: || break; sleep 0.1; done; {line}"
    told = _run(api, look, Binds=[f"{root}/dir:/x"])
    assert "/x" in told
    assert "master:" not in told
    assert "shared:" not in told
