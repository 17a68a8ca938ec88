"""
Runs all hooks, in their declared order, each within its time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from inspect import iscoroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from dss.errors import Denied, Problem
from dss.hooks.interfaces import IPolicyHook
from dss.model.facts import Json

Checked = TypeVar("Checked")


class HookChain:
    """
    All hooks as one.

    A hook that fails or is too slow denies. That holds for lists too, where the
    whole reply is denied: leaving the entry out would make a list that looks
    complete and is not, and whoever reads it (to reuse a container, to clean up)
    would act on that.

    Where every hook answers at once, so does the chain, without a Deferred: a list
    may have thousands of entries.

    @ivar hooks: the hooks in the order in which they run.
    """

    _log = Logger(namespace="dss.hooks")

    def __init__(self, hooks: Iterable[IPolicyHook], clock: IReactorTime, seconds: float) -> None:
        """
        @param clock: tells the time.
        @param seconds: how long each hook may take for one answer.
        """
        self.hooks = tuple(sorted(hooks, key=lambda hook: (hook.order, hook.name)))
        self._clock = clock
        self._seconds = seconds

    def on_create(self, owner: str, body: Json) -> Json | Deferred[Json]:
        """
        Let every hook judge a create body, each the one before's.

        @return: the body as the hooks left it, or a Deferred of it; the very same
            object where no hook rewrote it.

        @raise Denied: where a hook denies, fails or is too slow; the Deferred may
            fail with it as well.
        """
        return self._create_from(0, owner, body)

    def on_entry(self, owner: str, kind: str, entry: Json) -> bool | Deferred[bool]:
        """
        Whether every hook shows a list's entry to the owner; those after the first
        one that hides it are not asked.

        @raise Denied: where a hook denies, fails or is too slow; the Deferred may
            fail with it as well.
        """
        return self._entry_from(0, owner, kind, entry)

    def _create_from(self, position: int, owner: str, body: Json) -> Json | Deferred[Json]:
        for index in range(position, len(self.hooks)):
            answer = self._ask(index, _body, "judge_create", owner, body)
            if isinstance(answer, Deferred):
                return answer.addCallback(self._judged, index + 1, owner, body)
            if answer is not None:
                body = answer
        return body

    def _judged(self, new: Json, position: int, owner: str, body: Json) -> Json | Deferred[Json]:
        return self._create_from(position, owner, body if new is None else new)

    def _entry_from(
        self, position: int, owner: str, kind: str, entry: Json
    ) -> bool | Deferred[bool]:
        for index in range(position, len(self.hooks)):
            answer = self._ask(index, _shown, "show_entry", owner, kind, entry)
            if isinstance(answer, Deferred):
                return answer.addCallback(self._was_shown, index + 1, owner, kind, entry)
            if not answer:
                return False
        return True

    def _was_shown(
        self, shown: bool, position: int, owner: str, kind: str, entry: Json
    ) -> bool | Deferred[bool]:
        return shown and self._entry_from(position, owner, kind, entry)

    def _ask(
        self, index: int, check: Callable[[Any], Checked], method: str, *arguments: Json
    ) -> Checked | Deferred[Checked]:
        """
        Ask one hook, and check the type of its answer.
        """
        hook = self.hooks[index]
        try:
            answer = getattr(hook, method)(*map(_copied, arguments))
            if iscoroutine(answer):
                answer = Deferred.fromCoroutine(answer)
            if not isinstance(answer, Deferred):
                return check(answer)
        except Exception:
            raise self._denial(hook, Failure()) from None
        return self._within_time(hook, answer, check)

    def _within_time(
        self, hook: IPolicyHook, answer: Deferred[Any], check: Callable[[Any], Checked]
    ) -> Checked | Deferred[Checked]:
        """
        Wait for a hook's Deferred, as long as it may take.

        Not by C{Deferred.addTimeout}, which waits for the cancelled Deferred: a hook
        whose Deferred does not heed its cancellation would never end.
        """
        settled: list[Checked | Failure] = []
        over: Deferred[Checked] | None = None
        timer: IDelayedCall | None = None
        ended = False

        def arrived(result: Any) -> None:
            if ended:
                return
            if not isinstance(result, Failure):
                try:
                    result = check(result)
                except Exception:
                    result = Failure()
            if isinstance(result, Failure):
                result = Failure(self._denial(hook, result))
            if over is None:
                settled.append(result)
            else:
                stop()
                over.callback(result)

        def stop() -> None:
            nonlocal ended
            ended = True
            if timer is not None and timer.active():
                timer.cancel()

        def cancelled(_: Deferred[Checked]) -> None:
            stop()
            self._give_up(hook, answer)

        def too_slow() -> None:
            assert over is not None
            stop()
            self._log.error(
                "the hook {hook} took longer than {seconds} seconds",
                hook=hook.name,
                seconds=self._seconds,
            )
            over.errback(
                Denied(Problem("hook.slow", "", f"the policy hook {hook.name} took too long."))
            )
            self._give_up(hook, answer)

        answer.addBoth(arrived)
        if settled:
            (result,) = settled
            if isinstance(result, Failure):
                result.raiseException()
            else:
                return result
        over = Deferred(cancelled)
        timer = self._clock.callLater(self._seconds, too_slow)
        return over

    def _give_up(self, hook: IPolicyHook, answer: Deferred[Any]) -> None:
        """
        Tell a hook that its answer is not wanted any more, whatever it makes of it.
        """
        try:
            answer.cancel()
        except Exception:
            self._log.failure("the hook {hook} failed while cancelled", hook=hook.name)

    def _denial(self, hook: IPolicyHook, failure: Failure) -> Denied:
        """
        What a hook's exception means for the client, who is told which hook it was
        and no more: the rest is in the log.
        """
        if isinstance(failure.value, Denied):
            return failure.value
        self._log.failure("the hook {hook} failed", failure, hook=hook.name)
        return Denied(Problem("hook.failed", "", f"the policy hook {hook.name} failed."))


def _copied(value: Json) -> Json:
    """
    A hook's own copy of a JSON value, so that no hook can change what is judged
    behind the rules' back, now or later.
    """
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value


def _body(answer: Any) -> Json:
    """
    Check what C{judge_create} returned.

    @return: L{None}, or the new body, as it reads once written: what the rules
        judge is then what the engine gets, without another type's surprises.
    """
    if answer is None:
        return None
    if not isinstance(answer, dict):
        raise TypeError(f"judge_create returned {type(answer).__name__}, not None or a dict")
    return json.loads(json.dumps(answer, allow_nan=False))


def _shown(answer: Any) -> bool:
    """
    Check what C{show_entry} returned.
    """
    if not isinstance(answer, bool):
        raise TypeError(f"show_entry returned {type(answer).__name__}, not a bool")
    return answer


__all__ = ["HookChain"]
