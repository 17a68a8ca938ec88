"""
Heads that were read before are read as they were then, and nothing else is.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.proxy.heads import KnownHeads, ReadHead
from dss.wire.known import Known
from tests.proxy.test_channel import PING, Side

INFO = b"GET /info HTTP/1.1\r\nHost: docker\r\nX-Odd:  \xe9 \r\n\r\n"
CLOSING = b"GET /_ping HTTP/1.0\r\n\r\n"
START = b"POST /containers/a/start HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"
CREATE = b"POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 2\r\n\r\n{}"
FOLDED = b"GET /info HTTP/1.1\r\nHost: docker\r\n x\r\n\r\n"

#: What a client may send at once, whole and in parts.
PIECES = [PING, INFO, CLOSING, START, CREATE, FOLDED, PING + INFO, INFO + PING]
PIECES += [PING[:2], PING[2:], PING[:-2], b"\r\n", INFO[:30], INFO[30:], b"{}"]


class _Nothing(KnownHeads):
    """
    Remembers nothing.
    """

    def keep(self, data: bytes, read: ReadHead) -> None:
        """
        Forget it.
        """


def _converse(side: Side, pieces: list[bytes]) -> tuple[list[Any], bytes, bool]:
    """
    What a client's channel reads in these pieces, and writes.
    """
    side.exchanges.clear()
    wire = side.connect()
    for piece in pieces:
        if not wire.closed and wire.reads:
            wire.send(piece)
            for exchange in side.exchanges:
                if not side.at_once and not exchange.events.count("answered"):
                    exchange.events.append("answered")
                    exchange.answer()
    return [each.head for each in side.exchanges], wire.take(), wire.closed or wire.half_closed


@given(
    before=st.lists(st.sampled_from(PIECES), max_size=6),
    pieces=st.lists(st.sampled_from(PIECES), max_size=6),
    at_once=st.booleans(),
)
def test_what_is_remembered_changes_nothing(
    before: list[bytes], pieces: list[bytes], at_once: bool
) -> None:
    """
    Whatever other connections sent before.
    """
    plain, knowing = Side(at_once), Side(at_once)
    plain.factory.heads = _Nothing()
    _converse(knowing, [PING])
    _converse(knowing, before)
    assert _converse(knowing, pieces) == _converse(plain, pieces)


def test_a_head_is_read_once() -> None:
    """
    The same bytes give the same head.
    """
    side = Side(at_once=True)
    wire = side.connect()
    wire.send(PING)
    wire.send(PING)
    side.connect().send(PING)
    first, second, third = (each.head for each in side.exchanges)
    assert first is second is third
    assert wire.take().count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    "data",
    [
        CREATE,
        PING + INFO,
        b"GET /_ping HTTP/1.1\r\nHost: docker\r\nX-Registry-Auth: c2VjcmV0\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: docker\r\nAuthorization: Basic c2VjcmV0\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: docker\r\nExpect: 100-continue\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: docker\r\nX-Long: " + b"x" * 1024 + b"\r\n\r\n",
        b"GET /%2f HTTP/1.1\r\nHost: docker\r\n\r\n",
    ],
    ids=["body", "two", "registry", "authorization", "expect", "long", "ambiguous"],
)
def test_what_is_not_kept(data: bytes) -> None:
    """
    Heads with bodies, secrets, expectations or faults, and more than one at once.
    """
    side = Side()
    side.connect().send(data)
    assert side.factory.heads.get(data) is None
    side.connect().send(PING)
    assert side.factory.heads.get(PING) is not None


def test_the_oldest_is_forgotten() -> None:
    """
    There is a limit.
    """
    known: Known[int] = Known(most=2, longest=3)
    for number, data in enumerate([b"one", b"two", b"three", b"six"]):
        known.keep(data, number)
    assert [known.get(data) for data in (b"one", b"two", b"three", b"six")] == [None, 1, None, 3]
