"""
What a client may write since the engine does it anyway.
"""

from __future__ import annotations

from typing import Any

import pytest

from dss.config.containers import Containers, Defaults
from dss.model.facts import EngineDefaults, EngineUsual
from dss.policy.usual import with_usual, without_usual_paths
from dss.testing.judging import drive

#: As inspects of Engines 20.10, 26.1 and 28.5 show it, in part with what their host has.
OLDEST = [
    *("/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"),
]
NEWEST = [
    *OLDEST,
    "/proc/interrupts",
    "/sys/devices/virtual/powercap",
    "/sys/devices/system/cpu/cpu11/thermal_throttle",
]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


@pytest.mark.parametrize(
    ("host", "left"),
    [
        ({"MaskedPaths": OLDEST, "ReadonlyPaths": READ_ONLY}, {}),
        ({"MaskedPaths": NEWEST[::-1], "ReadonlyPaths": None}, {"ReadonlyPaths": None}),
        ({"MaskedPaths": OLDEST[1:]}, None),
        ({"MaskedPaths": [*NEWEST, "/x"]}, None),
        ({"MaskedPaths": []}, None),
        ({"ReadonlyPaths": READ_ONLY[1:]}, None),
        ({"ReadonlyPaths": [*READ_ONLY, "/x"]}, None),
        ({"ReadonlyPaths": []}, None),
    ],
)
def test_lists_that_an_engine_made(host: Any, left: Any) -> None:
    """
    All others stay for the rules.
    """
    found = without_usual_paths({"Image": "x", "HostConfig": host})
    assert found == {"Image": "x", "HostConfig": host if left is None else left}
    assert without_usual_paths({"Image": "x"}) == {"Image": "x"}


PLAIN = EngineDefaults("runc", ("name=seccomp,profile=builtin", "name=cgroupns"))
STRICT = EngineDefaults("runsc", ("name=seccomp,profile=/etc/x.json", "name=no-new-privileges"))


@pytest.mark.parametrize(
    ("engine", "host", "runtime", "options"),
    [
        (PLAIN, {"Runtime": "x"}, "runc", 4),
        (STRICT, {"Runtime": "runc"}, "runsc", 1),
        (STRICT, {"SecurityOpt": ["seccomp=builtin"]}, "runsc", 1),
        (PLAIN, {"SecurityOpt": ["seccomp=builtin"]}, "runc", 4),
    ],
)
def test_what_the_engine_does_anyway(
    engine: EngineDefaults, host: Any, runtime: str, options: int
) -> None:
    """
    Not what is otherwise by the engine's own configuration.
    """
    found = drive(with_usual({"HostConfig": host}, Containers()), {EngineUsual: lambda q: engine})
    assert found.runtimes == (runtime,)
    assert len(found.security_options) == options
    assert "apparmor=docker-default" in found.security_options


def test_what_the_operator_gives_is_what_the_container_gets_anyway() -> None:
    defaults = Defaults(runtime="kata", security_options=("no-new-privileges", "seccomp=x"))
    found = drive(
        with_usual({"HostConfig": {"Runtime": "runc"}}, Containers(defaults=defaults)),
        {EngineUsual: lambda q: PLAIN},
    )
    assert found.runtimes == ("kata",)
    assert found.security_options == ("apparmor=docker-default",)


@pytest.mark.parametrize(
    "body", [{}, {"HostConfig": {"SecurityOpt": ["no-new-privileges"], "Runtime": ""}}]
)
def test_nothing_is_asked_where_nothing_is_said(body: Any) -> None:
    """
    Most creates cost no question more.
    """
    assert drive(with_usual(body, Containers())) == Containers()
