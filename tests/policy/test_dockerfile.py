"""
What a Dockerfile asks for beyond its context is found.
"""

from __future__ import annotations

import pytest

from dss.errors import BadRequest
from dss.policy.dockerfile import read, read_trigger

ARGS = {"GIVEN": "given:1", "NULL": None}


def bases(text: str) -> list[str]:
    """
    The images that a Dockerfile without problems uses.
    """
    found = read(text.encode(), ARGS)
    assert found.problems == ()
    return [base.reference for base in found.bases]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a", ["a"]),
        ("\n  # c\n from\ta AS b\nRUN x\nFROM B\nFROM c\n", ["a", "c"]),
        ("\ufeffFROM a\r\nRUN x \\\r\n y\r\n", ["a"]),
        ("FROM scratch\nCOPY x y", []),
        ("FROM a AS b\nCOPY --from=b x y", ["a", "b"]),
        ("FROM a AS b\nFROM c\nCOPY --from=B x y\nCOPY --from=0 x y\n", ["a", "c"]),
        ("FROM a AS b\nFROM c\nCOPY --from=1 x y\n", ["a", "c", "1"]),
        ("FROM a\nCOPY --chown=x --from=r.io:5/b@sha256:12 x y", ["a", "r.io:5/b@sha256:12"]),
        ("FROM a\nONBUILD COPY --from=b x y", ["a", "b"]),
        ("FROM \\\n# c\n\n \na", ["a"]),
        ("FROM a\nRUN x \\\n  # d\nFROM b", ["a", "b"]),
        ("FROM a\nRUN x \\\n# d\nFROM b", ["a"]),
        ("# escape=`\nFROM a\nRUN x `\nFROM b", ["a"]),
        ("# escape=`\nFROM a\nRUN x \\\nFROM b", ["a", "b"]),
        ("# syntax=docker/dockerfile:1\nFROM a", ["a"]),
        ("ARG X=a\nFROM $X:1", ["a:1"]),
        ("ARG X=\"a\"\nARG Y='b'\nFROM ${X}${Y}", ["ab"]),
        ("ARG X=a Y=b\nARG Z=${X}/$Y\nFROM $Z", ["a/b"]),
        ("ARG GIVEN=a\nFROM $GIVEN", ["given:1"]),
        ("ARG X\nFROM ${X:-a}${X:+b}", ["a"]),
        ("ARG GIVEN\nFROM ${GIVEN:-a}${GIVEN:+2}", ["given:12"]),
        ("ARG X=a\nFROM scratch\nARG X=b\nFROM $X", ["a"]),
    ],
)
def test_images(text: str, expected: list[str]) -> None:
    """
    Those that are no stage before.
    """
    assert bases(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "FROM $X",
        "FROM $NULL",
        "ARG NULL\nFROM $NULL",
        "ARG X=a\nFROM ${X#a}",
        "ARG X=a\nFROM ${X-a}",
        "ARG X=a\nFROM ${X:-$X}",
        "ARG X='$Y'\nFROM $X",
        'ARG X=a"b"\nFROM $X',
        'FROM "a"',
        "FROM a\\b",
        "FROM",
        "ARG X\nFROM $X",
        "FROM --platform=$P a",
        'FROM --platf"orm"=x a',
        "FROM --other=x a",
        "FROM a\nCOPY --from=$X a b",
        "FROM a\nCOPY --from= a b",
        "FROM a\nRUN <<EOF\nx\nEOF",
        "FROM a\nONBUILD RUN <<EOF\nx\nEOF",
        "FROM a\nRUN x \\\\\ny",
        "\n# escape=`\nFROM a",
        "# syntax=x\n# escape=`\nFROM a",
        " # escape=`\nFROM a",
        "# escape=x\nFROM a",
        "\ufeff# escape=`\nFROM a",
        "FROM a\nONBU\u0130LD COPY --from=x a b",
        "FROM\u00a0a",
        "FROM a\u2003b",
        "FROM a\x00",
        "FROM a\rRUN x",
        "FROM a\x0bb",
    ],
)
def test_what_engines_could_read_in_two_ways(text: str) -> None:
    """
    It is refused.
    """
    with pytest.raises(BadRequest):
        read(text.encode(), ARGS)


def test_no_utf_8() -> None:
    """
    It is refused.
    """
    with pytest.raises(BadRequest, match="UTF-8"):
        read(b"FROM \xff", {})


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("ADD http://x/y z", "build.add"),
        ("add ftp://x/y z", "build.add"),
        ("ADD x HTTPS://x/y z", "build.add"),
        ("ADD git@x:y.git z", "build.add"),
        ("ADD github.com/x/y z", "build.add"),
        ('ADD ["http:\\u002f/x", "z"]', "build.add"),
        ('ADD ["x" "z"]', "build.add"),
        ('ADD ht"tp://"x z', "build.add"),
        ("ADD h\\ttp:x z", "build.add"),
        ("ADD $X z", "build.add"),
        ("ADD --chown=x ${X} z", "build.add"),
        ("ONBUILD ADD http://x/y z", "build.add"),
        ("LABEL com.dss.x=y", "label.reserved"),
        ("LABEL a=b COM.dss.x=y", "label.reserved"),
        ("LABEL com.dss.x y", "label.reserved"),
        ('LABEL "com.dss.x"=y', "label.reserved"),
        ("LABEL 'com'.d\"ss\".x=y", "label.reserved"),
        ("LABEL a=b\\ c com.dss.x=y", "label.reserved"),
        ('LABEL a="b \\" c" com.dss.x=y', "label.reserved"),
        ("LABEL a=b \\\n com.dss.x=y", "label.reserved"),
        ("LABEL $X=y", "build.label"),
        ("LABEL c\\om.dss.x=y", "build.label"),
        ("ONBUILD LABEL com.dss.x=y", "label.reserved"),
        ("ONBUILD FROM x", "build.onbuild"),
        ("ONBUILD ONBUILD RUN x", "build.onbuild"),
    ],
)
def test_problems(line: str, rule: str) -> None:
    """
    What would be fetched, and labels of dss's own.
    """
    found = read(f"FROM a\n{line}\n".encode(), {})
    assert {problem.rule for problem in found.problems} == {rule}
    assert all(problem.field == "Dockerfile" for problem in found.problems)


@pytest.mark.parametrize(
    "line",
    [
        "ADD x y /z/",
        "ADD ./$X /$Y",
        "ADD x $Y",
        'ADD ["a b", "/c"]',
        "ADD --chown=$X a b",
        "LABEL a=com.dss.x b='com.dss.y=z'",
        'LABEL a="b com.dss.x=y"',
        "LABEL a=$X",
        "LABEL com.dssx=y",
        "LABEL a com.dss.x=y",
        "ONBUILD LABEL a=b",
        "RUN curl https://x/y",
        "ENV com.dss.x=http://x",
        "BOGUS http://x",
    ],
)
def test_harmless(line: str) -> None:
    """
    The twins of those.
    """
    assert bases(f"FROM a\n{line}\n") == ["a"]


def test_platform_and_stages() -> None:
    """
    What a base was asked for with.
    """
    found = read(b"FROM a AS b\nFROM --platform=linux/amd64 c", {})
    assert [base.platform for base in found.bases] == ["", "linux/amd64"]
    assert found.bases[1].stages == (frozenset({"b"}), 1)
    assert all(base.builds_upon for base in found.bases)


def test_triggers() -> None:
    """
    Each may have many lines; stages of the build are known in it.
    """
    stages = frozenset({"b"}), 1
    assert read_trigger("COPY --from=b x y\nCOPY --from=0 x y", stages).bases == ()
    assert [each.reference for each in read_trigger("COPY --from=c x y", stages).bases] == ["c"]
    assert read_trigger("LABEL com.dss.x=y", stages).problems
    assert read_trigger("FROM x", stages).problems
