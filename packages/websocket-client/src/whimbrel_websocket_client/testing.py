"""Doubles for tests: servers on a wire, on any transport, and on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from whimbrel_websocket_client.asyncio_transport import AsyncioTransport
from whimbrel_websocket_client.connection import ClientWebSocketResponse
from whimbrel_websocket_client.extensions import (
    DeflateOffer,
    DeflateParameters,
    parse_extensions,
)
from whimbrel_websocket_client.handshake import ClientHandshake, accept_key
from whimbrel_websocket_client.protocol import NEED_DATA, Role, WebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from whimbrel_connector.interfaces import Transport
    from whimbrel_websocket_client.messages import WSMessage

__all__ = ["Peer", "ProtocolPair", "ServerConnection", "connect", "feed", "serve"]

_HEAD_END = b"\r\n\r\n"
_READ = 64 * 1024


def feed(protocol: WebSocketProtocol, data: bytes, *, now: float = 0.0) -> list[WSMessage]:
    """Give `data` to `protocol` and return all events that follow.

    Args:
        protocol: either side.
        data: octets from its peer.
        now: the clock's time in seconds.
    """
    protocol.receive_data(data, now)
    events = []
    while (event := protocol.next_event()) is not NEED_DATA:
        events.append(event)
    return events


class ProtocolPair:
    """A client and a server joined by a wire that delivers at once.

    Attributes:
        client: the client's protocol.
        server: the server's protocol.
        client_events: what the client has received.
        server_events: what the server has received.
    """

    def __init__(self, **options: Any) -> None:
        """Join two open protocols.

        Args:
            **options: keyword arguments of `WebSocketProtocol` for both.
        """
        self.client = WebSocketProtocol(Role.CLIENT, **options)
        self.server = WebSocketProtocol(Role.SERVER, **options)
        self.client_events: list[WSMessage] = []
        self.server_events: list[WSMessage] = []

    def to_server(self, data: bytes) -> None:
        """Carry what the client sends, and then what both answer by themselves."""
        while data:
            self.server_events += feed(self.server, data)
            self.client_events += feed(self.client, self.server.data_to_send())
            data = self.client.data_to_send()

    def to_client(self, data: bytes) -> None:
        """Carry what the server sends, and then what both answer by themselves."""
        self.client_events += feed(self.client, data)
        self.to_server(self.client.data_to_send())


class Peer:
    """The server at the other end of any transport; it answers what has to be answered.

    Attributes:
        protocol: the server's protocol, which makes frames for `send`.
        events: what the client has sent and nobody has taken yet.
        received: how many octets have come.
        ended: whether the client has ended the connection.
    """

    def __init__(self, transport: Transport, **options: Any) -> None:
        """Take over the transport.

        Args:
            transport: connected to the client's.
            **options: keyword arguments of `WebSocketProtocol`.
        """
        self.protocol = WebSocketProtocol(Role.SERVER, **options)
        self.events: list[WSMessage] = []
        self.received = 0
        self.ended = False
        self._transport = transport
        self._changed = asyncio.Event()
        transport.set_receiver(self)

    def send(self, data: bytes) -> None:
        """Write octets."""
        self._transport.write(data)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true, which is looked at whenever something has happened."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def next_event(self) -> WSMessage:
        """Wait for the client's next message, Pings and Pongs included."""
        await self.until(lambda: bool(self.events))
        return self.events.pop(0)

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        self.received += len(data)
        self.events += feed(self.protocol, data)
        self._transport.write(self.protocol.data_to_send())
        self._changed.set()

    def eof_received(self) -> None:
        """Close, as the client will send no more."""
        self._end()
        self._transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Note the end."""
        self._end()

    def _end(self) -> None:
        self.ended = True
        self._changed.set()


class ServerConnection:
    """One connection of `serve`, after the opening handshake.

    Attributes:
        reader: what the client sends, as bytes.
        writer: for bytes of the test's own making.
        protocol: the server's protocol, for frames; `receive` feeds it.
        headers: the fields of the opening request, names in lower case.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        headers: dict[str, str],
        deflate: DeflateParameters | None = None,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.headers = headers
        self.protocol = WebSocketProtocol(Role.SERVER, max_msg_size=0, deflate=deflate)

    async def receive(self) -> WSMessage:
        """Wait for the next event, CLOSE and ERROR included; answer what has to be answered."""
        while True:
            event = self.protocol.next_event()
            if event is not NEED_DATA:
                self.writer.write(self.protocol.data_to_send())
                return event
            data = await self.reader.read(_READ)
            if data:
                self.protocol.receive_data(data)
            else:
                self.protocol.receive_eof()

    async def send(self, data: bytes) -> None:
        """Write octets and wait for room."""
        self.writer.write(data)
        await self.writer.drain()


@contextlib.asynccontextmanager
async def serve(
    handler: Callable[[ServerConnection], Awaitable[None]],
    *,
    protocol: str | None = None,
    deflate: DeflateParameters | bool = False,
    with_answer: bytes = b"",
) -> AsyncIterator[int]:
    """Serve WebSockets on 127.0.0.1 while the context lasts; its value is the port.

    Args:
        handler: called with each connection, which is closed when it returns.
        protocol: the subprotocol that is chosen whatever is offered.
        deflate: how messages are compressed, if the client offers it: `True` for as it likes.
        with_answer: octets to send in the same write as the answer to the handshake.

    Raises:
        ExceptionGroup: at the end of the context, what handlers raised.
    """
    tasks: set[asyncio.Task[None]] = set()
    failures: list[Exception] = []

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            headers = _fields(await reader.readuntil(_HEAD_END))
            extension, parameters = _agree(headers, deflate)
            writer.write(_answer(headers, protocol, extension) + with_answer)
            await handler(ServerConnection(reader, writer, headers, parameters))
        except ConnectionError:
            return  # the client went away in the middle, which is its right
        except Exception as error:  # told to the test at the end of the context
            failures.append(error)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(run(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
    if failures:
        raise ExceptionGroup("handlers failed", failures)


async def connect(
    port: int,
    *,
    protocols: Iterable[str] = (),
    deflate: DeflateOffer | None = None,
    **options: Any,
) -> ClientWebSocketResponse:
    """Open a WebSocket to `127.0.0.1:port`.

    Args:
        port: of a server on the loopback interface.
        protocols: subprotocols to offer.
        deflate: the offer of compression.
        **options: keyword arguments of `ClientWebSocketResponse`.

    Raises:
        HandshakeError: the server did not agree.
    """
    handshake = ClientHandshake(protocols=protocols, deflate=deflate)
    loop = asyncio.get_running_loop()
    _, transport = await loop.create_connection(AsyncioTransport, "127.0.0.1", port)
    try:
        lines = [f"{name}: {value}" for name, value in handshake.headers()]
        request = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines, "", ""]
        transport.write("\r\n".join(request).encode("ascii"))
        head = _HeadReader(loop.create_future())
        transport.set_receiver(head)
        received = await head.future
        answer, _, rest = received.partition(_HEAD_END)
        status = int(answer.split(b" ", 2)[1])
        agreement = handshake.accept(status, _fields(answer))
    except BaseException:
        transport.abort()
        raise
    return ClientWebSocketResponse(transport, agreement, received=rest, **options)


class _HeadReader:
    """The receiver until the answer's head is complete."""

    def __init__(self, future: asyncio.Future[bytes]) -> None:
        self.future = future
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        if _HEAD_END in self._data and not self.future.done():
            self.future.set_result(self._data)

    def eof_received(self) -> None:
        self._fail(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._fail(exc)

    def _fail(self, cause: BaseException | None) -> None:
        if not self.future.done():
            error = ConnectionError("the connection ended before the answer to the handshake")
            error.__cause__ = cause
            self.future.set_exception(error)


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.lower(): value.strip() for name, _, value in pairs}


def _agree(
    headers: dict[str, str], deflate: DeflateParameters | bool
) -> tuple[str | None, DeflateParameters | None]:
    """Return the answer to an offer of compression, and what it means; `None` for no answer."""
    value = headers.get("sec-websocket-extensions")
    if value is None or deflate is False:
        return None, None
    offer = DeflateOffer.from_extension(parse_extensions([value])[0])
    parameters = DeflateParameters.accepting(offer) if deflate is True else deflate
    return offer.answer(parameters), parameters


def _answer(headers: dict[str, str], protocol: str | None, extension: str | None) -> bytes:
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(headers['sec-websocket-key'])}",
    ]
    if protocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    if extension is not None:
        lines.append(f"Sec-WebSocket-Extensions: {extension}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")
