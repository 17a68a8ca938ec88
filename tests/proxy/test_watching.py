"""
A build's context is judged on its way: a client and an engine in memory.
"""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.proxy.memory import Wire, World, as_json, counted
from tests.proxy.test_channel import message, status
from tests.proxy.test_exchange import ask

pytestmark = pytest.mark.usefixtures("nothing_fails")

IMAGE = {"Id": "sha256:" + "1" * 64, "RepoTags": ["base:1"], "Config": {"Labels": None}}
THEIRS = {**IMAGE, "Config": {"Labels": {"com.dss.owner": "other"}}}
LAST = b"0\r\n\r\n"


def context(text: str = "FROM base:1\n") -> bytes:
    """
    An archive with a Dockerfile.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def begun(world: World, length: int) -> tuple[Wire, Wire]:
    """
    A client whose build has begun, and the engine's connection for it.
    """
    client = world.client()
    client.send(ask("POST", "/build", f"Content-Length: {length}\r\n"))
    engine = world.engine.last()
    head = engine.take()
    assert head.startswith(b"POST /v1.51/build?")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    return client, engine


def asked(world: World) -> Wire:
    """
    The connection on which the image is asked for.
    """
    question = world.engine.last()
    assert question.take().startswith(b"GET /images/base:1/json ")
    return question


def chunks(data: bytes) -> bytes:
    """
    What chunks hold.
    """
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        whole += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return whole


@pytest.mark.parametrize("step", [1, 100, 512, 700, 20_000])
def test_the_end_waits_and_the_rest_does_not(step: int) -> None:
    """
    Whatever the pieces are: the engine has no whole end before the judgement.
    """
    world = World()
    body = context()
    client, engine = begun(world, len(body))
    sent = 0
    while client.reads and sent < len(body):
        client.send(body[sent : sent + step])
        sent += step
    assert len(world.engine.wires) == 2
    before = engine.take()
    assert len(chunks(before)) == (2048 - 1) // step * step
    asked(world).send(as_json(IMAGE))
    assert client.reads
    client.send(body[sent:])
    assert chunks(before + engine.take().removesuffix(LAST)) == body
    engine.send(counted(b"{}"))
    assert status(client.take()) == 200


def test_a_denial_drops_the_engine() -> None:
    """
    It gets nothing more, and no end; the client is told in the engine's shape.
    """
    world = World()
    body = context()
    client, engine = begun(world, len(body))
    client.send(body)
    assert not client.reads
    asked(world).send(as_json(THEIRS))
    assert engine.take() == b""
    assert engine.aborted
    reply = client.take()
    assert status(reply) == 403
    assert "build.base" in message(reply)


def test_a_denial_without_a_question() -> None:
    """
    At once, in whatever piece; what still comes is dropped.
    """
    for step in (1, 600, 20_000):
        world = World()
        body = context("FROM scratch\nADD http://x/y z\n")
        client, engine = begun(world, len(body))
        for start in range(0, len(body), step):
            if client.reads and not client.closed:
                client.send(body[start : start + step])
        assert engine.aborted
        assert LAST not in engine.take()[-5:]
        assert status(client.take()) == 403


def test_an_archive_without_an_end_mark() -> None:
    """
    The last chunk waits.
    """
    world = World()
    body = context()[:1024]
    client, engine = begun(world, len(body))
    client.send(body)
    assert chunks(engine.take()) == body
    asked(world).send(as_json(IMAGE))
    assert engine.take() == LAST
    engine.send(counted(b"{}"))
    assert status(client.take()) == 200


def test_what_is_no_archive() -> None:
    """
    It is refused, and nothing of that piece is forwarded.
    """
    world = World()
    client, engine = begun(world, 600)
    client.send(b"x" * 600)
    assert engine.take() == b""
    assert engine.aborted
    assert status(client.take()) == 400


def test_no_body() -> None:
    """
    There is nothing to build, and nothing is asked.
    """
    world = World()
    client = world.client()
    client.send(ask("POST", "/build"))
    assert status(client.take()) == 400
    assert world.engine.wires == []


def test_a_client_that_leaves_while_it_is_judged() -> None:
    """
    Both of the engine's connections go; its answer, if it still comes, changes nothing.
    """
    world = World()
    body = context()
    client, engine = begun(world, len(body))
    client.send(body)
    question = asked(world)
    client.leave()
    assert engine.aborted
    assert question.closed
    world.settle()
    assert engine.take() == b""


def test_an_engine_that_answers_before_the_judgement() -> None:
    """
    Its error is the reply, and the question is nobody's.
    """
    world = World()
    body = context()
    client, engine = begun(world, len(body))
    client.send(body)
    question = asked(world)
    engine.send(counted(b'{"message":"no"}', "500 Internal Server Error"))
    assert status(client.take()) == 500
    assert question.closed
    world.settle()


def test_an_engine_that_reads_does_not_free_a_held_client() -> None:
    """
    The client is read again only when both are ready.
    """
    world = World()
    body = context()
    client, engine = begun(world, len(body))
    producer = engine.producer
    assert producer is not None
    producer.pauseProducing()
    assert not client.reads
    producer.resumeProducing()
    client.send(body[:5000])
    assert not client.reads
    producer.pauseProducing()
    producer.resumeProducing()
    assert not client.reads
    producer.pauseProducing()
    asked(world).send(as_json(IMAGE))
    assert not client.reads
    producer.resumeProducing()
    client.send(body[5000:])
    assert engine.take().endswith(LAST)
