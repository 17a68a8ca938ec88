"""
What is left to do once an exchange has ended: a client and an engine in memory.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from dss.model.images import Begin, End, Keep, Pause
from dss.model.records import NO_RECORDS, NOBODY_YET, Records
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
        self.pause: Deferred[None] = Deferred()

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
        if isinstance(question, Pause):
            return self.pause
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


def look(world: World, *, image: dict[str, Any] | None = None) -> None:
    """
    Answer the question whether the image is there, on whichever connection it comes.
    """
    wires = [each for each in world.engine.wires if b"GET /images/app:1/json " in each.take()]
    missing = as_json({"message": "No such image: app:1"}, "404 Not Found")
    wires[-1].send(missing if image is None else as_json(image))


def test_a_pull_that_fails_is_over() -> None:
    """
    Nothing is recorded of it.
    """
    world, book, client, engine = begun()
    engine.send(as_json({"message": "not found"}, "404 Not Found"))
    assert b"not found" in client.take()
    look(world)
    assert [type(each) for each in book.asked] == [Begin, End]


@pytest.mark.parametrize("leaves", ["client", "engine"])
def test_a_pull_that_breaks_off_is_over_a_while_later(leaves: str) -> None:
    """
    By its client or by the engine: what it brings may still come, but claims nothing.
    """
    world, book, client, engine = begun()
    if leaves == "client":
        client.leave()
    else:
        engine.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
        engine.leave()
    world.settle()
    assert (engine if leaves == "client" else client).closed
    assert [type(each) for each in book.asked] == [Begin, Pause]
    book.pause.callback(None)
    look(world)
    assert [type(each) for each in book.asked] == [Begin, Pause, End]


def test_what_a_broken_pull_brought_is_nobodys() -> None:
    """
    Where the engine named no digest, it may be what somebody else brought in.
    """
    world, book, client, _ = begun()
    client.leave()
    world.settle()
    book.pause.callback(None)
    look(world, image={"Id": ID, "RepoTags": ["app:1"], "RepoDigests": [], "Config": {}})
    kept = [each for each in book.asked if isinstance(each, Keep)]
    assert [each.owner for each in kept] == [NOBODY_YET]
    assert isinstance(book.asked[-1], End)


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
