from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from multidict import MultiDict

from whimbrel.payload import (
    AsyncIterablePayload,
    BytesPayload,
    FilePayload,
    Payload,
    form_payload,
    json_payload,
    make_payload,
)
from whimbrel.streams import StreamReader

BIG = bytes(range(256)) * 3000  # more than is read in one go


async def all_of(payload: Payload) -> bytes:
    parts = [bytes(part) async for part in payload.parts()]
    assert all(parts)
    return b"".join(parts)


class Source:
    """Where a stream comes from, of which nothing is asked here."""

    def pause_body(self) -> None: ...

    def resume_body(self) -> None: ...

    def abandon_body(self) -> None: ...


# Which object becomes what


@pytest.mark.parametrize(
    ("data", "content", "content_type"),
    [
        (b"abc", b"abc", "application/octet-stream"),
        (b"", b"", "application/octet-stream"),
        (bytearray(b"abc"), b"abc", "application/octet-stream"),
        (memoryview(b"abcdef")[::2], b"ace", "application/octet-stream"),
        ("grüße", "grüße".encode(), "text/plain; charset=utf-8"),
        ({"a": "1", "b": "ü &="}, b"a=1&b=%C3%BC+%26%3D", "application/x-www-form-urlencoded"),
        ([("a", 1), ("a", 2.5)], b"a=1&a=2.5", "application/x-www-form-urlencoded"),
        ((("a", b"\xff"),), b"a=%FF", "application/x-www-form-urlencoded"),
        (MultiDict([("a", "1"), ("a", "2")]), b"a=1&a=2", "application/x-www-form-urlencoded"),
        ({}, b"", "application/x-www-form-urlencoded"),
        (OrderedDict(z="", a=""), b"z=&a=", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_stands_in_memory(data: Any, content: bytes, content_type: str) -> None:
    payload = make_payload(data)
    assert payload.as_bytes() == content
    assert payload.size == len(content)
    assert payload.content_type == content_type
    assert payload.replayable
    assert await all_of(payload) == await all_of(payload) == content


async def test_big_content_is_not_copied() -> None:
    payload = make_payload(BIG)
    assert payload.as_bytes() is BIG
    parts = [part async for part in payload.parts()]
    assert len(parts) > 1
    assert all(isinstance(part, memoryview) and part.obj is BIG for part in parts)
    assert b"".join(parts) == BIG


def test_a_payload_is_itself() -> None:
    payload = BytesPayload(b"x")
    assert make_payload(payload) is payload


@pytest.mark.parametrize("data", [None, 5, object(), iter([b"x"]), {b"x"}, True])
def test_there_is_no_way_to_send_others(data: object) -> None:
    with pytest.raises(TypeError, match=f"data is {type(data).__name__}"):
        make_payload(data)


@pytest.mark.parametrize("value", [None, True, [1, 2], {"x": 1}, object(), io.BytesIO(b"x")])
def test_a_form_takes_text_bytes_and_numbers(value: object) -> None:
    with pytest.raises(TypeError, match="Form field 'name' is"):
        form_payload({"name": value})


def test_json_is_made_by_the_serializer_given() -> None:
    payload = json_payload({"a": "ü"}, lambda value: json.dumps(value, ensure_ascii=False))
    assert payload.as_bytes() == '{"a": "ü"}'.encode()
    assert payload.content_type == "application/json"
    assert json_payload(None, json.dumps).as_bytes() == b"null"


# Asynchronous iterables


class Again:
    """Can be gone through many times."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    async def __aiter__(self) -> AsyncIterator[Any]:
        for part in self.parts:
            yield part


async def once(*parts: Any) -> AsyncIterator[Any]:
    for part in parts:
        yield part


async def test_an_iterable_is_sent_once() -> None:
    payload = make_payload(Again(b"a", bytearray(b"b"), memoryview(b"c")))
    assert isinstance(payload, AsyncIterablePayload)
    assert (payload.size, payload.as_bytes(), payload.replayable) == (None, None, False)
    assert payload.content_type == "application/octet-stream"
    assert await all_of(payload) == b"abc"
    # Another one might have nothing left, and would be sent as if it were empty.
    with pytest.raises(RuntimeError, match="used up"):
        await all_of(payload)


async def test_an_iterator_is_sent_once() -> None:
    payload = make_payload(once(b"a", b"b"))
    assert not payload.replayable
    assert await all_of(payload) == b"ab"
    with pytest.raises(RuntimeError, match="used up"):
        await all_of(payload)


async def test_empty_pieces_are_left_out() -> None:
    # In the chunked coding an empty piece would be the end.
    assert await all_of(make_payload(Again(b"", b"a", bytearray(), b"", memoryview(b"")))) == b"a"


@pytest.mark.parametrize("piece", ["text", 5, None, [b"x"]])
async def test_pieces_are_bytes(piece: object) -> None:
    with pytest.raises(TypeError, match=f"yielded {type(piece).__name__}, not bytes"):
        await all_of(make_payload(Again(b"a", piece)))


async def test_a_response_body_is_sent_as_it_comes_and_not_by_lines() -> None:
    stream = StreamReader(Source())
    payload = make_payload(stream)
    assert isinstance(payload, AsyncIterablePayload)
    assert not payload.replayable
    stream.feed_data(b"a\nb\nc" + bytes(2**17))  # longer than a line may be
    stream.feed_eof()
    assert [len(part) async for part in payload.parts()] == [5 + 2**17]


async def test_an_asynchronous_file_is_iterated() -> None:
    class AsyncFile(Again):
        async def read(self, n: int = -1) -> bytes:
            raise AssertionError("it is not read like a file")

    assert await all_of(make_payload(AsyncFile(b"a", b"b"))) == b"ab"


# Files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(BIG)
    return path


def spooled(path: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  the caller closes it
    file.write(path.read_bytes())
    file.seek(0)
    return file


def temporary(path: Path) -> Any:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115  the caller closes it
    file.write(path.read_bytes())
    file.seek(0)
    return file


FILES: dict[str, Callable[[Path], Any]] = {
    "buffered": lambda path: path.open("rb"),
    "raw": lambda path: path.open("rb", buffering=0),
    "read and write": lambda path: path.open("r+b"),
    "memory": lambda path: io.BytesIO(path.read_bytes()),
    "spooled": spooled,
    "temporary": temporary,
}


@pytest.mark.parametrize("start", [0, 1000, len(BIG), len(BIG) + 5])
@pytest.mark.parametrize("kind", FILES)
async def test_a_file_is_sent_from_where_it_stands(path: Path, kind: str, start: int) -> None:
    with FILES[kind](path) as file:
        file.seek(start)
        payload = make_payload(file)
        assert isinstance(payload, FilePayload)
        assert payload.size == max(0, len(BIG) - start)
        assert payload.as_bytes() is None
        assert payload.content_type == "application/octet-stream"
        assert payload.replayable
        assert file.tell() == start
        assert await all_of(payload) == BIG[start:]
        assert await all_of(payload) == BIG[start:]


async def test_a_file_is_sent_from_where_it_stood(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(10)
        payload = make_payload(file)
        file.seek(500_000)
        assert await all_of(payload) == BIG[10:]


async def test_what_was_written_and_not_flushed_counts(tmp_path: Path) -> None:
    with (tmp_path / "new").open("w+b") as file:
        file.write(b"not flushed")
        file.seek(4)
        payload = make_payload(file)
        assert payload.size == 7
        assert await all_of(payload) == b"flushed"


@pytest.mark.parametrize("opened", [gzip.open, bz2.open])
async def test_the_size_of_a_compressed_file_is_that_of_what_is_read(
    tmp_path: Path, opened: Any
) -> None:
    name = tmp_path / "compressed"
    with opened(name, "wb") as file:
        file.write(BIG)
    with opened(name, "rb") as file:
        payload = make_payload(file)
        assert payload.size == len(BIG)
        assert await all_of(payload) == await all_of(payload) == BIG


async def test_the_size_is_not_known_where_the_end_cannot_be_found() -> None:
    class NoEnd(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            if whence == io.SEEK_END:
                raise ValueError("no seeking from the end")
            return super().seek(offset, whence)

    file = NoEnd(BIG)
    file.seek(5)
    payload = make_payload(file)
    assert (payload.size, payload.replayable) == (None, True)
    assert await all_of(payload) == await all_of(payload) == BIG[5:]


async def test_a_text_file_is_sent_in_utf_8(tmp_path: Path) -> None:
    name = tmp_path / "text"
    name.write_text("grüße\n" * 100_000, encoding="latin-1")
    with name.open(encoding="latin-1") as file:
        payload = make_payload(file)
        assert (payload.size, payload.replayable) == (None, False)
        assert payload.content_type == "text/plain; charset=utf-8"
        assert await all_of(payload) == "grüße\n".encode() * 100_000
        with pytest.raises(RuntimeError, match="cannot be read again"):
            await all_of(payload)
    assert await all_of(make_payload(io.StringIO("ü"))) == "ü".encode()


class Pipe(io.RawIOBase):
    """Reads, and cannot seek."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, n: int = -1) -> bytes:
        return self.content.read(n)


class OnlyRead:
    """Has a `read` method and nothing else."""

    def __init__(self, content: bytes) -> None:
        self.content = io.BytesIO(content)

    def read(self, n: int) -> bytes:
        return self.content.read(n)


@pytest.mark.parametrize("kind", [Pipe, OnlyRead])
async def test_what_cannot_seek_is_sent_once(kind: Callable[[bytes], Any]) -> None:
    payload = make_payload(kind(BIG))
    assert (payload.size, payload.replayable) == (None, False)
    assert await all_of(payload) == BIG
    with pytest.raises(RuntimeError, match="cannot be read again"):
        await all_of(payload)


class Slow(io.BytesIO):
    """Notes who reads, and waits before it does when told to."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.threads: set[int] = set()
        self.reading = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def read(self, n: int | None = -1) -> bytes:
        self.threads.add(threading.get_ident())
        self.reading.set()
        assert self.go_on.wait(10)
        return super().read(n)


async def test_a_file_is_read_off_the_event_loop() -> None:
    file = Slow(BIG)
    assert await all_of(make_payload(file)) == BIG
    assert threading.get_ident() not in file.threads


async def test_a_read_that_was_cancelled_does_not_disturb_the_next_sending() -> None:
    file = Slow(BIG)
    payload = make_payload(file)
    file.go_on.clear()
    first = asyncio.create_task(all_of(payload))
    await asyncio.to_thread(file.reading.wait, 10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    # Its thread still reads; it must not take from what is sent again.
    second = asyncio.create_task(all_of(payload))
    await asyncio.sleep(0)
    file.go_on.set()
    assert await second == BIG


async def test_an_error_of_the_file_comes_out() -> None:
    class Broken(Pipe):
        def read(self, n: int = -1) -> bytes:
            raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        await all_of(make_payload(Broken(b"")))


def test_a_closed_file_is_an_error_at_once(path: Path) -> None:
    file = path.open("rb")
    file.close()
    with pytest.raises(ValueError, match="closed"):
        make_payload(file)


@pytest.mark.parametrize("data", [[b"a", b"b"], [("a", "b", "c")], ["ab"]])
def test_a_form_is_made_of_pairs(data: Any) -> None:
    with pytest.raises(TypeError, match="pairs of name and value"):
        make_payload(data)
