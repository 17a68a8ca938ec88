"""
What is measured: the engine itself, and the engine through dss and through HAProxy.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from attrs import frozen

from tests.bench.processes import Process
from tests.engines.patience import eventually

#: The owner that dss serves, and that the bench's containers belong to.
OWNER = "bench"

# Debian's HAProxy as it comes, with as many threads as the machine has cores, or with
# one, which is what dss has. HTTP mode, since a TCP relay would do no work for a
# request; a reply of 101 turns it into a tunnel. Engine connections are reused for
# all clients, and a client that leaves takes its own along, as with dss.
_HAPROXY = """\
global
    maxconn 8192
    {threads}
defaults
    mode http
    http-reuse always
    option abortonclose
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend guarded
    bind unix@{listen} mode 600
    default_backend engine
backend engine
    server engine unix@{engine}
"""


@frozen
class Target:
    """
    A socket that speaks the engine's API.

    @ivar name: C{direct}, or the proxy's name.
    """

    name: str
    socket: str


@frozen
class Proxy(Target):
    """
    A proxy before the engine.

    @ivar process: what it runs in.
    """

    process: Process


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


@contextmanager
def _running(name: str, command: list[str], listen: Path, log: Path) -> Iterator[Proxy]:
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output)
    try:

        def started() -> bool:
            if running.poll() is not None:
                raise RuntimeError(f"{name} did not start:\n{log.read_text()[-4000:]}")
            return _accepts(listen)

        eventually(started, f"{name} to listen at {listen}")
        yield Proxy(name, str(listen), Process(running.pid))
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def dss(engine: str, directory: Path) -> Iterator[Proxy]:
    """
    dss before an engine, for one owner.

    @param engine: the engine's UNIX socket.
    @param directory: where the guarded socket and the log go.
    """
    listen = directory / "dss.sock"
    command = [sys.executable, "-m", "twisted", "dss"]
    command += ["--listen", f"unix:{listen}", "--engine", f"unix:{engine}", "--owner", OWNER]
    with _running("dss", command, listen, directory / "dss.log") as target:
        yield target


@contextmanager
def haproxy(engine: str, directory: Path, threads: int | None = None) -> Iterator[Proxy]:
    """
    HAProxy before an engine.

    @param threads: how many it has; L{None} for one a core.
    @raise RuntimeError: where it is not installed.
    """
    program = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise RuntimeError("HAProxy is not installed: apt-get install haproxy")
    name = "haproxy" if threads is None else f"haproxy-{threads}"
    listen = directory / f"{name}.sock"
    settings = directory / f"{name}.cfg"
    said = "" if threads is None else f"nbthread {threads}"
    settings.write_text(_HAPROXY.format(listen=listen, engine=engine, threads=said))
    command = [program, "-f", str(settings), "-db"]
    with _running(name, command, listen, directory / f"{name}.log") as target:
        yield target


#: How each proxy is started, by name.
PROXIES: dict[str, Callable[[str, Path], AbstractContextManager[Proxy]]] = {
    "dss": dss,
    "haproxy": haproxy,
    "haproxy-1": partial(haproxy, threads=1),
}
