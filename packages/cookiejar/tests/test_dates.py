from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar.dates import format_http_date, parse_cookie_date


def at(year: int, month: int, day: int, *time: int) -> float:
    hour, minute, second = (*time, 0, 0, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", (1994, 11, 6, 8, 49, 37)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", (1994, 11, 6, 8, 49, 37)),
        ("Sun Nov  6 08:49:37 1994", (1994, 11, 6, 8, 49, 37)),
        ("1994 6 nov 8:49:7", (1994, 11, 6, 8, 49, 7)),
        ("6/NOVember/1994;08:49:37", (1994, 11, 6, 8, 49, 37)),
        ("08:49:37 6 Nov 1994", (1994, 11, 6, 8, 49, 37)),
        # The zone means nothing: the time is UTC.
        ("Sun, 06 Nov 1994 08:49:37 +0200", (1994, 11, 6, 8, 49, 37)),
        # Years of two digits, at the edges.
        ("6 Nov 70 0:0:0", (1970, 11, 6)),
        ("6 Nov 99 0:0:0", (1999, 11, 6)),
        ("6 Nov 00 0:0:0", (2000, 11, 6)),
        ("6 Nov 69 0:0:0", (2069, 11, 6)),
        # Years of three and four digits are as they are, from 1601 on.
        ("1 Jan 1601 0:0:0", (1601, 1, 1)),
        ("31 Dec 9999 23:59:59", (9999, 12, 31, 23, 59, 59)),
        # What follows the number in its token does not count, if it is no digit.
        ("6th Nov 1994AD 08:49:37.5", (1994, 11, 6, 8, 49, 37)),
        # Leap days, where there are any.
        ("29 Feb 2000 0:0:0", (2000, 2, 29)),
        # The first token that can be it is taken; the second stands for something else, or nothing.
        ("1 Jan 2001 1:2:3 4:5:6 Feb", (2001, 1, 1, 1, 2, 3)),
        ("10 11 Nov 0:0:0", (2011, 11, 10)),
        # Delimiters around.
        (" ,;- 6 Nov 1994 08:49:37 \t;", (1994, 11, 6, 8, 49, 37)),
    ],
)
def test_a_date_is_read(text: str, moment: Any) -> None:
    assert parse_cookie_date(text) == at(*moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "tomorrow",
        "6 Nov 1994",
        "Nov 1994 08:49:37",
        "6 1994 08:49:37",
        "6 Nov 08:49:37",
        "0 Nov 1994 08:49:37",
        "32 Nov 1994 08:49:37",
        "31 Nov 1994 08:49:37",
        "29 Feb 1900 08:49:37",
        "29 Feb 2001 08:49:37",
        "6 Nov 1600 08:49:37",
        "6 Nov 100 08:49:37",
        "6 Nov 19940 08:49:37",
        "6 Nov 1994 24:49:37",
        "6 Nov 1994 08:60:37",
        "6 Nov 1994 08:49:60",
        "6 Nov 1994 008:49:37",
        "6 Nov 1994 08:49:370",
        "6 Nov 1994 08:49",
        "006 Nov 1994 08:49:37",
        "6 No 1994 08:49:37",
        # Digits and letters of other scripts are none here.
        "\u0666 Nov 1994 08:49:37",
        "6 Nov \uff11\uff19\uff19\uff14 08:49:37",
        "6 Nov 1994 \uff108:49:37",
        "6 \uff2e\uff2f\uff36 1994 08:49:37",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_cookie_date(text) is None


@given(st.text(max_size=80))
def test_any_text_is_a_date_or_none(text: str) -> None:
    moment = parse_cookie_date(text)
    assert moment is None or at(1601, 1, 1) <= moment <= at(9999, 12, 31, 23, 59, 59)


@given(
    st.datetimes(datetime(1601, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),
    st.permutations(["day", "month", "year", "time"]),
    st.sampled_from([" ", "-", "/", ";", "\t,"]),
)
def test_the_order_and_the_delimiters_do_not_matter(
    moment: Any, order: list[str], delimiter: str
) -> None:
    parts = {
        # Two digits: a day that comes before the year must not be taken for one, and is not, as a
        # token is a day before it is a year.
        "day": f"{moment.day:02}",
        "month": moment.strftime("%b"),
        "year": f"{moment.year:04}",
        "time": f"{moment.hour}:{moment.minute}:{moment.second}",
    }
    text = delimiter.join(parts[name] for name in order)
    assert parse_cookie_date(text) == moment.replace(microsecond=0).timestamp()


@given(st.integers(int(at(1601, 1, 1)), int(at(9999, 12, 31, 23, 59, 59))))
def test_a_formatted_date_is_read_back(seconds: int) -> None:
    text = format_http_date(seconds)
    assert len(text) == len("Sun, 06 Nov 1994 08:49:37 GMT")
    assert parse_cookie_date(text) == seconds


def test_the_form_of_a_formatted_date() -> None:
    assert format_http_date(784111777.9) == "Sun, 06 Nov 1994 08:49:37 GMT"
    with pytest.raises(OverflowError):
        format_http_date(1e18)
