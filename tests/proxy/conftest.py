"""
What the tests of the proxy share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.memory import unexpected


@pytest.fixture
def nothing_fails() -> Iterator[None]:
    """
    Nothing that a client or an engine does is an unexpected failure.
    """
    with unexpected() as failures:
        yield
    assert failures == []
