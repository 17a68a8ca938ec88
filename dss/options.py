"""
The command line of C{twist dss}, and the settings that follow from it and from the settings file.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence

from attrs import evolve, fields
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from dss import __version__
from dss.config.load import FileSettings, load
from dss.config.registries import Credentials, read_credentials
from dss.config.settings import EngineSocket, Limits, OwnerSettings, Root
from dss.engine.endpoint import engine_socket
from dss.model.owner import Owner
from dss.proxy import container_socket
from dss.proxy.listener import SocketAccess, UnixAddress

#: Where the engine is unless told otherwise.
DEFAULT_ENGINE = "unix:/var/run/docker.sock"


class Options(UsageOptions):
    """
    The command line of C{twist dss}.
    """

    synopsis = (
        "--listen ENDPOINT [--config FILE] [--engine ENDPOINT] [--owner NAME] "
        "[--allow-bind [CLIENT_DIR=]DIR[:ro]]…"
    )

    longdesc = (
        "Guard a Docker Engine's socket: a client of the guarded socket sees, uses and destroys "
        "only what its owner made through it, binds only allowed host directories, and can't "
        "become root on the host. Point DOCKER_HOST at it."
    )

    optParameters = [
        [
            "engine",
            "e",
            None,
            "The engine: a Twisted client endpoint string, such as unix:PATH, tcp:HOST:PORT or "
            "tls:HOST:PORT:certificate=…:privateKey=…:trustRoots=…; or memory: for a small engine "
            "inside dss, to try it out. [default: unix:/var/run/docker.sock]",
        ],
        [
            "config",
            "c",
            None,
            "A settings file, in TOML. What the command line says comes before what it says.",
        ],
        [
            "ledger",
            None,
            None,
            "A file that remembers whose the images are that were pulled or loaded, and whose the "
            "tags of shared images. It is made where it is missing. One for each engine, for all "
            "dss that guard it. [default: none, and what needs it is denied]",
        ],
        [
            "owner",
            "o",
            None,
            "Whose socket it is: what is made through it carries this name. Give the same name "
            "at the next start to find it all again. [default: a new one at each start]",
        ],
        [
            "container-sockets",
            None,
            None,
            "The directory of the guarded socket that containers get where they ask for the "
            "engine's. Nobody else may be able to write to it or above it. none for no such "
            "socket. [default: the path of the first unix: listen, with .d behind it]",
        ],
        ["socket-mode", None, "600", "The permissions of UNIX sockets, in octal."],
        ["socket-user", None, None, "The user of UNIX sockets. [default: dss's own]"],
        ["socket-group", None, None, "The group of UNIX sockets. [default: dss's own]"],
    ]

    compData = None

    def __init__(self) -> None:
        UsageOptions.__init__(self)
        self._is_wrong = False
        self["listen"] = []
        self["allow-bind"] = []
        self["limit"] = {}
        self["no-container-socket"] = ""

    # twisted.python.usage shows these docstrings as they are, line breaks and all.

    def opt_listen(self, endpoint: str) -> None:
        """Where clients connect: a Twisted server endpoint string, such as \
unix:/run/dss.sock or tcp:2375:interface=127.0.0.1. May be repeated."""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_allow_bind(self, directory: str) -> None:
        """A host directory that clients may bind, with all below it; with :ro after \
it, read-only only. CLIENT_DIR=DIR lets clients call it CLIENT_DIR. May be repeated, \
and adds to those of the settings file."""
        self["allow-bind"].append(directory)

    def opt_limit(self, setting: str) -> None:
        """NAME=NUMBER changes a limit: connections, head_bytes, head_seconds, \
idle_seconds, json_bytes, reply_bytes, pending_json_bytes, json_seconds, \
question_seconds or hook_seconds. May be repeated."""
        name, equals, number = setting.partition("=")
        known = [each.name for each in fields(Limits)]
        if name not in known or not equals:
            raise UsageError(f"--limit takes NAME=NUMBER, where NAME is one of {', '.join(known)}")
        if not number.isdigit() or int(number) == 0:
            raise UsageError(f"--limit {name} takes a number above zero, not {number!r}")
        self["limit"][name] = int(number)

    def opt_version(self) -> None:
        """
        Print the version of dss and exit.
        """
        print(f"Docker Safety Sock {__version__}")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line, and note where it makes no sense.
        """
        try:
            UsageOptions.parseOptions(self, options)
        except UsageError:
            self._is_wrong = True
            raise

    def getUsage(self, width: int | None = None) -> str:
        """
        All options; where one is wrong, only how to see them: C{twist} writes them after the
        error, which would scroll away.
        """
        if self._is_wrong:
            return "twist dss --help tells the options.\n"
        return str(UsageOptions.getUsage(self, width))

    def postOptions(self) -> None:
        """
        Check what can be checked before anything starts.
        """
        written = _read(self["config"]) if self["config"] is not None else FileSettings()
        self["listen"] = self["listen"] or list(written.owner.listen)
        if self["engine"] is None:
            self["engine"] = written.engine if written.engine is not None else DEFAULT_ENGINE
        self["ledger"] = self["ledger"] or written.ledger
        if not self["listen"]:
            raise UsageError("say where clients connect, with --listen unix:/PATH")
        try:
            self["access"] = SocketAccess.parse(
                self["socket-mode"], self["socket-user"], self["socket-group"]
            )
            owner = self._owner(written)
            listening = [
                UnixAddress.parse(each).path for each in self["listen"] if each.startswith("unix:")
            ]
            engine_path = engine_socket(self["engine"])
            replacement = self._container_socket(written, listening, owner)
            sockets = [*listening, *([engine_path] if engine_path else [])]
            self["settings"] = OwnerSettings(
                owner,
                _roots([Root.parse(each) for each in self["allow-bind"]], written.owner.allow_bind),
                evolve(written.limits, **self["limit"]),
                written.containers,
                written.owner.limits,
                written.networks,
                EngineSocket.known(
                    [*sockets, *(os.path.realpath(each) for each in sockets)], replacement
                ),
                written.owner.grants,
                written.volumes,
                written.registries,
                _credentials(written.registries.credentials),
            )
        except ValueError as error:
            raise UsageError(str(error)) from None
        for path in listening:
            if engine_path and os.path.realpath(path) == os.path.realpath(engine_path):
                raise UsageError(f"{path} is the engine's own socket: listen somewhere else")
        for root in self["settings"].roots:
            _check_root(root, [*sockets, *([replacement] if replacement else [])])

    def _container_socket(
        self, written: FileSettings, listening: list[str], owner: Owner
    ) -> str | None:
        """
        The path of the socket for containers, if there is to be one.

        @raise ValueError: where there can't be the one that is asked for.
        """
        wanted = self["container-sockets"] or written.owner.container_sockets
        if wanted == container_socket.NONE:
            self["no-container-socket"] = "it is switched off"
            return None
        try:
            directory = wanted or container_socket.default_directory(listening)
            return container_socket.place_of(directory, owner)
        except ValueError as error:
            if wanted:
                raise ValueError(f"--container-sockets: {error}") from None
            self["no-container-socket"] = str(error)
            return None

    def _owner(self, written: FileSettings) -> Owner:
        if self["owner"] is not None:
            return Owner(self["owner"])
        return written.owner.name or Owner(f"owner-{uuid.uuid4().hex[:12]}")


def _read(name: str) -> FileSettings:
    """
    Read the settings file.
    """
    try:
        with open(name, encoding="utf-8") as file:
            return load(file.read(), name)
    except OSError as error:
        raise UsageError(f"--config {name}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None


def _roots(told: Sequence[Root], written: Sequence[Root]) -> tuple[Root, ...]:
    """
    All allowed directories: where both name one, as the command line does.
    """
    names = {each.client_path for each in told}
    return (*told, *(each for each in written if each.client_path not in names))


def _credentials(name: str | None) -> Mapping[str, Credentials]:
    """
    Read the file with credentials.

    @raise ValueError: if it can't be used.
    """
    if name is None:
        return {}
    try:
        with open(name, encoding="utf-8") as file:
            return read_credentials(file.read())
    except OSError as error:
        raise ValueError(f"registries.credentials: {name}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"registries.credentials: {name}: {error}") from None


def _check_root(root: Root, sockets: list[str]) -> None:
    """
    A root must be what it seems, and give no way around dss.
    """
    if not os.path.isdir(root.path):
        raise UsageError(f"--allow-bind {root.path}: there is no such directory")
    real = os.path.realpath(root.path)
    if real != root.path:
        raise UsageError(f"--allow-bind {root.path}: that is a link; allow {real} instead")
    for path in sockets:
        if os.path.realpath(path).startswith(root.path + "/"):
            raise UsageError(f"--allow-bind {root.path}: that would hand out the socket {path}")
