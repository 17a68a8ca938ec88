"""
The guarded socket that an owner's containers get in place of the engine's.

A container's user may have any id, so everybody may connect to the socket itself. It is in a
directory that nobody but dss can search, so that on the host nobody can; the engine, which
is root, binds the socket alone into containers.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ServerFactory

from dss.model.owner import Owner
from dss.proxy.listener import Listener, SocketAccess
from dss.proxy.socket_file import PATH_BYTES

#: The setting that means: no such socket.
NONE = "none"


def place_of(directory: str, owner: Owner) -> str:
    """
    Where an owner's socket is in a directory of such sockets. Whoever comes later gets
    another place: the engine looks the path up again whenever it starts a container again.

    @raise ValueError: where no socket can be there, or somebody else could replace it.
    """
    if not directory.startswith("/"):
        raise ValueError(f"{directory!r} should be an absolute path")
    above, name = os.path.split(os.path.normpath(directory))
    directory = os.path.join(os.path.realpath(above), name)
    _check_above(directory)
    _check_own(directory)
    path = f"{directory}/{hashlib.sha256(owner.name.encode()).hexdigest()[:16]}.sock"
    if len(os.fsencode(path)) > PATH_BYTES:
        raise ValueError(f"{directory} is too long: a socket's path has at most {PATH_BYTES} bytes")
    return path


def default_directory(listening: Sequence[str]) -> str:
    """
    The directory beside the first of the owner's UNIX sockets.

    @raise ValueError: where there is none.
    """
    if not listening:
        raise ValueError("dss listens at no UNIX socket that it could be beside")
    return f"{listening[0]}.d"


def _check_above(directory: str) -> None:
    """
    Whoever can write above could put something else in the directory's place, and the
    engine, which is root, would bind it. The sticky bit is no help: while dss is away
    somebody else could make the directory first.
    """
    above = directory
    while above != "/":
        above = os.path.dirname(above)
        try:
            found = os.stat(above)
        except OSError as error:
            raise ValueError(f"{above} can't be used: {error.strerror}") from None
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
            raise ValueError(f"others than root and dss's user can write to {above}")


def _check_own(directory: str) -> None:
    """
    What is there already must be dss's own.
    """
    try:
        found = os.lstat(directory)
    except FileNotFoundError:
        return
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != os.geteuid()
        or stat.S_IMODE(found.st_mode) != 0o700
    ):
        raise ValueError(f"{directory} should be a directory of dss's user, of mode 700")


class ContainerListener(Listener):
    """
    Listens at the socket for containers. Its directory is made closed, before the socket is.
    """

    def __init__(self, path: str, factory: ServerFactory, reactor: Any) -> None:
        """
        @param path: from L{place_of}.
        """
        escaped = path.replace("\\", "\\\\").replace(":", "\\:")
        super().__init__(f"unix:address={escaped}", factory, SocketAccess(0o666), reactor)
        self._directory = os.path.dirname(path)

    def _prepare(self) -> None:
        try:
            os.mkdir(self._directory, 0o700)
        except FileExistsError:
            _check_own(self._directory)

    def stopService(self) -> Deferred[None]:
        return super().stopService().addCallback(self._remove)

    def _remove(self, stopped: None) -> None:
        """
        Leave nothing behind but what others have there.
        """
        with suppress(OSError):
            os.rmdir(self._directory)
