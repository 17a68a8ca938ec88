"""
Heads of requests that were read before.
"""

from __future__ import annotations

from attrs import frozen

from dss.model.message import RequestHead
from dss.wire.known import Known

#: Heads with secrets in them are not kept.
_SECRET = frozenset({"authorization", "x-registry-auth", "x-registry-config"})


@frozen
class ReadHead:
    """
    What reading a whole head gave.

    @ivar version: of HTTP, as the client wrote it.
    @ivar persistent: whether the connection goes on after it.
    """

    head: RequestHead
    version: bytes
    persistent: bool


class KnownHeads(Known[ReadHead]):
    """
    Remembers heads of requests without a body, by their bytes: all of them and no others, up
    to and with the empty line.
    """

    def keep(self, data: bytes, read: ReadHead) -> None:
        if _SECRET.isdisjoint(read.head.headers):
            super().keep(data, read)
