"""
Limits of an owner in sum: claims one after the other, also where they race.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from dss.config.containers import OwnerLimits
from dss.config.values import Size
from dss.engine.facts import EngineFacts
from dss.errors import Denied, LimitReached, NotFound
from dss.model.facts import Claim, ContainerJson, OwnContainers, OwnIds, Question
from dss.proxy.usage import FORGOTTEN, PATIENCE, Usage


class Facts:
    """
    An engine with some containers; told to, it answers later.
    """

    def __init__(self) -> None:
        self.containers: dict[str, tuple[str, dict[str, Any]]] = {}
        self.things: dict[str, list[str]] = {"network": [], "volume": []}
        self.waiting: list[tuple[Deferred[object], object]] | None = None

    def add(self, name: str, state: str = "running", **resources: Any) -> None:
        self.containers[name] = (state, {"NanoCpus": 10**9, "PidsLimit": 1, **resources})

    def answer(self, question: Question[object]) -> object:
        if isinstance(question, OwnIds):
            found: object = frozenset(self.things[question.kind])
        elif isinstance(question, OwnContainers):
            found = [{"Id": name, "State": state} for name, (state, _) in self.containers.items()]
        else:
            assert isinstance(question, ContainerJson)
            known = self.containers.get(question.id)
            found = None if known is None else {"HostConfig": known[1]}
        if self.waiting is None:
            return found
        later: Deferred[object] = Deferred()
        self.waiting.append((later, found))
        return later

    def go_on(self) -> None:
        while self.waiting:
            later, found = self.waiting.pop(0)
            later.callback(found)


def limited(**limits: Any) -> tuple[Facts, Usage, Clock]:
    facts, clock = Facts(), Clock()
    return facts, Usage(cast(EngineFacts, facts), OwnerLimits(**limits), clock), clock


def granted(answer: Deferred[Any]) -> Any:
    found: list[Any] = []
    answer.addBoth(found.append)
    assert found, "not answered yet"
    if isinstance(found[0], Failure):
        raise cast(BaseException, found[0].value)
    return found[0]


def waits(answer: Deferred[Any]) -> bool:
    found: list[Any] = []

    def seen(result: Any) -> Any:
        found.append(result)
        return result

    answer.addBoth(seen)
    return not found


def test_as_many_containers_as_may_be() -> None:
    facts, usage, _ = limited(containers=2)
    facts.add("a", "exited")
    release = granted(usage.claim(Claim()))
    facts.add("b", "created")
    release()
    with pytest.raises(Denied) as caught:
        granted(usage.claim(Claim()))
    (only,) = caught.value.problems
    assert only.rule == "owner.limit.containers"
    assert only.reason == "the owner's limit of containers is 2; 2 in use, 1 asked for."


def test_networks_and_volumes_are_counted_each_by_themselves() -> None:
    facts, usage, _ = limited(networks=1, volumes=3, containers=1)
    facts.things = {"network": [], "volume": ["a", "dss-root-1"]}
    granted(usage.claim(Claim()))
    granted(usage.claim(Claim(kind="network")))
    granted(usage.claim(Claim(kind="volume", count=2)))()
    facts.things = {"network": ["n"], "volume": ["a", "b", "c", "dss-root-1"]}
    for kind, told in (("network", "1 in use, 1 asked"), ("volume", "3 in use, 1 asked")):
        with pytest.raises(LimitReached, match=told) as caught:
            granted(usage.claim(Claim(kind=kind)))
        assert caught.value.problems[0].rule == f"owner.limit.{kind}s"
    with pytest.raises(Denied, match="4 asked for"):
        granted(usage.claim(Claim(kind="volume", count=4)))


def test_what_may_be_counted_twice_is_waited_for() -> None:
    """
    The engine shows the container of a request that it has not answered yet. The next
    one fits, and is told so once that is certain.
    """
    facts, usage, _ = limited(containers=2)
    release = granted(usage.claim(Claim()))
    facts.add("made", "created")
    second = usage.claim(Claim())
    assert waits(second)
    release()
    granted(second)


def test_a_request_that_failed_leaves_its_place() -> None:
    _, usage, _ = limited(containers=1)
    release = granted(usage.claim(Claim()))
    second = usage.claim(Claim())
    assert waits(second)
    release()
    granted(second)


def test_nobody_waits_for_ever() -> None:
    _, usage, clock = limited(containers=1)
    granted(usage.claim(Claim()))
    second = usage.claim(Claim())
    clock.advance(PATIENCE)
    with pytest.raises(LimitReached, match="limit of containers is 1; 1 in use, 1 asked for"):
        granted(second)


def test_two_creates_that_race() -> None:
    """
    Both ask before either is made.
    """
    facts, usage, _ = limited(containers=1)
    facts.waiting = []
    first, second = usage.claim(Claim()), usage.claim(Claim())
    facts.go_on()
    release = granted(first)
    facts.add("made")
    release()
    facts.go_on()
    with pytest.raises(Denied):
        granted(second)


def test_an_answer_from_before_the_release_is_not_trusted() -> None:
    """
    The engine's list is older than the container that the first request made.
    """
    facts, usage, _ = limited(containers=1)
    release = granted(usage.claim(Claim()))
    facts.waiting = []
    second = usage.claim(Claim())
    facts.add("made")
    release()
    facts.go_on()
    facts.go_on()
    with pytest.raises(Denied):
        granted(second)


def test_a_claim_without_an_answer_is_forgotten_late() -> None:
    _, usage, clock = limited(containers=1)
    granted(usage.claim(Claim()))
    clock.advance(FORGOTTEN - PATIENCE - 1)
    second = usage.claim(Claim())
    clock.advance(PATIENCE)
    with pytest.raises(Denied):
        granted(second)
    clock.advance(1)
    granted(usage.claim(Claim()))


def test_the_sum_of_what_runs() -> None:
    facts, usage, _ = limited(memory=Size(100))
    facts.add("runs", Memory=40)
    facts.add("paused", "paused", Memory=20)
    facts.add("stopped", "exited", Memory=99)
    facts.add("fits", "created", Memory=40)
    facts.add("large", "created", Memory=41)
    with pytest.raises(LimitReached, match="100; 60 in use, 41 asked for"):
        granted(usage.claim(Claim("large")))
    granted(usage.claim(Claim("fits")))


def test_two_starts_that_race() -> None:
    facts, usage, _ = limited(memory=Size(100))
    facts.add("a", "created", Memory=60)
    facts.add("b", "created", Memory=60)
    release = granted(usage.claim(Claim("a")))
    second = usage.claim(Claim("b"))
    facts.add("a", "running", Memory=60)
    release()
    with pytest.raises(Denied, match="60 in use, 60 asked for"):
        granted(second)
    facts.add("a", "exited", Memory=60)
    granted(usage.claim(Claim("b")))


def test_a_restart_counts_once() -> None:
    facts, usage, _ = limited(memory=Size(100))
    facts.add("a", Memory=100)
    granted(usage.claim(Claim("a")))
    granted(usage.claim(Claim("a")))


def test_an_update_counts_what_it_changes() -> None:
    facts, usage, _ = limited(memory=Size(100), cpus=2.0, pids=10)
    facts.add("a", Memory=50)
    facts.add("b", Memory=20)
    granted(usage.claim(Claim("a", {"Memory": 80})))()
    with pytest.raises(Denied, match="20 in use, 81 asked for"):
        granted(usage.claim(Claim("a", {"Memory": 81})))
    with pytest.raises(Denied, match=r"limit of cpus is 2; 1 in use, 1\.5 asked for"):
        granted(usage.claim(Claim("a", {"NanoCpus": 1_500_000_000})))
    with pytest.raises(Denied, match="limit of pids is 10; 1 in use, no limit asked for"):
        granted(usage.claim(Claim("a", {"PidsLimit": 0})))


def test_an_update_while_its_container_starts() -> None:
    """
    The start reads the resources before the update, and runs with those after it.
    """
    facts, usage, clock = limited(memory=Size(100))
    facts.add("a", "created", Memory=50)
    facts.add("b", "created", Memory=50)
    granted(usage.claim(Claim("a", {"Memory": 90})))
    granted(usage.claim(Claim("a")))
    third = usage.claim(Claim("b"))
    clock.advance(PATIENCE)
    with pytest.raises(Denied, match="90 in use, 50 asked for"):
        granted(third)


def test_what_has_no_limit_leaves_nothing() -> None:
    facts, usage, _ = limited(memory=Size(100))
    facts.add("old")
    facts.add("a", "created", Memory=1)
    with pytest.raises(Denied, match="no limit in use, 1 asked for"):
        granted(usage.claim(Claim("a")))


def test_a_container_that_is_gone() -> None:
    _, usage, _ = limited(memory=Size(100))
    with pytest.raises(NotFound):
        granted(usage.claim(Claim("gone")))


def test_what_could_never_start_is_told_as_such() -> None:
    """
    Trying again helps nobody who alone asks for more than there is.
    """
    facts, usage, _ = limited(memory=100)
    facts.add("a", Memory=60)
    facts.add("b", "created", Memory=101)
    with pytest.raises(Denied, match="60 in use, 101 asked for") as caught:
        granted(usage.claim(Claim("b")))
    assert (caught.value.status, LimitReached.status) == (403, 429)
