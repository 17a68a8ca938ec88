"""
Many clients that come and go at once, in the middle of everything: nothing of theirs stays.
"""

from __future__ import annotations

import os
import socket
from itertools import cycle, islice

from tests.engines.patience import PATIENCE, eventually
from tests.raw.conftest import Between
from tests.raw.recorder import MINE

PING = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
ATTACH = (
    f"POST /containers/{MINE}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n"
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
).encode()

#: What clients say before they close: nothing, a request, half a head, half a
#: body.
SAID = (
    b"",
    PING,
    PING[:9],
    f"POST /containers/{MINE}/exec HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
    'Content-Length: 100\r\n\r\n{"Cmd"'.encode(),
    ATTACH,
)


def connect(between: Between, said: bytes) -> socket.socket:
    """
    A client that said something.
    """
    client = socket.socket(socket.AF_UNIX)
    client.connect(between.guard.socket)
    client.settimeout(PATIENCE)
    client.sendall(said)
    return client


def descriptors(between: Between) -> int:
    """
    How many descriptors dss has.
    """
    return len(os.listdir(f"/proc/{between.guard.pid}/fd"))


def test_clients_that_come_and_go(between: Between) -> None:
    """
    Two thousand, one after another, without waiting for anything.
    """
    assert between.say(PING)[0][0] == 200
    before = descriptors(between)
    for said in islice(cycle(SAID), 2000):
        connect(between, said).close()
    assert between.say(PING)[0][0] == 200
    # A few connections to the engine stay for the next request.
    eventually(lambda: descriptors(between) <= before + 64, "dss to close what was left")


def test_clients_that_leave_their_streams(between: Between) -> None:
    """
    Two hundred at once, each with bytes on the way in both directions.
    """
    assert between.say(PING)[0][0] == 200
    before = descriptors(between)
    clients = [connect(between, ATTACH + b"x" * 50_000) for _ in range(200)]
    try:
        assert {client.recv(12) for client in clients} == {b"HTTP/1.1 101"}
        assert descriptors(between) >= before + 2 * len(clients)
    finally:
        for client in clients:
            client.close()
    eventually(lambda: descriptors(between) <= before + 64, "dss to close what was left")
    assert between.say(PING)[0][0] == 200
