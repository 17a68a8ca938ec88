"""
Sources and modes of binds in unusual spellings, and the driver's name.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine


def test_modes_dots_and_all_ports(engine: Engine, guard: StartGuard, tmp_path: Any) -> None:
    """
    What is mounted and published is what was meant, by the engine's own inspect; the reply has no
    warning.
    """
    root = engine.directory / "spelled"
    (root / "src" / "sub").mkdir(parents=True)
    (root / "src" / "file").write_text("hello")
    settings = tmp_path / "dss.toml"
    settings.write_text("containers.ports.loopback_only = true\n")
    api = guard(
        engine, owner="spells", allow_bind=[str(root)], options=["--config", str(settings)]
    ).api
    usual = engine.api.get(
        "/containers/{}/json".format(
            engine.api.post("/containers/create", {"Image": "busybox"})["Id"]
        )
    )["HostConfig"]
    # Engine 20.10 takes the word for a profile, and starts nothing with it.
    builtin = ["seccomp=builtin"] if engine.version >= (1, 42) else []
    made = api.post(
        "/containers/create",
        {
            "Image": "busybox",
            "Cmd": ["cat", "/z/file", "/dots/file"],
            "ExposedPorts": {"80/tcp": {}},
            "HostConfig": {
                "Binds": [
                    f"{root}/src:/z:z",
                    f"{root}/src:/zz:ro,Z",
                    f"{root}/src/sub/../../src:/dots",
                ],
                "VolumeDriver": "local",
                "PublishAllPorts": True,
                "SecurityOpt": ["no-new-privileges=false", *builtin],
                "Runtime": "runc",
                "MaskedPaths": usual["MaskedPaths"],
                "ReadonlyPaths": usual["ReadonlyPaths"],
            },
        },
    )
    assert not made["Warnings"]
    id = made["Id"]
    api.post(f"/containers/{id}/start")
    api.post(f"/containers/{id}/wait")
    logs = api.call("GET", f"/containers/{id}/logs", {"stdout": 1}).body
    assert logs.count(b"hello") == 2
    shown = engine.api.get(f"/containers/{id}/json")
    host = shown["HostConfig"]
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert host["Runtime"] == "runc"
    for name in ("MaskedPaths", "ReadonlyPaths"):
        assert host[name] == usual[name]
    assert {each["Destination"]: each["RW"] for each in shown["Mounts"]} == {
        "/z": True,
        "/zz": False,
        "/dots": True,
    }
    (mode,) = [
        each["Mode"]
        for each in api.get(f"/containers/{id}/json")["Mounts"]
        if each["Destination"] == "/z"
    ]
    assert mode == "z"
