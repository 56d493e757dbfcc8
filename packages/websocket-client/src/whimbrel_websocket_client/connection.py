"""The shell: one WebSocket over a transport, with the reference's interface for applications."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, overload

from whimbrel_websocket_client._channel import Channel, check_seconds
from whimbrel_websocket_client.errors import (
    HeartbeatError,
    WebSocketError,
    WSMessageTypeError,
    excerpt,
)
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType
from whimbrel_websocket_client.parts import Each, MessageParts
from whimbrel_websocket_client.protocol import State, WebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from typing_extensions import TypeVar

    from whimbrel_connector.interfaces import Transport
    from whimbrel_websocket_client._deflate import ZlibBackend
    from whimbrel_websocket_client.handshake import Agreement

    Octets = bytes | bytearray | memoryview

if TYPE_CHECKING:
    # Whether texts are decoded, for the type of `receive_str`; only type checkers need its default.
    DecodeText = TypeVar("DecodeText", bound=bool, default=Literal[True])
else:
    from typing import TypeVar

    DecodeText = TypeVar("DecodeText", bound=bool)

__all__ = ["DEFAULT_WS_CLIENT_TIMEOUT", "ClientWSTimeout", "ClientWebSocketResponse"]

_END_OF_ITERATION: Final = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY
_CLOSING: Final = WSMessage(data=None, extra=None, type=WSMsgType.CLOSING)
_CLOSED: Final = WSMessage(data=None, extra=None, type=WSMsgType.CLOSED)


@dataclass(frozen=True)
class ClientWSTimeout:
    """How long to wait for the peer.

    Attributes:
        ws_receive: seconds that one `receive()` waits for a complete message; `None` for ever.
        ws_close: seconds that the peer has for its part of the closing handshake, after which the
            connection is aborted; `None` for ever.
    """

    ws_receive: float | None = None
    ws_close: float | None = 10.0

    def __post_init__(self) -> None:
        """Refuse what is no time.

        Raises:
            ValueError: a time is NaN.
        """
        check_seconds("ws_receive", self.ws_receive)
        check_seconds("ws_close", self.ws_close)


DEFAULT_WS_CLIENT_TIMEOUT: Final = ClientWSTimeout()


class ClientWebSocketResponse(Generic[DecodeText]):
    """An open WebSocket: the client's side, for one application that receives and any that send.

    It receives on its own, so that Pings are answered and a close is noticed while nobody waits in
    `receive()`; what it may hold is bounded, and beyond that the peer has to wait.

    It is an asynchronous context manager, which closes it, and an asynchronous iterator over the
    messages until the connection is closed.

    Its type parameter is that of `decode_text`: the class alone is one that decodes texts.
    """

    def __init__(
        self,
        transport: Transport,
        agreement: Agreement,
        *,
        timeout: ClientWSTimeout = DEFAULT_WS_CLIENT_TIMEOUT,
        autoclose: bool = True,
        autoping: bool = True,
        heartbeat: float | None = None,
        max_msg_size: int = 4 * 1024 * 1024,
        decode_text: DecodeText = True,  # type: ignore[assignment]  # it is the type's default
        received: bytes = b"",
        response: Any = None,
        zlib: ZlibBackend | None = None,
        reset_error: Callable[[str], ConnectionResetError] = ConnectionResetError,
        heartbeat_error: Callable[[str], TimeoutError] = HeartbeatError,
    ) -> None:
        """Take over a transport after the opening handshake; inside the running event loop.

        Args:
            transport: the connection, which belongs to this object from now on.
            agreement: the result of the opening handshake.
            timeout: how long to wait for the peer.
            autoclose: whether the peer's Close frame is answered at once; else `close()` does it.
            autoping: whether Pings are answered and Pongs swallowed; else both are messages.
            heartbeat: seconds of silence before a Ping is sent; after half as many more without an
                octet from the peer the connection is aborted. `None` for never.
            max_msg_size: octets that a message may have, expanded if it is compressed; 0 for no
                limit.
            decode_text: whether a text's data is `str`, else `bytes`.
            received: what came with the answer to the handshake.
            response: the answer to the handshake, to be found in the attribute of that name.
            zlib: what to compress with; `None` for the standard library's.
            reset_error: makes the exception for sending when the connection is not open.
            heartbeat_error: makes the exception for a peer that does not answer the heartbeat.

        Raises:
            RuntimeError: there is no running event loop.
            ValueError: the heartbeat is not positive, or the size is negative.
        """
        loop = asyncio.get_running_loop()
        self._protocol = WebSocketProtocol(
            max_msg_size=max_msg_size,
            decode_text=decode_text,
            autoclose=autoclose,
            autopong=autoping,
            heartbeat=heartbeat,
            close_timeout=timeout.ws_close,
            deflate=agreement.deflate,
            zlib=zlib,
            hold_violations=True,
            now=loop.time(),
        )
        self._transport = transport
        self._agreement = agreement
        self._timeout = timeout
        self._reset_error = reset_error
        # Done when the message is whole that is being sent in parts.
        self._turn: asyncio.Future[None] | None = None
        self.response = response
        self._channel = Channel(
            transport,
            self._protocol,
            autoping=autoping,
            close_timeout=timeout.ws_close,
            heartbeat_error=heartbeat_error,
        )
        self._channel.start(received)

    # What the application sees

    @property
    def closed(self) -> bool:
        """Whether `close()` was called, or the end of the connection has been received.

        What came before the end can be received as long as this is false.
        """
        return self._channel.closed

    @property
    def close_code(self) -> int | None:
        """The status code of the close, as soon as it is known; `None` while the WebSocket is open.

        It is the peer's; 1005 when the peer's Close frame had none; this side's code when the peer
        broke the protocol; 1006 when the connection ended without a Close frame of the peer.
        """
        return self._protocol.close_code

    @property
    def close_reason(self) -> str | None:
        """The reason in the peer's Close frame; `None` while there is no such frame."""
        return self._protocol.close_reason

    @property
    def protocol(self) -> str | None:
        """The subprotocol that the server chose, `None` when it chose none."""
        return self._agreement.protocol

    @property
    def compress(self) -> int:
        """How many bits this side's window has for compressing messages; 0 for no compression."""
        deflate = self._agreement.deflate
        return 0 if deflate is None else deflate.client_max_window_bits

    @property
    def client_notakeover(self) -> bool:
        """Whether this side compresses every message by itself, without those before."""
        deflate = self._agreement.deflate
        return deflate is not None and deflate.client_no_context_takeover

    @property
    def round_trip_time(self) -> float | None:
        """Seconds until the peer's Pong to the last Ping that it answered; `None` before.

        The Ping may be a heartbeat's or one of `ping()`.
        """
        return self._protocol.round_trip_time

    def exception(self) -> BaseException | None:
        """Return why the connection failed; `None` when it did not."""
        return self._channel.exception

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a fact about the transport, as `asyncio.BaseTransport.get_extra_info` does."""
        return self._transport.get_extra_info(name, default)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self._protocol.state.value} protocol={self.protocol!r}"
            f" close_code={self.close_code}>"
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WSMessage:
        message = await self.receive()
        if message.type in _END_OF_ITERATION:
            raise StopAsyncIteration
        return message

    # Receiving

    async def receive(self, timeout: float | None = None) -> WSMessage:
        """Wait for the next message.

        A message that ends the connection comes once: CLOSE when the peer closed it (data is the
        status code, extra the reason), ERROR when it failed (data is the exception, and so is
        `exception()`). From then on, and at once when the connection just ended (`close_code` is
        1006), it is CLOSED; CLOSING when `close()` is called meanwhile. Cancelling loses nothing.

        Args:
            timeout: seconds to wait for a complete message; `None` for `ws_receive`.

        Raises:
            TimeoutError: no message was complete in time. Nothing is lost by it.
            RuntimeError: another task is receiving.
        """
        channel = self._channel
        message = channel.take()
        if message is not None:
            return message
        waiter = channel.wait(self._timeout.ws_receive if timeout is None else timeout)
        if waiter is not None:
            try:
                await waiter
            except BaseException:
                channel.stop_waiting()
                raise
            message = channel.waited()
            if message is not None:
                return message
            if channel.close_called:
                return _CLOSING
        return await self._receive_end()

    async def _receive_end(self) -> WSMessage:
        """Return what there is to receive when nothing more will come."""
        channel = self._channel
        if channel.close_called:
            return _CLOSED
        if self._protocol.state is State.CLOSED:
            await self._wait_until_lost()
        elif channel.last_was_taken:
            # `autoclose=False` left the peer's close to the application, which goes on receiving.
            await self.close()
        return channel.take_last() or _CLOSED

    def receive_parts(self, timeout: float | None = None) -> MessageParts[Any]:
        """Receive the next message in parts, as they arrive, instead of as a whole.

        ::

            async with ws.receive_parts() as message:
                async for part in message:
                    file.write(part)

        What is not taken is skipped at the end of the context. `max_msg_size` holds for the whole
        message. While the application does not take parts, the peer has to wait.

        Args:
            timeout: seconds to wait for each part; `None` for `ws_receive`.

        Returns:
            An asynchronous iterator and context manager. Its parts are `str` of a text, `bytes` if
            that is not decoded or the message is binary; its `type` says which. Where `receive`
            returns the end of the connection, it raises a `WebSocketError` with the close code.
        """
        if timeout is None:
            timeout = self._timeout.ws_receive
        return MessageParts(self._channel, self._receive_end, timeout)

    @overload
    async def receive_str(
        self: ClientWebSocketResponse[Literal[True]], *, timeout: float | None = None
    ) -> str: ...

    @overload
    async def receive_str(
        self: ClientWebSocketResponse[Literal[False]], *, timeout: float | None = None
    ) -> bytes: ...

    @overload
    async def receive_str(
        self: ClientWebSocketResponse[bool], *, timeout: float | None = None
    ) -> str | bytes: ...

    async def receive_str(self, *, timeout: float | None = None) -> str | bytes:
        """Wait for the next message, which has to be a text, and return its data.

        Args:
            timeout: seconds to wait; `None` for `ws_receive`.

        Returns:
            `str`; `bytes` when texts are not decoded.

        Raises:
            WSMessageTypeError: another message came, also the end of the connection.
            TimeoutError: no message was complete in time.
            RuntimeError: another task is receiving.
        """
        message = await self.receive(timeout)
        if message.type is not _TEXT:
            raise self._unexpected(message, _TEXT)
        data: str | bytes = message.data
        return data

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:
        """Wait for the next message, which has to be binary, and return its data.

        Args:
            timeout: seconds to wait; `None` for `ws_receive`.

        Raises:
            WSMessageTypeError: another message came, also the end of the connection.
            TimeoutError: no message was complete in time.
            RuntimeError: another task is receiving.
        """
        message = await self.receive(timeout)
        if message.type is not _BINARY:
            raise self._unexpected(message, _BINARY)
        data: bytes = message.data
        return data

    async def receive_json(
        self: ClientWebSocketResponse[Any],
        *,
        loads: Callable[[Any], Any] = json.loads,
        timeout: float | None = None,
    ) -> Any:
        """Wait for the next message, which has to be a text, and return it parsed as JSON.

        Args:
            loads: the parser, which gets `bytes` when texts are not decoded.
            timeout: seconds to wait; `None` for `ws_receive`.

        Raises:
            ValueError: the text is not JSON.
            WSMessageTypeError: another message came, also the end of the connection.
            TimeoutError: no message was complete in time.
            RuntimeError: another task is receiving.
        """
        return loads(await self.receive_str(timeout=timeout))

    def _unexpected(self, message: WSMessage, expected: WSMsgType) -> WSMessageTypeError:
        error = WSMessageTypeError(
            f"expected a message of type {expected.name}, received {message.type.name}:"
            f" {excerpt(repr(message.data))}"
        )
        error.__cause__ = self._channel.exception
        return error

    # Sending

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text message, and wait until the transport has room for more.

        Cancelling does not take the message back, and never leaves a part of it.

        Args:
            data: the text.
            compress: level of compression for this message, from 1 to 9; 0 for none, `None` for the
                usual one if compression was agreed on.

        Raises:
            TypeError: `data` is not `str`.
            ValueError: the text has a lone surrogate, or there is no such level, or no agreement on
                compression.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        if not isinstance(data, str):
            raise TypeError(f"data must be str, not {type(data).__name__}")
        if self._turn is not None:
            await self._take_turn()
        if not self._channel.is_usable:
            raise self._refusal()
        self._transport.write(self._protocol.send_text(data, compress))
        await self._transport.drain()

    async def send_bytes(
        self, data: bytes | bytearray | memoryview, compress: int | None = None
    ) -> None:
        """Send a binary message, and wait until the transport has room for more.

        Args:
            data: the payload.
            compress: as for `send_str`.

        Raises:
            TypeError: `data` is not bytes-like.
            ValueError: as for `send_str`.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data must be bytes-like, not {type(data).__name__}")
        if self._turn is not None:
            await self._take_turn()
        if not self._channel.is_usable:
            raise self._refusal()
        self._transport.write(self._protocol.send_binary(data, compress))
        await self._transport.drain()

    async def send_json(
        self, data: Any, compress: int | None = None, *, dumps: Callable[[Any], str] = json.dumps
    ) -> None:
        """Send `data` as JSON in a text message.

        Args:
            data: what `dumps` takes.
            compress: as for `send_str`.
            dumps: the encoder.

        Raises:
            TypeError: `dumps` cannot encode the data, or does not return `str`.
            ValueError: `dumps` cannot encode the data, or as for `send_str`.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        await self.send_str(dumps(data), compress)

    async def send_json_bytes(
        self, data: Any, compress: int | None = None, *, dumps: Callable[[Any], bytes]
    ) -> None:
        """Send `data` as JSON in a binary message, for encoders that return bytes.

        `send_frame(dumps(data), WSMsgType.TEXT)` sends the same in a text message.

        Args:
            data: what `dumps` takes.
            compress: as for `send_str`.
            dumps: the encoder.

        Raises:
            TypeError: `dumps` cannot encode the data, or does not return bytes.
            ValueError: `dumps` cannot encode the data, or as for `send_str`.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        await self.send_bytes(dumps(data), compress)

    async def send_frame(
        self, message: bytes, opcode: WSMsgType, compress: int | None = None
    ) -> None:
        """Send an unfragmented message of any type but a close.

        Args:
            message: the payload; UTF-8 if the type is TEXT.
            opcode: TEXT, BINARY, PING or PONG.
            compress: as for `send_str`; Pings and Pongs are never compressed.

        Raises:
            TypeError: `message` is not bytes-like.
            ValueError: another opcode, a TEXT that is not UTF-8, a PING or PONG of more than 125
                octets, or as for `send_str`.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        if opcode == WSMsgType.BINARY:
            await self.send_bytes(message, compress)
            return
        if not isinstance(message, (bytes, bytearray, memoryview)):
            raise TypeError(f"message must be bytes-like, not {type(message).__name__}")
        payload = bytes(message)
        if opcode == WSMsgType.PING:
            await self.ping(payload)
        elif opcode == WSMsgType.PONG:
            await self.pong(payload)
        elif opcode == WSMsgType.TEXT:
            if self._turn is not None:
                await self._take_turn()
            self._check()
            self._transport.write(self._protocol.send_text(payload, compress))
            await self._transport.drain()
        else:
            raise ValueError(f"opcode must be TEXT, BINARY, PING or PONG, not {opcode!r}")

    async def send_parts(
        self,
        parts: AsyncIterable[str] | AsyncIterable[Octets] | Iterable[str] | Iterable[Octets],
        compress: int | None = None,
    ) -> None:
        """Send one message in parts, each of which leaves when it is there.

        Other messages wait for its end from its first part on; Pings, Pongs and a close do not. A
        message that cannot be sent to its end, because `parts` raised an exception or the task was
        cancelled, cannot be taken back either: the connection is closed with the code 1011, so that
        the peer never takes a part for the whole.

        Args:
            parts: `str` for a text message, bytes-like for a binary one, all of one kind.
            compress: as for `send_str`.

        Raises:
            TypeError: the parts are of another type, or of two kinds; or it is a single one.
            ValueError: there is no part, or as for `send_str`.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        if isinstance(parts, (str, bytes, bytearray, memoryview)):
            raise TypeError("parts must be an iterable of parts, not the message itself")
        stream = parts if isinstance(parts, AsyncIterable) else Each(parts)
        nothing: str | bytes | None = None
        try:
            async for part in stream:
                if nothing is None:
                    await self._take_turn()
                    self._turn = asyncio.get_running_loop().create_future()
                    nothing = "" if isinstance(part, str) else b""
                self._send_part(part, compress, last=False)
                await self._transport.drain()
            if nothing is None:
                raise ValueError("parts is empty: without a part, a message has no type")
            self._send_part(nothing, compress, last=True)
        except BaseException as error:
            if self._protocol.in_parts:
                failure = WebSocketError(
                    WSCloseCode.INTERNAL_ERROR, "a message could not be sent to its end"
                )
                failure.__cause__ = error
                self._channel.give_up(WSCloseCode.INTERNAL_ERROR, failure)
            raise
        finally:
            if nothing is not None and self._turn is not None:
                self._turn.set_result(None)
                self._turn = None
        await self._transport.drain()

    def _send_part(self, part: Any, compress: int | None, *, last: bool) -> None:
        if not isinstance(part, (str, bytes, bytearray, memoryview)):
            raise TypeError(f"a part must be str or bytes-like, not {type(part).__name__}")
        self._check()
        frame = self._protocol.send_part(part, last=last, compress=compress)
        if frame:
            self._transport.write(frame)

    async def _take_turn(self) -> None:
        """Wait while another message is being sent in parts.

        Raises:
            ConnectionResetError: the connection was lost meanwhile.
        """
        while self._turn is not None:
            lost = asyncio.ensure_future(self._wait_until_lost())
            try:
                await asyncio.wait({self._turn, lost}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                lost.cancel()
            if self._channel.is_lost:
                raise self._refusal()

    async def ping(self, message: bytes | str = b"") -> None:
        """Send a Ping frame; `round_trip_time` tells how long its Pong took, if one comes.

        Args:
            message: payload of at most 125 octets, `str` as UTF-8.

        Raises:
            ValueError: the payload is too long.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        self._check()
        now = asyncio.get_running_loop().time()
        self._transport.write(self._protocol.ping(_encoded(message), now))
        await self._transport.drain()

    async def pong(self, message: bytes | str = b"") -> None:
        """Send a Pong frame.

        Args:
            message: payload of at most 125 octets, `str` as UTF-8.

        Raises:
            ValueError: the payload is too long.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        self._check()
        self._transport.write(self._protocol.pong(_encoded(message)))
        await self._transport.drain()

    def _check(self) -> None:
        if not self._channel.is_usable:
            raise self._refusal()

    def _refusal(self) -> ConnectionResetError:
        if self._channel.close_called:
            why = "close() was called"
        elif self.close_code is None:
            why = "the connection was lost"
        else:
            why = f"it was closed with the code {self.close_code}"
        error = self._reset_error(f"cannot send to the WebSocket: {why}")
        error.__cause__ = self.exception()
        return error

    # Closing

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes | str = b"") -> bool:
        """Close the WebSocket: send a Close frame, wait for the peer's, and drop the connection.

        What has come and was not received is dropped; a `receive()` that waits returns CLOSING. The
        peer has `ws_close` seconds for its Close frame, then the connection is aborted and
        `close_code` is 1006. Cancelling aborts the connection at once.

        Args:
            code: status code.
            message: the reason, for the peer's log; at most 123 octets of UTF-8.

        Returns:
            Whether it was this call that closed the WebSocket.

        Raises:
            ValueError: the code must not be sent, or the reason is too long or not UTF-8.
        """
        reason = message if isinstance(message, str) else bytes(message).decode()
        is_first = self._channel.close(code, reason)
        try:
            await self._wait_until_lost()
        except asyncio.CancelledError:
            # Whoever gives up waiting does not want the rest of the handshake either.
            self._channel.abort()
            raise
        return is_first

    async def _wait_until_lost(self) -> None:
        """Wait until nothing of the connection is left."""
        channel = self._channel
        if not channel.is_lost:
            if channel.on_lost is None:
                channel.on_lost = asyncio.get_running_loop().create_future()
            await asyncio.shield(channel.on_lost)


def _encoded(message: bytes | str) -> bytes:
    return message.encode() if isinstance(message, str) else bytes(message)
