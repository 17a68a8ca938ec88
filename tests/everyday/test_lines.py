"""
Lines from the documentation of popular images.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import Program
from tests.clients.sides import Side, Sides
from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.machine import Engine
from tests.engines.roots import SUITES
from tests.everyday.lines import IMAGES, LINES, Line

pytestmark = pytest.mark.engine

#: Where containers are started, too: starts on each engine are tested elsewhere.
_STARTED = SUITES[-1]

#: How many clients run at a time.
_AT_ONCE = 6


@pytest.fixture
def stand_ins(engine: Engine) -> None:
    """
    The small image under the names of the others, with their ports, volumes and users.
    """
    made = engine.api.post("/containers/create", {"Image": "busybox"})["Id"]
    entry = 'ENTRYPOINT ["sh", "-c", "exec sleep 98765"]'
    for name, changes in IMAGES.items():
        repository, _, tag = name.rpartition(":")
        engine.api.post(
            "/commit", {}, container=made, repo=repository, tag=tag, changes=(entry, *changes)
        )


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def _created(side: Side, lines: Iterable[Line]) -> Iterator[tuple[Line, int, str, str]]:
    """
    Create containers by lines, some at a time, and give status, output and errors.
    """
    root = side.directory
    for batch in _batches(lines):
        started: list[tuple[Line, Program]] = [
            (line, side.start("create", *line.argv(str(root)))) for line in batch
        ]
        for line, program in started:
            done = program.finish()
            yield line, done.status, done.text, done.error


def _prepared(side: Side) -> None:
    for name in ("pg", "html", "app", "conf"):
        (side.directory / name).mkdir()
    (side.directory / "prometheus.yml").write_text("global: {}\n")
    side.api.post(
        "/networks/create",
        {"Name": "app", "IPAM": {"Config": [{"Subnet": "10.78.0.0/16"}]}},
    )


def _shown(api: Api, container: str) -> Any:
    """
    What a container is, by inspect, in an order of its own.
    """
    shown = api.get(f"/containers/{container}/json")
    shown["Mounts"].sort(key=lambda mount: mount["Destination"])
    # The client, and older engines, tell these in no order.
    for told in (shown["Config"]["Env"], shown["HostConfig"]["Binds"]):
        (told or []).sort()
    networks = sorted(shown["NetworkSettings"]["Networks"])
    return {
        **{key: shown[key] for key in ("Path", "Args", "Config", "HostConfig", "Mounts")},
        "Networks": networks,
    }


def _works(side: Side, lines: Iterable[Line]) -> None:
    _prepared(side)
    for line, status, output, error in _created(side, lines):
        assert status == 0, f"{side.kind}: {line.arguments}: {error}"
        side.see(line.arguments, [error, _shown(side.api, output)])
        if side.guarded and side.engine.suite == _STARTED:
            side.api.post(f"/containers/{output}/start")


def test_those_that_work_as_they_are(sides: Sides, stand_ins: None) -> None:
    """
    With the default settings and a root: what is made is what is made without dss.
    """
    sides.run(lambda side: _works(side, [line for line in LINES if not line.rules]), oldest=False)


def test_those_that_an_operator_allows(
    engine: Engine, guard: StartGuard, stand_ins: None, tmp_path: Path
) -> None:
    """
    Each denial tells its rule and the setting, and with the settings of all of them each
    line works as without dss.
    """
    root = engine.directory / "work"
    root.mkdir(exist_ok=True)
    denied = [line for line in LINES if line.rules]
    options = {"owner": "everyday", "allow_bind": [str(root)]}
    strict = Side("guarded", engine, guard(engine, **options).socket, root)
    before = engine.api.get("/containers/json", all=1)
    for line, status, _, error in _created(strict, denied):
        assert status != 0, line
        told = set(re.findall(r"\[rule ([a-z_.]+)\]", error)) or {error}
        assert set(line.rules) <= told, (line, error)
        for setting in line.settings:
            assert f"containers.{setting}" in error, (line, error)
    assert engine.api.get("/containers/json", all=1) == before
    file = tmp_path / "dss.toml"
    file.write_text(_settings(denied))
    options["options"] = ["--config", str(file)]
    sides = Sides(engine, guard(engine, **options).socket, root)
    sides.run(lambda side: _works(side, [line for line in denied if line.settings]), oldest=False)


def _settings(lines: Iterable[Line]) -> str:
    """
    One settings file of what is written for each line.
    """
    listed: dict[str, list[str]] = {}
    for line in lines:
        for setting in line.settings:
            key, _, values = setting.partition(" = ")
            listed.setdefault(key, []).append(values.strip("[]"))
    return "[containers]\n" + "".join(
        f"{key} = [{', '.join(values)}]\n" for key, values in listed.items()
    )
