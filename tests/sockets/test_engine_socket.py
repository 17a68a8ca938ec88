"""
The engine's socket in containers: each gets its owner's, and no way to the engine's.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.sockets.nested import HOST_PROGRAMS, create, output, run

pytestmark = pytest.mark.engine

#: Any user but root, whom the engines' host has not heard of.
_STRANGER = 4321


@pytest.fixture
def root(engine: Engine) -> Iterator[Path]:
    """
    An allowed directory.
    """
    made = engine.directory / "sockets" / "root"
    made.mkdir(parents=True)
    yield made
    shutil.rmtree(made.parent)


def _victim(engine: Engine) -> str:
    body = {"Image": "busybox", "Cmd": ["true"], "Labels": {"com.dss.owner": "victim"}}
    return str(engine.api.post("/containers/create", body, name="victim")["Id"])


def test_each_spelling_is_the_owners_own(engine: Engine, guard: StartGuard) -> None:
    """
    For whatever user the container runs as, read-only too, in a container that takes it from
    another, and after a restart policy's start.
    """
    through = guard(engine, owner="nester", allow_bind=[f"{HOST_PROGRAMS}:ro"])
    victim = _victim(engine)
    spellings = [
        "/var/run/docker.sock",
        "/run/docker.sock",
        "//var/./run/../run/docker.sock/",
        engine.socket,
        through.socket,
    ]
    binds = [f"{spelled}:/s{number}:ro" for number, spelled in enumerate(spellings)]
    binds += ["/var/run/docker.sock:/var/run/docker.sock:z"]
    mount = {"Type": "bind", "Source": "/var/run/docker.sock", "Target": "/mounted"}
    look = (
        "for s in /s? /mounted /var/run/docker.sock; do "
        "$docker -H unix://$s ps -aq --no-trunc; done; "
        "$docker container inspect victim; $docker run --privileged busybox; $docker rm -f victim"
    )
    host = {"Mounts": [mount], "RestartPolicy": {"Name": "on-failure"}}
    made = create(through.api, look, binds, host=host, User=f"{_STRANGER}:{_STRANGER}").json()["Id"]
    told = output(through.api, made)
    assert told.split()[:7] == [made] * 7
    assert victim not in told
    assert "rule container.privileged" in told
    assert told.count("No such container: victim") == 2
    assert engine.api.get(f"/containers/{victim}/json")["Id"] == victim
    taken = run(through.api, "$docker ps -aq --no-trunc", host={"VolumesFrom": [made]})
    assert made in taken.split()
    assert len(taken.split()) == 2
    changed = through.api.call(
        "POST", f"/containers/{made}/update", body={"RestartPolicy": {"Name": "always"}}
    )
    assert changed.ok, changed.message


def _reached(engine: Engine, api: Api, sources: Mapping[str, str], victim: str) -> set[str]:
    """
    The sources through which one container, that binds them all, sees the victim.

    @param sources: what is bound, and where the socket then is below that.
    """
    binds = [f"{source}:/x{number}" for number, source in enumerate(sources)]
    look = "".join(
        f"$docker -H unix:///x{number}{inside} ps -aq --no-trunc; echo --;"
        for number, inside in enumerate(sources.values())
    )
    made = create(api, look, binds)
    if not made.ok:
        assert made.status == 403, made.body
        return set()
    told = output(api, made.json()["Id"]).split("--")
    return {source for source, seen in zip(sources, told, strict=False) if victim in seen}


def test_no_way_leads_to_the_engines_own(engine: Engine, guard: StartGuard, root: Path) -> None:
    """
    Each of them does at the bare engine.
    """
    other = guard(engine, owner="victim", allow_bind=[])
    through = guard(engine, owner="nester", allow_bind=[f"{HOST_PROGRAMS}:ro", str(root)])
    victim = _victim(engine)
    (root / "link.sock").symlink_to(engine.socket)
    (root / "up").symlink_to(engine.directory)
    os.link(engine.socket, root / "hard.sock")
    (theirs,) = (Path(other.socket + ".d")).glob("*.sock")
    sources = {
        f"{root}/link.sock": "",
        f"{root}/hard.sock": "",
        f"{root}/up": "/docker.sock",
        f"{root}/up/docker.sock": "",
        str(engine.directory): "/docker.sock",
        f"{root}/../..": "/docker.sock",
        other.socket: "",
        str(other.directory): "/dss.sock",
        str(theirs): "",
        str(theirs.parent): f"/{theirs.name}",
        f"{through.socket}.d/../../{other.directory.name}/dss.sock": "",
    }
    assert _reached(engine, engine.api, sources, victim) == set(sources)
    for source, inside in sources.items():
        assert not _reached(engine, through.api, {source: inside}, victim), source
    # And the twin: the victim's own owner sees it from a container.
    own = guard(engine, owner="victim", allow_bind=[f"{HOST_PROGRAMS}:ro"])
    usual = {"/var/run/docker.sock": ""}
    assert _reached(engine, own.api, usual, victim) == set(usual)


def _connects(path: str) -> bool:
    """
    Whether another user of the host can connect.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(_STRANGER)
            os.setuid(_STRANGER)
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
            status = 0
        except PermissionError:
            status = 2
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 2)
    return status == 0


@pytest.mark.parametrize("engine", ["sid"], indirect=True)
def test_no_other_user_of_the_host_can_connect(engine: Engine, guard: StartGuard) -> None:
    """
    Not to the socket for containers, though to one that the operator opens.
    """
    through = guard(engine, owner="nester", options=["--socket-mode", "666"])
    through.directory.chmod(0o755)
    (path,) = Path(through.socket + ".d").glob("*.sock")
    assert path.stat().st_mode & 0o777 == 0o666
    assert _connects(through.socket)
    assert not _connects(str(path))


def test_after_dss_was_away(engine: Engine, guard: StartGuard) -> None:
    """
    A container has the socket again once it is restarted; while dss is away it does not
    start, nothing is put in the socket's place, and nobody else's socket is.
    """
    place = engine.directory / "for-containers"
    with ExitStack() as stack:

        def started(owner: str) -> Guard:
            options = ["--container-sockets", str(place)]
            found = Guard(engine, owner, [f"{HOST_PROGRAMS}:ro"], options)
            stack.callback(found.stop)
            return found

        first = started("nester")
        binds = ["/run/docker.sock:/var/run/docker.sock"]
        made = create(first.api, "$docker ps -aq --no-trunc", binds).json()["Id"]
        assert output(first.api, made) == made
        first.stop()
        assert not place.exists()
        started("other")
        assert not engine.api.call("POST", f"/containers/{made}/start").ok
        assert len(list(place.glob("*.sock"))) == 1
        assert output(started("nester").api, made).split() == [made, made]


def test_where_containers_get_none(engine: Engine, guard: StartGuard) -> None:
    through = guard(engine, owner="nester", options=["--container-sockets", "none"])
    assert not Path(through.socket + ".d").exists()
    for source in ("/var/run/docker.sock", through.socket):
        made = through.api.call(
            "POST",
            "/containers/create",
            body={"Image": "busybox", "HostConfig": {"Binds": [f"{source}:/x"]}},
        )
        assert made.status == 403
        assert "--container-sockets" in made.message
        assert "[rule mount.engine_socket]" in made.message
