"""Opening a WebSocket: an ordinary request whose connection is taken over (RFC 6455 section 4)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from whimbrel.errors import (
    ClientConnectionResetError,
    ServerTimeoutError,
    WSServerHandshakeError,
)
from whimbrel.fields import list_fields
from whimbrel.options import ConnectionOptionsDict
from whimbrel_websocket_client import (
    ClientWebSocketResponse,
    ClientWSTimeout,
    HandshakeError,
)

if TYPE_CHECKING:
    from yarl import URL

    from whimbrel.fields import LooseHeaders
    from whimbrel.options import RequestOptionsDict
    from whimbrel.session import ClientSession
    from whimbrel_websocket_client import ClientHandshake

__all__ = ["connect", "websocket_timeout"]


def websocket_timeout(
    timeout: ClientWSTimeout | float | None, receive_timeout: float | None
) -> ClientWSTimeout:
    """Return the timeout that the parameters of `ws_connect`, old and new, mean.

    Args:
        timeout: a number of seconds, which is deprecated, is for the peer to close.
        receive_timeout: seconds to wait for a message; deprecated.
    """
    if not isinstance(timeout, ClientWSTimeout):
        warnings.warn(
            "timeout as a number is deprecated, use ClientWSTimeout(ws_close=...)",
            DeprecationWarning,
            stacklevel=3,
        )
        timeout = ClientWSTimeout(ws_close=timeout)
    if receive_timeout is not None:
        warnings.warn(
            "receive_timeout is deprecated, use ClientWSTimeout(ws_receive=...)",
            DeprecationWarning,
            stacklevel=3,
        )
        timeout = replace(timeout, ws_receive=receive_timeout)
    return timeout


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
        headers: more header fields for the request; those of the handshake are its own.
        options: more options for it.
        behaviour: parameters for the `ClientWebSocketResponse`.

    Raises:
        WSServerHandshakeError: the server did not accept.
    """
    unknown = options.keys() - ConnectionOptionsDict.__annotations__.keys()
    if unknown:
        raise TypeError(f"Unknown WebSocket option(s): {', '.join(sorted(unknown))}")
    offer = handshake.headers()
    ours = {name.lower() for name, _ in offer}
    others = [field for field in list_fields(headers) if field[0].lower() not in ours]
    opening = cast(  # the common options are some of a request's: mypy cannot join the two types
        "RequestOptionsDict",
        {**options, "headers": [*others, *offer]},
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
