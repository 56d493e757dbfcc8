"""Keep-Alive (RFC 2068 section 19.7.1.1)."""

import re
from dataclasses import dataclass
from typing import Final

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._text import OWS, FieldValues, lines_of

__all__ = ["KeepAlive", "format_keep_alive", "parse_keep_alive"]

# More digits than any sensible number of seconds; int() of a longer text is not worth its time.
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """What a server said about how long it keeps a connection (RFC 2068 section 19.7.1.1).

    Args:
        timeout: seconds that it may be idle, or `None`.
        max: how many more requests it may carry, or `None`.
    """

    timeout: int | None = None
    max: int | None = None


def parse_keep_alive(values: FieldValues) -> KeepAlive:
    """Read the value of a Keep-Alive field: `timeout=5, max=100`.

    Args:
        values: the value, or those of several field lines. What is not understood is ignored, and
            so are numbers of more than nine digits; of several with one name the first counts.
    """
    numbers: dict[str, int] = {}
    for line in lines_of(values):
        for item in line.split(","):
            name, _, number = item.partition("=")
            number = number.strip(OWS + '"')
            if _NUMBER.fullmatch(number) is not None:
                numbers.setdefault(name.strip(OWS).lower(), int(number))
    return KeepAlive(numbers.get("timeout"), numbers.get("max"))


def format_keep_alive(value: KeepAlive) -> str:
    """Return the value of a Keep-Alive field; empty when nothing is said.

    Raises:
        LocalProtocolError: a number is negative, or has more than nine digits.
        TypeError: a number is not an integer.
    """
    written: list[str] = []
    for name, number in (("timeout", value.timeout), ("max", value.max)):
        if number is None:
            continue
        if not isinstance(number, int):
            raise TypeError(f"{name} of Keep-Alive must be an integer")
        if not 0 <= number <= 999_999_999:
            raise LocalProtocolError(f"{name} of Keep-Alive must have one to nine digits")
        written.append(f"{name}={number:d}")
    return ", ".join(written)
