"""
Twisted's endpoint strings: taken apart, and what is wrong with them in words.
"""

from __future__ import annotations

import re

from attrs import frozen
from twisted.internet.error import CannotListenError


@frozen
class EndpointText:
    """
    The parts of an endpoint string, such as C{tcp:2375:interface=127.0.0.1}.

    @ivar kind: what it begins with.
    @ivar plain: the parts without a name.
    @ivar named: the parts with one.
    """

    kind: str
    plain: tuple[str, ...]
    named: dict[str, str]

    @classmethod
    def parse(cls, description: str) -> EndpointText:
        """
        Take one apart as Twisted does: a backslash before a colon makes it part of a
        value.
        """
        kind, *parts = [
            re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", description)
        ]
        return cls(
            kind,
            tuple(part for part in parts if "=" not in part),
            dict(part.split("=", 1) for part in parts if "=" in part),
        )

    def value(self, name: str, place: int) -> str | None:
        """
        A value that may be given by name or by its place.
        """
        if name in self.named:
            return self.named[name]
        return self.plain[place] if place < len(self.plain) else None


def check_port(text: str | None, lowest: int = 1) -> None:
    """
    A port's number must be one.

    @raise ValueError: if it is none.
    """
    if text is None or not re.fullmatch(r"[0-9]{1,5}", text) or not lowest <= int(text) <= 65535:
        raise ValueError(f"{text!r} is no port: it should be a number, {lowest} to 65535")


def reason(error: BaseException) -> str:
    """
    Why an endpoint can't be used, in words for an operator.
    """
    if isinstance(error, CannotListenError):
        error = error.socketError
    # Twisted's errors about directories hold that of the system.
    error = getattr(error, "originalException", error)
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        return where + error.strerror
    if type(error).__module__.startswith("OpenSSL"):
        return f"no key or no certificate is where one should be: {error}"
    return str(error) or type(error).__name__
