"""
How large a Dockerfile's texts become when its variables are put in.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.policy.dockerfile import read
from dss.policy.growth import BROUGHT, MOST, Growth, brings_too_much, triggers_grow

TEN = "$A" * 10


def rules(text: str, **build_args: str) -> set[str]:
    return {each.rule for each in read(text.encode(), build_args).problems}


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nENV A=xxxxxxxxxx\n" + f"ENV A={TEN}\n" * 7,
        "FROM a\nENV A xxxxxxxxxx\n" + f"ENV A {TEN}\n" * 7,
        "FROM a\nENV A=x\n" + "ENV A=${A}${A:-$A}\n" * 30,
        "FROM a\nENV A=x\n" + "ENV B=$A$A\nENV A=$B$B\n" * 15,
        "FROM a\nARG A=xxxxxxxxxx\n" + f"ARG A={TEN}\n" * 7,
        "ARG A=xxxxxxxxxx\n" + f"ARG A={TEN}\n" * 7 + "FROM a",
        "FROM a AS b\nENV A=xxxxxxxxxx\n" + f"FROM b AS b\nENV A={TEN}\n" * 7,
        f"FROM a\nENV A={'x' * 50_000}\nWORKDIR /{'$A' * 100}",
        f"FROM a\nENV A={'x' * 50_000}\nONBUILD WORKDIR /{'$A' * 100}",
        f"FROM a\nWORKDIR /{'$GIVEN' * 300}",
        "FROM a\nENV A=" + "x" * 3000 + " B=" + "y" * 3000 + "\nENV A=${A//x/$B}",
        "FROM a\nENV B=A\nENV $B=x",
        "FROM a\nENV 'A'=x",
    ],
)
def test_what_grows(text: str) -> None:
    assert rules(text, GIVEN="x" * 20_000) == {"build.variables"}


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\n" + "ENV PATH=/opt/bin:$PATH\n" * 20,
        "FROM a\n" + "ENV A=1.2.3 B=$C\nENV D ${A}-$B text\n" * 3,
        "ARG V=1\nFROM a:$V\nARG V\nENV V=$V HOME=/x\nWORKDIR $HOME/${V}\nCOPY $V ./",
        'FROM a\nARG V=1\nLABEL version="$V" name=x${V}',
        "FROM a\nENV A=a.b.c\nENV B=${A//./_}",
        f"FROM a\nRUN echo {TEN * 2000}",
        "FROM a\nONBUILD ARG N\nONBUILD ENV N $N",
    ],
)
def test_what_people_write(text: str) -> None:
    assert rules(text, V="2") == set()


def test_labels_made_of_variables() -> None:
    assert rules("FROM a\nLABEL a=" + "$A" * 70) == {"build.label"}
    assert rules("FROM a\nLABEL a=" + "$A" * 60) == set()


_NAMES = st.sampled_from("ABC")
_PARTS = st.lists(st.just("--") | _NAMES.map("${{{}}}".format) | _NAMES.map("${}-".format))


@given(
    brought=st.dictionaries(_NAMES, st.just("b" * BROUGHT)),
    lines=st.lists(st.one_of(st.none(), st.dictionaries(_NAMES, _PARTS.map("".join))), max_size=6),
)
def test_it_is_never_less(brought: dict[str, str], lines: list[dict[str, str] | None]) -> None:
    """
    Than what the engine makes, whatever the image brings; until it is too much anyway.
    """
    growth = Growth({})
    values = dict(brought)
    for texts in lines:
        if texts is None:
            # The next stage, which begins with the one before.
            growth.stage()
            continue
        made = {}
        for name, text in texts.items():
            bound = growth.bound(text)
            if bound > MOST:
                return
            made[name] = re.sub(r"\$\{?([A-C])\}?", lambda match: values.get(match[1], ""), text)
            assert len(made[name]) - bound <= 0
        growth.assign(texts, by_argument=False)
        values.update(made)


def test_what_an_image_brings() -> None:
    assert not brings_too_much(["PATH=/bin", "A=" + "x" * (BROUGHT - 2)])
    assert brings_too_much(["PATH=/bin", "A=" + "x" * (BROUGHT - 1)])


def test_triggers() -> None:
    for fine in ([], ["ENV A $A"] * 40, ["RUN " + TEN], ["ENV A=$A$A", "COPY $X $Y"]):
        assert not triggers_grow(fine)
    for denied in (["ENV A=$A$A"] * 4, [" env A=" + "$A" * 9], ["ENV A=" + "x" * BROUGHT]):
        assert triggers_grow(denied)
