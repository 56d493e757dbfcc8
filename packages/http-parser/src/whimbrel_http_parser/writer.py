"""Writing requests: heads, and bodies by their framing (the client's half of RFC 9112).

What is written follows the same grammar as what is read. Whether fields belong together, and which
framing a request gets, is the caller's to decide.
"""

from collections.abc import Iterable
from typing import Final

from whimbrel_http_parser._grammar import CRLF, REQUEST_TARGET, TEXT, TOKEN
from whimbrel_http_parser.errors import LocalProtocolError, excerpt_of
from whimbrel_http_parser.reader import ReadableBuffer

__all__ = [
    "BodyWriter",
    "chunked_body",
    "length_body",
    "request_head",
    "request_line",
    "serialize_fields",
]

_VERSIONS: Final = {(1, 0): b"HTTP/1.0", (1, 1): b"HTTP/1.1"}

# RFC 9110 section 6.5.1: fields that frame or route the message are of no use behind it, and a
# recipient that merges trailers into the header would be misled by them.
_NOT_IN_TRAILERS: Final = frozenset(
    {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)


def _encode(text: str, what: str) -> bytes:
    """Encode as `Response.headers` decodes, so that what was read can be written again."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"{what} has a surrogate that is no byte") from error


def _excerpt(text: str) -> str:
    return repr(excerpt_of(text[:80].encode("utf-8", "replace")))[1:]


def request_line(method: str, target: str, version: tuple[int, int] = (1, 1)) -> bytes:
    """Return a request line with its CRLF (RFC 9112 section 3).

    Args:
        method: the method, in the case it is to be sent in.
        target: the request target, already percent-encoded.
        version: (1, 1) or (1, 0).

    Raises:
        LocalProtocolError: the method is no token, the target is empty or has a byte that is not
            visible ASCII, or there is no such version.
    """
    method_bytes = _encode(method, "the method")
    if TOKEN.fullmatch(method_bytes) is None:
        raise LocalProtocolError(f"the method is not a token: {_excerpt(method)}")
    target_bytes = _encode(target, "the request target")
    if REQUEST_TARGET.fullmatch(target_bytes) is None:
        raise LocalProtocolError(
            f"the request target must be visible ASCII without spaces: {_excerpt(target)}"
        )
    version_bytes = _VERSIONS.get(version)
    if version_bytes is None:
        raise LocalProtocolError(f"the version must be (1, 0) or (1, 1), not {version!r}")
    return b"%b %b %b\r\n" % (method_bytes, target_bytes, version_bytes)


def serialize_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    r"""Return field lines, each with its CRLF (RFC 9112 section 5).

    Args:
        fields: names and values. Values are encoded as UTF-8; surrogate escapes give back the
            bytes they stand for.

    Raises:
        LocalProtocolError: a name is no token, or a value has a control character other than a
            tab, which is how a field or a request is injected.
    """
    parts: list[bytes] = []
    for name, value in fields:
        name_bytes = _encode(name, "a field name")
        if TOKEN.fullmatch(name_bytes) is None:
            raise LocalProtocolError(f"a field name is not a token: {_excerpt(name)}")
        value_bytes = _encode(value, f"the value of the field {name[:60]}")
        if TEXT.fullmatch(value_bytes) is None:
            raise LocalProtocolError(
                f"the value of the field {name[:60]} has a control character: {_excerpt(value)}"
            )
        parts += (name_bytes, b": ", value_bytes, CRLF)
    return b"".join(parts)


def request_head(
    method: str,
    target: str,
    fields: Iterable[tuple[str, str]],
    version: tuple[int, int] = (1, 1),
) -> bytes:
    """Return a whole request head: request line, field lines and the empty line.

    Args:
        method: as for `request_line`.
        target: as for `request_line`.
        fields: as for `serialize_fields`.
        version: as for `request_line`.

    Raises:
        LocalProtocolError: as both of them do.
    """
    return request_line(method, target, version) + serialize_fields(fields) + CRLF


class BodyWriter:
    """Frames the body of one request; made by `length_body` or `chunked_body`.

    Args:
        length: how many bytes Content-Length announced, or `None` for the chunked coding.
    """

    __slots__ = ("_ended", "_left", "_length")

    def __init__(self, length: int | None) -> None:
        self._length = length
        self._left = length or 0
        self._ended = False

    def data(self, data: ReadableBuffer) -> list[ReadableBuffer]:
        """Frame a piece of the body.

        Args:
            data: the piece, in the content coding the head announced. An empty one is nothing:
                as a chunk it would end the body.

        Returns:
            What to write, in order; `data` itself is in it and was not copied, so it must not
            change before it has been sent.

        Raises:
            LocalProtocolError: the body is longer than announced, or was ended.
        """
        if self._ended:
            raise LocalProtocolError("data behind the end of the body")
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        if size == 0:
            return []
        if self._length is None:
            return [b"%x\r\n" % size, data, CRLF]
        if size > self._left:
            raise LocalProtocolError(
                f"the body is longer than its Content-Length of {self._length}: "
                f"{size - self._left} bytes too many"
            )
        self._left -= size
        return [data]

    def end(self, trailers: Iterable[tuple[str, str]] = ()) -> bytes:
        """End the body.

        Args:
            trailers: field lines to send behind a chunked body (RFC 9112 section 7.1.2).

        Returns:
            What to write; empty with a Content-Length.

        Raises:
            LocalProtocolError: the body is shorter than announced, or was ended already; or
                there are trailers and the body is not chunked, or one of them may not be one.
        """
        if self._ended:
            raise LocalProtocolError("the body was ended already")
        lines = list(trailers)
        if self._length is not None and lines:
            raise LocalProtocolError("trailers need the chunked coding")
        if self._left:
            raise LocalProtocolError(
                f"the body is shorter than its Content-Length of {self._length}: "
                f"{self._left} bytes are missing"
            )
        for name, _ in lines:
            if name.lower() in _NOT_IN_TRAILERS:
                raise LocalProtocolError(f"the field {name} must not be a trailer")
        ending = b"" if self._length is not None else b"0\r\n" + serialize_fields(lines) + CRLF
        self._ended = True
        return ending


def length_body(length: int) -> BodyWriter:
    """Return the writer of a body with a Content-Length.

    Args:
        length: how many bytes it announced.

    Raises:
        ValueError: the length is negative.
    """
    if length < 0:
        raise ValueError("the length of a body must not be negative")
    return BodyWriter(length)


def chunked_body() -> BodyWriter:
    """Return the writer of a body in the chunked transfer coding (RFC 9112 section 7.1)."""
    return BodyWriter(None)
