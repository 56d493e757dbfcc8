"""Cookie dates: the lenient reader of RFC 6265bis section 5.1.1, and a writer of HTTP dates."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

__all__ = ["format_http_date", "parse_cookie_date"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}
# All times here are UTC; arithmetic with a time zone takes three times as long.
_EPOCH = datetime(1970, 1, 1)

# The grammar of section 5.1.1. A token is a run of what is no delimiter; its parts are ASCII
# digits only ("[0-9]", as "\d" takes the digits of every script), and what follows the part that
# is read must not be one more digit.
_DIGITS = frozenset("0123456789")
_TOKEN = re.compile(r"[^\x09\x20-\x2F\x3B-\x40\x5B-\x60\x7B-\x7E]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY_OF_MONTH = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")


def parse_cookie_date(text: str) -> float | None:
    """Read a date as servers write them, in nearly any order and punctuation.

    RFC 6265bis section 5.1.1.

    Args:
        text: the value of an Expires attribute.

    Returns:
        Seconds since the epoch, negative before 1970; `None` when this is no date.
    """
    # 1. and 2. Split into date-tokens, and take from them, in order, the first that is a time, a
    #    day of the month, a month, a year. A token is used for one of the four at most.
    time: re.Match[str] | None = None
    day = month = year = -1
    for token in _TOKEN.findall(text):
        # Only a month does not begin with a digit.
        if token[0] not in _DIGITS:
            if month < 0:
                month = _MONTH_NUMBERS.get(token[:3].lower(), -1)
        elif time is None and ":" in token and (match := _TIME.match(token)):
            time = match
        elif day < 0 and (match := _DAY_OF_MONTH.match(token)):
            day = int(match[1])
        elif year < 0 and (match := _YEAR.match(token)):
            year = int(match[1])
    # 5. (first part) All four must be there.
    if time is None or day < 0 or month < 0 or year < 0:
        return None
    # 3. and 4. Years of two digits are between 1970 and 2069.
    if 70 <= year <= 99:
        year += 1900
    elif year <= 69:
        year += 2000
    # 5. (second part) A year before 1601 is an error; `datetime` refuses the other limits of this
    #    step, and with them
    # 6. the dates that do not exist.
    if year < 1601:
        return None
    try:
        moment = datetime(year, month, day, int(time[1]), int(time[2]), int(time[3]))
    except ValueError:
        return None
    # 7. The parsed date, in UTC whatever zone the text named.
    return (moment - _EPOCH).total_seconds()


def format_http_date(seconds: float) -> str:
    """Write a moment as an IMF-fixdate (RFC 9110 section 5.6.7), independent of the locale.

    Args:
        seconds: since the epoch; parts of a second are dropped. Finite, in the years 1 to 9999.

    Raises:
        OverflowError: the moment is outside those years.
    """
    moment = _EPOCH + timedelta(seconds=int(seconds))
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} "
        f"{moment.year:04d} {moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} GMT"
    )
