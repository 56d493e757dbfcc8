"""What a reader finds in the bytes, as values.

Every event compares equal to another one with the same content, shows it in its `repr`, and can be
copied and pickled. They are made once for each message or each piece of it, so they are plain
classes with slots.
"""

import enum
from typing import Final, Literal, TypeAlias

from multidict import CIMultiDict, CIMultiDictProxy

from whimbrel_http_parser._grammar import OWS
from whimbrel_http_parser._scan import decode_block, split_lines

__all__ = [
    "CLOSED",
    "NEED_DATA",
    "PAUSED",
    "BodySignal",
    "Data",
    "EndOfMessage",
    "Event",
    "Framing",
    "InformationalResponse",
    "RawHeaders",
    "ReadableBuffer",
    "Request",
    "RequestEvent",
    "Response",
    "ResponseEvent",
    "Signal",
    "decode_headers",
]

ReadableBuffer: TypeAlias = bytes | bytearray | memoryview
"""What readers take and writers return."""

RawHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Field lines in the order and the case they came in, values without the whitespace around."""


class Signal(enum.Enum):
    """What `next_event` returns when there is no event."""

    NEED_DATA = "NEED_DATA"
    """Nothing more can be said before more bytes, or the end of the stream, are received."""
    PAUSED = "PAUSED"
    """The message has ended, or the protocol was switched; nothing more is read as HTTP."""
    CLOSED = "CLOSED"
    """The client ended its stream where a request could have begun: all is well, and over."""


NEED_DATA: Final = Signal.NEED_DATA
PAUSED: Final = Signal.PAUSED
CLOSED: Final = Signal.CLOSED


BodySignal: TypeAlias = Literal[Signal.NEED_DATA, Signal.PAUSED]
"""What there is instead of an event of a response, or of the content of a request."""


class Framing(enum.Enum):
    """How the end of a message's body is found (RFC 9112 section 6.3)."""

    NONE = "NONE"
    """The message has no body, whatever its fields say."""
    LENGTH = "LENGTH"
    """The body has as many bytes as Content-Length says."""
    CHUNKED = "CHUNKED"
    """The body is in the chunked transfer coding."""
    UNTIL_CLOSE = "UNTIL_CLOSE"
    """The body ends where the connection does."""
    SWITCHED = "SWITCHED"
    """What follows the head is not HTTP: a 101 response, or 2xx to CONNECT; a CONNECT request."""


def decode_headers(raw_headers: RawHeaders) -> CIMultiDictProxy[str]:
    """Decode field lines; bytes that are not UTF-8 become surrogate escapes, so none is lost."""
    decoded = [
        (name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
        for name, value in raw_headers
    ]
    return CIMultiDictProxy(CIMultiDict(decoded))


class _Event:  # noqa: PLW1641 -- mutable
    """What every event can do by the arguments it was made with."""

    __slots__ = ()

    def _content(self) -> tuple[object, ...]:
        """Return what its constructor takes."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Event) or type(other) is not type(self):
            return NotImplemented
        return self._content() == other._content()

    def __repr__(self) -> str:
        shown = [str(x) if isinstance(x, Framing) else repr(x) for x in self._content()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self._content()


class _Head(_Event):
    """The fields of a head; split and decoded when somebody asks.

    A subclass sets the attributes itself: one call less for each message.
    """

    __slots__ = ("_block", "_headers", "_lowered", "_raw_headers")

    _raw_headers: RawHeaders | None
    """The field lines; `None` while they are only in the block."""
    _block: bytes
    """The field lines as `_scan.split_lines` takes them; empty when they were given split."""
    _lowered: bytes
    """The block in lower case, once it was searched."""
    _headers: CIMultiDictProxy[str] | None

    @property
    def raw_headers(self) -> RawHeaders:
        """The field lines; split when first asked for."""
        raw_headers = self._raw_headers
        if raw_headers is None:
            raw_headers = self._raw_headers = tuple(split_lines(self._block))
        return raw_headers

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields by name, decoded; made when first asked for."""
        headers = self._headers
        if headers is None:
            if self._block:
                headers = CIMultiDictProxy(decode_block(self._block))
            else:
                headers = decode_headers(self.raw_headers)
            self._headers = headers
        return headers

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of every field line called `name`, in order.

        Args:
            name: the field name, in any case.
        """
        name = name.lower()
        block = self._block
        if not block:
            return [value for raw_name, value in self.raw_headers if raw_name.lower() == name]
        lowered = self._lowered
        if not lowered:
            lowered = self._lowered = block.lower()
        line = b"\n" + name + b":"
        values: list[bytes] = []
        pos = lowered.find(line)
        while pos >= 0:
            start = pos + len(line)
            end = block.find(b"\r", start)
            values.append(block[start:end].strip(OWS))
            pos = lowered.find(line, end)
        return values


class InformationalResponse(_Head):
    """A 1xx response, which a final one follows (RFC 9110 section 15.2); never 101.

    Args:
        status: the status code, 100 to 199.
        reason: the reason phrase, possibly empty.
        version: (1, 0) or (1, 1).
        raw_headers: the field lines. (`None` is the readers' own: they have them in another form.)
    """

    __slots__ = ("reason", "status", "version")

    def __init__(
        self,
        status: int,
        reason: str,
        version: tuple[int, int],
        raw_headers: RawHeaders | None,
        _block: bytes = b"",
    ) -> None:
        self._raw_headers = raw_headers
        self._block = _block
        self._lowered = b""
        self._headers = None
        self.status = status
        self.reason = reason
        self.version = version

    def _content(self) -> tuple[object, ...]:
        return self.status, self.reason, self.version, self.raw_headers


class Response(_Head):
    """The head of a final response, or of the one that switches protocols.

    Args:
        status: the status code, 101 or 200 to 999.
        reason: the reason phrase, possibly empty.
        version: (1, 0) or (1, 1).
        raw_headers: the field lines. (`None` is the readers' own: they have them in another form.)
        framing: how the end of the body is found.
        content_length: what Content-Length says, in bytes, or `None` without one. For a response
            without a body (to HEAD, or 304) it is what the body of a 200 to GET would have.
    """

    __slots__ = ("content_length", "framing", "reason", "status", "version")

    def __init__(  # noqa: PLR0917 -- made once for each response: keywords cost
        self,
        status: int,
        reason: str,
        version: tuple[int, int],
        raw_headers: RawHeaders | None,
        framing: Framing,
        content_length: int | None,
        _block: bytes = b"",
    ) -> None:
        self._raw_headers = raw_headers
        self._block = _block
        self._lowered = b""
        self._headers = None
        self.status = status
        self.reason = reason
        self.version = version
        self.framing = framing
        self.content_length = content_length

    def _content(self) -> tuple[object, ...]:
        start = (self.status, self.reason, self.version, self.raw_headers)
        return (*start, self.framing, self.content_length)


class Request(_Head):
    """The head of a request.

    Args:
        method: the method, in the case it came in: methods are case-sensitive.
        target: the request target as it came (RFC 9112 section 3.2): for CONNECT an authority,
            for OPTIONS possibly `*`, else a path with its query, or an absolute URI, whose
            authority then counts instead of Host.
        version: (1, 0) or (1, 1).
        raw_headers: the field lines. (`None` is the readers' own: they have them in another form.)
        framing: how the end of the body is found.
        content_length: what Content-Length says, in bytes, or `None` without one.
    """

    __slots__ = ("content_length", "framing", "method", "target", "version")

    def __init__(  # noqa: PLR0917 -- made once for each request: keywords cost
        self,
        method: str,
        target: str,
        version: tuple[int, int],
        raw_headers: RawHeaders | None,
        framing: Framing,
        content_length: int | None,
        _block: bytes = b"",
    ) -> None:
        self._raw_headers = raw_headers
        self._block = _block
        self._lowered = b""
        self._headers = None
        self.method = method
        self.target = target
        self.version = version
        self.framing = framing
        self.content_length = content_length

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for 100 (Continue) before it sends the body.

        RFC 9110 section 10.1.1. A server answers with 100, or with a final status at once.
        """
        has_content = self.framing is Framing.CHUNKED or bool(self.content_length)
        if self.version < (1, 1) or not has_content:
            return False
        expectations = b",".join(self.values(b"expect")).lower().split(b",")
        return any(expectation.strip(OWS) == b"100-continue" for expectation in expectations)

    def _content(self) -> tuple[object, ...]:
        start = (self.method, self.target, self.version, self.raw_headers)
        return (*start, self.framing, self.content_length)


class Data(_Event):
    """A piece of the body, with its transfer coding removed.

    One `Data` holds all of the body that one `receive_data` brought, however many chunks.

    Args:
        data: the bytes, as the content coding left them.
        chunk_ends: the offsets in `data` at which a chunk of the chunked coding ended; empty
            for other framings.
    """

    __slots__ = ("chunk_ends", "data")

    def __init__(self, data: bytes, chunk_ends: tuple[int, ...] = ()) -> None:
        self.data = data
        self.chunk_ends = chunk_ends

    def _content(self) -> tuple[object, ...]:
        return self.data, self.chunk_ends


class EndOfMessage(_Event):
    """The message is complete.

    Args:
        trailers: the field lines of the trailer section (RFC 9112 section 7.1.2). They are kept
            apart from the header, because a sender may put any name there (RFC 9110 section 6.5).
    """

    __slots__ = ("trailers",)

    def __init__(self, trailers: RawHeaders = ()) -> None:
        self.trailers = trailers

    def _content(self) -> tuple[object, ...]:
        return (self.trailers,)


ResponseEvent: TypeAlias = InformationalResponse | Response | Data | EndOfMessage
"""What a `ResponseReader` finds."""

RequestEvent: TypeAlias = Request | Data | EndOfMessage
"""What a `RequestReader` finds."""

Event: TypeAlias = ResponseEvent | RequestEvent
"""What either of them finds."""
