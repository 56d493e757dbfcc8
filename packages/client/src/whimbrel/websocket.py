"""Opening a WebSocket: an ordinary request whose connection is taken over (RFC 6455 section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from whimbrel.errors import (
    ClientConnectionResetError,
    ServerTimeoutError,
    WSServerHandshakeError,
)
from whimbrel.fields import list_fields
from whimbrel_websocket_client import ClientWebSocketResponse, HandshakeError

if TYPE_CHECKING:
    from yarl import URL

    from whimbrel.fields import LooseHeaders
    from whimbrel.options import ConnectionOptionsDict, RequestOptionsDict
    from whimbrel.session import ClientSession
    from whimbrel_websocket_client import ClientHandshake

__all__ = ["connect"]


async def connect(
    session: ClientSession,
    method: str,
    url: str | URL,
    *,
    handshake: ClientHandshake,
    headers: LooseHeaders | None,
    options: ConnectionOptionsDict,
    behaviour: dict[str, Any],
) -> ClientWebSocketResponse:
    """Make the opening handshake as a request of `session`, and take its connection over.

    Args:
        session: makes the request.
        method: its method.
        url: its URL.
        handshake: asks for the WebSocket and judges the answer.
        headers: more header fields for the request.
        options: more options for it.
        behaviour: parameters for the `ClientWebSocketResponse`.

    Raises:
        WSServerHandshakeError: the server did not accept.
    """
    opening = cast(  # the common options are some of a request's: mypy cannot join the two types
        "RequestOptionsDict",
        {**options, "headers": [*list_fields(headers), *handshake.headers()]},
    )
    response = await session.request(method, url, **opening)
    try:
        agreement = handshake.accept(response.status, response.headers)
        transport, received = response.take_over()
    except HandshakeError as exc:
        raise WSServerHandshakeError(
            response.request_info,
            response.history,
            status=response.status,
            message=str(exc),
            headers=response.headers,
        ) from exc
    finally:
        response.close()  # does nothing to a connection that was taken over
    try:
        return ClientWebSocketResponse(
            transport,
            agreement,
            received=received,
            response=response,
            reset_error=ClientConnectionResetError,
            heartbeat_error=ServerTimeoutError,
            **behaviour,
        )
    except BaseException:
        transport.abort()
        raise
