"""
What goes into the memory engine and what comes out of it, as values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from dss.model.version import ApiVersion

#: The API version that the memory engine speaks: Docker 28.5's.
SPOKEN = ApiVersion(1, 51)

#: The oldest version that it takes: Docker 28.5's own limit.
OLDEST_TAKEN = ApiVersion(1, 24)

#: Content type of a raw connection, or of a terminal's output.
RAW = "application/vnd.docker.raw-stream"

#: Content type of output whose parts carry a stream header, since API 1.42.
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


class EngineError(Exception):
    """
    An answer of the memory engine in Docker's error shape.

    @ivar status: the HTTP status.
    @ivar message: worded as Docker 28.5 words it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def truth(text: str) -> bool:
    """
    Whether a query parameter means true: all does but these five
    (moby 28.5, C{httputils.BoolValue}).
    """
    return text.strip().lower() not in ("", "0", "no", "false", "none")


def encode(value: object) -> bytes:
    """
    A value as the engine writes JSON: compact, in UTF-8, with a newline.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@frozen
class EngineRequest:
    """
    One request, its body whole.

    @ivar path: decoded, without the version prefix.
    @ivar version: the version in the path, or L{SPOKEN} where there is none.
    @ivar query: each parameter's values, in order.
    @ivar headers: each header's values, by lower-case name.
    """

    method: str
    path: str
    version: ApiVersion = SPOKEN
    query: Mapping[str, tuple[str, ...]] = field(factory=dict)
    headers: Mapping[str, tuple[str, ...]] = field(factory=dict)
    body: bytes = b""

    def text(self, name: str, default: str = "") -> str:
        """
        A parameter's first value.
        """
        return self.query.get(name, (default,))[0]

    def flag(self, name: str, default: bool = False) -> bool:
        """
        A parameter as a truth value.
        """
        return truth(self.text(name)) if name in self.query else default

    def number(self, name: str) -> int | None:
        """
        A parameter as a whole number, or L{None} where it is absent or empty.

        @raise EngineError: if it is no number.
        """
        text = self.text(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise EngineError(
                500, f"strconv.Atoi: parsing {json.dumps(text)}: invalid syntax"
            ) from None

    @property
    def upgrades(self) -> bool:
        """
        Whether the client asks for an upgrade (moby looks for the header alone).
        """
        return bool(self.headers.get("upgrade"))

    def json(self) -> dict[str, Any]:
        """
        The body as a JSON object; an empty one for C{null}.

        @raise EngineError: if it is none, or is not declared as JSON.
        """
        declared = self.headers.get("content-type", ("",))[0]
        if declared.partition(";")[0].strip().lower() != "application/json" and (
            declared or self.body
        ):
            if not declared:
                raise EngineError(400, "malformed Content-Type header (): mime: no media type")
            raise EngineError(
                400,
                f"unsupported Content-Type header ({declared}): must be 'application/json'",
            )
        if not self.body:
            raise EngineError(400, "invalid JSON: got EOF while reading request body")
        try:
            value = json.loads(self.body)
        except ValueError:
            raise EngineError(400, "invalid JSON: unexpected EOF") from None
        if value is None:
            return {}
        if not isinstance(value, dict):
            kind = "array" if isinstance(value, list) else type(value).__name__
            raise EngineError(400, f"invalid JSON: json: cannot unmarshal {kind} into Go value")
        return value


class Sink(Protocol):
    """
    Where a stream's bytes go.
    """

    def write(self, data: bytes) -> None:
        """
        More bytes.
        """

    def end(self) -> None:
        """
        No more will come.
        """


class Outlet:
    """
    A stream on its way out. What is written before a sink is there waits for it.
    """

    def __init__(self) -> None:
        self._sink: Sink | None = None
        self._waiting = bytearray()
        self._on_close: list[Callable[[], None]] = []
        self.ended = False

    def write(self, data: bytes) -> None:
        """
        Send bytes, unless the stream has ended.
        """
        if self.ended or not data:
            return
        if self._sink is None:
            self._waiting += data
        else:
            self._sink.write(data)

    def write_json(self, value: object) -> None:
        """
        Send one JSON value and a newline.
        """
        self.write(encode(value))

    def end(self) -> None:
        """
        Send the end, once.
        """
        if self.ended:
            return
        self.ended = True
        if self._sink is not None:
            self._sink.end()
        self._released()

    def feed(self, sink: Sink) -> None:
        """
        From now on the bytes go to this sink.
        """
        self._sink = sink
        if self._waiting:
            sink.write(bytes(self._waiting))
            self._waiting.clear()
        if self.ended:
            sink.end()

    def close(self) -> None:
        """
        The reader is gone.
        """
        if not self.ended:
            self.ended = True
            self._released()

    def on_close(self, call: Callable[[], None]) -> None:
        """
        Have something called when the stream has ended or its reader is gone.
        """
        if self.ended:
            call()
        else:
            self._on_close.append(call)

    def _released(self) -> None:
        calls, self._on_close = self._on_close, []
        for call in calls:
            call()


class Inlet(Protocol):
    """
    Where a hijacked connection's bytes go.
    """

    def received(self, data: bytes) -> None:
        """
        More bytes from the client.
        """

    def half_closed(self) -> None:
        """
        The client will send no more.
        """


@frozen
class Whole:
    """
    A reply whose body is known.

    @ivar content_type: L{None} where the reply has no such header.
    @ivar bare: whether the headers that name the engine are left out, as for paths
        that it doesn't route.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    bare: bool = False

    @classmethod
    def json(cls, value: object, status: int = 200) -> Whole:
        """
        A reply with a JSON body.
        """
        return cls(status, encode(value), "application/json")


@frozen
class Streamed:
    """
    A reply whose head goes out at once and whose body follows.
    """

    outlet: Outlet
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Hijacked:
    """
    The connection turns into a raw one.

    @ivar content_type: of the C{101}; the older bare reply always says L{RAW}.
    @ivar named: whether the head names the engine: that of an exec's start does,
        that of an attach does not.
    @ivar status: 200, or an error's: an attach to no container hijacks too.
    """

    outlet: Outlet
    inlet: Inlet
    content_type: str = MULTIPLEXED
    named: bool = False
    status: int = 200


Reply = Whole | Streamed | Hijacked


def failed(error: EngineError) -> Whole:
    """
    The reply for an error.
    """
    return Whole.json({"message": error.message}, error.status)


NO_CONTENT = Whole(204)
NOT_MODIFIED = Whole(304)
