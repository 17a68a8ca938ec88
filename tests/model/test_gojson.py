"""
JSON is read as Go reads it, and only where there is one way to read it.
"""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.errors import BadRequest
from dss.model import gojson
from dss.model.gojson import (
    Flag,
    ListOf,
    MapOf,
    Nothing,
    Struct,
    Text,
    Whole,
    Words,
    decode,
    encode,
    fold,
    read,
)


def test_strings_are_passed_over_once() -> None:
    """
    A text that ends within a string has one match there, not one from each quote in it: a
    megabyte of these took minutes.
    """
    text = '{"a":"' + '\\"' * 500_000
    assert [len(found[0]) for found in gojson._STRING.finditer(text)] == [3, 1_000_001]
    for ending in ("", "\\"):
        with pytest.raises(BadRequest):
            read((text + ending).encode())
    assert read((text + '"}').encode()).items == (("a", '"' * 500_000),)


def test_a_long_key_is_told_only_in_an_error() -> None:
    """
    It would be written anew for each value inside, and for each unknown field.
    """
    shape = MapOf(ListOf(Struct({"A": Text()})))
    key = "k" * 500_000
    values: list[dict[str, object]] = [{"A": "x"}] * 20_000
    assert len(decode(read(json.dumps({key: values}).encode()), shape).value[key]) == 20_000
    values = [{"B": "x"}] * 20_000
    assert len(decode(read(json.dumps({key: values}).encode()), shape).unknown) == 100


SHAPE = Struct(
    {
        "Name": Text(),
        "Kind": Flag(),
        "Count": Whole("int64"),
        "Weight": Whole("uint16"),
        "Size": ListOf(Whole("uint"), 2),
        "Cmd": Words(),
        "Labels": MapOf(Text()),
        "Ports": MapOf(Nothing()),
        "Inner": Struct({"Sources": ListOf(Text()), "Skip": Flag()}),
        "Items": ListOf(Struct({"Path": Text()})),
    }
)


def plain(raw: str | bytes) -> object:
    return decode(read(raw.encode() if isinstance(raw, str) else raw), SHAPE).value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("{}", {}),
        (" \r\n\t{} \n", {}),
        ('{"name":"a"}', {"Name": "a"}),
        ('{"NAME":"a"}', {"Name": "a"}),
        ('{"\u212aind":true}', {"Kind": True}),
        ('{"\\u212aIND":true}', {"Kind": True}),
        ('{"inner":{"\u017fource\u017f":["a"]}}', {"Inner": {"Sources": ["a"]}}),
        ('{"Count":-9223372036854775808}', {"Count": -(2**63)}),
        ('{"Count":-0}', {"Count": 0}),
        ('{"Weight":65535}', {"Weight": 65535}),
        ('{"Name":null,"Inner":null,"Items":null}', {}),
        ('{"Items":[null,{"path":"x"}]}', {"Items": [{}, {"Path": "x"}]}),
        ('{"Inner":{"Sources":[null]}}', {"Inner": {"Sources": [""]}}),
        ('{"Labels":{"a":null,"A":"b"}}', {"Labels": {"a": "", "A": "b"}}),
        ('{"Ports":{"80/tcp":{"x":1},"81/tcp":null}}', {"Ports": {"80/tcp": {}, "81/tcp": {}}}),
        ('{"Cmd":"true"}', {"Cmd": ["true"]}),
        ('{"Cmd":["a","b"]}', {"Cmd": ["a", "b"]}),
        ('{"Cmd":[]}', {"Cmd": []}),
        ('{"Size":[1,2,3]}', {"Size": [1, 2]}),
        ('{"Size":[1]}', {"Size": [1, 0]}),
        ('{"Name":"\\ud83d\\ude00"}', {"Name": "\U0001f600"}),
        ('{"Foo":null,"Bar":[],"Baz":{},"Qux":0,"A":0.0,"B":"","C":false,"D":0e5}', {}),
    ],
)
def test_is_read_as_go_reads_it(raw: str, value: object) -> None:
    assert plain(raw) == value


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "EOF"),
        (b"  ", "EOF"),
        (b"{", "invalid JSON"),
        (b"nul", "invalid JSON"),
        (b"{}{}", "unexpected content after JSON"),
        (b"{}x", "unexpected content after JSON"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"Name":"\xff"}', "not UTF-8"),
        ('{"Name":"a"}'.encode("utf-16"), "not UTF-8"),
        ('{"Name":"a"}'.encode("utf-16-le"), "invalid JSON"),
        (b'{"Count":NaN}', "NaN"),
        (b'{"Count":Infinity}', "Infinity"),
        (b'{"Foo":-Infinity}', "Infinity"),
        (b'{"Name":"\\ud800"}', "surrogate"),
        (b'{"Name":"\\udc00\\ud800"}', "surrogate"),
        (b'{"\\ud800":1}', "surrogate"),
        (b'{"Name":"a\\u0000b"}', "NUL"),
        (b'{"Name":"a\nb"}', "invalid JSON"),
        (b"{'Name':1}", "invalid JSON"),
        (b'{"Name":"a",}', "invalid JSON"),
        (b'{"Count":01}', "invalid JSON"),
        (b'{"Count":' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"Count":0.' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 65 + b"]" * 65, "levels of nesting"),
        (b"[" * 1_000_000, "levels of nesting"),
        (b'{"a":' * 500_000, "levels of nesting"),
        (b'{"Name":"a","name":"a"}', "'name' stands twice in the body"),
        (b'{"Name":null,"NAME":"a"}', "stands twice"),
        (b'{"Kind":true,"\xe2\x84\xaaind":false}', "stands twice"),
        (b'{"Inner":{"Skip":true,"\xc5\xbfkip":false}}', "stands twice in Inner"),
        (b'{"Foo":1,"foo":1}', "stands twice"),
        (b'{"Labels":{"a":"1","a":"2"}}', "'a' stands twice in Labels"),
        (b'{"Labels":{},"labels":{"a":"1"}}', "stands twice"),
        (b'{"Items":[{"Path":"a","path":"b"}]}', "stands twice in Items[0]"),
        (b"5", "cannot unmarshal number into Go value of type struct"),
        (b"[]", "cannot unmarshal array into Go value of type struct"),
        (
            b'{"name":5}',
            "json: cannot unmarshal number into Go struct field .Name of type string",
        ),
        (b'{"Name":["a"]}', "cannot unmarshal array into Go struct field .Name of type string"),
        (b'{"Count":"1"}', "cannot unmarshal string into Go struct field .Count of type int64"),
        (b'{"Count":1.0}', "cannot unmarshal number 1.0 into Go struct field .Count of type int64"),
        (b'{"Count":1e3}', "cannot unmarshal number 1e3"),
        (b'{"Count":true}', "cannot unmarshal bool into Go struct field .Count"),
        (b'{"Count":9223372036854775808}', "cannot unmarshal number 9223372036854775808"),
        (b'{"Weight":-1}', "of type uint16"),
        (b'{"Weight":65536}', "of type uint16"),
        (b'{"Kind":1}', "cannot unmarshal number into Go struct field .Kind of type bool"),
        (b'{"Kind":"true"}', "of type bool"),
        (b'{"Labels":["a"]}', "of type map[string]string"),
        (b'{"Labels":{"a/b~":1}}', "Go struct field .Labels.a~1b~0 of type string"),
        (b'{"Items":{}}', "of type []struct"),
        (b'{"Items":["a"]}', "cannot unmarshal string into Go struct field .Items.0"),
        (b'{"Cmd":{"a":"b"}}', "cannot unmarshal object into Go value of type string"),
        (b'{"Cmd":[1]}', "cannot unmarshal array into Go value of type string"),
        (b'{"Ports":{"80/tcp":1}}', "of type struct {}"),
    ],
)
def test_what_is_not_clear_is_refused(raw: bytes, told: str) -> None:
    with pytest.raises(BadRequest) as caught:
        plain(raw)
    assert told in caught.value.message


def test_unknown_fields_with_a_value_are_told_by_name() -> None:
    found = decode(read(b'{"Foo":1,"Inner":{"bar":"x","Skip":true},"Items":[{"q":0.5}]}'), SHAPE)
    assert found.value == {"Inner": {"Skip": True}, "Items": [{}]}
    assert [each.path for each in found.unknown] == ["Foo", "Inner.bar", "Items[0].q"]


def test_null_is_no_body() -> None:
    assert decode(read(b"null"), SHAPE).value is None


def test_brackets_in_strings_are_no_levels() -> None:
    deep = "[{" * 1000 + '\\"' + "\\\\"
    assert plain('{"Name":"' + deep + '"}') == {"Name": "[{" * 1000 + '"\\'}


def test_the_greatest_depth_is_read() -> None:
    assert read(b"[" * 64 + b"]" * 64)


@given(st.text(max_size=6))
def test_folding_is_that_of_go(key: str) -> None:
    """
    A key folds to a field's name only if each of its characters has one of the simple
    folds that Go's C{unicode.SimpleFold} knows for ASCII letters.
    """
    folds = {"s": "sS\u017f", "k": "kK\u212a"}
    for name in ("disks", "ks"):
        same = len(key) == len(name) and all(
            got in folds.get(wanted, wanted + wanted.upper())
            for got, wanted in zip(key, name, strict=True)
        )
        assert (fold(key) == name) == same


def test_no_other_character_folds_to_ascii() -> None:
    others = (chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000)
    assert {each for each in others if fold(each).isascii()} == {"\u017f", "\u212a"}


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [*SHAPE.fields, "name", "LABELS", "sources", "path", "in\u017fide", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSONS)
def test_what_is_decoded_decodes_to_itself(value: object) -> None:
    """
    What goes on is plain ASCII, has canonical keys only, and means what was judged.
    """
    try:
        found = decode(read(json.dumps(value).encode()), SHAPE)
    except BadRequest:
        return
    again = decode(read(encode(found.value)), SHAPE)
    assert again.value == found.value
    assert again.unknown == ()


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    with contextlib.suppress(BadRequest):
        decode(read(raw), SHAPE)


def test_what_a_hook_made_is_read_anew() -> None:
    assert decode(gojson.reread({"name": "a"}), SHAPE).value == {"Name": "a"}


@pytest.mark.parametrize("value", [{"a": object()}, {"a": float("nan")}, {("a",): 1}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(BadRequest):
        gojson.reread(value)


def test_a_circle_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(BadRequest):
        gojson.reread(circle)
