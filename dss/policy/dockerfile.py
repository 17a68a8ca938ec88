"""
Reads a Dockerfile as the classic builder does, for what reaches out of its build.

The engine complains by itself of what is no Dockerfile. What matters here is that nothing
is overlooked: what engines read in different ways is judged in each of them, or refused.
Facts are those of the engines 20.10 to 28.5 (moby, C{builder/dockerfile}, and BuildKit's
C{frontend/dockerfile/parser}).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from dss.errors import BadRequest, Problem
from dss.policy import labels as label_rules
from dss.policy.growth import MOST, Growth
from dss.policy.sizes import LABELS, size_of

#: The names of the stages so far, and how many they are.
Stages = tuple[frozenset[str], int]

NO_STAGES: Stages = (frozenset(), 0)

_ESCAPE = re.compile(r"#[ \t]*escape[ \t]*=[ \t]*([\\`])[ \t]*", re.IGNORECASE)
_LIKE_ESCAPE = re.compile(r"\s*#\s*escape\s*=", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_STAGE = re.compile(r"[a-z][a-z0-9_.-]*")
_PLAIN = re.compile(r"[A-Za-z0-9._:/@+-]*")
_VARIABLE = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<how>[-+])(?P<word>[A-Za-z0-9._:/@+-]*))?\})"
)
_QUOTING = re.compile("[\"'\\\\`]")
_REMOTE = ("://", "git@", "github.com/", ".git")


@frozen
class Base:
    """
    An image of the engine that a build uses.

    @ivar reference: what names it.
    @ivar builds_upon: whether a stage begins with it, and so runs its triggers.
    @ivar platform: which one C{FROM --platform} asks for, or empty.
    @ivar stages: those before it.
    """

    reference: str
    builds_upon: bool
    platform: str = ""
    stages: Stages = NO_STAGES


@frozen
class Reading:
    """
    What a Dockerfile asks for beyond its context.

    @ivar bases: the images.
    @ivar problems: what it may not ask for.
    """

    bases: tuple[Base, ...]
    problems: tuple[Problem, ...]


def read(text: bytes, build_args: Mapping[str, str | None]) -> Reading:
    """
    Read a Dockerfile.

    @param build_args: the client's values for its arguments.
    @raise BadRequest: where it can't be read in one way.
    """
    # Engines differ in whether a comment inside an instruction may be indented.
    return _joined(_Reader(text, build_args, indented=each).reading() for each in (True, False))


def read_trigger(text: str, stages: Stages) -> Reading:
    """
    Read an C{ONBUILD} instruction of an image.

    @param stages: those before the stage that begins with the image.
    @raise BadRequest: as for L{read}.
    """
    return _joined(
        _Reader(text.encode(), {}, indented=each, trigger_of=stages).reading()
        for each in (True, False)
    )


def _joined(readings: Iterator[Reading]) -> Reading:
    bases: dict[Base, None] = {}
    problems: dict[str, Problem] = {}
    for each in readings:
        bases.update(dict.fromkeys(each.bases))
        problems.update((str(problem), problem) for problem in each.problems)
    return Reading(tuple(bases), tuple(problems.values()))


class _Reader:
    """
    One reading of one Dockerfile.
    """

    def __init__(
        self,
        text: bytes,
        build_args: Mapping[str, str | None],
        *,
        indented: bool,
        trigger_of: Stages | None = None,
    ) -> None:
        """
        @param indented: whether a comment inside an instruction may be indented.
        @param trigger_of: for an image's trigger, the stages before the one that runs it.
        """
        self._escape = "\\"
        self._indented = indented
        self._build_args = build_args
        self._is_trigger = trigger_of is not None
        names, self._before = trigger_of or NO_STAGES
        self._names = set(names)
        self._stage_name = ""
        self._in_stage = self._is_trigger
        self._arguments: dict[str, str | None] = {}
        self._bases: list[Base] = []
        self._problems: list[Problem] = []
        self._labels = 0
        self._expanded_labels = 0
        self._growth = Growth(build_args)
        for line in self._instructions(_decoded(text)):
            self._instruction(line)
        if self._growth.total > MOST:
            self._deny(
                "variables",
                f"with its variables put in it could have more than {MOST} bytes.",
                "Variables that an image brings count as 16 KiB each.",
            )

    def reading(self) -> Reading:
        """
        What was found.
        """
        return Reading(tuple(self._bases), tuple(self._problems))

    # lines

    def _instructions(self, text: str) -> Iterator[str]:
        """
        The instructions, each as one line.
        """
        lines = text.removeprefix("\ufeff").split("\n")
        self._read_escape(lines, text.startswith("\ufeff"))
        whole: str | None = None
        for line in lines:
            if whole is None:
                if not line.strip() or line.lstrip().startswith("#"):
                    continue
            elif _is_skipped(line, self._indented):
                continue
            bare = line.rstrip(" \t")
            continues = bare.endswith(self._escape)
            if continues:
                line = bare[:-1]
                if line.endswith(self._escape):
                    raise BadRequest(
                        "a line of the Dockerfile ends with two escape characters, which not "
                        "every engine reads in the same way"
                    )
            whole = (whole or "") + line
            if not continues:
                yield whole
                whole = None
        if whole is not None:
            yield whole

    def _read_escape(self, lines: list[str], marked: bool) -> None:
        """
        The escape directive, which every engine takes from the first line only.
        """
        for number, line in enumerate(lines):
            if line.strip() and not line.lstrip().startswith("#"):
                return
            if _LIKE_ESCAPE.match(line):
                match = _ESCAPE.fullmatch(line)
                if number or marked or match is None:
                    raise BadRequest(
                        "the Dockerfile's escape directive is read only from its first line, "
                        "as \\ or `"
                    )
                self._escape = match[1]

    # instructions

    def _instruction(self, line: str) -> None:
        word, _, rest = line.strip().replace("\t", " ").partition(" ")
        if not word.isascii():
            raise BadRequest("an instruction's name in the Dockerfile is not ASCII")
        name = word.upper()
        if name in _EXPANDED:
            self._grow(name, rest.strip())
        if name in _JUDGED:
            if any(each.isspace() and each not in " \t" for each in line.strip()):
                raise BadRequest(f"the Dockerfile has an unusual space in {name}")
            _JUDGED[name](self, rest.strip())

    def _deny(self, rule: str, reason: str, hint: str = "") -> None:
        self._problems.append(Problem(f"build.{rule}", "Dockerfile", reason, hint))

    def _grow(self, name: str, rest: str) -> None:
        """
        What the builder puts variables into.
        """
        if name == "FROM":
            self._growth.stage()
        if name not in ("ENV", "ARG"):
            self._growth.add(rest)
            return
        words = self._words(rest)
        texts: dict[str, str] = {}
        if name == "ENV" and words and "=" not in words[0]:
            # The old form: a key, then all of the rest.
            texts[words[0]] = rest
        else:
            for word in words:
                key = word.partition("=")[0]
                texts[key] = texts.get(key, "") + word
        for key in texts:
            if "$" in key or _QUOTING.search(key):
                self._deny("variables", f"the name {key} in {name} has variables or escapes.")
        self._growth.assign(texts, by_argument=name == "ARG")

    def _run(self, rest: str) -> None:
        # Newer engines take the lines that follow for its text, even where they then
        # refuse it; older ones for instructions.
        if "<<" in rest:
            raise BadRequest("the classic builder knows no here-documents (<<) in a Dockerfile")

    def _arg(self, rest: str) -> None:
        if self._in_stage:
            return
        known = dict(self._arguments)
        for word in self._words(rest):
            name, given, default = word.partition("=")
            if name in self._build_args:
                # What a null means depends on the engine.
                value = self._build_args[name]
            else:
                value = _default(default, known) if given else ""
            self._arguments[name] = value

    def _from(self, rest: str) -> None:
        if self._is_trigger:
            self._deny("onbuild", "FROM is not allowed in ONBUILD.")
            return
        if self._in_stage:
            self._before += 1
            if self._stage_name:
                self._names.add(self._stage_name)
        self._in_stage = True
        self._stage_name = ""
        flags, words = _flags(rest)
        platform = ""
        for flag in flags:
            name, _, platform = flag.partition("=")
            if name.lower() != "--platform" or not _PLAIN.fullmatch(platform):
                raise BadRequest(f"dss can't judge FROM with the option {flag!r}")
        parts = words.split()
        if not parts:
            raise BadRequest("FROM names no image")
        reference = _expanded(parts[0], self._arguments)
        if reference is None:
            raise BadRequest(
                f"dss can't judge FROM {parts[0]}: allowed are the forms $X, ${{X}}, ${{X:-y}} and "
                "${X:+y} of an argument that is declared before, and plain characters"
            )
        if not reference:
            raise BadRequest(f"FROM {parts[0]} names no image")
        if reference.lower() not in self._names and reference != "scratch":
            self._bases.append(Base(reference, True, platform, self._stages))
        if len(parts) == 3 and _STAGE.fullmatch(parts[2].lower()):
            self._stage_name = parts[2].lower()

    @property
    def _stages(self) -> Stages:
        return frozenset(self._names), self._before

    def _copy(self, rest: str) -> None:
        self._run(rest)
        flags, _ = _flags(rest)
        for flag in flags:
            name, _, reference = flag.partition("=")
            if name.lower() != "--from":
                continue
            if not _PLAIN.fullmatch(reference) or not reference:
                raise BadRequest(f"dss can't judge COPY {flag}: only plain characters are allowed")
            if reference.lower() in self._names:
                continue
            if re.fullmatch("[0-9]{1,6}", reference) and int(reference) < self._before:
                continue
            self._bases.append(Base(reference, False))

    def _add(self, rest: str) -> None:
        self._copy(rest)
        _, words = _flags(rest)
        sources = _sources(words)
        if sources is None:
            self._deny(
                "add",
                "dss can't judge an ADD with quotes or escapes.",
                "COPY is allowed, and ADD of plain paths.",
            )
            return
        for source in sources:
            lowered = source.casefold()
            # A path that begins like this stays one, whatever its variables hold.
            is_path = source.startswith(("./", "/")) and "://" not in source
            if any(each in lowered for each in _REMOTE) and not is_path:
                self._deny(
                    "add",
                    f"ADD {source}: the engine would fetch it, from its own network.",
                    "Fetch it in RUN, or put it into the context.",
                )
            elif "$" in source and not is_path:
                self._deny(
                    "add",
                    f"ADD {source}: the variable could name what the engine would fetch.",
                    "Begin the path with ./ or use COPY.",
                )

    def _label(self, rest: str) -> None:
        self._labels += size_of(rest)
        self._expanded_labels += self._growth.bound(rest)
        if self._labels > LABELS or self._expanded_labels > _EXPANDED_LABELS:
            self._deny("label", f"its labels have more than {LABELS} bytes.")
            return
        words = self._words(rest)
        keys = [word.partition("=")[0] for word in words]
        if words and "=" not in words[0]:
            # The old form: a key, then all of the rest.
            keys = [words[0], rest.split()[0]]
        for key in dict.fromkeys(keys):
            bare = re.sub("[\"']", "", key)
            if "$" in bare or _QUOTING.search(bare):
                self._deny("label", f"the label's key {key} has variables or escapes.")
        plain = dict.fromkeys(re.sub("[\"']", "", key) for key in keys)
        self._problems += label_rules.problems(plain, "Dockerfile")

    def _onbuild(self, rest: str) -> None:
        self._run(rest)
        word = rest.partition(" ")[0].upper()
        if word in ("FROM", "ONBUILD", "MAINTAINER"):
            self._deny("onbuild", f"{word} is not allowed in ONBUILD.")
        else:
            self._instruction(rest)

    def _words(self, rest: str) -> list[str]:
        """
        A line's words, with their quotes and escapes, split as the engine's C{parseWords}
        does.
        """
        words: list[str] = []
        word = ""
        quote = ""
        characters = iter(rest)
        for each in characters:
            if not quote and each.isspace():
                if word:
                    words.append(word)
                word = ""
                continue
            word += each
            if each == self._escape and quote != "'":
                word += next(characters, "")
            elif quote:
                if each == quote:
                    quote = ""
            elif each in "\"'":
                quote = each
        return [*words, word] if word else words


#: Bytes that the labels may become when variables are put in.
_EXPANDED_LABELS = 1024 * 1024

#: Where the builder puts variables in.
_EXPANDED = frozenset(
    (
        *("ADD", "ARG", "COPY", "ENV", "EXPOSE", "FROM", "LABEL"),
        *("STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    )
)

_JUDGED = {
    "RUN": _Reader._run,
    "ARG": _Reader._arg,
    "FROM": _Reader._from,
    "COPY": _Reader._copy,
    "ADD": _Reader._add,
    "LABEL": _Reader._label,
    "ONBUILD": _Reader._onbuild,
}


def _is_skipped(line: str, indented: bool) -> bool:
    """
    Whether a line inside an instruction is empty or a comment.
    """
    return not line.strip() or (line.lstrip() if indented else line).startswith("#")


def _decoded(text: bytes) -> str:
    try:
        decoded = text.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadRequest("the Dockerfile is not UTF-8") from None
    if _CONTROL.search(decoded):
        raise BadRequest("the Dockerfile has control characters")
    return decoded


def _flags(rest: str) -> tuple[list[str], str]:
    """
    An instruction's options, and what follows them.
    """
    flags = []
    rest = rest.strip()
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        rest = rest.strip()
        if flag == "--":
            break
        if _QUOTING.search(flag):
            raise BadRequest(f"dss can't judge the Dockerfile's option {flag}: it has quotes")
        flags.append(flag)
    return flags, rest


def _sources(words: str) -> list[str] | None:
    """
    What is added, the target left out; L{None} where dss can't tell.
    """
    if words.startswith("["):
        try:
            found = json.loads(words)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            return None
    else:
        found = words.split()
    sources = found[:-1]
    return None if any(_QUOTING.search(each) for each in sources) else sources


def _default(text: str, known: Mapping[str, str | None]) -> str | None:
    """
    An argument's default, or L{None} where dss can't tell.
    """
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        if text[0] == "'" and "$" in text:
            return None
        text = text[1:-1]
    return _expanded(text, known)


def _expanded(text: str, known: Mapping[str, str | None]) -> str | None:
    """
    A word with its variables replaced, or L{None} where dss can't tell.
    """
    result = []
    place = 0
    while place < len(text):
        if text[place] != "$":
            end = text.find("$", place)
            end = len(text) if end < 0 else end
            plain = text[place:end]
            if not _PLAIN.fullmatch(plain):
                return None
            result.append(plain)
            place = end
            continue
        match = _VARIABLE.match(text, place)
        if match is None:
            return None
        value = known.get(match["bare"] or match["name"])
        if value is None:
            return None
        if match["how"] == "-":
            value = value or match["word"]
        elif match["how"] == "+":
            value = match["word"] if value else ""
        result.append(value)
        place = match.end()
    return "".join(result)
