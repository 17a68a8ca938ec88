"""
The documents: their markup is right, and the files that they name exist.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from attrs import fields
from docutils.core import publish_doctree
from docutils.nodes import document, literal
from docutils.utils import Reporter
from packaging.requirements import Requirement

from dss.config.settings import Limits
from dss.options import Options

ROOT = Path(__file__).parent.parent

FOLDERS = ("", "doc", "doc/examples/hook-plugin", "newsfragments")
DOCUMENTS = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.rst"))

#: A literal that names a file of the repository.
FILE = re.compile(r"(?:doc|dss|tests|newsfragments|\.ci)/[\w./-]+|[\w-]+\.(?:rst|toml|ini)")

#: Such names in other places.
ELSEWHERE = {"doc/examples/hook-plugin/README.rst", "newsfragments/README.rst", "doc/plugins.rst"}


def parsed(path: Path) -> document:
    """
    A document, read with every warning an error.
    """
    return publish_doctree(
        path.read_text("utf-8"),
        source_path=str(path),
        settings_overrides={
            "halt_level": Reporter.WARNING_LEVEL,
            "file_insertion_enabled": False,
            "_disable_config": True,
        },
    )


def literals(path: Path) -> list[str]:
    """
    The text of all inline literals of a document.
    """
    return [node.astext() for node in parsed(path).findall(literal)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_markup_and_names(path: Path) -> None:
    """
    The markup has no errors, and each file that is named is there.
    """
    found = [text for text in literals(path) if FILE.fullmatch(text)]
    if str(path.relative_to(ROOT)) not in ELSEWHERE:
        assert [text for text in found if not (ROOT / text).exists()] == []


def test_every_document_is_named_in_the_readme() -> None:
    """
    Who begins at the README finds all documents.
    """
    named = set(literals(ROOT / "README.rst"))
    documents = {str(path.relative_to(ROOT)) for path in (ROOT / "doc").glob("*.rst")}
    assert documents - named == set()


def test_every_part_is_in_the_architecture() -> None:
    """
    Each package of dss, and each of policy's families, has its place in the list of parts.
    """
    named = set(literals(ROOT / "doc" / "architecture.rst"))
    packages = {path.parent.relative_to(ROOT) for path in (ROOT / "dss").glob("*/__init__.py")}
    assert {".".join(package.parts) for package in packages} - named == set()
    assert {
        path.parent.name for path in (ROOT / "dss/policy").glob("*/__init__.py")
    } - named == set()


def test_news_can_be_collected() -> None:
    """
    towncrier finds each fragment, and takes none of them for another.
    """
    told = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    fragments = (ROOT / "newsfragments").glob("[0-9+]*.rst")
    lines = [path.read_text("utf-8").splitlines()[0] for path in fragments]
    assert [line for line in lines if line not in told.stdout] == []


def test_every_dependency_has_its_reason() -> None:
    """
    What dss depends on is in the document about that, and nothing else.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {Requirement(text).name.lower() for text in project["dependencies"]}
    text = (ROOT / "doc" / "dependencies.rst").read_text()
    assert {name.lower() for name in re.findall(r"^`([\w.]+) <http", text, re.MULTILINE)} == needed


def test_every_option_has_its_words() -> None:
    """
    The document of the command line has all options and all limits that there are.
    """
    words = " ".join(literals(ROOT / "doc" / "options.rst"))
    options = set(re.findall(r"--[a-z-]+", Options().getUsage()))
    assert set(re.findall(r"--[a-z-]+", words)) - {"--log-format"} == options
    assert {each.name for each in fields(Limits)} <= set(words.split())


def test_ci_runs_what_the_readme_says() -> None:
    """
    The command of the README's section on tests is what CI runs, word for word.
    """
    readme = (ROOT / "README.rst").read_text()
    (command,) = re.findall(r"^Test it\n=+\n\n::\n\n    (.*)\n", readme, re.MULTILINE)
    assert command == "tests/run"
    assert (ROOT / ".ci" / "run").read_text().endswith(f"\nexec {command}\n")
