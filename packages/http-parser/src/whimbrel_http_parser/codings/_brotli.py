"""The coding `br` (RFC 7932), by the package brotli, or brotlicffi where that is what there is."""

import functools
import importlib
from typing import Final, Protocol, cast

from whimbrel_http_parser.codings._encoder import StreamEncoder
from whimbrel_http_parser.codings._stream import CodedStream
from whimbrel_http_parser.errors import ContentCodingError

__all__ = ["BrotliDecoder", "BrotliEncoder", "load_brotli"]

# What is asked for in one run. brotli 1.2.1 gives 32,752 bytes for any limit up to that and, above
# it, nearly twice the limit; so what exceeds a step's `max_output` waits here.
_OUTPUT_PER_RUN: Final = 16 * 1024

# The best one, 11, codes less than a megabyte a second; servers that code on the fly use 4 to 6.
_QUALITY: Final = 5


class _Decompressor(Protocol):
    def process(self, data: bytes, output_buffer_limit: int) -> bytes: ...
    def can_accept_more_data(self) -> bool: ...
    def is_finished(self) -> bool: ...


class _Compressor(Protocol):
    def process(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


class BrotliLibrary(Protocol):
    """What brotli and brotlicffi share, as far as it is used here."""

    error: type[Exception]

    def Decompressor(self) -> _Decompressor: ...  # noqa: N802 -- the library's names
    def Compressor(self, *, quality: int) -> _Compressor: ...  # noqa: N802 -- as above


@functools.cache
def load_brotli() -> BrotliLibrary | None:
    """Import the library; `None` where there is none, or one before 1.2 that has no bounds."""
    for name in ("brotli", "brotlicffi"):
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        if hasattr(library.Decompressor, "can_accept_more_data"):
            return cast("BrotliLibrary", library)
    return None


class BrotliDecoder(CodedStream):
    """One brotli stream. Its window is at most 16 MiB (RFC 7932 section 9.1)."""

    def __init__(self, library: BrotliLibrary) -> None:
        super().__init__("br")
        self._error = library.error
        self._brotli = library.Decompressor()
        self._full = False  # the last run met its limit, so that brotli may hold more
        self._surplus = b""
        self._surplus_pos = 0

    def _run(self, max_output: int) -> bytes:
        """Return what is left of the last run, or run brotli once over some of the input."""
        if not self._surplus:
            self._surplus = self._process(b"" if self._full else self._window())
        start, end = self._surplus_pos, self._surplus_pos + max_output
        if start == 0 and end >= len(self._surplus):
            output, self._surplus = self._surplus, b""
        else:
            output = self._surplus[start:end]
            self._surplus_pos = end
            if end >= len(self._surplus):
                self._surplus, self._surplus_pos = b"", 0
        self._holds = self._full or bool(self._surplus)
        return output

    def _process(self, window: bytes) -> bytes:
        stream = self._brotli
        try:
            output = stream.process(window, output_buffer_limit=_OUTPUT_PER_RUN)
            self._ended = stream.is_finished()
            # A run that did not meet its limit has left no output. `can_accept_more_data` tells
            # of input that was not taken and is kept inside, and of that alone.
            full = len(output) >= _OUTPUT_PER_RUN or not stream.can_accept_more_data()
        except self._error as error:
            # Data behind the end are such a fault, too, when they are in the same window.
            raise ContentCodingError(self._coding, str(error)) from error
        self._pos += len(window)
        self._full = full and not self._ended
        return output


class BrotliEncoder(StreamEncoder):
    """A compressor that writes one brotli stream."""

    def __init__(self, library: BrotliLibrary) -> None:
        stream = library.Compressor(quality=_QUALITY)
        super().__init__(stream.process, stream.finish)
