from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import LocalProtocolError, format_retry_after, parse_retry_after

LONGEST = 999_999_999


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (" 7\t", 7),
        ("000000000000000000000000005", 5),
        ("2.0", 2),
        ("1.5", 2),
        ("0.001", 1),
        ("5.000000000000000000000000001", 6),
        ("999999999", LONGEST),
        ("999999999.5", LONGEST),
        ("1000000000", LONGEST),
        ("9" * 10_000, LONGEST),
    ],
)
def test_delays(value: str, seconds: int) -> None:
    assert parse_retry_after(value) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    ["", "-1", "+1", "1.", ".5", "1e3", "1,5", "1 2", "\u0665", "\u00b2", "5s", "soon", "0x10"],
)
def test_what_is_neither(value: str) -> None:
    assert parse_retry_after(value) is None


def test_a_date() -> None:
    # RFC 9110 section 10.2.3
    found = parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT")
    assert found == datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)
    now = datetime(2090, 1, 1, tzinfo=UTC)
    found = parse_retry_after("Friday, 31-Dec-99 23:59:59 GMT", now=now)
    assert found == datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (timedelta(seconds=120), "120"),
        (timedelta(), "0"),
        (timedelta(milliseconds=1), "1"),
        (timedelta(days=1), "86400"),
        (datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), "Fri, 31 Dec 1999 23:59:59 GMT"),
    ],
)
def test_writing(value: timedelta | datetime, written: str) -> None:
    assert format_retry_after(value) == written


@pytest.mark.parametrize(
    "value",
    [
        timedelta(seconds=-1),
        timedelta(seconds=LONGEST + 1),
        datetime(1999, 12, 31),
    ],
)
def test_what_is_not_written(value: timedelta | datetime) -> None:
    with pytest.raises(LocalProtocolError):
        format_retry_after(value)


@given(st.integers(0, LONGEST))
def test_what_is_written_is_read_back(seconds: int) -> None:
    value = timedelta(seconds=seconds)
    assert parse_retry_after(format_retry_after(value)) == value
