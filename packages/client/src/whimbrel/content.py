"""How the content of a request is framed and coded (RFC 9110 8.4, 8.6; RFC 9112 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from whimbrel.fields import field_values, without
from whimbrel.payload import BytesPayload
from whimbrel_http_parser import encoder_for

if TYPE_CHECKING:
    from whimbrel.fields import Field
    from whimbrel.payload import Payload

__all__ = ["NO_CONTENT", "Content", "frame_content"]

_WITHOUT_CONTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "CONNECT"))
"""Methods whose requests need no Content-Length when they have no content (RFC 9110 8.6)."""


class Content(NamedTuple):
    """The content of a request, and how it goes over the wire.

    Attributes:
        payload: what is sent, or `None`.
        length: its length in bytes as it is sent; `None` for the chunked coding.
        coding: the content coding to apply while sending, or `None`.
        fields: the header fields that say all this.
    """

    payload: Payload | None
    length: int | None
    coding: str | None
    fields: tuple[Field, ...]


NO_CONTENT = Content(None, 0, None, ())
_EMPTY_CONTENT = Content(None, 0, None, (("Content-Length", "0"),))


def frame_content(
    method: str,
    payload: Payload | None,
    fields: list[Field],
    *,
    compress: str | bool | None,
    chunked: bool | None,
    add_type: bool,
) -> Content:
    """Decide how the content is sent, and take the caller's framing fields out of `fields`.

    Args:
        method: the request method.
        payload: the content, or `None`.
        fields: the request's header fields so far.
        compress: a content coding to apply, one of `available_codings()`; `True` means deflate.
        chunked: whether the caller asks for the chunked coding.
        add_type: whether to add the payload's own Content-Type.

    Raises:
        ValueError: what the caller asked for contradicts itself.
    """
    length = _take_content_length(fields)
    if _take_chunked(fields):
        chunked = True
    if chunked and length is not None:
        raise ValueError("Content-Length and the chunked transfer coding exclude each other")
    if payload is None:
        if length:
            raise ValueError(f"Content-Length is {length}, but there is no content")
        if length is None and method in _WITHOUT_CONTENT:
            return NO_CONTENT
        return _EMPTY_CONTENT
    own: list[Field] = []
    if add_type and payload.content_type is not None and not field_values(fields, "content-type"):
        own.append(("Content-Type", payload.content_type))
    coding = _content_coding(compress, fields, length)
    if coding is not None:
        own.append(("Content-Encoding", coding))
        content = payload.as_bytes()
        if content is not None:
            payload, coding = _encoded(content, coding), None
    if length is None and not chunked and coding is None:
        length = payload.size
    elif length is not None and payload.size not in (None, length):
        raise ValueError(f"Content-Length is {length}, but the content has {payload.size} bytes")
    own.append(
        ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
    )
    return Content(payload, length, coding, tuple(own))


def _take_content_length(fields: list[Field]) -> int | None:
    values = field_values(fields, "content-length")
    if not values:
        return None
    fields[:] = without(fields, "content-length")
    if len(set(values)) > 1 or not (values[0].isascii() and values[0].isdigit()):
        raise ValueError(f"Content-Length must be one number, not {', '.join(values)[:64]!r}")
    return int(values[0])


def _take_chunked(fields: list[Field]) -> bool:
    values = field_values(fields, "transfer-encoding")
    if not values:
        return False
    if [value.strip().lower() for value in values] != ["chunked"]:
        raise ValueError(f"Transfer-Encoding can only be chunked, not {', '.join(values)[:64]!r}")
    fields[:] = without(fields, "transfer-encoding")
    return True


def _content_coding(
    compress: str | bool | None, fields: list[Field], length: int | None
) -> str | None:
    if not compress:
        return None
    if field_values(fields, "content-encoding") or length is not None:
        raise ValueError("compress cannot be combined with Content-Encoding or Content-Length")
    coding = "deflate" if compress is True else compress
    encoder_for(coding)  # an unknown coding is said now, not by the task that sends the content
    return coding


def _encoded(content: bytes, coding: str) -> Payload:
    encoder = encoder_for(coding)
    return BytesPayload(encoder.encode(content) + encoder.finish(), None)
