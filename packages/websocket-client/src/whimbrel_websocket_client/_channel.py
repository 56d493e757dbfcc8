"""Between protocol and transport: the only place that moves bytes, arms timers and waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final

from whimbrel_websocket_client.errors import HeartbeatError, WebSocketError
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType
from whimbrel_websocket_client.protocol import NEED_DATA, State, WebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from whimbrel_connector.interfaces import Transport

__all__ = ["Channel"]

# What may wait for `receive()` before reading pauses; it goes on when half of it is taken.
_QUEUE_MESSAGES: Final = 256
_QUEUE_BYTES: Final = 256 * 1024

_CLOSING: Final = WSMessage(None, None, WSMsgType.CLOSING)
_CLOSED: Final = WSMessage(None, None, WSMsgType.CLOSED)


class Channel:
    """The transport's `Receiver`: feeds the protocol, keeps what came, carries out what is due.

    Attributes:
        protocol: the state machine, which the owner asks for frames to `send`.
        exception: why the connection failed, `None` when it did not.
        close_called: whether `close` was called.
    """

    def __init__(
        self,
        transport: Transport,
        protocol: WebSocketProtocol,
        *,
        autoping: bool,
        close_timeout: float | None,
        heartbeat_error: Callable[[str], TimeoutError],
    ) -> None:
        """Prepare; `start` takes over the transport.

        Args:
            transport: the connection, which belongs to this object from then on.
            protocol: in its initial state.
            autoping: whether Pings and Pongs are swallowed, else queued as messages.
            close_timeout: seconds that what is queued for sending has for leaving at the end.
            heartbeat_error: makes the exception for a peer that does not answer the heartbeat.
        """
        self.protocol = protocol
        self.exception: BaseException | None = None
        self.close_called = False
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._autoping = autoping
        self._close_timeout = close_timeout
        self._heartbeat_error = heartbeat_error
        self._queue: deque[WSMessage] = deque()
        self._queued_bytes = 0
        # The peer's CLOSE or the ERROR, to be received after everything in the queue.
        self._last: WSMessage | None = None
        self._last_taken = False
        self._receiving = False
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._disconnecting = False
        # What the transport said about its loss, if it was not in order.
        self._loss: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._abort_at: float | None = None
        self._flusher: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()

    def start(self, received: bytes) -> None:
        """Become the transport's receiver.

        Args:
            received: what came before, with the answer to the handshake.
        """
        self._transport.set_receiver(self)
        if received:
            self.data_received(received)
        if not self._paused:
            self._transport.resume_reading()
        self._arm()

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or nothing that came is left to be received."""
        if self.close_called or self._last_taken:
            return True
        return self.protocol.state is State.CLOSED and self._last is None and not self._queue

    @property
    def is_usable(self) -> bool:
        """Whether what is sent now can reach the peer."""
        return self.protocol.state is State.OPEN and not self._transport.is_closing()

    # The transport calls

    def data_received(self, data: bytes) -> None:
        """Take the next bytes from the peer."""
        self.protocol.receive_data(data, self._loop.time())
        self._pull()

    def eof_received(self) -> None:
        """Learn that the peer will send no more: without a Close frame, that is a failure."""
        self.protocol.receive_eof()
        self._pull()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Learn that the transport is gone; leave nothing behind."""
        self._disconnecting = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flusher is not None:
            self._flusher.cancel()
        self._lost.set_result(None)
        self._loss = exc
        self.protocol.receive_eof()
        self._pull()

    # From protocol to queue

    def _pull(self) -> None:
        """Take events while there is room for messages; carry out what follows from them."""
        protocol = self.protocol
        while True:
            if self._is_full() and not self.close_called:
                self._pause()
                break
            event = protocol.next_event()
            if event is NEED_DATA:
                self._resume()
                break
            self._accept(event)
        self._flush()
        if protocol.state is State.CLOSED:
            self._disconnect()

    def _is_full(self) -> bool:
        return len(self._queue) >= _QUEUE_MESSAGES or self._queued_bytes >= _QUEUE_BYTES

    def _accept(self, event: WSMessage) -> None:
        kind = event.type
        if kind is WSMsgType.ERROR:
            self._accept_failure(event.data)
        elif self.close_called or (self._autoping and kind in (WSMsgType.PING, WSMsgType.PONG)):
            return
        elif kind is WSMsgType.CLOSE:
            self._last = event
        else:
            self._queue.append(event)
            self._queued_bytes += len(event.data)
        self._wake()

    def _accept_failure(self, error: Exception) -> None:
        if isinstance(error, HeartbeatError) and self._heartbeat_error is not HeartbeatError:
            error = self._heartbeat_error(str(error))
        if self._loss is not None:
            error.__cause__ = self._loss
        self.exception = error
        # A connection that just ended is not an ERROR: the reference says CLOSED, with code 1006.
        ended = isinstance(error, WebSocketError) and error.code == WSCloseCode.ABNORMAL_CLOSURE
        if not ended and not self.close_called:
            self._last = WSMessage(error, None, WSMsgType.ERROR)

    def _pause(self) -> None:
        # Also when paused already: whatever has resumed the transport meanwhile, the bound holds.
        self._transport.pause_reading()
        self._paused = True
        self.protocol.hold_heartbeat()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self.protocol.release_heartbeat(self._loop.time())
            self._arm()
            self._transport.resume_reading()

    # Receiving

    async def receive(self, timeout: float | None) -> WSMessage:
        """Wait for the next message; see `ClientWebSocketResponse.receive`."""
        if self._receiving:
            raise RuntimeError("another task is in receive() already: a message has one receiver")
        if not self._queue:
            self._receiving = True
            try:
                end = await self._wait(timeout)
            finally:
                self._receiving = False
            if end is not None:
                return end
        message = self._queue.popleft()
        self._queued_bytes -= len(message.data)
        if self._paused and self._has_room_again():
            self._pull()
        return message

    def _has_room_again(self) -> bool:
        return len(self._queue) <= _QUEUE_MESSAGES // 2 and self._queued_bytes <= _QUEUE_BYTES // 2

    async def _wait(self, timeout: float | None) -> WSMessage | None:
        """Wait until the queue has a message, or return the message that ends the stream."""
        if not self._is_over():
            await self._wait_for_arrival(timeout)
            if self._queue:
                return None
            if self.close_called:
                return _CLOSING
        if self.close_called:
            return _CLOSED
        if self.protocol.state is State.CLOSED:
            await self._wait_until_lost()
        elif self._last_taken:
            # `autoclose=False` left the peer's close to the application, which goes on receiving.
            await self.close(WSCloseCode.OK, "")
        message, self._last = self._last, None
        self._last_taken = True
        return _CLOSED if message is None else message

    def _is_over(self) -> bool:
        """Tell whether the end of the stream is known, so that there is nothing to wait for."""
        return (
            self.close_called
            or self._last is not None
            or self._last_taken
            or self.protocol.state is State.CLOSED
        )

    async def _wait_for_arrival(self, timeout: float | None) -> None:
        waiter = self._waiter = self._loop.create_future()
        # The timer fails the future and leaves the task alone, so that it is never half cancelled.
        timer = None
        if timeout is not None:
            timer = self._loop.call_later(timeout, _expire, waiter, timeout)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # Sending

    async def send(self, frame: bytes) -> None:
        """Queue a whole frame and wait until the transport has room for more.

        Raises:
            ConnectionResetError: the transport was lost.
        """
        self._transport.write(frame)
        await self._transport.drain()

    def _flush(self) -> None:
        """Write what the protocol itself has to send.

        One such write at a time waits for the transport's room: a peer that sends Pings and does
        not read the Pongs makes nothing grow. A Close frame, which is the last one, does not wait.
        """
        is_open = self.protocol.state is State.OPEN
        if self._disconnecting or (is_open and self._flusher is not None):
            return
        data = self.protocol.data_to_send()
        if data:
            self._transport.write(data)
            if is_open:
                self._flusher = self._loop.create_task(self._flush_on())

    async def _flush_on(self) -> None:
        try:
            # A loss is told by connection_lost.
            with contextlib.suppress(ConnectionResetError):
                while True:
                    await self._transport.drain()
                    data = self.protocol.data_to_send()
                    if not data:
                        break
                    self._transport.write(data)
        finally:
            self._flusher = None

    # Closing

    async def close(self, code: int, reason: str) -> bool:
        """Close and wait until the transport is lost; see `ClientWebSocketResponse.close`."""
        is_first = not self.close_called and self.protocol.state is not State.CLOSED
        frame = self.protocol.close(code, reason, self._loop.time())
        self.close_called = True
        self._queue.clear()
        self._queued_bytes = 0
        self._last = None
        self._wake()
        if frame:
            self._transport.write(frame)
        self._pull()
        self._arm()
        try:
            await self._wait_until_lost()
        except asyncio.CancelledError:
            # Whoever gives up waiting does not want the rest of the handshake either.
            self._transport.abort()
            raise
        return is_first

    async def _wait_until_lost(self) -> None:
        """Wait until nothing of the connection is left."""
        await asyncio.shield(self._lost)

    def _disconnect(self) -> None:
        """Close the transport, in order if the peer deserves it, within the time for a close."""
        if self._disconnecting:
            return
        self._disconnecting = True
        if self.protocol.close_code == WSCloseCode.ABNORMAL_CLOSURE:
            self._transport.abort()
            return
        self._transport.close()
        if self._close_timeout is not None:
            self._abort_at = self._loop.time() + self._close_timeout
            self._arm()

    # Time

    def _arm(self) -> None:
        """See to it that the timer fires no later than the next deadline.

        Deadlines that move away, as the heartbeat's does with all that is received, do not touch
        the timer: when it fires, it looks again.
        """
        if self._lost.done():
            return
        deadline = self.protocol.next_timeout() if self._abort_at is None else self._abort_at
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._abort_at is None:
            self.protocol.handle_timeout(now)
            self._pull()
        elif now >= self._abort_at:
            self._transport.abort()
            return
        self._arm()


def _expire(waiter: asyncio.Future[None], timeout: float) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError(f"no message was complete within {timeout:g} s"))
