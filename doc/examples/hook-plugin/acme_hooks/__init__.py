"""
A policy hook for Docker Safety Sock: only the images that Acme has vetted, builds
that know whose they are, and no sight of Acme's own helpers.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from zope.interface import implementer

from dss.errors import Denied, Problem
from dss.hooks.interfaces import IPolicyHook

#: A container with this label is not shown in lists.
HIDDEN = "com.acme.hidden"


@implementer(IPolicyHook)
class VettedImages:
    """
    Denies containers of any other image, tells each container its owner, and hides
    those that are marked.

    @ivar images: the references as clients must write them, such as
        C{busybox:1.36}.
    """

    name = "acme.images"
    order = 100

    def __init__(self, images: Collection[str]) -> None:
        self.images = frozenset(images)

    def judge_create(self, owner: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """
        Deny the image, or add C{ACME_OWNER} to the environment.
        """
        image = body.get("Image")
        if image not in self.images:
            raise Denied(
                Problem(
                    "acme.image",
                    "Image",
                    f"{image!r} is not vetted.",
                    f"Vetted are: {', '.join(sorted(self.images))}.",
                )
            )
        # What is odd in a body is for dss's own rules to deny.
        environment = body.get("Env") or []
        if not isinstance(environment, list):
            return None
        return {**body, "Env": [*environment, f"ACME_OWNER={owner}"]}

    def show_entry(self, owner: str, kind: str, entry: dict[str, Any]) -> bool:
        """
        Hide the containers with the label.
        """
        return kind != "container" or HIDDEN not in (entry.get("Labels") or {})
