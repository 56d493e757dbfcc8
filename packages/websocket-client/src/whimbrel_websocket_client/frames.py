"""Frames as bytes (RFC 6455, section 5): an encoder, an incremental decoder, and Close payloads.

The decoder hands out the payload of a long frame in pieces, as they arrive, so that a limit can be
applied on the header and nothing needs to hold a whole frame.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from whimbrel_websocket_client._mask import apply_mask
from whimbrel_websocket_client.errors import WebSocketError
from whimbrel_websocket_client.messages import WSCloseCode

__all__ = [
    "OP_BINARY",
    "OP_CLOSE",
    "OP_CONTINUATION",
    "OP_PING",
    "OP_PONG",
    "OP_TEXT",
    "FrameDecoder",
    "FrameHeader",
    "decode_close",
    "encode_close",
    "encode_frame",
    "is_valid_close_code",
]

OP_CONTINUATION: Final = 0x0
OP_TEXT: Final = 0x1
OP_BINARY: Final = 0x2
OP_CLOSE: Final = 0x8
OP_PING: Final = 0x9
OP_PONG: Final = 0xA

_OPCODES: Final = frozenset((OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE, OP_PING, OP_PONG))
_CONTROL_LIMIT: Final = 125
_REASON_LIMIT: Final = _CONTROL_LIMIT - 2
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127


def encode_frame(
    opcode: int, payload: bytes | bytearray | memoryview, *, fin: bool = True, masked: bool
) -> bytes:
    """Return one frame.

    Args:
        opcode: of RFC 6455, section 5.2.
        payload: application data, not masked; a memoryview must have items of one byte.
        fin: whether this is the last frame of its message.
        masked: whether a client sends it. Each frame gets a fresh key from the system's source of
            randomness (RFC 6455, section 5.3).

    Raises:
        ValueError: a control frame is fragmented or longer than 125 octets (section 5.5).
    """
    length = len(payload)
    if opcode >= OP_CLOSE and (length > _CONTROL_LIMIT or not fin):
        raise ValueError(
            f"a control frame has at most {_CONTROL_LIMIT} octets and no fragments (RFC 6455,"
            f" section 5.5), not {length} octets with FIN={int(fin)}"
        )
    first = opcode | (0x80 if fin else 0)
    mask_bit = 0x80 if masked else 0
    if length < _LENGTH_16:
        header = bytes((first, mask_bit | length))
    elif length < 1 << 16:
        header = bytes((first, mask_bit | _LENGTH_16)) + length.to_bytes(2, "big")
    else:
        header = bytes((first, mask_bit | _LENGTH_64)) + length.to_bytes(8, "big")
    if not masked:
        return header + payload
    mask = os.urandom(4)
    return header + mask + apply_mask(payload, mask)


class FrameHeader(NamedTuple):
    """What stands before a frame's payload (RFC 6455, section 5.2)."""

    fin: bool
    opcode: int
    length: int
    """Octets of payload."""


class FrameDecoder:
    """Takes bytes in any division and gives frame headers and pieces of payload, unmasked.

    Call `next_header`, then `take` or `take_whole` until `remaining` is 0, and so on. Every rule
    that a frame can break by itself is checked on its header; the first violation raises, after
    which the decoder is not used any more.
    """

    __slots__ = ("_buffer", "_mask", "_masked", "_position", "remaining")

    def __init__(self, *, masked: bool) -> None:
        """Begin before the first frame.

        Args:
            masked: whether the peer is a client, which must mask; a server must not (RFC 6455,
                section 5.1).
        """
        self._buffer = b""
        self._position = 0
        self._masked = masked
        self._mask = b""
        self.remaining = 0
        """Octets of the current frame's payload that were not taken yet."""

    def feed(self, data: bytes) -> None:
        """Add what came from the peer."""
        if self._position == len(self._buffer):
            self._buffer = data
        else:
            self._buffer = self._buffer[self._position :] + data
        self._position = 0

    def next_header(self) -> FrameHeader | None:
        """Return the next frame's header, or `None` when it is not complete.

        Raises:
            WebSocketError: the frame breaks the protocol (1002).
        """
        buffer = self._buffer
        position = self._position
        available = len(buffer) - position
        if available < 2:
            return None
        first = buffer[position]
        second = buffer[position + 1]
        opcode = first & 0x0F
        length = second & 0x7F
        self._check(first, opcode, second, length)
        position += 2
        if length >= _LENGTH_16:
            size = 2 if length == _LENGTH_16 else 8
            if available < 2 + size:
                return None
            length = int.from_bytes(buffer[position : position + size], "big")
            _check_length(length, size)
            position += size
        if self._masked:
            if len(buffer) - position < 4:
                return None
            self._mask = buffer[position : position + 4]
            position += 4
        self._position = position
        self.remaining = length
        return FrameHeader(first >= 0x80, opcode, length)

    def _check(self, first: int, opcode: int, second: int, length: int) -> None:
        if first & 0x70:
            raise _violation(
                f"RSV bits {first >> 4 & 7:03b} are set, but no extension was agreed (section 5.2)"
            )
        if opcode not in _OPCODES:
            raise _violation(f"opcode 0x{opcode:X} is reserved (section 5.2)")
        if (second >= 0x80) is not self._masked:
            sender, rule = ("client", "masked") if self._masked else ("server", "not masked")
            raise _violation(f"expected the {sender}'s frames to be {rule} (section 5.1)")
        if opcode >= OP_CLOSE:
            if first < 0x80:
                raise _violation(f"control frame 0x{opcode:X} is fragmented (section 5.5)")
            if length > _CONTROL_LIMIT:
                raise _violation(f"control frame 0x{opcode:X} exceeds 125 octets (section 5.5)")

    def take(self) -> bytes:
        """Return as much of the current frame's payload as is there, unmasked; maybe nothing."""
        start = self._position
        end = min(start + self.remaining, len(self._buffer))
        return self._cut(start, end)

    def take_whole(self) -> bytes | None:
        """Return the rest of the current frame's payload, or `None` when it is not complete."""
        start = self._position
        end = start + self.remaining
        if end > len(self._buffer):
            return None
        return self._cut(start, end)

    def _cut(self, start: int, end: int) -> bytes:
        chunk = self._buffer[start:end]
        self.remaining -= end - start
        if end == len(self._buffer):
            # Do not keep a received block alive for the sake of its position.
            self._buffer = b""
            self._position = 0
        else:
            self._position = end
        if self._masked:
            mask = self._mask
            turn = len(chunk) % 4
            self._mask = mask[turn:] + mask[:turn]
            return apply_mask(chunk, mask)
        return chunk


def _check_length(length: int, size: int) -> None:
    """Hold a 16 or 64 bit length to section 5.2: the shortest form, the highest bit not set."""
    if length < (_LENGTH_16 if size == 2 else 1 << 16):
        raise _violation(f"length {length} is not in its shortest form (section 5.2)")
    if length >= 1 << 63:
        raise _violation("the highest bit of a 64 bit length is set (section 5.2)")


def is_valid_close_code(code: int) -> bool:
    """Tell whether a Close frame may have this status code (RFC 6455, section 7.4, and IANA)."""
    if 3000 <= code <= 4999:
        return True
    # 1004 is reserved; 1005, 1006 and 1015 say that no status code came.
    return 1000 <= code <= 1014 and code not in (1004, 1005, 1006)


def encode_close(code: int, reason: str = "") -> bytes:
    """Return the payload of a Close frame (RFC 6455, section 5.5.1).

    Args:
        code: status code.
        reason: for the peer's log; at most 123 octets of UTF-8.

    Raises:
        ValueError: the code must not be sent, or the reason is too long or has a lone surrogate.
    """
    if not is_valid_close_code(code):
        raise ValueError(f"{code} is not a status code that a Close frame may have (section 7.4)")
    encoded = reason.encode()
    if len(encoded) > _REASON_LIMIT:
        raise ValueError(
            f"the reason of a close has at most {_REASON_LIMIT} octets of UTF-8, not {len(encoded)}"
        )
    return code.to_bytes(2, "big") + encoded


def decode_close(payload: bytes) -> tuple[int, str]:
    """Return status code and reason of a Close frame; 1005 when it has none (section 7.1.5).

    Raises:
        WebSocketError: the payload is one octet or the code must not be sent (1002), or the reason
            is not UTF-8 (1007).
    """
    if not payload:
        return WSCloseCode.NO_STATUS_RECEIVED, ""
    if len(payload) == 1:
        raise _violation("a Close frame has half a status code (section 5.5.1)")
    code = int.from_bytes(payload[:2], "big")
    if not is_valid_close_code(code):
        raise _violation(f"a Close frame has the status code {code} (section 7.4)")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError as error:
        raise WebSocketError(
            WSCloseCode.INVALID_TEXT,
            f"the reason of a Close frame is not UTF-8: {error.reason} at {error.start}",
        ) from error


def _violation(message: str) -> WebSocketError:
    return WebSocketError(WSCloseCode.PROTOCOL_ERROR, message)
