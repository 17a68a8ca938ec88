"""
Starts of whole programs: what can't work ends at once, tells why, and leaves nothing.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.usage import UsageError

from dss.errors import StartError
from dss.tap import Options, makeService
from tests.engines.patience import PATIENCE, eventually

_BIN = Path(sys.prefix, "bin")

#: The ways to run a service of Twisted's.
_PROGRAMS = {
    "twist": ["twist", "--log-format=text"],
    "twistd -n": ["twistd", "-n"],
    "twistd": ["twistd"],
}


def _command(program: str, *options: str) -> list[str]:
    name, *own = _PROGRAMS[program]
    return [str(_BIN / name), *own, "dss", "--engine", "memory:", *options]


def _run(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(program, *options),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    """
    A port that another program listens at.
    """
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("program", _PROGRAMS)
def test_a_start_that_can_not_work(program: str, tmp_path: Path) -> None:
    """
    It is known before there is a daemon, and the terminal has all of it.
    """
    done = _run(tmp_path, program, "--listen", "unix:/nope/x.sock")
    assert done.returncode == 1
    told = "dss can't listen on unix:/nope/x.sock: there is no directory /nope"
    assert told in done.stdout
    assert "Traceback" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", _PROGRAMS)
def test_a_start_that_can_not_work_with_a_ledger(program: str, tmp_path: Path, taken: int) -> None:
    """
    It ends likewise, before and after a daemon is made.
    """
    where = f"tcp:{taken}:interface=127.0.0.1"
    for listen in ("unix:/nope/x.sock", where):
        done = _run(tmp_path, program, "--ledger", f"{tmp_path}/ledger", "--listen", listen)
        assert done.returncode == 1
        assert f"dss can't listen on {listen}" in done.stdout
    assert {each.name for each in tmp_path.iterdir()} <= {"ledger", "twistd.log"}


@pytest.mark.parametrize("program", _PROGRAMS)
def test_options_that_make_no_sense(program: str, tmp_path: Path) -> None:
    """
    The error is not lost in all that there is to tell of options.
    """
    done = _run(tmp_path, program, "--listen", "tcp:0", "--socket-mode", "rw")
    assert "'rw' is no mode of a socket" in done.stdout
    assert "twist dss --help tells the options" in done.stdout
    assert "--socket-mode" not in done.stdout


@pytest.mark.parametrize("program", _PROGRAMS)
def test_a_start_that_fails(program: str, tmp_path: Path, taken: int) -> None:
    """
    It ends, though a daemon is already made, with what has begun undone.
    """
    where = f"tcp:{taken}:interface=127.0.0.1"
    done = _run(tmp_path, program, "--listen", f"unix:{tmp_path}/a.sock", "--listen", where)
    assert done.returncode == 1
    assert f"dss can't listen on {where}" in done.stdout
    assert "Traceback" not in done.stdout
    log = tmp_path / "twistd.log"
    if program == "twistd":
        # What is told of a daemon has room for its beginning only.
        assert f"dss can't listen on {where}: Address already in use" in log.read_text()
        log.unlink()
    else:
        assert f"dss can't listen on {where}: Address already in use\n" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_daemon(tmp_path: Path) -> None:
    """
    It listens when the command ends, and takes all but its log with it.
    """
    path = tmp_path / "a.sock"
    ledger = tmp_path / "ledger"
    done = _run(tmp_path, "twistd", "--listen", f"unix:{path}", "--ledger", str(ledger))
    pid = int((tmp_path / "twistd.pid").read_text())
    try:
        assert (done.returncode, done.stdout) == (0, "")
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
        assert _ping(path).startswith(b"HTTP/1.1 200 OK\r\n")
        # What the ledger has is asked.
        images = b"GET /images/json HTTP/1.0\r\nHost: d\r\n\r\n"
        assert _told(path, images).startswith(b"HTTP/1.1 200 OK\r\n")
    finally:
        os.kill(pid, signal.SIGTERM)
    log = tmp_path / "twistd.log"
    eventually(lambda: set(tmp_path.iterdir()) == {log, ledger}, "the daemon's end")
    assert "Traceback" not in log.read_text()


def test_a_socket_of_systemds(tmp_path: Path) -> None:
    """
    It stays as systemd made it: its mode, its file, and that it listens.
    """
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        path.chmod(0o640)
        made.listen()
        command = shlex.join(_command("twist", "--listen", "systemd:domain=UNIX:index=0"))
        with subprocess.Popen(
            [
                "sh",
                "-c",
                f"export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=x; exec {command} 3<&0",
            ],
            stdin=made.fileno(),
            stdout=subprocess.DEVNULL,
        ) as program:
            try:
                assert _ping(path).startswith(b"HTTP/1.1 200 OK\r\n")
                assert stat.S_IMODE(path.lstat().st_mode) == 0o640
            finally:
                program.terminate()
        assert stat.S_IMODE(path.lstat().st_mode) == 0o640
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def _ping(path: Path) -> bytes:
    return _told(path, b"GET /_ping HTTP/1.0\r\nHost: d\r\n\r\n")


def _told(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(request)
        return client.recv(65536)


def _start(*options: str) -> None:
    """
    All of a start that is before a reactor runs.

    @raise StartError: as a start does.
    @raise UsageError: for options that make no sense.
    """
    parsed = Options()
    parsed.parseOptions(options)
    service = makeService(parsed, reactor)
    service.privilegedStartService()
    raise AssertionError("it starts")


@pytest.mark.parametrize(
    ("listen", "told"),
    [
        ("tcp:99999", "'99999' is no port: it should be a number, 0 to 65535"),
        ("tcp6:x", "'x' is no port"),
        ("tcp:TAKEN:interface=127.0.0.1", "Address already in use"),
        ("ssl:443", "server.pem: No such file or directory"),
        ("ssl:0:privateKey=FILE", "no key or no certificate is where one should be"),
        ("tls:/nope:99999", "'99999' is no port"),
        ("systemd:domain=UNIX:index=0", "systemd gave dss no such socket"),
        ("systemd:domain=UNIX:name=x", "systemd gave dss no such socket"),
        ("systemd:domain=INET:index=0", "systemd gave dss no such socket"),
        ("unix:/nope/x.sock", "there is no directory /nope"),
        ("unix:FILE", "what is there is no socket"),
        ("unix:FILE/x", "Not a directory"),
        ("nix:/x", "Unknown endpoint type: 'nix'"),
        ("", "Unknown endpoint type: ''"),
    ],
)
def test_where_nobody_can_listen(listen: str, told: str, tmp_path: Path, taken: int) -> None:
    """
    The start stops, with the address and what is wrong with it.
    """
    (tmp_path / "file").write_text("precious")
    listen = listen.replace("FILE", f"{tmp_path}/file").replace("TAKEN", str(taken))
    with pytest.raises(StartError) as caught:
        _start("--engine", "memory:", "--listen", listen)
    assert str(caught.value.code).startswith(f"dss can't listen on {listen}: ")
    assert told in str(caught.value.code)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("tcp:localhost", "it should look like tcp:HOST:PORT"),
        ("tcp::2375", "it should look like tcp:HOST:PORT"),
        ("tcp:localhost:99999999", "'99999999' is no port: it should be a number, 1 to 65535"),
        ("tcp:localhost:0", "'0' is no port"),
        ("tcp:host=localhost:port=x", "'x' is no port"),
        ("tcp:localhost:2375:typo=1", "it has a part too many or too few"),
        ("tls:localhost", "it should look like tls:HOST:PORT:certificate=FILE"),
        ("tls:localhost:2376:trustRoots=/nope", "dss can't read trustRoots=/nope"),
        (
            "tls:localhost:2376:certificate=/nope:privateKey=/no",
            "dss can't read certificate=/nope, privateKey=/no",
        ),
        ("tls:localhost:2376:certificate=FILE", "no certificate"),
        ("tcp://localhost:2375", "it is no endpoint: write tcp:HOST:PORT"),
        ("unix:docker.sock", "it should look like unix:/PATH"),
        ("unix:/" + "x" * 107, "a UNIX socket's path has at most 107 bytes"),
        ("nix:/x", "Unknown endpoint type: 'nix'"),
        ("", "Unknown endpoint type: ''"),
    ],
)
def test_where_no_engine_can_be(engine: str, told: str, tmp_path: Path) -> None:
    """
    The start stops, with the address and what is wrong with it.
    """
    (tmp_path / "file").write_text("precious")
    engine = engine.replace("FILE", f"{tmp_path}/file")
    with pytest.raises(StartError) as caught:
        _start("--engine", engine, "--listen", f"unix:{tmp_path}/a.sock")
    assert str(caught.value.code).startswith(f"dss can't reach an engine at {engine!r}: ")
    assert told in str(caught.value.code)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_engines_own_socket(tmp_path: Path) -> None:
    """
    dss never listens there, by whatever name it is called, and whether the engine runs.
    """
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to("run")
    (tmp_path / "link.sock").symlink_to("run/docker.sock")
    real, linked = f"unix:{tmp_path}/run/docker.sock", f"unix:{tmp_path}/var/docker.sock"
    for runs in (False, True):
        for engine, listen in [(real, linked), (linked, real), (real, real)]:
            with pytest.raises(UsageError, match="is the engine's own socket"):
                _start("--engine", engine, "--listen", listen)
        with pytest.raises(UsageError, match="is the engine's own socket"):
            _start("--engine", real, "--listen", f"unix:{tmp_path}/link.sock")
        if not runs:
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(tmp_path / "run" / "docker.sock"))
    assert sorted(each.name for each in (tmp_path / "run").iterdir()) == ["docker.sock"]


def test_a_file_in_the_engines_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(UsageError, match="is no socket, so no engine can be there"):
        _start("--engine", f"unix:{tmp_path}/file", "--listen", f"unix:{tmp_path}/a.sock")


def test_one_place_for_two(tmp_path: Path) -> None:
    """
    A socket that is to be at two places at once stops the start as one in use does.
    """
    where = f"unix:{tmp_path}/a.sock"
    with pytest.raises(StartError, match="a program listens there already"):
        _start("--engine", "memory:", "--listen", where, "--listen", where)
    assert list(tmp_path.iterdir()) == []


@pytest_twisted.ensureDeferred
async def test_who_may_connect(tmp_path: Path) -> None:
    """
    The options of sockets are about each of them.
    """
    parsed = Options()
    gid = 23456 if os.geteuid() == 0 else os.getegid()
    paths = [tmp_path / "a.sock", tmp_path / "b.sock"]
    parsed.parseOptions(
        [
            *("--engine", "memory:", "--socket-mode", "0640", "--socket-group", str(gid)),
            *(f"--listen=unix:{path}" for path in paths),
        ]
    )
    service = makeService(parsed, reactor)
    service.privilegedStartService()
    service.startService()
    found = [path.lstat() for path in paths]
    await service.stopService()
    assert [(stat.S_IMODE(each.st_mode), each.st_gid) for each in found] == [(0o640, gid)] * 2
    assert [each.st_uid for each in found] == [os.geteuid()] * 2


@pytest_twisted.ensureDeferred
async def test_directories_whose_mount_lets_programs_be_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Told at the start, with what mends it; of those for reading only nothing is told.
    """
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_NODEV))
    parsed = Options()
    writable, readable = tmp_path / "a", tmp_path / "b"
    for each in (writable, readable):
        each.mkdir()
    roots = ("--allow-bind", str(writable), "--allow-bind", f"{readable}:ro")
    where = f"unix:{tmp_path}/a.sock"
    parsed.parseOptions(["--engine", "memory:", "--listen", where, *roots])
    service = makeService(parsed, reactor)
    with capturedLogs() as events:
        service.privilegedStartService()
        service.startService()
        await service.stopService()
    told = [formatEvent(each) for each in events if each["log_level"] is LogLevel.warn]
    (only,) = [each for each in told if "nosuid" in each]
    assert f"mount -o bind,nosuid {writable} {writable} mends it" in only


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--socket-mode=rw", "no mode of a socket"),
        ("--socket-mode=1777", "no mode of a socket"),
        ("--socket-user=nobody-has-this-name", "there is no user"),
        ("--socket-group=nobody-has-this-name", "there is no group"),
    ],
)
def test_nobody_who_may_connect(option: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        _start("--engine", "memory:", "--listen", "unix:/tmp/none.sock", option)


def test_an_owner_without_a_name() -> None:
    """
    An empty name, as of a variable that is not set, is not taken for none.
    """
    with pytest.raises(UsageError, match="owner"):
        _start("--engine", "memory:", "--listen", "tcp:0", "--owner", "")


def test_owners_of_two_starts() -> None:
    """
    They are never the same by accident.
    """
    names = set()
    for _ in range(2):
        options = Options()
        options.parseOptions(["--listen", "tcp:0"])
        names.add(options["settings"].owner.name)
    assert len(names) == 2
