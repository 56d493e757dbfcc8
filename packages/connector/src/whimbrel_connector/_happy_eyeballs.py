"""Connecting a socket to the first of several addresses that answers (RFC 8305)."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING, Any, Final, cast

from aiohappyeyeballs import addr_to_addr_infos, start_connection

from whimbrel_connector._wording import some_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from whimbrel_connector.interfaces import ResolveResult

    SocketAddress = tuple[str, int] | tuple[str, int, int, int]
    AddressInfo = tuple[
        int | socket.AddressFamily, int | socket.SocketKind, int, str, SocketAddress
    ]
    SocketFactory = Callable[[AddressInfo], socket.socket]
    Failure = tuple[str, OSError | RuntimeError]
    # An address, and why it could not be connected to. uvloop raises RuntimeError for some.

__all__ = ["Racer"]

_SHORTEST_DELAY: Final = 0.01
"""The least time between two attempts that RFC 8305, section 5 allows, in seconds."""


class Racer:
    """Connects sockets.

    Args:
        local_addr: the (host, port) to bind sockets to.
        delay: how long to wait for an address before the next one is tried beside it, in seconds
            (RFC 8305, section 5), though 10 ms at least; `None` to try one after the other.
        interleave: the First Address Family Count (RFC 8305, section 4).
        socket_factory: makes the sockets.
    """

    def __init__(
        self,
        *,
        local_addr: tuple[str, int] | None,
        delay: float | None,
        interleave: int | None,
        socket_factory: SocketFactory | None,
    ) -> None:
        local = addr_to_addr_infos(local_addr)
        self._local = None if local is None else local[0]
        # aiohappyeyeballs takes 0 for no delay that ever ends.
        self._delay = None if delay is None else max(delay, _SHORTEST_DELAY)
        self._interleave = interleave
        self._socket_factory = socket_factory or _make_socket

    async def connect(
        self, addresses: list[ResolveResult], failed: Callable[[str], None]
    ) -> socket.socket:
        """Return a socket that is connected to one of the addresses.

        Args:
            addresses: one at least.
            failed: called for each address that failed, with what is to be told of all that did.

        Raises:
            OSError: none could be connected to. The text says why for each of them, `errno` is
                that of the first, and what the system said is chained: one error as it is, more
                in an `ExceptionGroup`.
        """
        race = _Race(self._local, self._socket_factory, failed)
        infos = [info for address in addresses if (info := race.address_info(address)) is not None]
        try:
            if infos:
                return await start_connection(
                    infos,
                    happy_eyeballs_delay=self._delay,
                    interleave=self._interleave,
                    loop=cast("asyncio.AbstractEventLoop", race),
                    socket_factory=race.make_socket,
                )
        except (OSError, RuntimeError) as exc:
            if not race.failures:
                raise OSError(getattr(exc, "errno", None), str(exc)) from exc
        # The errors lead to the race by their tracebacks, which is not to lead back to them.
        failures, race.failures = race.failures, []
        raise _error_of(failures) from _cause_of(failures)


class _Race:
    """One connecting: the event loop as `start_connection` sees it, noting what fails and why.

    The error that `start_connection` raises leaves addresses out, and reasons, and the errno where
    the addresses differ in it. For the same end, sockets are bound here.
    """

    def __init__(
        self,
        local: AddressInfo | None,
        socket_factory: SocketFactory,
        failed: Callable[[str], None],
    ) -> None:
        self.failures: list[Failure] = []
        self._loop = asyncio.get_running_loop()
        self._local = local
        self._socket_factory = socket_factory
        self._failed = failed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def address_info(self, address: ResolveResult) -> AddressInfo | None:
        """Return the address as the socket takes it; `None` if its zone is none of this system.

        asyncio would take a zone (RFC 4007) for a name, and look the address up.
        """
        host, port, family = address["host"], address["port"], address["family"]
        sockaddr: SocketAddress = (host, port)
        if family == socket.AF_INET6:
            host, _, zone = host.partition("%")
            try:
                sockaddr = (host, port, 0, _scope_id(zone) if zone else 0)
            except OSError as exc:
                self._note(address["host"], exc)
                return None
        return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", sockaddr

    def make_socket(self, info: AddressInfo) -> socket.socket:
        """Make a socket for an address, bound where it is to be."""
        sock = None
        try:
            sock = self._socket_factory(info)
            if self._local is not None:
                _bind(sock, info[0], self._local)
        except (OSError, RuntimeError) as exc:
            if sock is not None:
                sock.close()
            self._note(info[4][0], exc)
            raise
        return sock

    async def sock_connect(self, sock: socket.socket, address: SocketAddress) -> None:
        """Connect a socket."""
        try:
            await self._loop.sock_connect(sock, address)
        except (OSError, RuntimeError) as exc:
            self._note(address[0], exc)
            raise

    def _note(self, host: str, exc: OSError | RuntimeError) -> None:
        self.failures.append((host, exc))
        self._failed(_told(self.failures))


def _make_socket(info: AddressInfo) -> socket.socket:
    return socket.socket(info[0], info[1], info[2])


def _bind(sock: socket.socket, family: int, local: AddressInfo) -> None:
    host, port = local[4][:2]
    if local[0] != family:
        raise OSError(errno.EAFNOSUPPORT, f"local_addr {host} is of another family")
    try:
        sock.bind(local[4])
    except OSError as exc:
        raise OSError(exc.errno, f"cannot bind to {host} port {port}: {exc.strerror}") from exc


def _scope_id(zone: str) -> int:
    if zone.isdecimal() and len(zone) < 10:
        return int(zone)
    try:
        return socket.if_nametoindex(zone)
    except (OSError, ValueError) as exc:  # ValueError for a NUL
        raise OSError(errno.ENODEV, "there is no such zone") from exc


def _told(failures: list[Failure]) -> str:
    return some_of(failures, "; ", _wording)


def _wording(failure: Failure) -> str:
    host, exc = failure
    return f"{host}: {_reason(exc)}"


def _reason(exc: OSError | RuntimeError) -> str:
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    if isinstance(exc, OSError) and exc.errno and text.startswith("Connect call failed"):
        return os.strerror(exc.errno)  # asyncio says everything but this
    return str(text)


def _error_of(failures: list[Failure]) -> OSError:
    numbers = (getattr(exc, "errno", None) for _, exc in failures)
    return OSError(next(filter(None, numbers), None), _told(failures))


def _cause_of(failures: list[Failure]) -> Exception:
    errors = [exc for _, exc in failures]
    return errors[0] if len(errors) == 1 else ExceptionGroup("no address answered", errors)
