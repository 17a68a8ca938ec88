"""
The client at a terminal: C{run -it}, C{exec -it}, attach, resizes and detach keys.
"""

from __future__ import annotations

import pytest

from tests.clients.programs import Terminal
from tests.clients.sides import Side, both_ways
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine

_DETACH = b"\x10\x11"


@both_ways
def test_a_shell(side: Side) -> None:
    """
    What is typed is echoed, answered, and the exit status is the shell's.
    """
    shell = side.terminal("run", "-it", "--rm", "busybox", "sh")
    shell.until(b"# ")
    shell.write(b"echo $((40+2))\n")
    shell.until(b"42\r\n")
    shell.write(b"tty; exit 7\n")
    done = shell.finish()
    assert done.status == 7
    assert b"/dev/pts/0" in done.out


@both_ways
def test_a_terminal_without_input(side: Side) -> None:
    """
    C{-t} alone: line ends of a terminal, in one stream.
    """
    done = side.docker("run", "-t", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2")
    assert done.out == b"out\r\nerr\r\n"


@both_ways
def test_the_first_size(side: Side) -> None:
    """
    The container's terminal has the size of the client's.
    """
    shell = side.terminal("run", "-it", "--rm", "busybox", "sh", rows=31, columns=117)
    shell.until(b"# ")
    _await_size(shell, b"31 117")
    shell.write(b"exit\n")
    assert shell.finish().status == 0


@both_ways
def test_a_resize_while_attached(side: Side) -> None:
    """
    A new size reaches the container.
    """
    # An unusual first size tells that the client has come so far as to watch its terminal.
    shell = side.terminal("run", "-it", "--rm", "busybox", "sh", rows=31, columns=91)
    shell.until(b"# ")
    _await_size(shell, b"31 91")
    shell.resize(44, 132)
    _await_size(shell, b"44 132")
    shell.write(b"exit\n")
    assert shell.finish().status == 0


@both_ways
def test_an_exec_with_a_terminal(side: Side) -> None:
    """
    C{exec -it}, resized, with its exit status.
    """
    side.docker("run", "-d", "--name", "web", "busybox", "sleep", "60")
    shell = side.terminal("exec", "-it", "web", "sh", rows=30, columns=90)
    shell.until(b"# ")
    _await_size(shell, b"30 90")
    shell.resize(50, 100)
    _await_size(shell, b"50 100")
    shell.write(b"exit 3\n")
    assert shell.finish().status == 3


@both_ways
def test_detach_keys_of_run(side: Side) -> None:
    """
    ctrl-p ctrl-q leaves a container that goes on.
    """
    shell = side.terminal("run", "-it", "--name", "left", "busybox", "sh")
    shell.until(b"# ")
    shell.write(_DETACH)
    side.see("status", shell.finish().status)
    assert side.inspect("left")["State"]["Running"]


@both_ways
def test_detach_keys_of_attach(side: Side) -> None:
    """
    An attached client leaves, and comes back.
    """
    side.docker("run", "-dit", "--name", "pot", "busybox", "cat")
    for word in (b"once", b"again"):
        attached = side.terminal("attach", "pot")
        attached.until_raw()
        attached.write(word + b"\n")
        attached.until(word + b"\r\n")
        attached.write(_DETACH)
        side.see("status", attached.finish().status)
    assert side.inspect("pot")["State"]["Running"]


@both_ways
def test_own_detach_keys(side: Side) -> None:
    """
    Keys that the client chose.
    """
    side.docker("run", "-dit", "--name", "pot", "busybox", "cat")
    attached = side.terminal("attach", "--detach-keys", "ctrl-x,x", "pot")
    attached.until_raw()
    attached.write(b"hi\n")
    attached.until(b"hi\r\n")
    attached.write(b"\x18x")
    side.see("status", attached.finish().status)
    assert side.inspect("pot")["State"]["Running"]


@both_ways
def test_detach_keys_of_exec(side: Side) -> None:
    """
    The command goes on without its client.
    """
    side.docker("run", "-d", "--name", "web", "busybox", "sleep", "60")
    shell = side.terminal("exec", "-it", "web", "sh")
    shell.until(b"# ")
    shell.write(_DETACH)
    side.see("status", shell.finish().status)
    (exec_id,) = side.inspect("web")["ExecIDs"]
    assert side.engine.api.get(f"/exec/{exec_id}/json")["Running"]


@both_ways
def test_the_end_of_input_at_a_terminal(side: Side) -> None:
    """
    ctrl-d ends the shell.
    """
    shell = side.terminal("run", "-it", "--rm", "busybox", "sh")
    shell.until(b"# ")
    shell.write(b"\x04")
    assert shell.finish().status == 0


@both_ways
def test_an_interrupt_at_a_terminal(side: Side) -> None:
    """
    ctrl-c goes to the container's program.
    """
    shell = side.terminal("run", "-it", "--rm", "busybox", "sh")
    shell.until(b"# ")
    # What interrupts the shell itself is lost: wait until its child has the terminal.
    shell.write(b"sh -c \"echo rea''dy; exec sleep 60\"\n")
    shell.until(b"ready\r\n")
    shell.write(b"\x03")
    shell.until(b"# ")
    shell.write(b"exit 9\n")
    assert shell.finish().status == 9


@both_ways
def test_start_attached_at_a_terminal(side: Side) -> None:
    """
    C{start -ai}.
    """
    side.docker("create", "-it", "--name", "later", "busybox", "sh")
    shell = side.terminal("start", "-ai", "later")
    shell.until(b"# ")
    shell.write(b"exit 4\n")
    assert shell.finish().status == 4


def _await_size(shell: Terminal, size: bytes) -> None:
    """
    Ask the container's terminal for its size until it is this one: a resize is a
    request of its own, beside the stream. A client that was told of a new size before it
    watched for one is told again.
    """

    def asked() -> bool:
        shell.announce_size()
        shell.write(b"stty size; echo do''ne\n")
        return size + b"\r\n" in shell.until(b"done\r\n")

    eventually(asked, f"the size {size!r}")
