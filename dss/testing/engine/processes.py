"""
What runs in a container: a process drives a program's steps.

A program is a generator. It yields what it wants from the world, and returns its
exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from attrs import frozen

from dss.testing.engine.terminal import LineDiscipline
from dss.testing.engine.times import Clock


@frozen
class Read:
    """
    Wants more of its standard input: bytes, or L{None} at the end.
    """


@frozen
class Write:
    """
    Puts bytes out.

    @ivar stream: 1 or 2.
    """

    stream: int
    data: bytes


@frozen
class Sleep:
    """
    Wants to wait; for ever if C{seconds} is L{None}.
    """

    seconds: float | None = None


Program = Generator[Read | Write | Sleep, bytes | None, int]


class Process:
    """
    A running program with its standard input, and its terminal if it has one.

    @ivar on_output: called with the stream's number and the bytes.
    @ivar on_exit: called once, with the exit code.
    """

    def __init__(
        self,
        program: Program,
        clock: Clock,
        on_output: Callable[[int, bytes], None],
        on_exit: Callable[[int], None],
        tty: bool = False,
    ) -> None:
        self._program = program
        self._clock = clock
        self._on_output = on_output
        self._on_exit = on_exit
        self._terminal = LineDiscipline() if tty else None
        self._input = bytearray()
        self._input_ended = False
        self._wants: Read | Sleep | None = None
        self._timer: Any = None
        self._woken = False
        self._paused = False
        self._stepping = False
        self.finished = False

    def start(self) -> None:
        """
        Run to the first wait.
        """
        self._step(None)

    def received(self, data: bytes) -> None:
        """
        Bytes for the standard input, or the terminal.
        """
        if self._terminal is None:
            self._input += data
        else:
            typed = self._terminal.typed(data)
            if typed.echo:
                self._on_output(1, typed.echo)
            self._input += typed.lines
            self._input_ended = self._input_ended or typed.ended
            if typed.interrupted:
                self.end(130)
        self._go_on()

    def input_ended(self) -> None:
        """
        The standard input is closed.
        """
        self._input_ended = True
        self._go_on()

    def pause(self) -> None:
        """
        Freeze.
        """
        self._paused = True

    def resume(self) -> None:
        """
        Thaw.
        """
        self._paused = False
        self._go_on()

    def end(self, code: int) -> None:
        """
        Die at once.
        """
        if self.finished:
            return
        self.finished = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._stepping:
            self._program.close()
        self._on_exit(code)

    def _wake(self) -> None:
        self._timer = None
        self._woken = True
        self._go_on()

    def _go_on(self) -> None:
        if self.finished or self._paused or self._stepping:
            return
        if isinstance(self._wants, Read):
            if self._input:
                data = bytes(self._input)
                self._input.clear()
                self._step(data)
            elif self._input_ended:
                self._step(None)
        elif self._woken:
            self._step(None)

    def _step(self, value: bytes | None) -> None:
        self._wants, self._woken = None, False
        self._stepping = True
        try:
            while not self.finished:
                wants = self._program.send(value)
                value = None
                if isinstance(wants, Write):
                    data = wants.data
                    self._on_output(
                        1 if self._terminal else wants.stream,
                        data.replace(b"\n", b"\r\n") if self._terminal else data,
                    )
                    continue
                if isinstance(wants, Read):
                    if self._input:
                        value = bytes(self._input)
                        self._input.clear()
                        continue
                    if self._input_ended:
                        continue
                elif wants.seconds is not None:
                    self._timer = self._clock.callLater(wants.seconds, self._wake)
                self._wants = wants
                return
        except StopIteration as stopped:
            self.end(stopped.value)
        finally:
            self._stepping = False
