"""What holds for every field: nothing a peer sends is an error, and reading is linear."""

import copy
import importlib
import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pkgutil import iter_modules
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whimbrel_http_parser import LocalProtocolError, fields

Parse = Callable[[str], Any]
Format = Callable[[Any], str]

PAIRS: dict[str, tuple[Parse, Format]] = {
    "challenges": (fields.parse_challenges, fields.format_challenges),
    "content_disposition": (fields.parse_content_disposition, fields.format_content_disposition),
    "content_type": (fields.parse_content_type, fields.format_content_type),
    "credentials": (fields.parse_credentials, fields.format_credentials),
    "etag": (fields.parse_etag, fields.format_etag),
    "etags": (fields.parse_etags, fields.format_etags),
    "http_date": (fields.parse_http_date, fields.format_http_date),
    "keep_alive": (fields.parse_keep_alive, fields.format_keep_alive),
    "links": (fields.parse_links, fields.format_links),
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


# Reading is linear: there is no pattern that goes back, so that one call into `re` looks at no
# character twice; there are no more calls for each character of a longer text; and no call looks
# at the same rest as the ones before.

MODULES = [
    importlib.import_module(m.name)
    for m in iter_modules(fields.__path__, "whimbrel_http_parser.fields.")
]
PATTERNS = sorted(
    {
        value.pattern
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, re.Pattern)
    },
    key=str,
)

# A set or an escape is one character; what may be taken twice of an atomic group is not its inside.
ONE_CHARACTER = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
ATOMIC_REPEAT = re.compile(r"\(\?>x[*+]\)")
REPEAT = re.compile(r"([*+?]|\{[0-9,]+\})(\+?)")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_pattern_goes_back_over_what_it_took(pattern: str | bytes) -> None:
    text = pattern if isinstance(pattern, str) else pattern.decode("ascii")
    repeats = REPEAT.findall(ATOMIC_REPEAT.sub("x", ONE_CHARACTER.sub("x", text)))
    assert not [
        how for how, possessive in repeats if how[-2:] in {"*", "+", ",}"} and not possessive
    ]


def test_every_pattern_is_looked_at() -> None:
    assert len(PATTERNS) >= 20


HOSTILE = [
    *("a", ";", ",", '"', "\\", " ", "=", "<", "%", "*", "1", "\udce4", ".", "/", "C:", "\u202e"),
    *('a="', 'a="\\', ';a="', ';a="x', "; ", ";a ", ";a=\t", ",a", ',a="', ',a="\\', "A a=,"),
    *("<>,", "<>;a,", '<>;"', ";filename*0*=%", "a*1=b;", 'W/,"', "06 ", "1."),
]

READERS: dict[str, Callable[[str], Any]] = {name: parse for name, (parse, _) in PAIRS.items()}
READERS["safe_filename"] = fields.safe_filename

# Where a parser is deepest in its grammar, for the hostile text to follow.
STARTS = [
    *(("challenges", ""), ("challenges", "A "), ("challenges", 'A b="')),
    *(("content_disposition", ""), ("content_disposition", "a;")),
    *(("content_disposition", 'a; filename="'), ("content_disposition", "a; b*=UTF-8''")),
    *(("content_type", ""), ("content_type", "a/b;"), ("content_type", 'a/b; c="')),
    *(("credentials", "A "), ("etag", '"'), ("etags", ""), ("etags", '"')),
    *(("http_date", ""), ("http_date", "Sun, "), ("http_date", "Sun, 06 Nov 1994 08:49:37 ")),
    *(("keep_alive", ""), ("keep_alive", "max=")),
    *(("links", ""), ("links", "<a>"), ("links", "<a>; rel="), ("links", '<a>; rel="')),
    *(("retry_after", ""), ("retry_after", "1."), ("safe_filename", "")),
]


def calls_in(read: Callable[[str], Any], text: str) -> int:
    """Count the calls of whatever function, in Python or in C, to read `text`."""
    calls = 0

    def count(_frame: FrameType, kind: str, _argument: object) -> None:
        nonlocal calls
        calls += kind in {"call", "c_call"}

    sys.setprofile(count)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(("name", "start"), STARTS)
def test_twice_as_long_is_twice_the_work(name: str, start: str) -> None:
    read = READERS[name]
    for piece in HOSTILE:
        calls, more = (calls_in(read, start + piece * (n // len(piece))) for n in (100, 200))
        # Four times would be quadratic. The beginning costs the same for both.
        assert more <= 2.2 * calls, piece


EXAMPLES = {
    "challenges": 'Basic realm="ä\udce4"',
    "content_disposition": "attachment; filename=ä",
    "content_type": "text/html; charset=\udce4",
    "credentials": "Digest nc=1",
    "etag": '"ä"',
    "etags": '"ä", W/"\udce4"',
    "http_date": "Sun, 06 Nov 1994 08:49:37 GMT",
    "keep_alive": "timeout=5",
    "links": "<a>; rel=next; title=ä; hreflang=de; hreflang=en",
    "retry_after": "120",
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_value_is_text_or_bytes_or_not_there(name: str) -> None:
    parse: Callable[[Any], Any] = PAIRS[name][0]
    text = EXAMPLES[name]
    found = parse(text)
    assert found
    assert parse(text.encode("utf-8", "surrogateescape")) == found
    assert parse(None) == parse("") == parse(b"")
    for wrong in (5, 5.0, bytearray(b"a"), {1: 2}, [None, 5]):
        with pytest.raises(TypeError):
            parse(wrong)


@pytest.mark.parametrize("name", PAIRS)
def test_values_can_be_copied_pickled_and_hashed(name: str) -> None:
    found = PAIRS[name][0](EXAMPLES[name])
    for value in found if isinstance(found, tuple) else [found]:
        for copied in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value), copy.copy(value)):
            assert copied == value
            assert hash(copied) == hash(value)
            assert PAIRS[name][1]([copied] if isinstance(found, tuple) else copied)
        if is_dataclass(value) and not isinstance(value, type):
            assert type(value)(**asdict(value)) == value


@pytest.mark.parametrize("name", ["challenges", "etags", "keep_alive", "links"])
def test_several_field_lines_are_read_each_on_its_own(name: str) -> None:
    parse: Callable[[Any], Any] = PAIRS[name][0]
    line = {"challenges": "A b=c", "etags": '"a"', "keep_alive": "max=1", "links": "<a>; rel=b"}
    assert parse([line[name]]) == parse((line[name],)) == parse(line[name])
    assert parse([]) == parse("")
    # The quotes that one line leaves open do not reach into the next.
    assert parse(['x="', line[name]]) == parse(line[name])
