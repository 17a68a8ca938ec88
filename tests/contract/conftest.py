"""
The engine in memory, in a process of its own, for the contract that it shares with the
real ones.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.api import Api
from tests.engines.patience import PATIENCE, eventually


@pytest.fixture(scope="session")
def memory_engine_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """
    The path of a memory engine's socket.
    """
    path = tmp_path_factory.mktemp("memory") / "docker.sock"
    process = subprocess.Popen(
        [sys.executable, "-m", "dss.testing.engine", str(path)], stderr=subprocess.PIPE
    )
    try:

        def answers() -> bool:
            assert process.poll() is None, "the engine in memory ended at its start"
            try:
                return Api(str(path)).call("GET", "/_ping").ok
            except OSError:
                return False

        eventually(answers, "the engine in memory to answer")
        yield path
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in errors, errors.decode(errors="replace")
