"""
Bodies by the field tables: every field of them is drawn, new ones too.
"""

from __future__ import annotations

import copy
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from dss.policy.fields.field import Field
from dss.policy.fields.table import Table
from dss.policy.fields.tables import CREATE, UPDATE
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
    @ivar loses: whether it has a field that dss leaves out.
    """

    raw: bytes
    kinds: frozenset[str]
    loses: bool

    @property
    def is_whole(self) -> bool:
        """
        Whether dss lets all of it through, if anything.
        """
        return "hostile" not in self.kinds and not self.loses

    @property
    def is_fine(self) -> bool:
        """
        Whether everybody may ask for it.
        """
        return self.kinds <= {"fine", "spelled"}


def creates(yard: Yard) -> st.SearchStrategy[Drawn]:
    """
    Bodies of creates for an attacker in a yard.
    """
    # As every client sends it. Without HostConfig engine 20.10 shows no runtime.
    whole = {"Image": "busybox", "HostConfig": {}}
    return _bodies(CREATE, whole, "", values.fine(yard), values.hostile(yard))


def updates(yard: Yard) -> st.SearchStrategy[Drawn]:
    """
    Bodies of updates.
    """
    return _bodies(UPDATE, {}, _HOST, _of_host(values.fine(yard)), _of_host(values.hostile(yard)))


_HOST = "HostConfig."


def _of_host(listed: values.Values) -> values.Values:
    return {
        path.removeprefix(_HOST): found for path, found in listed.items() if path.startswith(_HOST)
    }


@st.composite
def _bodies(
    draw: st.DrawFn,
    table: Table,
    whole: dict[str, Any],
    prefix: str,
    fine: values.Values,
    hostile: values.Values,
) -> Drawn:
    body = copy.deepcopy(whole)
    bent = draw(st.booleans())
    kinds, rows = set[str](), list[Field]()
    for _ in range(draw(st.integers(1, 5))):
        source = draw(st.sampled_from(("fine", "typed", "hostile"))) if bent else "fine"
        row, value = draw(_values(table, source, fine, hostile))
        key = draw(_keys(prefix + row.path, source == "hostile"))
        put(body, row.path, value, key)
        rows.append(row)
        kinds.add(source)
    oddity = None
    if draw(st.booleans()):
        row = draw(st.sampled_from(rows))
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
            put(
                body,
                row.path,
                draw(st.sampled_from(values.WRONG)),
                draw(_keys(prefix + row.path, False)),
            )
    loses = any(row.rule.verdict == "drop" for row in rows)
    return Drawn(text(body, oddity), frozenset(kinds), loses)


def _values(
    table: Table, source: str, fine: values.Values, hostile: values.Values
) -> st.SearchStrategy[tuple[Field, Any]]:
    if source == "typed":
        return st.sampled_from(table.rows).flatmap(
            lambda row: st.tuples(st.just(row), st.sampled_from(values.TYPED[row.type]))
        )
    listed = fine if source == "fine" else hostile
    return st.sampled_from(
        [(row, value) for row in table.rows for value in listed.get(row.path, ())]
    )


def _keys(path: str, hostile: bool) -> st.SearchStrategy[str]:
    """
    Keys for the maps on the way of a row of creates.
    """
    holder = path.partition("{}")[0]
    found = values.HOSTILE_KEYS.get(holder, {}) if hostile else {}
    return st.sampled_from((*values.KEYS.get(holder, ("x",)), *found))
