"""
What an attacker writes on the socket, judged by what reached the engine. Each attack
has a twin that is allowed, which shows that it is the attack that is stopped.
"""

from __future__ import annotations

import json
import socket
import time
from io import BytesIO
from tarfile import TarFile, TarInfo

import pytest
from attrs import frozen

from tests.engines.guard import Guard
from tests.engines.patience import PATIENCE
from tests.raw.conftest import Between
from tests.raw.recorder import EXEC, MINE, MINE_STOPPED, THEIRS, Recorder
from tests.raw.speaking import converse, message

PING = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
KILL = f"POST /containers/{THEIRS}/kill HTTP/1.1\r\nHost: d\r\n\r\n".encode()
MARK = f"POST /containers/{MINE}/unpause HTTP/1.1\r\nHost: d\r\n\r\n".encode()
MARKED = f"POST /v1.51/containers/{MINE}/unpause"


def ask(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    """
    A request's bytes.
    """
    lines = [f"{method} {target} HTTP/1.1", "Host: d", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


STOP = f"/containers/{MINE}/stop"
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
CHUNKED = "Transfer-Encoding: chunked"
EXEC_BODY = b'{"Cmd":["true"]}'
DOCKERFILE = b"FROM scratch\nCOPY Dockerfile /\n"
EXECS = f"/containers/{MINE}/exec"


@frozen
class Case:
    """
    An attack and its twin.

    @ivar closes: whether nothing after the attack may be taken for a request.
    @ivar seen: what the engine sees of the twin.
    """

    attack: bytes
    status: int
    closes: bool
    twin: bytes
    seen: str


def framing(*headers: str, body: bytes = EXEC_BODY, status: int = 400) -> Case:
    """
    A body whose length can be read in two ways.
    """
    return Case(
        ask("POST", EXECS, JSON, *headers, body=body),
        status,
        True,
        ask("POST", EXECS, JSON, f"Content-Length: {len(EXEC_BODY)}", body=EXEC_BODY),
        f"POST /v1.51{EXECS}",
    )


def target(attack: str, twin: str, status: int = 400, closes: bool = True) -> Case:
    """
    A request target that could mean another.
    """
    return Case(
        ask("POST", attack), status, closes, ask("POST", twin), f"POST /v1.51{_plain(twin)}"
    )


def _plain(path: str) -> str:
    return path.replace("%73", "s").removeprefix("/v1.51")


def head(attack: bytes, status: int = 400) -> Case:
    """
    A head that could be read in two ways.
    """
    return Case(attack, status, True, PING, "GET /v1.51/_ping")


CASES = {
    # lengths
    "two lengths": framing("Content-Length: 16", "Content-Length: 16"),
    "two different lengths": framing("Content-Length: 0", "Content-Length: 16"),
    "lengths in a list": framing("Content-Length: 16, 16"),
    "length and chunked": framing("Content-Length: 16", CHUNKED, body=b"0\r\n\r\n"),
    "chunked and length": framing(CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n"),
    "length +16": framing("Content-Length: +16"),
    "length -1": framing("Content-Length: -1"),
    "length with a space in it": framing("Content-Length: 1 6"),
    "length 1_6": framing("Content-Length: 1_6"),
    "length 0x10": framing("Content-Length: 0x10"),
    "length of 5000 digits": framing("Content-Length: " + "9" * 5000),
    "length of 5000 zeros": framing("Content-Length: " + "0" * 5000),
    "length that is empty": framing("Content-Length:"),
    "length in other digits": framing("Content-Length: \xb2"),
    "length in a float": framing("Content-Length: 16.0"),
    # codings
    "chunked, with a space before the colon": framing(
        "Transfer-Encoding : chunked", body=b"0\r\n\r\n"
    ),
    "folded chunked": framing("Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "chunked, identity": framing("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "identity": framing("Transfer-Encoding: identity"),
    "gzip, chunked": framing("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "xchunked": framing("Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "chunked twice": framing(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "chunked with a tab in it": framing("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "chunked in quotes": framing('Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "empty coding": framing("Transfer-Encoding:"),
    "chunk size 0x5": framing(CHUNKED, body=b"0x5\r\n12345\r\n0\r\n\r\n"),
    "chunk size with a space": framing(CHUNKED, body=b" 5\r\n12345\r\n0\r\n\r\n"),
    "chunk size +5": framing(CHUNKED, body=b"+5\r\n12345\r\n0\r\n\r\n"),
    "chunk size 1_0": framing(CHUNKED, body=b"1_0\r\n12345\r\n0\r\n\r\n"),
    "chunk without its end": framing(CHUNKED, body=b"1\r\n{}\r\n0\r\n\r\n"),
    "chunks with bare line feeds": framing(CHUNKED, body=b"1\n{\n0\n\n\r\n\r\n"),
    "chunk of any size": framing(CHUNKED, body=b"f" * 2000 + b"\r\n"),
    # heads
    "folded header": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\r\n b\r\n\r\n"),
    "header folded with a tab": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\r\n\tb\r\n\r\n"),
    "bare line feeds": head(b"GET /_ping HTTP/1.1\nHost: d\n\n\r\n\r\n"),
    "a bare line feed in a header": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\nY: b\r\n\r\n"),
    "a bare return in a header": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\rY: b\r\n\r\n"),
    "nul in a header": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\0b\r\n\r\n"),
    "nul in the path": head(b"GET /_ping\0 HTTP/1.1\r\nHost: d\r\n\r\n"),
    "space in a header's name": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX A: b\r\n\r\n"),
    "empty header name": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\n: b\r\n\r\n"),
    "header without a colon": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX\r\n\r\n"),
    "header name beyond ascii": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX\xe9: b\r\n\r\n"),
    "no host": head(b"GET /_ping HTTP/1.1\r\n\r\n"),
    "two hosts": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nHost: e\r\n\r\n"),
    "six hundred headers": head(
        b"GET /_ping HTTP/1.1\r\nHost: d\r\n" + b"X: 1\r\n" * 600 + b"\r\n", 431
    ),
    "a header of a megabyte": head(
        b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", 431
    ),
    "a path of a megabyte": head(
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: d\r\n\r\n", 431
    ),
    "http/2": head(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    "http/0.9": head(b"GET /_ping\r\n"),
    "http/1.2": head(b"GET /_ping HTTP/1.2\r\nHost: d\r\n\r\n"),
    "http/1.10": head(b"GET /_ping HTTP/1.10\r\nHost: d\r\n\r\n"),
    "lower-case http": head(b"GET /_ping http/1.1\r\nHost: d\r\n\r\n"),
    "tab in the request line": head(b"GET\t/_ping\tHTTP/1.1\r\nHost: d\r\n\r\n"),
    "two spaces in the request line": head(b"GET  /_ping HTTP/1.1\r\nHost: d\r\n\r\n"),
    "space after the version": head(b"GET /_ping HTTP/1.1 \r\nHost: d\r\n\r\n"),
    "unknown expectation": head(b"GET /_ping HTTP/1.1\r\nHost: d\r\nExpect: x\r\n\r\n"),
    "tls": head(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\r\n\r\n"),
    # targets
    "absolute target": target(f"http://d{STOP}", STOP),
    "authority target": head(b"CONNECT d:2375 HTTP/1.1\r\nHost: d\r\n\r\n"),
    "asterisk target": head(b"OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n"),
    "no slash": target(STOP[1:], STOP),
    "network path": target(f"//d{STOP}", STOP),
    "encoded slash": target(f"/containers/{MINE}%2fstop", STOP),
    "encoded slash, upper case": target(f"/containers/{MINE}%2Fstop", STOP),
    "encoded slash, twice encoded": target(f"/containers/{MINE}%252fstop", STOP),
    "encoded backslash": target(f"/containers/{MINE}%5cstop", STOP),
    "backslash": target(f"/containers/{MINE}\\stop", STOP),
    "encoded dots": target(f"/containers/{THEIRS}/%2e%2e/{MINE}/stop", STOP),
    "dots": target(f"/containers/{THEIRS}/../{MINE}/stop", STOP),
    "a dot": target(f"/containers/./{MINE}/stop", STOP),
    "an encoded dot": target(f"/containers/%2e/{MINE}/stop", STOP),
    "two slashes": target(f"/containers//{MINE}/stop", STOP),
    "slash at the end": target(STOP + "/", STOP),
    "fragment": target(STOP + "#", STOP),
    "encoded nul": target(f"/containers/{MINE}%00/stop", STOP),
    "encoded line break": target(f"/containers/{MINE}/stop%0d%0aX:1", STOP),
    "bad escape in the path": target(f"/containers/{MINE}/sto%7", STOP),
    "bad utf-8 in the path": target(f"/containers/{MINE}%ff/stop", STOP),
    "encoded semicolon": target(f"/containers/{MINE}%3b/stop", STOP),
    "encoded question mark": target(f"/containers/{MINE}%3ft=1/stop", STOP, 400, False),
    # versions
    "version 1.41.0": target(f"/v1.41.0{STOP}", f"/v1.51{STOP}"),
    "version 01.41": target(f"/v01.41{STOP}", f"/v1.51{STOP}"),
    "version 1.041": target(f"/v1.041{STOP}", f"/v1.51{STOP}"),
    "version 1.45.": target(f"/v1.45.{STOP}", f"/v1.51{STOP}"),
    "version 1.41.99999.1": target(f"/v1.41.99999.1{STOP}", f"/v1.51{STOP}"),
    "version 1": target(f"/v1{STOP}", f"/v1.51{STOP}"),
    "version 1.": target(f"/v1.{STOP}", f"/v1.51{STOP}"),
    "version 9.99": target(f"/v9.99{STOP}", f"/v1.51{STOP}"),
    "version 1.23": target(f"/v1.23{STOP}", f"/v1.51{STOP}"),
    "version 1.99, no path": target("/v1.99/nothing", f"/v1.51{STOP}"),
    "version twice": target(f"/v1.41/v1.41{STOP}", f"/v1.51{STOP}"),
    "version in upper case": target(f"/V1.41{STOP}", f"/v1.51{STOP}"),
    "version alone": target("/v1.41", f"/v1.51{STOP}"),
    # What is read in one way keeps the connection, as at the engine.
    "version vx": target(f"/vx{STOP}", f"/v1.51{STOP}", 404, False),
    "no such path": target("/nothing", f"/v1.51{STOP}", 404, False),
    "a query parameter twice": target(f"{STOP}?t=1&t=2", f"/v1.51{STOP}", 400, False),
    "an odd number": target(f"{STOP}?t=x", f"/v1.51{STOP}", 400, False),
    "an odd id": target("/containers/-/stop", f"/v1.51{STOP}", 400, False),
    "encoded version": target(f"/%761.41.0{STOP}", f"/v1.51{STOP}"),
    # methods and routes
    "lower-case method": Case(
        ask("post", STOP), 404, False, ask("POST", STOP), f"POST /v1.51{STOP}"
    ),
    "unknown method": Case(ask("BREW", STOP), 404, False, ask("POST", STOP), f"POST /v1.51{STOP}"),
    "options": Case(ask("OPTIONS", STOP), 404, False, ask("POST", STOP), f"POST /v1.51{STOP}"),
    "trace": Case(ask("TRACE", "/_ping"), 404, False, PING, "GET /v1.51/_ping"),
    "method override": Case(
        ask("GET", STOP, "X-HTTP-Method-Override: POST"),
        404,
        False,
        ask("POST", STOP),
        f"POST /v1.51{STOP}",
    ),
    "connect with a path": Case(ask("CONNECT", "/_ping"), 404, False, PING, "GET /v1.51/_ping"),
    "a name with a slash": target(f"/containers/{THEIRS}/x/stop", STOP, 404, False),
    "an empty name": target("/containers//stop", STOP),
    # queries
    "repeated parameter": target(f"{STOP}?t=1&t=2", f"{STOP}?t=1", 400, False),
    "repeated parameter, encoded": target(f"{STOP}?t=1&%74=2", f"{STOP}?t=1", 400, False),
    "unknown parameter": target(f"{STOP}?x=1", STOP, 403, False),
    "parameter in another case": target(f"{STOP}?T=1", STOP, 403, False),
    "semicolon in the query": target(f"{STOP}?t=1;signal=KILL", f"{STOP}?t=1", 400, False),
    "bad escape in the query": target(f"{STOP}?t=%zz", f"{STOP}?t=1", 400, False),
    "two question marks": target(f"{STOP}??t=1", f"{STOP}?t=1", 403, False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_attack(between: Between, case: Case) -> None:
    """
    The engine sees nothing of the attack; after an ambiguous one the connection ends,
    after any other the next request is served. The twin reaches the engine.
    """
    answers = between.say(case.attack + MARK)
    assert answers[0][0] == case.status
    assert message(answers[0])
    assert between.recorder.lines() == ([] if case.closes else [MARKED])
    assert len(answers) == (1 if case.closes else 2)
    assert (answers[0][1].get("connection") == "close") is case.closes
    between.recorder.forget()
    answers = between.say(case.twin)
    assert [status for status, _, _ in answers] == [200]
    assert between.recorder.lines() == [case.seen]


SHORT = [name for name, case in CASES.items() if len(case.attack) < 3000]


@pytest.mark.parametrize("name", SHORT)
def test_attack_byte_by_byte(between: Between, name: str) -> None:
    """
    The same in the smallest pieces.
    """
    case = CASES[name]
    answers = between.say(case.attack + MARK, 1)
    assert answers[0][0] == case.status
    assert between.recorder.lines() == ([] if case.closes else [MARKED])


OWN_ONLY = "filters=%7B%22label%22%3A%7B%22com.dss.owner%3Da%22%3Atrue%7D%7D"


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/v1.41/_ping", "/v1.41/_ping"),
        ("/_p%69ng", "/v1.51/_ping"),
        ("/containers/json?all=TRUE", f"/v1.51/containers/json?all=1&{OWN_ONLY}"),
        ("/containers/json?%61ll=nO", f"/v1.51/containers/json?all=0&{OWN_ONLY}"),
        (
            "/containers/mine/top?ps_args=-o+pid%2cargs",
            f"/v1.51/containers/{MINE}/top?ps_args=-o%20pid%2Cargs",
        ),
        ("/containers/mine/top", f"/v1.51/containers/{MINE}/top"),
    ],
)
def test_what_is_sent_on_is_dss_s_own(between: Between, sent: str, seen: str) -> None:
    """
    However a request is spelled, the engine sees one spelling, and ids for names.
    """
    assert between.say(ask("GET", sent))[0][0] == 200
    assert between.recorder.lines() == [f"GET {seen}"]


HEADERS = [
    "Connection: Content-Length",
    "Connection: close, Transfer-Encoding, Host",
    "Cookie: a",
    "Authorization: Basic YTpi",
    "X-Forwarded-For: 1.2.3.4",
    "X-Registry-Auth: e30=",
    "Proxy-Connection: keep-alive",
    "Keep-Alive: timeout=5",
    "TE: trailers",
    "Trailer: X",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    "Content-Type: multipart/form-data; boundary=x",
    "Content-Encoding: gzip",
    "Forwarded: for=a",
    "Transfer-Encoding-X: chunked",
    "Content_Length: 5",
]


@pytest.mark.parametrize("header", HEADERS)
def test_no_header_of_the_client_goes_on(between: Between, header: str) -> None:
    """
    The engine gets dss's own headers, whatever the client sends.
    """
    answers = between.say(ask("POST", STOP, header))
    assert [status for status, _, _ in answers] == [200]
    (seen,) = between.recorder.seen
    assert seen.headers == [("host", "docker"), ("content-length", "0")]


# bodies that are more than one thing


def test_a_form_does_not_override_the_query(between: Between) -> None:
    """
    Go reads a form's fields before the query's.
    """
    body = b"signal=KILL&t=0"
    answers = between.say(
        ask("POST", f"{STOP}?t=5", FORM, f"Content-Length: {len(body)}", body=body) + MARK
    )
    assert [status for status, _, _ in answers] == [200, 200]
    first, second = between.recorder.seen
    assert first.target.endswith("/stop?t=5")
    assert first.body == b""
    assert first.header("content-type") == []
    assert second.line == MARKED
    assert b"signal" not in b"".join(between.recorder.received)


def _build(between: Between, body: bytes) -> int:
    """
    The status that a build with this body gets.
    """
    ((status, _, _),) = between.say(
        ask(
            "POST",
            "/build?t=mine:latest",
            "Content-Type: multipart/form-data; boundary=x",
            f"Content-Length: {len(body)}",
            body=body,
        )
    )
    return status


def test_a_multipart_build(between: Between) -> None:
    """
    A build's context is no form, whatever the client says: no parameters come in it.
    """
    body = b'--x\r\nContent-Disposition: form-data; name="remote"\r\n\r\nhttp://evil/\r\n--x--\r\n'
    assert _build(between, body) == 400
    assert between.recorder.seen == []
    assert b"evil" not in b"".join(between.recorder.received)


def test_a_build_by_another_type(between: Between) -> None:
    """
    A context is a tar file by its type for the engine, whatever the client says.
    """
    context = BytesIO()
    with TarFile(fileobj=context, mode="w") as archive:
        member = TarInfo("Dockerfile")
        member.size = len(DOCKERFILE)
        archive.addfile(member, BytesIO(DOCKERFILE))
    assert _build(between, context.getvalue()) == 200
    (seen,) = between.recorder.seen
    assert seen.header("content-type") == ["application/x-tar"]
    assert "remote" not in seen.target


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_the_body_of_a_request_that_has_none(between: Between, method: str) -> None:
    """
    It is read as a body, and dropped: neither part of the request, nor the next one.
    """
    path = {"DELETE": f"/containers/{MINE}"}.get(method, "/_ping")
    body = f"Content-Length: {len(KILL)}"
    converse(between.guard.socket, ask(method, path, body, body=KILL) + MARK)
    assert between.recorder.lines() == [f"{method} /v1.51{path}", MARKED]
    assert b"/kill" not in b"".join(between.recorder.received)
    assert between.recorder.seen[0].body == b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/nothing", 404),
        ("POST", f"/containers/{THEIRS}/exec", 404),
        ("PUT", f"/containers/{THEIRS}/archive?path=/", 404),
        ("POST", f"/containers/{MINE}/exec?evil=1", 403),
        ("POST", "/v9.99/build", 400),
    ],
)
def test_a_body_after_an_answer(between: Between, method: str, path: str, status: int) -> None:
    """
    What comes after an answer that did not wait for its body is still that body.
    """
    body = KILL * 2 + MARK
    answers = between.say(ask(method, path, JSON, f"Content-Length: {len(body)}") + body)
    assert answers[0][0] in (status, 400)
    assert message(answers[0])
    assert between.recorder.lines() == []
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answers = between.say(ask(method, path, JSON, CHUNKED) + chunk)
    assert answers[0][0] in (status, 400)
    assert between.recorder.lines() == []


def test_chunk_extensions_and_trailers(between: Between) -> None:
    """
    They end at dss.
    """
    chunks = b'5;a="b";c\r\n{"Cmd\r\nb\r\n":["true"]}\r\n0;z\r\nContent-Length: 5\r\nX: 1\r\n\r\n'
    answers = between.say(ask("POST", EXECS, JSON, CHUNKED, body=chunks) + MARK)
    assert [status for status, _, _ in answers] == [200, 200]
    first, second = between.recorder.seen
    assert json.loads(first.body)["Cmd"] == ["true"]
    assert first.header("transfer-encoding") == []
    assert second.line == MARKED


# upgrades


UPGRADE = ("Connection: Upgrade", "Upgrade: tcp")


@pytest.mark.parametrize("upgrade", ["tcp", "h2c", "websocket"])
@pytest.mark.parametrize("path", ["/_ping", f"/containers/{MINE}/logs?stdout=1", "/nothing"])
def test_an_upgrade_elsewhere(between: Between, upgrade: str, path: str) -> None:
    """
    The connection stays HTTP, and what follows is judged.
    """
    answers = between.say(ask("GET", path, "Connection: Upgrade", f"Upgrade: {upgrade}") + KILL)
    assert answers[0][0] == (404 if path == "/nothing" else 200)
    assert answers[1][0] == 404
    assert f"No such container: {THEIRS}" in message(answers[1])
    assert all("kill" not in line for line in between.recorder.lines())
    assert all(seen.header("upgrade") == [] for seen in between.recorder.seen)


@pytest.mark.parametrize(
    ("id", "status"),
    [("missing", 404), (THEIRS, 404), (MINE_STOPPED, 409)],
    ids=["missing", "foreign", "stopped"],
)
def test_an_attach_that_does_not_upgrade(between: Between, id: str, status: int) -> None:
    """
    No byte after it is raw.
    """
    answers = between.say(ask("POST", f"/containers/{id}/attach?stream=1", *UPGRADE) + KILL)
    assert [each[0] for each in answers] == [status, 404]
    assert all("kill" not in line for line in between.recorder.lines())
    assert all(seen.raw == b"" for seen in between.recorder.seen)


@pytest.mark.parametrize("pieces", [None, 1], ids=["whole", "bytewise"])
def test_an_attach(between: Between, pieces: int | None) -> None:
    """
    Once the engine upgraded, everything is raw, what came early too.
    """
    ((status, _, echoed),) = between.say(
        ask("POST", "/containers/mine/attach?stream=1&stdin=1", *UPGRADE) + KILL + b"\0\xff", pieces
    )
    assert (status, echoed) == (101, KILL + b"\0\xff")
    (seen,) = between.recorder.seen
    assert seen.line.startswith(f"POST /v1.51/containers/{MINE}/attach?")
    assert seen.raw == KILL + b"\0\xff"


@pytest.mark.parametrize(
    "body",
    [
        b'{"Detach":true,"Detach":false}',
        b'{"Detach":false,"detach":true}',
        b'{"Detach":false,"DETACH":true,"Tty":true}',
        b'{"Detach":tru\xc5\xbfe}',
        b"[]",
        b"{} {}",
        b"",
    ],
)
def test_an_exec_start_that_can_be_read_in_two_ways(between: Between, body: bytes) -> None:
    """
    Whether it detaches decides whether what follows is raw: dss and the engine must
    agree. dss either denies, or sends what it has read.
    """
    answers = between.say(
        ask(
            "POST",
            f"/exec/{EXEC}/start",
            JSON,
            *UPGRADE,
            f"Content-Length: {len(body)}",
            body=body + KILL,
        )
    )
    for seen in between.recorder.seen:
        assert "kill" not in seen.target
        sent = json.loads(seen.body)
        assert len(sent) == len({key.lower() for key in sent})
        assert seen.header("upgrade") == ([] if sent.get("Detach") else ["tcp"])
        assert (seen.raw != b"") is (not sent.get("Detach"))
    assert between.recorder.seen or answers[0][0] == 400


@pytest.mark.parametrize("detach", [False, True])
def test_an_exec_start(between: Between, detach: bool) -> None:
    """
    What follows a detached one is a request, what follows another is raw.
    """
    body = json.dumps({"Detach": detach, "Tty": False}).encode()
    head = ask("POST", f"/exec/{EXEC}/start", JSON, *UPGRADE, f"Content-Length: {len(body)}")
    answers = between.say(head + body + MARK)
    if detach:
        assert [status for status, _, _ in answers] == [200, 200]
        assert between.recorder.lines() == [f"POST /v1.51/exec/{EXEC}/start", MARKED]
    else:
        assert [status for status, _, _ in answers] == [101]
        (seen,) = between.recorder.seen
        assert seen.raw == MARK


# the connection


def test_a_thousand_requests_at_once(between: Between) -> None:
    """
    They are answered in order, and all of them.
    """
    stream = b"".join(ask("POST", f"/containers/{MINE}/stop?t={number}") for number in range(1000))
    answers = between.say(stream)
    assert [status for status, _, _ in answers] == [200] * 1000
    assert between.recorder.lines() == [f"POST /v1.51{STOP}?t={n}" for n in range(1000)]


def test_http_1_0(between: Between) -> None:
    """
    One request, one reply, and the end; nothing after it.
    """
    answers = between.say(b"GET /_ping HTTP/1.0\r\n\r\n" + MARK)
    assert [status for status, _, _ in answers] == [200]
    assert answers[0][1]["connection"] == "close"
    assert between.recorder.lines() == ["GET /v1.51/_ping"]


def test_connection_close(between: Between) -> None:
    """
    The same in HTTP/1.1, where the client asks for it.
    """
    answers = between.say(ask("GET", "/_ping", "Connection: keep-alive, Close") + MARK)
    assert len(answers) == 1
    assert between.recorder.lines() == ["GET /v1.51/_ping"]


def test_a_client_that_expects_to_be_asked(between: Between) -> None:
    """
    A denied request gets its answer and no C{100}; an allowed one gets both.
    """
    expecting = (JSON, "Expect: 100-continue", f"Content-Length: {len(EXEC_BODY)}")
    for path, first in ((EXECS, b"HTTP/1.1 100 "), (f"{EXECS}?evil=1", b"HTTP/1.1 403 ")):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(between.guard.socket)
            sock.sendall(ask("POST", path, *expecting))
            got = sock.recv(65536)
            assert got.startswith(first)
            if b" 100 " in first:
                assert got == b"HTTP/1.1 100 Continue\r\n\r\n"
                sock.sendall(EXEC_BODY)
                assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert len(between.recorder.seen) == 1


def test_a_head_that_does_not_end_gets_408(hasty: Guard) -> None:
    """
    After its time, two seconds here.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(hasty.socket)
        begun = time.monotonic()
        sock.sendall(PING + PING[:-2])
        got = sock.recv(65536)
        assert got.startswith(b"HTTP/1.1 200 ")
        while b"HTTP/1.1 408 " not in got:
            more = sock.recv(65536)
            assert more
            got += more
        assert time.monotonic() - begun > 1.5


def test_the_recorder_sees_what_is_malformed() -> None:
    """
    The engine of these tests would tell if dss sent anything else than requests.
    """
    recorder = Recorder()
    try:
        for data in (b"GET /_ping HTTP/1.1\r\nHost : d\r\n\r\n", PING + b"garbage\r\n\r\n"):
            converse(recorder.socket, data)
        assert len(recorder.malformed) == 2
        assert recorder.lines() == ["GET /_ping"]
    finally:
        recorder.stop()
