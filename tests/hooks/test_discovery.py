"""
Hooks are found, and one that can't be used is an error, never left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from subprocess import run
from textwrap import dedent
from types import ModuleType

import pytest
from twisted.plugin import getPlugins

from dss.hooks.discovery import HookError, find_hooks
from dss.hooks.interfaces import IPolicyHook

#: A whole drop-in module, with room for changes.
GOOD = """
from zope.interface import implementer
from dss.hooks.interfaces import IPolicyHook

@implementer(IPolicyHook)
class Hook:
    def __init__(self, name, order):
        self.name = name
        self.order = order

    def judge_create(self, owner, body):
        return None

    def show_entry(self, owner, kind, entry):
        return True
"""

WriteModule = Callable[[str, str], ModuleType]


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteModule]:
    """
    Writes a module into a plugin package of the test's own, which it returns.
    """
    name = "plugins_of_a_test"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    package = import_module(name)
    package.__path__.append(str(tmp_path / "missing"))

    def write(module: str, text: str) -> ModuleType:
        (folder / f"{module}.py").write_text(dedent(text))
        invalidate_caches()
        return package

    yield write
    for module in [each for each in sys.modules if each.split(".")[0] == name]:
        del sys.modules[module]


def test_nothing_installed(write_module: WriteModule) -> None:
    """
    No module, no hook, and no error.
    """
    package = write_module("a", GOOD + "hook = Hook('a', 1)")
    Path(package.__path__[0], "a.py").unlink()
    assert find_hooks(package) == []


def test_found(write_module: WriteModule) -> None:
    """
    All hooks of all modules are found, in the order in which they run, each once.
    """
    write_module("a", GOOD + "one = Hook('one', 2)\nalso = one\ntwo = Hook('two', 1)")
    package = write_module("b", GOOD + "three = Hook('three', 1)")
    assert [hook.name for hook in find_hooks(package)] == ["three", "two", "one"]


def test_twisted_finds_them_too(write_module: WriteModule) -> None:
    """
    What a hook is, and where it lives, is as Twisted's own plugins have it.
    """
    write_module("a", GOOD + "one = Hook('one', 1)")
    package = write_module("b", GOOD + "two = Hook('two', 2)")
    assert find_hooks(package) == sorted(
        getPlugins(IPolicyHook, package), key=lambda hook: hook.order
    )


def test_an_old_file_with_a_new_hook(write_module: WriteModule) -> None:
    """
    A hook in a file that is older than Twisted's plugin cache is found, which Twisted
    itself does not do.
    """
    package = write_module("a", GOOD + "one = Hook('one', 1)")
    assert len(list(getPlugins(IPolicyHook, package))) == 1
    del sys.modules[f"{package.__name__}.a"]
    write_module("a", GOOD + "one = Hook('one', 1)\ntwo = Hook('two', 2)")
    os.utime(Path(package.__path__[0], "a.py"), (0, 0))
    assert [hook.name for hook in getPlugins(IPolicyHook, package)] == ["one"]
    assert [hook.name for hook in find_hooks(package)] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import no_such_module_at_all", "a can't be imported: ModuleNotFoundError"),
        ("1 / 0", "a can't be imported: ZeroDivisionError"),
        ("this is no Python", "a can't be imported: SyntaxError"),
        ("raise SystemExit(0)", "a can't be imported: SystemExit"),
        ("", "a holds no plugin"),
        (GOOD, "a holds no plugin"),
        (
            GOOD + "one = Hook('one', 1)\n@implementer(IPolicyHook)\nclass Other: pass",
            "a has the class Other but no instance",
        ),
        (GOOD + "del Hook.show_entry\none = Hook('one', 1)", "show_entry"),
        (GOOD + "Hook.show_entry = lambda self, owner: True\none = Hook('one', 1)", "show_entry"),
        (GOOD + "one = Hook('one', 1)\ndel one.order", "order"),
        (GOOD + "one = Hook('one', 'first')", "one in plugins_of_a_test.a has no proper order"),
        (GOOD + "one = Hook('', 1)", "a has no proper name: ''"),
        (GOOD + "one = Hook(None, 1)", "a has no proper name: None"),
        (GOOD + "one = Hook('a\\nb', 1)", "a has no proper name"),
    ],
)
def test_errors(write_module: WriteModule, text: str, says: str) -> None:
    """
    A module that can't be used is an error that names it and the reason, also where
    another module's hook is well.
    """
    write_module("b", GOOD + "two = Hook('two', 2)")
    package = write_module("a", text)
    with pytest.raises(HookError) as raised:
        find_hooks(package)
    assert "plugins_of_a_test.a" in str(raised.value)
    assert says in str(raised.value)


def test_one_name_twice(write_module: WriteModule) -> None:
    """
    A name is one hook's: the audit must tell them apart.
    """
    write_module("a", GOOD + "one = Hook('same', 1)")
    package = write_module("b", GOOD + "two = Hook('same', 2)")
    with pytest.raises(HookError) as raised:
        find_hooks(package)
    assert str(raised.value) == (
        "two policy hooks are called same: in plugins_of_a_test.a and plugins_of_a_test.b"
    )


def test_a_folder_that_can_not_be_listed(
    write_module: WriteModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What is in such a folder is not known, so dss does not start without it.
    """
    package = write_module("a", GOOD + "one = Hook('one', 1)")
    listed = os.listdir

    def listdir(path: str) -> list[str]:
        if path == package.__path__[0]:
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(HookError, match=r"can't be read: .*Permission denied"):
        find_hooks(package)


def test_the_package_of_dss_itself(tmp_path: Path) -> None:
    """
    dss has no hook itself; those of other distributions are found in any folder that
    Python imports from.
    """
    assert find_hooks() == []
    (tmp_path / "dss" / "plugins").mkdir(parents=True)
    (tmp_path / "dss" / "plugins" / "drop_in.py").write_text(GOOD + "one = Hook('one', 1)")
    shown = run(
        [sys.executable, "-c", "from dss.hooks.discovery import *; print(find_hooks()[0].name)"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout == "one\n"
