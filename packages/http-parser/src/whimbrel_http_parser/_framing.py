"""How the end of a message's body is found, and whether the connection outlives it.

RFC 9112 sections 6.3 and 9.3, step by step. Where the RFC lets a recipient repair ambiguous
framing, this one refuses it: two recipients that repair differently see different messages.
"""

from typing import Final

from whimbrel_http_parser._grammar import OWS, TOKEN
from whimbrel_http_parser._scan import KnownFields
from whimbrel_http_parser.errors import MalformedMessage
from whimbrel_http_parser.events import Framing

# RFC 9110 section 8.6, bounded: nineteen digits are more than any file has bytes.
_MOST_DIGITS: Final = 19


def _content_length(value: bytes | None) -> int | None:
    """Read Content-Length (RFC 9110 section 8.6).

    Args:
        value: its value, several joined by commas, or `None` without one.

    Raises:
        MalformedMessage: it is not exactly one number. The RFC allows to take a list of equal
            numbers as one; a peer that sends one joined two opinions about the length.
    """
    if value is None:
        return None
    if not value.isdigit() or len(value) > _MOST_DIGITS:  # bytes: only the ten ASCII digits
        raise MalformedMessage("Content-Length is not one number", None, value)
    return int(value)


def _check_chunked(value: bytes, version: tuple[int, int]) -> None:
    """Read Transfer-Encoding (RFC 9112 section 6.1).

    Args:
        value: its value, several joined by commas.
        version: the version of the message.

    Raises:
        MalformedMessage: it is anything but `chunked`, once, in HTTP/1.1.
    """
    if value.lower() != b"chunked":
        raise MalformedMessage(
            "Transfer-Encoding is not exactly 'chunked'", None, value, _status_of(value)
        )
    if version < (1, 1):
        # RFC 9112 section 6.1: faulty framing, since HTTP/1.0 does not know the field.
        raise MalformedMessage("Transfer-Encoding in an HTTP/1.0 message", None, value)


def _status_of(transfer_encoding: bytes) -> int:
    """Return what a server answers to a Transfer-Encoding that is not exactly `chunked`."""
    *others, last = [coding.strip(OWS) for coding in transfer_encoding.lower().split(b",")]
    is_framed = last == b"chunked" and b"chunked" not in others
    if is_framed and all(TOKEN.fullmatch(coding) for coding in others):
        return 501  # RFC 9112 section 6.1: a coding that is not understood
    return 400  # section 6.3, step 4: the body has no end, or chunked is not applied once


def _body_framing(
    fields: KnownFields, version: tuple[int, int]
) -> tuple[Framing | None, int | None]:
    """Read the two fields that frame a body: steps 3 to 6 of RFC 9112 section 6.3.

    Args:
        fields: what the fields say.
        version: the version of the message.

    Returns:
        The framing, or `None` when they say nothing, and what Content-Length says.

    Raises:
        MalformedMessage: one of them is not understood, or both are there.
    """
    # Steps 5 and 6.
    length = _content_length(fields.content_length)
    transfer_encoding = fields.transfer_encoding
    if transfer_encoding is None:
        return (None if length is None else Framing.LENGTH), length
    # Step 4.
    _check_chunked(transfer_encoding, version)
    # Step 3: both. The RFC lets Transfer-Encoding win; this is how smuggling looks.
    if length is not None:
        raise MalformedMessage("both Transfer-Encoding and Content-Length")
    return Framing.CHUNKED, None


def response_framing(
    request_method: str, status: int, version: tuple[int, int], fields: KnownFields
) -> tuple[Framing, int | None]:
    """Decide how the body of a response ends: RFC 9112 section 6.3.

    Args:
        request_method: the method of the request that is answered.
        status: the status code.
        version: the version in the status line.
        fields: what the fields say.

    Returns:
        The framing, and what Content-Length says.

    Raises:
        MalformedMessage: the fields contradict each other or are not understood.
    """
    # Step 2 of the RFC, and the switch of section 7.8 of RFC 9110: a tunnel. The fields are to
    # be ignored.
    if status == 101 or (request_method == "CONNECT" and 200 <= status < 300):
        return Framing.SWITCHED, None
    # The first half of step 1: 1xx ends with its head.
    if status < 200:
        return Framing.NONE, None
    # The rest of step 1 comes behind steps 3 to 6, so that fields that nobody can understand are
    # refused even where no body follows.
    framing, length = _body_framing(fields, version)
    if request_method == "HEAD" or status in (204, 304):
        return Framing.NONE, length
    # Step 8. Step 7 is about requests.
    return Framing.UNTIL_CLOSE if framing is None else framing, length


def request_framing(
    method: str, version: tuple[int, int], fields: KnownFields
) -> tuple[Framing, int | None]:
    """Decide how the body of a request ends: RFC 9112 section 6.3.

    Args:
        method: the method.
        version: the version in the request line.
        fields: what the fields say.

    Returns:
        The framing, and what Content-Length says.

    Raises:
        MalformedMessage: the fields contradict each other or are not understood.
    """
    framing, length = _body_framing(fields, version)
    if method == "CONNECT":
        # RFC 9110 section 9.3.6: CONNECT has no content, and what follows it is for the tunnel.
        # A recipient that reads a body there would take the tunnel's bytes for it.
        if framing is Framing.CHUNKED or length:
            raise MalformedMessage("a CONNECT request announces content")
        return Framing.SWITCHED, None
    # Step 7.
    return Framing.NONE if framing is None else framing, length


def why_not_persistent(peer: str, version: tuple[int, int], connection: bytes | None) -> str | None:
    """Say why the peer will not keep the connection after the message: RFC 9112 section 9.3.

    Args:
        peer: who sent the message, in a word.
        version: the version of the message.
        connection: the value of Connection, several joined by commas, or `None` without one.

    Returns:
        The reason in words, or `None` when it will.
    """
    if version == (1, 1) and connection is None:
        return None
    options = [option.strip(OWS).lower() for option in (connection or b"").split(b",")]
    if b"close" in options:
        return f"the {peer} sent Connection: close"
    if not all(TOKEN.fullmatch(option) for option in options if option):
        # It may have been meant as close, and another recipient may take it so.
        return f"the {peer} sent a Connection that is no list of tokens"
    if version < (1, 1) and b"keep-alive" not in options:
        return "HTTP/1.0 without keep-alive"
    return None


def why_informational_ends(fields: KnownFields) -> str | None:
    """Say why a 1xx response does not let another exchange follow.

    Args:
        fields: what its fields say. It has no content (RFC 9110 section 15.2), so that a server
            that announces some may well send it; and close means close (RFC 9112 section 9.6).

    Returns:
        The reason in words, or `None`.
    """
    if fields.transfer_encoding is not None or fields.content_length not in (None, b"0"):
        return "a 1xx response announced a body"
    return why_not_persistent("server", (1, 1), fields.connection)
