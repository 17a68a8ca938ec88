"""
Listening sockets: who may connect, what a start takes over, and what it leaves alone.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs

from dss.errors import StartError
from dss.proxy.listener import Listener, SocketAccess, UnixAddress

ROOT = os.geteuid() == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Where to listen.
    """
    return tmp_path / "dss.sock"


def listener(path: Path, access: SocketAccess | None = None, rest: str = "") -> Listener:
    """
    One for a path, that is not started yet.
    """
    factory: Any = Factory.forProtocol(Protocol)
    return Listener(f"unix:{path}{rest}", factory, access or SocketAccess(), reactor)


@contextmanager
def bound(path: Path, listens: bool = True) -> Iterator[socket.socket]:
    """
    Another program's socket.
    """
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        if listens:
            other.listen()
        yield other


def answers(path: Path) -> bool:
    """
    Whether somebody listens.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def left(path: Path) -> list[str]:
    """
    What is in a path's directory.
    """
    return sorted(each.name for each in path.parent.iterdir())


def mode_of(path: Path) -> int:
    """
    A file's permissions.
    """
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize(
    ("access", "rest", "mode"),
    [
        (SocketAccess(), "", 0o600),
        (SocketAccess(0o660), "", 0o660),
        (SocketAccess(0o660), ":mode=640", 0o640),
        (SocketAccess(0o666), ":backlog=3:lockfile=0", 0o666),
        (SocketAccess(0o660, 12345, 23456), "", 0o660),
    ],
)
@pytest_twisted.ensureDeferred
async def test_access(
    path: Path, monkeypatch: pytest.MonkeyPatch, access: SocketAccess, rest: str, mode: int
) -> None:
    """
    The socket has the user, the group and the mode that it should have from the moment at
    which it is there, and listens then.
    """
    if access.uid != -1 and not ROOT:
        access = SocketAccess(access.mode, os.getuid(), os.getgid())
    moved: list[tuple[bool, int]] = []
    rename = os.rename

    def watched(*arguments: Any, **names: Any) -> None:
        stage = path.parent / f".{path.name}.new"
        moved.append((path.exists(), mode_of(stage)))
        assert answers(stage / path.name)
        rename(*arguments, **names)
        moved.append((answers(path), mode_of(path)))

    monkeypatch.setattr(os, "rename", watched)
    umask = os.umask(0)
    service = listener(path, access, rest)
    try:
        service.startService()
        found = path.lstat()
        assert os.umask(0) == 0
    finally:
        os.umask(umask)
        await service.stopService()
    assert moved == [(False, 0o700), (True, mode)]
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == mode
    assert found.st_uid == (os.geteuid() if access.uid == -1 else access.uid)
    assert found.st_gid == (os.getegid() if access.gid == -1 else access.gid)
    assert left(path) == []


@pytest_twisted.ensureDeferred
async def test_connections(path: Path) -> None:
    """
    It serves them while it runs, and nobody is there afterwards.
    """
    service = listener(path)
    service.privilegedStartService()
    service.startService()
    assert left(path) == [path.name]
    assert answers(path)
    await service.stopService()
    assert left(path) == []


@pytest.mark.parametrize("lock", [None, "1", "self"])
@pytest_twisted.ensureDeferred
async def test_a_socket_that_was_left_behind(path: Path, lock: str | None) -> None:
    """
    It is replaced, whatever process has the id by now that a lock beside it names.
    """
    with bound(path):
        pass
    beside = [path.name]
    if lock is not None:
        os.symlink(str(os.getpid()) if lock == "self" else lock, f"{path}.lock")
        beside.append(f"{path.name}.lock")
    service = listener(path)
    service.startService()
    try:
        assert answers(path)
        assert left(path) == beside
    finally:
        await service.stopService()
    assert left(path) == beside[1:]


@pytest.mark.parametrize("rest", ["", ":lockfile=0"])
@pytest.mark.parametrize("lock", [None, "1", "999999999"])
def test_a_socket_in_use(path: Path, lock: str | None, rest: str) -> None:
    """
    No start, however often, takes another program's socket away, nor is anything of dss
    left behind.
    """
    if lock is not None:
        os.symlink(lock, f"{path}.lock")
    with bound(path):
        before = left(path)
        identity = path.lstat().st_ino
        for _ in range(3):
            with pytest.raises(StartError, match="a program listens there already"):
                listener(path, rest=rest).startService()
            with pytest.raises(StartError, match="a program listens there already"):
                listener(path, rest=rest).check()
        assert answers(path)
        assert path.lstat().st_ino == identity
        assert left(path) == before


@pytest_twisted.ensureDeferred
async def test_a_socket_of_dss_in_use(path: Path) -> None:
    """
    A second dss does not take the first one's place.
    """
    first = listener(path)
    first.startService()
    for _ in range(2):
        with pytest.raises(StartError, match="a program listens there already"):
            listener(path).startService()
    assert answers(path)
    await first.stopService()


def test_other_kinds_of_sockets_in_use(path: Path) -> None:
    """
    They are alive, too, as is one whose queue is full.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(StartError, match="a program listens there already"):
            listener(path).startService()
    path.unlink()
    with bound(path) as other, socket.socket(socket.AF_UNIX) as waiting:
        other.listen(0)
        waiting.connect(str(path))
        with pytest.raises(StartError, match="a program listens there already"):
            listener(path).startService()


def test_without_taking_over(path: Path) -> None:
    """
    C{lockfile=0} leaves a socket that was left behind.
    """
    with bound(path):
        pass
    with pytest.raises(StartError, match="lockfile=0 says not to replace it"):
        listener(path, rest=":lockfile=0").startService()
    assert left(path) == [path.name]


def _file(path: Path) -> None:
    path.write_text("precious")


def _link_to_a_socket(path: Path) -> None:
    with bound(path.parent / "other.sock"):
        pass
    path.symlink_to(path.parent / "other.sock")


def _link_to_a_file(path: Path) -> None:
    (path.parent / "precious").write_text("precious")
    path.symlink_to(path.parent / "precious")


@pytest.mark.parametrize("make", [_file, Path.mkdir, _link_to_a_socket, _link_to_a_file])
def test_what_is_no_socket(path: Path, make: Any) -> None:
    """
    It stays as it is.
    """
    make(path)
    before = {each: (each.lstat().st_ino, mode_of(each)) for each in path.parent.iterdir()}
    for _ in range(2):
        with pytest.raises(StartError, match="what is there is no socket"):
            listener(path, SocketAccess(0o666)).startService()
    after = {each: (each.lstat().st_ino, mode_of(each)) for each in path.parent.iterdir()}
    assert after == before


@pytest.mark.parametrize("call", ["chown", "chmod"])
def test_a_link_that_comes_in_between(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """
    Whoever can write to the directory can't turn dss against another file.
    """
    victim = path.parent / "victim"
    victim.write_text("precious")
    victim.chmod(0o400)
    real = getattr(os, call)
    called: list[str] = []

    def swapped(*arguments: Any, **names: Any) -> None:
        if not called:
            path.unlink(missing_ok=True)
            path.symlink_to(victim)
        called.append(call)
        real(*arguments, **names)

    monkeypatch.setattr(os, call, swapped)
    ids = (12345, 23456) if ROOT else (os.getuid(), os.getgid())
    with pytest.raises(StartError):
        listener(path, SocketAccess(0o666, *ids)).startService()
    assert called
    found = victim.stat()
    assert (found.st_uid, found.st_gid) == (os.getuid(), os.getgid())
    assert mode_of(victim) == 0o400
    assert left(path) == [path.name, "victim"]


@pytest_twisted.ensureDeferred
async def test_two_starts_at_once(path: Path) -> None:
    """
    One waits for nobody, and what a start that was killed left of its work is no obstacle.
    """
    stage = path.parent / f".{path.name}.new"
    stage.mkdir(0o700)
    with bound(stage / path.name):
        at_work = os.open(stage, os.O_RDONLY)
        fcntl.flock(at_work, fcntl.LOCK_EX)
        with pytest.raises(StartError, match="another program begins to listen there"):
            listener(path).startService()
        os.close(at_work)
    service = listener(path)
    service.startService()
    assert left(path) == [path.name]
    await service.stopService()


def _open_directory(stage: Path) -> None:
    stage.mkdir()
    stage.chmod(0o777)


def _link(stage: Path) -> None:
    (stage.parent / "elsewhere").mkdir(0o700)
    stage.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [_open_directory, _link, _file])
def test_somebody_elses_stage(path: Path, make: Any) -> None:
    """
    dss makes its socket in no directory that it did not make.
    """
    make(path.parent / f".{path.name}.new")
    before = left(path)
    with pytest.raises(StartError, match="is in the way"):
        listener(path).startService()
    assert left(path) == before


@pytest_twisted.ensureDeferred
async def test_a_socket_that_was_replaced(path: Path) -> None:
    """
    Who has taken the path keeps it when dss ends.
    """
    service = listener(path)
    service.startService()
    path.unlink()
    with bound(path):
        await service.stopService()
        assert answers(path)


@pytest.mark.parametrize(
    ("mode", "told"),
    [(0o700, False), (0o755, False), (0o1777, False), (0o777, True), (0o775, True)],
)
@pytest_twisted.ensureDeferred
async def test_a_directory_of_many(path: Path, mode: int, told: bool) -> None:
    """
    A directory in which others could replace the socket is told of, also one above.
    """
    below = path.parent / "below"
    below.mkdir()
    path.parent.chmod(mode)
    service = listener(below / path.name)
    with capturedLogs() as events:
        service.startService()
    await service.stopService()
    found = [each for each in events if "others than root" in str(each.get("log_format"))]
    assert [each["directory"] for each in found] == [str(path.parent)] * told


@pytest.mark.parametrize(
    "description",
    [
        *("unix", "unix:", "unix:relative", "unix:/a:b", "unix:/a:mode=999"),
        *("unix:/a:backlog=x", "unix:/a:typo=1", "unix:/" + "x" * 107),
    ],
)
def test_addresses_that_are_none(description: str) -> None:
    with pytest.raises(ValueError, match="socket"):
        UnixAddress.parse(description)


def test_addresses() -> None:
    assert UnixAddress.parse(r"unix:/a\:b/../c:mode=660:backlog=9:lockfile=0") == UnixAddress(
        "/c", 0o660, 9, False
    )
    assert UnixAddress.parse("unix:address=/a") == UnixAddress("/a")


@pytest.mark.parametrize(
    ("mode", "user", "group"),
    [
        *(("", None, None), ("9", None, None), ("0o660", None, None), ("4666", None, None)),
        *(("660", "nobody-has-this-name", None), ("660", None, "nobody-has-this-name")),
    ],
)
def test_access_that_is_none(mode: str, user: str | None, group: str | None) -> None:
    with pytest.raises(ValueError, match=r"no (mode|user|group)"):
        SocketAccess.parse(mode, user, group)


def test_access_by_name_and_number() -> None:
    assert SocketAccess.parse("0660", "root", "root") == SocketAccess(0o660, 0, 0)
    assert SocketAccess.parse("640", "123", "456") == SocketAccess(0o640, 123, 456)
    assert SocketAccess.parse("600", None, None) == SocketAccess()


def test_a_group_of_somebody_elses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The start ends with what has to be done about it.
    """

    def denied(*arguments: Any, **names: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", denied)
    with pytest.raises(StartError, match=r"only to a group that it is in, and .* not in group 7$"):
        listener(path, SocketAccess(0o660, gid=7)).startService()
    with pytest.raises(StartError, match="only root can give a socket to another user"):
        listener(path, SocketAccess(0o660, uid=os.geteuid() + 1)).startService()
    assert left(path) == []
