"""
Heads of requests and replies, as values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from dss.errors import AmbiguousRequest
from dss.model.version import ApiVersion

#: Header names and values, in order. Names keep their case.
HeaderList = tuple[tuple[str, str], ...]

_TARGET = re.compile(rb"/[!-~]*")
_VERSIONED = re.compile(r"/v([0-9][^/]*)(/.*)")

#: What begins like a version where none is read: no operation's path does.
_LIKE_A_VERSION = re.compile(r"/[vV][0-9]")


@frozen
class Target:
    """
    What a request line names: read once, judged, and never passed on.

    @ivar path: the decoded path without its version prefix, such as
        C{/containers/web/json}; no empty, C{.} or C{..} segment.
    @ivar version: what the prefix said, or L{None} where there was none.
    @ivar query: the raw query string, without the question mark.
    """

    path: str
    version: ApiVersion | None = None
    query: str = ""

    @classmethod
    def parse(cls, raw: bytes) -> Target:
        """
        Read a request line's target. Short ones are remembered.

        @raise AmbiguousRequest: if it is anything but an origin-form path that
            can be read in one way only (RFC 9112, section 3.2.1). The engine
            decodes once and redirects unclean paths (gorilla/mux); dss denies both
            spellings, so that no two readers can disagree.
        """
        return (_known_target if len(raw) <= _REMEMBERED else cls._read)(raw)

    @classmethod
    def _read(cls, raw: bytes) -> Target:
        if not _TARGET.fullmatch(raw) or b"#" in raw or b"\\" in raw:
            raise AmbiguousRequest("the request target must be a path that begins with a slash")
        encoded, _, query = raw.partition(b"?")
        if re.search(rb"%(?![0-9A-Fa-f]{2})", encoded):
            raise AmbiguousRequest("the request path has a percent sign without two hex digits")
        if re.search(rb"%(?:2[fF]|5[cC]|25|3[bB])", encoded):
            raise AmbiguousRequest("the request path has an encoded slash, backslash or percent")
        try:
            path = unquote_to_bytes(encoded).decode("utf-8")
        except UnicodeDecodeError:
            raise AmbiguousRequest("the request path is not UTF-8") from None
        if not path.isprintable():
            raise AmbiguousRequest("the request path has a control character")
        version = None
        found = _VERSIONED.fullmatch(path)
        if found is not None:
            try:
                version = ApiVersion.parse(found[1])
            except ValueError as error:
                raise AmbiguousRequest(str(error)) from None
            path = found[2]
        if _LIKE_A_VERSION.match(path):
            raise AmbiguousRequest("the request path has a version where none belongs")
        if any(segment in ("", ".", "..") for segment in path.split("/")[1:]):
            raise AmbiguousRequest("the request path has an empty or a dot segment")
        return cls(path, version, query.decode("ascii"))


#: Longer targets are read afresh each time, so that what is remembered of clients'
#: requests stays small.
_REMEMBERED = 512


@lru_cache(maxsize=4096)
def _known_target(raw: bytes) -> Target:
    return Target._read(raw)


@frozen
class RequestHead:
    """
    A request's head, as the client sent it.

    @ivar method: such as C{GET}; case matters.
    @ivar headers: all values by lower-case name, each stripped, in order.
    @ivar length: the body's length in bytes; 0 where there is none, L{None} where
        the body is chunked.
    """

    method: str
    target: Target
    headers: Mapping[str, tuple[str, ...]] = field(factory=dict)
    length: int | None = 0

    def header(self, name: str) -> str | None:
        """
        The one value of a header, by its lower-case name, or L{None} where it is
        absent or was sent more than once.
        """
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None

    def lists(self, name: str, token: str) -> bool:
        """
        Whether a comma-separated header holds a token, in any case.
        """
        return any(
            part.strip().lower() == token
            for value in self.headers.get(name, ())
            for part in value.split(",")
        )


@frozen
class ResponseHead:
    """
    A reply's head.

    @ivar reason: the reason phrase, as the engine wrote it.
    @ivar headers: in order; hop-by-hop headers and those of the framing left out.
    @ivar length: the body's length in bytes where it is known, else L{None}.
    """

    status: int
    reason: str
    headers: HeaderList = ()
    length: int | None = None

    def header(self, name: str) -> str | None:
        """
        A header's first value, by its lower-case name.
        """
        return next((value for key, value in self.headers if key.lower() == name), None)

    def replaced(self, changes: Iterable[tuple[str, str | None]]) -> HeaderList:
        """
        The headers with some set to another value, or left out for L{None}.
        """
        new = dict(changes)
        lowered = {name.lower() for name in new}
        kept = tuple((name, value) for name, value in self.headers if name.lower() not in lowered)
        return kept + tuple((name, value) for name, value in new.items() if value is not None)
