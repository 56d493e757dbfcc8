"""The chunked transfer coding, for reading (RFC 9112 section 7.1)."""

from typing import Final

from whimbrel_http_parser._grammar import CHUNK_LINE, CHUNK_LINE_CRLF, CRLF
from whimbrel_http_parser._section import TrailerSection
from whimbrel_http_parser.errors import LimitExceeded, MalformedMessage, ProtocolError
from whimbrel_http_parser.events import Data
from whimbrel_http_parser.limits import Leniency, Limits

_CHUNK_LINE: Final = 0
_CHUNK_DATA: Final = 1
_CHUNK_END: Final = 2
_TRAILERS: Final = 3
_COMPLETE: Final = 4


class ChunkedBody:
    """Takes a chunked body apart, in whatever pieces it comes.

    All the chunks of one piece come out as one `Data`, copied once. An error that follows good
    chunks in the same piece waits in `failure` until the caller has delivered those.
    """

    __slots__ = (
        "_ends",
        "_extensions",
        "_left",
        "_limits",
        "_partial",
        "_parts",
        "_state",
        "failure",
        "received",
        "trailers",
    )

    def __init__(self, limits: Limits, leniency: Leniency) -> None:
        self._limits = limits
        self._state: int = _CHUNK_LINE
        self._left = 0
        self._extensions = 0
        self._partial = b""
        self._parts: list[memoryview] = []
        self._ends: list[int] = []
        self.received = 0
        self.failure: ProtocolError | None = None
        self.trailers = TrailerSection(limits, leniency)

    @property
    def complete(self) -> bool:
        """Whether the body has ended, trailers included."""
        return self._state == _COMPLETE

    @property
    def in_trailers(self) -> bool:
        """Whether the last chunk has been seen."""
        return self._state >= _TRAILERS

    def feed(self, data: bytes, pos: int) -> int:
        """Take what belongs to the body from `data` at `pos` on.

        Returns:
            The position behind what was taken.
        """
        try:
            return self._feed(data, pos)
        except ProtocolError as error:
            self.failure = error
            return len(data)

    def take_data(self) -> Data | None:
        """Return what the last call of `feed` found of the content, once."""
        parts = self._parts
        if not parts:
            return None
        content = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
        ends = tuple(self._ends)
        self._parts = []
        self._ends = []
        return Data(content, ends)

    def _feed(self, data: bytes, pos: int) -> int:
        size = len(data)
        view = memoryview(data)
        found = 0
        while pos < size:
            if self._state == _CHUNK_DATA:
                end = pos + self._left
                end = min(end, size)
                self._parts.append(view[pos:end])
                found += end - pos
                self.received += end - pos
                self._left -= end - pos
                pos = end
                if self._left == 0:
                    self._ends.append(found)
                    self._state = _CHUNK_END
            elif self._state == _CHUNK_LINE:
                pos = self._read_chunk_line(data, pos)
            elif self._state == _CHUNK_END:
                pos = self._read_chunk_end(data, pos)
            elif self._state == _TRAILERS:
                pos = self.trailers.feed(data, pos)
                if self.trailers.complete:
                    self._state = _COMPLETE
            else:
                break
        return pos

    def _read_chunk_end(self, data: bytes, pos: int) -> int:
        """Read the CRLF behind the data of a chunk: exactly it, or the next size is a guess."""
        if not self._partial and data.startswith(CRLF, pos):
            self._state = _CHUNK_LINE
            return pos + 2
        taken = data[pos : pos + 2 - len(self._partial)]
        self._partial += taken
        if not CRLF.startswith(self._partial):
            raise MalformedMessage("a chunk does not end with CRLF", self.received, self._partial)
        if len(self._partial) == 2:
            self._partial = b""
            self._state = _CHUNK_LINE
        return pos + len(taken)

    def _read_chunk_line(self, data: bytes, pos: int) -> int:
        """Read chunk-size, extensions and CRLF, or the part of them that is there."""
        maximum = self._limits.chunk_line
        if not self._partial:
            match = CHUNK_LINE_CRLF.match(data, pos)
            if match is not None:
                end = match.end()
                if end - pos - 2 > maximum:
                    raise LimitExceeded("chunk_line", maximum)
                self._start_chunk(match[1], match[2])
                return end
        # Now either the line is malformed, or its end has not come yet.
        lf = data.find(b"\n", pos)
        end = len(data) if lf < 0 else lf + 1
        # At most `maximum` bytes wait here, so that this concatenation stays cheap.
        self._partial += data[pos:end]
        if len(self._partial) > maximum + (1 if lf < 0 else 2):
            raise LimitExceeded("chunk_line", maximum)
        if lf >= 0:
            line = self._partial
            self._partial = b""
            match = CHUNK_LINE.fullmatch(line[:-2]) if line.endswith(CRLF) else None
            if match is None:
                raise MalformedMessage("a chunk-size line is malformed", self.received, line)
            self._start_chunk(match[1], match[2])
        return end

    def _start_chunk(self, digits: bytes, extensions: bytes | None) -> None:
        if extensions is not None:
            self._extensions += len(extensions)
            if self._extensions > self._limits.chunk_extensions:
                raise LimitExceeded("chunk_extensions", self._limits.chunk_extensions)
        self._left = int(digits, 16)
        self._state = _CHUNK_DATA if self._left else _TRAILERS
