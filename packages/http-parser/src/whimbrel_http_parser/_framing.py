"""How the end of a message's body is found, and whether the connection outlives it.

RFC 9112 sections 6.3 and 9.3, step by step. Where the RFC lets a recipient repair ambiguous
framing, this one refuses it: two recipients that repair differently see different messages.
"""

from typing import Final

from whimbrel_http_parser._grammar import (
    AUTHORITY_FORM,
    HOST,
    ORIGIN_OR_ABSOLUTE_FORM,
    OWS,
)
from whimbrel_http_parser._scan import FramingFields
from whimbrel_http_parser.errors import MalformedMessage
from whimbrel_http_parser.events import Framing

# RFC 9110 section 8.6, bounded: nineteen digits are more than any file has bytes.
_MOST_DIGITS: Final = 19


def content_length(value: bytes | None) -> int | None:
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


def check_chunked(value: bytes, version: tuple[int, int]) -> None:
    """Read Transfer-Encoding (RFC 9112 section 6.1).

    Args:
        value: its value, several joined by commas.
        version: the version of the message.

    Raises:
        MalformedMessage: it is anything but `chunked`, once, in HTTP/1.1.
    """
    if value.lower() != b"chunked":
        raise MalformedMessage("Transfer-Encoding is not exactly 'chunked'", None, value, 501)
    if version < (1, 1):
        # RFC 9112 section 6.1: faulty framing, since HTTP/1.0 does not know the field.
        raise MalformedMessage("Transfer-Encoding in an HTTP/1.0 message", None, value)


def body_framing(
    fields: FramingFields, version: tuple[int, int]
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
    length = content_length(fields.content_length)
    transfer_encoding = fields.transfer_encoding
    if transfer_encoding is None:
        return (None if length is None else Framing.LENGTH), length
    # Step 4.
    check_chunked(transfer_encoding, version)
    # Step 3: both. The RFC lets Transfer-Encoding win; this is how smuggling looks.
    if length is not None:
        raise MalformedMessage("both Transfer-Encoding and Content-Length", None, b"")
    return Framing.CHUNKED, None


def response_framing(
    request_method: str, status: int, version: tuple[int, int], fields: FramingFields
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
    framing, length = body_framing(fields, version)
    if request_method == "HEAD" or status in (204, 304):
        return Framing.NONE, length
    # Step 8. Step 7 is about requests.
    return Framing.UNTIL_CLOSE if framing is None else framing, length


def request_framing(
    method: str, version: tuple[int, int], fields: FramingFields
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
    framing, length = body_framing(fields, version)
    if method == "CONNECT":
        # RFC 9110 section 9.3.6: CONNECT has no content, and what follows it is for the tunnel.
        # A recipient that reads a body there would take the tunnel's bytes for it.
        if framing is Framing.CHUNKED or length:
            raise MalformedMessage("a CONNECT request announces content", None, b"")
        return Framing.SWITCHED, None
    # Step 7.
    return Framing.NONE if framing is None else framing, length


def check_request_target(method: bytes, target: bytes) -> None:
    """Check that the form of the target is one of the method: RFC 9112 section 3.2.

    Raises:
        MalformedMessage: it is not.
    """
    if method == b"CONNECT":
        if AUTHORITY_FORM.fullmatch(target) is None:
            raise MalformedMessage("the target of CONNECT is no host and port", None, target)
    elif ORIGIN_OR_ABSOLUTE_FORM.fullmatch(target) is None and (method, target) != (
        b"OPTIONS",
        b"*",
    ):
        raise MalformedMessage("the request target is no path and no URI", None, target)


def check_host(version: tuple[int, int], value: bytes | None) -> None:
    """Check Host (RFC 9112 section 3.2): one that can be understood, if HTTP/1.1 is spoken.

    Raises:
        MalformedMessage: it is not.
    """
    if value is None:
        if version == (1, 1):
            raise MalformedMessage("an HTTP/1.1 request without Host", None, b"")
    elif HOST.fullmatch(value) is None:
        raise MalformedMessage("Host is not one host", None, value)


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
    if version < (1, 1) and b"keep-alive" not in options:
        return "HTTP/1.0 without keep-alive"
    return None
