"""
A terminal's line discipline, and the keys that detach from one.
"""

from __future__ import annotations

from attrs import frozen

#: Ctrl-P, Ctrl-Q: what the engine takes where a client names no keys.
DETACH_KEYS = b"\x10\x11"


@frozen
class Typed:
    """
    What came of some keystrokes.

    @ivar echo: what the terminal shows of them.
    @ivar lines: what the program gets to read.
    @ivar ended: whether Ctrl-D ended the program's input.
    @ivar interrupted: whether Ctrl-C was among them.
    """

    echo: bytes
    lines: bytes
    ended: bool = False
    interrupted: bool = False


class LineDiscipline:
    """
    Collects keystrokes to lines, and echoes them.
    """

    def __init__(self) -> None:
        self._line = bytearray()

    def typed(self, data: bytes) -> Typed:
        """
        Take keystrokes.
        """
        echo, lines = bytearray(), bytearray()
        ended = interrupted = False
        for key in data:
            if key in b"\r\n":
                echo += b"\r\n"
                lines += self._line + b"\n"
                self._line.clear()
            elif key == 4:
                if self._line:
                    lines += self._line
                    self._line.clear()
                else:
                    ended = True
            elif key == 3:
                echo += b"^C"
                self._line.clear()
                interrupted = True
            elif key in (8, 127):
                if self._line:
                    del self._line[-1]
                    echo += b"\b \b"
            else:
                echo.append(key)
                self._line.append(key)
        return Typed(bytes(echo), bytes(lines), ended, interrupted)


class DetachWatch:
    """
    Looks for the detach keys in what a client types.
    """

    def __init__(self, keys: bytes = DETACH_KEYS) -> None:
        self._keys = keys
        self._held = b""

    def typed(self, data: bytes) -> tuple[bytes, bool]:
        """
        Take keystrokes.

        @return: those that are for the program, and whether the client detached.
            Keys that may be the sequence's beginning are held back.
        """
        passed = bytearray()
        for key in data:
            self._held += bytes([key])
            if self._held == self._keys:
                self._held = b""
                return bytes(passed), True
            if not self._keys.startswith(self._held):
                passed += self._held
                self._held = b""
        return bytes(passed), False


def detach_keys(text: str) -> bytes | None:
    """
    Read keys such as C{ctrl-p,ctrl-q} or C{a}; the usual ones for an empty text,
    L{None} if they can't be read.
    """
    if not text:
        return DETACH_KEYS
    keys = bytearray()
    for part in text.split(","):
        if len(part) == 1 and part.isascii():
            keys += part.encode()
        elif part.startswith("ctrl-") and len(part) == 6 and 64 <= ord(part[5].upper()) <= 95:
            keys.append(ord(part[5].upper()) - 64)
        else:
            return None
    return bytes(keys)
