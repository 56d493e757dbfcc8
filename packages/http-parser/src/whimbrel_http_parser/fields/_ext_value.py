"""Parameter values in another character set than ASCII (RFC 8187)."""

import re
from typing import Final

from whimbrel_http_parser.errors import LocalProtocolError
from whimbrel_http_parser.fields._text import OWS, check_text

__all__ = ["check_ext_value", "decode_ext_value", "encode_ext_value"]

# RFC 8187 section 3.2.1: UTF-8 is required; ISO-8859-1, of RFC 5987, is still sent.
_CHARSETS: Final = {"utf-8": "utf-8", "iso-8859-1": "latin-1"}

_PERCENT_ENCODED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_BROKEN_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_NOT_ATTR_CHAR: Final = re.compile(rb"[^A-Za-z0-9!#$&+\-.^_`|~]")

# RFC 8187 section 3.2.1: as a sender must write it.
_EXT_VALUE: Final = re.compile(
    r"(?i:UTF-8)'[A-Za-z0-9\-]*+'(?:[A-Za-z0-9!#$&+\-.^_`|~]|%[0-9A-Fa-f]{2})*+"
)


def decode_ext_value(value: str) -> str | None:
    """Read an ext-value: character set, language and percent-encoded octets, with two apostrophes.

    Characters that should have been percent-encoded are taken as they are.

    Returns:
        The text; `None` if the character set is neither UTF-8 nor ISO-8859-1, a percent sign has
        no two digits behind it, or the octets are not in the character set.
    """
    charset, _, rest = value.partition("'")
    _, apostrophe, content = rest.partition("'")
    encoding = _CHARSETS.get(charset.strip(OWS).lower())
    if not apostrophe or encoding is None:
        return None
    try:
        octets = content.encode("utf-8", "surrogateescape")
        if _BROKEN_PERCENT.search(octets) is not None:
            return None
        return _PERCENT_ENCODED.sub(_octet, octets).decode(encoding)
    except UnicodeError:
        return None


def encode_ext_value(text: str, what: str) -> str:
    """Return `text` as an ext-value in UTF-8.

    Raises:
        LocalProtocolError: it has a control character, or a surrogate, which UTF-8 has not.
    """
    try:
        octets = check_text(text, what).encode("utf-8")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"{what} has a surrogate") from error
    return "UTF-8''" + _NOT_ATTR_CHAR.sub(_percent_encoded, octets).decode("ascii")


def check_ext_value(value: str, what: str) -> str:
    """Return `value`, which is an ext-value in UTF-8 already.

    Raises:
        LocalProtocolError: it is none.
    """
    if _EXT_VALUE.fullmatch(value) is None or decode_ext_value(value) is None:
        raise LocalProtocolError(f"{what} is not an ext-value in UTF-8 (RFC 8187)")
    return value


def _octet(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),))


def _percent_encoded(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % ord(match[0])
