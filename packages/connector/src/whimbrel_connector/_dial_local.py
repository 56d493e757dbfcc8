"""The ways to a server on this machine: a UNIX socket, a named pipe of Windows."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

from whimbrel_connector._attempt import within_limit
from whimbrel_connector._handshake import Handshakes, plain
from whimbrel_connector._transport import SocketTransport
from whimbrel_connector.errors import UnixClientConnectorError
from whimbrel_connector.tracing import ConnectionStage

if TYPE_CHECKING:
    from whimbrel_connector._attempt import Attempt

__all__ = ["PipeDialer", "UnixDialer"]

_FULL_QUEUE_PAUSE: Final = 0.01
"""How long to wait before asking again a UNIX socket whose backlog is full, in seconds."""


class UnixDialer:
    """Establishes connections to one UNIX socket.

    Args:
        path: where the socket is.
        ssl_shutdown_timeout: how long the server may take to answer when TLS is ended, in seconds.
    """

    def __init__(self, path: str, *, ssl_shutdown_timeout: float = 0.0) -> None:
        self._path = path
        self._handshakes = Handshakes(True, ssl_shutdown_timeout)

    async def dial(self, attempt: Attempt) -> SocketTransport:
        """Establish a connection.

        Raises:
            ClientConnectionError: it could not be done.
        """
        return await within_limit(attempt, f"unix socket {self._path}", self._set_up(attempt))

    async def _set_up(self, attempt: Attempt) -> SocketTransport:
        await attempt.tell(ConnectionStage.CONNECT_START)
        attempt.begin("connecting")
        sock = attempt.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await self._connect(sock)
        except BaseException as exc:
            sock.close()
            if isinstance(exc, OSError):
                raise UnixClientConnectorError(
                    self._path, attempt.endpoint, exc, attempt.detail()
                ) from exc
            raise
        attempt.timings.connect = attempt.elapsed()
        await attempt.tell(ConnectionStage.CONNECT_END, address=self._path)
        if attempt.endpoint.is_ssl:
            return await self._handshakes.with_server(attempt, sock)
        return await plain(attempt, sock)

    async def _connect(self, sock: socket.socket) -> None:
        """Connect, waiting for room in the server's backlog.

        connect(2) of a non-blocking UNIX socket answers EAGAIN when the backlog is full, and
        there is nothing that would tell when it no longer is.
        """
        while True:
            try:
                sock.connect(self._path)
            except BlockingIOError:
                await asyncio.sleep(_FULL_QUEUE_PAUSE)
            else:
                return


class PipeDialer:
    """Establishes connections to one named pipe of Windows.

    Args:
        path: the name of the pipe.
        ssl_shutdown_timeout: how long the server may take to answer when TLS is ended, in seconds.
    """

    def __init__(self, path: str, *, ssl_shutdown_timeout: float = 0.0) -> None:
        self._path = path
        self._handshakes = Handshakes(True, ssl_shutdown_timeout)

    async def dial(self, attempt: Attempt) -> SocketTransport:
        """Establish a connection.

        Raises:
            ClientConnectionError: it could not be done.
            RuntimeError: the event loop has no named pipes.
        """
        return await within_limit(attempt, f"named pipe {self._path}", self._set_up(attempt))

    async def _set_up(self, attempt: Attempt) -> SocketTransport:
        loop = asyncio.get_running_loop()
        connect = getattr(loop, "create_pipe_connection", None)
        if connect is None:
            raise RuntimeError(
                "named pipes need Windows and its ProactorEventLoop;"
                f" {type(loop).__name__} has no create_pipe_connection"
            )
        await attempt.tell(ConnectionStage.CONNECT_START)
        attempt.begin(f"connecting to the named pipe {self._path}")
        transport = attempt.transport = SocketTransport(attempt.timings)
        try:
            await connect(lambda: transport, self._path)
        except OSError as exc:
            raise attempt.failure(exc) from exc
        attempt.timings.connect = attempt.elapsed()
        await attempt.tell(ConnectionStage.CONNECT_END, address=self._path)
        if attempt.endpoint.is_ssl:
            await self._handshakes.with_server_inside(attempt, transport)
        return transport
