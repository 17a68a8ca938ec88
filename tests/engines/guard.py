"""
A real C{twist dss} in a process of its own, in front of an engine.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.engines.api import Api
from tests.engines.machine import Engine
from tests.engines.patience import eventually

_REPOSITORY = Path(__file__).resolve().parents[2]
_TROUBLE = ("Traceback (most recent call last)", "Unhandled Error", "Unhandled error")


class Guard:
    """
    One C{twist dss} process.

    @ivar engine: the engine behind it.
    @ivar owner: the owner's name.
    @ivar directory: where its socket and its log are; removed with it.
    @ivar socket: the guarded socket's path, seen by the engine's own programs too.
    @ivar pid: the process's id.
    """

    def __init__(
        self,
        engine: Engine,
        owner: str | None,
        allow_bind: Sequence[str] = (),
        options: Sequence[str] = (),
        ledger: bool = True,
    ) -> None:
        """
        Start it, and wait until it listens.

        @param owner: what C{--owner} says, or L{None} to leave it out.
        @param allow_bind: values of C{--allow-bind}.
        @param options: more options of C{twist dss}.
        @param ledger: whether it has the engine's ledger, which all guards share.
        @raise AssertionError: with its log, if it ends or does not listen in time.
        """
        self.engine = engine
        self.owner = owner
        self.directory = Path(tempfile.mkdtemp(prefix="guard-", dir=engine.directory))
        self.socket = str(self.directory / "dss.sock")
        self.log = self.directory / "log"
        self._read = 0
        command = [sys.executable, "-m", "twisted", "--log-format=text", "dss"]
        command += ["--listen", f"unix:{self.socket}", "--engine", f"unix:{engine.socket}"]
        if owner is not None:
            command += ["--owner", owner]
        if ledger:
            command += ["--ledger", str(engine.directory / "ledger")]
        for root in allow_bind:
            command += ["--allow-bind", root]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *options],
                cwd=_REPOSITORY,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid
        eventually(self._listens, "twist dss to listen", 30)

    @property
    def host(self) -> str:
        """
        What C{DOCKER_HOST} is for this guard's clients.
        """
        return f"unix://{self.socket}"

    @property
    def api(self) -> Api:
        """
        Requests through the guard.
        """
        return Api(self.socket)

    def text(self) -> str:
        """
        All of its log so far.
        """
        return self.log.read_text(errors="replace")

    def mark(self) -> None:
        """
        Let L{news} begin here.
        """
        self._read = self.log.stat().st_size

    def news(self) -> str:
        """
        What it logged since the last L{mark}.
        """
        with self.log.open("rb") as log:
            log.seek(self._read)
            return log.read().decode(errors="replace")

    def troubles(self) -> str:
        """
        The log since the last L{mark} if it tells of an unexpected failure, else an
        empty text. What a client does is never unexpected.
        """
        news = self.news()
        return news if any(each in news for each in _TROUBLE) else ""

    def resident(self) -> int:
        """
        Its resident memory, in bytes.
        """
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> int:
        """
        End it and remove its directory.

        @return: the process's exit status, negative for a signal.
        """
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"twist dss ended at its start:\n{self.text()}")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True
