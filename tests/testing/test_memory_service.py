"""
The memory engine on sockets.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent, globalLogPublisher
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from dss.testing.engine import MemoryEngine, MemoryEngineEndpoint, MemoryEngineService


@implementer(IAgentEndpointFactory)
class _Always:
    """
    Leads every request to one endpoint.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: object) -> IStreamClientEndpoint:
        return self._endpoint


async def _version(endpoint: IStreamClientEndpoint) -> Any:
    pool = HTTPConnectionPool(reactor, persistent=False)
    agent = Agent.usingEndpointFactory(reactor, _Always(endpoint), pool)
    reply = await treq.get("http://engine/v1.41/version", agent=agent)
    return json.loads(await treq.content(reply))


class _Conversation(Protocol):
    """
    Sends what it is given and keeps the answer until the connection's end.
    """

    def __init__(self) -> None:
        self.got = b""
        self.ended: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: object = None) -> None:
        self.ended.callback(self.got)


async def _talk(endpoint: IStreamClientEndpoint) -> Any:
    return await endpoint.connect(Factory.forProtocol(_Conversation))


@pytest_twisted.ensureDeferred
async def test_service(tmp_path: Path) -> None:
    """
    It listens on a socket that is its user's alone, says in the log what it is, and
    takes the socket with it.
    """
    events: list[LogEvent] = []
    observer: Any = events.append
    globalLogPublisher.addObserver(observer)
    path = tmp_path / "engine.sock"
    service = MemoryEngineService(str(path), reactor)
    try:
        service.startService()
        assert service.ready is not None
        await service.ready
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        told = await _version(UNIXClientEndpoint(reactor, str(path)))
        assert told["Platform"]["Name"] == "dss engine in memory"
    finally:
        await service.stopService()
        globalLogPublisher.removeObserver(observer)
    assert not path.exists()
    assert any("in memory" in str(event.get("log_format")) for event in events)


@pytest_twisted.ensureDeferred
async def test_endpoint_in_the_process() -> None:
    """
    An endpoint reaches its engine without any socket file, each connection the same
    engine.
    """
    engine = MemoryEngine(reactor)
    endpoint = MemoryEngineEndpoint(engine, reactor)
    for _ in range(2):
        assert (await _version(endpoint))["ApiVersion"] == "1.51"


@pytest.mark.parametrize("upgrade", [True, False])
@pytest_twisted.ensureDeferred
async def test_echo_in_the_process(upgrade: bool) -> None:
    """
    A container's C{cat} echoes over a hijacked connection and ends with it.
    """
    engine = MemoryEngine(reactor)
    endpoint = MemoryEngineEndpoint(engine, reactor)
    body = json.dumps(
        {"Image": "alpine", "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True}
    ).encode()
    head = (
        "POST /containers/create?name=echo HTTP/1.1\r\nHost: e\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    created = await _talk(endpoint)
    created.transport.write(head.encode() + body)
    assert (await created.ended).startswith(b"HTTP/1.1 201 Created\r\n")
    attached = await _talk(endpoint)
    asks = "Connection: Upgrade\r\nUpgrade: tcp\r\n" if upgrade else ""
    attached.transport.write(
        "POST /containers/echo/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n"
        f"Host: e\r\n{asks}\r\n".encode()
    )
    started = await _talk(endpoint)
    started.transport.write(
        b"POST /containers/echo/start HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n"
    )
    assert (await started.ended).startswith(b"HTTP/1.1 204 No Content\r\n")
    attached.transport.write(b"over and out")
    attached.transport.loseWriteConnection()
    got = await attached.ended
    status = b"HTTP/1.1 101 UPGRADED\r\n" if upgrade else b"HTTP/1.1 200 OK\r\n"
    assert got.startswith(status)
    assert got.endswith(b"\x01\0\0\0\0\0\0\x0cover and out")
