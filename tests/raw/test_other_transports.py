"""
TLS and TCP instead of UNIX sockets, on either side.
"""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.threads import deferToThread

from dss.config.settings import OwnerSettings
from dss.engine.endpoint import engine_endpoint
from dss.hooks.chain import HookChain
from dss.model.owner import Owner
from dss.proxy.guard import Guard
from tests.engines.patience import PATIENCE
from tests.proxy.memory import unexpected
from tests.raw.recorder import EXPORT, MINE, OWNER, Recorder
from tests.raw.speaking import message, replies
from tests.raw.test_bytes import PING, UPGRADE, ask

pytestmark = pytest.mark.usefixtures("_nothing_fails")


@pytest.fixture
def _nothing_fails() -> Iterator[None]:
    """
    Nothing fails unexpectedly.
    """
    with unexpected() as failures:
        yield
    assert failures == []


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """
    The recording engine, on a port.
    """
    engine = Recorder(tcp=True)
    yield engine
    engine.stop()
    assert engine.malformed == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A file with a key and a certificate for this machine.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def speak(port: int, tls: bool, talk: Callable[[Any], bytes]) -> bytes:
    """
    Talk on a new connection to a port of this machine.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
        if not tls:
            return talk(plain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(plain, suppress_ragged_eofs=False) as secured:
            return talk(secured)


def to_the_end(sock: Any) -> bytes:
    """
    All that comes, up to an end that is meant as one.
    """
    got = b""
    while more := sock.recv(65536):
        got += more
    return got


async def said(
    recorder: Recorder,
    certificate: Path | None,
    talk: Callable[[Any], bytes],
    engine: str = "tcp:127.0.0.1:{port}",
) -> bytes:
    """
    What a client gets that talks to a guard in front of the recorder.

    @param certificate: for TLS, or L{None} for plain TCP.
    @param engine: where the guard looks for the recorder.
    """
    guard = Guard(
        OwnerSettings(Owner(OWNER)),
        engine_endpoint(engine.format(port=recorder.port), reactor),
        HookChain([], reactor, 5),
        reactor,
    )
    where = "tcp:0:interface=127.0.0.1"
    if certificate is not None:
        where = f"ssl:0:interface=127.0.0.1:privateKey={certificate}"
    port = await serverFromString(reactor, where).listen(guard.listener())
    try:
        number = port.getHost().port
        return await deferToThread(speak, number, certificate is not None, talk)
    finally:
        await port.stopListening()
        guard.stop()


both = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@both
@pytest_twisted.ensureDeferred
async def test_requests(recorder: Recorder, certificate: Path, tls: bool) -> None:
    """
    One after another, and the end that the last one asks for.
    """

    def talk(sock: Any) -> bytes:
        for _ in range(3):
            sock.sendall(PING)
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        sock.sendall(ask("GET", "/_ping", "Connection: close"))
        return to_the_end(sock)

    ((status, _, _),) = replies(await said(recorder, certificate if tls else None, talk))
    assert status == 200
    assert len(recorder.seen) == 4


@both
@pytest_twisted.ensureDeferred
async def test_a_refusal_arrives_whole(recorder: Recorder, certificate: Path, tls: bool) -> None:
    """
    With all its bytes, and an end after them, though its client still writes.
    """

    def talk(sock: Any) -> bytes:
        sock.sendall(b"GET http://d/_ping HTTP/1.1\r\nHost: d\r\n\r\n" + b"x" * 10_000)
        return to_the_end(sock)

    (answer,) = replies(await said(recorder, certificate if tls else None, talk))
    assert answer[0] == 400
    assert message(answer)
    assert recorder.seen == []


@both
@pytest_twisted.ensureDeferred
async def test_a_long_reply(recorder: Recorder, certificate: Path, tls: bool) -> None:
    """
    It is the same at its end, though nobody reads it for a while.
    """

    def talk(sock: Any) -> bytes:
        sock.sendall(ask("GET", f"/containers/{MINE}/export", "Connection: close"))
        first = sock.recv(1)
        assert isinstance(first, bytes)
        return first + to_the_end(sock)

    ((status, _, body),) = replies(await said(recorder, certificate if tls else None, talk))
    assert status == 200
    assert body == EXPORT


@both
@pytest_twisted.ensureDeferred
async def test_a_long_body(recorder: Recorder, certificate: Path, tls: bool) -> None:
    """
    It arrives as it was sent.
    """

    def talk(sock: Any) -> bytes:
        sock.sendall(
            ask(
                "PUT",
                f"/containers/{MINE}/archive?path=/",
                f"Content-Length: {len(EXPORT)}",
                "Connection: close",
                body=EXPORT,
            )
        )
        return to_the_end(sock)

    ((status, _, _),) = replies(await said(recorder, certificate if tls else None, talk))
    assert status == 200
    assert recorder.seen[-1].body == EXPORT


@both
@pytest_twisted.ensureDeferred
async def test_an_attach(recorder: Recorder, certificate: Path, tls: bool) -> None:
    """
    Raw both ways. Over TCP a half-close goes on; over TLS both directions end together.
    """

    def talk(sock: Any) -> bytes:
        sock.sendall(
            ask("POST", f"/containers/{MINE}/attach?stream=1&stdin=1", *UPGRADE) + b"early"
        )
        got = b""
        while not got.endswith(b"early"):
            got += sock.recv(65536)
        sock.sendall(EXPORT[: 1 << 16])
        while len(got.partition(b"\r\n\r\n")[2]) < 5 + (1 << 16):
            got += sock.recv(65536)
        if not tls:
            sock.shutdown(socket.SHUT_WR)
            got += to_the_end(sock)
        return got

    got = await said(recorder, certificate if tls else None, talk)
    ((status, _, raw),) = replies(got)
    assert (status, raw) == (101, b"early" + EXPORT[: 1 << 16])
    assert recorder.seen[-1].raw == raw


@pytest.fixture
def secured(certificate: Path) -> Iterator[Recorder]:
    """
    The recording engine behind TLS, as C{dockerd --tlsverify} is: each side shows a
    certificate to the other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    engine = Recorder(tcp=True, tls=context, farewell=EXPORT)
    yield engine
    engine.stop()
    assert engine.malformed == []


def by_tls(certificate: Path, trusted: Path | None = None, shown: bool = True) -> str:
    """
    The address of the engine behind TLS.
    """
    own = f":certificate={certificate}:privateKey={certificate}" if shown else ""
    return f"tls:localhost:{{port}}:trustRoots={trusted or certificate.parent}{own}"


@pytest_twisted.ensureDeferred
async def test_an_engine_behind_tls(secured: Recorder, certificate: Path) -> None:
    """
    Requests, long bodies and long replies are as without TLS.
    """

    def talk(sock: Any) -> bytes:
        sock.sendall(PING)
        got = sock.recv(65536)
        assert got.startswith(b"HTTP/1.1 200 ")
        target = f"/containers/{MINE}/archive?path=/"
        sock.sendall(ask("PUT", target, f"Content-Length: {len(EXPORT)}", body=EXPORT))
        got = sock.recv(65536)
        assert got.startswith(b"HTTP/1.1 200 ")
        sock.sendall(ask("GET", f"/containers/{MINE}/export", "Connection: close"))
        return to_the_end(sock)

    got = await said(secured, None, talk, by_tls(certificate))
    ((status, _, body),) = replies(got)
    assert (status, body) == (200, EXPORT)
    assert [each.body for each in secured.seen if each.method == "PUT"] == [EXPORT]


@pytest_twisted.ensureDeferred
async def test_an_attach_behind_tls(secured: Recorder, certificate: Path) -> None:
    """
    Raw both ways. The end of the client's side reaches the engine, and what the engine
    says after that reaches the client.
    """

    def talk(sock: Any) -> bytes:
        sock.sendall(
            ask("POST", f"/containers/{MINE}/attach?stream=1&stdin=1", *UPGRADE) + b"early"
        )
        got = b""
        while not got.endswith(b"early"):
            got += sock.recv(65536)
        sock.sendall(b" and late")
        sock.shutdown(socket.SHUT_WR)
        return got + to_the_end(sock)

    got = await said(secured, None, talk, by_tls(certificate))
    ((status, _, raw),) = replies(got)
    assert status == 101
    assert raw == b"early and late" + EXPORT
    assert secured.seen[-1].raw == b"early and late"


@pytest.mark.parametrize("trusts", [True, False])
@pytest_twisted.ensureDeferred
async def test_an_engine_that_is_not_trusted(
    secured: Recorder, certificate: Path, tmp_path: Path, trusts: bool
) -> None:
    """
    Nothing is sent to an engine that shows another certificate, or wants one.
    """

    def talk(sock: Any) -> bytes:
        sock.sendall(ask("GET", "/_ping", "Connection: close"))
        return to_the_end(sock)

    where = by_tls(certificate, None if trusts else tmp_path, shown=not trusts)
    (answer,) = replies(await said(secured, None, talk, where))
    assert answer[0] == 502
    assert "TLS certificates" in message(answer)
    assert secured.seen == []
    assert secured.received == [bytearray()] * len(secured.received)
