"""What can go wrong, as exceptions that name what was expected and what came.

None of them contains more of the peer's bytes than a short, escaped excerpt, and all of them
pickle.
"""

from __future__ import annotations

__all__ = [
    "HandshakeError",
    "HeartbeatError",
    "StateError",
    "WSMessageTypeError",
    "WebSocketError",
]

_EXCERPT = 80


def excerpt(value: str) -> str:
    """Return `value` quoted, escaped and cut to a length that fits in one line of a log."""
    if len(value) <= _EXCERPT:
        return ascii(value)
    return f"{value[:_EXCERPT]!a}... ({len(value)} characters)"


class WebSocketError(Exception):
    """The WebSocket connection failed: the peer broke the protocol or went away.

    Attributes:
        code: the status code of RFC 6455, section 7.4.1, that names the failure; 1006 when the
            connection ended without a closing handshake.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[1])


class HeartbeatError(TimeoutError):
    """Nothing came from the peer, not even an answer to the heartbeat's Ping."""


class HandshakeError(Exception):
    """The server's answer to the opening handshake is not an agreement (RFC 6455, section 4.1).

    Attributes:
        message: what was expected and what came.
        status: the status code of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, status)
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return self.message


class StateError(RuntimeError):
    """The protocol cannot send this now: the closing handshake has begun or is over."""


class WSMessageTypeError(TypeError):
    """A message came that is not of the type that was asked for."""
