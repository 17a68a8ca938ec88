"""
The interface that a third party's policy hook provides.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.plugin import IPlugin
from zope.interface import Attribute

#: A new body, or L{None} for no opinion.
NewBody = dict[str, Any] | None

#: What a hook may answer to a create.
CreateAnswer = NewBody | Deferred[NewBody] | Coroutine[Any, Any, NewBody]

#: What a hook may answer for a list's entry: whether to show it.
EntryAnswer = bool | Deferred[bool] | Coroutine[Any, Any, bool]


class IPolicyHook(IPlugin):
    """
    A judgement of the operator's own, beside dss's rules.

    Hooks run in the order that they declare. They can make dss stricter, never
    more lenient: what a hook returns is judged by the rules like a client's own
    words. One that raises anything but L{dss.errors.Denied}, takes too long or
    returns something else than is said here denies what it was asked about.

    Every argument is the hook's own copy. Every method may return a Deferred or be
    an C{async def}; one that blocks blocks all of dss, and no time limit can help.
    """

    name: str = Attribute(
        """
        What the hook is called in messages, logs and the audit: unique, one word.
        """
    )

    order: int = Attribute(
        """
        Its place: hooks with lower numbers run first, those with the same number by
        their names.
        """
    )

    def judge_create(owner: str, body: dict[str, Any]) -> CreateAnswer:
        """
        Judge one container that is to be created, or the containers of a service, for
        which a new body denies.

        @param owner: the name of the owner who asks for it.

        @param body: the body of C{POST /containers/create} with the names of the
            Docker Engine API (I{ContainerCreate}); it may come from any client, so
            any field may be missing or odd.

        @return: L{None} for no opinion, or a whole new body.

        @raise dss.errors.Denied: to deny it.
        """

    def show_entry(owner: str, kind: str, entry: dict[str, Any]) -> EntryAnswer:
        """
        Say whether the owner may see one entry of a list. dss asks only about
        entries that its own rules show.

        @param owner: the name of the owner who asks for the list.

        @param kind: what the list holds: C{container}, C{image}, C{network}, C{volume},
            C{event}, C{node}, C{service}, C{task}, C{secret} or C{config}.

        @param entry: the engine's own entry.

        @return: whether to show it.

        @raise dss.errors.Denied: to deny the whole list.
        """


__all__ = ["CreateAnswer", "EntryAnswer", "IPolicyHook", "NewBody"]
