"""Fragments to messages (RFC 6455, section 5.4), within a limit, texts checked as they come."""

from __future__ import annotations

from codecs import utf_8_decode
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final

from whimbrel_websocket_client.errors import WebSocketError
from whimbrel_websocket_client.frames import OP_CONTINUATION, OP_TEXT
from whimbrel_websocket_client.messages import WSCloseCode, WSMessage, WSMsgType

if TYPE_CHECKING:
    from whimbrel_websocket_client._deflate import Inflater

__all__ = ["MessageAssembler"]

_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY

# What stored blocks and their headers add to a short message, and more.
_PADDING: Final = 1024


class MessageAssembler:
    """Collects the payload of data frames until a message is complete.

    What has come is kept in one growing buffer, which becomes the message without a copy: a peer
    that sends single octets must not make each of them cost an object, and a long message should
    not be there twice when it is complete.

    Attributes:
        held: octets of the unfinished message that `take` would give.
        size: octets of the unfinished message that have come, expanded if it is compressed.
    """

    __slots__ = (
        "_buffer",
        "_compressed",
        "_decode_text",
        "_ends",
        "_inflater",
        "_max_size",
        "_opcode",
        "_split",
        "held",
        "size",
    )

    def __init__(
        self, *, max_size: int, decode_text: bool, inflater: Inflater | None = None
    ) -> None:
        """Begin before the first message.

        Args:
            max_size: octets that a message may have; 0 for no limit.
            decode_text: whether texts are given as `str`, else as `bytes`; checked they are always.
            inflater: expands compressed messages, if they may come.
        """
        self._max_size = max_size
        self._decode_text = decode_text
        self._inflater = inflater
        # Of the unfinished message; 0, which begins none, between messages.
        self._opcode = OP_CONTINUATION
        self._compressed = False
        # Whether its last octets are with the inflater.
        self._ends = False
        # A BytesIO, or a StringIO for text that is decoded; made for a message in several pieces.
        self._buffer: Any = None
        # The beginning of a character whose end has not come.
        self._split = b""
        self.held = 0
        self.size = 0

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._opcode != OP_CONTINUATION

    @property
    def type(self) -> WSMsgType | None:
        """TEXT or BINARY: what the unfinished message is; `None` when there is none."""
        if self._opcode == OP_CONTINUATION:
            return None
        return _TEXT if self._opcode == OP_TEXT else _BINARY

    @property
    def pending(self) -> bool:
        """Whether `resume` has more of the octets that were added last."""
        return self._inflater is not None and self._inflater.pending

    def begin(self, opcode: int, length: int, *, compressed: bool = False) -> None:
        """Take the header of a data frame.

        Args:
            opcode: as in the frame.
            length: octets of its payload.
            compressed: whether RSV1 says that the message which it begins is compressed.

        Raises:
            WebSocketError: it does not continue what came before (1002), or the message would be
                too long (1009), before any of the payload is held.
        """
        if opcode == OP_CONTINUATION:
            if self._opcode == OP_CONTINUATION:
                raise WebSocketError(
                    WSCloseCode.PROTOCOL_ERROR,
                    "a continuation frame came, but no message has begun (section 5.4)",
                )
        elif self._opcode != OP_CONTINUATION:
            raise WebSocketError(
                WSCloseCode.PROTOCOL_ERROR,
                "a message began before the fragmented one had ended (section 5.4)",
            )
        else:
            self._opcode = opcode
            self._compressed = compressed
        if self._max_size:
            self._check_length(length)

    def _check_length(self, length: int) -> None:
        limit = self._max_size
        if self._compressed:
            # What cannot be compressed becomes a little longer: DEFLATE's worst is 9 bits an octet,
            # and the blocks' headers. Beyond, it is padding, or expands to more than the limit.
            if length > limit + limit // 8 + _PADDING:
                raise WebSocketError(
                    WSCloseCode.MESSAGE_TOO_BIG,
                    f"a compressed message of {length} octets came, the limit is {limit} expanded",
                )
        elif self.size + length > limit:
            raise WebSocketError(
                WSCloseCode.MESSAGE_TOO_BIG,
                f"a message of {self.size + length} octets or more came, the limit is {limit}",
            )

    def add(self, chunk: bytes, *, last: bool, room: int = 0) -> WSMessage | None:
        """Take octets of payload and return the message, if they were the `last` of it.

        Args:
            chunk: what came.
            last: whether the message ends with it.
            room: octets that a compressed chunk may expand to now; `resume` goes on while
                `pending`. 0 for any number.

        Raises:
            WebSocketError: a text is not UTF-8 (1007), at the first octet that cannot be; a
                compressed message is not DEFLATE data (1007), or expands too far (1009).
        """
        if self._compressed:
            return self._expand(chunk, last, room)
        return self._add(chunk, last)

    def resume(self, room: int = 0) -> WSMessage | None:
        """Go on expanding what was added last, as `add` does."""
        return self._expand(b"", self._ends, room)

    def _expand(self, chunk: bytes, last: bool, room: int) -> WSMessage | None:
        inflater = self._inflater
        assert inflater is not None, "a decoder lets RSV1 pass only where deflate was agreed"
        expanded = inflater.inflate(chunk, last=last, limit=self._max_size, max_length=room)
        self._ends = last
        return self._add(expanded, last and not inflater.pending)

    def _add(self, chunk: bytes, last: bool) -> WSMessage | None:
        self.size += len(chunk)
        try:
            if last and self._buffer is None and not self._split:
                return self._finish(self._whole(chunk))
            if self._opcode == OP_TEXT:
                piece = self._text(chunk, last)
            else:
                piece = chunk
                self.held += len(chunk)
        except UnicodeDecodeError as error:
            raise WebSocketError(
                WSCloseCode.INVALID_TEXT, f"a text message is not UTF-8: {error.reason}"
            ) from error
        buffer = self._buffer
        if buffer is None:
            buffer = self._buffer = StringIO() if isinstance(piece, str) else BytesIO()
        buffer.write(piece)
        return self._finish(buffer.getvalue()) if last else None

    def _whole(self, payload: bytes) -> str | bytes:
        """Return what a message says that came in one piece, without another copy of it."""
        if self._opcode == OP_TEXT:
            if self._decode_text:
                return payload.decode()
            if not payload.isascii():
                payload.decode()
        return payload

    def _text(self, chunk: bytes, last: bool) -> str | bytes:
        """Return the next piece of a text: whole characters if they are decoded."""
        octets = self._split + chunk if self._split else chunk
        if self._decode_text or self._split or not chunk.isascii():
            text, used = utf_8_decode(octets, "strict", last)
            split = octets[used:]
            # Two octets of a surrogate can only become an error (RFC 3629, section 4), but the
            # decoder keeps them until the third: some of its error handlers let surrogates pass.
            if split[:1] == b"\xed" and split[1:] >= b"\xa0":
                split.decode()
            self._split = split
            if self._decode_text:
                self.held += used
                return text
        self.held += len(chunk)
        return chunk

    def _finish(self, data: str | bytes) -> WSMessage:
        kind = _TEXT if self._opcode == OP_TEXT else _BINARY
        self._opcode = OP_CONTINUATION
        self._buffer = None
        self.held = 0
        self.size = 0
        return WSMessage(data, None, kind)

    def take(self) -> str | bytes | None:
        """Return what is held of the unfinished message, and hold it no more; `None` for nothing.

        A text is cut between characters if it is decoded.
        """
        buffer, self._buffer = self._buffer, None
        self.held = 0
        part: str | bytes | None = None if buffer is None else buffer.getvalue()
        return part or None

    def clear(self) -> None:
        """Free what is held; nothing is added afterwards."""
        self._buffer = None
        self._split = b""
        self.held = 0
        if self._inflater is not None:
            self._inflater.close()
