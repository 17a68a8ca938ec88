"""
The docker client with a real registry, straight and through dss.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from tests.clients.sides import Side, Sides
from tests.conftest import StartGuard
from tests.engines.machine import Engine
from tests.engines.registry import PASSWORD, USER, registry

pytestmark = pytest.mark.engine

_OPEN, _CLOSED = 5010, 5011


def _docker(side: Side, *argv: str, stdin: bytes = b"", ok: bool = True) -> None:
    """
    Run docker with a configuration of this side's own, and record what it says. What an image
    weighs is another with a label.
    """
    done = side.start("--config", str(side.directory / "config"), *argv).finish(stdin)
    told = re.sub(r"size: \d+", "size", done.out.decode())
    # Where a layer was before, in the words of each of its states, is the engine's chance.
    told = re.sub(r"(?m)^[0-9a-f]{12}: .*\n", "", told)
    side.see(f"docker {argv}", [done.status, told, done.error])
    assert not ok or done.status == 0, f"{side.kind}: docker {argv}: {done}"


def _archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    return packed.getvalue()


def _body(side: Side) -> None:
    with (
        registry(side.engine, _OPEN) as host,
        registry(side.engine, _CLOSED, with_password=True) as closed,
    ):
        name = f"{host}/team/app"
        _docker(side, "import", "-c", "ENV A=b", "-", f"{name}:1", stdin=_archive())
        _docker(side, "push", f"{name}:1")
        _docker(side, "push", f"{name}:missing", ok=False)
        _docker(side, "pull", f"{name}:1")
        _docker(side, "rmi", f"{name}:1")
        _docker(side, "pull", f"{name}:1")
        _docker(side, "image", "inspect", "-f", "{{.RepoTags}} {{.Config.Env}}", f"{name}:1")
        _docker(side, "pull", "-q", f"{name}:1")
        _docker(side, "pull", f"{name}:missing", ok=False)
        _docker(side, "pull", f"{name}@sha256:{'0' * 64}", ok=False)
        _docker(side, "tag", f"{name}:1", f"{closed}/team/app")
        _docker(side, "push", f"{closed}/team/app", ok=False)
        _docker(side, "login", "-u", USER, "-p", "wrong", closed, ok=False)
        _docker(side, "login", "-u", USER, "-p", PASSWORD, closed)
        _docker(side, "push", f"{closed}/team/app")
        _docker(side, "rmi", f"{closed}/team/app")
        _docker(side, "pull", f"{closed}/team/app")
        _docker(side, "logout", closed)
        _docker(side, "rmi", f"{closed}/team/app", f"{name}:1")
        _docker(side, "pull", f"{closed}/team/app", ok=False)


def test_a_registry(engine: Engine, guard: StartGuard, tmp_path: Path) -> None:
    """
    Pushed, pulled, missing, and with a password.
    """
    allowed = json.dumps([f"127.0.0.1:{_OPEN}", f"127.0.0.1:{_CLOSED}"])
    file = tmp_path / "dss.toml"
    file.write_text(f"[registries]\npull = {allowed}\npush = {allowed}\n")
    through = guard(engine, owner="clients", options=["--config", str(file)])
    Sides(engine, through.socket).run(_body, oldest=False)
