"""
Hooks in a chain: their order, their time, and that every failure denies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from zope.interface import implementer

from dss.errors import Denied, NotFound, Problem
from dss.hooks.chain import HookChain
from dss.hooks.interfaces import IPolicyHook

SECONDS = 5.0


@implementer(IPolicyHook)
@define(eq=False)
class Hook:
    """
    A hook made of two functions. By itself it has no opinion.
    """

    name: str = "hook"
    order: int = 0
    judge: Callable[[str, dict[str, Any]], Any] = lambda owner, body: None
    show: Callable[[str, str, dict[str, Any]], Any] = lambda owner, kind, entry: True
    asked: list[Any] = field(factory=list)

    def judge_create(self, owner: str, body: dict[str, Any]) -> Any:
        """
        Take down the question, and answer it.
        """
        self.asked.append((owner, body))
        return self.judge(owner, body)

    def show_entry(self, owner: str, kind: str, entry: dict[str, Any]) -> Any:
        """
        Take down the question, and answer it.
        """
        self.asked.append((owner, kind, entry))
        return self.show(owner, kind, entry)


def chain(*hooks: Any, clock: Clock | None = None) -> HookChain:
    """
    A chain with the tests' time limit.
    """
    return HookChain(hooks, clock or Clock(), SECONDS)


def adds(name: str) -> Hook:
    """
    A hook that adds its name to the command.
    """
    return Hook(name, judge=lambda owner, body: {**body, "Cmd": [*body["Cmd"], name]})


def outcome(given: Any) -> Any:
    """
    What a chain answered: a value, or the failure's error; L{None} where it still
    waits.
    """
    if not isinstance(given, Deferred):
        return given
    results: list[Any] = []
    given.addBoth(results.append)
    if not results:
        return None
    return results[0].value if isinstance(results[0], Failure) else results[0]


def rules(denied: Denied) -> list[str]:
    """
    The ids of the rules that deny.
    """
    return [problem.rule for problem in denied.problems]


def raises(error: Exception) -> Callable[..., Any]:
    """
    A judgement that fails.
    """

    def judge(*arguments: Any) -> Any:
        raise error

    return judge


def test_no_hooks() -> None:
    """
    Without hooks the body is the very same, at once.
    """
    body = {"Image": "busybox"}
    assert chain().on_create("ann", body) is body
    assert chain().on_entry("ann", "container", {}) is True


def test_no_opinion_keeps_the_body() -> None:
    """
    Hooks without an opinion leave the very same body, whatever they do to theirs.
    """
    body = {"Image": "busybox", "Cmd": ["a", {"b": 1}]}

    def meddles(owner: str, body: dict[str, Any]) -> None:
        body["Image"] = "evil"
        body["Cmd"][1]["b"] = 2
        body["Cmd"].append("c")

    assert chain(Hook("a", judge=meddles), Hook("b")).on_create("ann", body) is body
    assert body == {"Image": "busybox", "Cmd": ["a", {"b": 1}]}


def test_meddling_with_an_entry_changes_nothing() -> None:
    """
    A hook's copy of an entry is its own, too.
    """
    entry = {"Labels": {"a": "b"}}
    seen: list[Any] = []

    def meddles(owner: str, kind: str, entry: dict[str, Any]) -> bool:
        entry["Labels"].clear()
        return True

    def sees(owner: str, kind: str, entry: dict[str, Any]) -> bool:
        seen.append((owner, kind, entry))
        return True

    given = chain(Hook("a", show=meddles), Hook("b", show=sees)).on_entry("ann", "image", entry)
    assert given is True
    assert seen == [("ann", "image", {"Labels": {"a": "b"}})]
    assert entry == {"Labels": {"a": "b"}}


def test_a_rewrite_can_not_be_changed_later() -> None:
    """
    A hook that keeps what it returned has no hand in it any more.
    """
    mine: dict[str, Any] = {"Image": "busybox", "Env": []}
    body = chain(Hook(judge=lambda owner, body: mine)).on_create("ann", {})
    mine["Env"].append("EVIL=1")
    assert body == {"Image": "busybox", "Env": []}


def test_order() -> None:
    """
    Hooks run by their declared order, those with the same by name; each sees what
    the one before left.
    """
    hooks = [adds("c"), adds("b"), adds("a")]
    hooks[0].order = -1
    assert outcome(chain(*hooks).on_create("ann", {"Cmd": []})) == {"Cmd": ["c", "a", "b"]}
    assert [hook.name for hook in chain(*hooks).hooks] == ["c", "a", "b"]


def test_at_once_means_no_deferred() -> None:
    """
    Where hooks answer at once, be it by a Deferred or a coroutine, the chain does so.
    """

    async def judge(owner: str, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "User": "1"}

    async def show(owner: str, kind: str, entry: dict[str, Any]) -> bool:
        return True

    hooks = [
        Hook("a", judge=judge, show=show),
        Hook(
            "b",
            judge=lambda owner, body: succeed({**body, "Tty": True}),
            show=lambda *_: succeed(False),
        ),
    ]
    assert chain(*hooks).on_create("ann", {}) == {"User": "1", "Tty": True}
    assert chain(*hooks).on_entry("ann", "container", {}) is False
    assert chain(hooks[0]).on_entry("ann", "container", {}) is True


def test_waiting_hooks_run_one_by_one() -> None:
    """
    A hook is asked when the one before has answered, and sees its rewrite.
    """
    first: Deferred[Any] = Deferred()
    second: Deferred[Any] = Deferred()
    later = Hook("b", judge=lambda owner, body: second)
    clock = Clock()
    given = chain(
        Hook("a", judge=lambda owner, body: first), later, adds("c"), clock=clock
    ).on_create("ann", {"Cmd": []})
    assert later.asked == []
    first.callback({"Cmd": ["a"]})
    assert later.asked == [("ann", {"Cmd": ["a"]})]
    second.callback(None)
    assert outcome(given) == {"Cmd": ["a", "c"]}
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("shown", [True, False])
def test_waiting_for_an_entry(shown: bool) -> None:
    """
    A Deferred's answer counts, and the hooks after one that hides are not asked.
    """
    answer: Deferred[Any] = Deferred()
    after = Hook("b", show=lambda *_: shown)
    given = chain(Hook("a", show=lambda *_: answer), after).on_entry("ann", "event", {"a": 1})
    answer.callback(shown)
    assert outcome(given) is shown
    assert after.asked == ([("ann", "event", {"a": 1})] if shown else [])


def test_hidden_at_once_ends_it() -> None:
    """
    One hook that hides is enough.
    """
    after = Hook("b")
    given = chain(Hook("a", show=lambda *_: False), after).on_entry("ann", "container", {})
    assert given is False
    assert after.asked == []


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
def test_a_denial_is_passed_on(later: bool) -> None:
    """
    What a hook denies is denied in its own words, and hooks after it are not asked.
    """
    denial = Denied(Problem("site.image", "Image", "not this one"))
    answer: Deferred[Any] = Deferred()
    judge = (lambda *_: answer) if later else raises(denial)
    after = Hook("b")
    hooks = chain(Hook("a", judge=judge, show=judge), after)
    with capturedLogs() as logs:
        if later:
            given = hooks.on_create("ann", {})
            answer.errback(denial)
            assert outcome(given) is denial
        else:
            with pytest.raises(Denied) as raised:
                hooks.on_create("ann", {})
            assert raised.value is denial
            with pytest.raises(Denied):
                hooks.on_entry("ann", "container", {})
    assert after.asked == []
    assert logs == []


@pytest.mark.parametrize(
    "judge",
    [
        raises(ValueError("the secret is 42")),
        raises(NotFound("no such thing")),
        lambda *_: fail(ValueError("the secret is 42")),
        lambda *_: fail(CancelledError()),
        lambda *_: "yes",
        lambda *_: succeed("yes"),
        lambda *_: 1,
        lambda *_: [],
    ],
    ids=["raise", "other error", "fail", "cancelled", "str", "later str", "int", "list"],
)
def test_failing_denies(judge: Any) -> None:
    """
    An error or an answer of the wrong type denies, by a message that names the hook
    and tells nothing else; what went wrong is in the log.
    """
    broken, after = Hook("a", judge=judge, show=judge), Hook("b")
    asks: list[Callable[[], Any]] = [
        lambda: chain(broken, after).on_create("ann", {}),
        lambda: chain(broken, after).on_entry("ann", "container", {}),
    ]
    for ask in asks:
        with capturedLogs() as logs, pytest.raises(Denied) as raised:
            ask()
        assert rules(raised.value) == ["hook.failed"]
        assert "hook a " in str(raised.value)
        assert "secret" not in str(raised.value)
        assert [log["log_level"] for log in logs] == [LogLevel.critical]
        assert logs[0]["hook"] == "a"
    assert after.asked == []


@pytest.mark.parametrize("answer", [None, 0, 1, {}, "False"])
def test_only_a_bool_shows(answer: Any) -> None:
    """
    Nothing that is merely true or false in spirit shows or hides an entry.
    """
    with pytest.raises(Denied) as raised:
        chain(Hook(show=lambda *_: answer)).on_entry("ann", "container", {})
    assert rules(raised.value) == ["hook.failed"]


def looped() -> dict[str, Any]:
    """
    A value that holds itself.
    """
    body: dict[str, Any] = {}
    body["Cmd"] = [body]
    return body


@pytest.mark.parametrize(
    "body",
    [{"Cmd": {1, 2}}, {"Memory": float("nan")}, {"Memory": float("inf")}, looped(), {b"a": 1}],
    ids=["set", "nan", "inf", "loop", "bytes"],
)
def test_a_rewrite_must_be_json(body: Any) -> None:
    """
    A body that the engine could not be sent is a failure of the hook.
    """
    with pytest.raises(Denied) as raised:
        chain(Hook(judge=lambda *_: body)).on_create("ann", {})
    assert rules(raised.value) == ["hook.failed"]


def test_a_rewrite_is_plain_json() -> None:
    """
    Subclasses and tuples arrive as what they are once written.
    """

    class Sly(dict[str, Any]):
        """
        A mapping that has an item more when it is asked for it.
        """

        def get(self, key: str, default: Any = None) -> Any:
            """
            Never the same as what is written.
            """
            return "sly"

    body = chain(Hook(judge=lambda *_: Sly(Cmd=("a", "b")))).on_create("ann", {})
    assert type(body) is dict
    assert body == {"Cmd": ["a", "b"]}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("on_create", ("ann", {})), ("on_entry", ("ann", "container", {}))],
    ids=["create", "entry"],
)
def test_too_slow_denies(method: str, arguments: tuple[Any, ...]) -> None:
    """
    A hook has its seconds, not one more; its Deferred is then cancelled.
    """
    told: list[str] = []
    answer: Deferred[Any] = Deferred(lambda _: told.append("cancelled"))
    slow, after = Hook("a", judge=lambda *_: answer, show=lambda *_: answer), Hook("b")
    clock = Clock()
    hooks = chain(slow, after, clock=clock)
    given: Any = getattr(hooks, method)(*arguments)
    clock.advance(SECONDS - 0.01)
    assert not given.called
    with capturedLogs() as logs:
        clock.advance(0.01)
    denied = outcome(given)
    assert isinstance(denied, Denied)
    assert rules(denied) == ["hook.slow"]
    assert "hook a " in denied.message
    assert told == ["cancelled"]
    assert [(log["log_level"], log["hook"]) for log in logs] == [(LogLevel.error, "a")]
    assert after.asked == []
    assert clock.getDelayedCalls() == []


def test_just_in_time() -> None:
    """
    The twin: an answer before the limit counts, and each hook has a limit of its own.
    """
    answers: list[Deferred[Any]] = [Deferred(), Deferred()]
    clock = Clock()
    given = chain(
        Hook("a", judge=lambda *_: answers[0]), Hook("b", judge=lambda *_: answers[1]), clock=clock
    ).on_create("ann", {})
    for answer in answers:
        clock.advance(SECONDS - 0.01)
        answer.callback({"Tty": True})
    assert outcome(given) == {"Tty": True}


def test_a_hook_that_ignores_its_end() -> None:
    """
    A Deferred that does not end when cancelled keeps nobody waiting, and what it says
    later is not heard.
    """
    never: Deferred[Any] = Deferred()
    answer: Deferred[Any] = succeed(None)
    answer.addCallback(lambda _: never)
    never.addErrback(lambda _: Deferred())
    clock = Clock()
    given = chain(Hook(judge=lambda *_: answer), clock=clock).on_create("ann", {})
    clock.advance(SECONDS)
    assert rules(outcome(given)) == ["hook.slow"]


def test_too_late() -> None:
    """
    An answer after the limit is not heard.
    """
    answer: Deferred[Any] = Deferred(lambda late: late.callback({"Image": "late"}))
    clock = Clock()
    given = chain(Hook(judge=lambda *_: answer), clock=clock).on_create("ann", {})
    clock.advance(SECONDS)
    assert rules(outcome(given)) == ["hook.slow"]


def test_the_client_left() -> None:
    """
    Cancelling the chain cancels the hook that it waits for, and ends its timer; no
    other hook is asked, and nothing is logged as a failure.
    """
    told: list[str] = []
    answer: Deferred[Any] = Deferred(lambda _: told.append("cancelled"))
    clock = Clock()
    after = Hook("c")
    given = chain(
        Hook("a", judge=lambda *_: succeed(None)),
        Hook("b", judge=lambda *_: answer),
        after,
        clock=clock,
    ).on_create("ann", {})
    with capturedLogs() as logs:
        given.cancel()
    assert isinstance(outcome(given), CancelledError)
    assert told == ["cancelled"]
    assert clock.getDelayedCalls() == []
    assert after.asked == []
    assert logs == []


def test_the_client_left_at_the_second_hook() -> None:
    """
    Also when it waits for a hook that was asked only after another had answered.
    """
    first: Deferred[Any] = Deferred()
    told: list[str] = []
    second: Deferred[Any] = Deferred(lambda _: told.append("cancelled"))
    clock = Clock()
    given: Any = chain(
        Hook("a", show=lambda *_: first), Hook("b", show=lambda *_: second), clock=clock
    ).on_entry("ann", "container", {})
    first.callback(True)
    given.cancel()
    assert isinstance(outcome(given), CancelledError)
    assert told == ["cancelled"]
    assert clock.getDelayedCalls() == []


def test_a_canceller_that_fails() -> None:
    """
    A hook that fails while it is told to stop is logged, and breaks nothing.
    """

    def canceller(_: Any) -> None:
        raise ValueError("can't stop")

    clock = Clock()
    given = chain(Hook(judge=lambda *_: Deferred(canceller)), clock=clock).on_create("ann", {})
    with capturedLogs() as logs:
        clock.advance(SECONDS)
    assert rules(outcome(given)) == ["hook.slow"]
    assert [log["log_level"] for log in logs] == [LogLevel.error, LogLevel.critical]
