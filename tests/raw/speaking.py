"""
Bytes on a socket, and replies read from bytes.
"""

from __future__ import annotations

import json
import socket
from typing import Any

import h11

from tests.engines.patience import PATIENCE

Answer = tuple[int, dict[str, str], bytes]


def converse(path: str, data: bytes, pieces: int | None = None) -> bytes:
    """
    Send bytes to a UNIX socket, end our side, and read to the end.

    @param pieces: how many bytes to send at a time.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(path)
        step = pieces or max(1, len(data))
        try:
            for start in range(0, len(data), step):
                sock.sendall(data[start : start + step])
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            # The other side may have ended it: what it said is still there.
            pass
        got = b""
        try:
            while more := sock.recv(65536):
                got += more
        except ConnectionError:
            pass
        return got


def replies(data: bytes) -> list[Answer]:
    """
    The replies in these bytes, by a strict parser; C{100 Continue} left out. The body of
    a C{101} is all that follows it.

    @raise h11.RemoteProtocolError: if they are no replies.
    """
    found: list[Answer] = []
    while data:
        if data.startswith(b"HTTP/1.1 101 "):
            return [*found, (101, {}, data.partition(b"\r\n\r\n")[2])]
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method="GET", target="/", headers=[("Host", "d")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(data)
        status, headers, body = 0, {}, b""
        while True:
            event = parser.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.InformationalResponse):
                continue
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            elif event is h11.NEED_DATA:
                parser.receive_data(b"")
            else:
                raise AssertionError(f"{event!r} in {data!r}")
        found.append((status, headers, body))
        data = parser.trailing_data[0]
    return found


def message(answer: Answer) -> str:
    """
    The message of an error in the engine's shape.
    """
    _, headers, body = answer
    assert headers["content-type"] == "application/json"
    value: Any = json.loads(body)
    assert list(value) == ["message"], value
    text = value["message"]
    assert isinstance(text, str)
    assert text
    return text
