"""
What a client may write since the engine does it anyway: many clients send a container's inspect
again, or say the default aloud.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from dss.config.containers import Containers
from dss.model.facts import EngineDefaults, EngineUsual
from dss.model.ruling import Judgement, ask

#: What all engines since 20.10 hide from a container, and what newer ones hide too (moby 20.10
#: to 28.5, C{oci/defaults.go}).
_MASKED = frozenset(
    {
        "/proc/asound",
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
    }
)
_ALSO_MASKED = re.compile(
    r"/proc/interrupts|/sys/devices/virtual/powercap|"
    r"/sys/devices/system/cpu/cpu[0-9]+/thermal_throttle"
)
_READ_ONLY = frozenset({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})


def without_usual_paths(body: Mapping[str, Any]) -> dict[str, Any]:
    """
    A create body without lists of hidden and of read-only paths that an engine made: the engine
    makes its own again, which may be longer by now.
    """
    host = dict(body.get("HostConfig") or {})
    masked, read_only = host.get("MaskedPaths"), host.get("ReadonlyPaths")
    if masked and set(masked) >= _MASKED and _all_known(set(masked) - _MASKED):
        del host["MaskedPaths"]
    if read_only and set(read_only) == _READ_ONLY:
        del host["ReadonlyPaths"]
    return {**body, "HostConfig": host} if "HostConfig" in body else dict(body)


def _all_known(paths: set[str]) -> bool:
    return all(_ALSO_MASKED.fullmatch(each) for each in paths)


def with_usual(body: Mapping[str, Any], settings: Containers) -> Judgement[Containers]:
    """
    Settings by which a body may also name the runtime, and the security options, that it gets
    without them.
    """
    host = body.get("HostConfig") or {}
    runtime, options = host.get("Runtime"), set(host.get("SecurityOpt") or ())
    candidates = options & set(_said(None)) - set(settings.security_options)
    if not candidates and (not runtime or runtime in settings.runtimes):
        return settings
    usual = yield from ask(EngineUsual())
    defaults = settings.defaults
    # What the operator gives by default is not the engine's any more.
    given = {re.split("[=:]", each, maxsplit=1)[0] for each in defaults.security_options}
    fine = [each for each in _said(usual) if re.split("[=:]", each)[0] not in given]
    return evolve(
        settings,
        runtimes=(*settings.runtimes, defaults.runtime or usual.runtime),
        security_options=(*settings.security_options, *fine),
    )


def _said(usual: EngineDefaults | None) -> Iterator[str]:
    """
    Options that say an engine's default aloud; of any engine without one.
    """
    # An engine can be told to set the option for all, or to have a profile of the operator's
    # own for all.
    if usual is None or "name=no-new-privileges" not in usual.security_options:
        yield from ("no-new-privileges=false", "no-new-privileges:false")
    builtin = ("name=seccomp,profile=builtin", "name=seccomp,profile=default")
    if usual is None or set(builtin) & set(usual.security_options):
        yield "seccomp=builtin"
    # It is what engines set; without AppArmor it means nothing to them.
    yield "apparmor=docker-default"
