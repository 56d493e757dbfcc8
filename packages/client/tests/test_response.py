"""The response: its head, its body as bytes, text and JSON, its timings."""

from __future__ import annotations

from typing import Any

import pytest

from whimbrel import (
    ClientConnectionError,
    ClientResponseError,
    ClientSession,
    ContentTypeError,
    HttpVersion11,
)


def answer(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def test_head(raw_server: Any) -> None:
    server = await raw_server(answer(b"", "X-A: 1", "x-a: 2", status="201 Made"))
    async with ClientSession() as session, session.get(server.url) as response:
        assert (response.status, response.reason, response.ok) == (201, "Made", True)
        assert response.version == HttpVersion11
        assert response.headers.getall("X-A") == ["1", "2"]
        assert response.raw_headers[:2] == ((b"X-A", b"1"), (b"x-a", b"2"))
        assert response.request_info.method == response.method == "GET"
        assert response.host == "127.0.0.1"
        assert "201 Made" in repr(response)


@pytest.mark.parametrize(
    ("field", "body", "text"),
    [
        ("Content-Type: text/plain; charset=latin-1", b"\xfc", "ü"),
        ("Content-Type: text/plain", b"\xc3\xbc", "ü"),
        ("Content-Type: text/plain; charset=no-such", b"\xc3\xbc", "ü"),
        ("Content-Type: text/plain; charset=hex", b"\xc3\xbc", "ü"),
        ("Content-Type: application/json", b"\xc3\xbc", "ü"),
        ("X: y", b"\xc3\xbc", "ü"),
    ],
)
async def test_text(raw_server: Any, field: str, body: bytes, text: str) -> None:
    server = await raw_server(answer(body, field))
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.text() == text


async def test_fallback_charset_is_asked_for_with_the_body(raw_server: Any) -> None:
    server = await raw_server(answer(b"\xfc"))
    seen = []

    def resolve(response: Any, body: bytes) -> str:
        seen.append(body)
        return "latin-1"

    async with (
        ClientSession(fallback_charset_resolver=resolve) as session,
        session.get(server.url) as response,
    ):
        with pytest.raises(RuntimeError, match="not yet read"):
            response.get_encoding()
        assert await response.text() == "ü"
        assert await response.text("cp1252") == "ü"
    assert seen == [b"\xfc"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.a+json"],
)
async def test_json(raw_server: Any, content_type: str) -> None:
    server = await raw_server(answer(b' {"a": 1} ', f"Content-Type: {content_type}"))
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.json() == {"a": 1}
        assert await response.json(loads=len) == 8


async def test_json_that_is_empty_or_of_another_type(raw_server: Any) -> None:
    server = await raw_server(
        answer(b" \r\n", "Content-Type: application/json"),
        answer(b"{}", "Content-Type: text/html"),
        answer(b"{}"),
    )
    async with ClientSession() as session:
        async with session.get(server.url) as response:
            assert await response.json() is None
        async with session.get(server.url) as response:
            with pytest.raises(ContentTypeError, match="text/html") as caught:
                await response.json()
            assert caught.value.status == 200
            assert await response.json(content_type=None) == {}
            assert await response.json(content_type="text/html") == {}
        async with session.get(server.url) as response:
            with pytest.raises(ContentTypeError, match="no Content-Type"):
                await response.json()


async def test_body_is_read_once_and_kept(raw_server: Any) -> None:
    server = await raw_server(answer(b"body"))
    async with ClientSession() as session:
        async with session.get(server.url) as response:
            assert await response.read() is await response.read()
        assert await response.read() == b"body"


async def test_closed_response(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1")
    async with ClientSession() as session:
        response = await session.get(server.url)
        before = response.closed
        assert response.connection is not None
        response.close()
        assert (before, response.closed) == (False, True)
        with pytest.raises(ClientConnectionError, match="closed"):
            await response.read()


async def test_raise_for_status(raw_server: Any) -> None:
    server = await raw_server(answer(b"no", "X-Why: because", status="403 Forbidden"))
    async with ClientSession() as session, session.get(server.url) as response:
        with pytest.raises(ClientResponseError) as caught:
            response.raise_for_status()
        assert (caught.value.status, caught.value.message) == (403, "Forbidden")
        assert caught.value.headers is not None
        assert caught.value.headers["x-why"] == "because"
        assert caught.value.request_info.url == response.url


async def test_timings(raw_server: Any) -> None:
    server = await raw_server(answer(b"body"))
    async with ClientSession() as session:
        async with session.get(server.url) as response:
            await response.read()
            first = response.timings
        async with session.get(server.url) as response:
            await response.read()
            second = response.timings
    assert not first.reused
    assert first.connect is not None
    assert first.connect > 0
    assert first.tls is None
    assert first.transfer is not None
    assert first.total is not None
    assert first.total >= first.connect + first.first_byte + first.transfer
    assert second.reused
    assert (second.dns, second.connect) == (None, None)


async def test_reason_phrase_may_be_empty(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n")
    async with ClientSession() as session, session.get(server.url) as response:
        assert response.reason == ""


async def test_lines_are_bounded_by_the_buffer(raw_server: Any) -> None:
    line = bytes(100_000).replace(b"\0", b"x") + b"\n"
    server = await raw_server(answer(line))
    async with ClientSession(read_bufsize=2**16) as session:
        async with session.get(server.url) as response:
            assert await response.content.readline() == line
        async with session.get(server.url, read_bufsize=1000) as response:
            with pytest.raises(ValueError, match="within 65536 bytes"):
                await response.content.readline()
            assert await response.content.read() == line
