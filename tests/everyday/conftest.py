"""
Fixtures for what builds do every day.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.sides import Sides
from tests.conftest import StartGuard
from tests.engines.machine import Engine


@pytest.fixture
def sides(engine: Engine, guard: StartGuard) -> Sides:
    """
    Both ways to an engine, with work directories below a root.
    """
    root = Path(engine.directory) / "work"
    root.mkdir(exist_ok=True)
    return Sides(engine, guard(engine, owner="everyday", allow_bind=[str(root)]).socket, root)
