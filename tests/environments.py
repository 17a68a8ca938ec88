"""
Virtual environments as users have them, made without any index of packages.
"""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from subprocess import PIPE, STDOUT, CompletedProcess, Popen, run
from venv import EnvBuilder

import pytest
from attrs import frozen
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


@frozen
class Environment:
    """
    A virtual environment with Twisted and all that dss needs, but without dss.
    """

    folder: Path

    def run(self, program: str, *arguments: str, **variables: str) -> CompletedProcess[str]:
        """
        Run one of its programs, in an empty folder. No variable that makes Python look
        elsewhere is passed on.

        @return: with both outputs in C{stdout}.
        """
        with self.start(program, *arguments, **variables) as started:
            try:
                said, _ = started.communicate(timeout=120)
            finally:
                started.kill()
        return CompletedProcess(started.args, started.returncode, said)

    def start(self, program: str, *arguments: str, **variables: str) -> Popen[str]:
        """
        Start one of its programs, as L{run} does, and do not wait for it.
        """
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        kept = {key: os.environ[key] for key in ("HOME", "PATH", "TMPDIR") if key in os.environ}
        return Popen(
            [str(self.folder / "bin" / program), *arguments],
            cwd=empty,
            env={**kept, "PYTHONUNBUFFERED": "1", **variables},
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
        )

    def check(self, program: str, *arguments: str, **variables: str) -> str:
        """
        Run one of its programs, which must succeed.

        @return: its output.
        """
        done = self.run(program, *arguments, **variables)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def pip(self, *arguments: str) -> None:
        """
        Run the pip of the tests' environment for this one.
        """
        pip(*arguments, python=str(self.folder / "bin" / "python"))


NewEnvironment = Callable[[], Environment]


def pip(*arguments: str, python: str) -> None:
    """
    Run pip for an environment, without any index.
    """
    done = run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "--isolated"),
            *("--disable-pip-version-check", "--no-input", *arguments),
        ],
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def install(environment: Environment, *what: str) -> None:
    """
    Install from files only: what is needed is there already.
    """
    environment.pip("install", "--no-deps", "--no-index", "--no-build-isolation", *what)


def needed(names: list[str]) -> list[Distribution]:
    """
    The installed distributions that some distributions need, and they themselves.
    """
    todo = [Requirement(name) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, Distribution] = {}
    while todo:
        requirement = todo.pop()
        key = requirement.name.lower(), frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        found[requirement.name] = distribution(requirement.name)
        for text in found[requirement.name].requires or ():
            each = Requirement(text)
            extras = ("", *requirement.extras)
            if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(each)
    return list(found.values())


def copy_tree(source: Path, target: Path) -> Path:
    """
    Copy a source tree without what Git does not track, and with a plugin cache left
    behind by a start from it.
    """
    shutil.copytree(
        source,
        target,
        ignore=shutil.ignore_patterns(
            *(".*_cache", ".coverage*", ".git", ".hypothesis", ".tox", ".venv*", "__pycache__"),
            *("*.egg-info", "*.new", "build", "dist", "dropin.cache*"),
        ),
    )
    for cache in ("twisted/plugins", "dss/plugins"):
        if (target / cache).exists():
            (target / cache / "dropin.cache").write_bytes(b"stale")
    return target


def maker(tmp_path_factory: pytest.TempPathFactory) -> NewEnvironment:
    """
    What makes environments. Twisted is copied into each, as the danger is that files of
    dss and Twisted meet in one folder.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    distributions = needed([*project["dependencies"], "setuptools"])

    def make() -> Environment:
        folder = tmp_path_factory.mktemp("environment")
        EnvBuilder(symlinks=True).create(folder)
        (packages,) = folder.glob("lib/python*/site-packages")
        for each in distributions:
            for file in each.files or ():
                if ".." not in file.parts and Path(str(file.locate())).exists():
                    target = packages / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(str(file.locate()), target)
        for name in ("twist", "twistd"):
            script = folder / "bin" / name
            _, code = Path(sys.prefix, "bin", name).read_text().split("\n", 1)
            script.write_text(f"#!{folder}/bin/python\n{code}")
            script.chmod(0o755)
        return Environment(folder)

    return make
