"""Any text is a cookie date or none, just as a slow reading of the grammar says."""

from __future__ import annotations

from calendar import monthrange

from whimbrel_cookiejar import Cookie, CookieJar
from whimbrel_cookiejar.dates import format_http_date, parse_cookie_date

__all__ = ["check_cookie_date", "read_slowly"]

_DIGITS = "0123456789"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NOW = 1_700_000_000.0
_CONTROLS = frozenset([*range(9), *range(10, 32), 127])
_LONGEST_LIFE = 400 * 24 * 60 * 60


def check_cookie_date(data: bytes) -> None:
    """Read `data` as a date, and as the Expires of a cookie.

    Raises:
        AssertionError: the reading is another than the slow one, or is not read back, or the
            cookie lives longer than allowed.
    """
    text = data.decode("utf-8", "surrogateescape")
    moment = parse_cookie_date(text)
    slow = read_slowly(text)
    assert moment == slow, (text, moment, slow)
    if moment is not None:
        assert parse_cookie_date(format_http_date(moment)) == moment
        # Other scripts have digits and letters too, and none of them counts.
        ascii_only = "".join(character if character.isascii() else "\x7f" for character in text)
        assert parse_cookie_date(ascii_only) == moment
    _check_cookie(data, moment)


def _check_cookie(data: bytes, moment: float | None) -> None:
    cookie = CookieJar().store(b"a=b; Expires=" + data, "https://a.example/", _NOW)
    if not isinstance(cookie, Cookie):
        assert _CONTROLS & set(data), data
    elif b";" not in data and len(data.strip(b" \t")) <= 1024:
        longest = _NOW + _LONGEST_LIFE
        assert cookie.expiry == (float("inf") if moment is None else min(moment, longest))


def read_slowly(text: str) -> float | None:
    """Read a date as RFC 6265bis, section 5.1.1, says it, one step after the other."""
    time = day = month = year = None
    for token in _tokens(text):
        if time is None and (fields := _time(token)) is not None:
            time = fields
        elif day is None and (number := _number(token, 1, 2)) is not None:
            day = number
        elif month is None and token[:3].lower() in _MONTHS and token[:3].isascii():
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (number := _number(token, 2, 4)) is not None:
            year = number
    if time is None or day is None or month is None or year is None:
        return None
    if 70 <= year <= 99:
        year += 1900
    if 0 <= year <= 69:
        year += 2000
    hour, minute, second = time
    if year < 1601 or hour > 23 or minute > 59 or second > 59:
        return None
    if not 1 <= day <= monthrange(year, month)[1]:
        return None
    return float(((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)


def _tokens(text: str) -> list[str]:
    tokens = [""]
    for character in text:
        if _is_delimiter(ord(character)):
            tokens.append("")
        else:
            tokens[-1] += character
    return [token for token in tokens if token]


def _is_delimiter(code: int) -> bool:
    return (
        code == 0x09
        or 0x20 <= code <= 0x2F
        or 0x3B <= code <= 0x40
        or 0x5B <= code <= 0x60
        or 0x7B <= code <= 0x7E
    )


def _number(token: str, least: int, most: int) -> int | None:
    """Return the number that a token begins with, if its digits are as many as allowed."""
    count = 0
    while count < len(token) and token[count] in _DIGITS:
        count += 1
    return int(token[:count]) if least <= count <= most else None


def _time(token: str) -> tuple[int, int, int] | None:
    fields = token.split(":", 2)
    if len(fields) < 3:
        return None
    numbers = [_number(field, 1, 2) for field in fields]
    if not all(set(field) <= set(_DIGITS) for field in fields[:2]) or None in numbers:
        return None
    hour, minute, second = (number or 0 for number in numbers)
    return hour, minute, second


def _days(year: int, month: int, day: int) -> int:
    """Count the days since 1970-01-01, by adding up years and months."""
    before = (year - 1) * 365 + (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400
    epoch = 1969 * 365 + 1969 // 4 - 1969 // 100 + 1969 // 400
    within = sum(monthrange(year, earlier)[1] for earlier in range(1, month)) + day - 1
    return before - epoch + within
