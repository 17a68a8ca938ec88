"""
What the engine's facts are made of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, succeed

from dss.engine.asking import Asker, EngineAnswer
from dss.engine.facts import EngineFacts
from dss.errors import BadRequest, EngineOdd
from dss.model.facts import (
    ContainerFacts,
    ContainerNamed,
    ImageFacts,
    ImageNamed,
    MakeVolume,
    RemoveUnstarted,
    VolumeFacts,
)
from dss.model.owner import Owner

ID = "sha256:" + "ab" * 32
OWN = {"com.dss.owner": "ci"}


class Engine:
    """
    Gives its answers by path, and keeps what it was asked.
    """

    def __init__(self, **answers: EngineAnswer) -> None:
        self._answers = answers
        self.asked: list[object] = []

    def get(
        self, segments: tuple[str, ...], query: Mapping[str, str] | None = None
    ) -> Deferred[EngineAnswer]:
        self.asked.append(query)
        return succeed(self._answers["_".join(segments)])

    def post(self, segments: tuple[str, ...], body: Any) -> Deferred[EngineAnswer]:
        self.asked.append(body)
        return succeed(self._answers["_".join(segments)])

    def delete(self, segments: tuple[str, ...], query: Mapping[str, str]) -> Deferred[EngineAnswer]:
        self.asked.append(("DELETE", segments, dict(query)))
        return succeed(self._answers["_".join(segments)])

    def answer(self, question: Any) -> Any:
        """
        The answer to a question of the owner ci.
        """
        found: list[Any] = []
        facts = EngineFacts(cast(Asker, self), Owner("ci"))
        asked = cast("Deferred[Any]", facts.answer(question))
        asked.addCallbacks(found.append, lambda failure: found.append(failure.value))
        (answer,) = found
        if isinstance(answer, Exception):
            raise answer
        return answer


def shown(config: object = None, **more: object) -> EngineAnswer:
    """
    An inspected image.
    """
    return EngineAnswer(200, {"Id": ID, "Config": config, **more})


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        (shown(), ImageFacts(ID, None)),
        (shown({"Labels": OWN}), ImageFacts(ID, "ci")),
        (shown(RepoTags=[], RepoDigests=[]), ImageFacts(ID, None)),
        (shown(RepoTags=["<none>:<none>"], RepoDigests=["<none>@<none>"]), ImageFacts(ID, None)),
        (
            shown(RepoTags=["a:1"]),
            ImageFacts(ID, None, is_named=True, tags=("docker.io/library/a:1",)),
        ),
        (
            shown(RepoTags=["x:latest"], Parent="sha256:1"),
            ImageFacts(
                ID,
                None,
                is_named=True,
                tags=("docker.io/library/x:latest",),
                found_by="docker.io/library/x:latest",
                parent="sha256:1",
            ),
        ),
        (
            shown(RepoDigests=[f"a@{ID}"]),
            ImageFacts(ID, None, is_named=True, digests=(f"docker.io/library/a@{ID}",)),
        ),
        (
            shown(
                {
                    "WorkingDir": "/proc",
                    "Volumes": {"/a": {}},
                    "Env": ["A=b"],
                    "Healthcheck": {"Test": ["CMD", "x"], "Interval": 5},
                }
            ),
            ImageFacts(
                ID,
                None,
                working_dir="/proc",
                volumes=("/a",),
                check_intervals={"Interval": 5},
                check_test=("CMD", "x"),
                environment=("A=b",),
            ),
        ),
    ],
)
def test_an_image(answer: EngineAnswer, facts: ImageFacts) -> None:
    assert Engine(images_x_json=answer).answer(ImageNamed("x")) == facts


@pytest.mark.parametrize("status", [204, 404, 409])
def test_a_container_that_never_ran_is_removed(status: int) -> None:
    """
    Without force: one that somebody has started meanwhile stays.
    """
    engine = Engine(containers_x=EngineAnswer(status, None))
    engine.answer(RemoveUnstarted("x"))
    assert engine.asked == [("DELETE", ("containers", "x"), {"v": "1"})]


def test_a_volume_that_is_made() -> None:
    """
    The answer tells of the volume that is there then, whoever made it.
    """
    wanted = MakeVolume("v", OWN)
    for owner in ("ci", "other"):
        made = {"Name": "v", "Driver": "local", "Labels": {"com.dss.owner": owner}}
        engine = Engine(volumes_create=EngineAnswer(201, made))
        assert engine.answer(wanted) == VolumeFacts("v", owner, "local")
        assert engine.asked == [{"Name": "v", "Driver": "local", "Labels": OWN}]


@pytest.mark.parametrize("status", [200, 409, 500])
def test_a_volume_that_is_not_made(status: int) -> None:
    """
    Then nothing is known.
    """
    engine = Engine(volumes_create=EngineAnswer(status, {"message": "no"}))
    with pytest.raises(EngineOdd, match="can't make a volume: no"):
        engine.answer(MakeVolume("v", OWN))


@pytest.mark.parametrize("status", [400, 404])
def test_a_volume_that_the_engine_does_not_take(status: int) -> None:
    """
    Told in its words, and not as something missing.
    """
    engine = Engine(volumes_create=EngineAnswer(status, {"message": "no"}))
    with pytest.raises(BadRequest, match="no"):
        engine.answer(MakeVolume("v", OWN, "rexray", {"size": "1"}))


def test_a_prefix_among_own_containers() -> None:
    """
    The engine's own filter by id gives nothing for a prefix of several containers, so it is
    not used.
    """
    own = [{"Id": first * 64, "Labels": OWN} for first in "ab"]
    engine = Engine(
        containers_a_json=EngineAnswer(400, {"message": "multiple IDs found with prefix: a"}),
        containers_json=EngineAnswer(200, own),
    )
    assert engine.answer(ContainerNamed("a")) == ContainerFacts("a" * 64, "ci")
    query = cast("Mapping[str, str]", engine.asked[-1])
    assert json.loads(query["filters"]) == {"label": ["com.dss.owner=ci"]}
