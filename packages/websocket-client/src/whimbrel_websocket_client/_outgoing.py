"""Messages to frames (RFC 6455, section 5.4), whole or in parts, compressed where agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whimbrel_websocket_client.errors import StateError
from whimbrel_websocket_client.frames import OP_BINARY, OP_CONTINUATION, OP_TEXT, encode_frame

if TYPE_CHECKING:
    from whimbrel_websocket_client._deflate import Deflater

__all__ = ["OutgoingMessages", "octets"]


class _Parts:
    """A message that is sent in parts and has not ended."""

    __slots__ = ("compressed", "level", "opcode", "started")

    def __init__(self, opcode: int, *, compressed: bool, level: int | None) -> None:
        self.opcode = opcode
        self.compressed = compressed
        self.level = level
        self.started = False
        """Whether its first frame was made."""


class OutgoingMessages:
    """Makes the data frames that one side sends."""

    __slots__ = ("_deflater", "_masked", "_parts")

    def __init__(self, *, masked: bool, deflater: Deflater | None = None) -> None:
        """Begin before the first message.

        Args:
            masked: whether this side is a client.
            deflater: compresses, if that was agreed on.
        """
        self._masked = masked
        self._deflater = deflater
        self._parts: _Parts | None = None

    @property
    def in_parts(self) -> bool:
        """Whether a message that is sent in parts has begun and not ended."""
        return self._parts is not None

    def message(
        self, opcode: int, payload: bytes | bytearray | memoryview, compress: int | None
    ) -> bytes:
        """Return the frame of a whole message; see `WebSocketProtocol.send_binary`."""
        if self._parts is not None:
            raise StateError("cannot send: the message that is sent in parts has not ended")
        deflater = self._deflater
        if deflater is None or compress == 0:
            if compress:
                raise _not_agreed(compress)
            return encode_frame(opcode, payload, masked=self._masked)
        payload = deflater.deflate(payload, fin=True, level=compress)
        return encode_frame(opcode, payload, masked=self._masked, compressed=True)

    def part(
        self, data: str | bytes | bytearray | memoryview, last: bool, compress: int | None
    ) -> bytes:
        """Return the frame of the next part; see `WebSocketProtocol.send_part`."""
        opcode = OP_TEXT if isinstance(data, str) else OP_BINARY
        payload = data.encode() if isinstance(data, str) else octets(data)
        parts = self._parts
        if parts is None:
            if compress and self._deflater is None:
                raise _not_agreed(compress)
            compressed = self._deflater is not None and compress != 0
            parts = _Parts(opcode, compressed=compressed, level=compress)
        elif parts.opcode != opcode:
            kind = "str" if parts.opcode == OP_TEXT else "bytes-like"
            raise TypeError(
                f"the message began with {kind}: no part of it can be {type(data).__name__}"
            )
        frame = b""
        if last or len(payload):
            frame = self._frame(parts, payload, last)
        self._parts = None if last else parts
        return frame

    def _frame(self, parts: _Parts, payload: bytes | bytearray | memoryview, last: bool) -> bytes:
        if parts.compressed and self._deflater is not None:
            payload = self._deflater.deflate(payload, fin=last, level=parts.level)
        first = not parts.started
        parts.started = True
        return encode_frame(
            parts.opcode if first else OP_CONTINUATION,
            payload,
            fin=last,
            masked=self._masked,
            compressed=first and parts.compressed,
        )

    def clear(self) -> None:
        """Free the memory of the compression; nothing is sent afterwards."""
        self._parts = None
        if self._deflater is not None:
            self._deflater.close()


def octets(data: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
    """Return `data` with items of one byte."""
    if not isinstance(data, memoryview):
        return data
    return data.cast("B") if data.c_contiguous else data.tobytes()


def _not_agreed(level: int) -> ValueError:
    return ValueError(
        f"compress={level!r}: no compression was agreed on, so that a compressed message would"
        " break the connection"
    )
