"""
Who a client is, as the kernel tells.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from twisted.internet.testing import StringTransport

from dss.proxy.peer import Peer, container_in, process_of

ID, OUTER = "1a" * 32, "2b" * 32


class Connected:
    """
    A transport that has one end of a pair of sockets.
    """

    def __init__(self, family: int) -> None:
        self._pair = socket.socketpair(family)

    def getHandle(self) -> socket.socket:
        return self._pair[0]

    def close(self) -> None:
        for each in self._pair:
            each.close()


@pytest.mark.parametrize(
    "cgroups",
    [
        f"0::/docker/{ID}",
        f"0::/system.slice/docker-{ID}.scope",
        f"0::/system.slice/docker-{ID}.scope/init.scope",
        f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope",
        f"0::/ci/{ID}",
        f"0::/../{ID}",
        f"12:pids:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/\n",
        f"12:pids:/docker/{ID}/system.slice/ssh.service\n1:name=systemd:/docker/{ID}\n",
        # An engine in a container: its own containers are nobody's of ours.
        f"0::/docker/{OUTER}/docker/{ID}",
        f"0::/system.slice/docker-{OUTER}.scope/docker/{ID}",
    ],
)
def test_the_innermost_container(cgroups: str) -> None:
    assert container_in(cgroups) == ID


@pytest.mark.parametrize(
    "cgroups",
    [
        "",
        "0::/",
        "0::/user.slice/user-1000.slice/session-4.scope",
        f"0::/docker/{ID[1:]}",
        f"0::/docker/{ID}0",
        f"0::/docker/{ID.upper()}",
        f"12:pids:/docker/{ID}\n11:cpu:/docker/{OUTER}\n",
    ],
)
def test_where_there_is_none(cgroups: str) -> None:
    assert container_in(cgroups) is None


def test_the_process_at_the_other_end() -> None:
    unix = Connected(socket.AF_UNIX)
    assert process_of(unix) == os.getpid()
    unix.close()
    assert process_of(unix) is None
    assert process_of(StringTransport()) is None
    with socket.create_server(("127.0.0.1", 0)) as server:

        class Tcp:
            def getHandle(self) -> socket.socket:
                return server

        assert process_of(Tcp()) is None


def test_a_peer_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []

    def read(path: Path, *encoding: str) -> str:
        looked.append(path)
        return f"0::/docker/{ID}"

    monkeypatch.setattr(Path, "read_text", read)
    unix = Connected(socket.AF_UNIX)
    peer = Peer(unix)
    assert [peer.container(), peer.container()] == [ID, ID]
    unix.close()
    assert looked == [Path(f"/proc/{os.getpid()}/cgroup")]


def test_a_peer_that_has_ended_is_in_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path, *encoding: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", read)
    unix = Connected(socket.AF_UNIX)
    assert Peer(unix).container() is None
    unix.close()
    assert Peer(StringTransport()).container() is None
