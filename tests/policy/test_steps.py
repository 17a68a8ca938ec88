"""
The steps of a build get what the operator gives containers.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from dss.config.load import load
from dss.errors import BadRequest, Denied
from dss.model.facts import ImageFacts, ImageNamed, NetworkFacts, PrivateBridge
from dss.model.images import Begin
from dss.model.ruling import ContextWatch, Forward
from dss.policy import build
from dss.policy.request import Circumstances
from dss.testing.judging import circumstances, drive, request

BRIDGE = "b" * 64
ANSWERS: dict[Any, Any] = {
    PrivateBridge: lambda asked: NetworkFacts(BRIDGE, asked.name, "ci"),
    Begin: lambda asked: "",
    ImageNamed: lambda asked: ImageFacts("sha256:1", "ci") if asked.reference == "own" else None,
}


def around(settings: str) -> Circumstances:
    """
    What surrounds a build under these settings.
    """
    found, plain = load(settings, "x"), circumstances()
    return evolve(
        plain,
        settings=evolve(
            plain.settings,
            containers=found.containers,
            sums=found.owner.limits,
            networks=found.networks,
        ),
    )


def ruled(settings: str, **query: str) -> Forward:
    """
    The build that goes on.
    """
    ruling = drive(build.judge(request(query=query), around(settings)), ANSWERS)
    assert isinstance(ruling, Forward)
    return ruling


def given(settings: str, **query: str) -> dict[str, str]:
    """
    The parameters that the engine gets, without those that every build has.
    """
    found = dict(ruled(settings, **query).query)
    return {name: value for name, value in found.items() if name not in ("labels", "nocache")}


def denied(settings: str, **query: str) -> dict[str, str]:
    """
    The rules that deny a build, by parameter.
    """
    with pytest.raises(Denied) as error:
        ruled(settings, **query)
    return {problem.field: problem.rule for problem in error.value.problems}


CEILINGS = """
[containers.ceilings]
memory = "1g"
cpus = 1.5
shm_size = "32m"
ulimits = { nofile = 512 }
"""

NOFILE = '[{"Name":"nofile","Soft":512,"Hard":512}]'
CAPPED = {
    "memory": str(2**30),
    "cpuperiod": "100000",
    "cpuquota": "150000",
    "shmsize": str(2**25),
    "ulimits": NOFILE,
}


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ({}, CAPPED),
        # What docker build sends where nothing is asked for.
        (
            {
                **dict.fromkeys(("memory", "memswap", "cpuperiod", "cpuquota", "shmsize"), "0"),
                "ulimits": "null",
            },
            {**CAPPED, "memswap": "0"},
        ),
        ({"memory": "-1", "cpuquota": "-1"}, CAPPED),
        ({"memory": "4096", "memswap": "8192"}, {**CAPPED, "memory": "4096", "memswap": "8192"}),
        ({"memswap": "8192"}, CAPPED),
        (
            {"cpuquota": "20000", "cpuperiod": "50000"},
            {**CAPPED, "cpuquota": "20000", "cpuperiod": "50000"},
        ),
        ({"cpuperiod": "1000"}, CAPPED),
        ({"shmsize": "7"}, {**CAPPED, "shmsize": "7"}),
        (
            {"ulimits": '[{"Name":"NOFILE","Soft":1,"Hard":2}]'},
            {**CAPPED, "ulimits": '[{"Name":"NOFILE","Soft":1,"Hard":2}]'},
        ),
        (
            {"ulimits": '[{"Name":"core","Soft":1,"Hard":1}]'},
            {**CAPPED, "ulimits": f'[{{"Name":"core","Soft":1,"Hard":1}},{NOFILE[1:]}'},
        ),
    ],
)
def test_ceilings_hold_for_builds(asked: dict[str, str], got: dict[str, str]) -> None:
    """
    Whoever asks for nothing, or for no limit, gets the ceiling.
    """
    found = {name: value for name, value in given(CEILINGS, **asked).items() if value}
    assert found == got


@pytest.mark.parametrize(
    ("asked", "field", "rule"),
    [
        ({"memory": str(2**31)}, "memory", "memory"),
        ({"memory": "1024", "memswap": "-1"}, "memswap", "memory"),
        ({"memswap": str(2**32)}, "memswap", "memory"),
        ({"cpuquota": "160000"}, "cpuquota", "cpus"),
        ({"cpuquota": "2000", "cpuperiod": "1000"}, "cpuquota", "cpus"),
        ({"shmsize": str(2**26)}, "shmsize", "shm_size"),
        ({"ulimits": '[{"Name":"NoFile","Hard":513}]'}, "ulimits[0].Hard", "ulimits.nofile"),
        ({"ulimits": '[{"Name":"nofile","Soft":-1}]'}, "ulimits[0].Soft", "ulimits.nofile"),
    ],
)
def test_over_a_ceiling(asked: dict[str, str], field: str, rule: str) -> None:
    """
    Denied by the rule of containers, with the build's own parameter.
    """
    assert denied(CEILINGS, **asked) == {field: f"container.ceiling.{rule}"}
    assert given("", **asked) == asked


def test_a_number_that_go_can_not_read() -> None:
    """
    The engine would take it for 0, and so a long period for a short one.
    """
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(BadRequest, match="cpuperiod is not a number of 64 bits"):
            ruled(CEILINGS, cpuquota="1000000", cpuperiod=str(number))
    assert given("", cpuperiod=str(2**63 - 1)) == {"cpuperiod": str(2**63 - 1)}


def test_defaults_come_before_ceilings() -> None:
    """
    As for a container.
    """
    settings = '[containers.defaults]\nmemory = "64m"\ncpus = 0.5\nshm_size = "1m"\npids = 9\n'
    got = {
        "memory": str(2**26),
        "cpuperiod": "100000",
        "cpuquota": "50000",
        "shmsize": str(2**20),
    }
    assert given(settings) == got
    assert given(settings, memory="4096") == {**got, "memory": "4096"}
    assert ruled(settings).rewrites[1:-1] == tuple(f"{name}: given" for name in sorted(got))


def test_what_alone_is_over_the_owner_s_limits() -> None:
    """
    No step of it could ever be one of the owner's containers.
    """
    settings = '[owner.limits]\nmemory = "1m"\n[containers.ceilings]\nmemory = "1g"\n'
    assert denied(settings, memory=str(2**20 + 1)) == {"memory": "owner.limit.memory"}
    assert given(settings, memory=str(2**20)) == {"memory": str(2**20)}


def test_the_cgroup() -> None:
    """
    A forced one takes the place of what a client asks.
    """
    forced = '[containers.force]\ncgroup_parent = "/ci"\n'
    assert given(forced) == {"cgroupparent": "/ci"}
    assert given(forced, cgroupparent="/x") == {"cgroupparent": "/ci"}
    default = '[containers.defaults]\ncgroup_parent = "/ci"\n'
    assert given(default) == {"cgroupparent": "/ci"}
    assert denied(default, cgroupparent="/x") == {"cgroupparent": "build.cgroupparent"}


PRIVATE = "[networks]\nprivate_bridge = true\n"
DEFAULT = '[containers.defaults]\nnetwork = "lan"\n'
FORCED = '[containers.force]\nnetwork = "lan"\n'


@pytest.mark.parametrize(
    ("settings", "asked", "got"),
    [
        ("", "default", "default"),
        (PRIVATE, "", BRIDGE),
        (PRIVATE, "default", BRIDGE),
        (PRIVATE, "bridge", BRIDGE),
        (PRIVATE, "none", "none"),
        (DEFAULT + PRIVATE, "", "lan"),
        (DEFAULT, "default", "lan"),
        (DEFAULT, "bridge", "bridge"),
        (DEFAULT + PRIVATE, "bridge", BRIDGE),
        (FORCED + PRIVATE, "", "lan"),
        (FORCED, "none", "lan"),
        (FORCED, "host", "lan"),
    ],
)
def test_the_network(settings: str, asked: str, got: str) -> None:
    """
    As a container's.
    """
    assert given(settings, networkmode=asked) == {"networkmode": got}


def test_a_client_s_own_choice_of_network_stays_denied() -> None:
    """
    Only a forced network makes it mean nothing.
    """
    for settings in (PRIVATE, DEFAULT):
        assert denied(settings, networkmode="host") == {"networkmode": "build.networkmode"}


def test_proxies_are_arguments() -> None:
    """
    Forced ones in place of the client's, by default where it has none; other variables are
    none of a build's.
    """
    forced = '[containers.force]\nenvironment = { HTTP_PROXY = "p", no_proxy = "n", X = "y" }\n'
    assert given(forced) == {"buildargs": '{"HTTP_PROXY":"p","no_proxy":"n"}'}
    assert json.loads(given(forced, buildargs='{"HTTP_PROXY":"c","A":null}')["buildargs"]) == {
        "HTTP_PROXY": "p",
        "no_proxy": "n",
        "A": None,
    }
    assert "buildargs: given" in ruled(forced).rewrites
    default = '[containers.defaults]\nenvironment = { HTTP_PROXY = "p", X = "y" }\n'
    assert given(default) == {"buildargs": '{"HTTP_PROXY":"p"}'}
    assert given(default, buildargs='{"HTTP_PROXY":"c"}') == {"buildargs": '{"HTTP_PROXY":"c"}'}


def test_the_dockerfile_is_judged_with_the_arguments_that_the_engine_gets() -> None:
    """
    Else a forced one would name an image unseen.
    """
    forced = '[containers.force]\nenvironment = { HTTP_PROXY = "theirs" }\n'
    for settings, allowed in (("", True), (forced, False)):
        watch = ruled(settings, buildargs='{"HTTP_PROXY":"own"}').watch
        assert isinstance(watch, ContextWatch)
        text = b"ARG HTTP_PROXY\nFROM $HTTP_PROXY\n"
        if allowed:
            drive(watch.judge(text), ANSWERS)
        else:
            with pytest.raises(Denied, match="'theirs:latest'"):
                drive(watch.judge(text), ANSWERS)


@pytest.mark.parametrize(
    ("table", "key", "name"),
    [
        ("force", 'user = "1000"', "user"),
        ("force", 'runtime = "runsc"', "runtime"),
        ("defaults", 'runtime = "runsc"', "runtime"),
        ("force", 'security_options = ["no-new-privileges"]', "security_options"),
        ("defaults", 'security_options = ["no-new-privileges"]', "security_options"),
        ("ceilings", "pids = 50", "pids"),
    ],
)
def test_what_builds_can_not_be_given(table: str, key: str, name: str) -> None:
    """
    Builds are denied, unless the operator lets them go without.
    """
    settings = f"[containers.{table}]\n{key}\n"
    with pytest.raises(Denied) as error:
        ruled(settings)
    (problem,) = error.value.problems
    line = f'containers.builds_without = ["{name}"]'
    assert (problem.rule, problem.field) == ("build.forced", "")
    assert line in problem.hint
    assert given(line + "\n" + settings) == {}


def test_the_line_that_lets_builds_go_without_names_all() -> None:
    """
    Also what is there already.
    """
    settings = (
        '[containers]\nbuilds_without = ["pids"]\n[containers.ceilings]\npids = 5\n'
        '[containers.force]\nuser = "1"\nruntime = "x"\n'
    )
    with pytest.raises(Denied, match=r'builds_without = \["pids", "user", "runtime"\]'):
        ruled(settings)


def test_a_default_user_is_the_client_s_to_change() -> None:
    """
    So builds don't need it.
    """
    assert given('[containers.defaults]\nuser = "1000"\n') == {}


def test_ulimits_that_the_operator_allows() -> None:
    """
    As for a container.
    """
    asked = '[{"Name":"nice","Soft":1,"Hard":1}]'
    assert denied("", ulimits=asked) == {"ulimits": "container.ulimit"}
    settings = '[containers.resources]\nulimits = ["nice"]\n'
    assert given(settings, ulimits=asked) == {"ulimits": asked}
