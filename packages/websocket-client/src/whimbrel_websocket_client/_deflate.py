"""Compressing and expanding messages with permessage-deflate (RFC 7692, section 7.2), by any zlib.

Nothing is allocated before the first message that needs it.
"""

from __future__ import annotations

import zlib as standard_zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from whimbrel_websocket_client.errors import WebSocketError
from whimbrel_websocket_client.messages import Role, WSCloseCode

if TYPE_CHECKING:
    from whimbrel_websocket_client.extensions import DeflateParameters

__all__ = ["Deflater", "Inflater", "ZlibBackend", "ZlibCompressor", "ZlibDecompressor"]

# What a flush ends with: the empty block whose last four octets are not sent (section 7.2.1).
_TAIL: Final = b"\x00\x00\xff\xff"
# Another empty block behind it means nothing at the end of a block, and something within one.
_TAIL_AND_BLOCK: Final = _TAIL + b"\x00" + _TAIL
# Header of an empty block: the whole of an empty message, and its end (section 7.2.3.6).
_EMPTY_BLOCK: Final = b"\x00"

# The fastest one. (The 0 of isal is faster, and makes short messages longer.)
_USUAL_LEVEL: Final = 1
# The smallest window of zlib's compressors has 9 bits.
_SMALLEST: Final = 9
# Input is expanded so many octets at a time, since zlib copies what it leaves.
_PIECE: Final = 8 * 1024
_UNBOUNDED: Final = (1 << 31) - 1


class ZlibDecompressor(Protocol):
    """What `decompressobj` returns; as that of the standard library."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached, and all of its output returned."""

    @property
    def unconsumed_tail(self) -> bytes:
        """The end of the last input that `max_length` left untaken."""

    @property
    def unused_data(self) -> bytes:
        """What came behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most `max_length` expanded octets; as many as there are, up to that."""


class ZlibCompressor(Protocol):
    """What `compressobj` returns; as that of the standard library."""

    def compress(self, data: bytes | bytearray | memoryview, /) -> bytes:
        """Return the next compressed octets, if any."""

    def flush(self, mode: int, /) -> bytes:
        """Return what was held back, ended as the mode says."""


class ZlibBackend(Protocol):
    """What messages are compressed by: `zlib`, or a module that is like it.

    `isal.isal_zlib` and `zlib_ng.zlib_ng` are.
    """

    @property
    def error(self) -> Any:
        """The class of what `decompress` raises when the data are broken.

        Any, since the stubs of both say that it is an instance.
        """

    @property
    def Z_SYNC_FLUSH(self) -> int:  # noqa: N802 - the module's name for it
        """Mode of a flush that ends with an empty block."""

    @property
    def Z_FULL_FLUSH(self) -> int:  # noqa: N802 - the module's name for it
        """The same, and nothing afterwards refers to anything before."""

    def compressobj(self, *, level: int, wbits: int) -> ZlibCompressor:
        """Return a compressor: -9 to -15 for a raw stream with a window of so many bits."""

    def decompressobj(self, *, wbits: int) -> ZlibDecompressor:
        """Return a decompressor: -8 to -15 for a raw stream with a window of so many bits."""


class Deflater:
    """Compresses the payloads of one side's data frames.

    The usual level is the fastest one, as in the reference: a WebSocket's messages are compressed
    while the event loop waits. With context takeover the compressor lives as long as the
    connection (256 KiB with a window of 15 bits), otherwise as long as a message.
    """

    __slots__ = ("_backend", "_bits", "_compressor", "_in_message", "_level", "_takeover")

    def __init__(
        self, parameters: DeflateParameters, role: Role, *, zlib: ZlibBackend | None = None
    ) -> None:
        """Begin before the first message.

        Args:
            parameters: what was agreed on.
            role: which side this is.
            zlib: what to compress with; `None` for the standard library's.
        """
        self._backend: ZlibBackend = standard_zlib if zlib is None else zlib
        if role is Role.CLIENT:
            self._bits = parameters.client_max_window_bits
            self._takeover = not parameters.client_no_context_takeover
        else:
            self._bits = parameters.server_max_window_bits
            self._takeover = not parameters.server_no_context_takeover
        self._level = _USUAL_LEVEL
        self._compressor: ZlibCompressor | None = None
        self._in_message = False

    def deflate(
        self, payload: bytes | bytearray | memoryview, *, fin: bool, level: int | None = None
    ) -> bytes:
        """Return what a frame carries in place of `payload`.

        A fragment is compressed in such a way that the peer can expand it before the next one.

        Args:
            payload: a message or the next fragment of one; a memoryview must have items of one
                byte.
            fin: whether this ends the message.
            level: from 1, fast, to 9, small, for the message that begins here; `None` for the
                usual one. Whenever the level changes, the window begins empty.

        Raises:
            ValueError: there is no such level; nothing has happened.
        """
        if not self._in_message:
            self._set_level(_USUAL_LEVEL if level is None else level)
        # zlib gives nothing for a second flush, so that there would be nothing to cut.
        data = _EMPTY_BLOCK if fin else b""
        if payload:
            data = self._compress(payload, fin)
        self._in_message = not fin
        if fin and not self._takeover:
            self._compressor = None
        return data

    def _set_level(self, level: int) -> None:
        if level != self._level:
            if not 1 <= level <= 9:
                raise ValueError(f"a level of compression is from 1 to 9, not {level}")
            # Its window begins empty, so that nothing refers to what the other one has sent.
            self._compressor = self._new_compressor(level)
            self._level = level

    def _new_compressor(self, level: int) -> ZlibCompressor:
        try:
            return self._backend.compressobj(level=level, wbits=-max(self._bits, _SMALLEST))
        except (ValueError, self._backend.error) as error:
            raise ValueError(f"the zlib module in use has no level {level}") from error

    def _compress(self, payload: bytes | bytearray | memoryview, fin: bool) -> bytes:
        compressor = self._compressor
        if compressor is None:
            compressor = self._compressor = self._new_compressor(self._level)
        try:
            if self._bits < _SMALLEST:
                head, flushed = self._compress_narrowly(compressor, payload)
            else:
                head = compressor.compress(payload)
                flushed = compressor.flush(self._backend.Z_SYNC_FLUSH)
        except BaseException:
            # What it has swallowed was never sent: nothing may refer to it.
            self._compressor = None
            raise
        # Section 7.2.1: the last four octets of a message are left out.
        return head + (flushed[:-4] if fin else flushed)

    def _compress_narrowly(
        self, compressor: ZlibCompressor, payload: bytes | bytearray | memoryview
    ) -> tuple[bytes, bytes]:
        """Compress with a window smaller than zlib's: nothing refers beyond its own block."""
        size = 1 << self._bits
        pieces: list[bytes] = []
        for start in range(0, len(payload), size):
            pieces.append(compressor.compress(payload[start : start + size]))
            pieces.append(compressor.flush(self._backend.Z_FULL_FLUSH))
        flushed = pieces.pop()
        return b"".join(pieces), flushed

    def close(self) -> None:
        """Free the memory; nothing is compressed afterwards."""
        self._compressor = None


class Inflater:
    """Expands the payloads of the peer's data frames, and never further than is allowed.

    With context takeover the decompressor lives as long as the connection (40 KiB with a window of
    15 bits), otherwise as long as a message.

    A block with BFINAL set ends its stream, also within a message (section 7.2.3.4); what follows
    begins with an empty window. A message without a single octet, and one that ends with such a
    block and nothing behind it, lack the header of the empty block that ends messages; they cannot
    mean anything else, and are taken.
    """

    __slots__ = (
        "_backend",
        "_decompressor",
        "_input",
        "_open",
        "_position",
        "_produced",
        "_takeover",
        "_wbits",
        "pending",
    )

    def __init__(
        self, parameters: DeflateParameters, role: Role, *, zlib: ZlibBackend | None = None
    ) -> None:
        """Begin before the first message.

        Args:
            parameters: what was agreed on.
            role: which side this is; it expands what the other one has compressed.
            zlib: what to expand with; `None` for the standard library's.
        """
        self._backend: ZlibBackend = standard_zlib if zlib is None else zlib
        if role is Role.CLIENT:
            self._wbits = -parameters.server_max_window_bits
            self._takeover = not parameters.server_no_context_takeover
        else:
            self._wbits = -parameters.client_max_window_bits
            self._takeover = not parameters.client_no_context_takeover
        self._decompressor: ZlibDecompressor | None = None
        self._input = b""
        self._position = 0
        self._produced = 0
        self._open = False
        self.pending = False
        """Whether `max_length` may have held something back."""

    def inflate(self, chunk: bytes, *, last: bool, limit: int, max_length: int = 0) -> bytes:
        """Return what the next octets of a message's payload expand to.

        Args:
            chunk: the octets; none while the rest of the last ones is fetched.
            last: whether the message ends with them.
            limit: octets that the whole expanded message may have; 0 for any number. Not more than
                one further octet is expanded.
            max_length: octets that are returned at most; 0 for all. Then, while `pending` is true,
                call again without new octets and with the same `last`.

        Raises:
            WebSocketError: the message is longer than `limit` (1009), or this is no end of DEFLATE
                data, or none at all (1007).
        """
        if self._position < len(self._input):
            chunk = self._input[self._position :] + chunk
        self._input = chunk
        self._position = 0
        left = max_length or _UNBOUNDED
        pieces: list[bytes] = []
        while left and (self.pending or self._position < len(self._input)):
            piece = self._expand(min(left, limit + 1 - self._produced) if limit else left)
            self._produced += len(piece)
            if self._produced > limit > 0:
                raise WebSocketError(
                    WSCloseCode.MESSAGE_TOO_BIG,
                    f"a compressed message expands to more than {limit} octets, the limit",
                )
            pieces.append(piece)
            if max_length:
                left -= len(piece)
        if self._position < len(self._input):
            self.pending = True
        elif not self.pending:
            self._input = b""
            self._position = 0
            if last:
                self._end()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _expand(self, room: int) -> bytes:
        """Return at most `room` octets, from a part of the input."""
        stream = self._decompressor
        if stream is None:
            stream = self._decompressor = self._backend.decompressobj(wbits=self._wbits)
        data = self._input
        if self._position or len(data) > _PIECE:
            data = data[self._position : self._position + _PIECE]
        try:
            output = stream.decompress(data, room)
        except self._backend.error as error:
            raise _no_deflate(error) from error
        if stream.eof:
            # The end of a block with BFINAL set; what follows is another stream.
            self._decompressor = None
            self.pending = False
            untaken = stream.unused_data
        else:
            self._open = True
            self.pending = len(output) == room
            untaken = stream.unconsumed_tail
        self._position += len(data) - len(untaken)
        if self._position < 0:
            # isal reads ahead, and gives back what an earlier call has brought.
            self._input = untaken + self._input[self._position + len(untaken) :]
            self._position = 0
        return output

    def _end(self) -> None:
        """Give the decompressor what the peer left out of a message (section 7.2.2)."""
        stream = self._decompressor
        if stream is not None and self._open:
            try:
                surplus = stream.decompress(_TAIL_AND_BLOCK, 1)
            except self._backend.error as error:
                raise _no_deflate(error) from error
            if surplus or stream.eof:
                raise WebSocketError(
                    WSCloseCode.INVALID_TEXT,
                    "a compressed message ends in the middle of a block (RFC 7692, section 7.2.2)",
                )
        self._open = False
        self._produced = 0
        if not self._takeover:
            self._decompressor = None

    def close(self) -> None:
        """Free the memory; nothing is expanded afterwards."""
        self._decompressor = None
        self._input = b""
        self._position = 0
        self.pending = False


def _no_deflate(error: Exception) -> WebSocketError:
    return WebSocketError(
        WSCloseCode.INVALID_TEXT,
        f"a compressed message is not DEFLATE data (RFC 7692, section 7.2.2): {error}",
    )
