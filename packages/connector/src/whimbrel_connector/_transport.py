"""The only `asyncio.Protocol` here: bytes between an asyncio transport and one receiver."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from whimbrel_connector._attempt import ConnectTimings
from whimbrel_connector._tls import SHUTDOWN_TIMEOUT
from whimbrel_connector.errors import ClientConnectionResetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whimbrel_connector.interfaces import ReadableBuffer, Receiver

__all__ = ["SocketTransport", "tune"]


def _drop(data: ReadableBuffer) -> None:
    """Stand in for `write` when the transport is closing."""


def _nothing(_timeout: int) -> list[Any]:
    """Stand in for `poll` where there is no socket to look at."""
    return []


def _readiness(sock: Any) -> Callable[[int], list[Any]]:
    """Return a function that, called with 0, tells whether anything waits to be read.

    It does not block. Data, an end of file and an error all count.

    Args:
        sock: the socket; `None` for a pipe, of which nobody can tell.
    """
    if sock is None:
        return _nothing
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(sock.fileno(), select.POLLIN)
        return poller.poll
    return lambda timeout: select.select([sock], [], [], timeout)[0]  # Windows


def _cut_off() -> ssl.SSLEOFError:
    return ssl.SSLEOFError(
        ssl.SSL_ERROR_EOF,
        "the connection was closed without close_notify: its last bytes may be missing",
    )


class SocketTransport(asyncio.Protocol):
    """A connection, plain or TLS, as `whimbrel_connector.interfaces.Transport`.

    While it has no receiver (between two leases, and while it is being established) nothing may
    arrive: any byte and any end of file closes it.

    Args:
        timings: how long it took to establish the connection.
    """

    # `write` is an attribute: the bound method of the asyncio transport, for speed.
    __slots__ = (
        "_abandoned",
        "_closing",
        "_deadline",
        "_eof",
        "_failure",
        "_gone",
        "_inner",
        "_loop",
        "_lost",
        "_outer",
        "_paused",
        "_poll",
        "_receiver",
        "_resuming",
        "_room",
        "_tls",
        "on_lost",
        "slot",
        "timings",
        "write",
    )

    write: Callable[[ReadableBuffer], None]

    def __init__(self, timings: ConnectTimings | None = None) -> None:
        self.timings = timings or ConnectTimings()
        #: Called once, when the socket is gone, before the receiver learns of it.
        self.on_lost: Callable[[Any], None] | None = None
        #: What `on_lost` is called with.
        self.slot: Any = None
        self.write = _drop
        self._loop = asyncio.get_running_loop()
        self._inner: asyncio.Transport | None = None
        self._outer: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._tls = False
        self._paused = False
        self._resuming = False
        self._eof = False
        self._lost = False
        self._closing = False
        self._abandoned = False
        self._failure: BaseException | None = None
        # Thousands of connections may be idle: what few of them need is made when it is needed.
        self._poll: Callable[[int], list[Any]] | None = None
        self._gone: asyncio.Event | None = None
        self._room: asyncio.Event | None = None  # only while there is none
        self._deadline: asyncio.TimerHandle | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; asyncio calls this when the connection, TLS included, is established."""
        self.attach(cast("asyncio.Transport", transport))
        if self._abandoned:
            self.abort()

    def attach(self, inner: asyncio.Transport) -> None:
        """Use `inner` from now on: the connection itself, or TLS that was started on it."""
        if self._tls:
            self._outer = self._inner
        self._inner = inner
        self._tls = inner.get_extra_info("ssl_object") is not None
        self.write = inner.write

    def data_received(self, data: bytes) -> None:
        """Hand `data` to the receiver; without one it was not asked for: close."""
        if self._closing:
            # Closing TLS delivers what it held back, in the middle of `close`: nobody wants it
            # any more, and asyncio cannot bear a second call of `close` or `abort` from there.
            return
        receiver = self._receiver
        if receiver is None:
            self.abort()
            return
        try:
            receiver.data_received(data)
        except Exception as exc:  # whatever it is, it is reported
            self._report(exc, "data_received")

    def eof_received(self) -> bool:
        """Tell the receiver that the peer ended; keep the other direction open if TLS allows."""
        if self._closing:
            return False  # the peer's answer to our close, which nobody wants any more
        if self._tls and not self._ended_in_order():
            self._failure = _cut_off()
            self.abort()
            return False
        self._eof = True
        receiver = self._receiver
        if receiver is None:
            self.abort()
            return False
        try:
            receiver.eof_received()
        except Exception as exc:  # whatever it is, it is reported
            self._report(exc, "eof_received")
        return not self._tls

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone that the socket is gone."""
        # Once we close, how TLS is brought to its end is of no interest: with data that nobody
        # read in between, it ends by an SSLError.
        if self._failure is None and not (self._closing and isinstance(exc, ssl.SSLError)):
            cut = exc is None and self._tls and not (self._eof or self._closing)
            self._failure = _cut_off() if cut else exc  # uvloop reports a cut stream so
        self._lost = True
        self._closing = True
        self.write = _drop
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._gone is not None:
            self._gone.set()
        self.resume_writing()
        receiver, self._receiver = self._receiver, None
        on_lost, self.on_lost = self.on_lost, None
        if on_lost is not None:
            on_lost(self.slot)
        if receiver is not None:
            self._tell_loss(receiver)

    def pause_writing(self) -> None:
        """Make `drain` wait; asyncio calls this when its send buffer is full."""
        if self._room is None:
            self._room = asyncio.Event()

    def resume_writing(self) -> None:
        """Let `drain` return; asyncio calls this when its send buffer has room."""
        room, self._room = self._room, None
        if room is not None:
            room.set()

    # whimbrel_connector.interfaces.Transport

    def set_receiver(self, receiver: Receiver) -> None:
        """Deliver everything that arrives from now on to `receiver`."""
        self._receiver = receiver
        if self._lost or self._eof:
            self._loop.call_soon(self._tell_past, receiver)

    def writelines(self, parts: Iterable[ReadableBuffer]) -> None:
        """Queue all of `parts`, in order, as one write."""
        self.write(b"".join(parts))

    async def drain(self) -> None:
        """Wait until the send buffer has room.

        Raises:
            ClientConnectionResetError: the transport was lost.
        """
        room = self._room
        if room is not None:
            await room.wait()
        if self._lost:
            raise ClientConnectionResetError(
                "cannot write: the connection was lost"
            ) from self._failure

    def pause_reading(self) -> None:
        """Deliver no more data until `resume_reading`."""
        if self._inner is not None and not self._paused and not self._closing:
            self._paused = True
            self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Deliver data again."""
        if self._inner is not None and self._paused and not self._closing:
            self._paused = False
            self._inner.resume_reading()
            if self._tls:
                # What waited inside of TLS is delivered in the next turn, just before this.
                self._resuming = True
                self._loop.call_soon(self._resumed)

    def is_closing(self) -> bool:
        """Tell whether the transport is closed or about to be."""
        return self._closing or (self._inner is not None and self._inner.is_closing())

    def close(self) -> None:
        """Send what is queued, then close; on TLS the peer has a second for both."""
        self._close()
        if self._tls:
            self._abort_in(SHUTDOWN_TIMEOUT)

    def abort(self) -> None:
        """Close now and drop what is queued."""
        self._closing = True
        self.write = _drop
        if self._inner is not None:
            self._inner.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a fact about the connection."""
        return default if self._inner is None else self._inner.get_extra_info(name, default)

    # For the connector

    @property
    def inner(self) -> asyncio.Transport:
        """The asyncio transport, to start TLS on it."""
        assert self._inner is not None
        return self._inner

    def rest(self) -> bool:
        """Begin the time between two leases: from now on nothing may arrive.

        Returns:
            Whether there may be another lease, as far as is known.
        """
        self._receiver = None
        if self._eof:
            self.abort()
        elif self._paused:
            self.resume_reading()
        inner = self._inner
        return not self._closing and inner is not None and not inner.is_closing()

    def is_fit(self) -> bool:
        """Tell whether the connection can serve another lease.

        Bytes that arrived, or an end, may still be in the kernel where the loop has not seen
        them; a response that is there before its request was sent is never the answer to it.

        On TLS, records without data count as well, as nobody can tell them apart unread. That
        costs next to nothing: session tickets arrive with the first response at the latest (RFC
        8446, section 4.6.1), those that the loop has seen are no longer there, and a connection
        that is told to change its keys is not worth the doubt.
        """
        inner = self._inner
        if self._closing or self._eof or self._resuming or inner is None or inner.is_closing():
            return False
        poll = self._poll
        if poll is None:
            poll = self._poll = _readiness(inner.get_extra_info("socket"))
        return not poll(0)

    def is_fit_when_new(self) -> bool:
        """Tell whether the connection, just established, can serve its first lease.

        Session tickets may be waiting on TLS, be it that with a proxy, and are no doubt of it.
        """
        inner = self._inner
        if inner is None or self._eof or self.is_closing():
            return False
        # Nothing is kept for the next look: many connections never have one.
        return self._tls or not _readiness(inner.get_extra_info("socket"))(0)

    def dispose(self, reason: BaseException | None = None) -> None:
        """Close now; on TLS tell the peer by a close_notify, but do not wait for its answer.

        That is the orderly way (RFC 8446, section 6.1) without the time that a peer may take.

        Args:
            reason: what the receiver is told, if it has not closed the connection itself.
        """
        if not self._closing:
            self._failure = reason
        if self._tls:
            self._close()
            if self._outer is not None and not self._outer.is_closing():
                self._outer.close()
        self.abort()

    def shut_down(self, reason: BaseException | None, timeout: float) -> None:
        """Close; on TLS let the peer answer our close_notify.

        Args:
            reason: what the receiver is told, if it has not closed the connection itself.
            timeout: how long the peer may take, in seconds; 0 to dispose of the connection.
        """
        if not self._tls or timeout <= 0:
            self.dispose(reason)
            return
        if not self._closing:
            self._failure = reason
        self._close()
        self._abort_in(timeout)

    def abandon(self) -> None:
        """Close, even if asyncio is still about to call `connection_made`."""
        self._abandoned = True
        self.abort()

    async def wait_closed(self) -> None:
        """Wait until the socket is gone."""
        if self._lost:
            return
        if self._gone is None:
            self._gone = asyncio.Event()
        await self._gone.wait()

    # Inside

    def _close(self) -> None:
        self._closing = True
        self.write = _drop
        # asyncio's TLS does not bear a second call: it would be deaf to `abort` from then on.
        if self._inner is not None and not self._inner.is_closing():
            self._inner.close()

    def _abort_in(self, timeout: float) -> None:
        """Bound the time that closing may take.

        asyncio has a bound of its own, but none for TLS in TLS as a whole; there it even fails in
        the first releases of Python 3.11 and 3.12.
        """
        if self._lost:
            return
        if self._deadline is not None:
            if self._deadline.when() <= self._loop.time() + timeout:
                return
            self._deadline.cancel()
        self._deadline = self._loop.call_later(timeout, self.abort)

    def _resumed(self) -> None:
        self._resuming = False

    def _ended_in_order(self) -> bool:
        """Tell whether TLS ended by a close_notify, now that asyncio reports an end.

        Without it anybody on the way may have cut the stream (RFC 8446, section 6.1; RFC 9112,
        section 9.8). asyncio reports both in the same way, but TLS knows: after a close_notify it
        reads as ended, and else it wants more.
        """
        try:
            return not self.get_extra_info("ssl_object").read(1)
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLError:
            return False

    def _tell_past(self, receiver: Receiver) -> None:
        """Deliver the end of file or the loss that happened before `set_receiver`."""
        if self._receiver is not receiver:
            return
        if self._lost:
            self._receiver = None
            if self._eof:
                self._tell_eof(receiver)
            self._tell_loss(receiver)
        else:
            self._tell_eof(receiver)

    def _tell_eof(self, receiver: Receiver) -> None:
        try:
            receiver.eof_received()
        except Exception as exc:  # whatever it is, it is reported
            self._report(exc, "eof_received")

    def _tell_loss(self, receiver: Receiver) -> None:
        try:
            receiver.connection_lost(self._failure)
        except Exception as exc:  # whatever it is, it is reported
            self._report(exc, "connection_lost")

    def _report(self, exc: Exception, method: str) -> None:
        """Answer an exception of a receiver, which is a bug there."""
        self._loop.call_exception_handler(
            {
                "message": f"{method}() of a receiver raised an exception",
                "exception": exc,
                "transport": self._inner,
                "protocol": self,
            }
        )
        if self._failure is None:
            self._failure = exc
        self.abort()


def tune(sock: socket.socket) -> None:
    """Set what every TCP connection of a client wants.

    Small writes are not held back (the client joins what belongs together itself), and a peer
    that vanished is noticed in the end even by an idle connection.
    """
    with suppress(OSError):  # of a socket that is lost already, which its transport will say
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
