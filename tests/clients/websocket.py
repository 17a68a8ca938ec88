"""
A websocket client that is just large enough to attach to a container (RFC 6455).
"""

from __future__ import annotations

import base64
import hashlib
import os

from tests.engines.api import Raw

# RFC 6455, section 1.3.
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Websocket:
    """
    One websocket.
    """

    def __init__(self, path: str, target: str) -> None:
        """
        @param path: the UNIX socket's path.
        @param target: the request's target.
        @raise ConnectionRefusedError: with the answer, if that is not an upgrade.
        """
        self._raw = Raw.connect(path)
        key = base64.b64encode(os.urandom(16))
        head = (
            f"GET {target} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nOrigin: http://engine\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\n\r\n"
        )
        self._raw.send(head.encode())
        self._raw.read_head()
        if self._raw.status != 101:
            reply = self._raw.reply()
            self._raw.close()
            raise ConnectionRefusedError(f"{reply.status} {reply.message}")
        proof = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        assert self._raw.headers["sec-websocket-accept"] == proof.decode()

    def send(self, data: bytes, opcode: int = BINARY) -> None:
        """
        Send one whole message of less than 64 KiB.
        """
        length = len(data)
        if length < 126:
            head = bytes([0x80 | opcode, 0x80 | length])
        else:
            head = bytes([0x80 | opcode, 0x80 | 126]) + length.to_bytes(2, "big")
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self._raw.send(head + mask + masked)

    def receive(self) -> tuple[int, bytes]:
        """
        The next frame's opcode and data.

        @raise EOFError: at the end of the connection.
        """
        first, second = self._raw.exactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(self._raw.exactly(2), "big")
        elif length == 127:
            length = int.from_bytes(self._raw.exactly(8), "big")
        return first & 0x0F, self._raw.exactly(length)

    def until(self, mark: bytes) -> bytes:
        """
        The data of frames, up to the one that completes a mark.
        """
        got = b""
        while mark not in got:
            opcode, data = self.receive()
            assert opcode in (CONTINUATION, TEXT, BINARY), (opcode, data)
            got += data
        return got

    def ended(self) -> bool:
        """
        Read to the end: whether the other side closed the websocket, politely or not.
        """
        try:
            while self.receive()[0] != CLOSE:
                pass
        except EOFError:
            pass
        return True

    def close(self) -> None:
        """
        Close the connection.
        """
        self._raw.close()
