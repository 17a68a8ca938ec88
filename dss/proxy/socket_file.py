"""
The file of a UNIX socket that dss listens at: put in its place complete, taken over from
who is dead, never from who is alive.

Everything is done by descriptors of directories, so that a link that somebody puts in the
way is never followed.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from attrs import field, frozen

#: How many bytes the kernel takes for a socket's path (unix(7)).
PATH_BYTES = 107

_DIRECTORY = os.O_DIRECTORY | os.O_CLOEXEC


@frozen
class SocketFile:
    """
    A socket that listens, and its file.

    @ivar socket: the socket.
    """

    socket: socket.socket = field(eq=False)
    _parent: int
    _name: str
    _identity: tuple[int, int]

    def remove(self) -> None:
        """
        Remove the file, if it is still this socket's, while the socket still listens.
        """
        try:
            if _identity(self._parent, self._name) == self._identity:
                os.unlink(self._name, dir_fd=self._parent)
        except OSError:
            # Gone, or no longer ours to remove; the next start takes over what is left.
            pass
        finally:
            os.close(self._parent)


def place(
    path: str,
    mode: int,
    uid: int = -1,
    gid: int = -1,
    backlog: int = 512,
    take_over: bool = True,
) -> SocketFile:
    """
    Listen at a path. The socket is made in a closed directory beside it and moved to its
    path when it has its user, its group and its mode, and listens.

    @param uid: its user, or -1 for dss's own.
    @param gid: its group, or -1 for dss's own.
    @param take_over: whether a socket that nobody listens at any more is replaced.
    @raise ValueError: if something is there that must stay.
    @raise OSError: if the file system doesn't allow it.
    """
    name = os.path.basename(path)
    with ExitStack() as undo:
        parent = _open_parent(path)
        undo.callback(os.close, parent)
        with _stage(parent, f".{name}.new") as stage:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            undo.callback(made.close)
            made.setblocking(False)
            made.bind(_at(stage, name))
            if uid != -1 or gid != -1:
                _give(stage, name, uid, gid)
            # Nobody else can write to the stage, so that this is no link.
            os.chmod(name, mode, dir_fd=stage)
            made.listen(backlog)
            identity = _identity(stage, name)
            _check_free(parent, name, take_over)
            os.rename(name, name, src_dir_fd=stage, dst_dir_fd=parent)
        undo.pop_all()
    return SocketFile(made, parent, name, identity)


def check(path: str, take_over: bool = True) -> None:
    """
    Find out whether L{place} could work, and change nothing.

    @raise ValueError: as L{place} does.
    @raise OSError: as L{place} does.
    """
    parent = _open_parent(path)
    try:
        _check_free(parent, os.path.basename(path), take_over)
        if not os.access(_at(parent, "."), os.W_OK | os.X_OK, effective_ids=True):
            raise ValueError(f"dss can't write to {os.path.dirname(path)}")
    finally:
        os.close(parent)


def open_to_others(path: str) -> str | None:
    """
    The directory in which others than root and dss's user could replace what is at a
    path, if there is one: itself or one above.
    """
    directory = os.path.realpath(os.path.dirname(path))
    while True:
        found = os.stat(directory)
        shared = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if shared or found.st_uid not in (0, os.geteuid()):
            return directory
        if directory == "/":
            return None
        directory = os.path.dirname(directory)


def _give(stage: int, name: str, uid: int, gid: int) -> None:
    try:
        os.chown(name, uid, gid, dir_fd=stage, follow_symlinks=False)
    except PermissionError:
        if uid not in (-1, os.geteuid()):
            raise ValueError("only root can give a socket to another user") from None
        raise ValueError(
            f"dss's user (uid {os.geteuid()}) can give a socket only to a group that it is in, "
            f"and it is not in group {gid}"
        ) from None


def _at(directory: int, name: str) -> str:
    """
    A path for calls that take no descriptor of a directory.
    """
    return f"/proc/self/fd/{directory}/{name}"


def _identity(directory: int, name: str) -> tuple[int, int]:
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return found.st_dev, found.st_ino


def _open_parent(path: str) -> int:
    directory = os.path.dirname(path)
    try:
        return os.open(directory, os.O_PATH | _DIRECTORY)
    except FileNotFoundError:
        raise ValueError(f"there is no directory {directory}") from None


@contextmanager
def _stage(parent: int, name: str) -> Iterator[int]:
    """
    A directory that only dss can write to, for one start at a time. A lock of the kernel's
    tells whether another start is at work in it: it ends with its process.
    """
    while True:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        try:
            stage = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            # The start that made it is done with it.
            continue
        except OSError:
            raise ValueError(f"{name} is in the way, beside it") from None
        try:
            found = os.fstat(stage)
            if found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise ValueError(f"{name} is in the way, beside it")
            try:
                fcntl.flock(stage, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError("another program begins to listen there") from None
            if _is_at(parent, name, found):
                break
            os.close(stage)
        except BaseException:
            os.close(stage)
            raise
    try:
        _empty(stage)
        yield stage
    finally:
        _empty(stage)
        with suppress(OSError):
            os.rmdir(name, dir_fd=parent)
        os.close(stage)


def _is_at(parent: int, name: str, found: os.stat_result) -> bool:
    try:
        return _identity(parent, name) == (found.st_dev, found.st_ino)
    except FileNotFoundError:
        return False


def _empty(stage: int) -> None:
    for name in os.listdir(stage):
        os.unlink(name, dir_fd=stage)


def _check_free(parent: int, name: str, take_over: bool) -> None:
    """
    What is at the path, if anything, must be a socket that nobody listens at any more.
    Who listens is asked, not looked up: a process's id tells nothing once it is another's.
    """
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ValueError("what is there is no socket")
    if _answers(_at(parent, name)):
        raise ValueError("a program listens there already")
    if not take_over:
        raise ValueError("a socket is left there, and lockfile=0 says not to replace it")


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            # A full queue, another type of socket, no permission: somebody is there.
            return True
    return True
