"""
Testcontainers' libraries as tests find them, and a stand-in for its Ryuk, whose image can't be
pulled here.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.engines.machine import Engine
from tests.engines.roots import HOME, Unavailable, locked, need

_HERE = Path(__file__).parent
_NODE_VERSION = "11.9.0"

#: What the stand-in's image is called.
RYUK_IMAGE = "stand-in/ryuk:1"


def ryuk(directory: Path) -> bytes:
    """
    A root file system that has the stand-in alone, compiled in a directory.
    """
    program = directory / "ryuk"
    gcc = need("gcc", "build-essential")
    subprocess.run([gcc, "-static", "-o", str(program), str(_HERE / "ryuk.c")], check=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(program, "ryuk")
    return packed.getvalue()


def load_ryuk(engine: Engine, root: bytes) -> None:
    """
    Give an engine the stand-in's image, which nobody owns.
    """
    name, _, tag = RYUK_IMAGE.partition(":")
    query = {"fromSrc": "-", "repo": name, "tag": tag, "changes": ('CMD ["/ryuk"]',)}
    engine.api.post("/images/create", root, **query)


def python() -> list[str]:
    """
    The command that runs the program for the Python library.
    """
    return [sys.executable, str(_HERE / "with_testcontainers.py")]


def node() -> tuple[list[str], dict[str, str]]:
    """
    The command that runs the program for the Node library, which is installed once for all
    runs, and its environment.
    """
    try:
        npm = need("npm", "npm")
    except Unavailable as error:
        if os.environ.get("DSS_TEST_ENGINES") == "require":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(f"no Docker Engine of any suite is tested with Node: {error}")
    options = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
    options += ["--cache", str(HOME / "npm" / "cache")]
    place = HOME / "npm" / f"testcontainers-{_NODE_VERSION}"
    with locked(HOME / "npm" / "lock"):
        if not (place / "done").exists():
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [npm, "install", *options, f"testcontainers@{_NODE_VERSION}"],
                cwd=place,
                check=True,
                capture_output=True,
            )
            (place / "done").touch()
    environ = {"NODE_PATH": str(place / "node_modules")}
    return [need("node", "nodejs"), str(_HERE / "with_testcontainers.js")], environ
