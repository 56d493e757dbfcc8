"""One request and its response on one HTTP/1.1 connection.

The only module that joins a transport with the HTTP/1.1 reader and writer. An `Exchange` is the
transport's receiver from the moment the connection is acquired until the response has ended; it
owns a fresh reader, and gives the connection back, or closes it, in the callback in which the
response ends. It is never used again, so that nothing of one response can reach the next.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from whimbrel.errors import (
    ClientConnectionError,
    ClientOSError,
    ClientPayloadError,
    ClientResponseError,
    ServerDisconnectedError,
    SocketTimeoutError,
)
from whimbrel.streams import StreamReader
from whimbrel_http_parser import (
    NEED_DATA,
    Data,
    EndOfMessage,
    Framing,
    IncompleteMessage,
    InformationalResponse,
    LimitExceeded,
    RemoteProtocolError,
    Response,
    ResponseReader,
    Signal,
    chunked_body,
    decoder_for,
    encoder_for,
    length_body,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from whimbrel.payload import Payload
    from whimbrel.request import ClientRequest
    from whimbrel.timeouts import Deadline, Deadlines
    from whimbrel_connector import Connection, ReadableBuffer, Transport
    from whimbrel_http_parser import BodyWriter, Decoder, Limits, RawHeaders

__all__ = ["Exchange"]

_ONE_WRITE = 2**16
"""Content of up to this many bytes goes out in one write with the head."""


class Exchange:
    """One request and its response; the transport's `Receiver` meanwhile.

    Args:
        request: what to send.
        connection: where; the exchange releases or closes it.
        loop: the running event loop.
        deadlines: where the silence between two pieces of data is watched.
        limits: bounds on what the peer may send.
        uploads: has the task that sends the content for as long as it runs.
        started_at: the loop's time when the request began, before the connection was acquired.
    """

    __slots__ = (
        "_deadlines",
        "_last_data_at",
        "_loop",
        "_on_end",
        "_reader",
        "_silence",
        "_transport",
        "_upload",
        "_uploading",
        "_uploads",
        "body",
        "connection",
        "ended_at",
        "first_byte_at",
        "head",
        "request",
        "started_at",
        "trailers",
        "written_at",
    )

    def __init__(
        self,
        request: ClientRequest,
        connection: Connection,
        *,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        limits: Limits,
        uploads: set[asyncio.Task[None]],
        started_at: float,
    ) -> None:
        self.request = request
        self.connection = connection
        self.head: asyncio.Future[Response] = loop.create_future()
        """The final response's head, or why there is none."""
        self.body: StreamReader | None = None
        """The body; there as soon as `head` is."""
        self.trailers: RawHeaders = ()
        self.started_at = started_at
        self.written_at = 0.0
        self.first_byte_at = 0.0
        self.ended_at = 0.0
        self._loop = loop
        self._transport: Transport = connection.transport
        self._reader = ResponseReader(request.method, limits=limits)
        self._uploads = uploads
        self._upload: asyncio.Task[None] | None = None
        self._uploading = False  # not by _upload: an eager task may end before it is assigned
        self._deadlines = deadlines
        self._silence: Deadline | None = None
        self._last_data_at = 0.0
        self._on_end: Callable[[], None] | None = None

    # What the session calls

    def send(self, head: bytes) -> None:
        """Write the request; content that does not fit one write follows from a task."""
        request = self.request
        body = request.body
        transport = self._transport
        transport.set_receiver(self)
        self.written_at = self._loop.time()
        if body is None:
            transport.write(head)
        elif (
            request.length is not None
            and request.length <= _ONE_WRITE
            and (content := body.as_bytes()) is not None
        ):
            transport.write(head + content)
        else:
            transport.write(head)
            self._uploading = True
            self._upload = self._loop.create_task(self._send_body(body))
            self._uploads.add(self._upload)
            self._upload.add_done_callback(self._uploads.discard)
        if request.options.timeout.sock_read:
            self._watch_silence(request.options.timeout.sock_read)

    def at_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the exchange ends, in whatever way; at once when it has."""
        if self.ended_at:
            callback()
        else:
            assert self._on_end is None, "one callback is all that is needed"
            self._on_end = callback

    def fail(self, exc: Exception) -> None:
        """End the exchange with `exc` and close its connection; harmless when it has ended."""
        if self.ended_at:
            return
        self._end()
        self.connection.close()  # first, so that the pool is clean when the caller learns of it
        if not self.head.done():
            self.head.set_exception(exc)
        elif self.body is not None:
            self.body.set_exception(exc)

    def close(self) -> None:
        """End the exchange because nobody wants the rest; harmless when it has ended."""
        if self.head.done() and not self.head.cancelled():
            self.head.exception()  # nobody else will ask for it
        if not self.ended_at:
            self.head.cancel()
            self.fail(ClientConnectionError("The response was closed before its body was read"))

    def close_soon(self) -> None:
        """`close`, from whatever thread; nothing when the loop is closed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)

    def take_over(self) -> tuple[Transport, bytes]:
        """Hand the transport over after 101 (RFC 9110 section 7.8), with the bytes that followed.

        The caller sets its own receiver and resumes reading.
        """
        received = self._reader.trailing_data
        self._end()
        # The response may live as long as the connection that was taken over.
        del self._reader
        return self.connection.detach(), received

    @property
    def ended(self) -> bool:
        """Whether the exchange has ended: no more comes, and the connection is not its own."""
        return self.ended_at != 0.0

    @property
    def retriable(self) -> bool:
        """Whether a failure can be blamed on an idle connection that the peer had closed."""
        return self.connection.reused and not self.first_byte_at

    # What the body's reader calls

    def pause_body(self) -> None:
        """Stop reading from the peer: there is enough to read for the caller."""
        if not self.ended_at:
            self._transport.pause_reading()

    def resume_body(self) -> None:
        """Read from the peer again."""
        if not self.ended_at:
            self._last_data_at = self._loop.time()
            self._transport.resume_reading()

    def abandon_body(self) -> None:
        """End the exchange: the body cannot be decoded."""
        if not self.ended_at:
            self._end()
            self.connection.close()

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        """Take bytes of the response."""
        if self.ended_at:
            return
        if not self.first_byte_at:
            self.first_byte_at = self._loop.time()
        if self._silence is not None:
            self._last_data_at = self._loop.time()
        self._reader.receive_data(data)
        self._pump()

    def eof_received(self) -> None:
        """Learn that the peer ended its side, which ends a body without length."""
        if self.ended_at:
            return
        self._reader.receive_eof()
        self._pump()
        # Still here only after 101: the reader has nothing to say about what follows it.
        self.fail(ServerDisconnectedError(f"{self._peer} closed the connection"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Learn that the connection is gone."""
        if self.ended_at:
            return
        if isinstance(exc, ClientConnectionError):
            self.fail(exc)  # the connector's own doing, and it says what
        elif not isinstance(exc, OSError):
            self.fail(self._disconnected(exc))
        elif not self.head.done():
            error = ClientOSError(
                exc.errno, f"{self._peer} failed while awaiting a response: {exc}"
            )
            error.__cause__ = exc
            self.fail(error)
        else:
            self.fail(self._payload_error(f"the connection failed: {exc}", exc))

    # Reading

    def _pump(self) -> None:
        reader = self._reader
        try:
            while not self.ended_at:
                event = reader.next_event()
                if type(event) is Data:
                    assert self.body is not None
                    self.body.feed_data(event.data, event.chunk_ends)
                elif event is NEED_DATA:
                    return
                elif type(event) is Response:
                    self._final_head(event)
                elif type(event) is EndOfMessage:
                    self._complete(event)
                elif type(event) is not InformationalResponse:
                    assert isinstance(event, Signal)
                    return
        except RemoteProtocolError as exc:
            self.fail(self._protocol_error(exc))

    def _final_head(self, head: Response) -> None:
        if head.framing is Framing.SWITCHED:
            if not self.request.upgrades:
                error = f"Unexpected {head.status}: the request did not ask for another protocol"
                self.fail(ClientResponseError(self.request.request_info, message=error))
                return
            self._transport.pause_reading()
        options = self.request.options
        decoder: Decoder | None = None
        if options.auto_decompress and head.framing is not Framing.NONE:
            try:
                decoder = decoder_for(head.values(b"content-encoding"))
            except LimitExceeded as exc:
                self.fail(self._payload_error(str(exc), exc))
                return
        self.body = StreamReader(self, options.read_bufsize, decoder)
        if head.framing is Framing.SWITCHED:
            self.body.feed_eof()  # what follows is no body
        if not self.head.done():
            self.head.set_result(head)

    def _complete(self, event: EndOfMessage) -> None:
        self.trailers = event.trailers
        reader = self._reader
        reusable = reader.close_reason is None and not self._uploading and not self.request.closes
        self._end()
        if reusable:
            self.connection.release(reader.keep_alive.timeout)
        else:
            self.connection.close()
        assert self.body is not None
        self.body.feed_eof()

    def _end(self) -> None:
        self.ended_at = self._loop.time()
        if self._silence is not None:
            self._silence.cancel()
        if self._upload is not None:
            self._upload.cancel()
        if self._on_end is not None:
            self._on_end()

    # Writing

    async def _send_body(self, body: Payload) -> None:
        length, coding = self.request.length, self.request.coding
        writer = chunked_body() if length is None else length_body(length)
        encoder = None if coding is None else encoder_for(coding)
        try:
            async with aclosing(body.parts()) as parts:
                async for piece in parts:
                    coded = encoder.encode(bytes(piece)) if encoder else piece
                    await self._send_piece(writer, coded)
            if encoder is not None:
                await self._send_piece(writer, encoder.finish())
            self._transport.write(writer.end())
        except ConnectionResetError as exc:
            if not self._transport.is_closing():  # else connection_lost says it
                self._upload_failed(exc)
        except asyncio.CancelledError as exc:
            self._upload_failed(exc)  # from inside the iterable; when it was us, nobody listens
            raise
        except Exception as exc:
            self._upload_failed(exc)
        else:
            self._uploading = False
            self.written_at = self._last_data_at = self._loop.time()

    async def _send_piece(self, writer: BodyWriter, piece: ReadableBuffer) -> None:
        if piece:
            self._transport.writelines(writer.data(piece))
            await self._transport.drain()

    def _upload_failed(self, exc: BaseException) -> None:
        error = ClientConnectionError(f"Cannot send the request body: {exc!r:.300}")
        error.__cause__ = exc
        self.fail(error)

    # Silence

    def _watch_silence(self, seconds: float) -> None:
        self._last_data_at = self._loop.time()
        self._silence = self._deadlines.after(
            seconds, self._check_silence, self.request.options.timeout.ceil_threshold
        )

    def _check_silence(self) -> None:
        timeout = self.request.options.timeout
        limit = timeout.sock_read or 0.0
        silent = self._loop.time() - self._last_data_at
        if self._uploading or (self.body is not None and self.body.paused):
            silent = 0.0  # it is not the peer that we wait for
        if silent >= limit:
            self.fail(SocketTimeoutError(f"{self._peer} sent nothing for {limit} s (sock_read)"))
        else:
            self._silence = self._deadlines.after(
                limit - silent, self._check_silence, timeout.ceil_threshold
            )

    # Errors

    @property
    def _peer(self) -> str:
        endpoint = self.request.endpoint
        return f"The server {endpoint.host}:{endpoint.port}"

    def _disconnected(self, cause: BaseException | None) -> Exception:
        if self.head.done():
            return self._payload_error("the connection was closed", cause)
        error = ServerDisconnectedError(f"{self._peer} closed the connection without a response")
        error.__cause__ = cause
        return error

    def _payload_error(self, what: str, cause: BaseException | None) -> ClientPayloadError:
        error = ClientPayloadError(f"Response payload is not completed: {what}")
        error.__cause__ = cause
        return error

    def _protocol_error(self, exc: RemoteProtocolError) -> Exception:
        if self.head.done():
            return self._payload_error(str(exc), exc)
        error: Exception
        if isinstance(exc, IncompleteMessage):
            error = ServerDisconnectedError(f"{self._peer} did not answer: {exc}")
        else:
            error = ClientResponseError(
                self.request.request_info, message=f"Malformed response: {exc}"
            )
        error.__cause__ = exc
        return error
