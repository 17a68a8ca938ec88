"""
Which objects are an owner's own, as the engine tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, succeed

from dss.engine.asking import Asker, EngineAnswer
from dss.engine.owned import Owned
from dss.errors import EngineOdd, NoManager
from dss.model.owner import Owner

OWN = {"com.dss.owner": "ci"}
OTHERS = {"com.dss.owner": "other"}


class Engine:
    """
    Gives one answer, and keeps what it was asked.
    """

    def __init__(self, status: int, value: Any) -> None:
        self._answer = EngineAnswer(status, value)
        self.asked: list[object] = []

    def get(
        self, segments: tuple[str, ...], query: Mapping[str, str] | None = None
    ) -> Deferred[EngineAnswer]:
        self.asked.append((segments, query))
        return succeed(self._answer)


def outcome(coroutine: Any) -> Any:
    """
    What a coroutine that waits for nothing comes to.
    """
    found: list[Any] = []
    Deferred.fromCoroutine(coroutine).addCallbacks(
        found.append, lambda failure: found.append(failure.value)
    )
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def owned(status: int, value: Any) -> Owned:
    return Owned(cast(Asker, Engine(status, value)), Owner("ci"))


@pytest.mark.parametrize(
    ("kind", "value", "ids"),
    [
        ("network", [{"Id": "1", "Labels": OWN}, {"Id": "2", "Labels": OTHERS}], {"1"}),
        ("network", [{"Id": "1", "Labels": None}], set()),
        ("volume", {"Volumes": [{"Name": "a", "Labels": OWN}, {"Name": "b"}]}, {"a"}),
        ("volume", {"Volumes": None}, set()),
        ("service", [{"ID": "1", "Spec": {"Labels": OWN}}, {"ID": "2", "Spec": {}}], {"1"}),
        ("secret", [{"ID": "1", "Spec": {"Labels": OTHERS}, "Labels": OWN}], set()),
    ],
)
def test_all_of_a_kind(kind: str, value: Any, ids: set[str]) -> None:
    """
    Asked for by label, and looked at once more.
    """
    engine = Engine(200, value)
    assert outcome(Owned(cast(Asker, engine), Owner("ci")).ids(kind)) == ids
    assert engine.asked == [((f"{kind}s",), {"filters": '{"label": ["com.dss.owner=ci"]}'})]


@pytest.mark.parametrize(
    ("kind", "value", "own"),
    [
        ("network", {"Id": "x", "Labels": OWN}, True),
        ("network", {"Id": "x", "Labels": OTHERS}, False),
        # A name, or the beginning of an id, is no id.
        ("network", {"Id": "xyz", "Labels": OWN}, False),
        ("volume", {"Name": "x", "Labels": OWN}, True),
        ("config", {"ID": "x", "Spec": {"Labels": OWN}}, True),
        ("config", {"ID": "x", "Labels": OWN}, False),
    ],
)
def test_one(kind: str, value: Any, own: bool) -> None:
    assert outcome(owned(200, value).is_own(kind, "x")) is own


def test_one_that_is_gone() -> None:
    """
    Or that no reference can mean.
    """
    assert outcome(owned(404, None).is_own("volume", "x")) is False
    assert outcome(owned(200, {"Name": "../x", "Labels": OWN}).is_own("volume", "../x")) is False


def test_without_a_swarm() -> None:
    with pytest.raises(NoManager):
        outcome(owned(503, None).ids("service"))
    assert outcome(owned(503, None).is_own("service", "x")) is False


@pytest.mark.parametrize(("status", "value"), [(500, None), (503, None), (200, "x"), (200, ["x"])])
def test_odd_answers(status: int, value: Any) -> None:
    """
    Say nothing of whose something is.
    """
    with pytest.raises(EngineOdd):
        outcome(owned(status, value).ids("network"))
    with pytest.raises(EngineOdd):
        outcome(owned(status, value).is_own("network", "x"))


def test_podman_knows_no_swarm() -> None:
    """
    Where the whole operation is missing there is none of a Swarm's objects; but networks and
    volumes are everywhere.
    """
    for kind in ("service", "secret", "config"):
        with pytest.raises(NoManager):
            outcome(owned(404, None).ids(kind))
    for kind in ("network", "volume"):
        with pytest.raises(EngineOdd):
            outcome(owned(404, None).ids(kind))
