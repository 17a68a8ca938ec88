"""
Attacks by what an image holds, and by what it gives its containers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.attacks.cases_create import ATTACKER, SECRET, Scene
from tests.conftest import StartGuard
from tests.engines.api import Api, Reply
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

_OWNED = f"LABEL com.dss.owner={ATTACKER}"


def _create(api: Api, image: str, **body: Any) -> Reply:
    whole = {"Image": image, "Cmd": ["cat", "/secret"], "Tty": True, **body}
    headers = {"Content-Type": "application/json"}
    return api.call("POST", "/containers/create", body=whole, headers=headers)


def _committed(api: Api, script: str = "true", *changes: str) -> str:
    """
    An image that nobody's label is on, but for those of the changes.
    """
    body = {"Image": "busybox", "Cmd": ["sh", "-c", script]}
    made = api.post("/containers/create", body)["Id"]
    api.post(f"/containers/{made}/start")
    api.post(f"/containers/{made}/wait")
    more = {"changes": "\n".join(changes)} if changes else {}
    image: str = api.post("/commit", {}, container=made, **more)["Id"]
    return image


def test_a_step_of_anothers_build(engine: Engine, guard: StartGuard) -> None:
    """
    It has neither an owner nor a name, and is nobody else's to run or to inspect. Once it
    has a name, it is shared.
    """
    through = guard(engine, owner=ATTACKER)
    image = _committed(engine.api, f"echo {SECRET} >/secret")
    assert SECRET.encode() in engine.api.output(_create(engine.api, image).json()["Id"])
    for reference in (image, image.removeprefix("sha256:"), image[7:19]):
        assert _create(through.api, reference).status == 404
        assert through.api.call("GET", f"/images/{reference}/json").status == 404
    engine.api.call("POST", f"/images/{image}/tag", {"repo": "given-to-all", "tag": "1"})
    assert SECRET.encode() in engine.api.output(_create(through.api, image).json()["Id"])
    assert through.api.get("/images/given-to-all:1/json")["Id"] == image


@pytest.mark.parametrize(
    ("change", "instead"),
    [
        ("WORKDIR /proc/self/fd", {"WorkingDir": "/"}),
        ("VOLUME /sys/kernel", None),
        (
            "HEALTHCHECK --interval=1ms CMD true",
            {"Healthcheck": {"Interval": 10**9, "StartInterval": 10**9}},
        ),
    ],
)
def test_what_an_own_image_gives(
    engine: Engine, guard: StartGuard, change: str, instead: dict[str, Any] | None
) -> None:
    """
    The engine takes from it what a client may not ask for.
    """
    through = guard(engine, owner=ATTACKER)
    image = _committed(engine.api, "true", _OWNED, change)
    assert _create(engine.api, image).status == 201
    assert _create(through.api, image).status == 403
    if instead is not None:
        assert _create(through.api, image, **instead).status == 201
    harmless = _committed(engine.api, "true", _OWNED, "WORKDIR /srv", "VOLUME /data")
    assert _create(through.api, harmless).status == 201


def test_a_volume_that_two_ask_for_at_once(engine: Engine, guard: StartGuard) -> None:
    """
    One of them gets it. The other's container is not made, so that nothing of its image is
    put into the volume.
    """
    Scene(engine)
    guards = {owner: guard(engine, owner=owner).api for owner in (ATTACKER, "victim")}
    with ThreadPoolExecutor(2) as threads:
        for number in range(8):
            name = f"race-{number}"
            body = {"HostConfig": {"Binds": [f"{name}:/etc"]}}
            asked = {
                owner: threads.submit(_create, api, "busybox", **body)
                for owner, api in guards.items()
            }
            statuses = {owner: each.result().status for owner, each in asked.items()}
            (has,) = (owner for owner, status in statuses.items() if status == 201)
            assert sorted(statuses.values()) == [201, 403]
            assert engine.api.get(f"/volumes/{name}")["Labels"] == {"com.dss.owner": has}
