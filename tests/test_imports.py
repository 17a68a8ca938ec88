"""
Who may import whom, read from the syntax trees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parent.parent

#: For each part of dss, the parts that it may import, beside itself. What these import
#: may be imported, too.
MAY_IMPORT = {
    "dss": set[str](),
    "dss.errors": set[str](),
    "dss.model": {"dss.errors"},
    "dss.config": {"dss.model"},
    "dss.policy": {"dss.config"},
    "dss.routes": {"dss.policy"},
    "dss.wire": {"dss.model"},
    "dss.lifecycle": {"dss.model"},
    "dss.hooks": {"dss.model", "dss.plugins"},
    "dss.plugins": set[str](),
    "dss.transport": {"dss.errors"},
    "dss.ledger": {"dss.model"},
    "dss.engine": {"dss.routes", "dss.hooks", "dss.wire", "dss.transport", "dss.ledger"},
    "dss.proxy": {
        "dss.routes",
        "dss.hooks",
        "dss.wire",
        "dss.lifecycle",
        "dss.engine",
        "dss.transport",
    },
    "dss.testing": {"dss.proxy"},
    "dss.cli": {"dss", "dss.routes"},
    "dss.options": {"dss", "dss.proxy"},
    "dss.tap": {"dss.options", "dss.testing"},
}

#: Parts without any input or output of their own: no Twisted, no sockets, no files.
PURE = {"dss", "dss.errors", "dss.model", "dss.config", "dss.policy", "dss.routes", "dss.wire"}
PURE |= {"dss.lifecycle"}

#: Modules that do input or output, wait, or tell the time.
IMPURE_MODULES = {
    "asyncio",
    "http",
    "io",
    "os",
    "pathlib",
    "select",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "threading",
    "time",
    "treq",
    "twisted",
    "urllib.request",
    "zope",
}


@frozen
class Import:
    """
    One import statement's module.

    @ivar module: what it names: with C{from dss.model import owner} that is
        C{dss.model.owner}, as C{owner} is a module.
    @ivar form: C{from}, C{import}, or C{relative}.
    @ivar typing_only: whether it stands below C{if TYPE_CHECKING:}.
    """

    module: str
    form: str
    line: int
    typing_only: bool = False


def module_name(path: Path) -> str:
    """
    The name by which a file is imported.
    """
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted((ROOT / "dss").rglob("*.py"))}


def part_of(module: str) -> str:
    """
    The part of dss that a module belongs to: its first two names.
    """
    return ".".join(module.split(".")[:2])


def imports_in(tree: ast.AST) -> Iterator[Import]:
    """
    All imports in a syntax tree, also those inside functions.
    """
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "import", node.lineno, id(node) in for_types)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield Import("." * node.level + (node.module or ""), "relative", node.lineno)
                continue
            module = node.module or ""
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                found = inner if inner in FILES else module
                yield Import(found, "from", node.lineno, id(node) in for_types)


IMPORTS = {
    module: tuple(imports_in(ast.parse(path.read_text("utf-8")))) for module, path in FILES.items()
}


def ours(module: str) -> list[Import]:
    """
    A module's imports from dss itself.
    """
    return [each for each in IMPORTS[module] if each.module.split(".")[0] == "dss"]


def reachable(part: str) -> set[str]:
    """
    The parts that a part may import: those that it names, what these may import, and
    itself.
    """
    found: set[str] = set()
    todo = [part]
    while todo:
        each = todo.pop()
        if each not in found:
            found.add(each)
            todo.extend(MAY_IMPORT[each])
    return found


def test_parts_are_all_known() -> None:
    """
    A new part has a place in the order, and the order has no cycle.
    """
    assert {part_of(module) for module in FILES} == set(MAY_IMPORT)
    for part in MAY_IMPORT:
        for other in reachable(part) - {part}:
            assert part not in reachable(other), f"{part} and {other} may import each other"


@pytest.mark.parametrize("module", FILES)
def test_direction(module: str) -> None:
    """
    Imports go one way.
    """
    allowed = reachable(part_of(module))
    wrong = [each for each in ours(module) if part_of(each.module) not in allowed]
    assert wrong == []


@pytest.mark.parametrize("module", FILES)
def test_one_way_of_importing(module: str) -> None:
    """
    dss's own modules are imported as C{from dss.x import y}, never relatively.
    """
    assert [each for each in IMPORTS[module] if each.form == "relative"] == []
    assert [each for each in ours(module) if each.form != "from"] == []


@pytest.mark.parametrize("module", [each for each in FILES if part_of(each) in PURE])
def test_pure(module: str) -> None:
    """
    Judgement, values and parsing import nothing that does input or output.
    """
    wrong = [
        each
        for each in IMPORTS[module]
        if each.module in IMPURE_MODULES or each.module.split(".")[0] in IMPURE_MODULES
    ]
    assert wrong == []


def test_no_cycles() -> None:
    """
    No module imports itself by way of others.
    """
    edges = {
        module: {each.module for each in ours(module) if not each.typing_only} for module in FILES
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " imports ".join([*path[path.index(module) :], module])
        if module not in done:
            for each in sorted(edges.get(module, ())):
                if each != module:
                    walk(each, (*path, module))
            done.add(module)

    for module in FILES:
        walk(module, ())


def test_nothing_imports_the_tap() -> None:
    """
    Joining the parts is the last step; Twisted's plugin names it as text.
    """
    assert [
        module for module in FILES if any(each.module == "dss.tap" for each in IMPORTS[module])
    ] == []
    plugin = ROOT / "twisted" / "plugins" / "dss_plugin.py"
    modules = [each.module for each in imports_in(ast.parse(plugin.read_text("utf-8")))]
    assert modules == ["twisted.application.service"]


def test_the_reader_of_imports() -> None:
    """
    The tests above would see what they look for.
    """
    source = """
import socket, os.path
from dss.model import owner
from dss.model.owner import Owner
from . import x
from ..y import z
if TYPE_CHECKING:
    from dss.tap import Options
def f():
    from twisted.internet import reactor
"""
    assert [
        (each.module, each.form, each.typing_only) for each in imports_in(ast.parse(source))
    ] == [
        ("socket", "import", False),
        ("os.path", "import", False),
        ("dss.model.owner", "from", False),
        ("dss.model.owner", "from", False),
        (".", "relative", False),
        ("..y", "relative", False),
        ("dss.tap", "from", True),
        ("twisted.internet", "from", False),
    ]
