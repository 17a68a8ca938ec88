"""
What the steps of a build get from the operator: by the settings of containers, which they run
in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dss.config.containers import Containers
from dss.config.lines import allowing
from dss.config.settings import OwnerSettings
from dss.errors import BadRequest, Problem
from dss.model.ruling import Judgement
from dss.policy import claims, given, limits
from dss.policy.networks.resolving import for_engine
from dss.policy.queries import text_of
from dss.policy.request import Circumstances, Request

#: Fields of C{HostConfig} by the parameters of a build that become them (moby 28.5,
#: C{builder/dockerfile/internals.go}).
_NUMBERS = {
    "memory": "Memory",
    "memswap": "MemorySwap",
    "cpuperiod": "CpuPeriod",
    "cpuquota": "CpuQuota",
    "shmsize": "ShmSize",
}
_PARAMETERS = {
    **{field: name for name, field in _NUMBERS.items()},
    "NanoCpus": "cpuquota",
    "Ulimits": "ulimits",
}

#: A period of the CPU's time slices, in microseconds, as engines take it for C{NanoCpus}.
_PERIOD = 100_000

#: Arguments of a build that each Dockerfile has without C{ARG}, and that become environment
#: variables of its steps (moby 28.5, C{builder/dockerfile/buildargs.go}; 20.10 does not know
#: the last pair).
_UPPER = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
_PROXIES = frozenset((*_UPPER, *(each.lower() for each in _UPPER)))


def asked_of(request: Request, ulimits: list[dict[str, Any]]) -> dict[str, Any]:
    """
    What a build asks for its steps, as a C{HostConfig}.

    @param ulimits: as they were read.
    @raise BadRequest: for a number that the engine would read as none.
    """
    found: dict[str, Any] = {}
    for name, field in _NUMBERS.items():
        text = text_of(request, name)
        if text:
            found[field] = int(text)
            if not -(2**63) <= found[field] < 2**63:
                # Go's ParseInt fails, and the engine then takes 0 (moby 28.5).
                raise BadRequest(f"the query parameter {name} is not a number of 64 bits")
    if ulimits:
        found["Ulimits"] = ulimits
    return found


def problems(asked: Mapping[str, Any], settings: OwnerSettings) -> Iterator[Problem]:
    """
    What is over the ceilings, what alone is over the owner's limits in sum, and what steps
    can't have though each container has it.
    """
    containers = settings.containers
    found = list(limits.problems(asked, containers.ceilings, ""))
    if not found:
        found += claims.problems(_with_limits(asked, containers), settings.sums, "")
    for each in found:
        field, bracket, rest = each.field.partition("[")
        yield Problem(each.rule, f"{_PARAMETERS[field]}{bracket}{rest}", each.reason, each.hint)
    unmet = [each for each in _unmet(containers) if each not in containers.builds_without]
    if unmet:
        yield Problem(
            "build.forced",
            "",
            f"the settings give containers what the engine's classic builder can't give the steps "
            f"of a build: {', '.join(unmet)}.",
            allowing("containers.builds_without", unmet, containers),
        )


def _unmet(containers: Containers) -> Iterator[str]:
    force, defaults = containers.force, containers.defaults
    if force.user is not None:
        yield "user"
    # No client can have others than the defaults of these, unless it is allowed by name.
    if force.runtime is not None or defaults.runtime is not None:
        yield "runtime"
    if force.security_options or defaults.security_options:
        yield "security_options"
    if containers.ceilings.pids is not None:
        yield "pids"


def resources(asked: Mapping[str, Any], settings: Containers) -> dict[str, str]:
    """
    Parameters of a build that the operator's limits change; one that is left out is empty.
    """
    after = _with_limits(asked, settings)
    if "NanoCpus" in after:
        # A build has no such parameter.
        after["CpuPeriod"] = _PERIOD
        after["CpuQuota"] = max(int(after.pop("NanoCpus") * _PERIOD / 1e9), 1)
    found = {
        name: str(after.get(field, ""))
        for name, field in _NUMBERS.items()
        if after.get(field) != asked.get(field)
    }
    if after.get("Ulimits") != asked.get("Ulimits"):
        found["ulimits"] = json.dumps(after["Ulimits"], separators=(",", ":"))
    parent = settings.force.cgroup_parent or settings.defaults.cgroup_parent
    if parent is not None:
        found["cgroupparent"] = parent
    return found


def _with_limits(asked: Mapping[str, Any], settings: Containers) -> dict[str, Any]:
    found = given.with_limits(asked, settings)
    # A build has no such parameter either.
    found.pop("PidsLimit", None)
    return found


def arguments(asked: Mapping[str, Any], settings: Containers) -> dict[str, Any]:
    """
    A build's arguments, with the proxies that the operator gives containers. Other environment
    variables have no place in a build.
    """
    return {
        **_proxies(settings.defaults.environment),
        **asked,
        **_proxies(settings.force.environment),
    }


def _proxies(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name in _PROXIES}


def network(asked: str, around: Circumstances) -> Judgement[str]:
    """
    The network of a build's steps, for the engine: as for a container.

    @param asked: empty, C{default}, C{bridge} or C{none}; where one is forced, anything.
    """
    containers = around.settings.containers
    if containers.force.network is not None:
        return containers.force.network
    if asked in ("", "default") and containers.defaults.network is not None:
        return containers.defaults.network
    if asked != "none" and around.settings.networks.private_bridge:
        return (yield from for_engine("bridge", around))
    return asked
