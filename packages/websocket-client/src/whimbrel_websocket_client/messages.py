"""Messages, their types, and the status codes of a close: the values that users handle."""

from __future__ import annotations

import json
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Role", "WSCloseCode", "WSMessage", "WSMsgType"]


class Role(Enum):
    """Which side of the connection this is."""

    CLIENT = "client"
    SERVER = "server"


class WSCloseCode(IntEnum):
    """Status codes of a close (RFC 6455, section 7.4.1, and the IANA registry).

    `NO_STATUS_RECEIVED` and `ABNORMAL_CLOSURE` are never sent: they say that a Close frame had no
    status code, and that there was no Close frame.
    """

    OK = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_TEXT = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014


class WSMsgType(IntEnum):
    """Types of a message: the opcodes of RFC 6455, section 5.2, and what the client adds."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA
    CLOSING = 0x100
    """`close()` was called while `receive()` waited."""
    CLOSED = 0x101
    """There is nothing more to receive."""
    ERROR = 0x102
    """The connection failed; the message's data is the exception."""

    # The spelling of old programs, which the reference keeps.
    text = TEXT
    binary = BINARY
    close = CLOSE
    ping = PING
    pong = PONG
    closing = CLOSING
    closed = CLOSED
    error = ERROR


class WSMessage(NamedTuple):
    """One message, or one fact about the connection.

    Attributes:
        data: `str` of a text (`bytes` when texts are not decoded), `bytes` of a binary message, a
            Ping or a Pong, the status code of a close, the exception of an error, else `None`.
        extra: the reason of a close, else `None`.
        type: what it is.
    """

    data: Any
    extra: str | None
    type: WSMsgType

    def json(self, *, loads: Callable[[Any], Any] = json.loads) -> Any:
        """Return the data parsed as JSON.

        Args:
            loads: the parser, which gets `data` as it is.

        Raises:
            ValueError: the data is not JSON.
        """
        return loads(self.data)
