"""
What an owner may know of a Swarm and its nodes: enough to read what clients show, and
nothing that lets a machine join, or tells where one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.errors import EngineOdd
from dss.model.facts import HooksOnEntry, Json
from dss.model.ruling import Edit, EditJson, Forward, Judgement, Ruling, ask
from dss.policy.queries import filters_of, passed_on
from dss.policy.request import Circumstances, Request

#: The fields that are shown, and those inside them (Docker Engine API 1.55, I{Swarm} and
#: I{Node}); L{None} shows all of one.
_Kept = Mapping[str, "Any"]

_SWARM: _Kept = {
    "ID": None,
    "Version": None,
    "CreatedAt": None,
    "UpdatedAt": None,
    "Spec": {"Name": None, "Orchestration": None},
    "RootRotationInProgress": None,
}

_NODE: _Kept = {
    "ID": None,
    "Version": None,
    "CreatedAt": None,
    "UpdatedAt": None,
    "Spec": {"Role": None, "Availability": None},
    "Description": {
        "Hostname": None,
        "Platform": None,
        "Resources": {"NanoCPUs": None, "MemoryBytes": None},
        "Engine": {"EngineVersion": None},
    },
    "Status": {"State": None},
    "ManagerStatus": {"Leader": None, "Reachability": None},
}

#: What of C{/info} tells of the Swarm.
_INFO: _Kept = {"NodeID": None, "LocalNodeState": None, "ControlAvailable": None}


def _cut(value: Json, kept: _Kept) -> Json:
    if not isinstance(value, dict):
        raise EngineOdd("the engine's object is none")
    return {
        key: each if kept[key] is None or each is None else _cut(each, kept[key])
        for key, each in value.items()
        if key in kept
    }


def in_info(value: Json) -> dict[str, Json]:
    """
    What of C{/info}'s C{Swarm} may be known.
    """
    found: dict[str, Json] = _cut(value, _INFO)
    return found


def inspect_swarm(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting the Swarm: without tokens, keys and addresses.
    """
    return Forward(reply=EditJson(_edit(_SWARM)))
    yield  # pragma: no cover - makes this function a generator


def inspect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of inspecting a node. They are nobody's: the client's own reference goes on.
    """
    return Forward(params={"id": request.params["id"]}, reply=EditJson(_edit(_NODE)))
    yield  # pragma: no cover - makes this function a generator


def listing(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of listing nodes.
    """
    return Forward(
        query=passed_on({**request.query, "filters": filters_of(request)}),
        reply=EditJson(_listed),
    )
    yield  # pragma: no cover - makes this function a generator


def _edit(kept: _Kept) -> Edit:
    def edit(value: Json) -> Judgement[Json]:
        return _cut(value, kept)
        yield  # pragma: no cover - makes this function a generator

    return edit


def _listed(value: Json) -> Judgement[Json]:
    if not isinstance(value, list):
        raise EngineOdd("the engine's list of nodes is no list")
    shown = []
    for each in value:
        if (yield from ask(HooksOnEntry("node", each))):
            shown.append(_cut(each, _NODE))
    return shown
