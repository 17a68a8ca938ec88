"""
Each attack by a container create works at a bare engine, and fails through dss.
"""

from __future__ import annotations

import pytest

from tests.attacks.cases_create import ATTACKER, ATTACKS, Attack, Scene, attempt, restored
from tests.conftest import StartGuard
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_works_bare_and_fails_through_dss(
    engine: Engine, guard: StartGuard, attack: Attack
) -> None:
    """
    Judged by what the attacker gets, not by a status.
    """
    if not attack.works_on(engine):
        pytest.skip("this version of the engine never fell for it")
    scene = Scene(engine)
    assert attempt(attack, scene, engine.api), "the attack is none"
    restored(scene)
    through = guard(engine, owner=ATTACKER, allow_bind=[str(scene.root)])
    assert not attempt(attack, scene, through.api)
    restored(scene)


def test_what_is_no_attack_works_through_dss(engine: Engine, guard: StartGuard) -> None:
    """
    The twin of them all: the allowed directory, one's own network and volume, and labels.
    """
    scene = Scene(engine)
    through = guard(engine, owner=ATTACKER, allow_bind=[str(scene.root)])
    (scene.root / "sub" / "file").write_text("mine")
    made = through.api.post(
        "/containers/create",
        {
            "Image": "busybox",
            "Cmd": ["sh", "-c", "cat /x/file; echo kept >/data/file; cat /data/file"],
            "Tty": True,
            "Labels": {"a": "b"},
            "HostConfig": {
                "Binds": [f"{scene.root}/sub:/x:ro", "own-data:/data"],
                "NetworkMode": "own-net",
                "CapDrop": ["ALL"],
            },
        },
    )["Id"]
    through.api.post(f"/containers/{made}/start")
    assert through.api.post(f"/containers/{made}/wait")["StatusCode"] == 0
    logs = through.api.call("GET", f"/containers/{made}/logs", {"stdout": 1})
    assert logs.body.split() == [b"minekept"]
    labels = engine.api.get("/volumes/own-data")["Labels"]
    assert labels == {"com.dss.owner": ATTACKER}
