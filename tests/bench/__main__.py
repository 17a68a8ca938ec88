"""
C{python -m tests.bench}: the engine, dss and HAProxy side by side.

The three take turns, round after round, and each figure is the median of the
rounds, so that a machine that is busy for a while slows all of them. No figure is
ever a test: they are for reading.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.bench import memory, targets
from tests.bench.containers import container, load_image
from tests.bench.load import Flow, Load, Rate
from tests.bench.streams import Streams
from tests.bench.targets import Proxy, Target
from tests.engines.api import Api
from tests.engines.machine import Engine

Figure = TypeVar("Figure")

_CONNECTIONS = (1, 16, 64)
_MEGABYTE = 1_000_000


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    print(f"\n{title}\n")
    for row in (columns, ["-" * width for width in widths], *rows):
        first, *rest = (
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *rest]).rstrip())
    sys.stdout.flush()


def _in_turn(
    all_targets: Sequence[Target], rounds: int, once: Callable[[Target], Figure]
) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {target.name: [] for target in all_targets}
    for _ in range(rounds):
        for target in all_targets:
            found[target.name].append(once(target))
    return found


def _cpu_seconds(target: Target) -> float:
    return target.process.cpu_seconds() if isinstance(target, Proxy) else 0.0


def _ratio(mine: float, other: float) -> str:
    return f"{mine / other:.2f}" if other else "-"


def _columns(all_targets: Sequence[Target], unit: str) -> list[str]:
    return [f"{target.name} {unit}" for target in all_targets]


def _ratio_columns(all_targets: Sequence[Target]) -> list[tuple[str, str]]:
    names = [target.name for target in all_targets]
    pairs = [("dss", "direct"), ("dss", "haproxy"), ("dss", "haproxy-1"), ("haproxy", "direct")]
    return [pair for pair in pairs if pair[0] in names and pair[1] in names]


def _requests(
    all_targets: Sequence[Target], load: Load, paths: dict[str, str], rounds: int, seconds: int
) -> None:
    rows = []
    ratios = _ratio_columns(all_targets)
    for name, path in paths.items():
        for connections in _CONNECTIONS:

            def once(
                target: Target, path: str = path, connections: int = connections
            ) -> tuple[Rate, float]:
                before = _cpu_seconds(target)
                got = load.requests(target.socket, path, connections, 1_000_000, seconds)
                if got.failed:
                    raise RuntimeError(f"{target.name}: {got.failed} requests of {path} failed")
                spent = _cpu_seconds(target) - before
                return got, spent / (got.rate * seconds) * 1_000_000

            found = _in_turn(all_targets, rounds, once)
            rate = {
                key: statistics.median(each.rate for each, _ in got) for key, got in found.items()
            }
            row = [f"{name}, {connections}"]
            row += [f"{rate[target.name]:,.0f}" for target in all_targets]
            row += [_ratio(rate[mine], rate[other]) for mine, other in ratios]
            for target in all_targets:
                got = found[target.name]
                p50 = statistics.median(each.p50 for each, _ in got)
                p99 = statistics.median(each.p99 for each, _ in got)
                row.append(f"{p50:.2f} / {p99:.2f}")
            for target in all_targets:
                if isinstance(target, Proxy):
                    row.append(f"{min(spent for _, spent in found[target.name]):.0f}")
            rows.append(row)
    columns = ["requests, connections", *_columns(all_targets, "1/s")]
    columns += [f"{mine}/{other}" for mine, other in ratios]
    columns += _columns(all_targets, "p50/p99 ms")
    columns += [f"{target.name} CPU µs" for target in all_targets if isinstance(target, Proxy)]
    _table("Answers per second, and their latency", columns, rows)


def _streams(all_targets: Sequence[Target], streams: Streams, rounds: int, only: str) -> None:
    rows = []
    ratios = _ratio_columns(all_targets)
    for name, carry in streams.kinds().items():
        if only and only not in name:
            continue

        def once(
            target: Target, carry: Callable[[str], Flow] = carry, name: str = name
        ) -> tuple[float, float]:
            before = _cpu_seconds(target)
            flow = carry(target.socket)
            spent = _cpu_seconds(target) - before
            if not flow.complete or flow.megabytes * _MEGABYTE < 0.99 * streams.size:
                raise RuntimeError(f"{target.name}: {name} did not end as it should: {flow}")
            return flow.rate, spent / flow.megabytes * 1000

        once(all_targets[0])  # what the engine reads first, it reads from the disk
        found = _in_turn(all_targets, rounds, once)
        rate = {key: statistics.median(each[0] for each in got) for key, got in found.items()}
        row = [name]
        row += [f"{rate[target.name]:,.0f}" for target in all_targets]
        row += [_ratio(rate[mine], rate[other]) for mine, other in ratios]
        for target in all_targets:
            if isinstance(target, Proxy):
                cost = statistics.median(each[1] for each in found[target.name])
                row.append(f"{cost:.2f}")
        rows.append(row)
    columns = ["stream", *_columns(all_targets, "MB/s")]
    columns += [f"{mine}/{other}" for mine, other in ratios]
    columns += [f"{target.name} CPU s/GB" for target in all_targets if isinstance(target, Proxy)]
    _table(f"Streams of {streams.size / _MEGABYTE:,.0f} MB, one at a time", columns, rows)


def _memory(
    engine: str, directory: Path, names: Sequence[str], streams: Streams, count: int
) -> None:
    rows = []
    for name in names:
        start = partial(targets.PROXIES[name], engine, directory)
        got = memory.measure(start, streams, count)
        figures = (got.at_start, got.events, got.logs, got.slow)
        rows.append([name, *(f"{each / _MEGABYTE:,.1f}" for each in figures)])
    columns = ["proxy", "at start", f"+ {count} events", f"+ {count} logs -f", "most, slow reader"]
    _table("Resident memory, MB", columns, rows)


@contextmanager
def _proxies(engine: str, names: Sequence[str], directory: Path) -> Iterator[list[Proxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(targets.PROXIES[name](engine, directory)) for name in names]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--engine",
        metavar="unix:PATH",
        help="an engine that runs; by default one is started, and stopped at the end",
    )
    parser.add_argument("--suite", default="sid", help="which engine is started (%(default)s)")
    parser.add_argument(
        "--through",
        default="dss,haproxy,haproxy-1",
        help="proxies to measure beside the engine itself, with commas (%(default)s)",
    )
    parser.add_argument(
        "--only",
        default="requests,streams,memory",
        help="which parts to run, with commas (%(default)s)",
    )
    parser.add_argument("--stream", default="", help="only kinds of stream with this in the name")
    parser.add_argument("--rounds", type=int, default=3, help="rounds a median (%(default)s)")
    parser.add_argument("--seconds", type=int, default=3, help="of one load (%(default)s)")
    parser.add_argument("--megabytes", type=int, default=1024, help="of one stream (%(default)s)")
    parser.add_argument("--idle", type=int, default=1000, help="idle streams (%(default)s)")
    return parser.parse_args()


def main() -> None:
    """
    Measure, and print.
    """
    options = _options()
    names = [name for name in options.through.split(",") if name]
    parts = options.only.split(",")
    with ExitStack() as stack:
        socket = _engine(stack, options.engine, options.suite)
        engine = Api(socket, timeout=120)
        version = engine.get("/version")
        print(
            f"Docker Engine {version['Version']}, API {version['ApiVersion']}; "
            f"Python {platform.python_version()}; {os.cpu_count()} cores; "
            f"medians of {options.rounds} rounds"
        )
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dss-bench-")))
        load = Load.compiled(directory)
        image = load_image(engine)
        stack.callback(engine.call, "DELETE", f"/images/{image}", {"force": "1"})
        if "requests" in parts:
            with _proxies(socket, names, directory) as proxies, ExitStack() as made:
                idle = [
                    made.enter_context(container(engine, image, "exec sleep 3600"))
                    for _ in range(10)
                ]
                paths = {
                    "_ping": "/_ping",
                    "containers/json": "/containers/json",
                    "inspect": f"/containers/{idle[0]}/json",
                }
                everything = [Target("direct", socket), *proxies]
                _requests(everything, load, paths, options.rounds, options.seconds)
        if "streams" in parts or "memory" in parts:
            size = options.megabytes << 20
            streams = stack.enter_context(Streams.prepared(engine, load, image, size))
        if "streams" in parts:
            with _proxies(socket, names, directory) as proxies:
                everything = [Target("direct", socket), *proxies]
                _streams(everything, streams, options.rounds, options.stream)
        if "memory" in parts:
            _memory(socket, directory, names, streams, options.idle)


def _engine(stack: ExitStack, given: str | None, suite: str) -> str:
    if given is not None:
        kind, _, path = given.partition(":")
        if kind != "unix" or not path.startswith("/"):
            raise SystemExit(f"{given!r} is no engine's address: it should look like unix:/PATH")
        return path.replace("//", "/")
    started = Engine(f"bench-{os.getpid()}", suite)
    stack.callback(started.stop)
    started.launch()
    started.wait()
    return started.socket


if __name__ == "__main__":
    main()
