"""
Reads a build's context, a tar archive, as it streams by, and keeps its Dockerfile only.
"""

from __future__ import annotations

from dss.errors import BadRequest
from dss.wire.archive import ArchiveReader, Member, Sink, ancestors, cleaned

#: The most bytes of a Dockerfile.
DOCKERFILE_BYTES = 1024 * 1024


class ContextReader(ArchiveReader):
    """
    Finds the Dockerfile in a context.
    """

    called = "the build's context"

    def __init__(self, dockerfile: str) -> None:
        """
        @param dockerfile: the wanted Dockerfile's path, as the C{dockerfile} parameter
            has it; empty for the engine's default.
        """
        super().__init__()
        wanted = cleaned((dockerfile or "Dockerfile").encode("utf-8", "surrogateescape"))
        # The engine takes the lower-case name where its default one is missing (moby 28.5,
        # builder/remotecontext).
        self._wanted = [wanted, b"/dockerfile"] if wanted == b"/Dockerfile" else [wanted]
        self._above = {above for each in self._wanted for above in ancestors(each)}
        self._shown = wanted[1:].decode("utf-8", "replace")
        self._found: dict[bytes, bytearray] = {}

    def member(self, member: Member) -> Sink | None:
        path = member.path
        if path in self._above and member.kind != "directory":
            raise BadRequest("the Dockerfile's directory in the build's context is none")
        if path not in self._wanted:
            return None
        if member.kind != "file":
            raise BadRequest("the Dockerfile in the build's context is no regular file")
        if path in self._found:
            raise BadRequest("the build's context has more than one Dockerfile")
        if member.size > DOCKERFILE_BYTES:
            raise BadRequest(f"the Dockerfile is over {DOCKERFILE_BYTES} bytes")
        self._found[path] = bytearray()
        return self._found[path].extend

    def dockerfile(self) -> bytes:
        """
        The Dockerfile, once the archive's end was read.

        @raise BadRequest: where there is none.
        """
        for path in self._wanted:
            if path in self._found:
                return bytes(self._found[path])
        # In the engine's words (moby 28.5).
        raise BadRequest(f"Cannot locate specified Dockerfile: {self._shown}")
