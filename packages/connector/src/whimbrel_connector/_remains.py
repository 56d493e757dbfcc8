"""What an attempt that failed or was cancelled leaves behind: a socket on its way out."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio.trsock import TransportSocket
    from collections.abc import Callable

    from whimbrel_connector._attempt import Attempt

__all__ = ["clear_away"]

_MAX_TURNS: Final = 100


def clear_away(attempt: Attempt, then: Callable[[], None]) -> None:
    """Close whatever the attempt holds, and call `then` when its socket is gone.

    asyncio closes the socket in the next turns of the loop. It may still be about to start a
    handshake on it, which shutting it down ends.
    """
    sock: socket.socket | TransportSocket | None = attempt.sock
    if attempt.transport is not None:
        if sock is None:
            sock = attempt.transport.get_extra_info("socket")
        attempt.transport.abandon()
    if sock is not None and sock.fileno() != -1:
        with suppress(OSError, TypeError):  # TypeError: uvloop's sockets only tell what they are
            sock.shutdown(socket.SHUT_RDWR)
    _await_gone(sock, then, _MAX_TURNS)


def _await_gone(
    sock: socket.socket | TransportSocket | None, then: Callable[[], None], turns: int
) -> None:
    if sock is None or sock.fileno() == -1:
        then()
    elif turns == 0:  # nobody has taken the socket over
        if isinstance(sock, socket.socket):
            sock.close()
        then()
    else:
        asyncio.get_running_loop().call_soon(_await_gone, sock, then, turns - 1)
