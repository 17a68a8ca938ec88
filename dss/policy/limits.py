"""
Ceilings of what one container may have: who asks for more is denied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dss.config.containers import Ceilings
from dss.config.values import size_text
from dss.errors import Problem

#: What the engine takes for a period of the CPU's time slices where none is told, in
#: microseconds (the kernel's own default).
_PERIOD = 100_000

_CPU_FIELDS = ("NanoCpus", "CpuQuota", "CpuPeriod")


def cpus_of(resources: Mapping[str, Any]) -> float:
    """
    How many CPUs resources allow at the most; 0 means all.
    """
    nano = resources.get("NanoCpus", 0)
    quota = resources.get("CpuQuota", 0)
    found = [nano / 1e9] if nano > 0 else []
    if quota > 0:
        found.append(quota / (resources.get("CpuPeriod", 0) or _PERIOD))
    return max(found, default=0.0)


def problems(resources: Mapping[str, Any], ceilings: Ceilings, at: str) -> Iterator[Problem]:
    """
    What is over the ceilings. What is not asked for is not judged here:
    L{dss.policy.given} gives it a value.

    @param resources: the engine's C{container.Resources}, with C{ShmSize}.
    @param at: what stands before a field's name, such as C{HostConfig.}.
    """
    memory = resources.get("Memory", 0)
    if ceilings.memory is not None:
        if memory > ceilings.memory:
            yield _over("memory", f"{at}Memory", memory, ceilings.memory)
        swap = resources.get("MemorySwap", 0)
        if swap > 2 * ceilings.memory:
            yield _over("memory", f"{at}MemorySwap", swap, 2 * ceilings.memory)
        elif swap < 0:
            yield _unlimited("memory", f"{at}MemorySwap", 2 * ceilings.memory)
    if ceilings.cpus is not None:
        cpus = cpus_of(resources)
        if cpus > ceilings.cpus:
            name = "CpuQuota" if resources.get("CpuQuota", 0) > 0 else "NanoCpus"
            yield _over("cpus", f"{at}{name}", cpus, ceilings.cpus)
    pids = resources.get("PidsLimit", 0)
    if ceilings.pids is not None and pids > ceilings.pids:
        yield _over("pids", f"{at}PidsLimit", pids, ceilings.pids)
    shm = resources.get("ShmSize", 0)
    if ceilings.shm_size is not None and shm > ceilings.shm_size:
        yield _over("shm_size", f"{at}ShmSize", shm, ceilings.shm_size)
    for index, each in enumerate(resources.get("Ulimits") or ()):
        # The engine upper-cases the name (moby 28.5, daemon/oci_linux.go).
        name = each.get("Name", "").upper().lower()
        ceiling = ceilings.ulimits.get(name)
        if ceiling is None:
            continue
        for end in ("Soft", "Hard"):
            value = each.get(end, 0)
            where = f"{at}Ulimits[{index}].{end}"
            if value < 0:
                yield _unlimited(f"ulimits.{name}", where, ceiling)
            elif value > ceiling:
                yield _over(f"ulimits.{name}", where, value, ceiling)


def update_problems(
    update: Mapping[str, Any], current: Mapping[str, Any], ceilings: Ceilings
) -> Iterator[Problem]:
    """
    The same for an update, where C{0} means no change but for C{PidsLimit}, and a negative
    value no limit.

    @param current: the container's resources as they are.
    """
    changed = {name: value for name, value in update.items() if value}
    judged = dict(changed)
    if any(name in changed for name in _CPU_FIELDS):
        # A quota means more CPUs with a shorter period, whichever of them was there before.
        for name in _CPU_FIELDS:
            judged.setdefault(name, current.get(name) or 0)
    yield from problems(judged, ceilings, "")
    if ceilings.memory is not None and changed.get("Memory", 0) < 0:
        yield _unlimited("memory", "Memory", ceilings.memory)
    if ceilings.cpus is not None and (
        changed.get("CpuQuota", 0) < 0 or changed.get("NanoCpus", 0) < 0
    ):
        name = "CpuQuota" if changed.get("CpuQuota", 0) < 0 else "NanoCpus"
        yield _unlimited("cpus", name, ceilings.cpus)
    pids = update.get("PidsLimit")
    if ceilings.pids is not None and pids is not None and pids <= 0:
        yield _unlimited("pids", "PidsLimit", ceilings.pids)


def whole_cpus(
    update: Mapping[str, Any], current: Mapping[str, Any], ceiling: float | None
) -> dict[str, int]:
    """
    What an update must say besides of a quota and its period: both together are so many CPUs,
    and another update on its way may change the one that this one leaves.

    @param current: the container's resources as they are.
    @param ceiling: how many CPUs it may have, where it has no quota yet.
    """
    asked = {name: update.get(name) or 0 for name in _CPU_FIELDS}
    if not (asked["CpuQuota"] or asked["CpuPeriod"]):
        return {}
    if asked["NanoCpus"] or (current.get("NanoCpus") or 0) > 0:
        # The engine takes no quota beside these, and says so.
        return {}
    period = asked["CpuPeriod"] or current.get("CpuPeriod") or _PERIOD
    quota = asked["CpuQuota"] or current.get("CpuQuota") or 0
    if quota <= 0 and ceiling is not None:
        quota = int(ceiling * period)
    return {"CpuPeriod": period, "CpuQuota": quota}


def _over(name: str, at: str, value: float, ceiling: float) -> Problem:
    return Problem(
        f"container.ceiling.{name}",
        at,
        f"{shown(name, value)} is over the ceiling of {shown(name, ceiling)}.",
        f"The operator's ceiling is containers.ceilings.{name} in the settings file.",
    )


def _unlimited(name: str, at: str, ceiling: float) -> Problem:
    return Problem(
        f"container.ceiling.{name}",
        at,
        f"no limit is denied: the ceiling is {shown(name, ceiling)}.",
        f"The operator's ceiling is containers.ceilings.{name} in the settings file.",
    )


def shown(name: str, value: float) -> str:
    """
    An amount as the settings file has it.

    @param name: the key, such as C{memory}.
    """
    if name in ("memory", "shm_size"):
        return size_text(value)
    return f"{value:g}" if value != int(value) else str(int(value))
