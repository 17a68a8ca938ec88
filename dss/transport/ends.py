"""
Ending one direction of a connection.
"""

from __future__ import annotations

from typing import Any


def half_close(transport: Any) -> None:
    """
    End our side of a connection once all is written, and go on reading. A transport
    that can't (TLS, whose two directions end together) is closed.
    """
    # A transport waits for a producer that it paused before it ends, and nothing more
    # is produced.
    transport.unregisterProducer()
    end = getattr(transport, "loseWriteConnection", None)
    if end is None:
        transport.loseConnection()
    else:
        end()
