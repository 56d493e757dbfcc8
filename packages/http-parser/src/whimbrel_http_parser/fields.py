"""Field values that a client must understand, as values.

These never raise: what a server got wrong in them concerns nobody but the reader of that field.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["ContentType", "KeepAlive", "parse_content_type", "parse_keep_alive"]

_TCHAR: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

# RFC 9110 section 8.3.1: type "/" subtype
_ESSENCE: Final = re.compile(rf"{_TCHAR}+/{_TCHAR}+")

# RFC 9110 section 5.6.6: a parameter behind its semicolon. Spaces around "=" are wrong but seen;
# a quoted-string that does not end, or a value that is no token, reaches to the next semicolon.
_PARAMETER: Final = re.compile(
    rf";[ \t]*+({_TCHAR}++)[ \t]*+=[ \t]*+"
    r'(?:"((?:[^"\\]|\\.)*+)"|([^;]*+))',
    re.DOTALL,
)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)

# More digits than any sensible number of seconds; int() of a longer text is not worth its time.
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)

_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type (RFC 9110 section 8.3.1).

    Args:
        essence: type and subtype in lower case: `"text/html"`.
        parameters: values by name in lower case; the first of several with one name counts.
    """

    essence: str
    parameters: Mapping[str, str] = field(default_factory=lambda: _NO_PARAMETERS)


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """What a server said about how long it keeps a connection (RFC 2068 section 19.7.1).

    Args:
        timeout: seconds that it may be idle, or `None`.
        max: how many more requests it may carry, or `None`.
    """

    timeout: int | None = None
    max: int | None = None


def parse_content_type(value: str) -> ContentType:
    """Read the value of a Content-Type field.

    Args:
        value: the value; without a media type at its start it is taken for
            `application/octet-stream` without parameters, which promises nothing.
    """
    essence, semicolon, _ = value.partition(";")
    essence = essence.strip(" \t").lower()
    if _ESSENCE.fullmatch(essence) is None:
        return ContentType("application/octet-stream")
    if not semicolon:
        return ContentType(essence)
    parameters: dict[str, str] = {}
    pos = value.find(";")
    while pos >= 0:
        match = _PARAMETER.match(value, pos)
        if match is None:
            behind = pos + 1
        else:
            name, quoted, plain = match.groups()
            content = plain.strip(' \t"') if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
            parameters.setdefault(name.lower(), content)
            behind = match.end()
        pos = value.find(";", behind)
    return ContentType(essence, MappingProxyType(parameters))


def parse_keep_alive(value: str) -> KeepAlive:
    """Read the value of a Keep-Alive field: `timeout=5, max=100`.

    Args:
        value: the value; several field lines joined by commas. What is not understood is ignored.
    """
    numbers: dict[str, int] = {}
    for item in value.split(","):
        name, _, number = item.partition("=")
        number = number.strip(' \t"')
        if _NUMBER.fullmatch(number) is not None:
            numbers.setdefault(name.strip(" \t").lower(), int(number))
    return KeepAlive(numbers.get("timeout"), numbers.get("max"))
