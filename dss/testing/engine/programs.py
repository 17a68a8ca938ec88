"""
The programs that the memory engine can run: enough of a shell to try things with.

Nothing of it touches the machine: a program reads and writes the container's tree
and its streams.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shlex
from collections.abc import Generator, Mapping, Sequence

from attrs import frozen

from dss.testing.engine.files import Node, Tree
from dss.testing.engine.processes import Program, Read, Sleep, Write

_SEPARATOR = re.compile(r"(&&|\|\||;|\n)")


@frozen
class Place:
    """
    Where a program runs.
    """

    tree: Tree
    env: Mapping[str, str]
    hostname: str
    now: float = 0.0


def missing(argv: Sequence[str], place: Place) -> bool:
    """
    Whether a command names a file that isn't in the tree. A bare name never
    does: a program that isn't known just runs.
    """
    return "/" in argv[0] and place.tree.find(argv[0]) is None


def run(argv: Sequence[str], place: Place) -> Program:
    """
    The program that a command starts. One that isn't known runs until it is
    ended.
    """
    name = posixpath.basename(argv[0])
    start = _PROGRAMS.get(name)
    return _forever() if start is None else start(list(argv[1:]), place)


def _forever() -> Program:
    yield Sleep()
    return 0


def _echo(args: list[str], place: Place) -> Program:
    newline = b"\n"
    if args and args[0] == "-n":
        args, newline = args[1:], b""
    yield Write(1, " ".join(args).encode() + newline)
    return 0


def _cat(args: list[str], place: Place) -> Program:
    code = 0
    for name in args or ["-"]:
        if name == "-":
            while (data := (yield Read())) is not None:
                yield Write(1, data)
            continue
        held = place.tree.read(name)
        if held is None:
            yield Write(2, f"cat: can't open '{name}': No such file or directory\n".encode())
            code = 1
        else:
            yield Write(1, held)
    return code


def _md5sum(args: list[str], place: Place) -> Program:
    sum_ = hashlib.md5(usedforsecurity=False)
    while (data := (yield Read())) is not None:
        sum_.update(data)
    yield Write(1, sum_.hexdigest().encode() + b"  -\n")
    return 0


def _wc(args: list[str], place: Place) -> Program:
    count = 0
    while (data := (yield Read())) is not None:
        count += len(data) if args == ["-c"] else data.count(b"\n")
    yield Write(1, b"%d\n" % count)
    return 0


def _sleep(args: list[str], place: Place) -> Program:
    seconds = None
    if args and re.fullmatch(r"[0-9]+(\.[0-9]+)?", args[0]):
        seconds = float(args[0])
    yield Sleep(seconds)
    return 0


def _true(args: list[str], place: Place) -> Program:
    yield from ()
    return 0


def _false(args: list[str], place: Place) -> Program:
    yield from ()
    return 1


def _hostname(args: list[str], place: Place) -> Program:
    yield Write(1, place.hostname.encode() + b"\n")
    return 0


def _env(args: list[str], place: Place) -> Program:
    for name, value in place.env.items():
        yield Write(1, f"{name}={value}\n".encode())
    return 0


def _ls(args: list[str], place: Place) -> Program:
    top = next((each for each in args if not each.startswith("-")), "/")
    found = place.tree.find(top)
    if found is None:
        yield Write(2, f"ls: {top}: No such file or directory\n".encode())
        return 1
    prefix = found[0].rstrip("/") + "/"
    for path in place.tree.below(found[0]):
        if "/" not in path[len(prefix) :]:
            yield Write(1, path[len(prefix) :].encode() + b"\n")
    return 0


def _touch(args: list[str], place: Place) -> Program:
    yield from ()
    for name in args:
        if place.tree.find(name) is None:
            place.tree.put(posixpath.join("/", name), Node(b"", 0o644, place.now))
    return 0


def _shell(args: list[str], place: Place) -> Program:
    if args and args[0] in ("-c", "-ec"):
        code, _ = yield from _script(args[1] if len(args) > 1 else "", place)
        return code
    code, left, rest = 0, False, b""
    while not left and (data := (yield Read())) is not None:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if not left:
                code, left = yield from _script(line.decode(errors="replace"), place)
    if rest and not left:
        code, _ = yield from _script(rest.decode(errors="replace"), place)
    return code


def _script(
    text: str, place: Place
) -> Generator[Read | Write | Sleep, bytes | None, tuple[int, bool]]:
    """
    Commands joined by C{;}, C{&&}, C{||} and lines, each perhaps with its output
    sent elsewhere.

    @return: the exit code, and whether the shell is to end.
    """
    code = 0
    joint = ";"
    for part in _SEPARATOR.split(text):
        if _SEPARATOR.fullmatch(part):
            joint = part
            continue
        if (joint == "&&" and code) or (joint == "||" and not code):
            continue
        try:
            words = shlex.split(part, comments=True)
        except ValueError as error:
            yield Write(2, f"sh: syntax error: {error}\n".encode())
            return 2, True
        if words[:1] == ["exec"]:
            words = words[1:]
        if not words:
            continue
        words = [_filled(word, place, code) for word in words]
        if words[0] == "exit":
            given = words[1] if words[1:] and words[1].isdigit() else code
            return int(given) & 255, True
        code = yield from _redirected(words, place)
    return code, False


def _filled(word: str, place: Place, code: int) -> str:
    def value(found: re.Match[str]) -> str:
        return str(code) if found[1] == "?" else place.env.get(found[1], "")

    return re.sub(r"\$\{?(\?|[A-Za-z_][A-Za-z0-9_]*)\}?", value, word)


def _redirected(
    words: list[str], place: Place
) -> Generator[Read | Write | Sleep, bytes | None, int]:
    stream, path, append = 1, None, False
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        found = re.fullmatch(r"1?(>>?)(.*)", word)
        if found is None:
            kept.append(word)
            continue
        place_named = found[2] or next(rest, "")
        if place_named == "&2":
            stream = 2
        else:
            path, append = posixpath.join("/", place_named), found[1] == ">>"
    if not kept:
        return 0
    if missing(kept, place):
        yield Write(2, f"sh: {kept[0]}: not found\n".encode())
        return 127
    program = run(kept, place)
    if path is None and stream == 1:
        return (yield from program)
    held = bytearray((place.tree.read(path) or b"") if path and append else b"")
    value: bytes | None = None
    while True:
        try:
            wants = program.send(value)
        except StopIteration as stopped:
            if path is not None:
                place.tree.put(path, Node(bytes(held), 0o644, place.now))
            code: int = stopped.value
            return code
        value = None
        if isinstance(wants, Write) and wants.stream == 1:
            if path is None:
                yield Write(stream, wants.data)
            else:
                held += wants.data
        else:
            value = yield wants


_PROGRAMS = {
    "cat": _cat,
    "echo": _echo,
    "env": _env,
    "false": _false,
    "hostname": _hostname,
    "ls": _ls,
    "md5sum": _md5sum,
    "sh": _shell,
    "sleep": _sleep,
    "touch": _touch,
    "true": _true,
    "wc": _wc,
}

#: The names of the programs that are known.
NAMES = tuple(_PROGRAMS)
