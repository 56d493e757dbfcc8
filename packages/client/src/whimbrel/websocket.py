"""Opening a WebSocket: an ordinary request whose connection is taken over (RFC 6455 section 4)."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from whimbrel.errors import (
    ClientConnectionResetError,
    ClientError,
    ServerTimeoutError,
    WSServerHandshakeError,
)
from whimbrel.fields import list_fields
from whimbrel.options import ConnectionOptionsDict
from whimbrel_websocket_client import (
    ClientWebSocketResponse,
    ClientWSTimeout,
    DeflateOffer,
    HandshakeError,
)

if TYPE_CHECKING:
    from yarl import URL

    from whimbrel.fields import LooseHeaders
    from whimbrel.options import RequestOptionsDict
    from whimbrel.response import ClientResponse
    from whimbrel.session import ClientSession
    from whimbrel_websocket_client import ClientHandshake

__all__ = ["connect", "deflate_offer", "websocket_timeout"]

# What is kept of the content of a refusal, and how long it is waited for.
_REFUSAL_BYTES: Final = 64 * 1024
_REFUSAL_SECONDS: Final = 1.0


def deflate_offer(compress: int | DeflateOffer) -> DeflateOffer | None:
    """Return what the parameter `compress` of `ws_connect` means.

    Args:
        compress: a number is the reference's: 0 for nothing, else the bits of the server's window.

    Raises:
        TypeError: it is something else.
        ValueError: the number is none from 9 to 15.
    """
    if isinstance(compress, DeflateOffer):
        return compress
    # True is a number, too, and would be a window of 1 bit.
    if isinstance(compress, bool) or not isinstance(compress, int):
        raise TypeError(
            "compress must be 0, a number of bits from 9 to 15, or a DeflateOffer,"
            f" not {compress!r}"
        )
    if not compress:
        return None
    if not 9 <= compress <= 15:
        raise ValueError(f"compress must be 0 or a number of bits from 9 to 15, not {compress}")
    return DeflateOffer(server_max_window_bits=None if compress == 15 else compress)


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
        switched = response.status == HTTPStatus.SWITCHING_PROTOCOLS
        raise WSServerHandshakeError(
            response.request_info,
            response.history,
            status=response.status,
            message=str(exc),
            headers=response.headers,
            body=b"" if switched else await _beginning(response),
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


async def _beginning(response: ClientResponse) -> bytes:
    """Return the beginning of the body: what comes in time, and what comes before it breaks."""
    body = bytearray()
    with contextlib.suppress(ClientError, TimeoutError):
        async with asyncio.timeout(_REFUSAL_SECONDS):
            while len(body) < _REFUSAL_BYTES:
                data = await response.content.read(_REFUSAL_BYTES - len(body))
                if not data:
                    break
                body += data
    return bytes(body)
