"""
Ending one direction of a connection.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import ISSLTransport


def half_close(transport: Any) -> bool:
    """
    End our side of a connection once all is written, and go on reading. A transport
    that can't (TLS, whose two directions end together) is closed.

    @return: whether only our side ends. Then C{writeConnectionLost} tells when it has.
    """
    # A transport waits for a producer that it paused before it ends, and nothing more
    # is produced.
    transport.unregisterProducer()
    # A TLS transport has the method of the TCP transport below it, which would cut off
    # what TLS still has to send.
    if ISSLTransport.providedBy(transport) or not hasattr(transport, "loseWriteConnection"):
        transport.loseConnection()
        return False
    transport.loseWriteConnection()
    return True
