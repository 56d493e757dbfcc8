"""What can go wrong with an HTTP/1.1 message, as exceptions.

All of them pickle, and none of them holds more than a short excerpt of what the peer sent. Their
arguments are kept as attributes, so that a caller can decide by them instead of by the text.
"""

__all__ = [
    "ContentCodingError",
    "IncompleteMessage",
    "LimitExceeded",
    "LocalProtocolError",
    "MalformedMessage",
    "ProtocolError",
    "RemoteProtocolError",
]

_EXCERPT_BYTES = 60

_STATUS_OF_LIMIT = {
    "start_line": 414,
    "field_line": 431,
    "fields": 431,
    "head": 431,
    "trailers": 431,
    "total": 413,
    "ratio": 413,
}


def excerpt_of(data: bytes) -> bytes:
    """Return the first bytes of `data`: enough to recognise it, little enough for a log line."""
    return data if len(data) <= _EXCERPT_BYTES else data[:_EXCERPT_BYTES] + b"..."


class ProtocolError(Exception):
    """The base of every error that this package raises about a message."""


class LocalProtocolError(ProtocolError):
    """This side asked for something that HTTP/1.1 does not allow; nothing was written."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol, or a limit; the connection cannot be used any more."""

    @property
    def status_hint(self) -> int:
        """The status code for a server to answer with, before it closes the connection."""
        return 400


class MalformedMessage(RemoteProtocolError):  # noqa: N818 -- a state of affairs, as StopIteration
    """The peer's bytes do not follow the grammar, or their framing is ambiguous.

    Args:
        what: what was expected and what came.
        position: where: in a head or a trailer section the bytes before the line; in a chunked
            body the bytes of content before it.
        excerpt: the offending bytes; cut to a short excerpt, shown escaped.
        status_hint: the status code for a server to answer with.
    """

    def __init__(
        self,
        what: str,
        position: int | None = None,
        excerpt: bytes = b"",
        status_hint: int = 400,
    ) -> None:
        self.what = what
        self.position = position
        self.excerpt = excerpt_of(excerpt)
        self._status_hint = status_hint
        super().__init__(self.what, self.position, self.excerpt, status_hint)

    @property
    def status_hint(self) -> int:
        """400, or 505 (RFC 9110 section 15.6.6) or 501 (RFC 9112 section 6.1)."""
        return self._status_hint

    def __str__(self) -> str:
        where = "" if self.position is None else f" (at byte {self.position})"
        shown = f": {self.excerpt!r}" if self.excerpt else ""
        return f"{self.what}{where}{shown}"


class LimitExceeded(RemoteProtocolError):  # noqa: N818 -- a state of affairs, as StopIteration
    """The peer sent more than `Limits` or `DecodingLimits` allows.

    Args:
        limit: the name of the field there.
        maximum: its value.
    """

    def __init__(self, limit: str, maximum: int) -> None:
        self.limit = limit
        self.maximum = maximum
        super().__init__(limit, maximum)

    @property
    def status_hint(self) -> int:
        """414 for the start line, 431 for fields (RFC 6585 section 5), 413 for content; or 400."""
        return _STATUS_OF_LIMIT.get(self.limit, 400)

    def __str__(self) -> str:
        return f"the message exceeds the limit {self.limit!r} of {self.maximum}"


class IncompleteMessage(RemoteProtocolError):  # noqa: N818 -- a state of affairs, as StopIteration
    """The peer ended its stream before the end of the message.

    Args:
        part: the part it ended in: `"head"`, `"body"` or `"trailers"`.
        received: how many bytes of that part had arrived; of the body without its framing.
        expected: how many there should have been, or `None` when the message does not say so.
        started: whether any byte had arrived since the request. `False` means that the
            connection was closed without a response, as an idle one may be at any time. (Before a
            request that is no error, but `CLOSED`.)
    """

    def __init__(
        self, part: str, received: int, expected: int | None = None, started: bool = True
    ) -> None:
        self.part = part
        self.received = received
        self.expected = expected
        self.started = started
        super().__init__(part, received, expected, started)

    def __str__(self) -> str:
        if not self.started:
            return "the connection was closed without a response"
        of = "" if self.expected is None else f" of {self.expected}"
        return f"the connection was closed in the {self.part}, after {self.received}{of} bytes"


class ContentCodingError(RemoteProtocolError):
    """A body is not what its Content-Encoding says.

    Args:
        coding: the name of the coding that failed.
        what: what is wrong with the coded data.
    """

    def __init__(self, coding: str, what: str) -> None:
        self.coding = coding
        self.what = what
        super().__init__(coding, what)

    def __str__(self) -> str:
        return f"cannot decode {self.coding}: {self.what}"
