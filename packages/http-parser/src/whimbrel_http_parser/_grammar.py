"""The grammar of RFC 9110 and RFC 9112, as patterns over bytes; for reading and for writing alike.

No other module knows which bytes a name, a value or a line may have. The patterns use possessive
quantifiers where a later part cannot match what an earlier one took, so that none backtracks.
"""

import re
from typing import Final

# RFC 9110 section 5.6.2: tchar
_TCHAR: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

# RFC 9110 section 5.5: field-vchar (VCHAR and obs-text), SP and HTAB. Everything but the CTLs.
_TEXT: Final = rb"[^\x00-\x08\x0a-\x1f\x7f]"

# RFC 9110 section 5.6.2 and 9.1: token, method
TOKEN: Final = re.compile(_TCHAR + rb"+")

# RFC 9110 section 5.5 and RFC 9112 section 4: field-value, reason-phrase
TEXT: Final = re.compile(_TEXT + rb"*+")

# RFC 9112 section 3.2: request-target. Which form fits which method is the caller's to know.
REQUEST_TARGET: Final = re.compile(rb"[\x21-\x7e]+")

# RFC 9112 section 4: status-line without its CRLF. Group 3 is None when the second space is
# missing, which the RFC does not allow. RFC 9110 section 15: a code is at least 100.
_STATUS_LINE: Final = rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (" + _TEXT + rb"*+))?"
STATUS_LINE: Final = re.compile(_STATUS_LINE)

# The same with its CRLF and its space, for the scan of a head that has arrived whole.
STATUS_LINE_CRLF: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9]) (" + _TEXT + rb"*+)\r\n")

# What every status line starts with, to recognise early that the peer does not speak HTTP/1.
STATUS_LINE_PREFIX: Final = b"HTTP/1."

# RFC 9112 section 5: field-line without its CRLF. Whitespace after the value is left on it.
FIELD_LINE: Final = re.compile(b"(" + _TCHAR + rb"++):[ \t]*+(" + _TEXT + rb"*+)")

# All the field lines of a section at once, by findall: every match starts after a LF and ends with
# one, so that as many matches as LFs mean that every line is a field line, if the section has none
# of NO_LINE_HAS. A class of one byte is matched several times as fast as _TEXT. Lines with
# whitespace behind the value are rare, and left to FIELD_LINE.
FIELD_LINES: Final = re.compile(rb"(?m:^)(" + _TCHAR + rb"++):[ \t]*+([^\r]*+)(?<![ \t])\r\n")

# The CTLs that no line has and none ends with; to be deleted by translate.
NO_LINE_HAS: Final = bytes(byte for byte in (*range(32), 127) if byte not in b"\t\r\n")

# RFC 9112 section 7.1: chunk-size [ chunk-ext ]. Sixteen digits are more than any file has bytes.
# An extension is not looked into; group 2 holds all of them.
CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16}+)([ \t]*+;" + _TEXT + rb"*+)?")

# The value of each hexadecimal digit, by its byte; 255 for any other byte.
HEX_VALUE: Final = bytes(
    int(bytes([byte]), 16) if byte in b"0123456789ABCDEFabcdef" else 255 for byte in range(256)
)

# RFC 9110 section 8.6: Content-Length, bounded: nineteen digits are more than any file has bytes.
CONTENT_LENGTH: Final = re.compile(rb"[0-9]{1,19}")

OWS: Final = b" \t"
CRLF: Final = b"\r\n"


def fault_of_field_line(line: bytes) -> str:
    """Say in words why `line` is not a field line (RFC 9112 section 5)."""
    name, colon, value = line.partition(b":")
    if not colon:
        return "a field line has no colon"
    if not name:
        return "a field line has an empty name"
    if name.rstrip(OWS) != name:
        # RFC 9112 section 5.1: a proxy that ignores the space and one that does not disagree
        # about what the field is called.
        return "a field line has whitespace between its name and the colon"
    if TOKEN.fullmatch(name) is None:
        return "a field name has a byte that no token may have"
    if TEXT.fullmatch(value) is None:
        return "a field value has a control character"
    raise AssertionError("the field line is correct")
