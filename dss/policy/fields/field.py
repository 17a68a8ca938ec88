"""
What a row says of one body field, and how a path finds its values in a body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from dss.config.containers import Containers
from dss.config.lines import allowing
from dss.errors import Problem


@frozen
class Spot:
    """
    One value in a body.

    @ivar path: where it is, such as C{HostConfig.Mounts[0].Type}.
    @ivar keys: the keys of the maps on the way, from the outside in.
    @ivar inside: the object that has the field.
    """

    path: str
    value: Any
    keys: tuple[str, ...] = ()
    inside: Mapping[str, Any] = field(factory=dict)


@frozen
class Rule:
    """
    What is done with a field's value.

    @ivar id: its stable name, such as C{container.privileged}; what a denial tells.
    @ivar verdict: C{allow}, C{rewrite}, C{limit} (some values are denied),
        C{deny} (all but the zero value are) or C{drop} (the engine never sees it).
    @ivar allowed: what a client may write, for the documentation and for the hint of
        a denial.
    @ivar check: gives the reason why a value is denied by the settings, or L{None}. The
        settings are those of the rule's table. It is never asked about a zero value unless
        C{judges_empty} is set.
    @ivar judges_empty: whether an empty list or map is a wish of its own, which only
        C{null} is not.
    @ivar setting: the key path of the setting by which an operator can allow more; empty
        where none can.
    @ivar never: why no setting can allow more, where that is not plain; for the documentation.
    @ivar line: for a value that is denied, what should be in that setting, as
        L{allowing} takes it; nothing where it can't allow this one.
    """

    id: str
    verdict: str
    allowed: str
    check: Callable[[Spot, Any], str | None] | None = None
    judges_empty: bool = False
    setting: str = ""
    line: Callable[[Spot], Any] | None = None
    never: str = ""

    def problems(self, spot: Spot, settings: Any = None) -> Iterator[Problem]:
        """
        What is wrong with one value.

        @param settings: those of the rule's table. Without them only what is always fine for
            a container is allowed.
        """
        if self.check is None or not (spot.value or self.judges_empty):
            return
        by = settings or Containers()
        reason = self.check(spot, by)
        if reason is not None:
            yield Problem(self.id, spot.path, reason, self._hint(spot, by))

    def _hint(self, spot: Spot, settings: Any) -> str:
        wanted = self.line(spot) if self.line is not None else None
        return (
            f"{self.allowed} {allowing(self.setting, wanted, settings)}" if wanted else self.allowed
        )


@frozen
class Field:
    """
    A row: one field of a body.

    @ivar path: in the notation of the API facts: C{.} leads into an object, C{[]} into
        a list's elements and C{{}} into a map's values.
    @ivar type: a key of L{dss.model.gojson.SHAPES}, or C{object} or C{map}. For a path
        that ends in C{[]} or C{{}}, the type of the elements.
    @ivar since: the API version that brought it; C{1.24} for all that are older than
        the published facts.
    @ivar why: one line of reason.
    @ivar until: the last API version that documents it.
    @ivar given: key paths of the settings that force the field, give it a value where the
        client sends none, or set a ceiling.
    @ivar documented: whether the published facts list it. Engines read a few fields
        that they don't document.
    """

    path: str
    type: str
    rule: Rule
    why: str
    since: str = "1.24"
    until: str | None = None
    documented: bool = True
    given: tuple[str, ...] = ()
    segments: tuple[tuple[str, str], ...] = field(init=False, repr=False)

    @segments.default
    def _split(self) -> tuple[tuple[str, str], ...]:
        return split(self.path)

    @property
    def settings(self) -> tuple[str, ...]:
        """
        Key paths of all settings that change what becomes of the field.
        """
        return (self.rule.setting, *self.given) if self.rule.setting else self.given

    def spots(self, body: Any) -> Iterator[Spot]:
        """
        All values that the path finds in a decoded body.
        """
        return _find(body, self.segments, "", (), {})


_SEGMENT = re.compile(r"([A-Za-z0-9]+)((?:\[\]|\{\})*)")


def split(path: str) -> tuple[tuple[str, str], ...]:
    """
    A path's steps: each a name and what it leads into, such as
    C{("PortBindings", "{}[]")}.
    """
    found = []
    for step in path.split("."):
        match = _SEGMENT.fullmatch(step)
        if match is None:
            raise ValueError(f"{path!r} is no path of a field")
        found.append((match[1], match[2]))
    return tuple(found)


def _find(
    value: Any,
    segments: tuple[tuple[str, str], ...],
    path: str,
    keys: tuple[str, ...],
    inside: Mapping[str, Any],
) -> Iterator[Spot]:
    if not segments:
        yield Spot(path, value, keys, inside)
        return
    (name, into), rest = segments[0], segments[1:]
    if name not in value:
        return
    for spot in _open(value[name], into, f"{path}.{name}" if path else name, keys):
        yield from _find(spot.value, rest, spot.path, spot.keys, value)


def _open(value: Any, into: str, path: str, keys: tuple[str, ...]) -> Iterator[Spot]:
    if not into:
        yield Spot(path, value, keys)
    elif into.startswith("[]"):
        for index, each in enumerate(value):
            yield from _open(each, into[2:], f"{path}[{index}]", keys)
    else:
        for key, each in value.items():
            yield from _open(each, into[2:], f"{path}[{key!r}]", (*keys, key))


def prefixed(rows: Iterable[Field], prefix: str) -> tuple[Field, ...]:
    """
    The same rows, one object further in.
    """
    return tuple(evolve(row, path=f"{prefix}.{row.path}") for row in rows)
