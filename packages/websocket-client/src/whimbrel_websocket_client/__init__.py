"""WebSocket (RFC 6455) client: a pure protocol core and a thin asyncio shell."""

from whimbrel_websocket_client._deflate import ZlibBackend
from whimbrel_websocket_client._mask import COMPILED
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
from whimbrel_websocket_client.extensions import DeflateOffer, DeflateParameters
from whimbrel_websocket_client.handshake import Agreement, ClientHandshake, accept_key
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType
from whimbrel_websocket_client.parts import MessageParts
from whimbrel_websocket_client.protocol import NEED_DATA, Role, Signal, State, WebSocketProtocol

__all__ = [
    "COMPILED",
    "DEFAULT_WS_CLIENT_TIMEOUT",
    "NEED_DATA",
    "Agreement",
    "ClientHandshake",
    "ClientWSTimeout",
    "ClientWebSocketResponse",
    "DeflateOffer",
    "DeflateParameters",
    "HandshakeError",
    "HeartbeatError",
    "MessageParts",
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
    "ZlibBackend",
    "__version__",
    "accept_key",
]
