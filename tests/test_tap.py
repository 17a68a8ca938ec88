"""
The command line of C{twist dss}, and the settings file that it names.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.python.usage import UsageError

from dss.config.containers import Containers
from dss.config.settings import OwnerSettings, Root
from dss.tap import DEFAULT_ENGINE, Options


def parsed(*arguments: str) -> Options:
    options = Options()
    options.parseOptions(arguments)
    return options


def settings_of(options: Options) -> OwnerSettings:
    found = options["settings"]
    assert isinstance(found, OwnerSettings)
    return found


def test_without_a_file() -> None:
    options = parsed("--listen", "unix:/tmp/none.sock")
    assert options["engine"] == DEFAULT_ENGINE
    assert settings_of(options).containers == Containers()
    assert settings_of(options).owner.name.startswith("owner-")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "dss.toml"
    (tmp_path / "root").mkdir()
    (tmp_path / "other").mkdir()
    found.write_text(
        f"""
        engine = "tcp:engine.example:2375"
        [owner]
        name = "ci"
        listen = ["unix:{tmp_path}/dss.sock"]
        allow_bind = ["{tmp_path}/root"]
        [limits]
        hook_seconds = 9
        idle_seconds = 8
        [containers]
        capabilities = ["NET_ADMIN"]
        """
    )
    return found


def test_all_comes_from_the_file(file: Path) -> None:
    options = parsed("--config", str(file))
    assert options["engine"] == "tcp:engine.example:2375"
    assert options["listen"] == [f"unix:{file.parent}/dss.sock"]
    found = settings_of(options)
    assert found.owner.name == "ci"
    assert found.roots == (Root(f"{file.parent}/root"),)
    assert found.limits.hook_seconds == 9
    assert found.containers.capabilities == ("NET_ADMIN",)


def test_options_come_before_the_file(file: Path) -> None:
    options = parsed(
        *("--config", str(file), "--engine", "memory:", "--owner", "me"),
        *("--listen", "tcp:1", "--allow-bind", f"{file.parent}/other", "--limit", "hook_seconds=3"),
    )
    assert options["engine"] == "memory:"
    assert options["listen"] == ["tcp:1"]
    found = settings_of(options)
    assert found.owner.name == "me"
    assert found.roots == (Root(f"{file.parent}/other"),)
    assert found.limits.hook_seconds == 3
    assert found.limits.idle_seconds == 8
    assert found.containers.capabilities == ("NET_ADMIN",)


def test_a_root_of_the_file_is_checked_too(file: Path) -> None:
    (file.parent / "root").rmdir()
    with pytest.raises(UsageError, match="there is no such directory"):
        parsed("--config", str(file))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[owners]\n", r"dss.toml:1: owners: there is no such key. Did you mean 'owner'\?"),
        ("=", "no TOML"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "dss.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=told):
        parsed("--listen", "tcp:1", "--config", str(file))


def test_a_file_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        parsed("--listen", "tcp:1", "--config", str(tmp_path / "none"))


def test_somewhere_to_listen_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "dss.toml"
    file.write_text("")
    with pytest.raises(UsageError, match="say where clients connect"):
        parsed("--config", str(file))
