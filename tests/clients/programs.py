"""
Programs that a test talks with while they run: over pipes, or at a terminal.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from attrs import frozen

from tests.engines.patience import PATIENCE, eventually


@frozen
class Done:
    """
    How a program ended, and what it wrote.

    @ivar status: its exit status, negative for a signal.
    """

    status: int
    out: bytes
    err: bytes = b""

    @property
    def text(self) -> str:
        """
        What it wrote to its standard output, without the white space around it.
        """
        return self.out.decode().strip()

    @property
    def error(self) -> str:
        """
        What it wrote to its standard error, without the white space around it.
        """
        return self.err.decode().strip()


class Program:
    """
    A program with pipes. Its standard error is kept apart.
    """

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            argv,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._out = b""
        self._seen = 0

    def write(self, data: bytes) -> None:
        """
        Write to its standard input.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def close_input(self) -> None:
        """
        End its standard input.
        """
        assert self._process.stdin is not None
        self._process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """
        Send it a signal.
        """
        self._process.send_signal(number)

    def until(self, mark: bytes) -> bytes:
        """
        What it writes, up to a mark, which is included.

        @raise AssertionError: with all that it wrote, if the mark does not come.
        """
        assert self._process.stdout is not None
        end = time.monotonic() + PATIENCE
        while mark not in self._out[self._seen :]:
            more = _read(self._process.stdout.fileno(), end)
            if not more:
                raise AssertionError(f"{mark!r} did not come: {self._out!r} {self._rest()!r}")
            self._out += more
        begin, self._seen = self._seen, self._out.index(mark, self._seen) + len(mark)
        return self._out[begin : self._seen]

    def finish(self, data: bytes = b"") -> Done:
        """
        Write to its standard input, end that, and wait until it ends by itself.
        """
        if self._process.stdin is not None and self._process.stdin.closed:
            self._process.stdin = None
        try:
            out, err = self._process.communicate(data or None, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end: {self._out!r}") from None
        return Done(self._process.returncode, self._out + out, err)

    def kill(self) -> None:
        """
        End it at once, if it still runs.
        """
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _rest(self) -> bytes:
        self._process.kill()
        return self._process.communicate()[1]


class Terminal:
    """
    A program at a terminal of its own.
    """

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], rows: int = 24, columns: int = 80
    ) -> None:
        self._fd, far = pty.openpty()
        self.resize(rows, columns)
        # The new session's terminal is this one, so that it is told of resizes.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *argv], env=environ, stdin=far, stdout=far, stderr=far
        )
        os.close(far)
        self._out = b""
        self._seen = 0

    def resize(self, rows: int, columns: int) -> None:
        """
        Change the terminal's size. The program is told by a signal.
        """
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def announce_size(self) -> None:
        """
        Tell the program once more that the size may have changed.
        """
        self._process.send_signal(signal.SIGWINCH)

    def write(self, data: bytes) -> None:
        """
        Type.
        """
        os.write(self._fd, data)

    def until_raw(self) -> None:
        """
        Wait until the program has the keys to itself: before that the terminal
        echoes them, and keeps some.
        """
        eventually(lambda: not termios.tcgetattr(self._fd)[3] & termios.ECHO, "a raw terminal")

    def until(self, mark: bytes) -> bytes:
        """
        What it shows, up to a mark, which is included.

        @raise AssertionError: with all that it showed, if the mark does not come.
        """
        end = time.monotonic() + PATIENCE
        while mark not in self._out[self._seen :]:
            more = self._more(end)
            if not more:
                raise AssertionError(f"{mark!r} did not come: {self._out!r}")
            self._out += more
        begin, self._seen = self._seen, self._out.index(mark, self._seen) + len(mark)
        return self._out[begin : self._seen]

    def finish(self) -> Done:
        """
        Wait until it ends by itself.
        """
        end = time.monotonic() + PATIENCE
        while more := self._more(end):
            self._out += more
        try:
            status = self._process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end: {self._out!r}") from None
        os.close(self._fd)
        self._fd = -1
        return Done(status, self._out)

    def kill(self) -> None:
        """
        End it at once, if it still runs.
        """
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _more(self, end: float) -> bytes:
        try:
            return _read(self._fd, end)
        except OSError:
            # What a terminal's near end says once its far end is closed.
            return b""


def _read(fd: int, end: float) -> bytes:
    ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
    return os.read(fd, 65536) if ready else b""
