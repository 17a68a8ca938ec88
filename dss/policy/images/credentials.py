"""
Credentials for registries: each goes to the registry that it is for, and to no other.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from dss.config.lines import allowing
from dss.config.registries import host_of
from dss.errors import BadRequest, Denied, Problem
from dss.model import gojson
from dss.model.message import HeaderList
from dss.policy.request import Circumstances, Request

_HEADER = "X-Registry-Auth"

#: The engine's C{registry.AuthConfig} (moby 20.10 to 28.5), but for an address of e-mail.
_FIELDS = ("username", "password", "auth", "serveraddress", "identitytoken", "registrytoken")

_SHAPE = gojson.Struct({name: gojson.Text() for name in (*_FIELDS, "email")})


def for_registry(request: Request, host: str, around: Circumstances) -> HeaderList:
    """
    The header with credentials for a registry: the client's own, written anew, or else those
    that dss has.

    @param host: the registry that the engine will connect to.
    @raise Denied: where the client's are for another one.
    """
    given = _given(request)
    secrets = {key: each for key, each in given.items() if key != "serveraddress" and each}
    if secrets:
        address = given.get("serveraddress", "")
        if address and host_of(address) != host:
            raise Denied(
                Problem(
                    "registry.credentials",
                    _HEADER,
                    f"the credentials are for {host_of(address)!r}, and this goes to {host!r}.",
                )
            )
        return ((_HEADER, encoded({**secrets, "serveraddress": address or host})),)
    own = around.settings.credentials.get(host)
    if own is None:
        # Some engines want the header with every push (moby 20.10).
        return ((_HEADER, encoded({})),)
    found = {"username": own.username, "password": own.password, "serveraddress": host}
    return ((_HEADER, encoded(found)),)


def encoded(credentials: dict[str, Any]) -> str:
    """
    Credentials as the header has them.
    """
    return base64.urlsafe_b64encode(gojson.encode(credentials)).decode("ascii")


def _given(request: Request) -> dict[str, str]:
    """
    What a client's header says; nothing where it can't be read, which is how the engine
    takes it (moby 20.10 to 28.5).
    """
    text = request.head.header(_HEADER.lower())
    if not text:
        return {}
    try:
        raw = base64.b64decode(
            re.sub(r"[\r\n]", "", text).translate(str.maketrans("-_", "+/")) + "===",
        )
        decoded = gojson.decode(gojson.read(raw), _SHAPE)
    except (binascii.Error, ValueError, BadRequest):
        return {}
    value = decoded.value or {}
    return {key: each for key, each in value.items() if key != "email"}


def check_host(host: str, around: Circumstances, field: str) -> None:
    """
    Judge a registry that the engine is to connect to.

    @param host: as L{host_of} gives it.
    @raise Denied: where nothing may be pulled from it or pushed to it.
    """
    if not around.settings.registries.knows(host):
        raise Denied(
            Problem(
                "registry.host",
                field,
                f"the engine would connect to {host!r}, which is not allowed.",
                allowing("registries.pull", [host], around.settings.registries),
            )
        )
