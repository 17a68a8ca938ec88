"""
The README's commands do what it says.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest
from docutils.core import publish_doctree
from docutils.nodes import literal_block, section, title

from tests.engines.machine import Engine
from tests.engines.patience import eventually
from tests.environments import ROOT, Environment, copy_tree, install, maker

pytestmark = pytest.mark.engine

#: How dss is installed: this is done here without an index of packages.
_INSTALL = "apt-get update && apt-get install -y python3-venv && python3 -m venv .venv"
_INSTALL += " && .venv/bin/pip install . && "


def blocks(name: str) -> list[str]:
    """
    The literal blocks of a section of the README.
    """
    read = publish_doctree((ROOT / "README.rst").read_text("utf-8"))
    for each in read.findall(section):
        if next(iter(each.findall(title))).astext() == name:
            return [block.astext() for block in each.findall(literal_block)]
    raise AssertionError(f"no section {name}")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A checkout in which dss is installed.
    """
    environment: Environment = maker(tmp_path_factory)()
    made = copy_tree(ROOT, tmp_path_factory.mktemp("readme") / "checkout")
    install(environment, str(made))
    (made / ".venv").symlink_to(environment.folder)
    return made


@contextmanager
def started(checkout: Path, command: str, path: Path) -> Iterator[None]:
    """
    Run a command until its socket is there, and end it in the end.
    """
    first, and_, last = command.rpartition(" && ")
    with Popen(["sh", "-ec", f"{first}{and_}exec {last}"], cwd=checkout, stdout=DEVNULL) as program:
        try:
            eventually(lambda: path.exists() or program.poll() is not None, "the socket")
            assert program.poll() is None
            yield
        finally:
            program.terminate()


def talk(engine: Engine, session: str) -> None:
    """
    Do what a session in a terminal shows, and compare what comes of it.
    """
    environ: dict[str, str] = {}
    for command, shown in re.findall(r"^\$ (.*)\n((?:[^$].*\n?)*)", session + "\n", re.MULTILINE):
        name, *rest = shlex.split(command)
        if name == "export":
            key, _, value = rest[0].partition("=")
            environ[key] = value
            continue
        done = engine.run(name, *rest, environ=environ)
        said = " ".join((done.stdout + done.stderr).decode().split())
        expected = " ".join(shown.split())
        assert said.startswith(expected) if expected else said == "", (command, said)
        assert (done.returncode == 0) == ("Error" not in shown)


@pytest.mark.parametrize("engine", ["sid"], indirect=True)
@pytest.mark.parametrize("name", ["Try it", "Guard a real engine"])
def test_commands(name: str, engine: Engine, checkout: Path) -> None:
    """
    One command starts dss, and what a client does then is answered as shown. What is of
    the machine is in a directory of its own here.
    """
    command, session = blocks(name)
    assert command.startswith(_INSTALL)
    own = Path(tempfile.mkdtemp(prefix="readme-", dir=engine.directory))
    (own / "tmp").mkdir()
    places = {
        "/var/run/docker.sock": engine.socket,
        "/run/dss": f"{own}/run/dss",
        "/srv/ci": f"{own}/srv/ci",
        "/tmp/dss.sock": f"{own}/tmp/dss.sock",
    }

    def here(text: str) -> str:
        return re.sub("|".join(places), lambda found: places[found[0]], text)

    (path,) = re.findall(r"--listen unix:(\S+)", command)
    with started(checkout, here(command.removeprefix(_INSTALL)), Path(here(path))):
        talk(engine, here(session))
    assert sorted(each.name for each in own.rglob("done")) == ["done"] * ("done" in session)
