"""The coding `zstd` (RFC 8878, RFC 9659), by the standard library or backports.zstd."""

import functools
import importlib
import sys
from typing import Any, Final, Protocol, cast

from whimbrel_http_parser.codings._stream import CodedStream
from whimbrel_http_parser.errors import ContentCodingError

__all__ = ["ZstdDecoder", "ZstdEncoder", "load_zstd"]

# RFC 9659: a sender must not need a window of more than 8 MiB, so that a frame's header cannot
# make this side allocate gigabytes.
_WINDOW_LOG_MAX: Final = 23

_MODULE: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


class _Decompressor(Protocol):
    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Compressor(Protocol):
    def compress(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...


class ZstdLibrary(Protocol):
    """What is used here of `compression.zstd`."""

    ZstdError: type[Exception]
    DecompressionParameter: Any

    def ZstdDecompressor(self, *, options: dict[Any, int]) -> _Decompressor: ...  # noqa: N802 -- the library's names
    def ZstdCompressor(self) -> _Compressor: ...  # noqa: N802 -- as above


@functools.cache
def load_zstd() -> ZstdLibrary | None:
    """Import the library; `None` where there is none (or where Python was built without)."""
    try:
        return cast("ZstdLibrary", importlib.import_module(_MODULE))
    except ImportError:
        return None


class ZstdDecoder(CodedStream):
    """Any number of zstd and skippable frames (RFC 8878 section 3.1)."""

    def __init__(self, library: ZstdLibrary) -> None:
        super().__init__("zstd")
        self._library = library
        self._options = {library.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        self._zstd: _Decompressor | None = None

    def _begin_another(self) -> None:
        """Let zstd see by its magic number whether it is another frame."""

    def _run(self, max_output: int) -> bytes:
        """Run zstd once over some of the input; it decodes one frame and stops behind it."""
        if self._zstd is None:
            self._zstd = self._library.ZstdDecompressor(options=self._options)
            self._ended = False
        stream = self._zstd
        window = b"" if self._holds else self._window()
        try:
            output = stream.decompress(window, max_output)
        except self._library.ZstdError as error:
            what = str(error)
            if "too much memory" in what:
                what = "a frame needs a window of more than 8 MiB (RFC 9659)"
            raise ContentCodingError(self._coding, what) from error
        self._pos += len(window)
        # It takes the whole window, and returns at the end what came behind the frame.
        self._lent += len(window)
        self._holds = not stream.needs_input and not stream.eof
        if stream.eof:
            self._pos -= len(stream.unused_data)
            self._zstd = None
            self._ended = True
        if not self._holds:
            self._lent = 0
        return output


class ZstdEncoder:
    """A compressor that writes one zstd frame, with the window of the default level: 2 MiB."""

    def __init__(self, library: ZstdLibrary) -> None:
        self._zstd = library.ZstdCompressor()

    def encode(self, data: bytes) -> bytes:
        """Return the next coded bytes, if any."""
        return self._zstd.compress(data)

    def finish(self) -> bytes:
        """Return the last coded bytes."""
        return self._zstd.flush()
