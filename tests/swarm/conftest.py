"""
Fixtures for tests on Swarms.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.sides import Sides
from tests.conftest import StartGuard
from tests.engines.machine import Engine
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
    """
    engine.api.post("/swarm/init", {"ListenAddr": "127.0.0.1", "AdvertiseAddr": "127.0.0.1"})
    root = engine.directory / "swarm-root"
    root.mkdir(exist_ok=True)
    options = ["--config", str(settings_file)]
    a = guard(engine, owner="a", allow_bind=[str(root)], options=options)
    b = guard(engine, owner="b", options=options)
    return Swarm(engine, a, b, root)


@pytest.fixture
def sides(swarm: Swarm) -> Sides:
    """
    Both ways to a Swarm: straight, and through dss.
    """
    return Sides(swarm.engine, swarm.guard_a.socket)
