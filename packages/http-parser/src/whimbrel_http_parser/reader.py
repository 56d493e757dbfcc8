"""Reading responses and requests: bytes in, events out (the receiving halves of RFC 9112)."""

from whimbrel_http_parser._framing import (
    request_framing,
    response_framing,
    why_informational_ends,
    why_not_persistent,
)
from whimbrel_http_parser._grammar import REQUEST_LINE_CRLF
from whimbrel_http_parser._message_reader import HEAD, MessageReader
from whimbrel_http_parser._routing import check_host, check_request_target
from whimbrel_http_parser._scan import REASON_OFFSET, KnownFields, scan_section, scan_status_line
from whimbrel_http_parser._section import RequestHead, ResponseHead
from whimbrel_http_parser.errors import IncompleteMessage, LimitExceeded, ProtocolError
from whimbrel_http_parser.events import (
    CLOSED,
    NEED_DATA,
    BodySignal,
    Framing,
    InformationalResponse,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    Signal,
)
from whimbrel_http_parser.fields import KeepAlive, parse_keep_alive
from whimbrel_http_parser.limits import DEFAULT_LENIENCY, DEFAULT_LIMITS, Leniency, Limits

__all__ = ["RequestReader", "ResponseReader"]


class ResponseReader(MessageReader):
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

    __slots__ = ("_head", "_informational", "_informational_reason", "_method", "_response")

    def __init__(
        self,
        request_method: str = "GET",
        *,
        limits: Limits = DEFAULT_LIMITS,
        leniency: Leniency = DEFAULT_LENIENCY,
    ) -> None:
        super().__init__(limits, leniency)
        self._begin_response(request_method)

    def _begin_response(self, request_method: str) -> None:
        if not isinstance(request_method, str):
            raise TypeError("the request method must be text")
        self._method = request_method
        self._informational = 0
        self._informational_reason: str | None = None
        self._head: ResponseHead | None = None  # while a head comes in pieces
        self._response: Response | None = None

    def next_event(self) -> ResponseEvent | BodySignal:
        """Return the next event, or why there is none.

        Returns:
            An event; or `NEED_DATA`: receive more, then ask again; or `PAUSED`: the response has
            ended, or the protocol was switched, and what follows is in `trailing_data`.

        Raises:
            MalformedMessage: the server broke the grammar or its framing is ambiguous.
            LimitExceeded: the server sent more than the limits allow.
            IncompleteMessage: the stream ended too early.

        After an error the reader is spent: it raises the same error each time.
        """
        if self._state != HEAD:
            return self._next_behind_head()
        try:
            return self._read_head()
        except ProtocolError as error:
            self._fail(error)
            raise

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
        self._check_next_cycle()
        self._begin_message()
        self._begin_response(request_method)

    @property
    def close_reason(self) -> str | None:
        """Why the connection cannot be used for another request, in words.

        `None` if it can: the response is complete, and nothing speaks against it.
        """
        reason = self._close_reason("response", "the protocol was switched")
        if reason is not None:
            return reason
        if self._has_data:
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

    def _persistence_reason(self) -> str | None:
        if self._informational_reason is not None:
            return self._informational_reason
        response = self._response
        fields = self._fields
        assert response is not None
        assert fields is not None
        if response.framing is Framing.UNTIL_CLOSE:
            return "the body is delimited by close"
        if response.status == 204 and (
            fields.transfer_encoding is not None or response.content_length
        ):
            # RFC 9112 section 6.1 and RFC 9110 section 8.6 forbid both; the server may well send
            # what it announces.
            return "a 204 response announced a body"
        return why_not_persistent("server", response.version, fields.connection)

    def _read_head(self) -> InformationalResponse | Response | BodySignal:
        if self._head is None:
            if self._pos == len(self._data) and not self._take_piece():
                return self._need_head(0)
            event = self._scan_head()
            if event is not None:
                return event
            self._head = ResponseHead(self._limits, self._leniency)
        head = self._head
        if not self._feed_head(head):
            return self._need_head(head.received)
        self._head = None
        return self._take_head(
            head.status, head.reason, head.version, head.block, head.known_fields
        )

    def _scan_head(self) -> InformationalResponse | Response | None:
        """Take a head that is there as a whole and correct, or leave it alone."""
        data = self._data
        start = self._pos
        section, minor, status = scan_status_line(data, start)
        if section < 0:
            return None
        fields = KnownFields()
        end = scan_section(data, section, start + self._plain_head, self._most_fields, fields)
        if end < 0:
            return None
        self._pos = end
        reason = data[start + REASON_OFFSET : section - 2]
        # From the LF of the status line to the one before the empty line.
        block = data[section - 1 : end - 2]
        return self._take_head(status, reason, (1, minor), block, fields)

    def _need_head(self, received: int) -> BodySignal:
        if self._eof:
            started = received > 0 or self._informational > 0
            raise IncompleteMessage("head", received, None, started)
        return NEED_DATA

    def _take_head(
        self,
        status: int,
        reason_phrase: bytes,
        version: tuple[int, int],
        block: bytes,
        fields: KnownFields,
    ) -> InformationalResponse | Response:
        """Turn a head into its event, and decide how its body is read."""
        reason = reason_phrase.decode("utf-8", "surrogateescape")
        if status < 200 and status != 101:
            self._informational += 1
            if self._informational > self._limits.informational:
                raise LimitExceeded("informational", self._limits.informational)
            if self._informational_reason is None:
                self._informational_reason = why_informational_ends(fields)
            return InformationalResponse(status, reason, version, None, block)
        framing, length = response_framing(self._method, status, version, fields)
        response = Response(status, reason, version, None, framing, length, block)
        self._response = response
        self._expect_body(framing, length, fields)
        return response


class RequestReader(MessageReader):
    """Reads the requests on one connection, one cycle at a time.

    Feed it with `receive_data` and `receive_eof`, and call `next_event` until it returns a signal.
    For each cycle the events are one `Request`, any number of `Data` and one `EndOfMessage`, and
    then `PAUSED` until `start_next_cycle`, so that requests that came together are answered one by
    one. After a CONNECT request comes nothing: what follows it is for the tunnel, if the server
    makes one. A request that asks for an upgrade is read like any other; a server that answers
    101 finds the bytes of the other protocol in `trailing_data`.

    Args:
        limits: what the client may send at most.
        leniency: which violations of the grammar to tolerate.
    """

    __slots__ = ("_head", "_request")

    def __init__(
        self, *, limits: Limits = DEFAULT_LIMITS, leniency: Leniency = DEFAULT_LENIENCY
    ) -> None:
        super().__init__(limits, leniency)
        self._begin_request()

    def _begin_request(self) -> None:
        self._head: RequestHead | None = None  # while a head comes in pieces
        self._request: Request | None = None

    def next_event(self) -> RequestEvent | Signal:
        """Return the next event, or why there is none.

        Returns:
            An event; or `NEED_DATA`: receive more, then ask again; or `PAUSED`: the request has
            ended, or is for a tunnel, and what follows is in `trailing_data`; or `CLOSED`: the
            client has ended its stream where a request could have begun.

        Raises:
            MalformedMessage: the client broke the grammar or its framing is ambiguous.
            LimitExceeded: the client sent more than the limits allow.
            IncompleteMessage: the stream ended within a request.

        After an error the reader is spent: it raises the same error each time.
        """
        if self._state != HEAD:
            return self._next_behind_head()
        try:
            return self._read_head()
        except ProtocolError as error:
            self._fail(error)
            raise

    def start_next_cycle(self) -> None:
        """Go on with the next request on the same connection; call it when this one is answered.

        Raises:
            LocalProtocolError: the request is not complete, or its connection cannot be used
                again.
        """
        self._check_next_cycle()
        self._begin_message()
        self._begin_request()

    @property
    def close_reason(self) -> str | None:
        """Why the connection cannot be used for another request, in words.

        `None` if it can: the request is complete, and nothing speaks against it. A server that
        closes for this, or for a reason of its own, says `Connection: close` in its response.
        """
        if self._state == HEAD and self._eof and not self._has_data and self._is_between:
            return "the client closed the connection"
        return self._close_reason("request", "the request asked for a tunnel")

    def _persistence_reason(self) -> str | None:
        assert self._request is not None
        assert self._fields is not None
        return why_not_persistent("client", self._request.version, self._fields.connection)

    def _read_head(self) -> Request | Signal:
        if self._head is None:
            if self._pos == len(self._data) and not self._take_piece():
                return CLOSED if self._eof else NEED_DATA
            event = self._scan_head()
            if event is not None:
                return event
            self._head = RequestHead(self._limits, self._leniency)
        head = self._head
        if not self._feed_head(head):
            return self._need_head(head)
        self._head = None
        return self._take_head(
            head.method, head.target, head.version, head.block, head.known_fields
        )

    def _need_head(self, head: RequestHead) -> Signal:
        if not self._eof:
            return NEED_DATA
        if head.is_void:
            return CLOSED
        raise IncompleteMessage("head", head.received)

    @property
    def _is_between(self) -> bool:
        """Whether nothing of a request has come."""
        return self._head is None or self._head.is_void

    def _scan_head(self) -> Request | None:
        """Take a head that is there as a whole and correct, or leave it alone."""
        data = self._data
        start = self._pos
        match = REQUEST_LINE_CRLF.match(data, start)
        if match is None:
            return None
        section = match.end()
        fields = KnownFields()
        end = scan_section(data, section, start + self._plain_head, self._most_fields, fields)
        if end < 0:
            return None
        self._pos = end
        method, target, minor = match.groups()
        # From the LF of the request line to the one before the empty line.
        block = data[section - 1 : end - 2]
        return self._take_head(method, target, (1, int(minor)), block, fields)

    def _take_head(
        self,
        method_bytes: bytes,
        target: bytes,
        version: tuple[int, int],
        block: bytes,
        fields: KnownFields,
    ) -> Request:
        """Turn a head into its event, and decide how its body is read."""
        check_request_target(method_bytes, target)
        check_host(version, fields.host)
        method = method_bytes.decode("ascii")
        framing, length = request_framing(method, version, fields)
        request = Request(method, target.decode("ascii"), version, None, framing, length, block)
        self._request = request
        self._expect_body(framing, length, fields)
        return request
