"""The coding `zstd` (RFC 8878, RFC 9659), by the standard library or backports.zstd."""

import functools
import importlib
import sys
from typing import Any, Final, Protocol, cast

from whimbrel_http_parser.codings._encoder import StreamEncoder
from whimbrel_http_parser.codings._stream import CodedStream
from whimbrel_http_parser.errors import ContentCodingError

__all__ = ["ZstdDecoder", "ZstdEncoder", "load_zstd"]

# RFC 9659: a sender must not need a window of more than 8 MiB, so that a frame's header cannot
# make this side allocate gigabytes.
_WINDOW_LOG_MAX: Final = 23

# A magic number, a descriptor, the window, a dictionary and the size of the content.
_LONGEST_HEADER: Final = 18

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


def _content_size(header: bytes) -> int | None:
    """Return what a complete frame says about its content: RFC 8878 section 3.1.1.1."""
    if header[1:4] == b"\x2a\x4d\x18":
        return None  # a skippable frame
    descriptor = header[4]
    single_segment = descriptor >> 5 & 1
    start = 6 - single_segment + (0, 1, 2, 4)[descriptor & 3]
    length = (single_segment, 2, 4, 8)[descriptor >> 6]
    if not length:
        return None
    size = int.from_bytes(header[start : start + length], "little")
    return size + 256 if length == 2 else size


class ZstdDecoder(CodedStream):
    """Any number of zstd and skippable frames (RFC 8878 section 3.1)."""

    def __init__(self, library: ZstdLibrary) -> None:
        super().__init__("zstd")
        self._library = library
        self._options = {library.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        self._zstd: _Decompressor | None = None
        self._header = b""  # the first bytes of the frame
        self._produced = 0  # bytes of its content

    def _begin_another(self) -> None:
        """Let zstd see by its magic number whether it is another frame."""

    def _run(self, max_output: int) -> bytes:
        """Run zstd once over some of the input; it decodes one frame and stops behind it."""
        if self._zstd is None:
            self._zstd = self._library.ZstdDecompressor(options=self._options)
            self._header = b""
            self._produced = 0
        stream = self._zstd
        window = b"" if self._holds else self._window()
        if len(self._header) < _LONGEST_HEADER:
            self._header += window[: _LONGEST_HEADER - len(self._header)]
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
            self._check_size(self._produced + len(output))
        self._produced += len(output)
        if not self._holds:
            self._lent = 0
        return output

    def _check_size(self, produced: int) -> None:
        # libzstd does not, where the last block is empty and the output comes in pieces.
        expected = _content_size(self._header)
        if expected is not None and expected != produced:
            what = f"a frame has {produced} bytes of content, and says {expected}"
            raise ContentCodingError(self._coding, what)


class ZstdEncoder(StreamEncoder):
    """A compressor that writes one zstd frame, with the window of the default level: 2 MiB."""

    def __init__(self, library: ZstdLibrary) -> None:
        stream = library.ZstdCompressor()
        super().__init__(stream.compress, stream.flush)
