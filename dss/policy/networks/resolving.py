"""
Which network a reference means, for an owner.
"""

from __future__ import annotations

import hashlib
import re

from dss.errors import BadRequest, Denied, NotFound, Problem
from dss.model.facts import NetworkFacts, NetworkNamed, PrivateBridge
from dss.model.owner import Owner
from dss.model.ruling import EditError, Judgement, ask
from dss.policy.fields.networking import RESERVED
from dss.policy.request import Circumstances
from dss.policy.wording import instead

#: Networks that every engine has, that nobody owns, and that containers may be in.
COMMON = ("bridge", "none")

#: The modes of a container that is in the engine's default network (Docker Engine API,
#: I{HostConfig.NetworkMode}).
DEFAULT = ("", "default", "bridge")

_BEGINNING_OF_AN_ID = re.compile("[0-9a-f]{4,64}")


def private_name(owner: Owner) -> str:
    """
    The name of an owner's private bridge. No client can give a network such a name.
    """
    digest = hashlib.sha256(owner.name.encode()).hexdigest()
    return f"{RESERVED}bridge-{digest[:16]}"


def private_bridge(around: Circumstances) -> Judgement[NetworkFacts]:
    """
    The owner's private bridge, made where there is none yet.
    """
    return (yield from ask(PrivateBridge(private_name(around.owner))))


def named(reference: str, around: Circumstances) -> Judgement[NetworkFacts | None]:
    """
    The network of the owner's own, or of those that every engine has, that a reference
    means; L{None} where there is none.

    A private bridge is what C{bridge} means to its owner. Its own name is nobody's.
    """
    is_private = around.settings.networks.private_bridge
    if is_private and reference == "bridge":
        return (yield from private_bridge(around))
    found = yield from ask(NetworkNamed(reference))
    if found is not None and found.owner not in (None, around.owner.name):
        return None
    if found is not None and found.owner is None and found.name == "bridge" and is_private:
        return None
    if found is None and is_private and _BEGINNING_OF_AN_ID.fullmatch(reference):
        bridge = yield from private_bridge(around)
        if bridge.id.startswith(reference):
            return bridge
    return found


def joinable(reference: str, around: Circumstances) -> Judgement[NetworkFacts]:
    """
    The network that a container of the owner's may join or leave.

    @raise NotFound: where it is missing or another owner's.
    @raise Denied: for the host's network.
    """
    found = yield from named(reference, around)
    if found is None:
        raise NotFound(f"network {reference} not found")
    if found.owner is None and found.name not in COMMON:
        raise Denied(
            Problem(
                "container.network",
                "",
                f"{found.name!r} is denied: the host's network reaches its own services.",
                "Allowed: bridge, none, and one's own networks.",
            )
        )
    return found


def for_engine(reference: str, around: Circumstances) -> Judgement[str]:
    """
    A network that a create's body names, as the engine gets it: an id, or the name of one
    that every engine has.

    @raise BadRequest: where it is missing or another owner's.
    """
    if reference in (*DEFAULT, "none") and not around.settings.networks.private_bridge:
        return reference
    found = yield from named("bridge" if reference in DEFAULT else reference, around)
    if found is not None and found.owner is not None:
        return found.id
    if found is not None and found.name in COMMON:
        return found.name
    raise BadRequest(f"network {reference} not found")


def as_asked(reference: str, id: str, around: Circumstances) -> EditError:
    """
    Edits an engine's error so that it names the network as the client did, and none of dss's
    own: the engine was asked by id.
    """
    words = {f"network {id}": f"network {reference}", private_name(around.owner): "bridge"}
    return instead(words)
