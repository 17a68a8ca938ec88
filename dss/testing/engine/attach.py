"""
Streams of a container: attach, logs, wait, stats.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from dss.model.version import ApiVersion
from dss.testing.engine import runs
from dss.testing.engine.message import (
    MULTIPLEXED,
    RAW,
    EngineError,
    EngineRequest,
    Hijacked,
    Outlet,
    Reply,
    Streamed,
    Whole,
)
from dss.testing.engine.processes import Process
from dss.testing.engine.shapes import sampled
from dss.testing.engine.state import Container, Line, State
from dss.testing.engine.terminal import DETACH_KEYS, DetachWatch, detach_keys
from dss.testing.engine.times import stamp, unix

Call = TypeVar("Call")


def output_type(request: EngineRequest, tty: bool) -> str:
    """
    The content type of output: since API 1.42 it tells a terminal's from that with
    stream headers.
    """
    return RAW if tty or request.version < ApiVersion(1, 42) else MULTIPLEXED


class Stdin:
    """
    The client's half of a hijacked connection: it feeds a process.

    @ivar process: gives the process, or L{None} before its start.
    @ivar early: called with what comes before the start; with L{None} at its end.
    @ivar closes: whether the client's half-close ends the process's input. If not,
        it ends the attachment (moby 28.5, C{container/stream/attach.go}).
    @ivar detached: called when the client typed its detach keys.
    """

    def __init__(
        self,
        outlet: Outlet,
        process: Callable[[], Process | None],
        early: Callable[[bytes | None], None],
        closes: bool,
        watch: DetachWatch | None,
        detached: Callable[[], None],
    ) -> None:
        self._outlet = outlet
        self._process = process
        self._early = early
        self._closes = closes
        self._watch = watch
        self._detached = detached
        self._ended = False

    def received(self, data: bytes) -> None:
        """
        What the client types.
        """
        if self._ended:
            return
        left = False
        if self._watch is not None:
            data, left = self._watch.typed(data)
        if data:
            process = self._process()
            if process is None:
                self._early(data)
            else:
                process.received(data)
        if left:
            self._ended = True
            self._detached()
            self._outlet.end()

    def half_closed(self) -> None:
        """
        The client's input is at its end.
        """
        if self._ended:
            return
        self._ended = True
        if not self._closes:
            self._outlet.end()
            return
        process = self._process()
        if process is None:
            self._early(None)
        else:
            process.input_ended()


class NoStdin:
    """
    The client's half where it has no say.
    """

    def received(self, data: bytes) -> None:
        """
        Nobody reads it.
        """

    def half_closed(self) -> None:
        """
        Nobody minds.
        """


def attach(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/attach}. It hijacks before it looks for the container's
    state, so that its errors are raw ones too.
    """
    outlet = Outlet()
    keys = detach_keys(request.text("detachKeys"))
    if keys is None:
        raise EngineError(400, f"Invalid detach keys ({request.text('detachKeys')}) provided")
    try:
        container = state.container(name)
        if container.status == "paused":
            raise EngineError(
                409, f"container {name} is paused, unpause the container before attach"
            )
    except EngineError as error:
        outlet.write(error.message.encode() + b"\r\n")
        outlet.end()
        return Hijacked(outlet, NoStdin(), RAW, status=error.status)
    stdout, stderr = request.flag("stdout"), request.flag("stderr")
    runs.tell(state, container, "attach")
    if request.flag("logs"):
        for line in container.log:
            if stdout if line.stream == 1 else stderr:
                outlet.write(_rendered(container, line, False))
    kind = output_type(request, container.tty)
    if not request.flag("stream"):
        outlet.end()
        return Hijacked(outlet, NoStdin(), kind)
    place = (outlet, stdout, stderr)
    container.attached.append(place)
    outlet.on_close(lambda: container.attached.remove(place))
    if not (request.flag("stdin") and container.config["OpenStdin"]):
        return Hijacked(outlet, NoStdin(), kind)

    def early(data: bytes | None) -> None:
        if data is None:
            container.stdin_ended = True
        else:
            container.stdin.extend(data)

    inlet = Stdin(
        outlet,
        lambda: container.process if container.running else None,
        early,
        container.config["StdinOnce"] and not container.tty,
        DetachWatch(keys or DETACH_KEYS) if container.tty else None,
        lambda: runs.tell(state, container, "detach"),
    )
    return Hijacked(outlet, inlet, kind)


def attach_websocket(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/attach/ws}: the memory engine speaks no websocket, so it
    answers every client as the engine answers one that does not.
    """
    state.container(name)
    return Whole(400, b"not websocket protocol")


def _rendered(container: Container, line: Line, timestamps: bool) -> bytes:
    data = line.data
    if timestamps:
        data = f"{stamp(line.when, fixed=True)} ".encode() + data
    return data if container.tty else runs.frame(line.stream, data)


def logs(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/logs}.
    """
    stdout, stderr = request.flag("stdout"), request.flag("stderr")
    if not (stdout or stderr):
        raise EngineError(400, "Bad parameters: you must choose at least one stream")
    container = state.container(name)
    since = unix(request.text("since"))
    until = unix(request.text("until"))
    timestamps = request.flag("timestamps")

    def wanted(line: Line) -> bool:
        return (
            (stdout if line.stream == 1 else stderr)
            and (since is None or line.when >= since)
            and (not until or line.when <= until)
        )

    outlet = Outlet()
    lines = [line for line in container.log if wanted(line)]
    tail = request.text("tail", "all")
    if re.fullmatch(r"[0-9]+", tail):
        lines = lines[len(lines) - min(int(tail), len(lines)) :]
    for line in lines:
        outlet.write(_rendered(container, line, timestamps))
    if not (request.flag("follow") and container.running):
        outlet.end()
    else:

        def follow(line: Line | None) -> None:
            if line is None:
                outlet.end()
            elif wanted(line):
                outlet.write(_rendered(container, line, timestamps))

        container.followers.append(follow)
        outlet.on_close(lambda: _forget(container.followers, follow))
    return Streamed(outlet, output_type(request, container.tty))


def _forget(calls: list[Call], call: Call) -> None:
    if call in calls:
        calls.remove(call)


def wait(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/wait}: the head goes out at once, since clients wait for
    it before they start the container.
    """
    condition = request.text("condition") or "not-running"
    if condition not in ("not-running", "next-exit", "removed"):
        raise EngineError(400, f'invalid condition: "{condition}"')
    container = state.container(name)
    outlet = Outlet()

    def done(code: int) -> None:
        outlet.write_json({"StatusCode": code})
        outlet.end()

    if condition == "not-running" and not container.running:
        done(container.exit_code)
    else:
        waits = container.removal_waits if condition == "removed" else container.exit_waits
        waits.append(done)
        outlet.on_close(lambda: _forget(waits, done))
    return Streamed(outlet)


def stats(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/stats}: once, or every second.
    """
    container = state.container(name)
    if not request.flag("stream", True):
        return Whole.json(sampled(container, state.now))
    outlet = Outlet()
    outlet.write_json(sampled(container, state.now))

    def tick() -> None:
        if container.id not in state.containers:
            outlet.end()
        if not outlet.ended:
            outlet.write_json(sampled(container, state.now))
            timers[:] = [state.clock.callLater(1, tick)]

    timers = [state.clock.callLater(1, tick)]

    def cancel() -> None:
        for timer in timers:
            if timer.active():
                timer.cancel()

    outlet.on_close(cancel)
    return Streamed(outlet)
