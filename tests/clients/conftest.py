"""
Fixtures for tests with real clients.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clients.sides import Sides
from tests.engines.guard import Guard
from tests.engines.machine import Engine


@pytest.fixture
def sides(engine: Engine, shared_guard: Callable[[Engine, str], Guard]) -> Sides:
    """
    Both ways to an engine: straight, and through dss.
    """
    return Sides(engine, shared_guard(engine, "clients").socket)
