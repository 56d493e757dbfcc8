"""Frames as bytes (RFC 6455, section 5): an encoder, an incremental decoder, and Close payloads.

The decoder hands out the payload of a long frame in pieces, as they arrive, so that a limit can be
applied on the header and nothing needs to hold a whole frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whimbrel_websocket_client._mask import apply_mask, fresh_mask
from whimbrel_websocket_client.errors import WebSocketError
from whimbrel_websocket_client.messages import WSCloseCode

if TYPE_CHECKING:
    # A machine integer when compiled, an ordinary one otherwise; nothing of it at run time.
    from mypy_extensions import i64

__all__ = [
    "OP_BINARY",
    "OP_CLOSE",
    "OP_CONTINUATION",
    "OP_PING",
    "OP_PONG",
    "OP_TEXT",
    "FrameDecoder",
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

_FIN: Final = 0x80
_RSV1: Final = 0x40
_MASK: Final = 0x80
_CONTROL_LIMIT: Final = 125
_REASON_LIMIT: Final = _CONTROL_LIMIT - 2
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127


# For each first octet of a frame whether it breaks no rule by itself: no RSV bit that is not agreed
# on (section 5.2), no reserved opcode, no fragmented control frame (section 5.5).
_DATA: Final = frozenset((OP_CONTINUATION, OP_TEXT, OP_BINARY))
_CONTROL: Final = frozenset((OP_CLOSE, OP_PING, OP_PONG))
_PLAIN: Final = frozenset({*_DATA, *(_FIN | opcode for opcode in _DATA | _CONTROL)})
_ALLOWED: Final = bytes(first in _PLAIN for first in range(256))
# RFC 7692, section 6: RSV1 says that a message is compressed, on the first frame of it.
_ALLOWED_WITH_DEFLATE: Final = bytes(
    first in _PLAIN or (first & _RSV1 != 0 and first & ~(_FIN | _RSV1) in (OP_TEXT, OP_BINARY))
    for first in range(256)
)


def encode_frame(
    opcode: int,
    payload: bytes | bytearray | memoryview,
    *,
    fin: bool = True,
    masked: bool,
    compressed: bool = False,
) -> bytes:
    """Return one frame.

    Args:
        opcode: of RFC 6455, section 5.2.
        payload: application data, not masked; a memoryview must have items of one byte.
        fin: whether this is the last frame of its message.
        masked: whether a client sends it. Each frame gets a fresh key from the system's source of
            randomness (RFC 6455, section 5.3).
        compressed: whether it begins a compressed message: sets RSV1 (RFC 7692, section 6).

    Raises:
        ValueError: a control frame is fragmented or longer than 125 octets (section 5.5).
    """
    length = len(payload)
    if opcode >= OP_CLOSE and (length > _CONTROL_LIMIT or not fin):
        raise ValueError(
            f"a control frame has at most {_CONTROL_LIMIT} octets and no fragments (RFC 6455,"
            f" section 5.5), not {length} octets with FIN={int(fin)}"
        )
    first = opcode | (_FIN if fin else 0) | (_RSV1 if compressed else 0)
    start = first << 8 | (_MASK if masked else 0)
    if length < _LENGTH_16:
        header = (start | length).to_bytes(2, "big")
    elif length < 1 << 16:
        header = ((start | _LENGTH_16) << 16 | length).to_bytes(4, "big")
    else:
        header = ((start | _LENGTH_64) << 64 | length).to_bytes(10, "big")
    if not masked:
        return header + payload
    mask = fresh_mask()
    return apply_mask(payload, mask, header + mask)


class FrameDecoder:
    """Takes bytes in any division and gives frame headers and pieces of payload, unmasked.

    Call `next_header`, then `take` or `take_whole` until `remaining` is 0, and so on. Every rule
    that a frame can break by itself is checked on its header; the first violation raises, after
    which the decoder is not used any more.

    Attributes:
        fin: whether the current frame is the last one of its message.
        opcode: of the current frame.
        compressed: whether the current frame begins a compressed message.
        length: octets of the current frame's payload.
        remaining: octets of it that were not taken yet.
    """

    __slots__ = (
        "_allowed",
        "_buffer",
        "_mask",
        "_masked",
        "_position",
        "compressed",
        "fin",
        "length",
        "opcode",
        "remaining",
    )

    def __init__(self, *, masked: bool, deflate: bool = False) -> None:
        """Begin before the first frame.

        Args:
            masked: whether the peer is a client, which must mask; a server must not (RFC 6455,
                section 5.1).
            deflate: whether messages may be compressed.
        """
        self._buffer = b""
        self._position: i64 = 0
        self._masked = masked
        self._mask = b""
        self._allowed = _ALLOWED_WITH_DEFLATE if deflate else _ALLOWED
        self.fin = False
        self.opcode = OP_CONTINUATION
        self.compressed = False
        self.length: i64 = 0
        self.remaining: i64 = 0

    def feed(self, data: bytes) -> None:
        """Add what came from the peer."""
        if self._position == len(self._buffer):
            self._buffer = data
        else:
            self._buffer = self._buffer[self._position :] + data
        self._position = 0

    def next_header(self) -> bool:
        """Read the next frame's header, and tell whether it was complete.

        Raises:
            WebSocketError: the frame breaks the protocol (1002).
        """
        buffer = self._buffer
        position: i64 = self._position
        available: i64 = len(buffer) - position
        if available < 2:
            return False
        first: i64 = buffer[position]
        second: i64 = buffer[position + 1]
        opcode: i64 = first & 0x0F
        length: i64 = second & 0x7F
        if (
            not self._allowed[first]
            or (second >= _MASK) is not self._masked
            or (opcode >= OP_CLOSE and length > _CONTROL_LIMIT)
        ):
            raise self._violation_of(first, second)
        position += 2
        if length >= _LENGTH_16:
            size: i64 = 2 if length == _LENGTH_16 else 8
            if available < 2 + size:
                return False
            length = _long_length(buffer[position : position + size])
            position += size
        if self._masked:
            if len(buffer) - position < 4:
                return False
            self._mask = buffer[position : position + 4]
            position += 4
        self._position = position
        self.fin = first >= _FIN
        self.opcode = opcode
        self.compressed = first & _RSV1 != 0
        self.length = length
        self.remaining = length
        return True

    def _violation_of(self, first: int, second: int) -> WebSocketError:
        """Return what a frame with these two octets breaks."""
        opcode = first & 0x0F
        if opcode not in _DATA and opcode not in _CONTROL:
            return _violation(f"opcode 0x{opcode:X} is reserved (section 5.2)")
        if (second >= _MASK) is not self._masked:
            sender, rule = ("client", "masked") if self._masked else ("server", "not masked")
            return _violation(f"expected the {sender}'s frames to be {rule} (section 5.1)")
        if opcode >= OP_CLOSE and first < _FIN:
            return _violation(f"control frame 0x{opcode:X} is fragmented (section 5.5)")
        if opcode >= OP_CLOSE and second & 0x7F > _CONTROL_LIMIT:
            return _violation(f"control frame 0x{opcode:X} exceeds 125 octets (section 5.5)")
        agreed = "no extension was agreed"
        if self._allowed is _ALLOWED_WITH_DEFLATE:
            agreed = "permessage-deflate uses RSV1 only, on the first frame of a message"
        return _violation(f"RSV bits {first >> 4 & 7:03b} are set, but {agreed} (section 5.2)")

    @property
    def has_payload(self) -> bool:
        """Whether `take` would give anything."""
        return self.remaining > 0 and self._position < len(self._buffer)

    def take(self) -> bytes:
        """Return as much of the current frame's payload as is there, unmasked; maybe nothing."""
        available: i64 = len(self._buffer) - self._position
        return self._cut(available if available < self.remaining else self.remaining)

    def take_whole(self) -> bytes | None:
        """Return the rest of the current frame's payload, or `None` when it is not complete."""
        if self.remaining > len(self._buffer) - self._position:
            return None
        return self._cut(self.remaining)

    def _cut(self, size: i64) -> bytes:
        buffer = self._buffer
        start: i64 = self._position
        end: i64 = start + size
        self.remaining -= size
        if end < len(buffer):
            self._position = end
            chunk = buffer[start:end]
        else:
            # Do not keep a received block alive for the sake of its position.
            self._buffer = b""
            self._position = 0
            chunk = buffer if start == 0 else buffer[start:]
        if self._masked and size:
            mask = self._mask
            turn = size & 3
            self._mask = mask[turn:] + mask[:turn]
            return apply_mask(chunk, mask)
        return chunk

    def clear(self) -> None:
        """Free what was not taken; nothing is read afterwards."""
        self._buffer = b""
        self._position = 0


def _long_length(octets: bytes) -> int:
    """Return a length of 16 or 64 bits, held to section 5.2: the shortest form, no highest bit."""
    length = int.from_bytes(octets, "big")
    if length < (_LENGTH_16 if len(octets) == 2 else 1 << 16):
        raise _violation(f"length {length} is not in its shortest form (section 5.2)")
    if length >= 1 << 63:
        raise _violation("the highest bit of a 64 bit length is set (section 5.2)")
    return length


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
