from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    EntityTag,
    LocalProtocolError,
    format_etag,
    format_etags,
    parse_etag,
    parse_etags,
)


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        # RFC 9110 section 8.8.3
        ('"xyzzy"', EntityTag("xyzzy")),
        ('W/"xyzzy"', EntityTag("xyzzy", weak=True)),
        ('""', EntityTag("")),
        (' "a"\t', EntityTag("a")),
        ('"a\\"', EntityTag("a\\")),
        ('"a,b"', EntityTag("a,b")),
        ('"*"', EntityTag("*")),
        ('"W/a"', EntityTag("W/a")),
        ('"é\udce9"', EntityTag("é\udce9")),
        # What servers send.
        ("xyzzy", EntityTag("xyzzy")),
        ("W/xyzzy", EntityTag("xyzzy", weak=True)),
        ('w/"xyzzy"', EntityTag("xyzzy", weak=True)),
        ('"xyzzy', EntityTag("xyzzy")),
        ('"a b"', EntityTag("a b")),
        ("686897696a7c876b7e", EntityTag("686897696a7c876b7e")),
        # Not to be understood.
        ("", None),
        ("W/", None),
        ("*", None),
        ('"a"b"', None),
        ('"a" "b"', None),
        ('a"', None),
        ("a,b", None),
    ],
)
def test_tags(value: str, tag: EntityTag | None) -> None:
    assert parse_etag(value) == tag


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        # RFC 9110 section 13.1.1
        ('"xyzzy"', ["xyzzy"]),
        ('"xyzzy", "r2d2xxxx", "c3piozzzz"', ["xyzzy", "r2d2xxxx", "c3piozzzz"]),
        ("*", "*"),
        (" * ", "*"),
        (["", "*"], "*"),
        (['"a"', '"b"'], ["a", "b"]),
        ('"a,b","c"', ["a,b", "c"]),
        (',, "a" ,\t, "b",', ["a", "b"]),
        ('a, W/b, "c"', ["a", "W/b", "c"]),
        ('"a", "b', ["a", "b"]),
        ('"a", *', ["a"]),
        (["*", '"a"'], ["a"]),
        ('"a"b, "c"', ["c"]),
        ('a"b, "c"', ["c"]),
        ("", []),
        (" ,", []),
        ([], []),
    ],
)
def test_lists(values: str | list[str], tags: list[str] | Literal["*"]) -> None:
    found = parse_etags(values)
    if found == "*":
        assert tags == "*"
    else:
        assert [("W/" if tag.weak else "") + tag.value for tag in found] == tags


@pytest.mark.parametrize(
    ("one", "other", "strong", "weak"),
    [
        # RFC 9110 section 8.8.3.2
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', 'W/"1"', False, True),
        ('"1"', '"1"', True, True),
        ('"1"', '"2"', False, False),
    ],
)
def test_comparing(one: str, other: str, strong: bool, weak: bool) -> None:
    first, second = parse_etag(one), parse_etag(other)
    assert first is not None
    assert second is not None
    assert first.strong_match(second) is strong
    assert first.weak_match(second) is weak


@pytest.mark.parametrize(
    "value", ['a"b', "a b", "a\tb", "a\r\nX: y", "\x00", "\x7f", "\ud800", '", W/"b']
)
def test_what_is_no_tag_is_not_written(value: str) -> None:
    with pytest.raises(LocalProtocolError):
        format_etag(EntityTag(value))
    with pytest.raises(LocalProtocolError):
        format_etags([EntityTag(value, weak=True)])


def test_an_empty_list_is_not_written() -> None:
    with pytest.raises(LocalProtocolError):
        format_etags([])
    with pytest.raises(LocalProtocolError):
        format_etags('"a"')  # type: ignore[arg-type]  # what the test is about


def test_any_tag_is_written() -> None:
    assert format_etags("*") == "*"
    assert parse_etags(format_etags("*")) == "*"


_TAGS = st.builds(EntityTag, st.text(st.sampled_from("ab,*W/\\é\udce9!'~")), st.booleans())


@given(_TAGS)
def test_a_tag_that_is_written_is_read_back(tag: EntityTag) -> None:
    assert parse_etag(format_etag(tag)) == tag


@given(st.lists(_TAGS, min_size=1))
def test_a_list_that_is_written_is_read_back(tags: list[EntityTag]) -> None:
    assert parse_etags(format_etags(tags)) == tuple(tags)
