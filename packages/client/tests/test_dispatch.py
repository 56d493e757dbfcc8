"""The loop over hops: what a request carries, and what is left of it after a redirect."""

from __future__ import annotations

import asyncio
import io
import ssl
from typing import Any

import pytest
import trustme
from yarl import URL

import whimbrel
from whimbrel import (
    BasicAuth,
    ClientSession,
    ClientTimeout,
    CookieJar,
    DummyCookieJar,
    HttpVersion10,
    InvalidUrlClientError,
    NonHttpUrlClientError,
    Proxy,
    TCPConnector,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_automatic_fields(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession() as session, session.get(server.url + "path?q=1") as response:
        await response.read()
    head = server.requests[0].decode()
    assert head.startswith(f"GET /path?q=1 HTTP/1.1\r\nHost: {URL(server.url).authority}\r\n")
    assert (
        "\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nUser-Agent: Python/" in head
    )
    assert "Content-" not in head


async def test_fields_of_session_and_request(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession(
        headers={"X-One": "1", "X-Two": "2"}, skip_auto_headers=["User-Agent"]
    ) as session:
        async with session.get(
            server.url,
            headers=[("x-two", "b"), ("X-Two", "c"), ("Accept", "text/html")],
            skip_auto_headers=["Accept-Encoding"],
        ) as response:
            await response.read()
        lines = server.requests[0].decode().split("\r\n")[2:-2]
        assert lines == ["X-One: 1", "x-two: b", "X-Two: c", "Accept: text/html"]
        assert response.request_info.headers.getall("X-TWO") == ["b", "c"]
        assert session.headers["x-one"] == "1"


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nEvil: 1"}, {"X\r\nEvil": "1"}, {"X Y": "1"}, {"X": "nul\0"}]
)
async def test_header_injection(headers: dict[str, str]) -> None:
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="field"):
            await session.get("http://127.0.0.1:1/", headers=headers)


async def test_method_injection() -> None:
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="method"):
            await session.request("GET / HTTP/1.1\r\nX:", "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://", InvalidUrlClientError),
        ("http://h:99999/", InvalidUrlClientError),
        ("http://[::1/", InvalidUrlClientError),
        ("http://a b/", InvalidUrlClientError),
        ("/relative", NonHttpUrlClientError),
        ("ftp://example.org/", NonHttpUrlClientError),
    ],
)
async def test_urls_that_no_request_can_be_made_for(url: str, error: type[Exception]) -> None:
    async with ClientSession() as session:
        with pytest.raises(error):
            await session.get(url)


async def test_credentials_of_the_url_are_sent_but_not_in_the_target(raw_server: Any) -> None:
    server = await raw_server(OK)
    url = URL(server.url).with_user("user").with_password("secret")
    async with ClientSession() as session, session.get(url) as response:
        await response.read()
    assert b"Authorization: Basic dXNlcjpzZWNyZXQ=" in server.requests[0]
    assert b"user" not in server.requests[0]
    assert response.url == URL(server.url)


async def test_credentials_given_twice() -> None:
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="Cannot combine"):
            await session.get("http://a:b@127.0.0.1:1/", auth=BasicAuth("c", "d"))
        with pytest.raises(ValueError, match="Cannot combine"):
            await session.get(
                "http://127.0.0.1:1/", auth=BasicAuth("c", "d"), headers={"authorization": "x"}
            )


def redirect_to(location: str, status: int = 302, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\n{more}Content-Length: 4\r\n\r\ngone"
    ).encode()


async def test_secrets_stay_behind_at_a_change_of_origin_for_the_rest_of_the_chain(
    raw_server: Any,
) -> None:
    back = await raw_server(OK)
    away = await raw_server(redirect_to(back.url))
    home = await raw_server(redirect_to(away.url))
    async with (
        ClientSession(
            headers={"Authorization": "Bearer session", "X-Kept": "yes"},
            cookie_jar=DummyCookieJar(),
        ) as session,
        session.get(home.url, cookies={"own": "1"}) as response,
    ):
        assert [hop.status for hop in response.history] == [302, 302]
    assert b"Authorization: Bearer session" in home.requests[0]
    assert b"Cookie: own=1" in home.requests[0]
    for server in (away, back):
        assert b"Authorization" not in server.requests[0]
        assert b"Cookie" not in server.requests[0]
        assert b"X-Kept: yes" in server.requests[0]


async def test_redirect_reuses_the_connection_and_keeps_the_fragment(raw_server: Any) -> None:
    server = await raw_server(redirect_to("/next"), OK)
    async with ClientSession() as session, session.get(server.url + "#part") as response:
        assert await response.read() == b"ok"
    assert server.connections == 1
    assert str(response.real_url) == server.url + "next#part"
    assert str(response.url) == server.url + "next"
    assert await response.history[0].read() == b"gone"


async def test_redirect_with_a_body_larger_than_the_buffer(raw_server: Any) -> None:
    large = redirect_to("/next").replace(b"Content-Length: 4\r\n\r\ngone", b"")
    large += b"Content-Length: 60000\r\n\r\n" + bytes(60_000)
    server = await raw_server(large, OK)
    async with (
        ClientSession(read_bufsize=1000) as session,
        session.get(server.url, timeout=ClientTimeout(total=5)) as response,
    ):
        assert await response.read() == b"ok"
        assert await response.history[0].read() == bytes(60_000)
    assert server.connections == 1


async def test_redirect_with_a_body_that_is_cut_short(raw_server: Any) -> None:
    target = await raw_server(OK)
    location = target.url

    async def cut_to_target(reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(redirect_to(location)[:-2])
        writer.close()

    server = await raw_server(cut_to_target)
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.read() == b"ok"


async def test_redirect_that_needs_a_consumed_body(raw_server: Any) -> None:
    async def body() -> Any:
        yield b"once"

    server = await raw_server(redirect_to("/next", 307), OK)
    async with ClientSession() as session:
        with pytest.raises(whimbrel.ClientPayloadError, match="consumed request body"):
            await session.post(server.url, data=body())


async def test_redirect_sends_a_body_again(raw_server: Any) -> None:
    server = await raw_server(redirect_to("/next", 308), OK)
    async with ClientSession() as session, session.post(server.url, data=b"twice") as response:
        await response.read()
    assert [request.endswith(b"\r\n\r\ntwice") for request in server.requests] == [True, True]


async def test_cookies_are_kept_and_joined(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    async with ClientSession(cookie_jar=CookieJar(unsafe=True), cookies={"s": "0"}) as session:
        async with session.get(server.url) as response:
            assert {name: each.value for name, each in response.cookies.items()} == {
                "a": "1",
                "b": "2",
            }
        async with session.get(
            server.url, cookies={"a": "own"}, headers={"Cookie": "given=yes"}
        ) as response:
            await response.read()
    first, second = (_cookies(request) for request in server.requests)
    assert first == {"s=0"}
    assert second == {"s=0", "b=2", "a=own", "given=yes"}


def _cookies(request: bytes) -> set[str]:
    lines = [line for line in request.decode().split("\r\n") if line.startswith("Cookie: ")]
    assert len(lines) == 1
    return set(lines[0].removeprefix("Cookie: ").split("; "))


async def test_too_many_redirects(raw_server: Any) -> None:
    server = await raw_server(redirect_to("/again"))
    async with ClientSession() as session:
        with pytest.raises(whimbrel.TooManyRedirects, match="More than 3") as caught:
            await session.get(server.url, max_redirects=3)
        assert len(caught.value.history) == 4
        assert len(server.requests) == 4


async def test_http_1_0(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession(version=HttpVersion10) as session:
        async with session.get(server.url) as response:
            await response.read()
        with pytest.raises(ValueError, match="no chunked coding"):
            await session.post(server.url, data=b"x", chunked=True)
    assert server.requests[0].startswith(b"GET / HTTP/1.0\r\n")


async def test_force_close_says_so(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with (
        ClientSession(connector=TCPConnector(force_close=True)) as session,
        session.get(server.url) as response,
    ):
        await response.read()
    assert b"\r\nConnection: close\r\n" in server.requests[0]


async def test_credentials_of_the_url_win_over_the_sessions(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession(auth=BasicAuth("session")) as session:
        async with session.get(URL(server.url).with_user("url")) as response:
            await response.read()
        async with session.get(server.url, headers={"Authorization": "Bearer own"}) as response:
            await response.read()
    assert f"Authorization: {BasicAuth('url').encode()}".encode() in server.requests[0]
    assert server.requests[1].count(b"Authorization") == 1
    assert b"Authorization: Bearer own" in server.requests[1]


async def test_redirect_with_a_small_body_that_stalls(raw_server: Any) -> None:
    target = await raw_server(OK)
    location = target.url

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(redirect_to(location)[:-2])
        await reader.read()

    server = await raw_server(stall)
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.read() == b"ok"


async def test_iterable_body_is_not_sent_empty_the_second_time(raw_server: Any) -> None:
    class Drained:
        def __init__(self) -> None:
            self.pieces = [b"once"]

        async def __aiter__(self) -> Any:
            while self.pieces:
                yield self.pieces.pop()

    server = await raw_server(redirect_to("/next", 307), OK)
    async with ClientSession() as session:
        with pytest.raises(whimbrel.ClientPayloadError, match="consumed request body"):
            await session.put(server.url, data=Drained())
    assert len(server.requests) == 1


async def test_http_1_0_connections_are_not_kept_unless_asked_for(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession(version=HttpVersion10) as session:
        for fields in ({}, {}, {"Connection": "keep-alive"}, {}):
            async with session.get(server.url, headers=fields) as response:
                await response.read()
    assert server.connections == 3


async def test_file_that_grows_is_sent_as_announced(raw_server: Any) -> None:
    class Growing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            position = self.tell()
            self.seek(0, io.SEEK_END)
            self.write(b"more")
            self.seek(position)
            return super().read(size)

    server = await raw_server(OK)
    growing = Growing(b"file")
    async with ClientSession() as session, session.post(server.url, data=growing) as response:
        assert await response.read() == b"ok"
    assert server.requests[0].endswith(b"Content-Length: 4\r\n\r\nfile")


# Proxies


async def test_a_request_through_an_http_proxy_is_in_absolute_form(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with (
        ClientSession(proxy=server.url, proxy_auth=BasicAuth("u", "p")) as session,
        session.get("http://far.example/a?b#c", proxy_headers={"X-A": "1"}) as response,
    ):
        assert await response.read() == b"ok"
    lines = server.requests[0].decode().split("\r\n")
    assert lines[:2] == ["GET http://far.example/a?b HTTP/1.1", "Host: far.example"]
    assert lines[-4:-2] == ["X-A: 1", "Proxy-Authorization: Basic dTpw"]


async def test_a_request_through_an_https_proxy_is_in_absolute_form() -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await reader.read()
        writer.close()

    authority = trustme.CA()
    proxys, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(proxys)
    authority.configure_trust(ours)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=proxys) as server:
        port = server.sockets[0].getsockname()[1]
        proxy = Proxy.from_url(f"https://u:p@127.0.0.1:{port}", ssl=ours)
        async with (
            ClientSession() as session,
            session.get("http://far.example/a", proxy=proxy) as response,
        ):
            assert await response.read() == b"ok"
            assert response.timings.proxy is not None
            assert response.timings.tls is None
    assert heads[0].startswith(b"GET http://far.example/a HTTP/1.1\r\nHost: far.example\r\n")
    assert b"\r\nProxy-Authorization: Basic dTpw\r\n" in heads[0]


async def test_a_request_through_a_socks_proxy_is_in_origin_form() -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(4) == bytes([5, 2, 0, 2])
        writer.write(bytes([5, 2]))
        assert await reader.readexactly(5) == bytes([1, 1]) + b"u" + bytes([1]) + b"p"
        writer.write(bytes([1, 0]))
        asked = bytes([5, 1, 0, 3, 11]) + b"far.example" + bytes([0, 80])
        assert await reader.readexactly(len(asked)) == asked
        writer.write(bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with (
            ClientSession(proxy=f"socks5h://u:p@127.0.0.1:{port}") as session,
            session.get("http://far.example/a?b") as response,
        ):
            assert await response.read() == b"ok"
    assert heads[0].startswith(b"GET /a?b HTTP/1.1\r\nHost: far.example\r\n")
    assert b"Proxy-Authorization" not in heads[0]
