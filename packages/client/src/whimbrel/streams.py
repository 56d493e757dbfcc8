"""`StreamReader`: the body of a response as a stream, with flow control.

The exchange feeds coded pieces in, the caller takes decoded ones out. A content coding is undone
only as far as there is room for its output, so that a small body which decodes to a huge one never
stands in memory whole unless the caller asks for the whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from whimbrel.errors import ClientPayloadError
from whimbrel_http_parser import ContentCodingError, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from whimbrel_http_parser import Decoder

__all__ = ["AsyncStreamIterator", "BodySource", "StreamReader"]

T = TypeVar("T")

_LINE = 2**16
"""Bytes of a line that are accepted, however small the buffer is."""


class BodySource(Protocol):
    """Where a body comes from, as its reader sees it."""

    def pause_body(self) -> None:
        """Deliver no more of the body until `resume_body`; harmless when repeated."""

    def resume_body(self) -> None:
        """Deliver the body again; harmless when not paused or complete."""

    def abandon_body(self) -> None:
        """Deliver no more at all: what came cannot be decoded. Harmless when complete."""


class _Ended:
    """The source of a body that has ended.

    It takes the exchange's place, so that the two do not keep each other alive until the garbage
    collector comes.
    """

    def pause_body(self) -> None:
        """Do nothing."""

    def resume_body(self) -> None:
        """Do nothing."""

    def abandon_body(self) -> None:
        """Do nothing."""


_ENDED = _Ended()


class AsyncStreamIterator(Generic[T]):
    """Iterates over what `read` returns, until it returns something empty."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read

    def __aiter__(self) -> AsyncStreamIterator[T]:
        return self

    async def __anext__(self) -> T:
        piece = await self._read()
        if not piece:
            raise StopAsyncIteration
        return piece


class _ChunkIterator(AsyncStreamIterator[tuple[bytes, bool]]):
    async def __anext__(self) -> tuple[bytes, bool]:
        piece = await self._read()
        if piece == (b"", False):
            raise StopAsyncIteration
        return piece


class StreamReader:
    """The body of a response, read in pieces. Only one coroutine may read at a time.

    Args:
        source: what feeds this stream; paused while more than `2 * limit` bytes wait here.
        limit: low-water mark of the buffer in bytes, at least 1; also the most that one step of
            decoding yields.
        decoder: undoes the content coding, or `None`.
    """

    __slots__ = (
        "_buffer",
        "_chunk_ends",
        "_chunk_pending",
        "_coded",
        "_coded_size",
        "_cursor",
        "_decoder",
        "_eof",
        "_exception",
        "_limit",
        "_offset",
        "_paused",
        "_size",
        "_source",
        "_waiter",
        "total_bytes",
        "total_raw_bytes",
    )

    def __init__(
        self, source: BodySource, limit: int = 2**16, decoder: Decoder | None = None
    ) -> None:
        self._source: BodySource = source
        self._limit = max(1, limit)  # a decoder must be given room for something
        self._decoder = decoder
        self._buffer: deque[bytes] = deque()
        self._offset = 0  # bytes of _buffer[0] that were read
        self._size = 0  # unread bytes in _buffer
        self._cursor = 0  # bytes of the decoded body that were read
        # Queues take memory when empty: what many bodies never need is made when it is needed.
        # Pieces that are not decoded yet; do they end a chunk?
        self._coded: deque[tuple[bytes, bool]] | None = None
        self._coded_size = 0
        self._chunk_ends: deque[int] | None = None  # as offsets in the decoded body
        self._chunk_pending = False  # the decoder still holds output of a chunk that has ended
        self._eof = False
        self._paused = False
        self._exception: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.total_bytes = 0
        """Bytes of the decoded body so far."""
        self.total_raw_bytes = 0
        """Bytes of the body so far as they came, still coded."""

    def __repr__(self) -> str:
        state = "eof" if self._eof else "open"
        if self._exception is not None:
            state = f"failed: {type(self._exception).__name__}"
        return f"<StreamReader {self._size} bytes, {state}>"

    # What the exchange calls

    def feed_data(self, data: bytes, chunk_ends: tuple[int, ...] = ()) -> None:
        """Take a piece of the coded body; `chunk_ends` are the offsets in it where chunks end."""
        if self._exception is not None:
            return
        self.total_raw_bytes += len(data)
        if self._decoder is None:
            if chunk_ends:
                base = self.total_bytes
                if self._chunk_ends is None:
                    self._chunk_ends = deque()
                self._chunk_ends.extend([base + end for end in chunk_ends])
            if data:
                self._append(data)
        else:
            self._queue_coded(data, chunk_ends)
            self._decode()
        if self._waiter is not None:
            self._wake(self._waiter)
        if not self._paused and self._size + self._coded_size > 2 * self._limit:
            self._paused = True
            self._source.pause_body()

    def feed_eof(self) -> None:
        """Learn that the body is complete."""
        self._eof = True
        self._source = _ENDED
        if self._decoder is not None:
            self._decode()
        if self._waiter is not None:
            self._wake(self._waiter)

    def set_exception(self, exc: BaseException) -> None:
        """Make every read raise `exc` once the data that came before it has been read."""
        if self._exception is None:
            self._exception = exc
        self._source = _ENDED
        if self._waiter is not None:
            self._wake(self._waiter)

    # What the caller asks

    def exception(self) -> BaseException | None:
        """Return what `set_exception` was given, or `None`."""
        return self._exception

    def is_eof(self) -> bool:
        """Tell whether the whole body has arrived (it may still wait to be read)."""
        return self._eof

    def at_eof(self) -> bool:
        """Tell whether the whole body has been read, and found complete."""
        # The decoder goes when it has said that nothing is missing.
        return self._eof and not self._size and self._decoder is None and self._exception is None

    @property
    def paused(self) -> bool:
        """Whether the source was told to wait until some of the body has been read."""
        return self._paused

    async def read(self, n: int = -1) -> bytes:
        """Read up to `n` bytes, at least one; with a negative `n` the whole rest.

        Returns `b""` at the end of the body.
        """
        if n == 0:
            return b""
        if n < 0:
            return await self._read_rest()
        if not self._size:
            await self._fill()
        return self._take(n)

    async def _read_rest(self) -> bytes:
        if self._eof and self._decoder is None and self._exception is None:
            return self._take(self._size)
        pieces: list[bytes] = []
        try:
            while piece := await self.readany():
                pieces.append(piece)
        except BaseException:
            self._put_back(b"".join(pieces))
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def readany(self) -> bytes:
        """Read whatever is there, at least one byte; `b""` at the end of the body."""
        if not self._size:
            await self._fill()
        return self._take(self._size)

    async def readexactly(self, n: int) -> bytes:
        """Read exactly `n` bytes.

        Raises:
            asyncio.IncompleteReadError: the body ended before.
        """
        pieces: list[bytes] = []
        missing = n
        try:
            while missing > 0:
                piece = await self.read(missing)
                if not piece:
                    raise asyncio.IncompleteReadError(b"".join(pieces), n)
                pieces.append(piece)
                missing -= len(piece)
        except asyncio.IncompleteReadError:
            raise
        except BaseException:
            self._put_back(b"".join(pieces))
            raise
        return b"".join(pieces)

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        r"""Read up to and including the next `\n`; the rest of the body where there is none.

        Args:
            max_line_length: in bytes; by default what may wait in the buffer, and at least 64 KiB.

        Raises:
            ValueError: the line is longer.
        """
        return await self.readuntil(b"\n", max_size=max_line_length)

    async def readuntil(self, separator: bytes = b"\n", *, max_size: int | None = None) -> bytes:
        """Read up to and including `separator`; the rest of the body where there is none.

        Args:
            separator: one byte or more.
            max_size: bytes to find it in; by default as many as may wait in the buffer, and at
                least 64 KiB.

        Raises:
            ValueError: the separator is empty, or does not come within `max_size` bytes.
        """
        if max_size is None:
            max_size = max(_LINE, 2 * self._limit)
        if not separator:
            raise ValueError("Separator should be at least one-byte string")
        found = bytearray()
        try:
            while True:
                if not self._size:
                    await self._fill()
                if not self._size:
                    return bytes(found)
                length, complete = self._length_until(separator, found)
                if len(found) + length > max_size:
                    raise ValueError(f"No {separator!r} within {max_size} bytes")
                found += self._take(length)
                if complete:
                    return bytes(found)
        except BaseException:
            self._put_back(bytes(found))
            raise

    def _length_until(self, separator: bytes, found: bytearray) -> tuple[int, bool]:
        """Return how much of the first piece belongs to what ends with `separator`.

        `found` is what was taken before; the separator may begin in it. The second value tells
        whether the separator is complete with that much.
        """
        piece, offset = self._buffer[0], self._offset
        overlap = len(separator) - 1
        if overlap and found:
            tail = bytes(found[-overlap:])
            at = (tail + piece[offset : offset + overlap]).find(separator)
            if at >= 0:
                return at + len(separator) - len(tail), True
        at = piece.find(separator, offset)
        if at >= 0:
            return at + len(separator) - offset, True
        return len(piece) - offset, False

    async def readchunk(self) -> tuple[bytes, bool]:
        """Read a piece, and whether it ends a chunk of the chunked transfer coding.

        Pieces never cross the end of a chunk, except in what another read had already taken when
        it was cancelled or failed. Returns `(b"", False)` at the end of the body.
        """
        while True:
            if self._chunk_ends and self._chunk_ends[0] <= self._cursor + self._size:
                return self._take(self._chunk_ends.popleft() - self._cursor), True
            if self._size:
                return self._take(self._size), False
            if not await self._fill(stop_at_chunk_end=True):
                return b"", False

    def read_nowait(self, n: int = -1) -> bytes:
        """Read up to `n` bytes of what is there (all of it when negative) without waiting.

        Of a body with a content coding "all" is what has been decoded, some at least.
        """
        if self._waiter is not None:
            raise RuntimeError("Called while some coroutine is waiting for incoming data.")
        if self._decoder is not None and not self._size:
            self._decode()
        if self._exception is not None and not self._size:
            raise self._exception.with_traceback(None)
        return self._take(self._size if n < 0 else n)

    def iter_chunked(self, n: int) -> AsyncStreamIterator[bytes]:
        """Iterate over the body in pieces of at most `n` bytes.

        Raises:
            ValueError: `n` is less than 1.
        """
        if n < 1:
            raise ValueError(f"Pieces of {n} bytes would never come to the end of the body")
        return AsyncStreamIterator(lambda: self.read(n))

    def iter_any(self) -> AsyncStreamIterator[bytes]:
        """Iterate over the body in pieces as they come."""
        return AsyncStreamIterator(self.readany)

    def iter_chunks(self) -> AsyncStreamIterator[tuple[bytes, bool]]:
        """Iterate over the body in pieces as `readchunk` returns them."""
        return _ChunkIterator(self.readchunk)

    def __aiter__(self) -> AsyncStreamIterator[bytes]:
        return AsyncStreamIterator(self.readline)

    async def wait_eof(self) -> None:
        """Wait until the whole body has arrived; it must be read meanwhile if it is large."""
        while not self._eof:
            if self._exception is not None:
                raise self._exception.with_traceback(None)
            await self._wait()

    # The buffer

    def _append(self, data: bytes) -> None:
        self._buffer.append(data)
        self._size += len(data)
        self.total_bytes += len(data)

    def _take(self, n: int) -> bytes:
        """Remove up to `n` bytes from the buffer, and let more in where that makes room."""
        buffer = self._buffer
        if n >= self._size and not self._offset:
            data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
            buffer.clear()
        else:
            data = self._take_part(min(n, self._size))
        self._size -= len(data)
        self._cursor += len(data)
        while self._chunk_ends and self._chunk_ends[0] <= self._cursor:
            self._chunk_ends.popleft()
        if self._paused:
            self._resume_if_room()
        if self._eof and not self._size and self._decoder is not None:
            self._decode()  # so that `at_eof` does not wait for another read to tell
        return data

    def _take_part(self, n: int) -> bytes:
        buffer = self._buffer
        pieces = []
        while n > 0:
            piece, start = buffer[0], self._offset
            end = start + n
            if end < len(piece):
                self._offset = end
                pieces.append(piece[start:end])
                break
            buffer.popleft()
            self._offset = 0
            pieces.append(piece[start:] if start else piece)
            n -= len(piece) - start
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _put_back(self, data: bytes) -> None:
        """Undo the taking of `data`, so that an interrupted read loses nothing of the body.

        The ends of chunks in it are not kept, for that would be much for many small chunks.
        """
        if not data:
            return
        if self._offset:
            self._buffer[0] = self._buffer[0][self._offset :]
            self._offset = 0
        self._buffer.appendleft(data)
        self._size += len(data)
        self._cursor -= len(data)

    def _resume_if_room(self) -> None:
        if self._paused and self._size + self._coded_size <= self._limit:
            self._paused = False
            self._source.resume_body()

    async def _fill(self, *, stop_at_chunk_end: bool = False) -> bool:
        """Wait for data; tell whether there is any, or the body has ended instead.

        With `stop_at_chunk_end`, a chunk that ends exactly where reading stands counts, too.
        """
        while not self._size:
            if stop_at_chunk_end and self._chunk_ends:
                return True
            if self._decoder is not None and self._decode():
                continue
            if self._exception is not None:
                raise self._exception.with_traceback(None)
            if self._eof:
                return False
            await self._wait()
        return True

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("Another coroutine is already waiting for incoming data")
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    @staticmethod
    def _wake(waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_result(None)

    # Content coding

    def _queue_coded(self, data: bytes, chunk_ends: tuple[int, ...]) -> None:
        coded = self._coded
        if coded is None:
            coded = self._coded = deque()
        start = 0
        for end in chunk_ends:
            coded.append((data[start:end], True))
            start = end
        if start < len(data):
            coded.append((data[start:] if start else data, False))
        self._coded_size += len(data)

    def _decode(self) -> bool:
        """Undo the content coding while the buffer has room; tell whether that changed anything."""
        before = (self.total_bytes, self._coded_size)
        try:
            while self._size < self._limit and self._decode_step():
                pass
        except (ContentCodingError, LimitExceeded) as exc:
            self._fail_decoding(exc)
            return True
        self._resume_if_room()
        return before != (self.total_bytes, self._coded_size)

    def _decode_step(self) -> bool:
        decoder = self._decoder
        if decoder is None:
            return False
        if decoder.pending:
            output = decoder.decode(b"", self._limit)
        elif self._coded:
            data, self._chunk_pending = self._coded.popleft()
            self._coded_size -= len(data)
            output = decoder.decode(data, self._limit)
        else:
            if self._eof:
                decoder.finish()
                self._decoder = None
            return False
        if output:
            self._append(output)
        if self._chunk_pending and not decoder.pending:
            self._chunk_pending = False
            # Chunks that decode to nothing (a gzip header may be endless) must not pile up.
            ends = self._chunk_ends
            if ends is None:
                ends = self._chunk_ends = deque()
            if not ends or ends[-1] != self.total_bytes:
                ends.append(self.total_bytes)
        return True

    def _fail_decoding(self, cause: ContentCodingError | LimitExceeded) -> None:
        self._coded = None
        self._coded_size = 0
        self._decoder = None
        error = ClientPayloadError(f"Cannot decode the body: {cause}")
        error.__cause__ = cause
        source = self._source
        self.set_exception(error)
        source.abandon_body()
