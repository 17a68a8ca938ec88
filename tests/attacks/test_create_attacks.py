"""
Each attack by a container create works at a bare engine, and fails through dss.
"""

from __future__ import annotations

import pytest

from tests.attacks.cases_create import ATTACKER, ATTACKS, Scene, attempt
from tests.conftest import StartGuard
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine


def test_each_works_bare_and_fails_through_dss(engine: Engine, guard: StartGuard) -> None:
    """
    Judged by what the attacker gets, not by a status. All on one scene, which each of them
    leaves as it was.
    """
    scene = Scene(engine)
    through = guard(engine, owner=ATTACKER, allow_bind=[str(scene.root)])
    attacks = [attack for attack in ATTACKS if attack.works_on(engine)]
    outcomes = {
        attack.name: (attempt(attack, scene, engine.api), attempt(attack, scene, through.api))
        for attack in attacks
    }
    assert outcomes == {attack.name: (True, False) for attack in attacks}


def test_names_are_unique() -> None:
    """
    Each outcome is told apart.
    """
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


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
