"""Retry-After (RFC 9110 section 10.2.3)."""

import re
from datetime import datetime, timedelta
from typing import Final

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._text import OWS, FieldValue, text_of
from whimbrel_http_parser.fields.dates import format_http_date, parse_http_date

__all__ = ["format_retry_after", "parse_retry_after"]

# delay-seconds; a fraction is not allowed but sent.
_DELAY: Final = re.compile(r"0*+([0-9]*+)(?:\.([0-9]++))?", re.ASCII)

_MOST_DIGITS: Final = 9
_LONGEST: Final = timedelta(seconds=999_999_999)


def parse_retry_after(
    value: FieldValue, *, now: datetime | None = None
) -> timedelta | datetime | None:
    """Read the value of a Retry-After field.

    Args:
        value: the value.
        now: as for `parse_http_date`.

    Returns:
        How long to wait, or until when (in UTC, and possibly in the past); `None` if the value is
        neither. A delay is in whole seconds, rounded up, and none is longer than 999,999,999
        seconds (31 years): a server that says more is taken at that.

    Raises:
        ValueError: the value is no delay, and `now` is naive.
    """
    text = text_of(value).strip(OWS)
    match = _DELAY.fullmatch(text)
    if match is None or not text[:1].isdigit():
        return parse_http_date(text, now=now)
    whole, fraction = match.groups()
    if len(whole) > _MOST_DIGITS:
        return _LONGEST
    seconds = int(whole or "0") + bool(fraction and fraction.strip("0"))
    return min(timedelta(seconds=seconds), _LONGEST)


def format_retry_after(value: timedelta | datetime) -> str:
    """Return the value of a Retry-After field.

    Args:
        value: a delay, which is rounded up to whole seconds, or an aware datetime.

    Raises:
        LocalProtocolError: the delay is negative or longer than 999,999,999 seconds, or the
            datetime is naive.
    """
    if isinstance(value, datetime):
        return format_http_date(value)
    if not timedelta() <= value <= _LONGEST:
        raise LocalProtocolError("a delay must be from 0 to 999999999 seconds")
    return str(-(-value // timedelta(seconds=1)))
