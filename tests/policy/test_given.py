"""
What operators give containers: forced values, defaults, and ceilings where there is no
limit; and what is over a ceiling.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from dss.config.containers import Containers
from dss.errors import BadRequest, Denied, NotFound
from dss.model.facts import (
    ClientContainer,
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    EngineDefaults,
    EngineUsual,
    HooksOnCreate,
    HostPath,
    ImageFacts,
    ImageNamed,
    PathFacts,
)
from dss.model.ruling import Forward
from dss.policy import create, execs, given, limits, update
from dss.testing.judging import drive, request
from tests.policy.by_settings import around

GIB = 2**30

ANSWERS: dict[type[Any], Any] = {
    ContainerNamed: lambda q: ContainerFacts("1" * 64, "ci") if q.reference == "mine" else None,
    ImageNamed: lambda q: ImageFacts("sha256:" + "3" * 64, None, True),
    HostPath: lambda q: PathFacts(None),
    ClientContainer: lambda q: None,
    HooksOnCreate: lambda q: q.body,
    EngineUsual: lambda q: EngineDefaults("runc", ("name=seccomp,profile=builtin",)),
}


def forwarded(body: object, toml: str) -> Forward:
    ruling = drive(
        create.judge(request("ContainerCreate", body=json.dumps(body).encode()), around(toml)),
        ANSWERS,
    )
    assert isinstance(ruling, Forward)
    return ruling


def created(body: object, toml: str) -> Any:
    return json.loads(forwarded(body, toml).body or b"")


def host(toml: str, **fields: object) -> Any:
    return created({"Image": "busybox", "HostConfig": fields}, toml)["HostConfig"]


FORCE = """
[containers.force]
labels = { team = "a" }
environment = { PROXY = "p", X = "y" }
user = "1000"
network = "ci-net"
runtime = "runsc"
cgroup_parent = "/ci"
security_options = ["no-new-privileges", "apparmor=ci"]
"""


def test_forced_values_take_the_place_of_the_clients() -> None:
    body = {
        "Image": "busybox",
        "Env": ["PROXY=evil", "PROXY", "A=b"],
        "User": "root",
        "Labels": {"team": "b", "x": "y"},
        "HostConfig": {
            "NetworkMode": "bridge",
            "Links": ["mine:x"],
            "SecurityOpt": ["no-new-privileges:true"],
        },
        "NetworkingConfig": {"EndpointsConfig": {"bridge": {"Aliases": ["x"]}}},
    }
    found = created(body, FORCE)
    assert found["Env"] == ["A=b", "PROXY=p", "X=y"]
    assert found["User"] == "1000"
    assert found["Labels"]["team"] == "a"
    assert found["Labels"]["x"] == "y"
    assert found["Labels"]["com.dss.owner"] == "ci"
    assert not found["NetworkingConfig"]
    forced = found["HostConfig"]
    assert forced["NetworkMode"] == "ci-net"
    assert "Links" not in forced
    assert forced["Runtime"] == "runsc"
    assert forced["CgroupParent"] == "/ci"
    assert forced["SecurityOpt"] == ["no-new-privileges", "apparmor=ci"]


def test_forced_values_where_the_client_sends_none() -> None:
    found = created({"Image": "busybox"}, FORCE)
    assert found["Env"] == ["PROXY=p", "X=y"]
    assert found["User"] == "1000"
    assert found["HostConfig"]["NetworkMode"] == "ci-net"


@pytest.mark.parametrize(
    "asked",
    [
        {"Runtime": "kata"},
        {"CgroupParent": "/ci/mine"},
        {"NetworkMode": "host"},
        {"NetworkMode": "container:theirs", "Links": ["theirs:x"]},
        {"SecurityOpt": ["no-new-privileges=no", "apparmor=unconfined"]},
    ],
)
def test_what_is_forced_takes_the_place_of_what_would_be_denied(asked: dict[str, Any]) -> None:
    """
    What the client says there counts for nothing.
    """
    assert host(FORCE, **asked) == host(FORCE)
    with pytest.raises((Denied, BadRequest)):
        host("", **asked)


def test_forced_kinds_of_security_options_leave_others_to_the_rules() -> None:
    with pytest.raises(Denied, match="seccomp=unconfined"):
        host(FORCE, SecurityOpt=["apparmor=unconfined", "seccomp=unconfined"])


def test_what_was_given_is_told_to_the_audit() -> None:
    changed = forwarded({"Image": "busybox"}, FORCE).rewrites
    assert "User: given" in changed
    assert "HostConfig.Runtime: given" in changed
    assert "HostConfig.NetworkMode: ci-net" in changed


def test_nothing_is_given_without_settings() -> None:
    body: dict[str, Any] = {"Env": ["A=b"], "HostConfig": {"Memory": 5, "PidsLimit": 0}}
    assert given.to_container(body, Containers()) == (body, [])


def exec_body(body: object, toml: str) -> Any:
    ruling = drive(
        execs.create(request(params={"id": "mine"}, body=json.dumps(body).encode()), around(toml)),
        ANSWERS,
    )
    assert isinstance(ruling, Forward)
    return json.loads(ruling.body or b"")


def test_an_exec_gets_the_forced_user_and_environment() -> None:
    found = exec_body({"Cmd": ["id"], "User": "0", "Env": ["PROXY=evil", "A=b"]}, FORCE)
    assert found == {"Cmd": ["id"], "User": "1000", "Env": ["A=b", "PROXY=p", "X=y"]}
    plain = {"Cmd": ["id"], "User": "0", "Env": ["A=b"]}
    assert exec_body(plain, "") == plain


DEFAULTS = """
[containers.defaults]
memory = "512m"
cpus = 1.5
pids = 100
shm_size = "1m"
runtime = "runsc"
labels = { team = "a" }
user = "1000"
network = "ci-net"
cgroup_parent = "/ci"
security_options = ["no-new-privileges", "apparmor=ci"]
environment = { CI = "1", A = "a" }
log = { driver = "local", options = { max-size = "1m", max-file = "2" } }
"""


def test_defaults_where_the_client_asks_for_nothing() -> None:
    found = created({"Image": "busybox", "Env": ["A=b"]}, DEFAULTS)
    assert found["Env"] == ["A=b", "CI=1"]
    assert found["HostConfig"] == {
        "Memory": GIB // 2,
        "NanoCpus": 1_500_000_000,
        "PidsLimit": 100,
        "ShmSize": 2**20,
        "Runtime": "runsc",
        "NetworkMode": "ci-net",
        "CgroupParent": "/ci",
        "SecurityOpt": ["no-new-privileges", "apparmor=ci"],
        "LogConfig": {"Type": "local", "Config": {"max-size": "1m", "max-file": "2"}},
    }
    assert found["User"] == "1000"
    assert found["Labels"]["team"] == "a"
    # As the CLI writes it where it is told of no network.
    endpoints = {"default": {"MacAddress": "02:42:ac:11:00:02"}}
    found = created(
        {"Image": "busybox", "NetworkingConfig": {"EndpointsConfig": endpoints}}, DEFAULTS
    )
    assert found["NetworkingConfig"]["EndpointsConfig"] == {"ci-net": endpoints["default"]}


def test_defaults_give_way() -> None:
    asked = {
        "Memory": GIB,
        "NanoCpus": 1,
        "PidsLimit": 5,
        "ShmSize": 7,
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "5m"}},
    }
    asked["NetworkMode"] = "none"
    asked["SecurityOpt"] = ["no-new-privileges:true"]
    given_too = {"Runtime": "runsc", "CgroupParent": "/ci"}
    options = ["no-new-privileges:true", "apparmor=ci"]
    assert host(DEFAULTS, **asked) == {**asked, **given_too, "SecurityOpt": options}
    found = created({"Image": "busybox", "User": "0", "Labels": {"team": "b"}}, DEFAULTS)
    assert (found["User"], found["Labels"]["team"]) == ("0", "b")
    quota = host(DEFAULTS, CpuQuota=5000, CpuPeriod=10000)
    assert "NanoCpus" not in quota
    # A name alone takes a variable of the image away.
    assert "CI" in created({"Image": "busybox", "Env": ["CI"]}, DEFAULTS)["Env"]


def test_log_options_go_with_the_default_driver() -> None:
    found = host(DEFAULTS, LogConfig={"Type": "", "Config": {"max-size": "9m"}})
    assert found["LogConfig"] == {
        "Type": "local",
        "Config": {"max-size": "9m", "max-file": "2"},
    }


def test_log_options_are_judged_by_the_default_driver() -> None:
    toml = '[containers.defaults]\nlog = { driver = "syslog" }\n'
    with pytest.raises(Denied):
        host(toml, LogConfig={"Config": {"max-size": "1m"}})
    toml += '[containers.log_drivers]\nsyslog = ["tag"]\n'
    found = host(toml, LogConfig={"Config": {"tag": "x"}})
    assert found["LogConfig"] == {"Type": "syslog", "Config": {"tag": "x"}}


CEILINGS = """
[containers.ceilings]
memory = "1g"
cpus = 2
pids = 1000
shm_size = "128m"
ulimits = { nofile = 1024, nproc = 100 }
"""


def test_a_ceiling_is_the_default_of_what_has_no_limit() -> None:
    expected = {
        "Memory": GIB,
        "NanoCpus": 2_000_000_000,
        "PidsLimit": 1000,
        "ShmSize": 64 * 2**20,
        "Ulimits": [
            {"Name": "nofile", "Soft": 1024, "Hard": 1024},
            {"Name": "nproc", "Soft": 100, "Hard": 100},
        ],
    }
    assert host(CEILINGS) == expected
    unlimited = {"Memory": -1, "NanoCpus": 0, "CpuQuota": -1, "CpuPeriod": 1000, "PidsLimit": -1}
    assert host(CEILINGS, **unlimited) == expected


def test_a_default_comes_before_a_ceiling() -> None:
    found = host(CEILINGS + '[containers.defaults]\nmemory = "256m"\nshm_size = "1m"\n')
    assert found["Memory"] == GIB // 4
    assert found["ShmSize"] == 2**20


def test_what_would_contradict_a_given_limit() -> None:
    found = host(CEILINGS, MemorySwap=5, MemoryReservation=2 * GIB)
    assert found["Memory"] == found["MemoryReservation"] == GIB
    assert "MemorySwap" not in found


#: Over a ceiling, and at it.
OVER: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("memory", {"Memory": GIB + 1}, {"Memory": GIB}),
    ("memory", {"Memory": 5, "MemorySwap": 2 * GIB + 1}, {"Memory": 5, "MemorySwap": 2 * GIB}),
    ("memory", {"Memory": 5, "MemorySwap": -1}, {"Memory": 5, "MemorySwap": 5}),
    ("cpus", {"NanoCpus": 2_000_000_001}, {"NanoCpus": 2_000_000_000}),
    ("cpus", {"CpuQuota": 200_001}, {"CpuQuota": 200_000}),
    ("cpus", {"CpuQuota": 2001, "CpuPeriod": 1000}, {"CpuQuota": 2000, "CpuPeriod": 1000}),
    ("cpus", {"CpuQuota": 1, "NanoCpus": 2_000_000_001}, {"CpuQuota": 1}),
    ("pids", {"PidsLimit": 1001}, {"PidsLimit": 1000}),
    ("shm_size", {"ShmSize": 2**27 + 1}, {"ShmSize": 2**27}),
    (
        "ulimits.nofile",
        {"Ulimits": [{"Name": "nofile", "Soft": 5, "Hard": 1025}]},
        {"Ulimits": [{"Name": "nofile", "Soft": 5, "Hard": 1024}]},
    ),
    (
        "ulimits.nofile",
        {"Ulimits": [{"Name": "core"}, {"Name": "NOFILE", "Soft": 5, "Hard": -1}]},
        {"Ulimits": [{"Name": "core", "Hard": -1}]},
    ),
    ("ulimits.nproc", {"Ulimits": [{"Name": "nproc", "Soft": 101}]}, {"Ulimits": []}),
]


@pytest.mark.parametrize(("name", "over", "at"), OVER)
def test_over_a_ceiling_and_at_it(
    name: str, over: dict[str, object], at: dict[str, object]
) -> None:
    with pytest.raises(Denied) as caught:
        host(CEILINGS, **over)
    (only,) = caught.value.problems
    assert only.rule == f"container.ceiling.{name}"
    assert f"containers.ceilings.{name} in the settings file" in only.hint
    assert only.field.startswith("HostConfig.")
    host(CEILINGS, **at)
    host("", **over)


@drawn(
    st.fixed_dictionaries(
        {},
        optional={
            "Memory": st.integers(-(2**40), 2**40),
            "MemorySwap": st.integers(-2, 2**40),
            "NanoCpus": st.integers(-5, 2**40),
            "CpuQuota": st.integers(-5, 2**30),
            "CpuPeriod": st.integers(0, 2**20),
            "PidsLimit": st.integers(-5, 2**20),
            "ShmSize": st.integers(0, 2**40),
        },
    )
)
@settings(deadline=None)
def test_nothing_is_made_above_its_ceilings(asked: dict[str, int]) -> None:
    try:
        found = host(CEILINGS, **asked)
    except Denied:
        return
    assert 0 < found["Memory"] <= GIB
    assert 0 <= found.get("MemorySwap", 0) <= 2 * GIB
    assert 0 < limits.cpus_of(found) <= 2
    assert 0 < found["PidsLimit"] <= 1000
    assert 0 < found["ShmSize"] <= 2**27


def updated(body: dict[str, Any], current: dict[str, Any] | None, toml: str = CEILINGS) -> Forward:
    ruling = drive(
        update.judge(request(params={"id": "mine"}, body=json.dumps(body).encode()), around(toml)),
        {
            **ANSWERS,
            ContainerJson: lambda q: None if current is None else {"HostConfig": current},
        },
    )
    assert isinstance(ruling, Forward)
    return ruling


@pytest.mark.parametrize(
    ("current", "body", "name"),
    [
        ({}, {"Memory": GIB + 1}, "memory"),
        ({}, {"Memory": -1}, "memory"),
        ({}, {"MemorySwap": -1}, "memory"),
        ({}, {"MemorySwap": 2 * GIB + 1}, "memory"),
        ({}, {"NanoCpus": 2_000_000_001}, "cpus"),
        ({}, {"NanoCpus": -1}, "cpus"),
        ({}, {"CpuQuota": -1}, "cpus"),
        # One of the two is there already.
        ({"CpuPeriod": 1000}, {"CpuQuota": 2001}, "cpus"),
        ({"CpuQuota": 200_000, "CpuPeriod": 100_000}, {"CpuPeriod": 50_000}, "cpus"),
        ({}, {"PidsLimit": 1001}, "pids"),
        ({}, {"PidsLimit": 0}, "pids"),
        ({}, {"PidsLimit": -1}, "pids"),
    ],
)
def test_an_update_over_a_ceiling(current: dict[str, Any], body: dict[str, Any], name: str) -> None:
    with pytest.raises(Denied) as caught:
        updated(body, current)
    (only,) = caught.value.problems
    assert only.rule == f"container.ceiling.{name}"
    assert updated(body, current, "")


@pytest.mark.parametrize(
    ("current", "body"),
    [
        ({}, {}),
        ({}, {"Memory": 0, "NanoCpus": 0, "CpuQuota": 0}),
        ({}, {"Memory": GIB, "MemorySwap": 2 * GIB}),
        ({"CpuPeriod": 1000}, {"CpuQuota": 2000}),
        ({"CpuQuota": 200_000, "CpuPeriod": 100_000}, {"CpuPeriod": 200_000}),
        ({}, {"PidsLimit": 1000}),
        ({"NanoCpus": 9_000_000_000}, {"Memory": 5}),
    ],
)
def test_an_update_below_the_ceilings(current: dict[str, Any], body: dict[str, Any]) -> None:
    assert updated(body, current)


_CPUS = {"CpuQuota": st.integers(-1, 2**20), "CpuPeriod": st.integers(0, 2**18)}


_ASKED = st.fixed_dictionaries({}, optional=_CPUS)


@drawn(_ASKED, _ASKED, _ASKED)
@settings(deadline=None)
def test_two_updates_at_once_stay_below_the_ceiling(
    current: dict[str, int], one: dict[str, int], other: dict[str, int]
) -> None:
    """
    Each is judged by what is there before both; the engine makes one after the other.
    """
    before = limits.cpus_of(current)
    assume(before <= 2)
    left = dict(current)
    for body in (one, other):
        try:
            sent = json.loads(updated(body, current).body or b"")
        except Denied:
            return
        left.update({name: value for name, value in sent.items() if value})
    assert limits.cpus_of(left) <= 2
    assert limits.cpus_of(left) > 0 or before == 0


def test_an_update_of_cpus_is_whole() -> None:
    quota = {"CpuQuota": 20_000}
    for current, body, sent in (
        ({}, {"CpuQuota": 9}, {"CpuQuota": 9, "CpuPeriod": 100_000}),
        (quota, {"CpuPeriod": 10_000}, {"CpuPeriod": 10_000, **quota}),
        ({}, {"CpuPeriod": 5000}, {"CpuPeriod": 5000, "CpuQuota": 10_000}),
        # The engine says that these are not together.
        ({"NanoCpus": 5}, {"CpuQuota": 9}, {"CpuQuota": 9}),
        (quota, {"NanoCpus": 5}, {"NanoCpus": 5}),
        (quota, {"Memory": 5}, {"Memory": 5}),
    ):
        assert json.loads(updated(body, current).body or b"") == sent
    assert json.loads(updated({"CpuQuota": 9}, {}, "").body or b"") == {"CpuQuota": 9}


def test_an_update_of_a_container_that_is_gone() -> None:
    with pytest.raises(NotFound):
        updated({"Memory": 1}, None)
