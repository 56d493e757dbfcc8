"""Doubles of a connection and of what it feeds, and the check of a transport's contract."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from whimbrel_connector.testing._waiting import PATIENCE, Changes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from typing import Self

    from whimbrel_connector.interfaces import ReadableBuffer, Receiver, Transport

__all__ = ["MemoryTransport", "RecordingReceiver", "check_transport"]


class RecordingReceiver:
    """A receiver that keeps all it is told."""

    def __init__(self) -> None:
        #: What arrived.
        self.data = bytearray()
        #: The names of the methods called, in order; several pieces of data count once.
        self.calls: list[str] = []
        #: What `connection_lost` was called with.
        self.exc: BaseException | None = None
        self._changes = Changes()

    def data_received(self, data: bytes) -> None:
        """Keep `data`."""
        assert data, "data_received was called without data"
        self.data += data
        if self.calls[-1:] != ["data_received"]:
            self._note("data_received")
        self._changes.note()

    def eof_received(self) -> None:
        """Note the end."""
        assert "eof_received" not in self.calls, "eof_received was called twice"
        self._note("eof_received")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Note the loss."""
        self.exc = exc
        self._note("connection_lost")

    def _note(self, call: str) -> None:
        assert "connection_lost" not in self.calls, f"{call} was called after connection_lost"
        self.calls.append(call)
        self._changes.note()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true, which is looked at after each call.

        Raises:
            TimeoutError: it was not within five seconds.
        """
        await self._changes.until(condition)

    async def until_received(self, size: int) -> bytes:
        """Wait for `size` bytes or more in all, and return all that arrived."""
        await self.until(lambda: len(self.data) >= size)
        return bytes(self.data)

    async def until_called(self, call: str) -> None:
        """Wait until the method of that name was called."""
        await self.until(lambda: call in self.calls)


class MemoryTransport:
    """One end of a connection that stays in memory; make two with `pair`.

    It behaves like a TCP connection: what arrives before there is a receiver waits for one, and
    writing to an end that is closed loses the connection.
    """

    def __init__(self, high_water: int, extra: Mapping[str, Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._high_water = high_water
        self._extra = dict(extra)
        self._peer: MemoryTransport = self
        self._receiver: Receiver | None = None
        self._inbox: deque[bytes] = deque()
        self._inbox_size = 0
        self._eof_arrived = False
        self._eof_told_to: Receiver | None = None
        self._paused = False
        self._closing = False
        self._lost = False
        self._failure: BaseException | None = None
        self._scheduled = False
        self._writable = asyncio.Event()
        self._writable.set()

    @classmethod
    def pair(
        cls, *, high_water: int = 65536, extra: Mapping[str, Any] | None = None
    ) -> tuple[Self, Self]:
        """Make two ends that are connected to each other.

        Args:
            high_water: how many bytes may be on their way before `drain` waits.
            extra: what `get_extra_info` of the first end answers.
        """
        one, other = cls(high_water, extra or {}), cls(high_water, {})
        one._peer, other._peer = other, one
        return one, other

    # whimbrel_connector.interfaces.Transport

    def set_receiver(self, receiver: Receiver) -> None:
        """Deliver everything that arrives from now on to `receiver`."""
        self._receiver = receiver
        self._schedule()

    def write(self, data: ReadableBuffer) -> None:
        """Queue `data` for sending."""
        if self._closing or not data:
            return
        peer = self._peer
        if peer._closing:
            self._lose(ConnectionResetError("the other end is closed"))
            return
        peer._inbox.append(bytes(data))
        peer._inbox_size += len(data)
        if peer._inbox_size > self._high_water:
            self._writable.clear()
        peer._schedule()

    def writelines(self, parts: Iterable[ReadableBuffer]) -> None:
        """Queue all of `parts`, in order, as one write."""
        self.write(b"".join(parts))

    async def drain(self) -> None:
        """Wait until fewer bytes are on their way.

        Raises:
            ConnectionResetError: the transport was lost.
        """
        if not self._writable.is_set():
            await self._writable.wait()
        if self._lost:
            raise ConnectionResetError("cannot write: the connection was lost")

    def pause_reading(self) -> None:
        """Deliver no more data until `resume_reading`."""
        self._paused = True

    def resume_reading(self) -> None:
        """Deliver data again."""
        self._paused = False
        self._schedule()

    def is_closing(self) -> bool:
        """Tell whether the transport is closed or about to be."""
        return self._closing

    def close(self) -> None:
        """Let the peer have what is queued, then close."""
        self._lose(None)

    def abort(self) -> None:
        """Close now; the peer loses what it was not told yet."""
        if not self._closing:
            self._peer._inbox.clear()
            self._peer._inbox_size = 0
        self._lose(None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what was given to `pair`."""
        return self._extra.get(name, default)

    # Inside

    def _lose(self, exc: BaseException | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._failure = exc
        self._inbox.clear()
        self._peer._eof_arrived = True
        self._peer._schedule()
        self._loop.call_soon(self._set_lost)

    def _set_lost(self) -> None:
        self._lost = True
        self._writable.set()
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        receiver = self._receiver
        if receiver is None:
            return
        try:
            if self._lost:
                self._receiver = None
                receiver.connection_lost(self._failure)
            elif not (self._paused or self._closing):
                self._deliver_data(receiver)
        except Exception as exc:
            self._loop.call_exception_handler(
                {"message": "a receiver raised an exception", "exception": exc}
            )
            self.abort()
            self._failure = exc

    def _deliver_data(self, receiver: Receiver) -> None:
        if self._inbox:
            data = self._inbox.popleft()
            self._inbox_size -= len(data)
            if self._inbox_size <= self._high_water:
                self._peer._writable.set()
            self._schedule()
            receiver.data_received(data)
        elif self._eof_arrived and self._eof_told_to is not receiver:
            self._eof_told_to = receiver
            receiver.eof_received()


Pair = tuple["Transport", "Transport"]


async def check_transport(make_pair: Callable[[], Awaitable[Pair]]) -> None:
    """Check that a transport keeps the contract of `whimbrel_connector.interfaces.Transport`.

    Args:
        make_pair: makes a new connection and returns its two ends; the first one is checked, the
            other one must be a `Transport` too. Neither has a receiver.

    Raises:
        AssertionError: it does not; the traceback shows which rule is broken.
        TimeoutError: something that must happen did not.
    """
    for check in (
        _check_data,
        _check_receivers,
        _check_pause,
        _check_drain,
        _check_close,
        _check_abort,
        _check_eof,
        _check_late_receiver,
        _check_failing_receiver,
    ):
        one, other = await make_pair()
        try:
            await check(one, other)
        finally:
            one.abort()
            other.abort()
            await asyncio.sleep(0)
            await asyncio.sleep(0)


def _listen(transport: Transport) -> RecordingReceiver:
    receiver = RecordingReceiver()
    transport.set_receiver(receiver)
    return receiver


async def _check_data(one: Transport, other: Transport) -> None:
    """Bytes arrive once and in order, in both directions, whatever holds them."""
    here, there = _listen(one), _listen(other)
    one.write(b"one ")
    one.write(bytearray(b"two "))
    one.writelines([b"three ", memoryview(b"four")])
    assert await there.until_received(18) == b"one two three four"
    other.write(b"five")
    assert await here.until_received(4) == b"five"
    assert one.get_extra_info("no such fact", "default") == "default"
    assert not one.is_closing()


async def _check_receivers(one: Transport, other: Transport) -> None:
    """What arrives later goes to the later receiver."""
    first = _listen(one)
    other.write(b"first")
    await first.until_received(5)
    second = _listen(one)
    other.write(b"second")
    assert await second.until_received(6) == b"second"
    assert first.data == b"first"
    other.close()
    await second.until_called("eof_received")
    assert first.calls == ["data_received"]


async def _check_pause(one: Transport, other: Transport) -> None:
    """Nothing is delivered while reading is paused, and nothing is lost."""
    here = _listen(one)
    one.pause_reading()
    one.pause_reading()
    other.write(b"held back")
    for _ in range(10):
        await asyncio.sleep(0)
    assert not here.calls
    one.resume_reading()
    one.resume_reading()
    assert await here.until_received(9) == b"held back"


async def _check_drain(one: Transport, other: Transport) -> None:
    """`drain` waits for room, its cancellation changes nothing, and a loss ends it."""
    there = _listen(other)
    _listen(one)
    await one.drain()
    other.pause_reading()
    size = 0
    waiting: asyncio.Future[None] | None = None
    while waiting is None:
        assert size < 1 << 28, "drain never waits"
        one.write(bytes(1 << 20))
        size += 1 << 20
        waiting = asyncio.ensure_future(one.drain())
        await asyncio.sleep(0)
        if waiting.done():
            waiting = None
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    waiting = asyncio.ensure_future(one.drain())
    other.resume_reading()
    await there.until_received(size)
    async with asyncio.timeout(PATIENCE):
        await waiting
    assert len(there.data) == size
    one.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    try:
        await one.drain()
    except ConnectionResetError:
        pass
    else:
        raise AssertionError("drain of a lost transport must raise ConnectionResetError")


async def _check_close(one: Transport, other: Transport) -> None:
    """Close sends what is queued, and nothing that comes after it."""
    here, there = _listen(one), _listen(other)
    one.write(b"last words")
    one.close()
    one.close()
    assert one.is_closing()
    one.write(b"too late")
    one.writelines([b"too", b"late"])
    one.pause_reading()
    one.resume_reading()
    await here.until_called("connection_lost")
    assert here.calls == ["connection_lost"]
    assert here.exc is None
    await there.until_called("eof_received")
    assert there.data == b"last words"


async def _check_abort(one: Transport, other: Transport) -> None:
    """Abort ends the connection once, whatever is repeated."""
    here, there = _listen(one), _listen(other)
    one.abort()
    one.abort()
    one.close()
    assert one.is_closing()
    await here.until_called("connection_lost")
    assert here.calls == ["connection_lost"]
    await there.until(lambda: bool(there.calls))
    assert not there.data


async def _check_eof(one: Transport, other: Transport) -> None:
    """The peer's end comes after its last byte, and once for each receiver."""
    here, there = _listen(one), _listen(other)
    other.write(b"the end")
    other.close()
    await there.until_called("connection_lost")
    await here.until_called("eof_received")
    assert here.calls[:2] == ["data_received", "eof_received"]
    assert here.data == b"the end"
    late = _listen(one)
    assert not late.calls
    await late.until_called("eof_received")
    one.close()
    await late.until_called("connection_lost")
    assert late.calls == ["eof_received", "connection_lost"]


async def _check_late_receiver(one: Transport, other: Transport) -> None:
    """A receiver that comes after the loss is told about it, in the next turn."""
    here = _listen(one)
    _listen(other)
    one.close()
    await here.until_called("connection_lost")
    late = _listen(one)
    assert not late.calls
    await late.until_called("connection_lost")
    assert late.calls == ["connection_lost"]
    assert here.calls == ["connection_lost"]


class _FailingReceiver(RecordingReceiver):
    def data_received(self, data: bytes) -> None:
        raise ZeroDivisionError("this receiver fails")


async def _check_failing_receiver(one: Transport, other: Transport) -> None:
    """An exception of a receiver is reported and ends the connection."""
    loop = asyncio.get_running_loop()
    reported: list[Any] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reported.append(context.get("exception")))
    try:
        here = _FailingReceiver()
        one.set_receiver(here)
        _listen(other)
        other.write(b"anything")
        await here.until_called("connection_lost")
    finally:
        loop.set_exception_handler(before)
    assert [type(exc) for exc in reported] == [ZeroDivisionError]
    assert isinstance(here.exc, ZeroDivisionError)
    assert one.is_closing()
