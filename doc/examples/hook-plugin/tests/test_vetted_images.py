"""
The hook by itself, and as dss runs it.
"""

from __future__ import annotations

from typing import Any

import pytest
from acme_hooks import HIDDEN, VettedImages
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from dss.errors import Denied
from dss.hooks.chain import HookChain
from dss.hooks.interfaces import IPolicyHook

HOOK = VettedImages(["busybox:1.36"])


def test_interface() -> None:
    """
    It is a hook.
    """
    assert verifyObject(IPolicyHook, HOOK)


@pytest.mark.parametrize("body", [{"Image": "busybox"}, {"Image": None}, {}])
def test_denied(body: dict[str, Any]) -> None:
    """
    Other images are denied, and none at all, too.
    """
    with pytest.raises(Denied, match=r"\[rule acme\.image\]"):
        HookChain([HOOK], Clock(), 5).on_create("ann", body)


@pytest.mark.parametrize(
    ("before", "after"), [({}, []), ({"Env": None}, []), ({"Env": ["A=1"]}, ["A=1"])]
)
def test_allowed(before: dict[str, Any], after: list[str]) -> None:
    """
    The vetted image is allowed, and the container told its owner.
    """
    body = {"Image": "busybox:1.36", **before}
    judged = HookChain([HOOK], Clock(), 5).on_create("ann", body)
    assert judged == {"Image": "busybox:1.36", "Env": [*after, "ACME_OWNER=ann"]}


@pytest.mark.parametrize(
    ("kind", "labels", "shown"),
    [
        ("container", {HIDDEN: ""}, False),
        ("container", {"other": ""}, True),
        ("container", None, True),
        ("image", {HIDDEN: ""}, True),
    ],
)
def test_lists(kind: str, labels: dict[str, str] | None, shown: bool) -> None:
    """
    Only containers with the label are hidden.
    """
    assert HookChain([HOOK], Clock(), 5).on_entry("ann", kind, {"Labels": labels}) is shown
