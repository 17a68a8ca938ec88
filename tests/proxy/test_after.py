"""
What is left to do once an exchange has ended: a client and an engine in memory.
"""

from __future__ import annotations

from typing import Any

import pytest

from dss.model.images import Begin, End, Keep
from dss.model.records import NO_RECORDS, Records
from tests.proxy.memory import World, as_json
from tests.proxy.test_exchange import ask

pytestmark = pytest.mark.usefixtures("nothing_fails")

DIGEST = "sha256:" + "d" * 64
ID = "sha256:" + "1" * 64
QUERY = "/images/create?fromImage=app&tag=1"


class Book:
    """
    A ledger that remembers what it was asked.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def about(self, image: str) -> Records:
        """
        Nothing is recorded of any image.
        """
        return NO_RECORDS

    def answer(self, question: Any, owner: str) -> Any:
        """
        Remember a question.
        """
        self.asked.append(question)
        return "token" if isinstance(question, Begin) else None


def begun() -> tuple[World, Book, Any, Any]:
    """
    A client whose pull has begun.
    """
    book = Book()
    world = World(ledger=book)
    client = world.client()
    client.send(ask("POST", QUERY))
    asked = world.engine.last()
    assert asked.take().startswith(b"GET /images/app:1/json ")
    asked.send(as_json({"message": "No such image: app:1"}, "404 Not Found"))
    asked = world.engine.last()
    assert asked.take().startswith(b"GET /images/json?all=1 ")
    asked.send(as_json([]))
    engine = world.engine.last()
    assert engine.take().startswith(b"POST /v1.51/images/create?fromImage=app&tag=1 ")
    assert book.asked == [Begin("docker.io/library/app:1", "", pulling=True)]
    return world, book, client, engine


def test_a_pull_is_recorded_before_its_client_knows() -> None:
    """
    The line that tells waits for the ledger, and then the write is over.
    """
    world, book, client, engine = begun()
    engine.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for line in (f'{{"status":"Digest: {DIGEST}"}}', '{"status":"Status: Downloaded x"}'):
        data = line.encode() + b"\r\n"
        engine.send(b"%x\r\n" % len(data) + data + b"\r\n")
    told = client.take()
    assert b"Digest" in told
    assert b"Downloaded" not in told
    # On a connection that an earlier question left.
    (asked,) = [
        each
        for each in world.engine.wires
        if each.take().startswith(f"GET /images/app@{DIGEST}/json ".encode())
    ]
    asked.send(
        as_json({"Id": ID, "RepoTags": ["app:1"], "RepoDigests": [f"app@{DIGEST}"], "Config": {}})
    )
    assert b"Downloaded" in client.take()
    names = (f"docker.io/library/app@{DIGEST}", "docker.io/library/app:1")
    kept = [each for each in book.asked if isinstance(each, Keep)]
    assert [(each.image, each.names) for each in kept] == [(ID, names)]
    engine.send(b"0\r\n\r\n")
    assert book.asked[-1] == End("token")


def test_a_pull_that_fails_is_over() -> None:
    """
    Nothing is recorded of it.
    """
    _, book, client, engine = begun()
    engine.send(as_json({"message": "not found"}, "404 Not Found"))
    assert b"not found" in client.take()
    assert [type(each) for each in book.asked] == [Begin, End]


def test_a_pull_that_breaks_off_is_not_over() -> None:
    """
    By its client or by the engine: what it brings may still come.
    """
    world, book, client, engine = begun()
    client.leave()
    world.settle()
    assert engine.closed
    world, other, client, engine = begun()
    engine.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    engine.leave()
    world.settle()
    assert client.closed
    for each in (book, other):
        assert [type(asked) for asked in each.asked] == [Begin]


def test_what_was_not_forwarded_leaves_nothing() -> None:
    """
    A denial begins no write.
    """
    book = Book()
    world = World(ledger=book)
    client = world.client()
    client.send(ask("POST", "/images/create?fromImage=evil.io/app&tag=1"))
    assert b" 403 " in client.take()
    assert book.asked == []
