"""
The command line of C{twist dss}, and the settings file that it names.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from socket import AF_UNIX
from socket import socket as UnixSocket

import pytest
from twisted.python.usage import UsageError

from dss.config.containers import Containers
from dss.config.settings import OwnerSettings, Root
from dss.options import DEFAULT_ENGINE, Options


def parsed(*arguments: str) -> Options:
    options = Options()
    options.parseOptions(arguments)
    return options


def settings_of(options: Options) -> OwnerSettings:
    found = options["settings"]
    assert isinstance(found, OwnerSettings)
    return found


@pytest.fixture
def closed() -> Iterator[Path]:
    """
    A directory that only its user and root can write to, all the way up.
    """
    above = Path("/run") if os.geteuid() == 0 else Path.home()
    made = Path(tempfile.mkdtemp(prefix="dss-test-", dir=above))
    yield made
    shutil.rmtree(made)


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
    # Directories add up.
    assert found.roots == (Root(f"{file.parent}/other"), Root(f"{file.parent}/root"))
    assert found.limits.hook_seconds == 3
    assert found.limits.idle_seconds == 8
    assert found.containers.capabilities == ("NET_ADMIN",)


def test_a_directory_that_both_name(file: Path) -> None:
    """
    It is what the command line says.
    """
    directory = f"{file.parent}/root"
    options = parsed("--config", str(file), "--listen", "tcp:1", "--allow-bind", f"{directory}:ro")
    assert settings_of(options).roots == (Root(directory, read_only=True),)


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


def test_the_socket_for_containers(closed: Path) -> None:
    """
    Beside the first of the sockets, where nobody else could replace it.
    """
    own = ("--owner", "me", "--listen", "tcp:1")
    found = parsed(*own, "--listen", f"unix:{closed}/dss.sock", "--engine", "memory:")
    socket = settings_of(found).engine_socket
    assert socket.replacement is not None
    assert socket.replacement.startswith(f"{closed}/dss.sock.d/")
    assert {"/run/docker.sock", f"{closed}/dss.sock", socket.replacement} <= socket.names
    elsewhere = (*own, "--container-sockets", f"{closed}/for")
    socket = settings_of(parsed(*elsewhere)).engine_socket
    assert (socket.replacement or "").startswith(f"{closed}/for/")
    (closed / "engine.sock").symlink_to("real.sock")
    with UnixSocket(AF_UNIX) as listening:
        listening.bind(f"{closed}/real.sock")
        socket = settings_of(parsed(*own, "--engine", f"unix:{closed}/engine.sock")).engine_socket
    assert {f"{closed}/engine.sock", f"{closed}/real.sock"} <= socket.names


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--listen", "tcp:1"), "dss listens at no UNIX socket"),
        (("--listen", "unix:/tmp/dss.sock"), "others than root and dss's user can write to /tmp"),
        (("--listen", "unix:/run/dss.sock", "--container-sockets", "none"), "switched off"),
    ],
)
def test_without_a_socket_for_containers(arguments: tuple[str, ...], reason: str) -> None:
    options = parsed("--engine", "memory:", *arguments)
    assert settings_of(options).engine_socket.replacement is None
    assert reason in options["no-container-socket"]


def test_a_socket_for_containers_that_can_not_be() -> None:
    with pytest.raises(UsageError, match="--container-sockets: others than root"):
        parsed("--listen", "unix:/run/dss.sock", "--container-sockets", "/tmp/sockets")


def test_somewhere_to_listen_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "dss.toml"
    file.write_text("")
    with pytest.raises(UsageError, match="say where clients connect"):
        parsed("--config", str(file))


def test_no_root_may_hold_the_socket_for_containers(closed: Path) -> None:
    (closed / "root").mkdir()
    where = ("--listen", "tcp:1", "--allow-bind", f"{closed}/root", "--container-sockets")
    with pytest.raises(UsageError, match="would hand out the socket"):
        parsed(*where, f"{closed}/root/for")
    assert settings_of(parsed(*where, f"{closed}/for")).roots
