"""Timeouts: the settings, and the deadlines that enforce them without a timer per request."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from whimbrel.errors import ServerTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["DEFAULT_TIMEOUT", "ClientTimeout", "Deadline", "Deadlines", "TotalTimeout"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClientTimeout:
    """How long the phases of a request may take, in seconds; `None` or 0 means without limit.

    Attributes:
        total: the whole request, from the call to the last byte of the body, redirects included.
        connect: to get a connection, be it from the pool or a new one; waiting for a free slot
            included.
        sock_read: between two pieces of data from the peer.
        sock_connect: to establish a new connection with the peer, without waiting for a slot.
        ceil_threshold: timeouts of at least this many seconds end on a whole second of the loop's
            clock, so that they can share their timers.
    """

    total: float | None = None
    connect: float | None = None
    sock_read: float | None = None
    sock_connect: float | None = None
    ceil_threshold: float = 5.0


DEFAULT_TIMEOUT = ClientTimeout(total=300.0, sock_connect=30.0)


class Deadline:
    """One moment at which `on_expiry` is called, unless `cancel` comes first."""

    __slots__ = ("_deadlines", "_handle", "on_expiry", "when")

    def __init__(self, deadlines: Deadlines, when: float, on_expiry: Callable[[], None]) -> None:
        self.when = when
        self.on_expiry = on_expiry
        self._deadlines = deadlines
        self._handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Forget the deadline; harmless when it has passed."""
        self._deadlines.cancel(self)


class Deadlines:
    """The deadlines of a session, those far away grouped by the second they end in.

    A group has one timer. Groups are dropped when their second has come, not when their last
    deadline is cancelled, so that a session has at most one timer for each second in which one of
    its longest timeouts can end, and adding and cancelling a deadline costs two set operations.

    A response may outlive its session. After `close`, timers last only as long as a deadline
    needs them, and new deadlines have one each.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._groups: dict[float, tuple[set[Deadline], asyncio.TimerHandle]] = {}
        self._closed = False

    def after(
        self, seconds: float, on_expiry: Callable[[], None], ceil_threshold: float = 5.0
    ) -> Deadline:
        """Call `on_expiry` in `seconds` from now; rounded up from `ceil_threshold` seconds on.

        An infinite number of seconds never ends.
        """
        when = self._loop.time() + seconds
        if when == math.inf:
            return Deadline(self, when, on_expiry)
        if self._closed or seconds < ceil_threshold:
            deadline = Deadline(self, when, on_expiry)
            deadline._handle = self._loop.call_at(when, on_expiry)
            return deadline
        second = math.ceil(when)
        deadline = Deadline(self, second, on_expiry)
        group = self._groups.get(second)
        if group is None:
            timer = self._loop.call_at(second, self._expire_group, second)
            group = self._groups[second] = (set(), timer)
        group[0].add(deadline)
        return deadline

    def cancel(self, deadline: Deadline) -> None:
        """Forget `deadline`; harmless when it has passed."""
        if deadline._handle is not None:
            deadline._handle.cancel()
            return
        group = self._groups.get(deadline.when)
        if group is not None:
            group[0].discard(deadline)
            if self._closed:
                self._drop_if_empty(deadline.when)

    def close(self) -> None:
        """Disarm every timer that no deadline needs, now and from now on."""
        self._closed = True
        for second in list(self._groups):
            self._drop_if_empty(second)

    def _drop_if_empty(self, second: float) -> None:
        deadlines, timer = self._groups[second]
        if not deadlines:
            timer.cancel()
            del self._groups[second]

    def _expire_group(self, second: int) -> None:
        deadlines, _ = self._groups[second]
        while deadlines:  # one expiring may cancel others, so that the group must still be found
            deadline = deadlines.pop()
            try:
                deadline.on_expiry()
            except Exception as exc:
                # A bug; no reason for the other requests of this second to wait for ever.
                context = {"message": "A deadline's callback failed", "exception": exc}
                self._loop.call_exception_handler(context)
        self._groups.pop(second, None)


class TotalTimeout:
    """The total timeout of one request, through all its hops and phases.

    While an exchange is under way, expiring fails that exchange, so that whoever waits on it gets
    the error and no task is cancelled. While a connection is being made, `asyncio.timeout_at`
    bounds the wait.
    """

    __slots__ = ("_deadline", "_deadlines", "_expired", "_fail", "_seconds")

    def __init__(self, deadlines: Deadlines, timeout: ClientTimeout) -> None:
        self._seconds = timeout.total
        self._fail: Callable[[Exception], None] | None = None
        self._expired = False
        self._deadlines = deadlines
        self._deadline = (
            deadlines.after(timeout.total, self._expire, timeout.ceil_threshold)
            if timeout.total
            else None
        )

    @property
    def fail(self) -> Callable[[Exception], None] | None:
        """Takes the error when the time is over; set for as long as an exchange is under way.

        When the time was over before it is set, it is called in the next turn of the loop: a
        connection may have been made in the very turn in which the deadline passed.
        """
        return self._fail

    @fail.setter
    def fail(self, fail: Callable[[Exception], None] | None) -> None:
        self._fail = fail
        if self._expired and fail is not None:
            self._deadline = self._deadlines.after(0.0, self._expire)

    async def bound(self, making: Awaitable[T], doing: str) -> T:
        """Await `making`, at most until the deadline.

        Raises:
            ServerTimeoutError: the time is over; the message says what was being done.
        """
        if self._deadline is None:
            return await making
        try:
            async with asyncio.timeout_at(self._deadline.when) as scope:
                return await making
        except TimeoutError as exc:
            if scope.expired():
                raise self._error(doing) from exc
            raise

    def cancel(self) -> None:
        """Stop the clock: the request has ended."""
        self._fail = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None  # it refers back to this: no work for the garbage collector

    def _expire(self) -> None:
        self._expired = True
        if self._fail is not None:
            self._fail(self._error("waiting for the response"))

    def _error(self, doing: str) -> ServerTimeoutError:
        return ServerTimeoutError(f"The total timeout of {self._seconds} s expired while {doing}")
