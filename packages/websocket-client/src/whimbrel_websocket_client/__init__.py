"""WebSocket (RFC 6455) client: a pure protocol core and a thin asyncio shell."""

from whimbrel_websocket_client._version import __version__
from whimbrel_websocket_client.connection import (
    DEFAULT_WS_CLIENT_TIMEOUT,
    ClientWebSocketResponse,
    ClientWSTimeout,
)
from whimbrel_websocket_client.errors import (
    HandshakeError,
    HeartbeatError,
    StateError,
    WebSocketError,
    WSMessageTypeError,
)
from whimbrel_websocket_client.handshake import Agreement, ClientHandshake, accept_key
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType
from whimbrel_websocket_client.protocol import NEED_DATA, Role, Signal, State, WebSocketProtocol

__all__ = [
    "DEFAULT_WS_CLIENT_TIMEOUT",
    "NEED_DATA",
    "Agreement",
    "ClientHandshake",
    "ClientWSTimeout",
    "ClientWebSocketResponse",
    "HandshakeError",
    "HeartbeatError",
    "Role",
    "Signal",
    "State",
    "StateError",
    "WSCloseCode",
    "WSMessage",
    "WSMessageTypeError",
    "WSMsgType",
    "WebSocketError",
    "WebSocketProtocol",
    "__version__",
    "accept_key",
]
