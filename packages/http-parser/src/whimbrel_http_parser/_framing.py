"""How the end of a message's body is found, and whether the connection outlives it.

RFC 9112 sections 6.3 and 9.3, step by step. Where the RFC lets a recipient repair ambiguous
framing, this one refuses it: two recipients that repair differently see different messages.
"""

from whimbrel_http_parser._grammar import CONTENT_LENGTH, OWS
from whimbrel_http_parser.errors import MalformedMessage
from whimbrel_http_parser.events import Framing


def content_length(values: list[bytes]) -> int | None:
    """Read Content-Length (RFC 9110 section 8.6).

    Args:
        values: the value of each of its field lines.

    Raises:
        MalformedMessage: it is not exactly one number. The RFC allows to take a list of equal
            numbers as one; a peer that sends one joined two opinions about the length.
    """
    if not values:
        return None
    if len(values) > 1:
        raise MalformedMessage("several Content-Length fields", None, b", ".join(values[:8]))
    if CONTENT_LENGTH.fullmatch(values[0]) is None:
        raise MalformedMessage("Content-Length is not a number", None, values[0])
    return int(values[0])


def is_chunked(values: list[bytes], version: tuple[int, int]) -> bool:
    """Read Transfer-Encoding (RFC 9112 section 6.1).

    Args:
        values: the value of each of its field lines.
        version: the version of the message.

    Raises:
        MalformedMessage: it is anything but `chunked`, once, in HTTP/1.1.
    """
    if not values:
        return False
    if len(values) > 1 or values[0].lower() != b"chunked":
        raise MalformedMessage(
            "Transfer-Encoding is not exactly 'chunked'", None, b", ".join(values[:8])
        )
    if version < (1, 1):
        # RFC 9112 section 6.1: faulty framing, since HTTP/1.0 does not know the field.
        raise MalformedMessage("Transfer-Encoding in an HTTP/1.0 message", None, values[0])
    return True


def response_framing(
    request_method: str,
    status: int,
    version: tuple[int, int],
    transfer_encodings: list[bytes],
    content_lengths: list[bytes],
) -> tuple[Framing, int | None]:
    """Decide how the body of a response ends: RFC 9112 section 6.3.

    Args:
        request_method: the method of the request that is answered.
        status: the status code.
        version: the version in the status line.
        transfer_encodings: the value of each Transfer-Encoding field line.
        content_lengths: the value of each Content-Length field line.

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
    # Steps 4 and 5 come before the rest of step 1, so that fields that nobody can understand are
    # refused even where no body follows.
    length = content_length(content_lengths)
    chunked = is_chunked(transfer_encodings, version)
    # Step 3: both. The RFC lets Transfer-Encoding win; this is how smuggling looks.
    if chunked and length is not None:
        raise MalformedMessage("both Transfer-Encoding and Content-Length", None, b"")
    # Step 1: no body.
    if request_method == "HEAD" or status in (204, 304):
        return Framing.NONE, length
    # Step 4.
    if chunked:
        return Framing.CHUNKED, None
    # Step 6.
    if length is not None:
        return Framing.LENGTH, length
    # Step 8. Step 7 is about requests.
    return Framing.UNTIL_CLOSE, None


def reason_to_close(
    status: int,
    version: tuple[int, int],
    framing: Framing,
    connections: list[bytes],
    announces_body: bool,
) -> str | None:
    """Say why the connection cannot be used after the response: RFC 9112 section 9.3.

    Args:
        status: the status code.
        version: the version in the status line.
        framing: how the body ends.
        connections: the value of each Connection field line.
        announces_body: whether there is a Transfer-Encoding or a Content-Length other than 0.

    Returns:
        The reason in words, or `None` when the head gives none.
    """
    if framing is Framing.SWITCHED:
        return "the protocol was switched"
    if framing is Framing.UNTIL_CLOSE:
        return "the body is delimited by close"
    if status == 204 and announces_body:
        # RFC 9112 section 6.1 and RFC 9110 section 8.6 forbid both; the server may well send
        # what it announces.
        return "a 204 response announced a body"
    if version == (1, 1) and not connections:
        return None
    options = [option.strip(OWS).lower() for value in connections for option in value.split(b",")]
    if b"close" in options:
        return "the server sent Connection: close"
    if version < (1, 1) and b"keep-alive" not in options:
        return "HTTP/1.0 without keep-alive"
    return None
