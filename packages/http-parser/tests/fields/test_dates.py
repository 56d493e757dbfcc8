from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import LocalProtocolError, format_http_date, parse_http_date

RFC_DATE = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        # RFC 9110 section 5.6.7
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        # What servers send.
        " Sun, 06 Nov 1994 08:49:37 GMT\t",
        "Sun, 6 Nov 1994 8:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun,  06  Nov  1994  08:49:37  GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 UT",
        "Sun, 06 Nov 1994 08:49:37 Z",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 08:49:37 +00:00",
        "Sun, 06 Nov 1994 08:49:37",
        "sun, 06 nov 1994 08:49:37 gmt",
        "SUN, 06 NOV 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun Nov 06 08:49:37 1994",
        "Sun Nov 6 08:49:37 1994",
        "Nov  6 08:49:37 1994",
    ],
)
def test_the_forms_of_a_date(value: str) -> None:
    found = parse_http_date(value)
    assert found == RFC_DATE
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "-1",
        "now",
        "784111777",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1995 08:49:37 GMT",
        "Sun, 006 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 194 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37 GMT, foo",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Fri, 31 Dec 9999 23:59:60 GMT",
        "Sun, 0\uff16 Nov 1994 08:49:37 GMT",  # a digit that is not ASCII
        "\u017fun, 06 Nov 1994 08:49:37 GMT",  # a long s: no other case of it is ASCII
    ],
)
def test_what_is_no_date(value: str) -> None:
    assert parse_http_date(value) is None


def test_a_leap_second_is_the_second_after_it() -> None:
    found = parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT")
    assert found == datetime(2017, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("short", "now", "year"),
    [
        ("06-Nov-70", None, 1970),
        ("06-Nov-99", None, 1999),
        ("06-Nov-00", None, 2000),
        ("06-Nov-69", None, 2069),
        ("06-Nov-94", datetime(1994, 11, 6, tzinfo=UTC), 1994),
        ("06-Nov-94", datetime(2026, 1, 1, tzinfo=UTC), 1994),
        ("06-Nov-05", datetime(1999, 1, 1, tzinfo=UTC), 2005),
        ("06-Nov-70", datetime(2026, 1, 1, tzinfo=UTC), 2070),
        # More than 50 years ahead by a day, a second, and not at all.
        ("06-Nov-76", datetime(2026, 11, 5, 9, tzinfo=UTC), 1976),
        ("06-Nov-76", datetime(2026, 11, 6, 8, 49, 36, tzinfo=UTC), 1976),
        ("06-Nov-76", datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC), 2076),
        ("06-Nov-76", datetime(2026, 11, 6, 9, 49, 36, tzinfo=timezone(timedelta(hours=1))), 1976),
        ("06-Nov-00", datetime(2050, 1, 1, tzinfo=UTC), 2000),
        ("06-Nov-00", datetime(2051, 1, 1, tzinfo=UTC), 2100),
        ("06-Nov-01", datetime(9990, 1, 1, tzinfo=UTC), None),
        ("06-Nov-01", datetime(1, 1, 1, tzinfo=UTC), 1),
    ],
)
def test_the_century_of_a_short_year(short: str, now: datetime | None, year: int | None) -> None:
    found = parse_http_date(f"Sunday, {short} 08:49:37 GMT", now=now)
    assert (found and found.year) == year


def test_the_year_of_four_digits_does_not_depend_on_now() -> None:
    now = datetime(2200, 1, 1, tzinfo=UTC)
    assert parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now=now) == RFC_DATE


def test_now_is_aware() -> None:
    naive = datetime(2026, 1, 1)
    with pytest.raises(ValueError, match="aware"):
        parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now=naive)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (RFC_DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (RFC_DATE.replace(microsecond=999_999), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (
            datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "Wed, 31 Dec 2025 23:30:00 GMT",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "Mon, 01 Jan 0001 00:00:00 GMT"),
    ],
)
def test_writing(moment: datetime, written: str) -> None:
    assert format_http_date(moment) == written


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-1))),
    ],
)
def test_what_is_not_written(moment: datetime) -> None:
    with pytest.raises(LocalProtocolError):
        format_http_date(moment)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    assert parse_http_date(format_http_date(moment)) == moment


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 99))
def test_a_short_year_is_the_last_within_fifty_years(now: datetime, short: int) -> None:
    found = parse_http_date(f"Monday, 15-Jun-{short:02d} 12:00:00 GMT", now=now)
    candidates = [
        year
        for year in range(short, now.year + 51, 100)
        if (year, 6, 15, 12) <= (now.year + 50, now.month, now.day, now.hour)
    ]
    expected = candidates[-1] if candidates and 1 <= candidates[-1] <= 9999 else None
    assert (found and found.year) == expected


def test_now_may_be_at_the_end_of_time() -> None:
    for hours in (-1, 0, 1):
        zone = timezone(timedelta(hours=hours))
        for now in (datetime.max.replace(tzinfo=zone), datetime.min.replace(tzinfo=zone)):
            parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now=now)
    late = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
    found = parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now=late)
    assert found == datetime(9994, 11, 6, 8, 49, 37, tzinfo=UTC)
