"""
The sockets that clients connect to.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Callable
from typing import Any, cast

from attrs import field, frozen
from twisted.application.service import IService, Service
from twisted.application.strports import service as strports_service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorUNIX
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

_Stop = Callable[[], Deferred[None]]


@frozen
class SocketAccess:
    """
    Who may connect to a UNIX socket.

    @ivar mode: the socket file's permissions.
    @ivar uid: its user, or -1 for dss's own.
    @ivar gid: its group, or -1 for dss's own.
    """

    mode: int = field(default=0o600)
    uid: int = -1
    gid: int = -1

    @mode.validator
    def _check(self, attribute: object, value: int) -> None:
        if not 0 <= value <= 0o777:
            raise ValueError(f"{value:o} is no mode of a socket: it should look like 660")

    @classmethod
    def parse(cls, mode: str, user: str | None, group: str | None) -> SocketAccess:
        """
        Read a mode, in octal, and a user and a group, each by name or number.

        @raise ValueError: if one of them is none.
        """
        if not re.fullmatch(r"[0-7]{3,4}", mode):
            raise ValueError(f"{mode!r} is no mode of a socket: it should look like 660")
        return cls(int(mode, 8), _user_id(user), _group_id(group))


def _user_id(user: str | None) -> int:
    if user is None:
        return -1
    if user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ValueError(f"there is no user {user!r}") from None


def _group_id(group: str | None) -> int:
    if group is None:
        return -1
    if group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {group!r}") from None


@frozen
class UnixAddress:
    """
    The parts of a C{unix:…} endpoint string.

    @ivar lock: whether a lock file beside the socket tells a stale socket from one in
        use, so that a start after a crash takes over.
    """

    path: str
    mode: int | None = None
    backlog: int = 512
    lock: bool = True

    @classmethod
    def parse(cls, description: str) -> UnixAddress:
        """
        Read an endpoint string as L{twisted.internet.endpoints.serverFromString}
        does.

        @raise ValueError: if it is not of that form.
        """
        kind, *parts = [
            re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", description)
        ]
        named = dict(part.split("=", 1) for part in parts if "=" in part)
        plain = [part for part in parts if "=" not in part]
        path = named.pop("address", None) or (plain.pop(0) if plain else "")
        mode = named.pop("mode", None)
        backlog = named.pop("backlog", "512")
        lock = named.pop("lockfile", "1")
        if kind != "unix" or plain or named or not path or not backlog.isdigit():
            raise ValueError(f"{description!r} is no UNIX socket: it should look like unix:/PATH")
        if not path.startswith("/"):
            raise ValueError(f"the socket's path must be absolute, not {path!r}")
        if len(os.fsencode(path)) > 107:
            raise ValueError(f"a UNIX socket's path has at most 107 bytes: {path!r}")
        return cls(
            os.path.normpath(path),
            None if mode is None else SocketAccess.parse(mode, None, None).mode,
            int(backlog),
            lock != "0",
        )


class Listener(Service):
    """
    Listens on one endpoint while it runs. A start that fails ends the program: a
    guard that listens nowhere would look healthy, and be deaf.

    A UNIX socket is never more open than it will be in the end. It is born with all
    access for its owner alone, then given away, then opened.
    """

    _log = Logger(namespace="dss.listener")

    def __init__(
        self,
        description: str,
        factory: ServerFactory,
        access: SocketAccess,
        reactor: Any,
    ) -> None:
        """
        @param description: a Twisted server endpoint string.
        @param access: who may connect, where it is a UNIX socket.
        @raise ValueError: if there is no such endpoint.
        """
        self._description = description
        self._factory = factory
        self._access = access
        self._reactor = reactor
        self._port: IListeningPort | None = None
        self._other: IService | None = None
        self._address: UnixAddress | None = None
        if description.startswith("unix:"):
            self._address = UnixAddress.parse(description)
        else:
            self._other = strports_service(description, factory, reactor)

    @property
    def path(self) -> str | None:
        """
        The UNIX socket's path, or L{None} where it is none.
        """
        return None if self._address is None else self._address.path

    def privilegedStartService(self) -> None:
        self._listen()

    def startService(self) -> None:
        Service.startService(self)
        self._listen()

    def _listen(self) -> None:
        try:
            if self._address is not None:
                if self._port is None:
                    self._prepare()
                    self._port = self._listen_unix(self._address)
                    self._log.info("listening on {address}", address=self._description)
            elif self._other is not None and not self._other.running:
                self._other.startService()
                self._log.info("listening on {address}", address=self._description)
        except (CannotListenError, OSError, ValueError) as error:
            raise SystemExit(f"dss can't listen on {self._description}: {error}") from error

    def _prepare(self) -> None:
        """
        Make what a UNIX socket needs. By default that is there.
        """

    def _listen_unix(self, address: UnixAddress) -> IListeningPort:
        access = self._access
        old = os.umask(0o177)
        try:
            port = cast(IReactorUNIX, self._reactor).listenUNIX(
                address.path, self._factory, address.backlog, 0o600, address.lock
            )
        finally:
            os.umask(old)
        try:
            if access.uid != -1 or access.gid != -1:
                os.chown(address.path, access.uid, access.gid)
            os.chmod(address.path, access.mode if address.mode is None else address.mode)
        except OSError:
            port.stopListening()
            raise
        return port

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        port, self._port = self._port, None
        if port is not None:
            return maybeDeferred(cast(_Stop, port.stopListening))
        if self._other is not None:
            return maybeDeferred(cast(_Stop, self._other.stopService))
        return succeed(None)
