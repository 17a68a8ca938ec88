"""
The harness itself: an engine is real, alone, and left as it was.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.engines.cleaning import Contents, restore
from tests.engines.machine import SHARED, Engine, remove_leftovers
from tests.engines.roots import locked

pytestmark = pytest.mark.engine


def test_each_suite_has_its_own_engine(engine: Engine) -> None:
    """
    The API versions are those of the suites.
    """
    newest = {"bookworm": (1, 41), "trixie": (1, 45), "sid": (1, 51)}
    assert engine.version == newest[engine.suite]


def test_commands_run_inside(engine: Engine) -> None:
    """
    The suite's own docker talks to the suite's own engine.
    """
    done = engine.run("docker", "run", "--rm", "-i", "busybox", "cat", stdin=b"hello")
    assert (done.returncode, done.stdout) == (0, b"hello"), done.stderr


def test_what_a_test_makes_is_removed(engine: Engine) -> None:
    """
    Containers, volumes, networks and tags go; what was there stays.
    """
    before = Contents.of(engine.api)
    engine.api.post("/containers/create", {"Image": "busybox", "Volumes": {"/v": {}}})
    engine.api.post("/volumes/create", {"Name": "left"})
    engine.api.post("/networks/create", {"Name": "left"})
    engine.api.post("/images/busybox/tag", repo="left", tag="over")
    assert Contents.of(engine.api) != before
    restore(engine.api, before)
    assert Contents.of(engine.api) == before


def test_the_leftovers_of_a_killed_run_are_removed(engine: Engine) -> None:
    """
    An engine whose run is dead is stopped; this run's own is not.
    """
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    left = Engine(f"test-{engine.suite}-0-{int(ended.stdout)}", engine.suite)
    with locked(SHARED / "test.lock"):
        left.launch()
        left.wait()
        assert left.is_up
        remove_leftovers()
    assert not left.is_up
    assert not left.directory.exists()
    assert engine.is_up
    assert engine.api.call("GET", "/_ping").ok
