"""
What the engine tells of itself, cut down to what an owner may know.
"""

from __future__ import annotations

from functools import lru_cache

from dss.errors import EngineOdd
from dss.model.facts import Json, OwnContainers
from dss.model.images import AllImages, AllRecords
from dss.model.message import ResponseHead
from dss.model.owner import Owner
from dss.model.ruling import EditJson, Forward, Judgement, Ruling, Stream, ask
from dss.model.version import NEWEST, OLDEST, ApiVersion
from dss.policy.images.seen import listed
from dss.policy.request import Circumstances, Request
from dss.policy.swarm.nodes import in_info

#: The fields of C{/info} that tell of the engine's kind, its limits and its machine's
#: size, and of nobody's use of it (Docker Engine API 1.55, I{SystemInfo}).
_INFO_KEPT = frozenset(
    [
        "Driver",
        "Plugins",
        "MemoryLimit",
        "SwapLimit",
        "KernelMemory",
        "KernelMemoryTCP",
        "CpuCfsPeriod",
        "CpuCfsQuota",
        "CPUShares",
        "CPUSet",
        "PidsLimit",
        "IPv4Forwarding",
        "BridgeNfIptables",
        "BridgeNfIp6tables",
        "Debug",
        "OomKillDisable",
        "SystemTime",
        "LoggingDriver",
        "CgroupDriver",
        "CgroupVersion",
        "KernelVersion",
        "OperatingSystem",
        "OSVersion",
        "OSType",
        "Architecture",
        "IndexServerAddress",
        "NCPU",
        "MemTotal",
        "ExperimentalBuild",
        "ServerVersion",
        "DefaultRuntime",
        "LiveRestoreEnabled",
        "Isolation",
        "InitBinary",
        "ContainerdCommit",
        "RuncCommit",
        "InitCommit",
        "SecurityOptions",
    ]
)

#: The fields that count containers, and the states that each counts.
_COUNTS = {
    "ContainersRunning": ("running",),
    "ContainersPaused": ("paused",),
    "ContainersStopped": ("created", "exited", "dead", "removing"),
}


def ping(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of C{/_ping}, from which clients learn the API version and the builder.
    """
    return Forward(reply=Stream(edit_head=_modest))
    yield  # pragma: no cover - makes this function a generator


# Under load, the engine's heads are the same for a second.
@lru_cache(maxsize=64)
def _modest(head: ResponseHead) -> ResponseHead:
    """
    A ping's head that tells of no newer API than dss knows, and of the builder that dss
    mediates.
    """
    headers = []
    for name, value in head.headers:
        lowered = name.lower()
        if lowered == "api-version":
            headers.append((name, _capped(value)))
        elif lowered != "builder-version":
            headers.append((name, value))
    headers.append(("Builder-Version", "1"))
    return ResponseHead(head.status, head.reason, tuple(headers), head.length)


@lru_cache(maxsize=64)
def _capped(told: str) -> str:
    try:
        return str(min(ApiVersion.parse(told), NEWEST))
    except ValueError:
        raise EngineOdd(f"the engine speaks API version {told!r}") from None


def _raised(told: str) -> str:
    try:
        return str(max(ApiVersion.parse(told), OLDEST))
    except ValueError:
        raise EngineOdd(f"the engine's oldest API version is {told!r}") from None


def version(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of C{/version}: with the API versions that dss serves.
    """
    return Forward(reply=EditJson(_versions))
    yield  # pragma: no cover - makes this function a generator


def _versions(value: Json) -> Judgement[Json]:
    if not isinstance(value, dict):
        raise EngineOdd("the engine's version is no object")
    shown = _within(value)
    components = value.get("Components")
    if isinstance(components, list):
        shown["Components"] = [
            {**each, "Details": _within(each["Details"])}
            if _is_engine(each) and isinstance(each.get("Details"), dict)
            else each
            for each in components
        ]
    return value if shown == value else shown
    yield  # pragma: no cover - makes this function a generator


def _is_engine(component: Json) -> bool:
    """
    Whether a component's versions are of this API: those of Podman's own are not.
    """
    return isinstance(component, dict) and component.get("Name") == "Engine"


def _within(given: dict[str, Json]) -> dict[str, Json]:
    changed = dict(given)
    if isinstance(given.get("ApiVersion"), str):
        changed["ApiVersion"] = _capped(given["ApiVersion"])
    if isinstance(given.get("MinAPIVersion"), str):
        changed["MinAPIVersion"] = _raised(given["MinAPIVersion"])
    return changed


def info(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of C{/info}: the engine's kind and limits, with the owner's own containers and
    the images that it may see counted. Every other field is there, and empty.
    """

    def edit(value: Json) -> Judgement[Json]:
        return (yield from _informed(value, around.owner))

    return Forward(reply=EditJson(edit))
    yield  # pragma: no cover - makes this function a generator


def _informed(value: Json, owner: Owner) -> Judgement[Json]:
    if not isinstance(value, dict):
        raise EngineOdd("the engine's info is no object")
    states = [each.get("State") for each in (yield from ask(OwnContainers()))]
    shown = {key: each if key in _INFO_KEPT else _blank(each) for key, each in value.items()}
    shown["Containers"] = len(states)
    records = yield from ask(AllRecords())
    images = [listed(each, records) for each in (yield from ask(AllImages()))]
    shown["Images"] = sum(each.is_usable(owner.name) for each in images)
    for key, counted in _COUNTS.items():
        shown[key] = sum(state in counted for state in states)
    if "Swarm" in value:
        shown["Swarm"] = {**_blank_object(value["Swarm"]), **in_info(value["Swarm"])}
        # The docker CLI shows what is in it where it is there.
        shown["Swarm"].pop("Cluster", None)
    # The docker CLI reads members of these, and means them to be there.
    if "RegistryConfig" in value:
        shown["RegistryConfig"] = _blank_object(value["RegistryConfig"])
    return shown


def _blank(value: Json) -> Json:
    """
    The empty value of the same type: Go's zero value as JSON shows it.
    """
    if value is None:
        return None
    return type(value)()


def _blank_object(value: Json) -> dict[str, Json]:
    """
    An object with the same keys, each of them empty.
    """
    return {key: _blank(each) for key, each in value.items()} if isinstance(value, dict) else {}
