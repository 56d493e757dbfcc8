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

# RFC 9112 section 3.2: request-target, as far as every form of it goes. A URI has fewer characters
# (RFC 3986), but most of the others are seen, and none can be taken for the end of the target. Two
# do not pass: "#", behind which some would not look, and the backslash, which some read as "/".
_TARGET_BYTE: Final = rb"[!-\x22$-\x5b\x5d-~]"
REQUEST_TARGET: Final = re.compile(_TARGET_BYTE + rb"++")

# RFC 9110 section 7.2 and RFC 3986 section 3.2.2: uri-host [ ":" port ].
_REG_NAME: Final = rb"(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f][0-9A-Fa-f])++"
_IP_LITERAL: Final = rb"\[(?:[0-9A-Fa-f:.]++|v[0-9A-Fa-f]++\.[0-9A-Za-z\-._~!$&'()*+,;=:]++)\]"
_URI_HOST: Final = b"(?:" + _IP_LITERAL + b"|" + _REG_NAME + b")"

# Host, which may be empty.
HOST: Final = re.compile(b"(?:" + _URI_HOST + rb"(?::[0-9]{0,5}+)?)?")

# RFC 9112 section 3.2.1: origin-form, and section 3.2.2: absolute-form, for any method but CONNECT.
# An http URI has a host and, being a request target, no user (RFC 9110 sections 4.2.1 and 4.2.4).
ORIGIN_OR_ABSOLUTE_FORM: Final = re.compile(
    b"/" + _TARGET_BYTE + b"*+"
    b"|(?i:https?)://" + _URI_HOST + rb"(?::[0-9]{0,5}+)?(?:[/?]" + _TARGET_BYTE + b"*+)?"
    rb"|(?!(?i:https?):)[A-Za-z][A-Za-z0-9+.\-]*+://" + _TARGET_BYTE + b"*+"
)

# Section 3.2.3: authority-form, for CONNECT only. Section 3.2.4: asterisk-form, for OPTIONS only.
AUTHORITY_FORM: Final = re.compile(_URI_HOST + rb":[0-9]{1,5}+")

# RFC 9112 section 3: request-line without its CRLF, and with it.
_REQUEST_LINE: Final = b"(" + _TCHAR + b"++) (" + _TARGET_BYTE + rb"++) HTTP/1\.([01])"
REQUEST_LINE: Final = re.compile(_REQUEST_LINE)
REQUEST_LINE_CRLF: Final = re.compile(_REQUEST_LINE + rb"\r\n")

# RFC 9112 section 2.3: what a request line ends with when it is one of another version.
FOREIGN_VERSION: Final = re.compile(rb" HTTP/(?!1\.[01]\Z)[0-9]\.[0-9]\Z")

# RFC 9112 section 4: status-line without its CRLF. Group 3 is None when the second space is
# missing, which the RFC does not allow. RFC 9110 section 15: a code is at least 100.
STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (" + _TEXT + rb"*+))?")

# The same with its CRLF and its space, for the scan of a head that has arrived whole.
STATUS_LINE_CRLF: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9]) (" + _TEXT + rb"*+)\r\n")

# What every status line starts with, to recognise early that the peer does not speak HTTP/1.
STATUS_LINE_PREFIX: Final = b"HTTP/1."

# RFC 9112 section 5: field-line without its CRLF. Whitespace after the value is left on it.
FIELD_LINE: Final = re.compile(b"(" + _TCHAR + rb"++):[ \t]*+(" + _TEXT + rb"*+)")

# A whole section of correct field lines, up to and with the empty line. A range of bytes is matched
# twice as fast as _TEXT, which takes over at the first byte outside of it. Lines with whitespace
# behind the value are rare, and left to FIELD_LINE.
FIELD_SECTION: Final = re.compile(
    b"(?:" + _TCHAR + rb"++:[ -~]*+" + _TEXT + rb"*+(?<![ \t])\r\n)*+\r\n"
)

# The names of the fields that a reader must know.
KNOWN_NAMES: Final = (b"connection", b"content-length", b"host", b"transfer-encoding")

# Their lines in such a section, with the LF before it. The first letters are apart because they
# reject most other names at once; what else this lets pass (a field named "tost"), nobody asks for.
_FIRST: Final = b"".join(sorted({name[:1] + name[:1].upper() for name in KNOWN_NAMES}))
_REST: Final = b"|".join(name[1:] for name in KNOWN_NAMES)
KNOWN_FIELDS: Final = re.compile(rb"\n([" + _FIRST + rb"](?i:" + _REST + rb")):[ \t]*+([^\r]*)")

# Each line of such a section, by findall; and the same for text.
SPLIT_FIELD_LINES: Final = re.compile(rb"([^:]++):[ \t]*+([^\r]*+)\r\n")
SPLIT_TEXT_FIELD_LINES: Final = re.compile(SPLIT_FIELD_LINES.pattern.decode())

# For each byte whether it is a tchar: 1 or 0.
IS_TCHAR: Final = bytes(TOKEN.fullmatch(bytes([byte])) is not None for byte in range(256))

# RFC 9112 section 7.1: chunk-size [ chunk-ext ]. Sixteen digits are more than any file has bytes.
# An extension is not looked into; group 2 holds all of them.
CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16}+)([ \t]*+;" + _TEXT + rb"*+)?")

# The value of each hexadecimal digit, by its byte; 255 for any other byte.
HEX_VALUE: Final = bytes(
    int(bytes([byte]), 16) if byte in b"0123456789ABCDEFabcdef" else 255 for byte in range(256)
)

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
