"""
What an owner may use in sum, at real engines, also where requests race.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

MIB = 2**20


@pytest.fixture
def through(engine: Engine, guard: StartGuard, tmp_path: Path) -> Api:
    file = tmp_path / "dss.toml"
    file.write_text(
        """
        [owner.limits]
        containers = 4
        networks = 2
        volumes = 3
        memory = "64m"
        [containers.defaults]
        memory = "24m"
        """
    )
    return guard(engine, owner="summed", options=["--config", str(file)]).api


BODY = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"Init": True}}


def test_creates_and_starts_that_race(engine: Engine, through: Api) -> None:
    """
    Ten at once, of which four can be made; then all four started at once, of which two fit
    into the memory. What one gives back another can have.
    """
    with ThreadPoolExecutor(10) as pool:
        made = list(
            pool.map(lambda _: through.call("POST", "/containers/create", None, BODY), range(10))
        )
        assert sorted(reply.status for reply in made) == [201] * 4 + [429] * 6
        denied = next(reply for reply in made if reply.status == 429)
        assert "limit of containers is 4; 4 in use, 1 asked for" in denied.message
        ids = [reply.json()["Id"] for reply in made if reply.ok]
        started = list(pool.map(lambda id: through.call("POST", f"/containers/{id}/start"), ids))
    assert sorted(reply.status for reply in started) == [204, 204, 429, 429]
    running = [each["Id"] for each in engine.api.get("/containers/json")]
    assert len(set(running) & set(ids)) == 2
    denied = next(reply for reply in started if reply.status == 429)
    assert "is 64m; 48m in use, 24m asked for" in denied.message
    update = {"Memory": 48 * MIB, "MemorySwap": 96 * MIB}
    (first, _) = (id for id in ids if id in running)
    assert through.call("POST", f"/containers/{first}/update", None, update).status == 429
    through.post(f"/containers/{first}/kill")
    through.post(f"/containers/{first}/wait")
    (other, _) = (id for id in ids if id not in running)
    through.post(f"/containers/{other}/start")
    through.call("DELETE", f"/containers/{first}", {"force": 1})
    through.post("/containers/create", BODY)


def test_a_client_that_waits_for_the_removal(engine: Engine, through: Api) -> None:
    """
    C{docker run --rm} waits until its container is gone, also where it can't be started. What
    could never start is not made; other containers stay.
    """
    full = {**BODY, "HostConfig": {"Init": True, "Memory": 60 * MIB}}
    runs = through.post("/containers/create", full)["Id"]
    through.post(f"/containers/{runs}/start")
    before = engine.api.get("/containers/json", all=1)
    run = ("docker", "run", "--rm", "-v", "/data", "busybox", "true")
    argv, environ = engine.command(*run, environ={"DOCKER_HOST": f"unix://{through.socket}"})
    done = subprocess.run(argv, env=environ, capture_output=True, timeout=60, check=False)
    assert done.returncode == 125
    assert b"in use" in done.stderr
    kept = through.post("/containers/create", BODY)["Id"]
    assert through.call("POST", f"/containers/{kept}/start").status == 429
    reply = through.call(
        "POST", "/containers/create", None, {**BODY, "HostConfig": {"Memory": 65 * MIB}}
    )
    assert reply.status == 403
    assert "HostConfig.Memory" in reply.message
    through.call("DELETE", f"/containers/{kept}")
    assert [each["Id"] for each in engine.api.get("/containers/json", all=1)] == [
        each["Id"] for each in before
    ]
    assert not engine.api.get("/volumes")["Volumes"]


def test_networks_and_volumes_that_race(through: Api) -> None:
    """
    Of six at once as many are made as may be, also of those that containers bring; what is
    removed makes room.
    """
    limits = {"/networks/create": 2, "/volumes/create": 3}

    def make(number: int) -> list[int]:
        body = {"Name": f"counted-{number}"}
        return [through.call("POST", path, body=body).status for path in limits]

    with ThreadPoolExecutor(6) as pool:
        made = list(zip(*pool.map(make, range(6)), strict=True))
    for statuses, most in zip(made, limits.values(), strict=True):
        assert sorted(statuses) == [201] * most + [429] * (6 - most)
    volumes = [each["Name"] for each in through.get("/volumes")["Volumes"]]
    own = f"{volumes[0]}:/x"
    for binds, status in (["later:/x"], 429), (["/x"], 429), ([own], 201):
        body = {"Image": "busybox", "HostConfig": {"Binds": binds}}
        assert through.call("POST", "/containers/create", body=body).status == status, binds
    through.delete(f"/volumes/{volumes[1]}")
    through.post("/volumes/create", {"Name": "later"})
    through.post("/volumes/create", {"Name": "later"})
