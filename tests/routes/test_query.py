"""
Query strings are read as the engine reads them, or refused.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.errors import BadRequest, Denied
from dss.policy.filters import narrowed, read_filters, render_filters
from dss.policy.queries import passed_on
from dss.routes.match import render_query
from dss.routes.query import boolean_value, parse_query, typed_query
from dss.routes.table import boolean, filters, ignored, integer, text, texts

PARAMS = (
    boolean("all"),
    integer("limit"),
    text("path"),
    texts("names"),
    filters(),
    ignored("trunc_cmd"),
)

#: Text as Go strings of UTF-8 hold it.
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


def go_unescape(raw: str) -> bytes | None:
    """
    Go's C{url.QueryUnescape}, character by character, or L{None} for its error.
    """
    out = bytearray()
    place = 0
    while place < len(raw):
        character = raw[place]
        if character == "%":
            digits = raw[place + 1 : place + 3]
            if not re.fullmatch("[0-9a-fA-F]{2}", digits):
                return None
            out.append(int(digits, 16))
            place += 3
            continue
        out += b" " if character == "+" else character.encode()
        place += 1
    return bytes(out)


def go_parse_query(raw: str) -> list[tuple[bytes, bytes]] | None:
    """
    Go's C{url.ParseQuery}, or L{None} for its error.
    """
    pairs = []
    while raw:
        part, _, raw = raw.partition("&")
        if ";" in part:
            return None
        if not part:
            continue
        key, _, value = part.partition("=")
        read = go_unescape(key), go_unescape(value)
        if read[0] is None or read[1] is None:
            return None
        pairs.append((read[0], read[1]))
    return pairs


@settings(deadline=None)
@given(st.text(st.sampled_from("ab=&;%+&=2c4fF0zé"), max_size=30))
def test_parse_agrees_with_go(raw: str) -> None:
    """
    What dss reads is what Go reads; dss refuses what Go refuses, and text that is not UTF-8.
    """
    expected = go_parse_query(raw)
    try:
        found = [(key.encode(), value.encode()) for key, value in parse_query(raw)]
    except BadRequest:
        assert expected is None or not is_utf8(expected)
    else:
        assert found == expected


def is_utf8(pairs: list[tuple[bytes, bytes]]) -> bool:
    """
    Whether all names and values are UTF-8.
    """
    try:
        for pair in pairs:
            for each in pair:
                each.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT)))
def test_what_is_written_is_read_again(pairs: list[tuple[str, str]]) -> None:
    """
    The engine decodes a rendered query to exactly the pairs that were judged.
    """
    rendered = render_query(tuple(pairs))
    assert re.fullmatch(r"[A-Za-z0-9_.~%&=-]*", rendered)
    expected = [(key.encode(), value.encode()) for key, value in pairs]
    assert go_parse_query(rendered) == expected
    if pairs:
        assert parse_query(rendered) == pairs


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("a;b=1", "invalid semicolon separator in query"),
        ("path=%zz", 'invalid URL escape "%zz"'),
        ("path=a%4", 'invalid URL escape "%4"'),
        ("path=%ff", "the query is not UTF-8"),
        ("limit=1&limit=1", "the query parameter limit was sent more than once"),
        ("limit=&limit=1", "the query parameter limit was sent more than once"),
        ("all=0&%61ll=1", "the query parameter all was sent more than once"),
        ("filters={}&filters=", "the query parameter filters was sent more than once"),
        ("limit=x", "the query parameter limit is not a number"),
        ("limit=+5", "the query parameter limit is not a number"),
        ("limit=%D9%A1", "the query parameter limit is not a number"),
        ("limit=1_0", "the query parameter limit is not a number"),
    ],
)
def test_what_has_no_one_meaning_is_refused(raw: str, message: str) -> None:
    """
    Nothing is guessed.
    """
    with pytest.raises(BadRequest, match=f"^{re.escape(message)}$"):
        typed_query(PARAMS, raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", {}),
        ("limit=-1", {"limit": "-1"}),
        ("limit=", {}),
        ("all=yEs", {"all": "1"}),
        ("all=", {"all": ""}),
        ("%61ll=+FALSE%20", {"all": "0"}),
        ("path=%2Ftmp%2Fa+b", {"path": "/tmp/a b"}),
        ("names=b&names=a&names=", {"names": ("b", "a", "")}),
        ("filters=", {"filters": {}}),
        ('filters={"label":["a"]}', {"filters": {"label": ("a",)}}),
        ("trunc_cmd=0&trunc_cmd=1", {}),
        ("unknown=&other", {}),
    ],
)
def test_values_are_typed(raw: str, expected: object) -> None:
    """
    Each kind of parameter has one way to be read.
    """
    assert typed_query(PARAMS, raw) == expected


@pytest.mark.parametrize("name", ["unknown", "ALL", "Filters", "limit ", "x" * 300])
def test_unknown_parameter_is_denied_by_name(name: str) -> None:
    """
    A parameter that can't be judged is denied, unless it is empty. Case matters.
    """
    with pytest.raises(Denied) as denied:
        typed_query(PARAMS, render_query(((name, "1"),)))
    (problem,) = denied.value.problems
    assert problem.rule == "query.unknown"
    assert name[:64] in problem.field
    assert len(problem.field) < 100
    assert typed_query(PARAMS, render_query(((name, ""),))) == {}


@pytest.mark.parametrize(
    "text", ["0", "no", "NO", "false", " False\t", "none", "None", " ", "\u2003"]
)
def test_false_is_what_the_engine_takes_for_false(text: str) -> None:
    """
    C{httputils.BoolValue} (moby 28.5).
    """
    assert boolean_value(text) == "0"


@pytest.mark.parametrize("text", ["1", "true", "x", "2", "off", "n", "nil", "\ufeff0", "\x1f0"])
def test_true_is_all_else(text: str) -> None:
    """
    C{httputils.BoolValue} (moby 28.5), also for what Python would trim and Go would not.
    """
    assert boolean_value(text) == "1"


FILTERS = st.dictionaries(TEXT, st.lists(TEXT, min_size=1, unique=True).map(tuple), max_size=4)


@settings(deadline=None)
@given(FILTERS)
def test_filters_are_read_in_both_forms(wanted: dict[str, tuple[str, ...]]) -> None:
    """
    Both forms mean the same, and what is written is read again.
    """
    older = json.dumps({key: list(values) for key, values in wanted.items()})
    assert read_filters(older) == wanted
    assert read_filters(render_filters(wanted)) == wanted
    assert json.loads(render_filters(wanted)) == {
        key: dict.fromkeys(values, True) for key, values in wanted.items()
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.text(max_size=30) | JSON.map(json.dumps))
def test_any_text_is_filters_or_refused(text: str) -> None:
    """
    What is read has texts only, and none that is empty of values.
    """
    try:
        found = read_filters(text)
    except BadRequest:
        return
    for key, values in found.items():
        assert values
        assert {type(key), *map(type, values)} == {str}
        assert " ".join((key, *values)).encode()


@pytest.mark.parametrize("empty", ["", "{}", "null", '{"label": []}', '{"label": {}}'])
def test_empty_filters_are_none(empty: str) -> None:
    """
    The engine takes them for no filters.
    """
    assert read_filters(empty) == {}


@pytest.mark.parametrize(
    "odd",
    [
        "x",
        "[]",
        "1",
        '"label"',
        '{"label": "a"}',
        '{"label": null}',
        '{"label": [1]}',
        '{"label": [null]}',
        '{"label": {"a": false}}',
        '{"label": {"a": 1}}',
        '{"label": {"a": {"b": true}}}',
        '{"label": ["a"], "label": ["b"]}',
        '{"label": {"a": true, "a": true}}',
        '{"label": ["a"]} {}',
        '\ufeff{"label": ["a"]}',
        '{"label": ["\\ud800"]}',
        '{"label": ' + "[" * 100_000,
        '{"label": {"a": ' + "1" * 5000 + "}}",
    ],
)
def test_odd_filters_are_refused(odd: str) -> None:
    """
    Anything but one object of texts, each key once, has no one meaning.
    """
    with pytest.raises(BadRequest, match="invalid filter"):
        read_filters(odd)


@settings(deadline=None)
@given(FILTERS)
def test_narrowed_filters_keep_the_clients(wanted: dict[str, tuple[str, ...]]) -> None:
    """
    The owner's label is added once, and nothing of the client's is lost.
    """
    narrow = narrowed(wanted, {"com.dss.owner": "ci"})
    assert narrow["label"].count("com.dss.owner=ci") == 1
    assert set(wanted.get("label", ())) <= set(narrow["label"])
    others = {key: values for key, values in wanted.items() if key != "label"}
    assert {key: values for key, values in narrow.items() if key != "label"} == others
    assert narrowed(narrow, {"com.dss.owner": "ci"}) == narrow


def test_a_query_is_passed_on_by_kind() -> None:
    """
    Repeated texts one after the other, filters as JSON, and empty filters not at all.
    """
    query = typed_query(PARAMS, 'names=b&all=0&names=a&filters={"label":["x"]}&path=%2F')
    assert set(passed_on(query)) == {
        ("names", "b"),
        ("names", "a"),
        ("all", "0"),
        ("filters", '{"label":{"x":true}}'),
        ("path", "/"),
    }
    assert passed_on({"filters": {}}) == ()
