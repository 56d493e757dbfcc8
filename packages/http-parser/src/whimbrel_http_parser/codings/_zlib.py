"""The codings `gzip` and `deflate` (RFC 9110 sections 8.4.1.2 and 8.4.1.3), by any zlib."""

from typing import Final

from whimbrel_http_parser.codings._encoder import StreamEncoder
from whimbrel_http_parser.codings._stream import CodedStream
from whimbrel_http_parser.codings.interfaces import ZlibBackend, ZlibDecompressor
from whimbrel_http_parser.errors import ContentCodingError

__all__ = ["GZIP_WBITS", "ZLIB_WBITS", "DeflateDecoder", "GzipDecoder", "ZlibEncoder"]

GZIP_WBITS: Final = 31
ZLIB_WBITS: Final = 15
_RAW_WBITS: Final = -15


class _ZlibDecoder(CodedStream):
    """What gzip and deflate have in common: zlib."""

    def __init__(self, coding: str, zlib: ZlibBackend) -> None:
        super().__init__(coding)
        self._backend = zlib
        self._zlib: ZlibDecompressor | None = None

    def _wbits(self) -> int:
        """Return the format of the stream that begins with the input at hand."""
        raise NotImplementedError

    def _run(self, max_output: int) -> bytes:
        """Run zlib once over some of the input."""
        if self._zlib is None:
            self._zlib = self._backend.decompressobj(self._wbits())
        stream = self._zlib
        window = self._window()
        try:
            output = stream.decompress(window, max_output)
        except self._backend.error as error:
            raise ContentCodingError(self._coding, str(error)) from error
        untaken = stream.unused_data if stream.eof else stream.unconsumed_tail
        self._pos += len(window) - len(untaken)
        self._holds = len(output) == max_output and not stream.eof
        if stream.eof:
            self._zlib = None
            self._ended = True
        return output


class GzipDecoder(_ZlibDecoder):
    """One or more gzip members, then zeros or nothing (RFC 1952 section 2.2)."""

    def __init__(self, zlib: ZlibBackend) -> None:
        super().__init__("gzip", zlib)
        self._padding = False

    def _wbits(self) -> int:
        """Return the only one."""
        return GZIP_WBITS

    def _begin_another(self) -> None:
        """Take another member, or zeros: what tapes and block devices leave, and gzip ignores."""
        first = self._input[self._pos]
        if first == 0 or self._padding:
            self._padding = True
            if not self._input[self._pos :].strip(b"\0"):
                self._pos = len(self._input)
                return
        elif first == 0x1F:
            return
        super()._begin_another()


class DeflateDecoder(_ZlibDecoder):
    """One zlib stream (RFC 1950), or one raw deflate stream (RFC 1951), told by its beginning.

    RFC 9110 section 8.4.1.2 means the former and notes that some servers send the latter.
    """

    def __init__(self, zlib: ZlibBackend) -> None:
        super().__init__("deflate", zlib)
        self._needed = 2

    def _wbits(self) -> int:
        """Tell the format by the first two bytes."""
        self._needed = 1
        # RFC 1950 section 2.2: method 8, window up to 32 KiB, and a check of both bytes.
        first, second = self._input[self._pos], self._input[self._pos + 1]
        is_zlib = first & 0x0F == 8 and first >> 4 <= 7 and (first << 8 | second) % 31 == 0
        return ZLIB_WBITS if is_zlib else _RAW_WBITS


class ZlibEncoder(StreamEncoder):
    """A zlib compressor that writes one stream."""

    def __init__(self, wbits: int, zlib: ZlibBackend) -> None:
        stream = zlib.compressobj(wbits=wbits)
        super().__init__(stream.compress, stream.flush)
