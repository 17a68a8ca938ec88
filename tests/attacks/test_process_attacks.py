"""
Reading the host's processes by the arguments of C{docker top}.
"""

from __future__ import annotations

import pytest

from tests.attacks.cases_create import ATTACKER, SECRET, Scene
from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine

#: Each moves another word of a command line, and of the environment after it, to where the
#: engine looks for an id.
LEAKS = [f"-C sleep -o args:9000,{'uid,' * count}pid e" for count in range(1, 12)]


def _running(api: Api) -> str:
    """
    A container of the attacker's, in which no C{sleep} runs.
    """
    body = {"Image": "busybox", "Cmd": ["tail", "-f", "/dev/null"], "StopSignal": "KILL"}
    made: str = api.post("/containers/create", body)["Id"]
    api.post(f"/containers/{made}/start")
    # The engine answers a moment before its runtime has become the container's program.
    eventually(lambda: b"tail" in _told(api, made, "-ef"), "the container's program")
    return made


def _told(api: Api, container: str, arguments: str) -> bytes:
    return api.call("GET", f"/containers/{container}/top", {"ps_args": arguments}).body


def test_no_word_of_another_process(engine: Engine, guard: StartGuard) -> None:
    """
    The bare engine tells a victim's environment, and the words of its command line.
    """
    Scene(engine)
    through = guard(engine, owner=ATTACKER)
    own = _running(through.api)
    for api, leaks in ((engine.api, True), (through.api, False)):
        told = b"".join(_told(api, own, arguments) for arguments in LEAKS)
        assert (SECRET.encode() in told) is leaks


@pytest.mark.parametrize(
    "arguments", ["", "aux", "auxww", "-eo pid,comm", "-ely", "o user,pid,args"]
)
def test_own_processes_are_told(engine: Engine, guard: StartGuard, arguments: str) -> None:
    """
    The twin: what people ask for, as the engine tells it, and only the own container's.
    """
    Scene(engine)
    through = guard(engine, owner=ATTACKER)
    own = _running(through.api)
    told = through.api.get(f"/containers/{own}/top", ps_args=arguments)
    assert told["Titles"] == engine.api.get(f"/containers/{own}/top", ps_args=arguments)["Titles"]
    (row,) = told["Processes"]
    assert "tail" in row[-1]
