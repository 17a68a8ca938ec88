"""
The oldest suite's client with every engine: its spellings of the API are its own.
"""

from __future__ import annotations

import pytest

from tests.clients.sides import Side, both_ways_with_the_oldest_client

pytestmark = pytest.mark.engine


@both_ways_with_the_oldest_client
def test_run(side: Side) -> None:
    """
    With input, outputs and a status.
    """
    script = "cat; echo err >&2; exit 4"
    done = side.docker("run", "-i", "--rm", "busybox", "sh", "-c", script, stdin=b"in", ok=False)
    assert (done.status, done.out, done.err) == (4, b"in", b"err\n")


@both_ways_with_the_oldest_client
def test_a_life(side: Side) -> None:
    """
    From create to prune.
    """
    side.docker("create", "--name", "web", "-v", "/data", "busybox", "sleep", "60")
    side.docker("start", "web")
    side.docker("exec", "web", "touch", "/data/a")
    side.docker("ps", "--format", "{{.Names}} {{.Image}}")
    side.docker("restart", "-t", "0", "web")
    side.docker("kill", "web")
    assert side.docker("wait", "web").text == "137"
    side.docker("logs", "web")
    side.docker("inspect", "--format", "{{.State.ExitCode}} {{.Config.Image}}", "web")
    side.docker("container", "prune", "-f")


@both_ways_with_the_oldest_client
def test_terminals(side: Side) -> None:
    """
    C{run -it} and C{exec -it}.
    """
    shell = side.terminal("run", "-it", "--name", "web", "busybox", "sh")
    shell.until(b"# ")
    inner = side.terminal("exec", "-it", "web", "sh")
    inner.until(b"# ")
    inner.write(b"exit 3\n")
    assert inner.finish().status == 3
    shell.write(b"exit 2\n")
    assert shell.finish().status == 2


@both_ways_with_the_oldest_client
def test_copies(side: Side) -> None:
    """
    C{cp} both ways.
    """
    (side.directory / "in").write_text("words")
    side.docker("create", "--name", "web", "busybox")
    side.start("cp", str(side.directory / "in"), "web:/tmp/in").finish()
    side.start("cp", "web:/tmp/in", str(side.directory / "out")).finish()
    assert (side.directory / "out").read_text() == "words"
