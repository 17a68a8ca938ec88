"""
What containers may ask for that changes their weight beside the host's own processes.
"""

from __future__ import annotations

from attrs import frozen

from dss.config import values
from dss.config.kernel import RAISING_ULIMITS
from dss.config.values import setting


def _score(value: int) -> None:
    if not -1000 <= value <= 1000:
        raise ValueError(f"{value} should be a number from -1000 to 1000")


def _cgroups(given: tuple[str, ...]) -> None:
    for each in given:
        values.pattern(each)
        if ".." in each.split("/"):
            raise ValueError(f"{each!r} leads out of the cgroup")


@frozen
class Resources:
    """
    C{[containers.resources]}
    """

    ulimits: tuple[str, ...] = setting(
        "Ulimits beside those that bound a container: nice, rtprio and rttime. They can let "
        "it come before the host's own processes.",
        (),
        "list of texts",
        values.listed(values.one_of(*RAISING_ULIMITS)),
    )
    least_oom_score_adj: int = setting(
        "The least OomScoreAdj, from -1000. Below 0, the host's processes are killed before the "
        "container where memory is short.",
        0,
        "number",
        _score,
    )
    oom_kill_disable: bool = setting(
        "Whether containers may ask not to be killed where their memory is short.",
        False,
        "true or false",
    )
    cgroup_parents: tuple[str, ...] = setting(
        'Cgroups below which a client may put its container: "/builds/*".',
        (),
        "list of names, or beginnings of names with * after them",
        _cgroups,
    )
    device_cgroup_rules: tuple[str, ...] = setting(
        'Rules of devices, word for word: "c 188:* rw". Docker\'s default capabilities let a '
        "container make such a device's file by itself.",
        (),
        "list of texts",
        values.listed(values.word),
    )
    storage_options: tuple[str, ...] = setting(
        'Options of the storage driver, by their names: "size".',
        (),
        "list of texts",
        values.listed(values.word),
    )
    endpoint_options: tuple[str, ...] = setting(
        "Driver options of a container's endpoint in a network, by their names, such as "
        '"com.docker.network.endpoint.ifname".',
        (),
        "list of names, or beginnings of names with * after them",
        values.listed(values.pattern),
    )
    least_check_interval: float = setting(
        "The least time between two health checks, in seconds.", 0.1, "number", values.positive
    )


__all__ = ["Resources"]
