"""
One test body, run straight at the engine and through dss, must see the same.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from tests.clients.normal import normal
from tests.clients.programs import Done, Program, Terminal
from tests.engines.api import Api
from tests.engines.cleaning import Contents, restore
from tests.engines.machine import Engine
from tests.engines.roots import root_of

#: Of a longer output only the checksum is recorded.
_SHOWN = 65536


@define
class Side:
    """
    One way to the engine.

    @ivar kind: C{"direct"} or C{"guarded"}.
    @ivar socket: the path of the socket that clients are given.
    @ivar oldest: whether L{docker} is the oldest suite's client, not the engine's own.
    @ivar seen: what the test body observed so far, normalised.
    """

    kind: str
    engine: Engine
    socket: str
    directory: Path
    oldest: bool = False
    seen: list[Any] = field(factory=list)
    _programs: list[Program | Terminal] = field(factory=list)

    @property
    def host(self) -> str:
        """
        What C{DOCKER_HOST} is on this side.
        """
        return f"unix://{self.socket}"

    @property
    def api(self) -> Api:
        """
        The API on this side.
        """
        return Api(self.socket)

    @property
    def guarded(self) -> bool:
        """
        Whether dss is in between.
        """
        return self.kind == "guarded"

    def see(self, what: str, value: Any) -> None:
        """
        Record an observation, to be compared with the other side's.
        """
        self.seen.append((normal(what), normal(value)))

    def docker(
        self, *argv: str, stdin: bytes = b"", ok: bool = True, environ: dict[str, str] | None = None
    ) -> Done:
        """
        Run docker to its end and record its status and what it wrote.

        @param ok: whether a status other than 0 fails the test.
        """
        done = self.start(*argv, environ=environ).finish(stdin)
        self.see(f"docker {' '.join(argv)}", [done.status, _text(done.out), _text(done.err)])
        if ok:
            assert done.status == 0, f"{self.kind}: docker {argv}: {done}"
        return done

    def start(self, *argv: str, environ: dict[str, str] | None = None) -> Program:
        """
        Start docker with pipes. What it writes is not recorded.
        """
        program = Program(*self._command(argv, environ))
        self._programs.append(program)
        return program

    def terminal(self, *argv: str, rows: int = 24, columns: int = 80) -> Terminal:
        """
        Start docker at a terminal. What it shows is not recorded.
        """
        terminal = Terminal(*self._command(argv, None), rows=rows, columns=columns)
        self._programs.append(terminal)
        return terminal

    def inspect(self, container: str) -> Any:
        """
        What the engine itself says of a container.
        """
        return self.engine.api.get(f"/containers/{container}/json")

    def close(self) -> None:
        """
        End all programs that still run.
        """
        for program in self._programs:
            program.kill()

    def _command(
        self, argv: tuple[str, ...], environ: dict[str, str] | None
    ) -> tuple[list[str], dict[str, str]]:
        whole = {"DOCKER_HOST": self.host, **(environ or {})}
        if not self.oldest:
            return self.engine.command("docker", *argv, environ=whole)
        # The oldest suite's client with that suite's own loader and libraries.
        root = root_of("bookworm")
        loader = [
            str(root / "lib64/ld-linux-x86-64.so.2"),
            "--library-path",
            str(root / "usr/lib/x86_64-linux-gnu"),
            str(root / "usr/bin/docker"),
        ]
        return [*loader, *argv], {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", **whole}


@frozen
class Sides:
    """
    Both ways to one engine.

    @ivar guarded_socket: dss's socket.
    @ivar below: where work directories are made.
    """

    engine: Engine
    guarded_socket: str
    below: Path = field()

    @below.default
    def _below(self) -> Path:
        return self.engine.directory

    def run(self, body: Callable[[Side], None], oldest: bool) -> None:
        """
        Run a test body on either side, each time in an engine without traces of the
        other, and compare what was observed.
        """
        seen = {}
        for kind, socket in (("direct", self.engine.socket), ("guarded", self.guarded_socket)):
            before = Contents.of(self.engine.api)
            with tempfile.TemporaryDirectory(dir=self.below) as directory:
                side = Side(kind, self.engine, socket, Path(directory), oldest)
                try:
                    body(side)
                except BaseException as error:
                    error.add_note(f"on the {kind} side of {self.engine.suite}")
                    raise
                finally:
                    side.close()
                    restore(self.engine.api, before)
            # A random directory is the one thing in commands that differs by itself.
            seen[kind] = _lines(side.seen).replace(directory, "<directory>")
        if seen["guarded"] != seen["direct"]:
            direct, guarded = (seen[kind].splitlines() for kind in ("direct", "guarded"))
            lines = difflib.unified_diff(direct, guarded, "direct", "guarded", lineterm="")
            diff = "\n".join(lines)
            pytest.fail(f"dss makes a difference on {self.engine.suite}:\n{diff}", pytrace=False)


def both_ways(body: Callable[[Side], None]) -> Callable[[Sides], None]:
    """
    Make a test of a body that is run on both sides.
    """
    return _test(body, oldest=False)


def both_ways_with_the_oldest_client(body: Callable[[Side], None]) -> Callable[[Sides], None]:
    """
    As L{both_ways}, with the oldest suite's docker.
    """
    return _test(body, oldest=True)


def _test(body: Callable[[Side], None], oldest: bool) -> Callable[[Sides], None]:
    def test(sides: Sides) -> None:
        sides.run(body, oldest)

    functools.update_wrapper(test, body)
    # pytest reads the arguments of what is wrapped, where it can see it.
    del test.__wrapped__  # type: ignore[attr-defined]
    test.__annotations__ = {}
    return test


def _text(data: bytes) -> str:
    if len(data) > _SHOWN:
        return f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()[:32]}"
    return data.decode(errors="backslashreplace")


def _lines(seen: list[Any]) -> str:
    return json.dumps(seen, indent=1, sort_keys=True, default=str)
