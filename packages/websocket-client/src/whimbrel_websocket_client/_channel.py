"""Between protocol and transport: the only place that moves bytes and arms timers.

Nothing here waits, except for one task that lets Pongs wait for room: who waits is in `connection`
and in `parts`.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from whimbrel_websocket_client.errors import HeartbeatError, WebSocketError
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType
from whimbrel_websocket_client.protocol import NEED_DATA, State, WebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from whimbrel_connector.interfaces import Transport

__all__ = ["Channel", "check_seconds"]

# What may wait for the application before reading pauses; it goes on when half of it is taken.
_QUEUE_MESSAGES: Final = 256
_QUEUE_BYTES: Final = 256 * 1024

_OPEN: Final = State.OPEN
_STATE_CLOSED: Final = State.CLOSED
_PING: Final = WSMsgType.PING
_PONG: Final = WSMsgType.PONG
_CLOSE: Final = WSMsgType.CLOSE
_ERROR: Final = WSMsgType.ERROR


def check_seconds(name: str, seconds: float | None) -> None:
    """Refuse NaN, with which a timer would never fire, nor any that comes after it."""
    if seconds is not None and seconds != seconds:  # noqa: PLR0124  # only NaN does
        raise ValueError(f"{name} must be a number of seconds, not NaN")


class Channel:
    """The transport's `Receiver`: feeds the protocol, keeps what came, carries out what is due.

    Attributes:
        protocol: the state machine, which the owner asks for frames to write.
        exception: why the connection failed, `None` when it did not.
        close_called: whether `close` was called.
        receives_parts: whether a message is being received in parts.
        is_lost: whether the transport is gone.
        on_lost: called when it is gone, if somebody waits for that.
    """

    __slots__ = (
        "_abort_at",
        "_autoping",
        "_away",
        "_close_timeout",
        "_disconnecting",
        "_flusher",
        "_heartbeat_error",
        "_last",
        "_last_taken",
        "_loop",
        "_loss",
        "_paused",
        "_queue",
        "_queued_bytes",
        "_receive_timer",
        "_rest",
        "_skipping",
        "_timer",
        "_transport",
        "_waiter",
        "close_called",
        "exception",
        "is_lost",
        "on_lost",
        "protocol",
        "receives_parts",
    )

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
            protocol: in its initial state, and one that holds violations.
            autoping: whether Pings and Pongs are swallowed, else queued as messages.
            close_timeout: seconds that what is queued for sending has for leaving at the end.
            heartbeat_error: makes the exception for a peer that does not answer the heartbeat.
        """
        self.protocol = protocol
        self.exception: BaseException | None = None
        self.close_called = False
        self.receives_parts = False
        self.is_lost = False
        self.on_lost: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._autoping = autoping
        self._close_timeout = close_timeout
        self._heartbeat_error = heartbeat_error
        # Never long, so that a list does, which takes hardly any memory while it is empty.
        self._queue: list[WSMessage] = []
        self._queued_bytes = 0
        # Of the message that is received in parts, when it has come to its end: what is left of it.
        self._rest: WSMessage | None = None
        # Whether the application has taken something and not come back for more.
        self._away = False
        # Whether the message that comes is wanted by nobody any more.
        self._skipping = False
        # The peer's CLOSE or the ERROR, to be received after everything in the queue.
        self._last: WSMessage | None = None
        self._last_taken = False
        self._waiter: asyncio.Future[None] | None = None
        self._receive_timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._disconnecting = False
        # What the transport said about its loss, if it was not in order.
        self._loss: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._abort_at: float | None = None
        self._flusher: asyncio.Task[None] | None = None

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
        return (
            self.protocol.state is _STATE_CLOSED
            and self._last is None
            and self._rest is None
            and not self._queue
        )

    @property
    def is_usable(self) -> bool:
        """Whether what is sent now can reach the peer."""
        return self.protocol.state is _OPEN and not self._transport.is_closing()

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
        self.is_lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flusher is not None:
            self._flusher.cancel()
        if self.on_lost is not None and not self.on_lost.done():
            self.on_lost.set_result(None)
        self._loss = exc
        self.protocol.receive_eof()
        self._pull()

    # From protocol to queue

    def _pull(self) -> None:
        """Take events while there is room for messages; carry out what follows from them."""
        protocol = self.protocol
        while True:
            room = self._room()
            if room < 0:
                self._pause()
                break
            event = protocol.next_event(room)
            if event is not NEED_DATA:
                self._accept(event)
            elif self._skipping and protocol.take_part() is not None:
                continue
            elif protocol.violation is not None:
                self._pause()
                if self._away or self._queue or self._rest is not None:
                    # The application may answer that first, until it comes back or time is up.
                    self._arm()
                    break
                protocol.fail()
            else:
                self._rest_until_more(room)
                break
        self._flush()
        if protocol.state is _STATE_CLOSED:
            self._disconnect()

    def _room(self) -> int:
        """Return how many octets of an unfinished message may be held, 0 for any number of them.

        It is negative when nothing more is to be read. Only a whole message that somebody waits for
        may be longer than what the queue takes; its own limit is the protocol's.
        """
        if self._skipping:
            return _QUEUE_BYTES
        if self.receives_parts:
            return _QUEUE_BYTES if self._rest is None else -1
        if self._waiter is not None and not self._waiter.done():
            return 0
        room = _QUEUE_BYTES - self._queued_bytes
        return -1 if room <= 0 or len(self._queue) >= _QUEUE_MESSAGES else room

    def _rest_until_more(self, room: int) -> None:
        """Wait for more octets, or for the application, if it has to take some first."""
        protocol = self.protocol
        if self.receives_parts and not self._skipping and protocol.incomplete_type is not None:
            self._wake()
        if 0 < room <= protocol.incomplete_size:
            self._pause()
        elif self._paused:
            self._resume()

    def _accept(self, event: WSMessage) -> None:
        kind = event.type
        if kind is _ERROR:
            self._accept_failure(event.data)
        elif kind is _CLOSE:
            if not self.close_called:
                self._last = event
        elif kind is _PING or kind is _PONG:
            if self._autoping or self.close_called:
                return
            self._accept_control(event)
        elif self._skipping:
            self._skipping = self.close_called
            return
        elif self.receives_parts:
            self._rest = event
        else:
            self._queue.append(event)
            self._queued_bytes += len(event.data)
        self._wake()

    def _accept_control(self, event: WSMessage) -> None:
        in_parts = self.receives_parts or self._skipping
        if in_parts and len(self._queue) >= _QUEUE_MESSAGES:
            # Nobody can take them before the message has ended, which must not wait for that: of
            # many Pings only the last ones are to be answered (RFC 6455, section 5.5.3).
            self._queued_bytes -= len(self._queue.pop(0).data)
        self._queue.append(event)
        self._queued_bytes += len(event.data)

    def _accept_failure(self, error: Exception) -> None:
        if isinstance(error, HeartbeatError) and self._heartbeat_error is not HeartbeatError:
            error = self._heartbeat_error(str(error))
        if self._loss is not None:
            error.__cause__ = self._loss
        if self.exception is None:
            self.exception = error
        # A connection that just ended is not an ERROR: the reference says CLOSED, with code 1006.
        ended = isinstance(error, WebSocketError) and error.code == WSCloseCode.ABNORMAL_CLOSURE
        if not ended and not self.close_called:
            self._last = WSMessage(data=error, extra=None, type=_ERROR)

    def _pause(self) -> None:
        # Also when paused already: whatever has resumed the transport meanwhile, the bound holds.
        self._transport.pause_reading()
        self._paused = True
        self.protocol.hold_heartbeat()

    def _resume(self) -> None:
        self._paused = False
        self.protocol.release_heartbeat(self._loop.time())
        self._arm()
        self._transport.resume_reading()

    # Receiving

    def take(self) -> WSMessage | None:
        """Return the next message, `None` when none is there.

        Raises:
            RuntimeError: somebody else is receiving.
        """
        if self._waiter is not None or self.receives_parts:
            raise self._occupied()
        return self._next() if self._queue else None

    def _next(self) -> WSMessage:
        message = self._queue.pop(0)
        self._queued_bytes -= len(message.data)
        self._away = True
        if self._paused and self._has_room_again():
            self._pull()
        return message

    def _has_room_again(self) -> bool:
        return len(self._queue) <= _QUEUE_MESSAGES // 2 and self._queued_bytes <= _QUEUE_BYTES // 2

    def _occupied(self) -> RuntimeError:
        if self._waiter is not None:
            return RuntimeError("another task is in receive() already: a message has one receiver")
        return RuntimeError(
            "a message is being received in parts: take them all, or leave `async with"
            " receive_parts()`, which skips the rest"
        )

    def wait(self, timeout: float | None) -> asyncio.Future[None] | None:
        """Return what is done when something has come; then comes `waited`, or `stop_waiting`.

        Args:
            timeout: seconds after which it fails by a `TimeoutError`; `None` for never.

        Returns:
            `None` when there is nothing to wait for, because the end has come.

        Raises:
            RuntimeError: somebody else is receiving.
            ValueError: the timeout is NaN.
        """
        if self._waiter is not None:
            raise self._occupied()
        if timeout is not None:
            check_seconds("timeout", timeout)
        self._away = False
        if self.protocol.violation is not None:
            self._pull()
        if self.is_over():
            return None
        waiter = self._waiter = self._loop.create_future()
        if timeout is not None:
            # The timer fails the future and leaves the task alone, so that it is never half
            # cancelled.
            self._receive_timer = self._loop.call_later(timeout, _expire, waiter, timeout)
        if self._paused:
            self._pull()
        return waiter

    def waited(self) -> WSMessage | None:
        """Return what was waited for; `None` when the end has come."""
        self.stop_waiting()
        return self._next() if self._queue else None

    def stop_waiting(self) -> None:
        """End what `wait` began."""
        self._waiter = None
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def is_over(self) -> bool:
        """Tell whether the end of the stream is known, so that there is nothing to wait for."""
        return (
            self.close_called
            or self._last is not None
            or self._last_taken
            or self.protocol.state is _STATE_CLOSED
        )

    @property
    def last_was_taken(self) -> bool:
        """Whether the end was received, while the connection may still be there."""
        return self._last_taken

    def take_last(self) -> WSMessage | None:
        """Return what ends the stream, once; `None` for nothing but the end itself."""
        message, self._last = self._last, None
        self._last_taken = True
        return message

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # Receiving in parts

    def begin_parts(self) -> WSMessage | None:
        """Receive the next message in parts, from now on until `take_part` gave the last of them.

        Returns:
            What is next, and taken, but cannot have parts: a Ping or a Pong. Else `None`.

        Raises:
            RuntimeError: somebody else is receiving.
        """
        message = self.take()
        if message is not None:
            if message.type is _PING or message.type is _PONG:
                return message
            self._rest = message
        self.receives_parts = True
        return None

    @property
    def parts_type(self) -> WSMsgType | None:
        """TEXT or BINARY, when the message that is received in parts has begun, else `None`."""
        if self._rest is not None:
            return self._rest.type
        return None if self._skipping or self.is_over() else self.protocol.incomplete_type

    def take_part(self) -> str | bytes | None:
        """Return the next part, maybe an empty one, `None` when there is none.

        `receives_parts` is false when it was the last.
        """
        rest = self._rest
        if rest is None:
            part = self.protocol.take_part()
        else:
            part = rest.data
            self._rest = None
            self._away = True
            self.receives_parts = False
        if self._paused:
            self._pull()
        return part

    def leave_parts(self) -> None:
        """Receive the message as a whole again, of which no part was taken."""
        self.receives_parts = False
        rest, self._rest = self._rest, None
        if rest is not None:
            self._queue.insert(0, rest)
            self._queued_bytes += len(rest.data)

    def skip_parts(self) -> None:
        """Drop what is left of the message that is received in parts, now and when it comes."""
        self.receives_parts = False
        if self._rest is not None:
            self._rest = None
        elif not self.is_over() and self.protocol.incomplete_type is not None:
            self._skipping = True
        if self._paused:
            self._pull()

    # Sending

    def _flush(self) -> None:
        """Write what the protocol itself has to send.

        One such write at a time waits for the transport's room: a peer that sends Pings and does
        not read the Pongs makes nothing grow. A Close frame, which is the last one, does not wait.
        """
        is_open = self.protocol.state is _OPEN
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

    def close(self, code: int, reason: str) -> bool:
        """Begin to close, and drop what was not received.

        Returns:
            Whether it was this call that closed.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        is_first = not self.close_called and self.protocol.state is not _STATE_CLOSED
        frame = self.protocol.close(code, reason, self._loop.time())
        self.close_called = True
        self.receives_parts = False
        self._skipping = True
        self._queue.clear()
        self._queued_bytes = 0
        self._rest = None
        self._last = None
        self._wake()
        self._begin_to_close(frame)
        return is_first

    def give_up(self, code: int, error: BaseException) -> None:
        """Begin to close because of what happened on this side; what came can be received.

        Args:
            code: status code.
            error: why.
        """
        if self.protocol.state is not _OPEN:
            return
        frame = self.protocol.close(code, "", self._loop.time())
        if self.exception is None:
            self.exception = error
        self._begin_to_close(frame)

    def _begin_to_close(self, frame: bytes) -> None:
        if frame:
            self._transport.write(frame)
        self._pull()
        self._arm()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.abort()

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
        if self.is_lost:
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
