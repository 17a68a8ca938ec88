"""
Real Docker Engines, each in namespaces of its own, started and stopped by tests.

An engine sees of the host only its shared directory, C{/run/dss-engine/NAME}, at
the same path: sockets, bind sources and build contexts of tests go there. Its
name tells which run it belongs to, so that runs don't meet, and what a killed run
left behind is known by its dead process.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from attrs import define

from tests.engines.api import Api
from tests.engines.patience import eventually
from tests.engines.roots import HOME, Unavailable, locked, need, root_of

SHARED = Path("/run/dss-engine")
_BOOT = Path(__file__).with_name("boot.sh")
_RUN_NAME = re.compile(r"test-(?P<suite>[a-z]+)-(?P<set>\d+)-(?P<run>\d+)")

#: References under which every engine has the small image.
IMAGES = ("busybox:latest", "alpine:latest", "alpine:3.20", "hello:latest")


def _started(pid: int) -> str | None:
    """
    When a process was started, in the kernel's ticks; L{None} if there is none.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]


def _identity(pid: int) -> str:
    """
    A process's id and start, which together are never used again.
    """
    return f"{pid} {_started(pid)}"


def _alive(record: Path) -> int | None:
    """
    The id of a recorded process if it still runs.
    """
    try:
        pid, _, started = record.read_text().partition(" ")
        return int(pid) if _started(int(pid)) == started else None
    except (OSError, ValueError):
        return None


@define(eq=False, slots=False)
class Engine:
    """
    One engine.

    @ivar name: unique on this machine.
    @ivar suite: the Debian suite that it comes from.
    """

    name: str
    suite: str

    @property
    def directory(self) -> Path:
        """
        The directory that the host and the engine share, at the same path.
        """
        return SHARED / self.name

    @property
    def socket(self) -> str:
        """
        The path of the engine's UNIX socket.
        """
        return str(self.directory / "docker.sock")

    @property
    def host(self) -> str:
        """
        What C{DOCKER_HOST} is for this engine.
        """
        return f"unix://{self.socket}"

    @property
    def api(self) -> Api:
        """
        Questions straight at the engine.
        """
        return Api(self.socket)

    @cached_property
    def version(self) -> tuple[int, int]:
        """
        The newest API version that it speaks.
        """
        major, _, minor = str(self.api.get("/version")["ApiVersion"]).partition(".")
        return int(major), int(minor)

    def command(
        self, *argv: str, environ: Mapping[str, str] | None = None
    ) -> tuple[list[str], dict[str, str]]:
        """
        The arguments and the environment that run a command inside the engine's
        mounts and network. The process is the command itself, so signals reach it.
        """
        pid = self.process
        whole = {
            "HOME": "/root",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "TERM": "xterm",
            "DOCKER_HOST": self.host,
            **(environ or {}),
        }
        return ["nsenter", "--target", str(pid), "--mount", "--net", *argv], whole

    def run(
        self,
        *argv: str,
        environ: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[bytes]:
        """
        Run a command inside, such as this suite's own C{docker}.
        """
        command, whole = self.command(*argv, environ=environ)
        return subprocess.run(
            command, env=whole, input=stdin, capture_output=True, timeout=timeout, check=False
        )

    @property
    def process(self) -> int:
        """
        The id of its first process.

        @raise Unavailable: if it does not run.
        """
        pid = _alive(self._init)
        if pid is None:
            raise Unavailable(f"{self.name} does not run: {self._last_words()}")
        return pid

    @property
    def is_up(self) -> bool:
        """
        Whether its processes run.
        """
        return _alive(self._init) is not None

    @property
    def _init(self) -> Path:
        return self.directory / "init"

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    @property
    def _data(self) -> Path:
        return HOME / "data" / self.name

    def launch(self, options: Sequence[str] = ()) -> None:
        """
        Start it, without waiting until it answers.

        @raise Unavailable: if this machine can't run engines.
        """
        if os.geteuid() != 0:
            raise Unavailable("engines need root")
        need("ip", "iproute2")
        need("iptables", "iptables")
        need("busybox", "busybox-static")
        root = root_of(self.suite)
        self.directory.mkdir(parents=True)
        self._data.mkdir(parents=True)
        argv = ["sh", str(_BOOT), str(root), str(self.directory), str(self._data), *options]
        with self._log.open("wb") as log:
            # Its own session: Ctrl-C at a terminal is for the tests, which then stop it.
            outer = subprocess.Popen(
                ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")

        def init() -> str:
            if outer.poll() is not None:
                raise Unavailable(f"{self.name} did not start: {self._last_words()}")
            return children.read_text()

        pid = int(eventually(init, "the engine's first process").split()[0])
        self._init.write_text(_identity(pid))

    def wait(self) -> None:
        """
        Wait until it answers.

        @raise Unavailable: if it ended instead, or does not answer in a minute.
        """

        def answers() -> bool:
            if not self.is_up:
                raise Unavailable(f"{self.name} ended at its start: {self._last_words()}")
            try:
                return self.api.call("GET", "/_ping").ok
            except OSError:
                return False

        eventually(answers, f"{self.name} to answer", 60)

    def load_images(self) -> None:
        """
        Give it the small image under every reference of L{IMAGES}.
        """
        first, *others = (reference.split(":") for reference in IMAGES)
        self.api.post(
            "/images/create",
            fromSrc="-",
            repo=first[0],
            tag=first[1],
            changes=("ENV PATH=/bin", 'CMD ["sh"]'),
            body=busybox_root(),
        )
        for name, tag in others:
            self.api.post(f"/images/{IMAGES[0]}/tag", repo=name, tag=tag)

    def stop(self) -> None:
        """
        End all of its processes and remove what it wrote.
        """
        pid = _alive(self._init)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            try:
                eventually(lambda: not self.is_up, f"{self.name} to end", 20)
            except AssertionError:
                # Its processes are in a namespace of its own, and end with the first.
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self._data, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _last_words(self) -> str:
        try:
            return self._log.read_text(errors="replace")[-1500:]
        except OSError:
            return "it has no log"


class Engines:
    """
    A set of engines, one of each suite, of one run of the tests. A run has several sets,
    each shared by some of its worker processes.
    """

    def __init__(self, run: int, number: int = 0) -> None:
        """
        @param run: the id of the process that the run ends with.
        @param number: which of the run's sets it is.
        """
        self._run = run
        self._number = number

    def named(self, suite: str) -> Engine:
        """
        The engine of a suite, running or not.
        """
        return Engine(f"test-{suite}-{self._number}-{self._run}", suite)

    def start(self, suites: Sequence[str]) -> None:
        """
        Start this set's engines of some suites side by side, if they don't run yet.

        @raise Unavailable: if one of them can't be had.
        """
        if os.geteuid() != 0:
            raise Unavailable("engines need root")
        SHARED.mkdir(mode=0o755, exist_ok=True)
        engines = [self.named(suite) for suite in suites]
        with locked(SHARED / f"test-{self._number}.lock"):
            new = [engine for engine in engines if not engine.is_up]
            if new:
                with locked(SHARED / "test.lock"):
                    remove_leftovers()
                    for engine in new:
                        engine.launch()
                        (engine.directory / "run").write_text(_identity(self._run))
            for engine in new:
                engine.wait()
                engine.load_images()

    def stop(self) -> None:
        """
        Stop all engines of this run, of whichever set.
        """
        for name, found in _runs():
            if int(found["run"]) == self._run:
                Engine(name, found["suite"]).stop()


def _runs() -> Iterator[tuple[str, re.Match[str]]]:
    """
    The names of the engines of all runs, with what they say.
    """
    for directory in SHARED.glob("test-*"):
        found = _RUN_NAME.fullmatch(directory.name)
        if found is not None:
            yield directory.name, found


def remove_leftovers() -> None:
    """
    Stop and remove the engines of runs that were killed.
    """
    for name, found in _runs():
        recorded = SHARED / name / "run"
        # Between an engine's launch and its record only the run's own process can tell.
        if recorded.exists():
            belongs = _alive(recorded) is not None
        else:
            belongs = _started(int(found["run"])) is not None
        if not belongs:
            Engine(name, found["suite"]).stop()


def busybox_root() -> bytes:
    """
    A tar of a small root file system: busybox under all its names, and an
    C{/etc/passwd}.
    """
    busybox = Path(need("busybox", "busybox-static"))
    applets = subprocess.run(
        [str(busybox), "--list"], capture_output=True, text=True, check=True
    ).stdout.split()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for directory, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777), ("root", 0o700)):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, content in (
            ("bin/busybox", busybox.read_bytes()),
            ("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nbuild:x:1000:1000::/tmp:/bin/sh\n"),
            ("etc/group", b"root:x:0:\nbuild:x:1000:\n"),
        ):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755 if name.startswith("bin/") else 0o644, len(content)
            tar.addfile(entry, io.BytesIO(content))
        for applet in applets:
            if applet != "busybox":
                entry = tarfile.TarInfo(f"bin/{applet}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
    return packed.getvalue()
