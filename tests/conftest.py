"""
Fixtures for tests on real Docker Engines.

C{DSS_TEST_ENGINES=require} makes a test fail, instead of being skipped, where its
engine can't be had.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.engines.cleaning import Contents, restore
from tests.engines.guard import Guard
from tests.engines.machine import Engine, Engines
from tests.engines.roots import PODMAN, SUITES, Unavailable, locked

# What is drawn is the same in each run, and is never told apart by how fast a machine is.
settings.register_profile("dss", deadline=None, derandomize=True, database=None)
settings.load_profile("dss")

_GUARDS = pytest.StashKey[dict[tuple[str, str], Guard]]()
_ENGINES = pytest.StashKey[Engines]()
_WANTED = pytest.StashKey[Sequence[str]]()
_REFUSED = pytest.StashKey[dict[bool, str]]()
_NO_ENGINE = "no Docker Engine of"

#: How many workers share a set of engines: as many as it has engines.
_SHARERS = len(SUITES)

#: Starts a guard for an engine: C{guard(engine, owner="a", allow_bind=[...], options=[...])}.
StartGuard = Callable[..., Guard]


def pytest_configure(config: pytest.Config) -> None:
    """
    A run is known by its main process: with pytest-xdist that is the workers' parent.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None:
        config.stash[_ENGINES] = Engines(os.getpid())
    else:
        # Tests wait for their engine most of the time, and have it to themselves.
        number = int(worker["workerid"].removeprefix("gw")) // _SHARERS
        config.stash[_ENGINES] = Engines(os.getppid(), number)
    config.stash[_GUARDS] = {}
    config.stash[_REFUSED] = {}


def pytest_collection_finish(session: pytest.Session) -> None:
    """
    Remember which engines the selected tests need: these are started together.
    """
    wanted = {_suite(item) for item in session.items} - {None}
    session.config.stash[_WANTED] = [suite for suite in SUITES if suite in wanted]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """
    Stop all that the run started, also after Ctrl-C: last, since an interrupted test
    still cleans up at its engine.
    """
    for guard in session.config.stash[_GUARDS].values():
        guard.stop()
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_ENGINES].stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Say loudly that tests on engines did not run, and why.
    """
    skipped = terminalreporter.getreports("skipped")
    reasons = [str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)]
    missed = [reason for reason in reasons if _NO_ENGINE in reason]
    if missed:
        terminalreporter.section("NOT TESTED ON REAL ENGINES", red=True, bold=True)
        terminalreporter.line(f"{len(missed)} tests were skipped. {missed[0]}", red=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Show what the guards logged in a test that failed.
    """
    report = yield
    if report.failed:
        for guard in item.config.stash[_GUARDS].values():
            news = guard.news() if guard.log.exists() else ""
            if news and guard.engine.suite == _suite(item):
                report.sections.append((f"log of dss for owner {guard.owner}", news))
    return report


def _suite(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("engine")


def _engine(config: pytest.Config, suite: str) -> Engine:
    engines = config.stash[_ENGINES]
    is_podman = suite == PODMAN
    problem = config.stash[_REFUSED].get(is_podman, "")
    if not problem:
        try:
            # Where Podman can't be had, Docker may.
            engines.start([PODMAN] if is_podman else config.stash[_WANTED])
        except Unavailable as error:
            problem = config.stash[_REFUSED][is_podman] = f"{_NO_ENGINE} {suite}: {error}"
    if problem:
        if os.environ.get("DSS_TEST_ENGINES") == "require":
            pytest.fail(problem, pytrace=False)
        pytest.skip(problem)
    return engines.named(suite)


@pytest.fixture(params=SUITES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """
    A real engine of each suite, which the test has to itself, also among the workers of
    pytest-xdist. What the test makes in
    it is removed afterwards, and no guard may have failed unexpectedly meanwhile.
    """
    found = _engine(request.config, request.param)
    guards = request.config.stash[_GUARDS]
    with locked(found.directory / "in-use"):
        before = Contents.of(found.api)
        for guard in guards.values():
            guard.mark()
        yield found
        restore(found.api, before)
        troubles = [
            guard.troubles() for guard in guards.values() if guard.engine.name == found.name
        ]
    if any(troubles):
        pytest.fail("dss failed unexpectedly:\n" + "\n".join(troubles), pytrace=False)


@pytest.fixture
def all_engines(request: pytest.FixtureRequest) -> Iterator[Sequence[Engine]]:
    """
    The engines of all suites at once, as L{engine} gives one. They are always locked in the
    same order, so that two tests can't wait for each other.
    """
    request.config.stash[_WANTED] = SUITES
    engines = [_engine(request.config, suite) for suite in SUITES]
    with ExitStack() as stack:
        for each in engines:
            stack.enter_context(locked(each.directory / "in-use"))
        before = [Contents.of(each.api) for each in engines]
        yield engines
        for each, contents in zip(engines, before, strict=True):
            restore(each.api, contents)


@pytest.fixture
def guard(request: pytest.FixtureRequest) -> Iterator[StartGuard]:
    """
    Starts guards that are stopped at the end of the test.
    """
    started: list[Guard] = []

    def start(engine: Engine, owner: str | None = "a", **options: object) -> Guard:
        new = Guard(engine, owner, **options)  # type: ignore[arg-type]
        started.append(new)
        request.config.stash[_GUARDS][engine.name, str(new.directory)] = new
        return new

    yield start
    for each in started:
        troubles = each.troubles()
        each.stop()
        del request.config.stash[_GUARDS][each.engine.name, str(each.directory)]
        if troubles:
            pytest.fail(f"dss failed unexpectedly:\n{troubles}", pytrace=False)


@pytest.fixture
def shared_guard(request: pytest.FixtureRequest) -> Callable[[Engine, str], Guard]:
    """
    The run's one guard for an owner at an engine, with no options, started at its
    first use. Tests that use it don't stop it and leave no state in it.
    """
    guards = request.config.stash[_GUARDS]

    def get(engine: Engine, owner: str) -> Guard:
        key = engine.name, owner
        if key not in guards:
            guards[key] = Guard(engine, owner)
        return guards[key]

    return get
