"""Reading the members of a JSON object with their text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.ingest.parsing import JsonError, depth, read_object

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), values), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_reads_what_the_standard_library_writes(
    value: dict[str, object], indent: int | str | None, ascii_: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    members = read_object(f" {text}\r\n".encode())
    assert {name: member.value for name, member in members.items()} == value
    assert {name: json.loads(member.text) for name, member in members.items()} == value


@given(st.binary() | st.text().map(str.encode))
def test_accepts_exactly_the_objects_that_the_standard_library_accepts(data: bytes) -> None:
    try:
        expected = json.loads(data.decode("utf-8-sig"))
    except ValueError:
        expected = None
    if isinstance(expected, dict):
        assert {name: member.value for name, member in read_object(data).items()} == expected
    else:
        with pytest.raises(JsonError):
            read_object(data)


def test_text_of_a_member_is_as_it_came() -> None:
    members = read_object(b'{ "a" :  {"x":1.10, "y" : "\\u00e9"}  , "b":[ ] }')
    assert members["a"].text == '{"x":1.10, "y" : "\\u00e9"}'
    assert members["b"].text == "[ ]"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\xff", "not UTF-8"),
        (b"[]", "no JSON object"),
        (b'{"a":1,"a":2}', "stands twice"),
        (b'{"a":NaN}', "NaN is no JSON"),
        (b'{"a":1}x', "follows"),
        (b'{"a":1', "Expecting ','"),
        (b'{"a":' + b"[" * 60_000, "nested too deeply"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_refusal_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(JsonError, match=reason):
        read_object(data)


def test_depth_counts_what_lies_within_each_other() -> None:
    assert [depth(value) for value in (1, {}, {"a": 1}, {"a": [], "b": 1}, [[[]], {}])] == [0, 1, 1, 2, 3]
