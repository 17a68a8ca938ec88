"""
What a Swarm's manager is asked, and what its answers mean.
"""

from __future__ import annotations

from typing import Any

import pytest

from dss.engine.asking import EngineAnswer
from dss.errors import BadRequest, EngineOdd, NoManager
from dss.model.facts import (
    ClusterFacts,
    ClusterNamed,
    OwnServices,
    ThisNode,
    VolumeFacts,
    VolumeNamed,
)
from tests.engine_side.test_facts import OWN, Engine

OUTSIDE = EngineAnswer(503, {"message": "This node is not a swarm manager. Use …"})
LEADERLESS = EngineAnswer(503, {"message": "rpc error: … The swarm does not have a leader."})
MISSING = EngineAnswer(404, {"message": "no such volume"})


def entry(id: str, name: str, labels: object = OWN, **more: object) -> dict[str, Any]:
    return {"ID": id, "Spec": {"Name": name, "Labels": labels, **more}}


def listed(*entries: object) -> EngineAnswer:
    return EngineAnswer(200, list(entries))


WEB, OTHER = entry("aa11", "web"), entry("aa22", "aa11")
FOREIGN = entry("ff99", "theirs", {"com.dss.owner": "b"})


@pytest.mark.parametrize(
    ("reference", "id"),
    [
        ("aa11", "aa11"),
        ("web", "aa11"),
        ("aa2", "aa22"),
        ("theirs", None),
        ("ff99", None),
        ("ff", None),
        ("", None),
    ],
)
def test_a_service_by_id_name_or_prefix(reference: str, id: str | None) -> None:
    engine = Engine(services=listed(WEB, OTHER, FOREIGN))
    found = engine.answer(ClusterNamed("service", reference))
    assert found == (None if id is None else ClusterFacts(id, WEB if id == "aa11" else OTHER))


def test_a_prefix_that_means_several() -> None:
    engine = Engine(secrets=listed(WEB, OTHER))
    with pytest.raises(BadRequest, match=r"secret aa is ambiguous \(2 matches found\)"):
        engine.answer(ClusterNamed("secret", "aa"))
    # Another owner's with the same beginning changes nothing.
    engine = Engine(secrets=listed(WEB, {**FOREIGN, "ID": "aa1199"}))
    assert engine.answer(ClusterNamed("secret", "aa1")) == ClusterFacts("aa11", WEB)


@pytest.mark.parametrize("reference", ["t1", "t", "web.2.t1"])
def test_a_task_is_its_services(reference: str) -> None:
    own = {"ID": "t1", "ServiceID": "aa11", "Slot": 2, "Spec": {}}
    engine = Engine(
        services=listed(WEB, FOREIGN),
        tasks=listed(own, {"ID": "t2", "ServiceID": "ff99", "Slot": 1, "Spec": {}}),
    )
    assert engine.answer(ClusterNamed("task", reference)) == ClusterFacts("t1", own)
    assert engine.answer(ClusterNamed("task", "t2")) is None
    assert engine.answer(OwnServices()) == [WEB]


def test_no_manager_is_told_in_the_engines_words() -> None:
    for answer in (OUTSIDE, LEADERLESS):
        with pytest.raises(NoManager) as caught:
            Engine(services=answer).answer(ClusterNamed("service", "web"))
        assert (caught.value.status, caught.value.message) == (503, answer.message)
    for odd in (EngineAnswer(500, {}), EngineAnswer(200, {}), listed({"ID": "x"}), listed(1)):
        with pytest.raises(EngineOdd):
            Engine(services=odd).answer(OwnServices())


def test_this_node() -> None:
    info = EngineAnswer(200, {"Swarm": {"NodeID": "n1"}})
    assert Engine(info=info).answer(ThisNode()) == "n1"
    with pytest.raises(NoManager):
        Engine(info=EngineAnswer(200, {"Swarm": {"NodeID": ""}})).answer(ThisNode())
    with pytest.raises(EngineOdd):
        Engine(info=EngineAnswer(500, {})).answer(ThisNode())


def mounting(volume: str, labels: object) -> dict[str, Any]:
    mounts = [{"Type": "volume", "Source": volume, "Target": "/m"}]
    return entry("x", "x", labels, TaskTemplate={"ContainerSpec": {"Mounts": mounts}})


@pytest.mark.parametrize(
    ("services", "owner"),
    [
        (listed(), None),
        (listed(mounting("data", OWN)), None),
        (listed(mounting("other", {"com.dss.owner": "b"})), None),
        (listed(WEB, mounting("data", {"com.dss.owner": "b"})), "b"),
        (listed(mounting("data", None)), ""),
        (
            listed({**FOREIGN, "PreviousSpec": mounting("data", None)["Spec"]}),
            "b",
        ),
        (OUTSIDE, None),
        (EngineAnswer(404, {"message": "page not found"}), None),
    ],
)
def test_a_name_that_anothers_service_mounts_is_taken(
    services: EngineAnswer, owner: str | None
) -> None:
    """
    Else who made a volume of that name would find it in the other's next task.
    """
    found = Engine(volumes_data=MISSING, services=services).answer(VolumeNamed("data"))
    assert found == (None if owner is None else VolumeFacts("data", owner, "local"))


def test_a_swarm_that_can_not_answer_denies() -> None:
    with pytest.raises(NoManager):
        Engine(volumes_data=MISSING, services=LEADERLESS).answer(VolumeNamed("data"))
