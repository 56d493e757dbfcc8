"""The chunked transfer coding, for reading (RFC 9112 section 7.1)."""

from typing import TYPE_CHECKING, Final

from whimbrel_http_parser._grammar import CHUNK_LINE, CRLF, HEX_VALUE
from whimbrel_http_parser._section import TrailerSection
from whimbrel_http_parser.errors import LimitExceeded, MalformedMessage, ProtocolError
from whimbrel_http_parser.events import Data
from whimbrel_http_parser.limits import Leniency, Limits

if TYPE_CHECKING:
    # A machine integer when compiled, an ordinary one otherwise; nothing of it at run time.
    from mypy_extensions import i64

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
        "_found",
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
        self._partial = bytearray()  # of a chunk-size line, or of the CRLF behind a chunk
        self._parts: list[bytes] = []
        self._ends: list[int] = []
        self._found = 0  # bytes in _parts
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
        found = Data(b"".join(parts), tuple(self._ends))
        self._parts = []
        self._ends = []
        self._found = 0
        return found

    def _feed(self, data: bytes, pos: int) -> int:
        size = len(data)
        while pos < size:
            if self._state == _CHUNK_LINE:
                if not self._partial:
                    pos = self._take_whole_chunks(data, pos)
                pos = self._read_chunk_line(data, pos)
            elif self._state == _CHUNK_DATA:
                end = min(pos + self._left, size)
                self._add(data[pos:end])
                self._left -= end - pos
                pos = end
                if self._left == 0:
                    self._ends.append(self._found)
                    self._state = _CHUNK_END
            elif self._state == _CHUNK_END:
                pos = self._read_chunk_end(data, pos)
            elif self._state == _TRAILERS:
                pos = self.trailers.feed(data, pos)
                if self.trailers.complete:
                    self._state = _COMPLETE
            else:
                break
        return pos

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._found += len(part)
        self.received += len(part)

    def _take_whole_chunks(self, data: bytes, start: int) -> int:
        """Take chunks that are there as a whole and have no extension, up to one that is not.

        This is the plain path of long bodies, and accepts nothing that the others would not.
        """
        size: i64 = len(data)
        # Fifteen digits, so that no sum overflows a machine integer; _read_chunk_line takes more.
        most_digits: i64 = min(15, self._limits.chunk_line)
        hex_value = HEX_VALUE
        found: i64 = self._found
        pos: i64 = start
        while True:
            length: i64 = 0
            digit: i64 = pos
            while digit < size and digit - pos < most_digits:
                value: i64 = hex_value[data[digit]]
                if value > 15:
                    break
                length = length * 16 + value
                digit += 1
            end: i64 = digit + 2 + length
            if length == 0 or end + 2 > size:
                break
            if data[digit] != 13 or data[digit + 1] != 10:
                break
            if data[end] != 13 or data[end + 1] != 10:
                break
            self._parts.append(data[digit + 2 : end])
            found += length
            self._ends.append(found)
            pos = end + 2
        self.received += found - self._found
        self._found = found
        return pos

    def _read_chunk_end(self, data: bytes, pos: int) -> int:
        """Read the CRLF behind the data of a chunk: exactly it, or the next size is a guess."""
        if not self._partial and data.startswith(CRLF, pos):
            self._state = _CHUNK_LINE
            return pos + 2
        taken = data[pos : pos + 2 - len(self._partial)]
        self._partial += taken
        found = bytes(self._partial)
        if not CRLF.startswith(found):
            raise MalformedMessage("a chunk does not end with CRLF", self.received, found)
        if found == CRLF:
            self._partial.clear()
            self._state = _CHUNK_LINE
        return pos + len(taken)

    def _read_chunk_line(self, data: bytes, pos: int) -> int:
        """Read chunk-size, extensions and CRLF, or the part of them that is there."""
        maximum = self._limits.chunk_line
        lf = data.find(b"\n", pos)
        end = len(data) if lf < 0 else lf + 1
        self._partial += data[pos:end]
        if len(self._partial) > maximum + 2:
            raise LimitExceeded("chunk_line", maximum)
        if lf >= 0:
            line = bytes(self._partial)
            self._partial.clear()
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
