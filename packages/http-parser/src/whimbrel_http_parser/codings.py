"""Content codings: `gzip` and `deflate`, decoded in bounded steps (RFC 9110 section 8.4).

A few coded bytes may stand for a great many decoded ones, so a decoder is told how much may come
out and keeps the rest until it is asked again:

    decoder.decode(data, 65536), then decoder.decode(b"", 65536) while decoder.pending
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from whimbrel_http_parser._grammar import OWS
from whimbrel_http_parser.errors import ContentCodingError

__all__ = ["Decoder", "Encoder", "decoder_for", "encoder_for"]

# Five is what curl and urllib3 came to; each one multiplies what a body can expand to.
_MAX_CODINGS: Final = 5

# A gzip member may be 20 bytes of input for no output at all, and so may any number of deflate
# blocks. So many runs of zlib over so many bytes bound the work of one step.
_RUNS_PER_STEP: Final = 16
_BYTES_PER_RUN: Final = 16 * 1024

_GZIP_WBITS: Final = 31
_ZLIB_WBITS: Final = 15
_RAW_WBITS: Final = -15


class Decoder(Protocol):
    """Removes a content coding from a body that comes in pieces."""

    @property
    def pending(self) -> bool:
        """Whether `decode(b"", n)` may return more without new input."""

    def decode(self, data: bytes, max_output: int) -> bytes:
        """Take a piece of the coded body and return some of the decoded one.

        It may return nothing and yet be pending: a step does a bounded amount of work. Drain it
        before the next piece, so that what waits inside stays as small as the pieces are.

        Args:
            data: the next bytes; empty to get more of what is pending.
            max_output: how many bytes may come out, at least 1.

        Raises:
            ContentCodingError: the data are not in the coding.
            ValueError: `max_output` is less than 1.
        """

    def finish(self) -> None:
        """Learn that the coded body has ended and nothing is pending.

        A body of no bytes at all is a complete one: servers send such with any Content-Encoding.

        Raises:
            ContentCodingError: the coded data end too early.
        """


class Encoder(Protocol):
    """Applies a content coding to a body that comes in pieces."""

    def encode(self, data: bytes) -> bytes:
        """Return the next coded bytes, if any; the rest comes with a later call."""

    def finish(self) -> bytes:
        """Return the last coded bytes."""


class _ZlibDecoder:
    """What gzip and deflate have in common: zlib, the input it has not taken, and its errors."""

    def __init__(self, coding: str, wbits: int) -> None:
        self._coding = coding
        self._wbits = wbits  # 0: to be told by the first bytes
        self._input = b""
        self._pos = 0
        self._zlib: zlib._Decompress | None = None
        self._full = False  # the last run filled its output, so that zlib may hold more
        self._begun = False  # any byte was received
        self._ended = False  # the stream, or the last member seen, is complete

    @property
    def pending(self) -> bool:
        """Whether `decode(b"", n)` may return more without new input."""
        return self._full or self._available() > (1 if self._wbits == 0 else 0)

    def decode(self, data: bytes, max_output: int) -> bytes:
        """Take a piece of the coded body and return some of the decoded one."""
        if max_output < 1:
            raise ValueError("max_output must be at least 1")
        if data:
            self._begun = True
            self._input = self._input[self._pos :] + data if self._available() else data
            self._pos = 0
        parts: list[bytes] = []
        left = max_output
        for _ in range(_RUNS_PER_STEP):
            if not self.pending or not left:
                break
            if self._ended and not self._may_follow():
                if parts:
                    break  # what came before the fault is good, and goes out first
                raise ContentCodingError(self._coding, "data behind the end of the coded data")
            if self.pending:
                output = self._run(left)
                parts.append(output)
                left -= len(output)
        return b"".join(parts)

    def finish(self) -> None:
        """Learn that the coded body has ended and nothing is pending."""
        if self._begun and not self._ended:
            raise ContentCodingError(self._coding, "the coded data end too early")

    def _available(self) -> int:
        return len(self._input) - self._pos

    def _may_follow(self) -> bool:
        """Tell whether the input at hand may follow a complete stream; skip it if it is void."""
        return False

    def _choose_wbits(self) -> int:
        """Tell the format by the first two bytes."""
        raise NotImplementedError

    def _run(self, max_output: int) -> bytes:
        """Run zlib once over some of the input."""
        if self._wbits == 0:
            self._wbits = self._choose_wbits()
        if self._zlib is None:
            self._zlib = zlib.decompressobj(self._wbits)
            self._ended = False
        stream = self._zlib
        # zlib copies what it does not take, so it is not shown all of a large piece.
        window = self._input[self._pos : self._pos + _BYTES_PER_RUN]
        try:
            output = stream.decompress(window, max_output)
        except zlib.error as error:
            raise ContentCodingError(self._coding, str(error)) from error
        untaken = len(stream.unused_data) if stream.eof else len(stream.unconsumed_tail)
        self._pos += len(window) - untaken
        self._full = len(output) == max_output and not stream.eof
        if stream.eof:
            self._zlib = None
            self._ended = True
        return output


class _GzipDecoder(_ZlibDecoder):
    """One or more gzip members, then zeros or nothing (RFC 1952 section 2.2)."""

    def __init__(self) -> None:
        super().__init__("gzip", _GZIP_WBITS)
        self._padding = False

    def _may_follow(self) -> bool:
        """Take another member, or zeros: what tapes and block devices leave, and gzip ignores."""
        first = self._input[self._pos]
        if first == 0 or self._padding:
            self._padding = True
            if self._input[self._pos :].strip(b"\0"):
                return False
            self._pos = len(self._input)
            return True
        return first == 0x1F


class _DeflateDecoder(_ZlibDecoder):
    """One zlib stream (RFC 1950), or one raw deflate stream (RFC 1951), told by its beginning.

    RFC 9110 section 8.4.1.2 means the former and notes that some servers send the latter.
    """

    def __init__(self) -> None:
        super().__init__("deflate", 0)

    def _choose_wbits(self) -> int:
        # RFC 1950 section 2.2: method 8, window up to 32 KiB, and a check of both bytes.
        first, second = self._input[self._pos], self._input[self._pos + 1]
        is_zlib = first & 0x0F == 8 and first >> 4 <= 7 and (first << 8 | second) % 31 == 0
        return _ZLIB_WBITS if is_zlib else _RAW_WBITS


class _Stack:
    """Two codings, one applied over the other."""

    def __init__(self, outer: Decoder, inner: Decoder) -> None:
        self._outer = outer
        self._inner = inner
        self._held = bytearray()  # for the outer one, while the inner one is still busy

    @property
    def pending(self) -> bool:
        """Whether `decode(b"", n)` may return more without new input."""
        return self._inner.pending or self._outer.pending or bool(self._held)

    def decode(self, data: bytes, max_output: int) -> bytes:
        """Take a piece of the coded body and return some of the decoded one."""
        self._held += data
        if self._inner.pending:
            return self._inner.decode(b"", max_output)
        between = self._outer.decode(bytes(self._held), max_output)
        self._held.clear()
        return self._inner.decode(between, max_output)

    def finish(self) -> None:
        """Learn that the coded body has ended and nothing is pending."""
        self._outer.finish()
        self._inner.finish()


_DECODERS: Final[dict[bytes, Callable[[], Decoder]]] = {
    b"deflate": _DeflateDecoder,
    b"gzip": _GzipDecoder,
    b"x-gzip": _GzipDecoder,
}


def decoder_for(content_encoding: Sequence[bytes]) -> Decoder | None:
    """Return what decodes a body with these codings (RFC 9110 section 8.4).

    Args:
        content_encoding: the value of each Content-Encoding field line, in order; each may be a
            list. Codings are undone from the last one to the first.

    Returns:
        A decoder; `None` when there is nothing to decode, and also when any of the codings is not
        known here: then the body is to be left as it is, since a half decoded one is of no use.

    Raises:
        ContentCodingError: there are more than five codings.
    """
    names = [name.strip(OWS).lower() for value in content_encoding for name in value.split(b",")]
    names = [name for name in names if name not in (b"", b"identity")]
    if len(names) > _MAX_CODINGS:
        raise ContentCodingError("a stack", f"{len(names)} codings, {_MAX_CODINGS} are allowed")
    if not names or any(name not in _DECODERS for name in names):
        return None
    decoder = _DECODERS[names[-1]]()
    for name in reversed(names[:-1]):
        decoder = _Stack(decoder, _DECODERS[name]())
    return decoder


class _ZlibEncoder:
    """A zlib compressor that writes one stream."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.compressobj(wbits=wbits)

    def encode(self, data: bytes) -> bytes:
        """Return the next coded bytes, if any."""
        return self._zlib.compress(data)

    def finish(self) -> bytes:
        """Return the last coded bytes."""
        return self._zlib.flush()


_ENCODER_WBITS: Final = {"deflate": _ZLIB_WBITS, "gzip": _GZIP_WBITS}


def encoder_for(coding: str) -> Encoder:
    """Return what applies a coding to a body.

    Args:
        coding: `"gzip"` or `"deflate"`.

    Raises:
        ValueError: it is another one.
    """
    wbits = _ENCODER_WBITS.get(coding)
    if wbits is None:
        raise ValueError(f"unknown content coding {coding!r}; known are {sorted(_ENCODER_WBITS)}")
    return _ZlibEncoder(wbits)
