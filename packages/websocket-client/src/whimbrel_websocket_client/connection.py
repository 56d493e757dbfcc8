"""The shell: one WebSocket over a transport, with the reference's interface for applications."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, overload

from whimbrel_websocket_client._channel import Channel
from whimbrel_websocket_client.errors import HeartbeatError, WSMessageTypeError, excerpt
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType
from whimbrel_websocket_client.protocol import WebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from typing_extensions import TypeVar

    from whimbrel_connector.interfaces import Transport
    from whimbrel_websocket_client.handshake import Agreement

if TYPE_CHECKING:
    # Whether texts are decoded, for the type of `receive_str`; only type checkers need its default.
    DecodeText = TypeVar("DecodeText", bound=bool, default=Literal[True])
else:
    from typing import TypeVar

    DecodeText = TypeVar("DecodeText", bound=bool)

__all__ = ["DEFAULT_WS_CLIENT_TIMEOUT", "ClientWSTimeout", "ClientWebSocketResponse"]

_END_OF_ITERATION: Final = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


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
            max_msg_size: octets that a message may have; 0 for no limit.
            decode_text: whether a text's data is `str`, else `bytes`.
            received: what came with the answer to the handshake.
            response: the answer to the handshake, to be found in the attribute of that name.
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
            now=loop.time(),
        )
        self._transport = transport
        self._agreement = agreement
        self._timeout = timeout
        self._reset_error = reset_error
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
        if timeout is None:
            timeout = self._timeout.ws_receive
        return await self._channel.receive(timeout)

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
        data: str | bytes = await self._receive_data(WSMsgType.TEXT, timeout)
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
        data: bytes = await self._receive_data(WSMsgType.BINARY, timeout)
        return data

    async def receive_json(
        self, *, loads: Callable[[Any], Any] = json.loads, timeout: float | None = None
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
        return loads(await self._receive_data(WSMsgType.TEXT, timeout))

    async def _receive_data(self, expected: WSMsgType, timeout: float | None) -> Any:
        message = await self.receive(timeout)
        if message.type is not expected:
            raise WSMessageTypeError(
                f"expected a message of type {expected.name}, received {message.type.name}:"
                f" {excerpt(repr(message.data))}"
            ) from self._channel.exception
        return message.data

    # Sending

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text message, and wait until the transport has room for more.

        Cancelling does not take the message back, and never leaves a part of it.

        Args:
            data: the text.
            compress: level of compression for this message, 0 for none, `None` for the usual one.
                As no compression is agreed on, other values than 0 and `None` are refused.

        Raises:
            TypeError: `data` is not `str`.
            ValueError: the text has a lone surrogate, or compression is asked for.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        if not isinstance(data, str):
            raise TypeError(f"data must be str, not {type(data).__name__}")
        self._check(compress)
        await self._channel.send(self._protocol.send_text(data))

    async def send_bytes(
        self, data: bytes | bytearray | memoryview, compress: int | None = None
    ) -> None:
        """Send a binary message, and wait until the transport has room for more.

        Args:
            data: the payload.
            compress: as for `send_str`.

        Raises:
            TypeError: `data` is not bytes-like.
            ValueError: compression is asked for.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data must be bytes-like, not {type(data).__name__}")
        self._check(compress)
        await self._channel.send(self._protocol.send_binary(data))

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
            ValueError: `dumps` cannot encode the data, or compression is asked for.
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
            ValueError: `dumps` cannot encode the data, or compression is asked for.
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
            compress: as for `send_str`.

        Raises:
            TypeError: `message` is not bytes-like.
            ValueError: another opcode, a TEXT that is not UTF-8, a PING or PONG of more than 125
                octets, or compression is asked for.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        if opcode == WSMsgType.BINARY:
            await self.send_bytes(message, compress)
            return
        if not isinstance(message, (bytes, bytearray, memoryview)):
            raise TypeError(f"message must be bytes-like, not {type(message).__name__}")
        self._check(compress)
        payload = bytes(message)
        if opcode == WSMsgType.TEXT:
            frame = self._protocol.send_text(payload)
        elif opcode == WSMsgType.PING:
            frame = self._protocol.ping(payload)
        elif opcode == WSMsgType.PONG:
            frame = self._protocol.pong(payload)
        else:
            raise ValueError(f"opcode must be TEXT, BINARY, PING or PONG, not {opcode!r}")
        await self._channel.send(frame)

    async def ping(self, message: bytes | str = b"") -> None:
        """Send a Ping frame.

        Args:
            message: payload of at most 125 octets, `str` as UTF-8.

        Raises:
            ValueError: the payload is too long.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        self._check(None)
        await self._channel.send(self._protocol.ping(_encoded(message)))

    async def pong(self, message: bytes | str = b"") -> None:
        """Send a Pong frame.

        Args:
            message: payload of at most 125 octets, `str` as UTF-8.

        Raises:
            ValueError: the payload is too long.
            ConnectionResetError: the connection is not open, or was lost meanwhile.
        """
        self._check(None)
        await self._channel.send(self._protocol.pong(_encoded(message)))

    def _check(self, compress: int | None) -> None:
        if compress:
            raise ValueError(
                f"compress={compress!r}: no compression was agreed on, so that a compressed message"
                " would break the connection"
            )
        if not self._channel.is_usable:
            if self._channel.close_called:
                why = "close() was called"
            elif self.close_code is None:
                why = "the connection was lost"
            else:
                why = f"it was closed with the code {self.close_code}"
            raise self._reset_error(f"cannot send to the WebSocket: {why}") from self.exception()

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
        return await self._channel.close(code, reason)


def _encoded(message: bytes | str) -> bytes:
    return message.encode() if isinstance(message, str) else bytes(message)
