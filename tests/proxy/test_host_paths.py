"""
What judgements are told of paths of the host.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.logger import LogLevel, capturedLogs

from dss.engine.facts import EngineFacts
from dss.hooks.chain import HookChain
from dss.model.facts import HostPath, PathFacts
from dss.model.owner import Owner
from dss.proxy.judging import Answers


@frozen
class Engine:
    """
    Knows where it keeps its files, now or a little later.
    """

    at: str
    later: bool = False

    def directory(self) -> Any:
        return succeed(self.at) if self.later else self.at


def told(engine: Engine, *paths: Path) -> list[PathFacts]:
    answers = Answers(Owner("ci"), cast(EngineFacts, engine), cast(HookChain, None))
    found: list[PathFacts] = []
    for path in paths:
        answer = answers.answer(HostPath(str(path)))
        if isinstance(answer, Deferred):
            answer.addCallback(found.append)
        else:
            found.append(cast(PathFacts, answer))
    return found


@pytest.mark.parametrize("later", [False, True])
def test_what_is_the_engines_own(tmp_path: Path, later: bool) -> None:
    """
    In it and around it, through links too; the operator is told once of each.
    """
    engines, beside = tmp_path / "lib" / "docker", tmp_path / "lib" / "docker2"
    (engines / "inside").mkdir(parents=True)
    beside.mkdir()
    (tmp_path / "link").symlink_to(engines)
    (tmp_path / "moved").symlink_to(tmp_path / "lib")
    paths = [engines, engines / "inside", tmp_path / "lib", tmp_path / "link", engines / "none"]
    with capturedLogs() as logs:
        found = told(Engine(str(tmp_path / "moved" / "docker"), later), *paths, tmp_path / "lib")
    assert all(each.is_engines for each in found)
    assert [each["path"] for each in logs] == [str(each) for each in paths]
    assert {each["log_level"] for each in logs} == {LogLevel.error}
    (fine,) = told(Engine(str(engines), later), beside)
    assert fine == PathFacts(str(beside), is_directory=True)
