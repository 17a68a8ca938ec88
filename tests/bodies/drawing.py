"""
Create bodies by the field table: every field of it is drawn, new ones too.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from dss.policy.fields.field import Field
from dss.policy.fields.tables import CREATE
from tests.bodies import values
from tests.bodies.written import Oddity, put, text
from tests.bodies.yard import Yard


@frozen
class Drawn:
    """
    A body.

    @ivar raw: its bytes.
    @ivar kinds: what is in it: C{fine}, C{hostile} or C{typed} values, and how it is written:
        C{spelled}, C{twice}, C{wrong} or C{unknown}.
    @ivar paths: the fields that were drawn.
    """

    raw: bytes
    kinds: frozenset[str]
    paths: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """
        Whether dss lets all of it through, if anything.
        """
        return "hostile" not in self.kinds and not any(
            row.rule.verdict == "drop" for row in CREATE.rows if row.path in self.paths
        )

    @property
    def is_fine(self) -> bool:
        """
        Whether everybody may ask for it.
        """
        return self.kinds <= {"fine", "spelled"}


def bodies(yard: Yard) -> st.SearchStrategy[Drawn]:
    """
    Bodies for an attacker in a yard.
    """
    return _bodies(values.fine(yard), values.hostile(yard))


@st.composite
def _bodies(draw: st.DrawFn, fine: values.Values, hostile: values.Values) -> Drawn:
    # As every client sends it. Without HostConfig engine 20.10 shows no runtime.
    body: dict[str, Any] = {"Image": "busybox", "HostConfig": {}}
    bent = draw(st.booleans())
    kinds, paths = set[str](), list[str]()
    for _ in range(draw(st.integers(1, 5))):
        source = draw(st.sampled_from(("fine", "typed", "hostile"))) if bent else "fine"
        row, value = draw(_values(source, fine, hostile))
        key = draw(_keys(row, source == "hostile"))
        put(body, row.path, value, key)
        paths.append(row.path)
        kinds.add(source)
    oddity = None
    if draw(st.booleans()):
        row = draw(st.sampled_from([each for each in CREATE.rows if each.path in paths]))
        how = draw(
            st.sampled_from(("spelled", "twice", "wrong", "unknown") if bent else ("spelled",))
        )
        kinds.add(how)
        name = draw(st.sampled_from([name for name, _ in row.segments]))
        spelling = draw(st.sampled_from(values.SPELLINGS))(name)
        if how == "spelled":
            oddity = Oddity(name, spelling)
        elif how == "twice":
            first, second = draw(st.permutations((name, spelling)))
            other = draw(st.sampled_from((None, {}, *hostile.get(row.path, ()), *values.WRONG)))
            oddity = Oddity(name, first, (second, other))
        elif how == "unknown":
            oddity = Oddity(name, name, (name + "x", draw(st.sampled_from(values.WRONG))))
        else:
            put(body, row.path, draw(st.sampled_from(values.WRONG)), draw(_keys(row, False)))
    return Drawn(text(body, oddity), frozenset(kinds), tuple(paths))


def _values(
    source: str, fine: values.Values, hostile: values.Values
) -> st.SearchStrategy[tuple[Field, Any]]:
    if source == "typed":
        return st.sampled_from(CREATE.rows).flatmap(
            lambda row: st.tuples(st.just(row), st.sampled_from(values.TYPED[row.type]))
        )
    listed = fine if source == "fine" else hostile
    return st.sampled_from(
        [(row, value) for row in CREATE.rows for value in listed.get(row.path, ())]
    )


def _keys(row: Field, hostile: bool) -> st.SearchStrategy[str]:
    """
    Keys for the maps on a row's way.
    """
    path = row.path.partition("{}")[0]
    found = values.HOSTILE_KEYS.get(path, {}) if hostile else {}
    return st.sampled_from((*values.KEYS.get(path, ("x",)), *found))
