"""
HTTP/1.1 towards the engine: requests to bytes, and bytes to events.

The parser is llhttp through httptools, strict as it comes and the one that Node.js
stands on; L{ReplyParser} reads an ordinary reply in about ten microseconds, where
h11 takes ninety. What it leaves to its user is done here: that a
reply to C{HEAD} has no body, that a body may end with the connection, and that
a switch of protocols ends HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from attrs import frozen
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dss.errors import EngineOdd
from dss.model.message import ResponseHead
from dss.wire.known import Known

#: Headers of one hop (RFC 9110, section 7.6.1) and those of the framing, which is
#: made anew on each side.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

#: What the engine calls a raw stream, with and without a terminal.
RAW_STREAMS = frozenset(
    {"application/vnd.docker.raw-stream", "application/vnd.docker.multiplexed-stream"}
)

#: A reply head above this is no engine's.
MAX_HEAD_BYTES = 256 * 1024


@frozen
class Head:
    """
    The reply's head came.

    @ivar head: the head, without hop-by-hop headers.
    """

    head: ResponseHead


@frozen
class Data:
    """
    A piece of the reply's body, or of the raw stream after a switch.
    """

    data: bytes


@frozen
class End:
    """
    The reply is complete.

    @ivar reusable: whether the connection may carry another request.
    """

    reusable: bool


@frozen
class Switched:
    """
    The engine answered C{101}, or in the older form C{200} with the type of a raw stream and
    no length: what follows is no longer HTTP.

    @ivar head: the head of that answer.
    """

    head: ResponseHead


Event = Head | Data | End | Switched


def write_head(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]],
) -> bytes:
    """
    A request's head as bytes.

    @param target: path and query, percent-encoded.
    @raise ValueError: if any part could be read as more than that part: a line
        break or a NUL in it would be another header, or another request.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    written = "".join(lines)
    if not written.isascii() or not written.isprintable():
        odd = next(line for line in lines if not line.isascii() or not line.isprintable())
        raise ValueError(f"not to be written in a head: {odd!r}")
    if " " in method or " " in target:
        raise ValueError(f"not to be written in a request line: {method!r} {target!r}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def write_chunk(data: bytes) -> tuple[bytes, bytes, bytes]:
    """
    A piece of a chunked body, to be written in sequence. It must not be empty, for
    an empty chunk ends the body.
    """
    return (b"%x\r\n" % len(data), data, b"\r\n")


#: The end of a chunked body.
LAST_CHUNK = b"0\r\n\r\n"


#: Longer header values are read afresh each time, so that what is remembered stays small.
_REMEMBERED = 256


def _read(name: bytes, value: bytes) -> tuple[str | None, tuple[str, str]]:
    """
    A header as text, and first its lower-case name if it is one of L{HOP_BY_HOP}.
    """
    pair = name.decode("latin-1"), value.decode("latin-1")
    lowered = pair[0].lower()
    return (lowered if lowered in HOP_BY_HOP else None), pair


#: An engine's replies have mostly the same headers.
_known = lru_cache(maxsize=1024)(_read)


#: Heads of replies that came whole in one read, and whether the connection goes on after
#: each. All of it depends on the head's bytes, but for C{HEAD}. Under load an
#: engine's heads are the same for a second; then their dates change.
_replies: Known[tuple[Head, End]] = Known()


class ReplyParser:
    """
    Reads the reply to one request.

    @ivar _events: what was found since the last L{feed}.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_complete",
        "_events",
        "_first",
        "_head_bytes",
        "_head_done",
        "_headers",
        "_is_head",
        "_lengths",
        "_may_switch",
        "_parser",
        "_reason",
        "_switched",
        "_to_close",
    )

    _parser: HttpResponseParser

    def __init__(self, method: str, may_switch: bool = False) -> None:
        """
        @param method: the request's method, on which the reply's framing depends.
        @param may_switch: whether the request asked for a raw stream, so that a bare
            C{200} may be the switch to one.
        """
        self._is_head = method == "HEAD"
        self._may_switch = may_switch
        self._events: list[Event] = []
        self._headers: list[tuple[str, str]] = []
        self._reason = ""
        self._lengths: set[str] = set()
        self._chunked = False
        self._body: list[bytes] = []
        self._head_bytes = 0
        self._head_done = False
        self._to_close = False
        self._complete = False
        self._switched = False
        self._first = True

    def feed(self, data: bytes) -> list[Event]:
        """
        Read some bytes of the connection.

        @return: what they held, in order. After L{Switched} every L{Data} is raw.
        @raise EngineOdd: if they are not HTTP as the engine speaks it.
        """
        if self._switched:
            return [Data(data)]
        if self._complete:
            raise EngineOdd("the engine sent bytes after its reply")
        first = self._first
        if first:
            self._first = False
            known = None if self._is_head else self._known_reply(data)
            if known is not None:
                return known
            self._parser = HttpResponseParser(self)
        if not self._head_done:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + 65536:
                raise EngineOdd("the engine's reply head is too large")
        self._events = []
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            offset = upgrade.args[0]
            if not self._switched:
                raise EngineOdd("the engine switched protocols without saying 101") from None
            if offset < len(data):
                self._events.append(Data(data[offset:]))
        except HttpParserError as error:
            cause = error.__context__ if isinstance(error.__context__, EngineOdd) else error
            raise EngineOdd(f"the engine's reply is not HTTP: {cause}") from None
        self._gather()
        if first and self._complete and not self._is_head:
            self._keep(data)
        return self._events

    def _known_reply(self, data: bytes) -> list[Event] | None:
        """
        The events of a reply that came whole, with a head that was read before.
        """
        size = data.find(b"\r\n\r\n") + 4
        known = _replies.get(data[:size])
        if known is None or known[0].head.length != len(data) - size:
            return None
        self._complete = True
        head, end = known
        return [head, Data(data[size:]), end] if size < len(data) else [head, end]

    def _keep(self, data: bytes) -> None:
        size = data.find(b"\r\n\r\n") + 4
        head, end = self._events[0], self._events[-1]
        # Where all after the first empty line is a body of the promised length, that line is
        # the head's end, and the head the only one.
        if (
            type(head) is Head
            and type(end) is End
            and not self._chunked
            and head.head.length == len(data) - size
        ):
            _replies.keep(data[:size], (head, end))

    def end(self) -> list[Event]:
        """
        The engine ended its side of the connection.

        @return: the reply's end, where the connection's end is its end.
        @raise EngineOdd: if the reply is incomplete.
        """
        if self._switched or self._complete:
            return []
        if self._head_done and self._to_close:
            self._complete = True
            return [End(reusable=False)]
        raise EngineOdd("the engine went away in the middle of its reply")

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self._complete:
            raise EngineOdd("the engine sent bytes after its reply")

    def on_status(self, status: bytes) -> None:
        self._reason += status.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        hop, pair = (_known if len(value) <= _REMEMBERED else _read)(name, value)
        if hop is None:
            self._headers.append(pair)
        elif hop == "content-length":
            self._lengths.add(pair[1])
        elif hop == "transfer-encoding":
            self._chunked = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        length = int(next(iter(self._lengths))) if len(self._lengths) == 1 else None
        bodiless = self._is_head or status in (204, 304) or status < 200
        if not bodiless and length is None and not self._chunked:
            self._to_close = True
        if bodiless and not self._is_head:
            length = 0
        head = ResponseHead(status, self._reason, tuple(self._headers), length)
        if status == 101:
            self._switched = True
            self._events.append(Switched(head))
            return
        if status < 200:
            # An interim reply: dss never asks for one, and answers the client's
            # Expect by itself.
            self._headers = []
            self._lengths = set()
            self._chunked = False
            self._reason = ""
            return
        if self._may_switch and status == 200 and self._to_close and self._is_raw(head):
            # So the engine answers where somebody on the way drops the Upgrade header
            # (moby 28.5). To the parser all that follows is a body without an end.
            self._switched = True
            self._events.append(Switched(head))
            return
        self._head_done = True
        self._events.append(Head(head))
        if self._is_head:
            self._complete = True
            self._events.append(End(self._parser.should_keep_alive()))

    @staticmethod
    def _is_raw(head: ResponseHead) -> bool:
        declared = head.header("content-type") or ""
        return declared.partition(";")[0].strip().lower() in RAW_STREAMS

    def on_body(self, data: bytes) -> None:
        if self._complete:
            raise EngineOdd("the engine sent a body with its reply to HEAD")
        self._body.append(data)

    def _gather(self) -> None:
        """
        The pieces of the body that came with one read are one: an engine that writes
        a chunk for each line of a log would cost as many writes.
        """
        body = self._body
        if body:
            self._body = []
            self._events.append(Data(body[0] if len(body) == 1 else b"".join(body)))

    def on_message_complete(self) -> None:
        if self._head_done and not self._complete:
            self._complete = True
            self._gather()
            self._events.append(End(self._parser.should_keep_alive()))
