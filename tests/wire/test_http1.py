"""
The engine's HTTP: replies read the same however they are cut, requests written so
that no part of one can be another.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.errors import EngineOdd
from dss.model.message import ResponseHead
from dss.wire.http1 import (
    LAST_CHUNK,
    MAX_HEAD_BYTES,
    Data,
    End,
    Event,
    Head,
    ReplyParser,
    Switched,
    write_chunk,
    write_head,
)

COUNTED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b"3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n"
)
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nServer: Docker\r\n\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall that comes"
INTERIM = b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" + COUNTED
UPGRADED = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)

#: Replies that are complete by themselves: the method, the bytes, the head's status and
#: length, the body, and whether the connection may be used again.
WHOLE = [
    pytest.param("GET", COUNTED, 200, 5, b"hello", True, id="counted"),
    pytest.param("GET", CHUNKED, 200, None, b"hello", True, id="chunked"),
    pytest.param("POST", EMPTY, 200, 0, b"", True, id="empty"),
    pytest.param("DELETE", NO_CONTENT, 204, 0, b"", True, id="204"),
    pytest.param("GET", NOT_MODIFIED, 304, 0, b"", True, id="304"),
    pytest.param("HEAD", COUNTED[:-5], 200, 5, b"", True, id="head"),
    pytest.param("GET", CLOSING, 200, 2, b"hi", False, id="closing"),
    pytest.param("GET", OLD, 200, 2, b"hi", False, id="http-1.0"),
    pytest.param("GET", INTERIM, 200, 5, b"hello", True, id="after-an-interim-reply"),
]


def parsed(method: str, pieces: list[bytes]) -> list[Event]:
    """
    All events of a reply that comes in these pieces.
    """
    parser = ReplyParser(method)
    return [event for piece in pieces for event in parser.feed(piece)]


def joined(events: list[Event]) -> list[Event]:
    """
    The same events, with neighbouring pieces of data as one.
    """
    result: list[Event] = []
    for event in events:
        if isinstance(event, Data) and result and isinstance(result[-1], Data):
            result[-1] = Data(result[-1].data + event.data)
        else:
            result.append(event)
    return result


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """
    Data in pieces, cut at these places.
    """
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a != b]


@pytest.mark.parametrize(("method", "data", "status", "length", "body", "reusable"), WHOLE)
def test_a_whole_reply(
    method: str, data: bytes, status: int, length: int | None, body: bytes, reusable: bool
) -> None:
    """
    A head, the body, and the end, in one piece or byte by byte.
    """
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        head, *middle, end = joined(parsed(method, pieces))
        assert isinstance(head, Head)
        assert (head.head.status, head.head.length) == (status, length)
        assert middle == ([Data(body)] if body else [])
        assert end == End(reusable)


@given(
    which=st.sampled_from([(case.values[0], case.values[1]) for case in WHOLE]),
    places=st.lists(st.integers(0, 1000), max_size=12),
)
def test_cuts_change_nothing(which: tuple[str, bytes], places: list[int]) -> None:
    """
    However a reply is cut, its events are the same.
    """
    method, data = which
    assert joined(parsed(method, cut(data, places))) == joined(parsed(method, [data]))


def test_the_head_as_it_is_passed_on() -> None:
    """
    Headers keep their case and order; those of one hop and of the framing are left out.
    """
    data = (
        b"HTTP/1.1 404 Nothing Here\r\nServer: Docker/28\r\nX-Two: a\r\nKeep-Alive: 5\r\n"
        b"x-two: b\r\nTrailer: T\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    )
    head, _ = parsed("GET", [data])
    assert head == Head(
        ResponseHead(
            404, "Nothing Here", (("Server", "Docker/28"), ("X-Two", "a"), ("x-two", "b")), 0
        )
    )


def test_an_interim_reply_leaves_nothing_behind() -> None:
    """
    The headers of a C{100} are not those of the reply.
    """
    head, *_ = parsed("GET", [INTERIM])
    assert isinstance(head, Head)
    assert head.head.header("x-early") is None
    assert head.head.reason == "OK"


def test_until_the_connection_ends() -> None:
    """
    A reply without any framing ends with the connection, which is not used again.
    """
    parser = ReplyParser("GET")
    head, data = joined(parser.feed(UNTIL_CLOSE))
    assert isinstance(head, Head)
    assert head.head.length is None
    assert data == Data(b"all that comes")
    assert parser.end() == [End(reusable=False)]


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 2", COUNTED[:-1], CHUNKED[:-2], CHUNKED[:-20], COUNTED[:30]],
    ids=["nothing", "in the line", "in the body", "at the end", "in a chunk", "in the head"],
)
def test_a_reply_that_breaks_off(data: bytes) -> None:
    """
    The end of the connection is not the end of an incomplete reply.
    """
    parser = ReplyParser("GET")
    if data:
        parser.feed(data)
    with pytest.raises(EngineOdd):
        parser.end()


def test_the_end_after_a_whole_reply() -> None:
    """
    Nothing is missing then.
    """
    parser = ReplyParser("GET")
    parser.feed(COUNTED)
    assert parser.end() == []


def test_a_switch() -> None:
    """
    What follows a C{101} is raw, also in the same piece, also if it looks like HTTP.
    """
    for early in (b"", b"raw", COUNTED):
        parser = ReplyParser("POST")
        switched, *rest = parser.feed(UPGRADED + early)
        assert isinstance(switched, Switched)
        assert switched.head.status == 101
        assert switched.head.headers == (("Content-Type", "application/vnd.docker.raw-stream"),)
        assert rest == ([Data(early)] if early else [])
        assert parser.feed(b"\x00more") == [Data(b"\x00more")]
        assert parser.end() == []


@given(places=st.lists(st.integers(0, 200), max_size=6))
def test_a_switch_in_any_cut(places: list[int]) -> None:
    """
    However it comes, the same bytes are raw.
    """
    switched, data = joined(parsed("POST", cut(UPGRADED + b"early\r\n\r\nbytes", places)))
    assert isinstance(switched, Switched)
    assert data == Data(b"early\r\n\r\nbytes")


def test_upgrade_headers_without_a_switch() -> None:
    """
    Only C{101} switches.
    """
    data = b"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\nhi"
    head, body, end = parsed("POST", [data])
    assert isinstance(head, Head)
    assert body == Data(b"hi")
    assert isinstance(end, End)


@pytest.mark.parametrize(
    ("method", "data"),
    [
        pytest.param("GET", b"\x16\x03\x01\x02\x00", id="tls"),
        pytest.param("GET", b"SSH-2.0-OpenSSH\r\n", id="ssh"),
        pytest.param("GET", b"HTTP/1.1 abc OK\r\n\r\n", id="no-status"),
        pytest.param("GET", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", id="no-colon"),
        pytest.param("GET", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", id="space-before-colon"),
        pytest.param("GET", b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n", id="nul"),
        pytest.param("GET", b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", id="folded"),
        pytest.param(
            "GET",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            id="two-lengths",
        ),
        pytest.param("GET", b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", id="plus"),
        pytest.param("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na", id="hex"),
        pytest.param(
            "GET", b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", id="huge"
        ),
        pytest.param(
            "GET",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="length-and-chunked",
        ),
        pytest.param(
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            id="no-chunk-size",
        ),
        pytest.param(
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            id="chunk-too-long",
        ),
        pytest.param("GET", COUNTED + b"x", id="bytes-after-it"),
        pytest.param("GET", COUNTED + COUNTED, id="a-reply-after-it"),
        pytest.param("GET", NO_CONTENT + b"body", id="body-of-204"),
        pytest.param("HEAD", COUNTED, id="body-of-head"),
    ],
)
def test_what_is_no_reply(method: str, data: bytes) -> None:
    """
    Nothing that is not strictly one reply is taken for one.
    """
    with pytest.raises(EngineOdd):
        parsed(method, [data])


def test_bytes_after_the_reply_in_another_piece() -> None:
    """
    They have no request.
    """
    parser = ReplyParser("GET")
    parser.feed(COUNTED)
    with pytest.raises(EngineOdd):
        parser.feed(b"x")


def test_a_head_without_end() -> None:
    """
    It is given up at a limit.
    """
    parser = ReplyParser("GET")
    parser.feed(b"HTTP/1.1 200 OK\r\n")

    def endless() -> None:
        for _ in range(4 * MAX_HEAD_BYTES // 4096):
            parser.feed(b"a" * 4096)

    with pytest.raises(EngineOdd):
        endless()


WORDS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 101 UPGRADED\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Content-Type: application/vnd.docker.raw-stream\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n",
    b"\r\n",
    b"\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"abc",
]


@given(
    words=st.lists(st.sampled_from(WORDS) | st.binary(max_size=30), max_size=12),
    size=st.integers(1, 100),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    may_switch=st.booleans(),
)
def test_noise(words: list[bytes], size: int, method: str, may_switch: bool) -> None:
    """
    Whatever comes, it is events or L{EngineOdd}, and nothing else: at most one head or one
    switch, which comes first, and nothing after the end.
    """
    data = b"HTTP/1.1 200 OK\r\n" + b"".join(words)
    parser = ReplyParser(method, may_switch)
    events: list[Event] = []
    try:
        for start in range(0, len(data), size):
            events += parser.feed(data[start : start + size])
        events += parser.end()
    except EngineOdd:
        pass
    kinds = [type(event) for event in events]
    assert not {Head, Switched} & set(kinds[1:])
    assert End not in kinds[:-1]
    if kinds[:1] == [Switched]:
        assert End not in kinds


@given(body=st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_chunks_are_read_as_they_were_written(body: list[bytes]) -> None:
    """
    What L{write_chunk} writes is the body.
    """
    wire = b"".join(b"".join(write_chunk(each)) for each in body) + LAST_CHUNK
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    events = parsed("GET", [head + wire])
    assert b"".join(each.data for each in events if isinstance(each, Data)) == b"".join(body)
    assert events[-1] == End(reusable=True)


def test_a_request_head() -> None:
    """
    Line, headers in order, and the empty line.
    """
    head = write_head("POST", "/v1.41/x?a=%20b", [("Host", "docker"), ("X-A", "1, 2")])
    assert head == b"POST /v1.41/x?a=%20b HTTP/1.1\r\nHost: docker\r\nX-A: 1, 2\r\n\r\n"


@pytest.mark.parametrize("evil", ["\r", "\n", "\r\n", "\0", "\x85", "\u2028", "é", "\t", "\x7f"])
@pytest.mark.parametrize("place", ["method", "target", "name", "value"])
def test_no_part_of_a_head_is_another(evil: str, place: str) -> None:
    """
    No part can end its line, wherever it is.
    """
    parts = {"method": "GET", "target": "/x", "name": "X-A", "value": "1"}
    parts[place] += evil + "Y: 2"
    with pytest.raises(ValueError, match="not to be written"):
        write_head(parts["method"], parts["target"], [(parts["name"], parts["value"])])


@pytest.mark.parametrize(("method", "target"), [("GET /y", "/x"), ("GET", "/x HTTP/1.1")])
def test_no_part_of_a_request_line_is_another(method: str, target: str) -> None:
    """
    A request line has three words.
    """
    with pytest.raises(ValueError, match="not to be written"):
        write_head(method, target, [])


@given(
    body=st.binary(max_size=40),
    length=st.integers(0, 40),
    places=st.lists(st.integers(0, 120), max_size=3),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_a_head_that_was_read_before(
    body: bytes, length: int, places: list[int], method: str
) -> None:
    """
    A reply is read the same the second time, whether its body is whole or not, too long, cut
    somewhere, or never to come.
    """

    def read(head: bytes) -> list[Event] | str:
        data = head + body
        parser, found = ReplyParser(method), []
        cuts = [0, *sorted(place for place in places if 0 < place < len(data)), len(data)]
        try:
            for start, end in itertools.pairwise(cuts):
                if start < end:
                    found += parser.feed(data[start:end])
        except EngineOdd as error:
            return str(error)
        return found

    number = f"{next(_NUMBERS):08}"
    new = f"HTTP/1.1 200 OK\r\nServer: {number}\r\nContent-Length: {length}\r\n\r\n".encode()
    known = new.replace(number.encode(), b"whatever")
    ReplyParser("GET").feed(known + bytes(length))
    assert str(read(known)).replace("whatever", number) == str(read(new))


#: No head with one of these was read before.
_NUMBERS = itertools.count()
