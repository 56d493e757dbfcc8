"""Connectors to one place on this machine: a UNIX socket, a named pipe of Windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whimbrel_connector._base import UNSET, BaseConnector, Unset
from whimbrel_connector._caller import warn_caller
from whimbrel_connector._dial_local import PipeDialer, UnixDialer

if TYPE_CHECKING:
    import asyncio

    from whimbrel_connector._attempt import Attempt
    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.endpoint import Endpoint

__all__ = ["NamedPipeConnector", "UnixConnector"]


class _LocalConnector(BaseConnector):
    """Connects to one path, whatever the host and port of the endpoint."""

    _default_keepalive_timeout = 30.0

    _path: str
    _dialer: UnixDialer | PipeDialer

    @property
    def path(self) -> str:
        """Where it connects to."""
        return self._path

    def _check_endpoint(self, endpoint: Endpoint) -> None:
        if endpoint.proxy is not None:
            raise ValueError(f"a {type(self).__name__} reaches its path only; it takes no proxy")

    async def _create_connection(self, attempt: Attempt) -> SocketTransport:
        return await self._dialer.dial(attempt)


class UnixConnector(_LocalConnector):
    """Connects to one UNIX socket, whatever the host and port of the endpoint.

    Args:
        path: where the socket is.
        conn_timeout: deprecated, use `connect` of `acquire`; how long establishing a connection
            may take where no `connect` is given, in seconds; 0 or `None` for any time.
        keepalive_timeout: how long an idle connection is kept, in seconds (30 by default);
            `None` for ever, 0 not at all.
        force_close: see `BaseConnector`, as for the following.
        limit: see `BaseConnector`.
        limit_per_host: see `BaseConnector`.
        max_connection_age: see `BaseConnector`.
        max_connection_age_jitter: see `BaseConnector`.
        max_requests_per_connection: see `BaseConnector`.
        timeout_ceil_threshold: see `BaseConnector`.
        enable_cleanup_closed: deprecated, has no effect.
        loop: deprecated; the event loop to belong to.

    Raises:
        ValueError: options exclude each other, or one makes no sense.
    """

    def __init__(
        self,
        path: str,
        *,
        conn_timeout: float | None = None,
        keepalive_timeout: float | Unset | None = UNSET,
        force_close: bool = False,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        max_connection_age: float | None = None,
        max_connection_age_jitter: float = 0.1,
        max_requests_per_connection: int | None = None,
        timeout_ceil_threshold: float = 5.0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(
            keepalive_timeout=keepalive_timeout,
            force_close=force_close,
            limit=limit,
            limit_per_host=limit_per_host,
            max_connection_age=max_connection_age,
            max_connection_age_jitter=max_connection_age_jitter,
            max_requests_per_connection=max_requests_per_connection,
            timeout_ceil_threshold=timeout_ceil_threshold,
            enable_cleanup_closed=enable_cleanup_closed,
            loop=loop,
        )
        self._path = path
        self._dialer = UnixDialer(path)
        if conn_timeout is not None:
            warn_caller("conn_timeout is deprecated, use connect of acquire() or of ClientTimeout")
        self._conn_timeout = conn_timeout or None

    def _establishing_limit(
        self, connect: float | None, sock_connect: float | None
    ) -> float | None:
        if connect or self._conn_timeout is None:
            return sock_connect
        return min(sock_connect or self._conn_timeout, self._conn_timeout)


class NamedPipeConnector(_LocalConnector):
    r"""Connects to one named pipe of Windows, whatever the host and port of the endpoint.

    It needs asyncio's proactor event loop, the default on Windows; on any other loop `acquire` is
    a RuntimeError.

    Args:
        path: where the pipe is, as `r"\\.\pipe\name"`.
        keepalive_timeout: how long an idle connection is kept, in seconds (30 by default);
            `None` for ever, 0 not at all.
        force_close: see `BaseConnector`, as for the following.
        limit: see `BaseConnector`.
        limit_per_host: see `BaseConnector`.
        max_connection_age: see `BaseConnector`.
        max_connection_age_jitter: see `BaseConnector`.
        max_requests_per_connection: see `BaseConnector`.
        timeout_ceil_threshold: see `BaseConnector`.
        enable_cleanup_closed: deprecated, has no effect.
        loop: deprecated; the event loop to belong to.

    Raises:
        ValueError: options exclude each other, or one makes no sense.
    """

    def __init__(
        self,
        path: str,
        *,
        keepalive_timeout: float | Unset | None = UNSET,
        force_close: bool = False,
        limit: int | None = 100,
        limit_per_host: int | None = 0,
        max_connection_age: float | None = None,
        max_connection_age_jitter: float = 0.1,
        max_requests_per_connection: int | None = None,
        timeout_ceil_threshold: float = 5.0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(
            keepalive_timeout=keepalive_timeout,
            force_close=force_close,
            limit=limit,
            limit_per_host=limit_per_host,
            max_connection_age=max_connection_age,
            max_connection_age_jitter=max_connection_age_jitter,
            max_requests_per_connection=max_requests_per_connection,
            timeout_ceil_threshold=timeout_ceil_threshold,
            enable_cleanup_closed=enable_cleanup_closed,
            loop=loop,
        )
        self._path = path
        self._dialer = PipeDialer(path)
