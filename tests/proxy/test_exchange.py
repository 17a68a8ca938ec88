"""
Whole exchanges: a client and an engine in memory, and the guard between them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.engine.identity import PATIENCE_SECONDS
from dss.engine.pool import IDLE_SECONDS, LEAVING_SECONDS, MAX_LEAVING
from dss.model.owner import OWNER_LABEL
from tests.proxy.memory import VERSION, Wire, World, as_json, counted
from tests.proxy.test_channel import message, status

pytestmark = pytest.mark.usefixtures("nothing_fails")

ID = "1" * 64
PING = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
PONG = counted(b"OK", headers=b"Api-Version: 1.51\r\n")
MINE = {"Id": ID, "Name": "/web", "Config": {"Labels": {OWNER_LABEL: "ci"}}, "State": {}}
THEIRS = {**MINE, "Config": {"Labels": {OWNER_LABEL: "other"}}}
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
UPGRADED += b"Content-Type: application/vnd.docker.raw-stream\r\n\r\n"


def ask(method: str, path: str, headers: str = "", body: bytes = b"") -> bytes:
    """
    A request's bytes.
    """
    return f"{method} {path} HTTP/1.1\r\nHost: d\r\n{headers}\r\n".encode() + body


ATTACH = ask(
    "POST", f"/containers/{ID}/attach?stream=1&stdin=1", "Connection: Upgrade\r\nUpgrade: tcp\r\n"
)

WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


def own(world: World) -> None:
    """
    Let the guard learn whose container the id is.
    """
    client = world.client()
    client.send(ask("GET", f"/containers/{ID}/top"))
    wire = world.engine.last()
    assert wire.take().startswith(f"GET /containers/{ID}/json ".encode())
    wire.send(as_json(MINE))
    world.engine.last().send(counted(b"{}"))
    client.leave()
    world.guard.pool.close()
    world.settle()
    world.engine.wires.clear()


def owned(**limits: Any) -> World:
    """
    A world in which the container with the id is the owner's.
    """
    world = World(**limits)
    own(world)
    return world


def put(world: World, client: Wire, headers: str, body: bytes = b"") -> Wire:
    """
    Let a client copy files to the container, whose mounts are looked at first.

    @return: the connection on which they go to the engine.
    """
    client.send(ask("PUT", f"/containers/{ID}/archive?path=/", headers, body))
    question = world.engine.last()
    assert question.take().startswith(f"GET /containers/{ID}/json ".encode())
    assert client.take() == b""
    assert not client.reads
    question.send(as_json(MINE))
    world.guard.pool.close()
    return world.engine.last()


def attached(world: World, early: bytes = b"") -> tuple[Wire, Wire]:
    """
    A client and the engine, attached.
    """
    client = world.client()
    client.send(ATTACH + early)
    engine = world.engine.last()
    engine.take()
    engine.send(UPGRADED)
    assert client.take().startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    return client, engine


# a request and its reply


def test_a_request_is_written_anew() -> None:
    """
    Nothing of the client's head reaches the engine but what the row has.
    """
    world = World()
    client = world.client()
    client.send(
        b"GET /v1.41/_p%69ng HTTP/1.1\r\nhost: evil\r\nX-Forwarded-For: a\r\nCookie: b\r\n"
        b"Connection: X-A, keep-alive\r\nX-A: 1\r\n\r\n"
    )
    engine = world.engine.last()
    assert engine.take() == b"GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
    engine.send(PONG)
    reply = client.take()
    assert status(reply) == 200
    assert reply.endswith(b"\r\n\r\nOK")
    assert not client.half_closed


def test_the_engine_s_connection_is_used_again() -> None:
    """
    By the same owner, for a request that may be sent twice.
    """
    world = World()
    for _ in range(3):
        client = world.client()
        client.send(PING)
        world.engine.wires[0].send(PONG)
        assert status(client.take()) == 200
    assert len(world.engine.wires) == 1


def test_a_request_that_changes_something_has_a_new_connection() -> None:
    """
    On an old one nobody could tell whether it was carried out.
    """
    world = owned()
    client = world.client()
    client.send(PING)
    world.engine.last().send(PONG)
    client.send(ask("POST", f"/containers/{ID}/kill"))
    assert len(world.engine.wires) == 2
    world.engine.last().send(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert client.take().endswith(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.mark.parametrize(
    "reply",
    [
        counted(b"OK", headers=b"Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK",
    ],
)
def test_a_connection_that_the_engine_ends(reply: bytes) -> None:
    """
    It is closed, and not used again.
    """
    world = World()
    client = world.client()
    client.send(PING)
    world.engine.last().send(reply)
    assert world.engine.wires[0].closed
    client.send(PING)
    assert len(world.engine.wires) == 2


def test_an_idle_connection_is_closed_in_time() -> None:
    """
    The pool keeps none for ever.
    """
    world = World()
    client = world.client()
    client.send(PING)
    world.engine.last().send(PONG)
    world.clock.pump([IDLE_SECONDS / 3] * 5)
    assert world.engine.wires[0].closed


def test_two_owners_share_no_connection() -> None:
    """
    Each guard has its own pool, though the engine is one.
    """
    world = World()
    other = World()
    other.engine.wires = world.engine.wires
    other.guard.pool._endpoint = world.engine
    for each in (world, other):
        client = each.client()
        client.send(PING)
        world.engine.last().send(PONG)
        assert status(client.take()) == 200
    assert len(world.engine.wires) == 2


def test_an_idle_connection_that_speaks() -> None:
    """
    What nobody asked for is nobody's reply.
    """
    world = World()
    client = world.client()
    client.send(PING)
    engine = world.engine.last()
    engine.send(PONG)
    client.take()
    engine.send(counted(b"evil"))
    assert engine.aborted
    world.settle()
    client.send(PING)
    assert client.take() == b""
    assert len(world.engine.wires) == 2


def test_a_reply_with_more_than_itself() -> None:
    """
    Its connection is not trusted, and nothing of it is given to anybody.
    """
    world = World()
    client = world.client()
    client.send(PING)
    world.engine.last().send(PONG + PONG)
    assert world.engine.wires[0].aborted
    reply = client.take()
    assert status(reply) == 503
    assert message(reply)


# an engine that is away


def test_an_engine_that_is_away() -> None:
    """
    503 in the engine's shape, at once, and again until it is there.
    """
    world = World(known=False)
    world.engine.away = True
    client = world.client()
    for _ in range(3):
        client.send(PING)
        reply = client.take()
        assert status(reply) == 503
        assert "can't reach the Docker Engine" in message(reply)
        assert not client.half_closed
    world.engine.away = False
    client.send(PING)
    world.identify()
    world.engine.last().send(PONG)
    assert status(client.take()) == 200


def test_an_engine_that_went_away_is_asked_again_who_it_is() -> None:
    """
    What comes back may be another.
    """
    world = World()
    client = world.client()
    world.engine.away = True
    client.send(PING)
    assert status(client.take()) == 503
    world.engine.away = False
    client.send(ask("GET", "/v1.51/_ping"))
    wire = world.engine.last()
    assert wire.take().startswith(b"GET /version ")
    wire.send(as_json({**VERSION, "ApiVersion": "1.41"}))
    reply = client.take()
    assert status(reply) == 400
    assert "1.41" in message(reply)


def test_an_engine_is_asked_now_and_then_who_it_is() -> None:
    """
    One that was replaced while nobody used it would not be noticed.
    """
    world = World()
    client = world.client()
    client.send(PING)
    world.engine.last().send(PONG)
    client.take()
    world.clock.pump([30] * 3)
    client.send(PING)
    world.identify()
    world.engine.last().send(PONG)
    assert status(client.take()) == 200


def test_many_wait_for_one_question() -> None:
    """
    Whoever waits while the engine is asked gets its answer.
    """
    world = World(known=False)
    clients = [world.client() for _ in range(5)]
    for client in clients:
        client.send(PING)
    assert len(world.engine.wires) == 1
    world.identify()
    for wire in world.engine.wires[1:]:
        wire.send(PONG)
    assert [status(client.take()) for client in clients] == [200] * 5


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (counted(b"hello"), 502),
        (as_json({"message": "no"}, "500 Internal Server Error"), 502),
        (as_json([]), 502),
        (as_json({}), 502),
        (as_json({"ApiVersion": "9.9.9"}), 502),
        (as_json({"ApiVersion": "1.12", "MinAPIVersion": "1.12"}), 502),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 502),
        (as_json({"message": "later"}, "503 Service Unavailable"), 503),
        (counted(b"<h1>Bad Gateway</h1>", "502 Bad Gateway"), 503),
    ],
)
def test_what_is_no_engine(answer: bytes, code: int) -> None:
    """
    It is said so, and nothing is forwarded.
    """
    world = World(known=False)
    client = world.client()
    client.send(PING)
    wire = world.engine.last()
    wire.send(answer)
    world.settle()
    reply = client.take()
    assert status(reply) == code
    assert message(reply)
    assert len(world.engine.wires) == 1


@pytest.mark.parametrize("closed", ["done", "lost"])
@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"]
)
def test_an_engine_that_starts(said: bytes, closed: str) -> None:
    """
    It may accept connections and end them; the next request asks it again.
    """
    world = World(known=False)
    client = world.client()
    client.send(PING)
    wire = world.engine.last()
    if said:
        wire.send(said)
    if closed == "done":
        wire.loseConnection()
        world.settle()
    else:
        wire.leave()
    reply = client.take()
    assert status(reply) == 503
    assert "went away" in message(reply)
    assert not client.closed
    client.send(PING)
    world.identify()
    world.engine.last().send(PONG)
    assert status(client.take()) == 200


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"])
def test_an_engine_that_does_not_say_who_it_is(head: bytes) -> None:
    """
    It has its time, for its whole answer.
    """
    world = World(known=False, question_seconds=10)
    client = world.client()
    client.send(PING)
    if head:
        world.engine.last().send(head)
    world.clock.advance(9)
    assert client.take() == b""
    world.clock.advance(2)
    reply = client.take()
    assert status(reply) == 503
    assert "in time" in message(reply)


def test_a_silent_engine_does_not_hold_its_clients_for_long() -> None:
    """
    They wait less for who it is than for an answer to a question.
    """
    world = World(known=False)
    client = world.client()
    client.send(PING)
    world.clock.advance(PATIENCE_SECONDS + 1)
    assert status(client.take()) == 503
    assert world.limits.question_seconds > PATIENCE_SECONDS


def test_an_engine_that_dies_before_it_answers() -> None:
    """
    503, the client's connection stays, the identity goes.
    """
    world = owned()
    client = world.client()
    client.send(ask("POST", f"/containers/{ID}/kill"))
    world.engine.last().leave()
    reply = client.take()
    assert status(reply) == 503
    assert "before it answered" in message(reply)
    assert not client.half_closed
    assert len(world.engine.wires) == 1
    client.send(PING)
    world.identify()


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_engine_that_dies_in_its_reply(framing: bytes) -> None:
    """
    The client's reply is broken off, never ended.
    """
    world = owned()
    client = world.client()
    client.send(ask("GET", f"/containers/{ID}/logs?stdout=1"))
    world.engine.last().send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
    body = b"5\r\nhello\r\n" if b"chunked" in framing else b"hello"
    world.engine.last().send(body)
    assert client.take().endswith(body)
    world.engine.last().leave()
    assert client.take() == b""
    assert client.aborted


def test_a_reply_until_the_connection_s_end() -> None:
    """
    It is whole when the engine ends the connection, and is chunked for the client.
    """
    world = owned()
    client = world.client()
    client.send(ask("GET", f"/containers/{ID}/logs?stdout=1"))
    engine = world.engine.last()
    engine.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
    engine.half_close()
    assert client.take().endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert engine.closed
    assert not client.half_closed


# stale connections


def stale(world: World) -> tuple[Wire, Wire]:
    """
    A client, and an idle connection to the engine.
    """
    client = world.client()
    client.send(PING)
    engine = world.engine.last()
    engine.send(PONG)
    client.take()
    engine.take()
    return client, engine


@pytest.mark.parametrize("half", [b"", b"HTTP/1.1 200"], ids=["nothing", "half a head"])
def test_a_get_on_a_stale_connection_is_sent_again(half: bytes) -> None:
    """
    On a new connection.
    """
    world = World()
    client, old = stale(world)
    client.send(PING)
    assert old.take().startswith(b"GET ")
    if half:
        old.send(half)
    old.leave()
    new = world.engine.last()
    assert new is not old
    assert new.take().startswith(b"GET ")
    new.send(PONG)
    assert status(client.take()) == 200


def test_a_get_is_sent_again_once() -> None:
    """
    An engine that closes a new connection too is away.
    """
    world = World()
    client, old = stale(world)
    client.send(PING)
    old.leave()
    world.engine.last().leave()
    assert status(client.take()) == 503
    assert len(world.engine.wires) == 2


def test_a_get_whose_reply_has_begun_is_not_sent_again() -> None:
    """
    The client has half of it.
    """
    world = World()
    client, old = stale(world)
    client.send(PING)
    old.send(PONG[:-1])
    old.leave()
    assert client.aborted
    assert len(world.engine.wires) == 1


def test_a_post_is_never_sent_again() -> None:
    """
    Nor is it sent on a connection that may be stale.
    """
    world = owned()
    client, _ = stale(world)
    client.send(ask("POST", f"/containers/{ID}/kill"))
    assert len(world.engine.wires) == 2
    world.engine.last().leave()
    assert status(client.take()) == 503
    assert len(world.engine.wires) == 2


def test_a_websocket_on_a_used_connection_is_not_opened_twice() -> None:
    """
    When its stream ends, it has ended.
    """
    world = owned()
    client, _old = stale(world)
    client.send(ask("GET", f"/containers/{ID}/attach/ws", WEBSOCKET))
    engine = world.engine.last()
    engine.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: x\r\n\r\nearly"
    )
    assert client.take().endswith(b"\r\n\r\nearly")
    wires = len(world.engine.wires)
    engine.leave()
    assert client.closed
    assert len(world.engine.wires) == wires


# judging


def test_a_missing_and_a_foreign_container_look_alike() -> None:
    """
    Nothing but the question reaches the engine.
    """
    replies = []
    missing = as_json({"message": f"No such container: {ID}"}, "404 Not Found")
    for answer in (missing, as_json(THEIRS)):
        world = World()
        client = world.client()
        client.send(ask("POST", f"/containers/{ID}/kill"))
        engine = world.engine.last()
        assert engine.take().startswith(b"GET ")
        engine.send(answer)
        replies.append(client.take())
        assert engine.take() == b""
        assert len(world.engine.wires) == 1
    assert replies[0] == replies[1]
    assert status(replies[0]) == 404
    world = World()
    client = world.client()
    client.send(ask("POST", f"/containers/{ID}/kill"))
    world.engine.last().send(as_json(MINE))
    assert world.engine.last().take().startswith(b"POST ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        ask("GET", "/nothing"),
        ask("get", "/_ping"),
        ask("TRACE", "/_ping"),
        ask("OPTIONS", "/_ping"),
        ask("GET", "/_ping?evil=1"),
        ask("GET", "/containers/json?all=1&all=0"),
        ask("GET", "/containers/json?a;b"),
        ask("GET", "/containers/json?all=%zz"),
        ask("POST", "/swarm/init", "Content-Length: 2\r\n", b"{}"),
    ],
)
def test_a_denied_request(request_bytes: bytes) -> None:
    """
    The engine sees nothing of it, and the client's next request is served.
    """
    world = World()
    client = world.client()
    client.send(request_bytes)
    reply = client.take()
    assert 400 <= status(reply) < 500
    assert message(reply)
    assert world.engine.wires == []
    client.send(PING)
    assert world.engine.last().take().startswith(b"GET /v1.51/_ping ")


CREATE = f"/v1.41/containers/{ID}/exec"
TYPE = "Content-Type: application/json\r\n"


def test_a_body_that_is_not_declared_as_json() -> None:
    """
    It is not judged; nothing is asked of the engine, whose connection goes on.
    """
    world = owned()
    client = world.client()
    client.send(ask("POST", CREATE, "Content-Length: 2\r\nContent-Type: text/plain\r\n", b"{}"))
    reply = client.take()
    assert (status(reply), message(reply)) == (
        400,
        "unsupported Content-Type header (text/plain): must be 'application/json'",
    )
    assert world.engine.wires == []
    client.send(PING)
    assert world.engine.last().take().startswith(b"GET /v1.51/_ping ")


def test_own_answers_tell_who_the_engine_is() -> None:
    """
    As the engine does in each of its own, with no version that dss doesn't know; what is
    answered before that is known does not.
    """
    world = World(known=False)
    client = world.client()
    client.send(ask("GET", "/nothing"))
    wire = world.engine.last()
    wire.take()
    told = b"Ostype: linux\r\nServer: Docker/31.0 (linux)\r\nDocker-Experimental: false\r\n"
    body = json.dumps({**VERSION, "ApiVersion": "1.99"}).encode()
    wire.send(counted(body, headers=told + b"Api-Version: 1.99\r\nX-Other: 1\r\n"))
    for request, code in (
        (b"", 404),
        (ask("GET", "/_ping?evil=1"), 403),
        (ask("HEAD", "/nothing"), 404),
        (PING, 503),
    ):
        world.engine.away = code == 503
        client.send(request)
        head = client.take().partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert head[0].startswith(b"HTTP/1.1 %d " % code)
        assert set(told.split(b"\r\n")) - {b""} < set(head)
        assert [line for line in head if line.startswith((b"Api-", b"X-"))] == [
            b"Api-Version: 1.55"
        ]
    other = world.client()
    other.send(b"bad\r\n\r\n")
    assert b"Server" not in other.take()


def test_a_json_body_is_judged_whole() -> None:
    """
    And written anew, however it came.
    """
    world = owned()
    for framing, body in (
        ("Content-Length: 18\r\n", b'{"cmd" : ["true"]}'),
        ("Transfer-Encoding: chunked\r\n", b'5\r\n{"cmd\r\nd\r\n" : ["true"]}\r\n0\r\n\r\n'),
    ):
        client = world.client()
        client.send(ask("POST", CREATE, TYPE + framing))
        assert world.engine.wires == []
        for byte in body:
            client.send(bytes([byte]))
        sent = world.engine.wires.pop().take()
        head, _, forwarded = sent.partition(b"\r\n\r\n")
        assert json.loads(forwarded)["Cmd"] == ["true"]
        assert f"\r\nContent-Length: {len(forwarded)}".encode() in head
        assert b"chunked" not in head


def test_a_json_body_that_never_ends() -> None:
    """
    It has its time.
    """
    world = owned(json_seconds=60)
    client = world.client()
    client.send(ask("POST", CREATE, "Content-Length: 1000\r\n", b"{"))
    for _ in range(59):
        world.clock.advance(1)
        client.send(b" ")
    assert client.take() == b""
    world.clock.advance(1)
    reply = client.take()
    assert status(reply) == 408
    assert message(reply)
    assert client.half_closed
    assert world.engine.wires == []


def test_a_json_body_in_time() -> None:
    """
    The deadline ends with the body.
    """
    world = owned(json_seconds=60)
    client = world.client()
    client.send(ask("POST", CREATE, TYPE + "Content-Length: 16\r\n", b"{"))
    world.clock.advance(50)
    client.send(b'"Cmd":["true"]}')
    world.clock.advance(50)
    assert client.take() == b""
    assert len(world.engine.wires) == 1


@pytest.mark.parametrize("size", [200, 1], ids=["whole", "bytewise"])
def test_a_json_body_that_is_too_large(size: int) -> None:
    """
    It is not judged and not forwarded.
    """
    world = owned(json_bytes=100)
    client = world.client()
    client.send(ask("POST", CREATE, "Content-Length: 101\r\n"))
    client.send(b" " * 101, size)
    reply = client.take()
    assert status(reply) == 413
    assert client.half_closed
    assert world.engine.wires == []


def test_all_json_bodies_on_their_way() -> None:
    """
    What all clients of an owner have begun to send is limited too, and is free again when
    one of them ends or leaves.
    """
    world = owned(pending_json_bytes=250)
    clients = [world.client() for _ in range(3)]
    for client in clients:
        client.send(ask("POST", CREATE, "Content-Length: 1000\r\n", b" " * 100))
    first, second, third = clients
    assert first.take() == second.take() == b""
    reply = third.take()
    assert status(reply) == 503
    assert message(reply)
    first.leave()
    fourth = world.client()
    fourth.send(ask("POST", CREATE, "Content-Length: 1000\r\n", b" " * 100))
    assert fourth.take() == b""


def test_a_body_that_the_route_does_not_take() -> None:
    """
    It is read and dropped: neither its bytes nor its headers reach the engine.
    """
    world = owned()
    client = world.client()
    evil = b"signal=KILL&t=1"
    client.send(
        ask(
            "POST",
            f"/containers/{ID}/stop",
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 15\r\n",
            evil,
        )
    )
    sent = world.engine.last().take()
    assert sent.endswith(b"\r\nContent-Length: 0\r\n\r\n")
    assert b"form" not in sent
    client.send(ask("GET", "/_ping", "Content-Length: 15\r\n", evil))
    world.engine.last().send(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert b"signal" not in b"".join(wire.take() for wire in world.engine.wires)


def test_a_header_that_can_t_be_passed_on() -> None:
    """
    It is the client's mistake.
    """
    world = owned()
    client = world.client()
    client.send(
        b"GET /containers/%s/attach/ws HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Key: \xe9\r\n\r\n" % ID.encode()
    )
    reply = client.take()
    assert status(reply) == 400
    assert "sec-websocket-key" in message(reply)
    assert world.engine.wires == []


@pytest.mark.parametrize("shown", [{}, {"Id": 5}, []])
def test_an_engine_that_shows_an_odd_object(shown: object) -> None:
    """
    Nothing is judged by it.
    """
    world = World()
    client = world.client()
    client.send(ask("POST", "/build?t=a:b", "Content-Length: 0\r\n"))
    world.engine.last().send(as_json(shown))
    reply = client.take()
    assert status(reply) == 502
    assert message(reply)


# a client that leaves


def test_a_client_that_leaves_while_it_is_identified() -> None:
    """
    Others still get their answer.
    """
    world = World(known=False)
    client, other = world.client(), world.client()
    client.send(PING)
    other.send(PING)
    client.leave()
    world.identify()
    assert len(world.engine.wires) == 2
    world.engine.last().send(PONG)
    assert status(other.take()) == 200


def test_a_client_that_leaves_while_the_engine_is_asked() -> None:
    """
    The question is dropped with its connection.
    """
    world = World()
    client = world.client()
    client.send(ask("POST", f"/containers/{ID}/kill"))
    (engine,) = world.engine.wires
    client.leave()
    assert engine.aborted
    world.settle()
    assert len(world.engine.wires) == 1


def test_a_client_that_leaves_while_dss_connects() -> None:
    """
    The attempt is given up.
    """
    world = owned()
    world.engine.silent = True
    client = world.client()
    client.send(ask("POST", f"/containers/{ID}/kill"))
    client.leave()
    assert world.engine.cancelled == 1


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"]
)
@pytest.mark.parametrize("path", [f"/containers/{ID}/logs?follow=1&stdout=1", "/events"])
def test_a_client_that_leaves_a_reply(reply: bytes, path: str) -> None:
    """
    Before it begins or in the middle: the engine's connection is broken off.
    """
    world = owned()
    client = world.client()
    client.send(ask("GET", path))
    engine = world.engine.last()
    if reply:
        engine.send(reply)
    client.leave()
    assert engine.aborted
    world.settle()
    client = world.client()
    client.send(PING)
    assert len(world.engine.wires) == 2


def test_a_client_that_leaves_in_its_body() -> None:
    """
    The engine must not take half of it for the whole.
    """
    world = owned()
    client = world.client()
    engine = put(world, client, "Content-Length: 10\r\n", b"01234")
    assert engine.take().endswith(b"\r\nContent-Length: 10\r\n\r\n01234")
    client.leave()
    assert engine.aborted
    assert engine.take() == b""


# streams


def test_a_streamed_body() -> None:
    """
    Counted or chunked it is the same body, and nothing of the client's framing, its
    extensions and its trailers, goes on.
    """
    world = owned()
    for framing, body, forwarded in (
        ("Content-Length: 4\r\n", b"abcd", b"abcd"),
        (
            "Transfer-Encoding: chunked\r\n",
            b"3;evil=1\r\nabc\r\n01\r\nd\r\n00\r\nEvil: 1\r\n\r\n",
            b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
        ),
    ):
        client = world.client()
        engine = put(world, client, framing, body)
        head, _, sent = engine.take().partition(b"\r\n\r\n")
        assert sent == forwarded
        assert framing.strip().encode() in head
        engine.send(counted(b""))
        assert status(client.take()) == 200


def test_backpressure_of_a_body() -> None:
    """
    While the engine is slow, the client is not read.
    """
    world = owned()
    client = world.client()
    engine = put(world, client, "Content-Length: 10\r\n")
    assert client.reads
    engine.protocol.pauseProducing()
    assert not client.reads
    engine.protocol.resumeProducing()
    client.send(b"0123456789")
    assert engine.take().endswith(b"0123456789")


def test_backpressure_of_a_reply() -> None:
    """
    While the client is slow, the engine is not read.
    """
    world = owned()
    client = world.client()
    client.send(ask("GET", f"/containers/{ID}/logs?stdout=1"))
    engine = world.engine.last()
    engine.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    client.protocol.pauseProducing()
    assert not engine.reads
    client.protocol.resumeProducing()
    engine.send(b"0123456789")
    assert client.take().endswith(b"0123456789")


def test_a_connection_comes_back_unpaused() -> None:
    """
    One that was paused at its reply's end is read for the next.
    """
    world = World()
    client, engine = stale(world)
    client.send(PING)
    client.protocol.pauseProducing()
    assert not engine.reads
    engine.resumeProducing()
    engine.send(PONG)
    client.protocol.resumeProducing()
    client.take()
    client.send(PING)
    engine.send(PONG)
    assert status(client.take()) == 200


def test_lines_hold_the_engine_while_one_is_judged() -> None:
    """
    And a client that becomes ready meanwhile does not free it.
    """
    world = World()
    client = world.client()
    client.send(ask("GET", "/events"))
    engine = world.engine.last()
    engine.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    event = json.dumps(
        {"Type": "container", "Action": "start", "Actor": {"ID": ID, "Attributes": {}}}
    ).encode()
    engine.send(b"%x\r\n%s\n\r\n" % (len(event) + 1, event))
    if len(world.engine.wires) > 1:
        assert not engine.reads
        client.protocol.pauseProducing()
        client.protocol.resumeProducing()
        assert not engine.reads
        world.engine.last().send(as_json(MINE))
    assert engine.reads


def test_an_early_reply_to_a_body() -> None:
    """
    The client gets it; the engine's connection is not used again.
    """
    world = owned()
    client = world.client()
    engine = put(world, client, "Content-Length: 10\r\n", b"01")
    world.engine.wires.clear()
    engine.send(as_json({"message": "no such directory"}, "404 Not Found"))
    assert "no such directory" in client.take().decode()
    assert engine.aborted
    client.send(b"23456789" + PING)
    assert client.half_closed
    assert world.engine.wires == []


def test_continue_comes_from_dss() -> None:
    """
    When the engine takes the body, and not at all for a denied request; the engine is
    not asked to.
    """
    world = owned()
    expecting = "Content-Length: 2\r\nExpect: 100-continue\r\n"
    client = world.client()
    engine = put(world, client, expecting)
    assert client.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"xpect" not in engine.take()
    client = world.client()
    client.send(ask("PUT", f"/containers/{ID}/archive?evil=/", expecting))
    assert status(client.take()) == 403


def test_no_continue_for_a_body_that_is_too_large() -> None:
    """
    What is told in the head is answered there, and one byte less is asked for.
    """
    for size, told in ((100, b"100 Continue"), (101, b"413 "), (99999999999, b"413 ")):
        client = owned(json_bytes=100).client()
        expecting = f"Content-Length: {size}\r\nExpect: 100-continue\r\n"
        json = "Content-Type: application/json\r\n"
        client.send(ask("POST", "/containers/create", expecting + json))
        assert client.take().startswith(b"HTTP/1.1 " + told)


# upgrades


def test_attach() -> None:
    """
    The engine is asked for an upgrade, and what comes early is not lost, on either side.
    """
    world = owned()
    client = world.client()
    client.send(ATTACH + b"early")
    engine = world.engine.last()
    sent = engine.take()
    assert sent.endswith(b"\r\n\r\n")
    assert b"\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" in sent
    engine.send(UPGRADED + b"hello")
    reply = client.take()
    assert reply.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    assert reply.endswith(b"\r\n\r\nhello")
    assert engine.take() == b"early"
    client.send(PING)
    assert engine.take() == PING
    engine.send(b"\0\xff")
    assert client.take() == b"\0\xff"


def test_attach_of_a_client_that_does_not_ask_for_an_upgrade() -> None:
    """
    It gets the older bare 200.
    """
    world = owned()
    client = world.client()
    client.send(ask("POST", f"/containers/{ID}/attach?stream=1"))
    engine = world.engine.last()
    assert b"\r\nConnection: Upgrade\r\n" in engine.take()
    engine.send(UPGRADED + b"hello")
    assert client.take() == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nhello"
    )


def test_no_byte_passes_before_the_engine_upgrades() -> None:
    """
    What follows an attach that fails is a request of its own, and judged.
    """
    world = owned()
    client = world.client()
    evil = b"POST /containers/other/kill HTTP/1.1\r\nHost: d\r\n\r\n"
    client.send(ATTACH + evil)
    engine = world.engine.last()
    engine.take()
    engine.send(as_json({"message": "no such container"}, "404 Not Found"))
    assert status(client.take()) == 404
    sent = b"".join(wire.take() for wire in world.engine.wires)
    assert b"POST" not in sent
    assert sent.startswith(b"GET /containers/other/json ")


def test_an_upgrade_that_was_not_asked_for() -> None:
    """
    Would be a tunnel to the engine.
    """
    world = World()
    client = world.client()
    client.send(PING)
    engine = world.engine.last()
    engine.send(UPGRADED + b"hello")
    reply = client.take()
    assert status(reply) == 502
    assert message(reply)
    assert engine.aborted
    assert b"hello" not in reply


def bare(kind: str = "raw-stream", more: str = "") -> bytes:
    """
    The head of the older form of an upgrade.
    """
    declared = f"Content-Type: application/vnd.docker.{kind}\r\n"
    return f"HTTP/1.1 200 OK\r\n{declared}{more}\r\n".encode()


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("kind", ["raw-stream", "multiplexed-stream"])
@pytest.mark.parametrize("first", ["client", "engine"])
@pytest.mark.parametrize("asks", [True, False])
def test_an_attach_that_the_engine_answers_in_the_older_form(
    size: int | None, kind: str, first: str, asks: bool
) -> None:
    """
    The client sees what it asked for; early bytes, both directions and both ends are as they
    are after a C{101}.
    """
    world = owned()
    client = world.client()
    client.send((ATTACH if asks else ask("POST", f"/containers/{ID}/attach?stdin=1")) + b"early ")
    engine = world.engine.last()
    assert engine.take().endswith(b"Upgrade: tcp\r\nContent-Length: 0\r\n\r\n")
    engine.send(bare(kind) + b"\x01HTTP/1.1 200 OK\r\n\r\n", size)
    head, _, output = client.take().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n" if asks else b"HTTP/1.1 200 OK\r\n")
    assert (b"\r\nUpgrade: tcp" in head) is asks
    assert output == b"\x01HTTP/1.1 200 OK\r\n\r\n"
    assert engine.take() == b"early "
    client.send(b"input")
    assert engine.take() == b"input"
    if first == "client":
        client.half_close()
        assert engine.half_closed
        engine.send(b"result")
        assert client.take() == b"result"
        engine.half_close()
    else:
        engine.half_close()
        assert client.half_closed
        client.send(b"more")
        assert engine.take() == b"more"
        client.half_close()
    assert client.closed
    assert engine.closed


@pytest.mark.parametrize(
    "reply",
    [
        bare(more="Content-Length: 3\r\n") + b"abc",
        bare(more="Transfer-Encoding: chunked\r\n") + b"3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        bare().replace(b"200 OK", b"201 OK") + b"abc",
    ],
)
def test_a_reply_to_an_attach_that_is_no_upgrade(reply: bytes) -> None:
    """
    It ends as a reply, and the engine gets nothing of what the client sends beside it.
    """
    world = owned()
    client = world.client()
    client.send(ATTACH + b"early")
    engine = world.engine.last()
    engine.take()
    engine.send(reply)
    if not engine.closed:
        engine.half_close()
    assert b"abc" in client.take()
    assert engine.take() == b""


@pytest.mark.parametrize("path", ["logs?stdout=1&follow=1", "attach/ws?stream=1"])
def test_the_older_form_elsewhere_is_a_plain_reply(path: str) -> None:
    """
    Logs have that type, too; nothing of the client passes.
    """
    world = owned()
    client = world.client()
    client.send(ask("GET", f"/containers/{ID}/{path}", WEBSOCKET if "ws" in path else ""))
    engine = world.engine.last()
    engine.take()
    engine.send(bare("multiplexed-stream") + b"abc")
    client.send(b"x")
    assert engine.take() == b""
    engine.half_close()
    assert client.take().endswith(b"3\r\nabc\r\n0\r\n\r\n")


def test_an_upgrade_header_elsewhere_is_nothing() -> None:
    """
    What follows is another request.
    """
    world = World()
    client = world.client()
    client.send(
        ask("GET", "/_ping", "Connection: Upgrade\r\nUpgrade: tcp\r\n") + ask("GET", "/nothing")
    )
    engine = world.engine.last()
    assert engine.take() == b"GET /v1.51/_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
    engine.send(PONG)
    assert client.take().count(b"HTTP/1.1 404 Not Found") == 1
    assert engine.take() == b""


def test_an_upgraded_connection_is_not_used_again() -> None:
    """
    It has no end but its own.
    """
    world = owned()
    client, engine = attached(world)
    engine.leave()
    assert client.closed
    other = world.client()
    other.send(PING)
    assert len(world.engine.wires) == 2


@pytest.mark.parametrize("first", ["client", "engine"])
def test_half_close_each_way(first: str) -> None:
    """
    The other side still speaks.
    """
    world = owned()
    client, engine = attached(world)
    if first == "client":
        client.half_close()
        assert engine.half_closed
        engine.send(b"result")
        assert client.take() == b"result"
        engine.half_close()
    else:
        engine.half_close()
        assert client.half_closed
        client.send(b"more")
        assert engine.take() == b"more"
        client.half_close()
    assert client.closed
    assert engine.closed


def test_a_half_close_before_the_upgrade() -> None:
    """
    The engine hears of it after all that came before it.
    """
    world = owned()
    client = world.client()
    client.send(ATTACH + b"input")
    client.half_close()
    engine = world.engine.last()
    engine.take()
    assert not engine.half_closed
    engine.send(UPGRADED)
    assert engine.take() == b"input"
    assert engine.half_closed
    engine.send(b"output")
    assert client.take().endswith(b"output")


def test_a_client_that_leaves_a_relay() -> None:
    """
    What it sent is sent, and then the engine's connection ends.
    """
    world = owned()
    client, engine = attached(world)
    client.send(b"input")
    client.leave()
    assert engine.take() == b"input"
    assert engine.closed
    assert not engine.aborted


def test_a_client_that_leaves_an_attach_whose_input_nobody_reads() -> None:
    """
    That is noticed, and the engine gets what the client left, but not for ever.
    """
    world = owned()
    client, engine = attached(world)
    engine.keeps = True
    engine.protocol.pauseProducing()
    assert not client.reads
    world.clock.pump([1.0] * 3)
    client.depart()
    world.clock.advance(1.0)
    client.send(b"the rest")
    client.half_close()
    world.settle()
    assert engine.take() == b"the rest"
    assert (engine.ending, engine.closed) == (True, False)
    world.clock.advance(LEAVING_SECONDS - 1)
    assert not engine.closed
    world.clock.pump([1.0] * 20)
    assert engine.aborted


def test_many_clients_that_leave_input_that_nobody_reads() -> None:
    """
    The oldest of their connections to the engine go first.
    """
    world = owned()
    engines = []
    for _ in range(MAX_LEAVING + 2):
        client, engine = attached(world)
        engine.keeps = True
        client.leave()
        engines.append(engine)
    assert [each.aborted for each in engines] == [True] * 2 + [False] * MAX_LEAVING
    world.guard.stop()
    assert all(each.aborted for each in engines)


def test_a_client_that_leaves_a_stalled_body() -> None:
    """
    The engine learns of it, though it does not read.
    """
    world = owned()
    client = world.client()
    engine = put(world, client, "Content-Length: 1000\r\n")
    client.send(b"x" * 10)
    engine.protocol.pauseProducing()
    client.depart()
    world.clock.advance(1.0)
    client.half_close()
    world.settle()
    assert engine.aborted


@pytest.mark.parametrize("whole", [True, False])
def test_an_engine_that_dies_while_its_client_is_slow(whole: bool) -> None:
    """
    What it left is for the client; then the reply ends, or breaks off.
    """
    world = owned()
    client = world.client()
    client.send(ask("GET", f"/containers/{ID}/logs?stdout=1&follow=1"))
    engine = world.engine.last()
    engine.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.protocol.pauseProducing()
    assert not engine.reads
    world.clock.pump([1.0] * 3)
    assert not engine.reads
    engine.depart()
    world.clock.advance(1.0)
    engine.send(b"3\r\n{}\n\r\n" + b"0\r\n\r\n" * whole)
    if not whole:
        engine.half_close()
    world.settle()
    assert client.take().endswith(b"3\r\n{}\n\r\n" + b"0\r\n\r\n" * whole)
    assert client.aborted is not whole


def test_backpressure_of_a_relay() -> None:
    """
    Each direction by itself.
    """
    world = owned()
    client, engine = attached(world)
    engine.protocol.pauseProducing()
    assert (client.reads, engine.reads) == (False, True)
    client.protocol.pauseProducing()
    assert (client.reads, engine.reads) == (False, False)
    engine.protocol.resumeProducing()
    assert (client.reads, engine.reads) == (True, False)
    client.protocol.resumeProducing()
    assert (client.reads, engine.reads) == (True, True)


def test_slowness_from_before_an_upgrade_counts_after_it() -> None:
    """
    A client that was slow when the engine upgraded still holds the engine.
    """
    world = owned()
    client = world.client()
    client.send(ATTACH)
    client.protocol.pauseProducing()
    engine = world.engine.last()
    assert not engine.reads
    client.protocol.resumeProducing()
    engine.send(UPGRADED + b"x")
    assert client.take().endswith(b"x")


def test_the_end_of_a_listener_ends_its_exchanges() -> None:
    """
    Engine connections of plain replies are broken off, raw ones closed.
    """
    world = owned()
    client = world.client()
    client.send(ask("GET", "/events"))
    plain = world.engine.last()
    _, raw = attached(world)
    world.factory.stopFactory()
    world.settle()
    assert plain.aborted
    assert raw.closed
