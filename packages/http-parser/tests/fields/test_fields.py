"""What holds for every field: nothing a peer sends is an error, and reading is linear."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whimbrel_http_parser import LocalProtocolError, fields

Parse = Callable[[str], Any]
Format = Callable[[Any], str]

PAIRS: dict[str, tuple[Parse, Format]] = {
    "challenges": (
        fields.parse_challenges,
        lambda found: ", ".join(map(fields.format_challenge, found)),
    ),
    "content_disposition": (
        fields.parse_content_disposition,
        lambda found: fields.format_content_disposition(found.type, parameters=found.parameters),
    ),
    "content_type": (fields.parse_content_type, fields.format_content_type),
    "credentials": (fields.parse_credentials, fields.format_credentials),
    "etag": (fields.parse_etag, fields.format_etag),
    "etag_list": (fields.parse_etag_list, fields.format_etag_list),
    "http_date": (fields.parse_http_date, fields.format_http_date),
    "keep_alive": (fields.parse_keep_alive, fields.format_keep_alive),
    "link": (fields.parse_link, lambda found: fields.format_link(*found)),
    "retry_after": (fields.parse_retry_after, fields.format_retry_after),
}

# What the grammars are made of, so that texts of it get far.
PIECES = [
    *";,=\"\\ \t<>*'%/:.-\n\x00é",
    *("a", "b", "token", "rel", "realm", "title", "filename", "filename*0", "timeout", "max"),
    *("UTF-8''", "%C3%A4", "\udce4", "text/html", "Basic ", "abc==", "W/", "attachment"),
    *("Sun, ", "06", "Nov", "1994", "08:49:37", "GMT", "120", "0"),
    chr(0xD800),
]
TEXTS = st.text() | st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize("name", PAIRS)
@given(text=TEXTS)
@example(text="")
def test_no_text_is_an_error_and_what_was_read_can_be_written(name: str, text: str) -> None:
    parse, write = PAIRS[name]
    found = parse(text)
    if found is None:
        return
    try:
        written = write(found)
    except LocalProtocolError:
        return  # it was read leniently
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f]", written)
    assert parse(written) == found


HOSTILE = [
    *("a", ";", ",", '"', "\\", " ", "=", "<", "%", "*", "1", "\udce4"),
    *('a="', 'a="\\', ';a="', ';a="x', "; ", ";a ", ";a=\t", ",a", ',a="', ',a="\\', "A a=,"),
    *("<>,", "<>;a,", '<>;"', ";filename*0*=%", "a*1=b;", 'W/,"', "06 ", "1."),
]
SIZE = 1_000_000

# Where a parser is deepest in its grammar, for the hostile text to follow.
STARTS = [
    *(("challenges", ""), ("challenges", "A "), ("challenges", 'A b="')),
    *(("content_disposition", ""), ("content_disposition", "a;")),
    *(("content_disposition", 'a; filename="'), ("content_disposition", "a; b*=UTF-8''")),
    *(("content_type", ""), ("content_type", "a/b;"), ("content_type", 'a/b; c="')),
    *(("credentials", "A "), ("etag", '"'), ("etag_list", ""), ("etag_list", '"')),
    *(("http_date", ""), ("http_date", "Sun, "), ("http_date", "Sun, 06 Nov 1994 08:49:37 ")),
    *(("keep_alive", ""), ("keep_alive", "max=")),
    *(("link", ""), ("link", "<a>"), ("link", "<a>; rel="), ("link", '<a>; rel="')),
    *(("retry_after", ""), ("retry_after", "1.")),
]


@pytest.mark.timeout(20)  # a second is enough, and anything quadratic takes more for each piece
@pytest.mark.parametrize(("name", "start"), STARTS)
def test_the_time_for_reading_is_linear(name: str, start: str) -> None:
    for piece in HOSTILE:
        PAIRS[name][0](start + piece * (SIZE // 10 // len(piece)))


@pytest.mark.parametrize("piece", ["a", ".", "/", ".a", "a/", "C:", " ", "\u202e", "é"])
def test_the_time_for_a_safe_name_is_linear(piece: str) -> None:
    assert len(fields.safe_filename(piece * (SIZE // len(piece)))) <= 240


@pytest.mark.parametrize("name", PAIRS)
def test_a_longer_text_comes_to_an_end(name: str) -> None:
    for piece in ("a", ';a="\\', " ", '"'):
        PAIRS[name][0](piece * (SIZE // len(piece)))


@pytest.mark.parametrize("name", ["challenges", "etag_list", "keep_alive", "link"])
def test_several_field_lines_are_read_each_on_its_own(name: str) -> None:
    parse: Callable[[Any], Any] = PAIRS[name][0]
    line = {"challenges": "A b=c", "etag_list": '"a"', "keep_alive": "max=1", "link": "<a>; rel=b"}
    assert parse([line[name]]) == parse((line[name],)) == parse(line[name])
    assert parse([]) == parse("")
    # The quotes that one line leaves open do not reach into the next.
    assert parse(['x="', line[name]]) == parse(line[name])
