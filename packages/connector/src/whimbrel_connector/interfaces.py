"""What the connector calls and what it offers, as shapes that any object may have.

Nothing here has a body: a package above implements `Receiver`, a package beside offers a
`Resolver`, and tests use the doubles of `whimbrel_connector.testing`, which pass the same
conformance checks as the real ones.
"""

from __future__ import annotations

from collections.abc import Iterable  # noqa: TC003  # the annotations resolve at run time
from ipaddress import (  # noqa: TC003  # the annotations resolve at run time
    IPv4Address,
    IPv6Address,
)
from typing import Any, Protocol, TypedDict, runtime_checkable

from whimbrel_connector.tracing import (  # noqa: TC001  # the annotations resolve at run time
    ConnectionEvent,
)

__all__ = [
    "AddressFilter",
    "ConnectionTrace",
    "ReadableBuffer",
    "Receiver",
    "ResolveResult",
    "Resolver",
    "Transport",
]

ReadableBuffer = bytes | bytearray | memoryview


@runtime_checkable
class Receiver(Protocol):
    """What a protocol (an HTTP exchange, a WebSocket) is to the transport that feeds it.

    The transport calls these methods from the event loop, one at a time, and never after
    `connection_lost`. They must return quickly and must not raise: an exception here is a bug,
    which the transport answers by reporting it to the loop's exception handler and aborting.
    """

    def data_received(self, data: bytes) -> None:
        """Take the next bytes from the peer; never empty."""

    def eof_received(self) -> None:
        """Learn that the peer will send no more; at most once, after the last byte.

        It is certain that nothing is missing before it: the end of a TLS stream that no
        close_notify announced is a loss, not an end (RFC 9112, section 9.8), and a connection
        that this side closes has no end either. The transport is still open for writing, unless
        it is TLS. It is the receiver who closes it.
        """

    def connection_lost(self, exc: BaseException | None) -> None:
        """Learn that the transport is gone; exactly once, and the last call.

        Args:
            exc: why, or `None` when this side closed it or the peer ended it in order. An
                `ssl.SSLEOFError` is a TLS stream that was cut without close_notify; a
                `ClientConnectionError` says that the connector was closed with the connection in
                use, which is not the peer's doing.
        """


@runtime_checkable
class Transport(Protocol):
    """A bidirectional stream of bytes that feeds one `Receiver` at a time.

    It is an `asyncio.Transport` in the methods that the two share, plus `set_receiver` and
    `drain`, so that no protocol needs to be an `asyncio.Protocol`.
    """

    def set_receiver(self, receiver: Receiver) -> None:
        """Deliver everything that arrives from now on to `receiver`.

        An end of file or a loss that happened before is delivered in the next turn of the loop.
        """

    def write(self, data: ReadableBuffer) -> None:
        """Queue `data` for sending; it is dropped when the transport is closing."""

    def writelines(self, parts: Iterable[ReadableBuffer]) -> None:
        """Queue all of `parts`, in order, as one write."""

    async def drain(self) -> None:
        """Wait until the send buffer has room (back-pressure).

        Returns at once when it has. Cancelling it changes nothing about what was written.

        Raises:
            ConnectionResetError: the transport was lost, so that what is written goes nowhere.
        """

    def pause_reading(self) -> None:
        """Deliver no more data until `resume_reading`; harmless when paused or closing."""

    def resume_reading(self) -> None:
        """Deliver data again; harmless when not paused or closing."""

    def is_closing(self) -> bool:
        """Tell whether the transport is closed or about to be."""

    def close(self) -> None:
        """Send what is queued, then close; only `connection_lost` follows. Harmless if repeated."""

    def abort(self) -> None:
        """Close now, drop what is queued; only `connection_lost` follows. Harmless if repeated."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a fact about the connection, as `asyncio.BaseTransport.get_extra_info` does."""


class ResolveResult(TypedDict):
    """One address of a host, as a resolver returns it."""

    hostname: str
    """The name that was asked for."""
    host: str
    """The IP address as text, with its zone if it needs one (`fe80::1%2`). Never a name."""
    port: int
    family: int
    """`socket.AF_INET` or `socket.AF_INET6`."""
    proto: int
    flags: int
    """`getaddrinfo` flags for the address: `AI_NUMERICHOST`, usually."""


@runtime_checkable
class Resolver(Protocol):
    """Turns host names into addresses. `AbstractResolver` is the class form of the reference."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return every address of `host`, in order of preference; never an empty list.

        The connector takes an answer that has anything but IP addresses and ports for a failure.

        Args:
            host: a name, or an address in another than its canonical form; never a canonical one.
            port: copied into the results.
            family: `AF_INET` or `AF_INET6` to restrict the answer, `AF_UNSPEC` (0) for both.

        Raises:
            OSError: the name has no address or could not be looked up.
        """

    async def close(self) -> None:
        """Give back what the resolver holds; it is not used afterwards."""


@runtime_checkable
class AddressFilter(Protocol):
    """Decides which addresses may be connected to; any function of this shape will do."""

    def __call__(self, address: IPv4Address | IPv6Address, host: str) -> bool:
        """Return whether `address` may be connected to, as an address of `host`.

        The connector calls it on every connect, for each address that it might connect to, be it
        a literal, an answer of the resolver or one that the cache remembers; a proxy's addresses
        included. It is an ordinary function, called from the event loop, which must not take long.
        An exception is raised to whoever asked for the connection; so is a `TypeError` if what it
        returns is no `bool`.

        Args:
            address: the address; an IPv4 address mapped into IPv6 (RFC 4291, section 2.5.5.2) is
                given as the IPv4 address that it reaches.
            host: the name or literal that was asked for, of the server or of the proxy.
        """


@runtime_checkable
class ConnectionTrace(Protocol):
    """Learns what is done to get one connection."""

    async def connection_event(self, event: ConnectionEvent) -> None:
        """Take note of an event; the connector awaits it before it goes on.

        It is called from the task that asked for the connection, and its time counts against that
        one's timeouts. An exception, a cancellation included, ends the attempt and is raised
        there; no connection and no place in the limits is lost by it.
        """
