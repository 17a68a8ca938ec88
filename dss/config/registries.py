"""
Registries: what may be pulled, pushed and looked for, and the credentials that dss adds.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

from attrs import field, frozen

from dss.config import values
from dss.config.values import setting
from dss.model.reference import HUB, Reference

_HOST = re.compile(r"[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?|\[[a-f0-9:]+\](?::[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9][a-z0-9._/-]*(?:/\*)?|\*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def host_of(address: str) -> str:
    """
    The registry that an address means, as clients write it: a host, or the URL of one.
    """
    host = re.sub(r"^https?://", "", address.strip()).partition("/")[0].lower()
    return HUB if host in ("", f"index.{HUB}", f"registry-1.{HUB}") else host


def _pattern(text: str) -> None:
    name, at, digest = text.partition("@")
    host, slash, path = name.partition("/")
    if not _HOST.fullmatch(host) or not ("." in host or ":" in host or host == "localhost"):
        raise ValueError(
            f"{text!r} should begin with a registry's host, such as {HUB}, and may go on with "
            "/REPOSITORY, or with /PREFIX/*"
        )
    if slash and not _PATH.fullmatch(path):
        raise ValueError(f"{text!r} has no repository behind its registry, nor a prefix and /*")
    if at and (not slash or path.endswith("*") or not _DIGEST.fullmatch(digest)):
        raise ValueError(f"{text!r} should end with a repository and @sha256:DIGEST")


def _fits(reference: Reference, text: str) -> bool:
    name, _, digest = text.partition("@")
    host, slash, path = name.partition("/")
    if host_of(host) != reference.domain.lower() or (digest and reference.digest != digest):
        return False
    if not slash or path == "*":
        return True
    if path.endswith("/*"):
        return reference.path.startswith(path[:-1])
    return path == reference.path


@frozen
class Credentials:
    """
    What a registry knows somebody by.
    """

    username: str
    password: str = field(repr=False)


@frozen
class Registries:
    """
    C{[registries]}
    """

    pull: tuple[str, ...] = setting(
        'What may be pulled: a registry, such as "docker.io", a repository of one, such as '
        '"docker.io/library/busybox", all below a path, such as "ghcr.io/acme/*", or one image '
        'only, such as "docker.io/library/busybox@sha256:…". The engine connects to these.',
        (HUB,),
        "list of repositories",
        values.listed(_pattern),
    )
    push: tuple[str, ...] = setting(
        "What may be pushed to, written in the same way but without digests.",
        (),
        "list of repositories",
        values.listed(_pattern),
    )
    credentials: str | None = setting(
        "A file with credentials that dss adds where a client sends none, in the form of the "
        "docker client's own config.json. All owners of this dss can use them, for what they may "
        "pull and push, and none can read them.",
        None,
        "path",
        values.word,
    )

    def may_pull(self, reference: Reference) -> bool:
        """
        Whether an image may be pulled, or asked for.
        """
        return any(_fits(reference, each) for each in self.pull)

    def may_push(self, reference: Reference) -> bool:
        """
        Whether an image may be pushed.
        """
        return any(_fits(reference, each) for each in self.push)

    def knows(self, host: str) -> bool:
        """
        Whether anything of a registry may be pulled or pushed.

        @param host: as L{host_of} gives it.
        """
        return any(host_of(each) == host for each in (*self.pull, *self.push))


def read_credentials(text: str) -> Mapping[str, Credentials]:
    """
    Read a file of the docker client's.

    @return: credentials by registry, as L{host_of} gives it.
    @raise ValueError: where it has another form, or keeps them elsewhere.
    """
    try:
        value = json.loads(text)
        entries = value.get("auths", {}).items()
        found = {}
        for address, entry in entries:
            if entry.get("auth"):
                decoded = base64.b64decode(entry["auth"], validate=True).decode("utf-8")
                username, _, password = decoded.partition(":")
            else:
                username, password = entry["username"], entry["password"]
            if not isinstance(username, str) or not isinstance(password, str) or not username:
                raise TypeError
            found[host_of(address)] = Credentials(username, password)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            'it should be JSON as {"auths": {"HOST": {"auth": "base64 of NAME:PASSWORD"}}}'
        ) from None
    return found


__all__ = ["Credentials", "Registries", "host_of", "read_credentials"]
