"""Fragments to messages (RFC 6455, section 5.4), within a limit, texts checked as they come."""

from __future__ import annotations

import codecs

from whimbrel_websocket_client.errors import WebSocketError
from whimbrel_websocket_client.frames import OP_CONTINUATION, OP_TEXT, FrameHeader
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType

__all__ = ["MessageAssembler"]

_Utf8Decoder = codecs.getincrementaldecoder("utf-8")


class MessageAssembler:
    """Collects the payload of data frames until a message is complete.

    What has come is kept in one bytearray: a list of pieces would let a peer that sends single
    octets make each of them cost forty.
    """

    __slots__ = ("_data", "_decode_text", "_max_size", "_opcode", "_utf8")

    def __init__(self, *, max_size: int, decode_text: bool) -> None:
        """Begin before the first message.

        Args:
            max_size: octets that a message may have; 0 for no limit.
            decode_text: whether texts are given as `str`, else as `bytes`; checked they are always.
        """
        self._max_size = max_size
        self._decode_text = decode_text
        self._opcode: int | None = None
        self._data = bytearray()
        self._utf8 = _Utf8Decoder()

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._opcode is not None

    @property
    def size(self) -> int:
        """Octets of the unfinished message that are held."""
        return len(self._data)

    def begin(self, header: FrameHeader) -> None:
        """Take the header of a data frame.

        Raises:
            WebSocketError: it does not continue what came before (1002), or the message would be
                too long (1009), before any of the payload is held.
        """
        if header.opcode == OP_CONTINUATION:
            if self._opcode is None:
                raise WebSocketError(
                    WSCloseCode.PROTOCOL_ERROR,
                    "a continuation frame came, but no message has begun (section 5.4)",
                )
        elif self._opcode is not None:
            raise WebSocketError(
                WSCloseCode.PROTOCOL_ERROR,
                "a message began before the fragmented one had ended (section 5.4)",
            )
        else:
            self._opcode = header.opcode
        size = len(self._data) + header.length
        if size > self._max_size > 0:
            raise WebSocketError(
                WSCloseCode.MESSAGE_TOO_BIG,
                f"a message of {size} octets or more came, the limit is {self._max_size}",
            )

    def add(self, chunk: bytes, *, last: bool) -> WSMessage | None:
        """Take a piece of payload and return the message, if this was the `last` piece of it.

        Raises:
            WebSocketError: a text is not UTF-8 (1007); at the first octet that cannot be.
        """
        try:
            if last and not self._data:
                return self._whole(chunk)
            if self._opcode == OP_TEXT:
                self._check(chunk, last)
        except UnicodeDecodeError as error:
            raise WebSocketError(
                WSCloseCode.INVALID_TEXT, f"a text message is not UTF-8: {error.reason}"
            ) from error
        self._data += chunk
        return self._finish() if last else None

    def _check(self, chunk: bytes, last: bool) -> None:
        self._utf8.decode(chunk, last)
        # Two octets of a surrogate can only become an error (RFC 3629, section 4), but the decoder
        # keeps them until the third, because some of its error handlers let surrogates pass.
        pending = self._utf8.getstate()[0]
        if pending[:1] == b"\xed" and pending[1:] >= b"\xa0":
            pending.decode()

    def _whole(self, payload: bytes) -> WSMessage:
        """Return a message that came in one piece, without another copy of it."""
        opcode = self._opcode
        self._opcode = None
        if opcode != OP_TEXT:
            return WSMessage(payload, None, WSMsgType.BINARY)
        if self._decode_text:
            return WSMessage(payload.decode(), None, WSMsgType.TEXT)
        if not payload.isascii():
            payload.decode()
        return WSMessage(payload, None, WSMsgType.TEXT)

    def _finish(self) -> WSMessage:
        data = self._data
        self._data = bytearray()
        is_text = self._opcode == OP_TEXT
        self._opcode = None
        if is_text:
            # Final decoding left the incremental decoder in its initial state.
            return WSMessage(
                data.decode() if self._decode_text else bytes(data), None, WSMsgType.TEXT
            )
        return WSMessage(bytes(data), None, WSMsgType.BINARY)
