"""
The sockets that clients connect to.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import socket
from collections.abc import Callable
from typing import Any, cast

from attrs import field, frozen
from twisted.application.service import IService, Service
from twisted.application.strports import service as strports_service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from dss.errors import StartError
from dss.proxy.bound_port import BoundPort, inherited
from dss.proxy.socket_file import PATH_BYTES, SocketFile, check, open_to_others, place
from dss.transport.endpoint_text import EndpointText, check_port, reason

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

    @ivar take_over: whether a socket that a crash left behind is replaced
        (C{lockfile} in the string, as Twisted needs a lock file for that).
    """

    path: str
    mode: int | None = None
    backlog: int = 512
    take_over: bool = True

    @classmethod
    def parse(cls, description: str) -> UnixAddress:
        """
        Read an endpoint string as L{twisted.internet.endpoints.serverFromString}
        does.

        @raise ValueError: if it is not of that form.
        """
        text = EndpointText.parse(description)
        plain, named = list(text.plain), dict(text.named)
        path = named.pop("address", None) or (plain.pop(0) if plain else "")
        mode = named.pop("mode", None)
        backlog = named.pop("backlog", "512")
        lock = named.pop("lockfile", "1")
        if text.kind != "unix" or plain or named or not path or not backlog.isdigit():
            raise ValueError(f"{description!r} is no UNIX socket: it should look like unix:/PATH")
        if not path.startswith("/"):
            raise ValueError(f"the socket's path must be absolute, not {path!r}")
        if len(os.fsencode(path)) > PATH_BYTES:
            raise ValueError(f"a UNIX socket's path has at most {PATH_BYTES} bytes: {path!r}")
        return cls(
            os.path.normpath(path),
            None if mode is None else SocketAccess.parse(mode, None, None).mode,
            int(backlog),
            lock != "0",
        )


#: The place of the port in the endpoints that have one.
_PORTS = {"tcp": 0, "tcp6": 0, "ssl": 0, "tls": 1}


class Listener(Service):
    """
    Listens on one endpoint while it runs. A start that fails ends the program: a
    guard that listens nowhere would look healthy, and be deaf.

    A UNIX socket is never more open than it will be in the end: it is there once it
    is complete.
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
        @param access: who may connect, where it is a UNIX socket of dss's own.
        @raise ValueError: if there is no such endpoint.
        """
        self._description = description
        self._factory = factory
        self._access = access
        self._reactor = reactor
        self._port: BoundPort | None = None
        self._file: SocketFile | None = None
        self._other: IService | None = None
        self._address: UnixAddress | None = None
        self._inherited: socket.socket | None = None
        text = EndpointText.parse(description)
        if text.kind == "unix":
            self._address = UnixAddress.parse(description)
            return
        if text.kind in _PORTS:
            check_port(text.value("port", _PORTS[text.kind]), lowest=0)
        try:
            if text.kind == "systemd":
                self._inherited = inherited(description, reactor)
            if self._inherited is None:
                self._other = strports_service(description, factory, reactor)
        except Exception as error:
            raise ValueError(reason(error)) from error

    @property
    def path(self) -> str | None:
        """
        The UNIX socket's path, or L{None} where it is none.
        """
        return None if self._address is None else self._address.path

    def check(self) -> None:
        """
        Find out whether it could listen, as far as that can be known without listening.

        @raise StartError: if it can't.
        """
        if self._address is not None:
            try:
                check(self._address.path, self._address.take_over)
            except (OSError, ValueError) as error:
                raise self._failed(error) from error

    def privilegedStartService(self) -> None:
        self._listen()

    def startService(self) -> None:
        Service.startService(self)
        self._listen()

    def _listen(self) -> None:
        if self._port is not None or (self._other is not None and self._other.running):
            return
        try:
            if self._other is not None:
                self._other.startService()
            else:
                self._port = self._listen_unix()
        except Exception as error:
            failed = self._failed(error)
            # A daemon has no other place to say all of it.
            self._log.error("{reason}", reason=str(failed))
            raise failed from error
        path = self.path
        shown = self._description if path is None else f"unix:{path}"
        self._log.info("listening on {address}", address=shown)

    def _prepare(self) -> None:
        """
        Make what a UNIX socket needs. By default that is there.
        """

    def _failed(self, error: Exception) -> StartError:
        return StartError(f"dss can't listen on {self._description}: {reason(error)}")

    def _listen_unix(self) -> BoundPort:
        address, access = self._address, self._access
        if address is None:
            assert self._inherited is not None
            listening = self._inherited
        else:
            self._prepare()
            mode = access.mode if address.mode is None else address.mode
            self._file = place(
                address.path, mode, access.uid, access.gid, address.backlog, address.take_over
            )
            listening = self._file.socket
            shared = open_to_others(address.path)
            if shared is not None:
                self._log.warn(
                    "others than root and dss's user can write to {directory}, and so put a socket "
                    "of their own in the place of {path}",
                    directory=shared,
                    path=address.path,
                )
        port = BoundPort(listening, self._description, self._factory, self._reactor)
        port.startListening()
        return port

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        # While it still listens, so that nobody else can take the path meanwhile.
        file, self._file = self._file, None
        if file is not None:
            file.remove()
        port, self._port = self._port, None
        if port is not None:
            return maybeDeferred(cast(_Stop, port.stopListening))
        if self._other is not None and self._other.running:
            return maybeDeferred(cast(_Stop, self._other.stopService))
        return succeed(None)
