"""Reading responses: bytes in, events out (the client's half of RFC 9112)."""

from typing import Final, TypeAlias

from whimbrel_http_parser._chunked import ChunkedBody
from whimbrel_http_parser._framing import reason_to_close, response_framing
from whimbrel_http_parser._grammar import STATUS_LINE_CRLF
from whimbrel_http_parser._section import FieldLines, ResponseHead, scan_field_lines
from whimbrel_http_parser.errors import (
    IncompleteMessage,
    LimitExceeded,
    LocalProtocolError,
    ProtocolError,
)
from whimbrel_http_parser.events import (
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Event,
    Framing,
    InformationalResponse,
    Response,
    Signal,
)
from whimbrel_http_parser.fields import KeepAlive, parse_keep_alive
from whimbrel_http_parser.limits import DEFAULT_LIMITS, STRICT, Leniency, Limits

__all__ = ["ReadableBuffer", "ResponseReader"]

ReadableBuffer: TypeAlias = bytes | bytearray | memoryview

_HEAD: Final = 0
_LENGTH: Final = 1
_CHUNKED: Final = 2
_UNTIL_CLOSE: Final = 3
_END: Final = 4  # the body is complete, EndOfMessage is due
_DONE: Final = 5  # EndOfMessage was delivered
_SWITCHED: Final = 6
_FAILED: Final = 7

_STATE_OF_FRAMING: Final = {
    Framing.NONE: _END,
    Framing.LENGTH: _LENGTH,
    Framing.CHUNKED: _CHUNKED,
    Framing.UNTIL_CLOSE: _UNTIL_CLOSE,
    Framing.SWITCHED: _SWITCHED,
}


def _values(name: bytes, names: list[bytes], lines: FieldLines) -> list[bytes]:
    """Return the values of the lines called `name`; `names` are theirs in lower case."""
    if name not in names:
        return []
    return [lines[i][1] for i, lowered in enumerate(names) if lowered == name]


class ResponseReader:
    """Reads the responses on one connection, one cycle at a time.

    Feed it with `receive_data` and `receive_eof`, and call `next_event` until it returns a signal.
    For each cycle the events are any number of `InformationalResponse`, one `Response`, any number
    of `Data` and one `EndOfMessage`; after a `Response` that switches protocols comes nothing.

    Args:
        request_method: the method of the request whose response is read: the framing depends on it
            (RFC 9112 section 6.3).
        limits: what the peer may send at most.
        leniency: which violations of the grammar to tolerate.
    """

    __slots__ = (
        "_chunked",
        "_close_reason",
        "_data",
        "_eof",
        "_error",
        "_expected",
        "_head",
        "_informational",
        "_left",
        "_leniency",
        "_leniency_used",
        "_limits",
        "_method",
        "_pending",
        "_pos",
        "_response",
        "_scan_maximum",
        "_state",
    )

    def __init__(
        self,
        request_method: str = "GET",
        *,
        limits: Limits = DEFAULT_LIMITS,
        leniency: Leniency = STRICT,
    ) -> None:
        self._limits = limits
        self._leniency = leniency
        # A head of no more bytes than this cannot have a line that is too long.
        self._scan_maximum = min(limits.start_line, limits.field_line, limits.head)
        self._data = b""  # what is being read, from _pos on
        self._pos = 0
        self._pending: list[bytes] = []  # what came after _data
        self._eof = False
        self._error: ProtocolError | None = None
        self._begin(request_method)

    def _begin(self, request_method: str) -> None:
        self._method = request_method
        self._state: int = _HEAD
        self._informational = 0
        self._head: ResponseHead | None = None  # while a head comes in pieces
        self._response: Response | None = None
        self._chunked: ChunkedBody | None = None
        self._left = 0
        self._expected = 0
        self._leniency_used: str | None = None
        self._close_reason: str | None = None

    def receive_data(self, data: ReadableBuffer) -> None:
        """Take bytes from the peer. Nothing is parsed before `next_event`.

        Args:
            data: what was received; `bytes` are taken without a copy. Empty data mean nothing.

        Raises:
            LocalProtocolError: the end of the stream was received already.
        """
        if self._eof:
            raise LocalProtocolError("data received after the end of the stream")
        if data and self._state != _FAILED:
            self._pending.append(data if isinstance(data, bytes) else bytes(data))

    def receive_eof(self) -> None:
        """Learn that the peer will send no more; repeating it is harmless."""
        self._eof = True

    def next_event(self) -> Event | Signal:
        """Return the next event, or why there is none.

        Returns:
            An event; or `NEED_DATA`: receive more, then ask again; or `PAUSED`: the message has
            ended, or the protocol was switched, and what follows is in `trailing_data`.

        Raises:
            MalformedMessage: the peer broke the grammar or its framing is ambiguous.
            LimitExceeded: the peer sent more than the limits allow.
            IncompleteMessage: the stream ended too early.

        After an error the reader is spent: it raises the same error each time.
        """
        state = self._state
        if self._pending and state < _END:
            self._take_pending()
        try:
            if state == _HEAD:
                return self._read_head()
            if state == _LENGTH:
                return self._read_length()
            if state == _CHUNKED:
                return self._read_chunked()
            if state == _UNTIL_CLOSE:
                return self._read_until_close()
        except ProtocolError as error:
            self._fail(error)
            raise
        if state == _END:
            return self._end_message()
        if self._error is not None:
            raise self._error.with_traceback(None)
        return PAUSED

    def start_next_cycle(self, request_method: str = "GET") -> None:
        """Go on with the next response on the same connection.

        What is in `trailing_data` is read as its beginning, which is right for pipelined requests
        only: otherwise heed `close_reason` first.

        Args:
            request_method: the method of the next request.

        Raises:
            LocalProtocolError: the response is not complete, or its connection cannot be used
                again.
        """
        if self._state != _DONE:
            raise LocalProtocolError("no next cycle: " + (self.close_reason or "not complete"))
        reason = self._lasting_close_reason()
        if reason is not None:
            raise LocalProtocolError("no next cycle: " + reason)
        self._begin(request_method)

    @property
    def trailing_data(self) -> bytes:
        """What was received behind the end of the message or the switch; empty before that.

        It is not consumed. After a switch it is the beginning of the other protocol.
        """
        if self._state not in (_DONE, _SWITCHED):
            return b""
        self._take_pending()
        return self._data[self._pos :]

    @property
    def close_reason(self) -> str | None:
        """Why the connection cannot be used for another request, in words.

        `None` if it can: the response is complete, and nothing speaks against it.
        """
        if self._error is not None:
            return f"the response is broken: {self._error}"
        if self._state == _SWITCHED:
            return self._close_reason
        if self._state != _DONE:
            return "the response is not complete"
        reason = self._lasting_close_reason()
        if reason is not None:
            return reason
        if self._pending or self._pos < len(self._data):
            return "data after the end of the response"
        if self._eof:
            return "the server closed the connection"
        return None

    @property
    def keep_alive(self) -> KeepAlive:
        """What the Keep-Alive field of the final response says; nothing before there is one."""
        if self._response is None:
            return parse_keep_alive("")
        values = self._response.values(b"keep-alive")
        return parse_keep_alive(b",".join(values).decode("latin-1"))

    def _lasting_close_reason(self) -> str | None:
        if self._leniency_used is not None:
            return f"the leniency {self._leniency_used} was needed"
        return self._close_reason

    def _take_pending(self) -> None:
        """Move everything received into `_data`."""
        pending = self._pending
        if not pending:
            return
        if self._pos < len(self._data):
            pending.insert(0, self._data[self._pos :])
        self._data = pending[0] if len(pending) == 1 else b"".join(pending)
        self._pos = 0
        self._pending = []

    def _fail(self, error: ProtocolError) -> None:
        self._error = error
        self._state = _FAILED
        self._data = b""
        self._pos = 0
        self._pending = []
        self._head = None
        self._chunked = None

    def _end_message(self) -> EndOfMessage:
        self._state = _DONE
        if self._chunked is None:
            return EndOfMessage()
        trailers = self._chunked.trailers
        if trailers.leniency_used is not None:
            self._leniency_used = trailers.leniency_used
        return EndOfMessage(tuple(trailers.lines))

    def _read_head(self) -> Event | Signal:
        if self._head is None:
            event = self._scan_head()
            if event is not None:
                return event
            if self._pos == len(self._data):
                return self._need_head(0)
            self._head = ResponseHead(self._limits, self._leniency)
        head = self._head
        self._pos = head.feed(self._data, self._pos)
        if not head.complete:
            return self._need_head(head.received)
        self._head = None
        if head.leniency_used is not None:
            self._leniency_used = head.leniency_used
        return self._take_head(head.status, head.reason, head.version, head.lines)

    def _scan_head(self) -> Event | None:
        """Take a head that is there as a whole and correct, or leave it alone."""
        data = self._data
        start = self._pos
        # CRLF CRLF is the end, if every line before it is one that ends with CRLF.
        end = data.find(b"\r\n\r\n", start, start + self._scan_maximum)
        match = STATUS_LINE_CRLF.match(data, start) if end >= 0 else None
        if match is None:
            return None
        lines = scan_field_lines(data, match.end(), end + 2, self._limits.fields)
        if lines is None:
            return None
        self._pos = end + 4
        minor, status, reason = match.groups()
        return self._take_head(int(status), reason, (1, int(minor)), lines)

    def _need_head(self, received: int) -> Signal:
        if self._eof:
            started = received > 0 or self._informational > 0
            raise IncompleteMessage("head", received, None, started)
        return NEED_DATA

    def _take_head(
        self, status: int, reason_phrase: bytes, version: tuple[int, int], lines: FieldLines
    ) -> Event:
        """Turn a head into its event, and decide how its body is read."""
        reason = reason_phrase.decode("utf-8", "surrogateescape")
        names = [line[0].lower() for line in lines]
        raw_headers = tuple(lines)
        if status < 200 and status != 101:
            self._informational += 1
            if self._informational > self._limits.informational:
                raise LimitExceeded("informational", self._limits.informational)
            return InformationalResponse(status, reason, version, raw_headers, names)
        codings = _values(b"transfer-encoding", names, lines)
        lengths = _values(b"content-length", names, lines)
        connections = _values(b"connection", names, lines)
        framing, length = response_framing(self._method, status, version, codings, lengths)
        self._close_reason = reason_to_close(
            status, version, framing, connections, bool(codings or length)
        )
        response = Response(status, reason, version, raw_headers, framing, length, names)
        self._response = response
        self._state = _STATE_OF_FRAMING[framing]
        if framing is Framing.CHUNKED:
            self._chunked = ChunkedBody(self._limits, self._leniency)
        elif framing is Framing.LENGTH:
            assert length is not None
            self._expected = self._left = length
            if length == 0:
                self._state = _END
        return response

    def _rest(self, maximum: int) -> bytes:
        """Take at most `maximum` of the bytes that are there; all of a piece without a copy."""
        data = self._data
        pos = self._pos
        available = len(data) - pos
        if available <= maximum:
            self._data = b""
            self._pos = 0
            return data[pos:] if pos else data
        self._pos = pos + maximum
        return data[pos : pos + maximum]

    def _read_length(self) -> Event | Signal:
        content = self._rest(self._left)
        if content:
            self._left -= len(content)
            if self._left == 0:
                self._state = _END
            return Data(content)
        if self._eof:
            raise IncompleteMessage("body", self._expected - self._left, self._expected)
        return NEED_DATA

    def _read_chunked(self) -> Event | Signal:
        body = self._chunked
        assert body is not None
        if body.failure is None and self._pos < len(self._data):
            self._pos = body.feed(self._data, self._pos)
            content = body.take_data()
            if content is not None:
                return content
        if body.failure is not None:
            raise body.failure
        if body.complete:
            return self._end_message()
        if self._eof:
            if body.in_trailers:
                raise IncompleteMessage("trailers", body.trailers.received)
            raise IncompleteMessage("body", body.received)
        return NEED_DATA

    def _read_until_close(self) -> Event | Signal:
        if self._pos < len(self._data):
            return Data(self._rest(len(self._data)))
        if self._eof:
            return self._end_message()
        return NEED_DATA
