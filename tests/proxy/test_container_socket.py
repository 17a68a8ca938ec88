"""
Where the socket for containers is, and how it comes to be.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.protocol import ServerFactory

from dss.model.owner import Owner
from dss.proxy.container_socket import ContainerListener, default_directory, place_of

OWNER = Owner("ci")


@pytest.fixture
def closed() -> Iterator[Path]:
    """
    A directory that only its user and root can write to, all the way up.
    """
    above = Path("/run") if os.geteuid() == 0 else Path.home()
    made = Path(tempfile.mkdtemp(prefix="dss-test-", dir=above))
    yield made
    shutil.rmtree(made)


def test_a_place_of_each_owners_own(closed: Path) -> None:
    found = place_of(f"{closed}/for", OWNER)
    assert os.path.dirname(found) == f"{closed}/for"
    assert place_of(f"{closed}/./for/", OWNER) == found
    assert place_of(f"{closed}/for", Owner("other")) != found
    (closed / "link").symlink_to(closed)
    assert place_of(f"{closed}/link/for", OWNER) == found


def test_a_directory_of_dss_own_is_used_again(closed: Path) -> None:
    (closed / "for").mkdir(mode=0o700)
    assert place_of(f"{closed}/for", OWNER)


def test_where_others_could_replace_it(closed: Path) -> None:
    def problem(directory: str) -> str:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            place_of(directory, OWNER)
        return str(caught.value)

    assert "absolute" in problem("for")
    assert "can't be used" in problem(f"{closed}/none/for")
    assert "can write to /tmp" in problem("/tmp/for")
    (closed / "open").mkdir()
    for mode in (0o777, 0o1777, 0o775):
        (closed / "open").chmod(mode)
        assert f"can write to {closed}/open" in problem(f"{closed}/open/for")
        assert f"can write to {closed}/open" in problem(f"{closed}/open/deep/../for")
    (closed / "linked").symlink_to(closed / "open")
    assert f"can write to {closed}/open" in problem(f"{closed}/linked/for")
    (closed / "open").chmod(0o755)
    assert place_of(f"{closed}/open/for", OWNER)
    assert "of mode 700" in problem(f"{closed}/open")
    assert "of mode 700" in problem(f"{closed}/linked")
    (closed / "file").write_text("")
    assert "of mode 700" in problem(f"{closed}/file")
    assert "107 bytes" in problem(f"{closed}/{'x' * 90}")


def test_others_directories_are_nobodys(closed: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("to give a directory away takes root")
    for name in ("above", "own"):
        (closed / name).mkdir(mode=0o700)
        os.chown(closed / name, 4321, 4321)
    with pytest.raises(ValueError, match="can write to"):
        place_of(f"{closed}/above/for", OWNER)
    with pytest.raises(ValueError, match="of mode 700"):
        place_of(f"{closed}/own", OWNER)


def test_beside_the_first_socket() -> None:
    assert default_directory(["/run/a.sock", "/run/b.sock"]) == "/run/a.sock.d"
    with pytest.raises(ValueError, match="no UNIX socket"):
        default_directory([])


@pytest_twisted.ensureDeferred
async def test_the_directory_is_closed_before_the_socket_is_there(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place_of(f"{closed}/with : in it", OWNER)
    directory = Path(path).parent
    modes: list[int] = []
    rename = os.rename

    def watched(*arguments: Any, **names: Any) -> None:
        modes.append(stat.S_IMODE(directory.stat().st_mode))
        rename(*arguments, **names)

    monkeypatch.setattr(os, "rename", watched)
    listener = ContainerListener(path, ServerFactory(), reactor)
    old = os.umask(0)
    try:
        listener.startService()
    finally:
        os.umask(old)
    assert modes == [0o700]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    (directory / "another").touch()
    await listener.stopService()
    assert list(directory.iterdir()) == [directory / "another"], "only what is empty is removed"
    (directory / "another").unlink()
    listener.startService()
    await listener.stopService()
    assert not directory.exists()


def test_a_directory_that_was_put_there_meanwhile(closed: Path) -> None:
    path = place_of(f"{closed}/for", OWNER)
    listener = ContainerListener(path, ServerFactory(), reactor)
    (closed / "for").symlink_to("/tmp")
    with pytest.raises(SystemExit, match="of mode 700"):
        listener.startService()
