"""
References of images, by Docker's grammar.
"""

from __future__ import annotations

import pytest

from dss.errors import BadRequest
from dss.model.reference import Reference, canonical, repository_of

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "whole", "familiar"),
    [
        ("a", "docker.io/library/a", "a"),
        ("a:1", "docker.io/library/a:1", "a:1"),
        ("library/a", "docker.io/library/a", "a"),
        ("docker.io/a", "docker.io/library/a", "a"),
        ("index.docker.io/a", "docker.io/library/a", "a"),
        ("docker.io/library/a:b", "docker.io/library/a:b", "a:b"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("acme/a", "docker.io/acme/a", "acme/a"),
        ("r.io/a", "r.io/a", "r.io/a"),
        ("localhost/a", "localhost/a", "localhost/a"),
        ("r:5000/a/b:c", "r:5000/a/b:c", "r:5000/a/b:c"),
        (f"a@{DIGEST}", f"docker.io/library/a@{DIGEST}", f"a@{DIGEST}"),
        (f"a:1@{DIGEST}", f"docker.io/library/a:1@{DIGEST}", f"a:1@{DIGEST}"),
        ("R/a", "R/a", "R/a"),
        ("a__b/c--d.e", "docker.io/a__b/c--d.e", "a__b/c--d.e"),
    ],
)
def test_one_spelling_of_each(text: str, whole: str, familiar: str) -> None:
    """
    As engines 20.10 to 28.5 show them.
    """
    found = Reference.parse(text)
    assert (str(found), found.familiar) == (whole, familiar)
    assert Reference.parse(familiar) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "a:", "a@", "a:b:c", "a//b", "/a", "a/", "-a", "a_", "a..b", "a___b", "a:-b"),
        *("a@sha256:12", "a@md5:" + "0" * 32, "a b", "a\n", "é", "a:" + "b" * 129, "a" * 256),
        *("http://r.io/a", "r.io:x/a", "[::1]:5000/a", "a?b", "a%2fb"),
    ],
)
def test_what_is_none(text: str) -> None:
    """
    Refused in the engine's words.
    """
    with pytest.raises(BadRequest, match="invalid reference format"):
        Reference.parse(text)
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("0123456789ab", True),
        ("0123456789ab:x", True),
        ("docker.io/abcdef", True),
        ("0" * 64, True),
        ("abcde", False),
        ("acme/0123456789ab", False),
        ("app:0123456789ab", False),
        ("0123456789xy", False),
    ],
)
def test_names_like_ids(text: str, like: bool) -> None:
    """
    By the name alone, as tools would look it up.
    """
    assert Reference.parse(text).like_an_id is like


def test_repositories_of_names() -> None:
    """
    Of tags and of digests, with ports too.
    """
    assert canonical("a") == "docker.io/library/a:latest"
    for text in ("r:5000/a:1", f"r:5000/a@{DIGEST}", "r:5000/a"):
        assert repository_of(text) == "r:5000/a"
