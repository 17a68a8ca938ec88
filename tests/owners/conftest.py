"""
Fixtures for tests with two owners.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.owners.pair import Pair


@pytest.fixture
def pair(engine: Engine, shared_guard: Callable[[Engine, str], Guard]) -> Pair:
    """
    Two owners, each with a guard of their own, at one engine.
    """
    return Pair(engine, shared_guard(engine, "a").api, shared_guard(engine, "b").api)
