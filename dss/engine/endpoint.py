"""
Where the engine is, as an operator says it.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IStreamClientEndpoint

from dss.transport.endpoint_text import EndpointText, check_port, reason
from dss.transport.prompt import PromptConnections

#: What the endpoints look like that have a host and a port.
_HOSTS = {
    "tcp": "tcp:HOST:PORT",
    "ssl": "ssl:HOST:PORT",
    "tls": "tls:HOST:PORT:certificate=FILE:privateKey=FILE:trustRoots=DIRECTORY",
}


def engine_endpoint(description: str, reactor: Any) -> IStreamClientEndpoint:
    """
    The endpoint that a description means.

    @param description: a Twisted client endpoint string.
    @raise ValueError: if it means none that could ever be connected to.
    """
    if "://" in description and not description.startswith("unix://"):
        raise ValueError("it is no endpoint: write tcp:HOST:PORT, or unix:PATH, as Twisted does")
    text = EndpointText.parse(description)
    form = _HOSTS.get(text.kind)
    if form is not None:
        port = text.value("port", 1)
        if not text.value("host", 0) or port is None:
            raise ValueError(f"it should look like {form}")
        check_port(port)
    path = text.value("path", 0) or ""
    if text.kind == "unix" and not path.startswith("/"):
        raise ValueError("it should look like unix:/PATH")
    if text.kind == "unix" and len(os.fsencode(path)) > 107:
        raise ValueError("a UNIX socket's path has at most 107 bytes")
    sockets = PromptConnections(reactor) if text.kind == "unix" else reactor
    try:
        endpoint: IStreamClientEndpoint = clientFromString(sockets, description)
    except Exception as error:
        raise ValueError(_told(text, error)) from error
    return endpoint


def engine_socket(description: str) -> str | None:
    """
    The path of the engine's socket, where it is a UNIX socket.

    @raise ValueError: if something else than a socket is there.
    """
    text = EndpointText.parse(description)
    path = text.value("path", 0)
    if text.kind != "unix" or not path:
        return None
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        # The engine may start later than dss.
        return path
    except OSError as error:
        raise ValueError(f"the engine's socket {path} can't be used: {error.strerror}") from None
    if not stat.S_ISSOCK(mode):
        raise ValueError(f"{path} is no socket, so no engine can be there")
    return path


def _told(text: EndpointText, error: Exception) -> str:
    if isinstance(error, TypeError):
        # About the parameters of functions that are Twisted's own.
        form = _HOSTS.get(text.kind, f"{text.kind}:...")
        return f"it has a part too many or too few, and should look like {form}"
    unread = [
        f"{name}={text.named[name]}"
        for name in ("certificate", "certKey", "privateKey", "trustRoots", "caCertsDir")
        if name in text.named and not os.access(text.named[name], os.R_OK)
    ]
    return f"dss can't read {', '.join(unread)}" if unread else reason(error)
