"""
A small Docker Engine in memory, for trials and tests.

L{MemoryEngine} is the engine, without a socket or a reactor. L{MemoryEngineService}
serves one on a UNIX socket, L{listen} on any endpoint, and L{MemoryEngineEndpoint}
connects to one inside the process. The contract tests hold it against real engines.
"""

from dss.testing.engine.endpoint import MemoryEngineEndpoint
from dss.testing.engine.memory import MemoryEngine
from dss.testing.engine.message import EngineRequest, Hijacked, Streamed, Whole
from dss.testing.engine.server import listen, server_factory
from dss.testing.engine.service import MemoryEngineService

__all__ = [
    "EngineRequest",
    "Hijacked",
    "MemoryEngine",
    "MemoryEngineEndpoint",
    "MemoryEngineService",
    "Streamed",
    "Whole",
    "listen",
    "server_factory",
]
