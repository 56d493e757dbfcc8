"""What a reader finds in the bytes, as values.

Every event compares equal to another one with the same content and shows it in its `repr`. They
are made once for each message or each piece of it, so they are plain classes with slots.
"""

import enum
from typing import Final, TypeAlias

from multidict import CIMultiDict, CIMultiDictProxy

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "Data",
    "EndOfMessage",
    "Event",
    "Framing",
    "InformationalResponse",
    "RawHeaders",
    "Response",
    "Signal",
    "decode_headers",
]

RawHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Field lines in the order and the case they came in, values without the whitespace around."""


class Signal(enum.Enum):
    """What `next_event` returns when there is no event."""

    NEED_DATA = "NEED_DATA"
    """Nothing more can be said before more bytes, or the end of the stream, are received."""
    PAUSED = "PAUSED"
    """The message has ended, or the protocol was switched; nothing more is read as HTTP."""


NEED_DATA: Final = Signal.NEED_DATA
PAUSED: Final = Signal.PAUSED


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
    """What follows the head is not HTTP: a 101 response, or 2xx to CONNECT."""


def decode_headers(raw_headers: RawHeaders) -> CIMultiDictProxy[str]:
    """Decode field lines; bytes that are not UTF-8 become surrogate escapes, so none is lost."""
    decoded = [
        (name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
        for name, value in raw_headers
    ]
    return CIMultiDictProxy(CIMultiDict(decoded))


class _ResponseHead:
    """What an informational and a final response have in common."""

    __slots__ = ("_headers", "_names", "raw_headers", "reason", "status", "version")

    def __init__(
        self,
        status: int,
        reason: str,
        version: tuple[int, int],
        raw_headers: RawHeaders,
        names: list[bytes] | None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.version = version
        self.raw_headers = raw_headers
        self._names = names
        self._headers: CIMultiDictProxy[str] | None = None

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields by name, decoded; made when first asked for."""
        if self._headers is None:
            self._headers = decode_headers(self.raw_headers)
        return self._headers

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of every field line called `name`, in order.

        Args:
            name: the field name in lower case.
        """
        names = self._names
        if names is None:
            names = self._names = [raw_name.lower() for raw_name, _ in self.raw_headers]
        if name not in names:
            return []
        lines = self.raw_headers
        return [lines[i][1] for i, lowered in enumerate(names) if lowered == name]


class InformationalResponse(_ResponseHead):  # noqa: PLW1641 -- mutable
    """A 1xx response, which a final one follows (RFC 9110 section 15.2); never 101.

    Args:
        status: the status code, 100 to 199.
        reason: the reason phrase, possibly empty.
        version: (1, 0) or (1, 1).
        raw_headers: the field lines.
        names: the names of `raw_headers` in lower case, when the caller has them already.
    """

    __slots__ = ()

    def __init__(
        self,
        status: int,
        reason: str,
        version: tuple[int, int],
        raw_headers: RawHeaders,
        names: list[bytes] | None = None,
    ) -> None:
        super().__init__(status, reason, version, raw_headers, names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InformationalResponse):
            return NotImplemented
        return (
            self.status == other.status
            and self.reason == other.reason
            and self.version == other.version
            and self.raw_headers == other.raw_headers
        )

    def __repr__(self) -> str:
        return (
            f"InformationalResponse({self.status!r}, {self.reason!r}, {self.version!r}, "
            f"{self.raw_headers!r})"
        )


class Response(_ResponseHead):  # noqa: PLW1641 -- mutable
    """The head of a final response, or of the one that switches protocols.

    Args:
        status: the status code, 101 or 200 to 999.
        reason: the reason phrase, possibly empty.
        version: (1, 0) or (1, 1).
        raw_headers: the field lines.
        framing: how the end of the body is found.
        content_length: what Content-Length says, in bytes, or `None` without one. For a response
            without a body (to HEAD, or 304) it is what the body of a 200 to GET would have.
        names: the names of `raw_headers` in lower case, when the caller has them already.
    """

    __slots__ = ("content_length", "framing")

    def __init__(  # noqa: PLR0917 -- made once for each response: keywords cost
        self,
        status: int,
        reason: str,
        version: tuple[int, int],
        raw_headers: RawHeaders,
        framing: Framing,
        content_length: int | None,
        names: list[bytes] | None = None,
    ) -> None:
        super().__init__(status, reason, version, raw_headers, names)
        self.framing = framing
        self.content_length = content_length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Response):
            return NotImplemented
        return (
            self.status == other.status
            and self.reason == other.reason
            and self.version == other.version
            and self.raw_headers == other.raw_headers
            and self.framing == other.framing
            and self.content_length == other.content_length
        )

    def __repr__(self) -> str:
        return (
            f"Response({self.status!r}, {self.reason!r}, {self.version!r}, "
            f"{self.raw_headers!r}, {self.framing!s}, {self.content_length!r})"
        )


class Data:  # noqa: PLW1641 -- mutable
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Data):
            return NotImplemented
        return self.data == other.data and self.chunk_ends == other.chunk_ends

    def __repr__(self) -> str:
        return f"Data({self.data!r}, {self.chunk_ends!r})"


class EndOfMessage:  # noqa: PLW1641 -- mutable
    """The message is complete.

    Args:
        trailers: the field lines of the trailer section (RFC 9112 section 7.1.2). They are kept
            apart from the header, because a sender may put any name there (RFC 9110 section 6.5).
    """

    __slots__ = ("trailers",)

    def __init__(self, trailers: RawHeaders = ()) -> None:
        self.trailers = trailers

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EndOfMessage):
            return NotImplemented
        return self.trailers == other.trailers

    def __repr__(self) -> str:
        return f"EndOfMessage({self.trailers!r})"


Event: TypeAlias = InformationalResponse | Response | Data | EndOfMessage
