"""Response bodies of every framing and coding, read in every way; large ones both ways."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tools.webapp.pattern import blocks, digest, stream
from whimbrel import ClientError, ClientSession

LARGE = 10_000_000
GREETING = "Whimbrels fly from Iceland to West Africa without landing.\n"


async def hash_of(pieces: AsyncIterator[bytes]) -> tuple[int, str]:
    sha256, length = hashlib.sha256(), 0
    async for piece in pieces:
        sha256.update(piece)
        length += len(piece)
    return length, sha256.hexdigest()


@pytest.mark.parametrize("length", [0, 1, 4096, 65_535, 65_536, 65_537, 300_000])
@pytest.mark.parametrize("path", ["/bytes/{}", "/chunked/{}?size=5000"])
async def test_read(session: ClientSession, path: str, length: int) -> None:
    async with session.get(path.format(length)) as response:
        body = await response.read()
        assert await response.read() == body
    assert (len(body), hashlib.sha256(body).hexdigest()) == (length, digest(length))


@pytest.mark.parametrize("path", ["/bytes/200000", "/chunked/200000?size=3001"])
@pytest.mark.parametrize("way", ["iter_chunked", "iter_any", "iter_chunks", "readany"])
async def test_streams(session: ClientSession, path: str, way: str) -> None:
    sizes: list[int] = []

    async def pieces(content: Any) -> AsyncIterator[bytes]:
        if way == "iter_chunked":
            async for piece in content.iter_chunked(1000):
                sizes.append(len(piece))
                yield piece
        elif way == "iter_any":
            async for piece in content.iter_any():
                yield piece
        elif way == "iter_chunks":
            async for piece, _ in content.iter_chunks():
                yield piece
        else:
            while piece := await content.readany():
                yield piece

    async with session.get(path) as response:
        assert await hash_of(pieces(response.content)) == (200_000, digest(200_000))
        assert response.content.at_eof()
    assert max(sizes, default=0) <= 1000


async def test_lines_arrive_as_they_are_sent(session: ClientSession) -> None:
    async with session.get("/drip?count=5") as response:
        assert await response.content.readline() == b"drop 0\n"
        assert await response.content.readexactly(7) == b"drop 1\n"
        rest = [line async for line in response.content]
    assert rest == [b"drop 2\n", b"drop 3\n", b"drop 4\n"]


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/br", "/zstd"])
async def test_codings_are_decoded(session: ClientSession, path: str) -> None:
    async with session.get(path) as response:
        assert response.headers["Content-Encoding"] == path[1:]
        assert await response.text() == GREETING * 1000


async def test_codings_can_be_left_alone(session: ClientSession) -> None:
    async with session.get("/gzip", auto_decompress=False) as response:
        body = await response.read()
    assert body[:2] == b"\x1f\x8b"
    assert len(body) == int(response.headers["Content-Length"])


@pytest.mark.parametrize("path", [f"/bytes/{LARGE}", f"/chunked/{LARGE}"])
async def test_large_download(session: ClientSession, path: str) -> None:
    async with session.get(path) as response:
        assert await hash_of(response.content.iter_any()) == (LARGE, digest(LARGE))


@pytest.mark.parametrize("kind", ["bytes", "stream"])
async def test_large_upload(session: ClientSession, kind: str) -> None:
    data: Any = b"".join(blocks(LARGE)) if kind == "bytes" else stream(LARGE)
    async with session.post("/upload", data=data) as response:
        assert await response.json() == {"length": LARGE, "sha256": digest(LARGE)}


async def test_a_slow_reader_loses_nothing(session: ClientSession) -> None:
    """The server is faster than the caller: the transport is paused, not the memory filled."""
    async with session.get("/bytes/3000000") as response:
        sha256 = hashlib.sha256()
        while piece := await response.content.read(50_000):
            sha256.update(piece)
            async with session.get("/json") as other:
                assert other.status == 200
    assert sha256.hexdigest() == digest(3_000_000)


async def test_a_body_left_unread_costs_only_its_connection(session: ClientSession) -> None:
    async with session.get(f"/bytes/{LARGE}") as response:
        assert len(await response.content.read(10)) == 10
    with pytest.raises(ClientError):  # there is nothing left to read from
        await response.read()
    async with session.get("/json") as response:
        assert response.status == 200
