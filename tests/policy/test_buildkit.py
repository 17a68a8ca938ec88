"""
Who wants BuildKit is told how to build without, and nothing else.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import Denied, NotFound
from dss.model.facts import HooksOnCreate, ImageNamed
from dss.policy import create
from dss.policy.images import pulling
from dss.testing.judging import circumstances, drive, request

ANSWERS: dict[Any, Any] = {ImageNamed: lambda asked: None, HooksOnCreate: lambda asked: asked.body}


def created(name: str, image: str, privileged: bool) -> list[str]:
    """
    The rules that deny a create.
    """
    body = {"Image": image, "HostConfig": {"Privileged": privileged, "CgroupParent": "/docker/x"}}
    made = request(query={"name": name}, body=json.dumps(body).encode())
    with pytest.raises(Denied) as error:
        drive(create.judge(made, circumstances()), ANSWERS)
    assert ("DOCKER_BUILDKIT=0" in error.value.message) is ("build.buildkit" in error.value.message)
    return [problem.rule for problem in error.value.problems]


@pytest.mark.parametrize(
    ("name", "image", "privileged"),
    [
        ("buildx_buildkit_default0", "moby/buildkit:buildx-stable-1", True),
        ("/buildx_buildkit_x0", "registry.example/mirrored:1", True),
        ("buildx_buildkit_x0", "", False),
        ("xx", "moby/buildkit:buildx-stable-1-rootless", False),
        ("xx", "docker.io/moby/buildkit", True),
    ],
)
def test_the_containers_of_buildx(name: str, image: str, privileged: bool) -> None:
    """
    One problem, though there are more.
    """
    assert created(name, image, privileged) == ["build.buildkit"]


@pytest.mark.parametrize(
    ("name", "image", "privileged"),
    [
        ("xx", "busybox", True),
        ("x_buildx_buildkit_", "moby/buildkit-x", True),
        ("xx", "registry.example/moby/buildkit", True),
        ("xx", "moby/buildkit:rootless", False),
        ("xx", "Not An Image", True),
    ],
)
def test_other_containers(name: str, image: str, privileged: bool) -> None:
    """
    They are judged as always.
    """
    rules = created(name, image, privileged)
    assert "build.buildkit" not in rules
    assert rules


@pytest.mark.parametrize(
    ("image", "tag", "rule"),
    [
        ("moby/buildkit", "buildx-stable-1", "build.buildkit"),
        ("docker.io/moby/buildkit:buildx-stable-1", "", "build.buildkit"),
        ("moby/buildkit", "rootless", ""),
        ("moby/buildkit-x", "buildx-stable-1", ""),
        ("other.example/moby/buildkit", "buildx-stable-1", "image.pull"),
    ],
)
def test_the_pull_of_buildx(image: str, tag: str, rule: str) -> None:
    """
    It is denied before anything is asked.
    """

    def judged() -> None:
        made = request(query={"fromImage": image, "tag": tag})
        drive(pulling.pull(made, circumstances()), {ImageNamed: lambda asked: missing()})

    def missing() -> None:
        raise NotFound("asked")

    if not rule:
        with pytest.raises(NotFound, match="asked"):
            judged()
        return
    with pytest.raises(Denied) as error:
        judged()
    assert [problem.rule for problem in error.value.problems] == [rule]
