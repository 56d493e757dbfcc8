"""HTTP dates (RFC 9110 section 5.6.7), in English whatever the locale is."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._text import OWS, FieldValue, text_of

__all__ = ["format_http_date", "parse_http_date"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_MONTH_NUMBERS: Final = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}

_WEEKDAY: Final = r"(?:(?i:mon|tue|wed|thu|fri|sat|sun)[A-Za-z]{0,6},?[ \t]++)?"
_DAY: Final = r"([0-9]{1,2})"
_MONTH: Final = r"([A-Za-z]{3})"
_TIME: Final = r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})"
_ZONE: Final = r"(?:[ \t]++(?:(?i:gmt|utc|ut|z)|[+-]00:?00))?"

# IMF-fixdate and rfc850-date; servers mix their hyphens, spaces and lengths of the year.
_DAY_FIRST: Final = re.compile(
    rf"{_WEEKDAY}{_DAY}(?:[ \t]++|-){_MONTH}(?:[ \t]++|-)([0-9]{{4}}|[0-9]{{2}})"
    rf"[ \t]++{_TIME}{_ZONE}",
    re.ASCII,
)
# asctime-date
_MONTH_FIRST: Final = re.compile(
    rf"{_WEEKDAY}{_MONTH}[ \t]++{_DAY}[ \t]++{_TIME}[ \t]++([0-9]{{4}})", re.ASCII
)

_PIVOT: Final = 1970
"""Without `now`, years of two digits are in the century from here, as for cookies and POSIX."""


def parse_http_date(value: FieldValue, *, now: datetime | None = None) -> datetime | None:
    """Read a date in any of the three forms that RFC 9110 section 5.6.7 wants understood.

    Tolerated, because servers send it: a day of the week that is wrong or missing, digits without
    their leading zeros, hyphens where spaces belong, years of two or four digits in either form,
    and UTC, UT, Z, +0000, -0000 or nothing in place of GMT. A leap second is the second after it.

    Args:
        value: the date.
        now: an aware datetime, by which the century of a year of two digits is chosen: the last
            one that is not more than 50 years ahead. Without it the year is from 1970 to 2069.

    Returns:
        The moment, in UTC; `None` if `value` is none, or in another time zone.

    Raises:
        ValueError: `now` is naive.
    """
    if now is not None and now.utcoffset() is None:
        raise ValueError("now must be an aware datetime")
    text = text_of(value).strip(OWS)
    if (match := _DAY_FIRST.fullmatch(text)) is not None:
        day, month, year, hour, minute, second = match.groups()
    elif (match := _MONTH_FIRST.fullmatch(text)) is not None:
        month, day, hour, minute, second, year = match.groups()
    else:
        return None
    month_number = _MONTH_NUMBERS.get(month.lower())
    if month_number is None:
        return None
    rest = (month_number, int(day), int(hour), int(minute), int(second))
    number = int(year) if len(year) == 4 else _full_year(int(year), rest, now)
    leap = rest[4] == 60
    try:
        moment = datetime(number, *rest[:4], rest[4] - leap, tzinfo=UTC)
        return moment + timedelta(seconds=1) if leap else moment
    except (ValueError, OverflowError):
        return None


def format_http_date(moment: datetime) -> str:
    """Return an IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.

    Args:
        moment: an aware datetime; parts of a second are dropped.

    Raises:
        LocalProtocolError: it is naive, or outside of the years 1 to 9999 in UTC.
    """
    if moment.utcoffset() is None:
        raise LocalProtocolError("an HTTP date needs an aware datetime: this one has no time zone")
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:
        raise LocalProtocolError("an HTTP date has a year from 1 to 9999") from error
    return (
        f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} "
        f"{utc.year:04d} {utc.hour:02d}:{utc.minute:02d}:{utc.second:02d} GMT"
    )


def _full_year(short: int, rest: tuple[int, ...], now: datetime | None) -> int:
    """Return the year that ends with the two digits `short`; `rest` is month, day and time."""
    if now is None:
        return _PIVOT + (short - _PIVOT) % 100
    try:
        utc = now.astimezone(UTC)
    except OverflowError:
        utc = now  # within a day of the year 1 or 9999, where no zone makes a century
    latest = (utc.year + 50, utc.month, utc.day, utc.hour, utc.minute, utc.second)
    year = latest[0] - (latest[0] - short) % 100
    return year if (year, *rest) <= latest else year - 100
