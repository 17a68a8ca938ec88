"""
References of images, by Docker's grammar (C{distribution/reference}, unchanged from moby
20.10 to 28.5).
"""

from __future__ import annotations

import re

from attrs import evolve, frozen

from dss.errors import BadRequest

#: The registry that a reference without a host means.
HUB = "docker.io"

#: The most characters of a reference's name.
LONGEST = 255

_HOST = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
#: Without addresses of IPv6, which older engines don't know.
_DOMAIN = re.compile(rf"{_HOST}(?:\.{_HOST})*(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")

#: What tools, or the engine, take for the beginning of an id.
_LIKE_AN_ID = re.compile(r"[0-9a-f]{6,64}")


@frozen
class Reference:
    """
    What names an image: a repository of a registry, with a tag, a digest, both or neither.

    @ivar domain: the registry, such as C{docker.io}.
    @ivar path: the repository, such as C{library/busybox}.
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """
        Read a reference as a client writes it.

        @raise BadRequest: if it is none, in the engine's words.
        """
        rest, at, digest = text.partition("@")
        head, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            head, tag, colon = rest, "", ""
        domain, slash, path = head.partition("/")
        # A first part that could be no host is a part of the path.
        is_host = slash and ("." in domain or ":" in domain or domain == "localhost")
        if not (is_host or (slash and domain.lower() != domain)):
            domain, path = HUB, head
        if domain == f"index.{HUB}":
            domain = HUB
        if domain == HUB and "/" not in path:
            path = f"library/{path}"
        found = cls(domain, path, tag, digest)
        if (
            not _DOMAIN.fullmatch(domain)
            or not _PATH.fullmatch(path)
            or len(found.repository) > LONGEST
            or bool(colon) is not bool(_TAG.fullmatch(tag))
            or bool(at) is not bool(_DIGEST.fullmatch(digest))
        ):
            if path != path.lower() and _PATH.fullmatch(path.lower()):
                # In the words of moby 28.5.
                raise BadRequest(
                    f"invalid reference format: repository name ({path}) must be lowercase"
                )
            raise BadRequest("invalid reference format")
        return found

    @property
    def repository(self) -> str:
        """
        The registry and the path, such as C{docker.io/library/busybox}.
        """
        return f"{self.domain}/{self.path}"

    @property
    def like_an_id(self) -> bool:
        """
        Whether its familiar name is one that would be taken for an image's id.
        """
        return _LIKE_AN_ID.fullmatch(self.familiar_name) is not None

    @property
    def familiar_name(self) -> str:
        """
        The repository as the engine shows it, such as C{busybox}.
        """
        if self.domain != HUB:
            return self.repository
        return self.path.removeprefix("library/") if self.path.count("/") == 1 else self.path

    @property
    def familiar(self) -> str:
        """
        The whole reference as the engine shows it.
        """
        return self.familiar_name + self._rest

    @property
    def named(self) -> Reference:
        """
        The same with the tag C{latest} where it has neither tag nor digest.
        """
        return self if self.tag or self.digest else evolve(self, tag="latest")

    @property
    def _rest(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.repository + self._rest


def canonical(text: str) -> str:
    """
    The one spelling of a tag or a digest that the engine tells, such as
    C{docker.io/library/busybox:latest}; the text itself where it is no reference.
    """
    try:
        return str(Reference.parse(text).named)
    except BadRequest:
        return text


def repository_of(text: str) -> str:
    """
    The repository of a canonical tag or digest.
    """
    name = text.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
