"""The content of a request: what the caller gave as `data` or `json`, ready to be sent.

A payload knows its size where it can be known, what Content-Type it is by itself, and whether it
can be sent again, which is what a redirect with 307 or 308 and a retry ask.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from whimbrel.streams import StreamReader

if TYPE_CHECKING:
    from collections.abc import Callable

    JSONEncoder = Callable[[Any], str]

__all__ = [
    "AsyncIterablePayload",
    "BytesPayload",
    "FilePayload",
    "Payload",
    "form_payload",
    "json_payload",
    "make_payload",
]

_READ_SIZE = 2**18
"""Bytes of a file that are read in one go off the event loop."""

_OCTET_STREAM = "application/octet-stream"


class Payload:
    """The content of a request.

    Attributes:
        content_type: the Content-Type that is sent unless the caller gives one, or `None`.
        size: how many bytes it has, or `None` when that is not known before the end.
        replayable: whether `parts` can be called again and yields the same bytes.
    """

    content_type: str | None = None
    size: int | None = None
    replayable: bool = False

    def as_bytes(self) -> bytes | None:
        """Return the whole content when it stands in memory, else `None`."""
        return None

    def parts(self) -> AsyncGenerator[bytes | bytearray | memoryview]:
        """Iterate over the content in pieces that are not empty; the caller closes the iterator.

        Raises:
            RuntimeError: it was sent before and cannot be sent again.
        """
        raise NotImplementedError


class BytesPayload(Payload):
    """Content that stands in memory."""

    replayable = True

    def __init__(self, value: bytes, content_type: str | None = _OCTET_STREAM) -> None:
        self._value = value
        self.size = len(value)
        self.content_type = content_type

    def as_bytes(self) -> bytes:
        """Return the content."""
        return self._value

    async def parts(self) -> AsyncGenerator[memoryview]:
        """Iterate over views of the content, without copying it."""
        view = memoryview(self._value)
        for start in range(0, len(view), _READ_SIZE):
            yield view[start : start + _READ_SIZE]


class FilePayload(Payload):
    """A file-like object, read off the event loop from where it stands.

    Args:
        file: opened for reading bytes, or text, which is then sent in UTF-8. It needs no more
            than a `read` method; a seekable one of bytes has a size and can be sent again.
        content_type: its Content-Type.
    """

    def __init__(self, file: Any, content_type: str = _OCTET_STREAM) -> None:
        self._file = file
        self.content_type = content_type
        self._start: int | None = None
        self._used = False
        self._reading = threading.Lock()
        if isinstance(file, io.TextIOBase):
            self.content_type = "text/plain; charset=utf-8"
        elif hasattr(file, "seekable") and file.seekable():
            self._start = file.tell()
            self.size = self._measure(self._start)
            self.replayable = True

    def _measure(self, start: int) -> int | None:
        # Not by fstat: the descriptor of a GzipFile is that of the compressed file.
        try:
            self._file.seek(0, io.SEEK_END)
            end: int = self._file.tell()
        except (OSError, ValueError):  # seekable, but its end cannot be found
            return None
        finally:
            self._file.seek(start)
        return max(0, end - start)

    async def parts(self) -> AsyncGenerator[bytes]:
        """Iterate over the file from where it stood when this payload was made."""
        if self._used and self._start is None:
            raise RuntimeError("The file cannot be read again: it is not seekable")
        self._used = True
        position = self._start
        loop = asyncio.get_running_loop()
        while piece := await loop.run_in_executor(None, self._read, position):
            if position is not None:
                position += len(piece)
            yield piece.encode("utf-8") if isinstance(piece, str) else piece

    def _read(self, position: int | None) -> bytes | str:
        # A read that was cancelled goes on in its thread, maybe into the time when the content is
        # sent again: one at a time, and each from where it belongs.
        with self._reading:
            size = _READ_SIZE
            if self._start is not None and position is not None:
                self._file.seek(position)
                if self.size is not None:
                    # Not more than was announced, though the file may grow meanwhile.
                    size = min(size, self._start + self.size - position)
            piece: bytes | str = self._file.read(size)
            return piece


class AsyncIterablePayload(Payload):
    """Content that an asynchronous iterable yields; its size is not known.

    It is sent once: whether an iterable can be gone through again, only its author knows, and one
    that cannot would send nothing instead.
    """

    content_type = _OCTET_STREAM

    def __init__(self, value: AsyncIterable[bytes]) -> None:
        self._value = value
        self._used = False

    async def parts(self) -> AsyncGenerator[bytes]:
        """Iterate over what the iterable yields."""
        if self._used:
            raise RuntimeError("The asynchronous iterable was used up by the first sending")
        self._used = True
        pieces = aiter(self._value)
        try:
            async for piece in pieces:
                if not isinstance(piece, (bytes, bytearray, memoryview)):
                    raise TypeError(f"The body yielded {type(piece).__name__}, not bytes")
                if piece:
                    yield piece
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()  # so that it ends now, though nobody wants the rest


def json_payload(value: Any, serialize: JSONEncoder) -> Payload:
    """Make the content for `json=`."""
    return BytesPayload(serialize(value).encode("utf-8"), "application/json")


def form_payload(fields: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Payload:
    """Make the content of an HTML form (`application/x-www-form-urlencoded`).

    Raises:
        TypeError: a field's value is not text, bytes or a number.
    """
    pairs: Iterable[Any] = fields.items() if isinstance(fields, Mapping) else fields
    encoded = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"A form is made of pairs of name and value, not of {pair!r:.100}")
        name, value = pair
        if isinstance(value, bool) or not isinstance(value, (str, bytes, int, float)):
            raise TypeError(
                f"Form field {name!r} is {type(value).__name__}; "
                "a urlencoded form takes str, bytes and numbers"
            )
        encoded.append((name, value))
    return BytesPayload(
        urlencode(encoded, encoding="utf-8").encode("ascii"), "application/x-www-form-urlencoded"
    )


def make_payload(data: Any) -> Payload:
    """Make the content for `data=`.

    Raises:
        TypeError: there is no way to send such an object.
    """
    if isinstance(data, Payload):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return BytesPayload(bytes(data))
    if isinstance(data, str):
        return BytesPayload(data.encode("utf-8"), "text/plain; charset=utf-8")
    if isinstance(data, (Mapping, list, tuple)):
        return form_payload(data)
    if isinstance(data, StreamReader):
        return AsyncIterablePayload(data.iter_any())  # by itself it iterates over lines
    if isinstance(data, AsyncIterable):  # asynchronous files have a `read`, too, to be awaited
        return AsyncIterablePayload(data)
    if hasattr(data, "read"):
        return FilePayload(data)
    raise TypeError(
        f"data is {type(data).__name__}; it can be bytes, str, a mapping or list of pairs, "
        "a file object or an asynchronous iterable of bytes"
    )
