"""
Fixtures for tests on Swarms.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.sides import Sides
from tests.conftest import StartGuard
from tests.engines.machine import Engine
from tests.engines.patience import eventually
from tests.swarm.cluster import Swarm

_SETTINGS = """
[networks]
drivers = ["overlay"]
"""


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """
    A settings file that allows what stacks need.
    """
    file = tmp_path / "dss.toml"
    file.write_text(_SETTINGS)
    return file


@pytest.fixture
def swarm(engine: Engine, guard: StartGuard, settings_file: Path) -> Swarm:
    """
    A Swarm of one engine, which leaves it after the test, and two owners with a guard each.
    Owner B makes it: the operator has granted B just this.
    """
    root = engine.directory / "swarm-root"
    root.mkdir(exist_ok=True)
    options = ["--config", str(settings_file)]
    a = guard(engine, owner="a", allow_bind=[str(root)], options=options)
    granted = settings_file.with_name("granted.toml")
    granted.write_text(settings_file.read_text() + '[owner]\ngrants = ["SwarmInit"]\n')
    b = guard(engine, owner="b", options=["--config", str(granted)])
    own = {"ListenAddr": "127.0.0.1", "AdvertiseAddr": "127.0.0.1"}
    denied = a.api.call("POST", "/swarm/init", body=own)
    assert denied.status == 403
    assert 'owner.grants = ["SwarmInit"]' in denied.message
    assert b.api.call("POST", "/swarm/leave").status == 403
    b.api.post("/swarm/init", own)
    eventually(lambda: _has_its_networks(engine), "the networks that a Swarm has of its own")
    return Swarm(engine, a, b, root)


def _has_its_networks(engine: Engine) -> bool:
    names = {each["Name"] for each in engine.api.get("/networks")}
    return names >= {"ingress", "docker_gwbridge"}


@pytest.fixture
def sides(swarm: Swarm) -> Sides:
    """
    Both ways to a Swarm: straight, and through dss.
    """
    return Sides(swarm.engine, swarm.guard_a.socket)
