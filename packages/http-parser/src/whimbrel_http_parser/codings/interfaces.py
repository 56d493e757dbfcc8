"""What a content coding is made of, as shapes: its two directions, and the zlib underneath."""

from typing import Any, Protocol

__all__ = ["Decoder", "Encoder", "ZlibBackend", "ZlibCompressor", "ZlibDecompressor"]


class Decoder(Protocol):
    """Removes the content codings from a body that comes in pieces."""

    @property
    def pending(self) -> bool:
        """Whether `decode(b"", n)` may return more without new input, or raise."""

    def decode(self, data: bytes, max_output: int) -> bytes:
        """Take a piece of the coded body and return some of the decoded one.

        It may return nothing and yet be pending: a step does a bounded amount of work. Drain it
        before the next piece, so that what waits inside stays as small as the pieces are.

        What was decoded before a fault or a limit was met comes out first, and the error is
        raised by the next step; only of the run over at most 16 KiB of input in which a fault
        lies nothing comes. After an error every step raises it again.

        Args:
            data: the next bytes; empty to get more of what is pending.
            max_output: how many bytes may come out, at least 1.

        Raises:
            ContentCodingError: the data are not in the coding.
            LimitExceeded: they decode to more than `DecodingLimits` allow, or are more work.
            ValueError: `max_output` is less than 1.
        """

    def finish(self) -> None:
        """Learn that the coded body has ended and nothing is pending.

        A body of no bytes at all is a complete one: servers send such with any Content-Encoding.

        Raises:
            ContentCodingError: the coded data end too early.
            LocalProtocolError: something is pending: decoded data, which would be lost, or an
                error.
        """


class Encoder(Protocol):
    """Applies a content coding to a body that comes in pieces."""

    def encode(self, data: bytes) -> bytes:
        """Return the next coded bytes, if any; the rest comes with a later call.

        Raises:
            LocalProtocolError: the body was finished.
        """

    def finish(self) -> bytes:
        """Return the last coded bytes.

        Raises:
            LocalProtocolError: the body was finished.
        """


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
        """Return at most `max_length` decoded bytes; as many as there are, up to that."""


class ZlibCompressor(Protocol):
    """What `compressobj` returns; as that of the standard library."""

    def compress(self, data: bytes, /) -> bytes:
        """Return the next coded bytes, if any."""

    def flush(self) -> bytes:
        """Return the last coded bytes."""


class ZlibBackend(Protocol):
    """What the codings gzip and deflate are made by: `zlib`, or a module that is like it.

    `isal.isal_zlib` and `zlib_ng.zlib_ng` are. Levels are left to the backend, since they do not
    mean the same in each.
    """

    @property
    def error(self) -> Any:
        """The class of what `decompress` raises when the data are broken.

        Any, since the stubs of both say that it is an instance.
        """

    def compressobj(self, *, wbits: int) -> ZlibCompressor:
        """Return a compressor: 31 for a gzip member, 15 for a zlib stream."""

    def decompressobj(self, wbits: int) -> ZlibDecompressor:
        """Return a decompressor: 31 for a gzip member, 15 for a zlib stream, -15 for a raw one."""
