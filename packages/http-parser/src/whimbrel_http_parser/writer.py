"""Writing requests and responses: heads, and bodies by their framing (RFC 9112).

What is written follows the same grammar and the same framing rules as what is read. Which fields a
message has is the caller's to decide.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from whimbrel_http_parser._framing import request_framing, response_framing
from whimbrel_http_parser._grammar import CRLF, OWS, REQUEST_TARGET, TEXT, TOKEN
from whimbrel_http_parser._routing import check_host, check_request_target
from whimbrel_http_parser._scan import FieldLines, KnownFields
from whimbrel_http_parser.errors import LocalProtocolError, MalformedMessage, excerpt_of
from whimbrel_http_parser.events import Framing, ReadableBuffer

__all__ = [
    "BodyWriter",
    "chunked_body",
    "length_body",
    "request_body",
    "request_head",
    "request_line",
    "response_body",
    "response_head",
    "serialize_fields",
    "status_line",
]

_VERSIONS: Final = {(1, 0): b"HTTP/1.0", (1, 1): b"HTTP/1.1"}

# RFC 9110 section 6.5.1: fields that frame or route the message, authenticate, modify the request,
# control the response or say what its content is are of no use behind it, and a recipient that
# merges trailers into the header would be misled by them.
_NOT_IN_TRAILERS: Final = frozenset(
    {
        "age",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "date",
        "expect",
        "expires",
        "forwarded",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "location",
        "max-forwards",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "retry-after",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "warning",
        "www-authenticate",
    }
)


def _encode(text: str, what: str) -> bytes:
    """Encode as `Response.headers` decodes, so that what was read can be written again."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be text, not {type(text).__name__}")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"{what} has a surrogate that is no byte") from error


def _excerpt(text: str) -> str:
    return repr(excerpt_of(text[:80].encode("utf-8", "replace")))[1:]


def _version(version: tuple[int, int]) -> bytes:
    version_bytes = _VERSIONS.get(version)
    if version_bytes is None:
        raise LocalProtocolError(f"the version must be (1, 0) or (1, 1), not {version!r}")
    return version_bytes


def _refused(error: MalformedMessage) -> LocalProtocolError:
    """Turn what a reader would say of a message into what its writer is told."""
    return LocalProtocolError(str(error))


def request_line(method: str, target: str, version: tuple[int, int] = (1, 1)) -> bytes:
    """Return a request line with its CRLF (RFC 9112 section 3).

    Args:
        method: the method, in the case it is to be sent in.
        target: the request target, already percent-encoded.
        version: (1, 1) or (1, 0).

    Raises:
        LocalProtocolError: the method is no token, the target has a byte that is not visible
            ASCII, or `#` or a backslash, or is of a form that the method does not have (RFC 9112
            section 3.2), or there is no such version.
    """
    method_bytes = _encode(method, "the method")
    if TOKEN.fullmatch(method_bytes) is None:
        raise LocalProtocolError(f"the method is not a token: {_excerpt(method)}")
    target_bytes = _encode(target, "the request target")
    if REQUEST_TARGET.fullmatch(target_bytes) is None:
        raise LocalProtocolError(
            f"the request target must be visible ASCII without spaces, # and \\: {_excerpt(target)}"
        )
    try:
        check_request_target(method_bytes, target_bytes)
    except MalformedMessage as error:
        raise _refused(error) from error
    return b"%b %b %b\r\n" % (method_bytes, target_bytes, _version(version))


def status_line(status: int, reason: str = "", version: tuple[int, int] = (1, 1)) -> bytes:
    """Return a status line with its CRLF (RFC 9112 section 4).

    Args:
        status: the status code, 100 to 999.
        reason: the reason phrase, which may be empty.
        version: (1, 1) or (1, 0).

    Raises:
        LocalProtocolError: the status has not three digits, the reason has a control character
            other than a tab, or there is no such version.
    """
    if not isinstance(status, int):
        raise TypeError(f"the status code must be an integer, not {type(status).__name__}")
    if not 100 <= status <= 999:
        raise LocalProtocolError("the status code must be 100 to 999")
    reason_bytes = _encode(reason, "the reason phrase")
    if TEXT.fullmatch(reason_bytes) is None:
        raise LocalProtocolError(f"the reason phrase has a control character: {_excerpt(reason)}")
    return b"%b %d %b\r\n" % (_version(version), status, reason_bytes)


def serialize_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    r"""Return field lines, each with its CRLF (RFC 9112 section 5).

    Args:
        fields: names and values. Values are encoded as UTF-8; surrogate escapes give back the
            bytes they stand for.

    Raises:
        LocalProtocolError: a name is no token, or a value has a control character other than a
            tab, which is how a field or a request is injected.
    """
    return _join(_checked_lines(fields))


def _checked_lines(fields: Iterable[tuple[str, str]]) -> FieldLines:
    """Encode each field, and refuse what is none."""
    if isinstance(fields, str | bytes | Mapping):
        raise TypeError("fields are pairs of names and values; of a mapping, its items()")
    lines: FieldLines = []
    for name, value in fields:
        name_bytes = _encode(name, "a field name")
        if TOKEN.fullmatch(name_bytes) is None:
            raise LocalProtocolError(f"a field name is not a token: {_excerpt(name)}")
        value_bytes = _encode(value, f"the value of the field {name[:60]}")
        if TEXT.fullmatch(value_bytes) is None:
            raise LocalProtocolError(
                f"the value of the field {name[:60]} has a control character: {_excerpt(value)}"
            )
        lines.append((name_bytes, value_bytes))
    return lines


def _join(lines: FieldLines) -> bytes:
    return b"".join([b"%b: %b\r\n" % line for line in lines])


def _known(lines: FieldLines) -> KnownFields:
    return KnownFields.of((name, value.strip(OWS)) for name, value in lines)


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
        LocalProtocolError: as both of them do; or no server would take the head: an HTTP/1.1
            request without one Host (RFC 9112 section 3.2), or with fields that announce no clear
            framing (section 6.3).
    """
    start = request_line(method, target, version)
    lines = _checked_lines(fields)
    known = _known(lines)
    try:
        check_host(version, known.host)
        request_framing(method, version, known)
    except MalformedMessage as error:
        raise _refused(error) from error
    return start + _join(lines) + CRLF


def response_head(
    status: int,
    reason: str,
    fields: Iterable[tuple[str, str]],
    version: tuple[int, int] = (1, 1),
) -> bytes:
    """Return a whole response head: status line, field lines and the empty line.

    Args:
        status: as for `status_line`.
        reason: as for `status_line`.
        fields: as for `serialize_fields`.
        version: as for `status_line`.

    Raises:
        LocalProtocolError: as both of them do.
    """
    return status_line(status, reason, version) + serialize_fields(fields) + CRLF


class BodyWriter:
    """Frames the body of one message; made by the functions below.

    Args:
        framing: how the end of the body is found.
        length: how many bytes Content-Length announced; 0 for the other framings.

    Raises:
        ValueError: the length is negative, or given for another framing.
    """

    __slots__ = ("_ended", "_framing", "_left", "_length")

    def __init__(self, framing: Framing, length: int = 0) -> None:
        if length < 0:
            raise ValueError("the length of a body must not be negative")
        if length and framing is not Framing.LENGTH:
            raise ValueError("only a body with a Content-Length has a length")
        self._framing = framing
        self._length = length
        self._left = length
        self._ended = False

    @property
    def framing(self) -> Framing:
        """How the end of the body is found."""
        return self._framing

    def data(self, data: ReadableBuffer) -> list[ReadableBuffer]:
        """Frame a piece of the body.

        Args:
            data: the piece, in the content coding the head announced. An empty one is nothing:
                as a chunk it would end the body.

        Returns:
            What to write, in order; `data` itself is in it and was not copied, so it must not
            change before it has been sent.

        Raises:
            LocalProtocolError: the body is longer than announced, or was ended, or the message
                has none.
            TypeError: this is no buffer, or not one of contiguous bytes.
        """
        if self._ended:
            raise LocalProtocolError("data behind the end of the body")
        size = len(data) if isinstance(data, bytes | bytearray) else _size_of(data)
        if size == 0:
            return []
        if self._framing is Framing.CHUNKED:
            return [b"%x\r\n" % size, data, CRLF]
        if self._framing is Framing.LENGTH:
            if size > self._left:
                raise LocalProtocolError(
                    f"the body is longer than its Content-Length of {self._length}: "
                    f"{size - self._left} bytes too many"
                )
            self._left -= size
        elif self._framing is not Framing.UNTIL_CLOSE:
            raise LocalProtocolError("the message has no body")
        return [data]

    def end(self, trailers: Iterable[tuple[str, str]] = ()) -> bytes:
        """End the body.

        Args:
            trailers: field lines to send behind a chunked body (RFC 9112 section 7.1.2).

        Returns:
            What to write; empty unless the body is chunked. After a body that the close of the
            connection ends, close it.

        Raises:
            LocalProtocolError: the body is shorter than announced, or was ended already; or
                there are trailers and the body is not chunked, or one of them may not be one.
        """
        if self._ended:
            raise LocalProtocolError("the body was ended already")
        lines = list(trailers)
        is_chunked = self._framing is Framing.CHUNKED
        if lines and not is_chunked:
            raise LocalProtocolError("trailers need the chunked coding")
        if self._left:
            raise LocalProtocolError(
                f"the body is shorter than its Content-Length of {self._length}: "
                f"{self._left} bytes are missing"
            )
        for name, _ in lines:
            if name.lower() in _NOT_IN_TRAILERS:
                raise LocalProtocolError(f"the field {name} must not be a trailer")
        ending = b"0\r\n" + serialize_fields(lines) + CRLF if is_chunked else b""
        self._ended = True
        return ending


def _size_of(data: object) -> int:
    """Return how many bytes a buffer has, whatever its items are."""
    view = memoryview(data)  # type: ignore[arg-type]  # what is no buffer is a TypeError
    if not view.c_contiguous:
        raise TypeError("the buffer must be contiguous")
    return view.nbytes


def length_body(length: int) -> BodyWriter:
    """Return the writer of a body with a Content-Length.

    Args:
        length: how many bytes it announced.

    Raises:
        ValueError: the length is negative.
    """
    return BodyWriter(Framing.LENGTH, length)


def chunked_body() -> BodyWriter:
    """Return the writer of a body in the chunked transfer coding (RFC 9112 section 7.1)."""
    return BodyWriter(Framing.CHUNKED)


def request_body(
    method: str, fields: Iterable[tuple[str, str]], version: tuple[int, int] = (1, 1)
) -> BodyWriter:
    """Return the writer of the body that the fields of a request announce.

    RFC 9112 section 6.3, by the rules by which `RequestReader` reads it.

    Args:
        method: the method.
        fields: names and values, as they are written.
        version: the version that is written.

    Raises:
        LocalProtocolError: the fields announce no clear framing.
    """
    try:
        framing, length = request_framing(method, version, _known(_checked_lines(fields)))
    except MalformedMessage as error:
        raise _refused(error) from error
    return BodyWriter(framing, length or 0)


def response_body(
    request_method: str,
    status: int,
    fields: Iterable[tuple[str, str]],
    request_version: tuple[int, int] = (1, 1),
) -> BodyWriter:
    """Return the writer of the body that the head of a response announces.

    RFC 9112 section 6.3, by the rules by which `ResponseReader` reads it.

    Args:
        request_method: the method of the request that is answered.
        status: the status code.
        fields: names and values, as they are written.
        request_version: the version of the request that is answered: HTTP/1.0 does not know the
            chunked coding (RFC 9112 section 6.1).

    Raises:
        LocalProtocolError: the fields announce no clear framing, or content where there can be
            none (RFC 9112 section 6.1 and RFC 9110 section 8.6).
    """
    known = _known(_checked_lines(fields))
    try:
        framing, length = response_framing(request_method, status, request_version, known)
    except MalformedMessage as error:
        raise _refused(error) from error
    announces = known.content_length is not None or known.transfer_encoding is not None
    if announces and (framing is Framing.SWITCHED or status < 200 or status == 204):
        raise LocalProtocolError(
            f"a response with status {status} to {request_method[:60]} announces content"
        )
    return BodyWriter(framing, (length or 0) if framing is Framing.LENGTH else 0)
