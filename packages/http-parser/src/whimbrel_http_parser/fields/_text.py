"""The grammar that field values share (RFC 9110 section 5.6), over str.

Reading: nothing here raises, every pattern is possessive, and what was read once is not read again,
so that time is linear in the text. Writing: what would break out of its place is refused.

The octets that are no ASCII have come here as `Response.headers` decodes them: UTF-8, and surrogate
escapes for what is none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from whimbrel_http_parser import _grammar
from whimbrel_http_parser.errors import LocalProtocolError

__all__ = [
    "OWS",
    "QUOTED",
    "TOKEN",
    "FieldValue",
    "FieldValues",
    "check_names",
    "check_text",
    "lines_of",
    "match_at",
    "parameter",
    "parameters_of",
    "quoted",
    "text_of",
    "token",
    "unescaped",
]

# The bytes' grammar is the same over str.
OWS: Final = _grammar.OWS.decode("ascii")

# RFC 9110 section 5.6.2: token. Its pattern is a part of others.
TOKEN: Final = re.compile(f"(?>{_grammar.TOKEN.pattern.decode('ascii')})")

# RFC 9110 section 5.5: what a field value may have: no CTL but HTAB.
_TEXT: Final = re.compile(_grammar.TEXT.pattern.decode("ascii"))

# RFC 9110 section 5.6.4: what is between the quotes of a quoted-string; a part of other patterns.
QUOTED: Final = r'(?:[^"\\]++|\\.)*+'

_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE: Final = re.compile(r'(["\\])')

# RFC 9110 section 5.6.6: a parameter behind its semicolon. Spaces around "=" are wrong but seen;
# a quoted-string that does not end, or a value that is no token, reaches to the next semicolon.
# Only one quoted-string can be without an end, so that no second search for one is in vain.
_PARAMETER: Final = re.compile(
    rf';[ \t]*+({TOKEN.pattern})[ \t]*+=[ \t]*+(?:"({QUOTED})"|([^;]*+))', re.DOTALL
)

FieldValue = str | bytes | None
FieldValues = FieldValue | Sequence[str | bytes]


def text_of(value: FieldValue) -> str:
    """Return a field value as text; that of a field that is not there is empty.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    raise TypeError(f"a field value is text, bytes or None, and not {type(value).__name__}")


def lines_of(values: FieldValues) -> list[str]:
    """Return the values of several field lines as text; one alone may be given as it is.

    Raises:
        TypeError: one of them is something else.
    """
    if values is None or isinstance(values, str | bytes):
        return [text_of(values)]
    return [text_of(value) for value in values]


def match_at(pattern: re.Pattern[str], text: str, start: int = 0) -> re.Match[str]:
    """Return the match at `start` of a pattern that matches anywhere, if only nothing."""
    match = pattern.match(text, start)
    assert match is not None
    return match


def unescaped(content: str) -> str:
    """Return what is meant by the content of a quoted-string."""
    return _QUOTED_PAIR.sub(r"\1", content) if "\\" in content else content


def parameters_of(text: str, start: int) -> Iterator[tuple[str, str]]:
    """Yield the parameters of `text` from the semicolon at `start`: names in lower case, values.

    What is no parameter is passed over.
    """
    pos = start
    while pos >= 0:
        match = _PARAMETER.match(text, pos)
        if match is None:
            behind = pos + 1
        else:
            name, content, plain = match.groups()
            yield name.lower(), plain.strip(OWS + '"') if content is None else unescaped(content)
            behind = match.end()
        pos = text.find(";", behind)


def check_text(text: str, what: str) -> str:
    """Return `text`, which may stand in a field value.

    Raises:
        LocalProtocolError: it has a control character, or a surrogate that stands for no byte.
            The text itself is not shown: it may be a secret.
    """
    end = match_at(_TEXT, text).end()
    if end != len(text):
        raise LocalProtocolError(f"{what} has the control character U+{ord(text[end]):04X}")
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"{what} has a surrogate that is no byte") from error
    return text


def token(text: str, what: str) -> str:
    """Return `text`, which is a token.

    Raises:
        LocalProtocolError: it is none.
    """
    if TOKEN.fullmatch(text) is None:
        raise LocalProtocolError(f"{what} is not a token")
    return text


def check_names(names: Iterable[str], what: str = "a parameter") -> None:
    """Refuse names of parameters that are no tokens, or that are one name in two cases.

    Raises:
        LocalProtocolError: as said; of two the reader would see one.
    """
    seen: set[str] = set()
    for name in names:
        token(name, f"the name of {what}")
        if name.lower() in seen:
            raise LocalProtocolError(f"{what} is there twice: {name[:60]}")
        seen.add(name.lower())


def quoted(text: str, what: str) -> str:
    """Return `text` as a quoted-string.

    Raises:
        LocalProtocolError: as `check_text`.
    """
    return '"' + _TO_ESCAPE.sub(r"\\\1", check_text(text, what)) + '"'


def parameter(name: str, value: str) -> str:
    """Return a parameter, its value quoted where it must be; the name was checked.

    Raises:
        LocalProtocolError: as `check_text`.
    """
    if TOKEN.fullmatch(value) is None:
        value = quoted(value, f"the parameter {name[:60]}")
    return f"{name}={value}"
