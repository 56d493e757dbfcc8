"""The session: its defaults, what requests may change, and its end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from yarl import URL

import whimbrel
from whimbrel import (
    BasicAuth,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    CookieJar,
    DummyCookieJar,
    HttpVersion10,
    InvalidUrlClientError,
    NonHttpUrlClientError,
    TCPConnector,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_automatic_fields(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession() as session, session.get(server.url + "path?q=1") as response:
        await response.read()
    head = server.requests[0].decode()
    assert head.startswith(f"GET /path?q=1 HTTP/1.1\r\nHost: {URL(server.url).authority}\r\n")
    assert "\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: Python/" in head
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
    ("method", "length"),
    [
        ("get", None),
        ("head", None),
        ("options", None),
        ("post", "0"),
        ("put", "0"),
        ("patch", "0"),
        ("delete", "0"),
    ],
)
async def test_verbs(raw_server: Any, method: str, length: str | None) -> None:
    server = await raw_server(b"HTTP/1.1 204 No Content\r\n\r\n")
    async with ClientSession() as session:
        response = await getattr(session, method)(server.url)
        assert response.method == method.upper()
        assert await response.read() == b""
    head = server.requests[0].decode()
    assert head.startswith(f"{method.upper()} / HTTP/1.1\r\n")
    assert ("Content-Length: 0" in head) is (length == "0")


async def test_json_is_serialized_by_the_session(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with (
        ClientSession(json_serialize=lambda value: json.dumps(value, indent=1)) as session,
        session.post(server.url, json={"a": 1}) as response,
    ):
        await response.read()
    assert server.requests[0].endswith(
        b'Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{\n "a": 1\n}'
    )


async def test_data_and_json_exclude_each_other(raw_server: Any) -> None:
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="data and json"):
            await session.post("http://127.0.0.1/", json={}, data=b"x")


async def test_unknown_option() -> None:
    async with ClientSession() as session:
        with pytest.raises(TypeError, match=r"Unknown request option.*timeuot"):
            await session.get("http://127.0.0.1/", timeuot=3)  # type: ignore[call-arg]  # on purpose


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
        ("/relative", NonHttpUrlClientError),
        ("ftp://example.org/", NonHttpUrlClientError),
    ],
)
async def test_urls_that_no_request_can_be_made_for(url: str, error: type[Exception]) -> None:
    async with ClientSession() as session:
        with pytest.raises(error):
            await session.get(url)


async def test_base_url(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession(server.url + "v1/") as session:
        for url in ("items", "/root", server.url + "absolute"):
            async with session.get(url) as response:
                await response.read()
    targets = [request.split(b" ")[1] for request in server.requests]
    assert targets == [b"/v1/items", b"/root", b"/absolute"]


@pytest.mark.parametrize("url", ["/v1/", "http://127.0.0.1/v1"])
async def test_base_url_that_cannot_be_one(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        ClientSession(url)


async def test_session_credentials_go_to_the_base_url_only(raw_server: Any) -> None:
    mine, other = await raw_server(OK), await raw_server(OK)
    async with ClientSession(mine.url, auth=BasicAuth("user", "secret")) as session:
        for url in (mine.url, other.url):
            async with session.get(url) as response:
                await response.read()
    assert b"Authorization: Basic dXNlcjpzZWNyZXQ=" in mine.requests[0]
    assert b"Authorization" not in other.requests[0]


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


async def test_raise_for_status_of_the_session_and_of_a_request(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 404 Not Here\r\nContent-Length: 0\r\n\r\n")
    seen = []

    async def check(response: ClientResponse) -> None:
        seen.append(response.status)
        raise LookupError

    async with ClientSession(raise_for_status=True) as session:
        with pytest.raises(whimbrel.ClientResponseError, match="404, message='Not Here'"):
            await session.get(server.url)
        async with session.get(server.url, raise_for_status=False) as response:
            assert not response.ok
        with pytest.raises(LookupError):
            await session.get(server.url, raise_for_status=check)
    assert seen == [404]


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


async def test_limits_of_the_head(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20 + b"Content-Length: 0\r\n\r\n"
    )
    async with ClientSession(max_headers=10) as session:
        with pytest.raises(whimbrel.ClientResponseError, match="fields"):
            await session.get(server.url)
    async with ClientSession(max_headers=30) as session, session.get(server.url) as response:
        assert len(response.raw_headers) == 21


async def test_function_request_closes_its_session(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with whimbrel.request("GET", server.url) as response:
        assert await response.text() == "ok"
    with pytest.raises(whimbrel.ClientConnectorError):
        async with whimbrel.request("GET", "http://127.0.0.1:1/"):
            pytest.fail("nothing listens there")


async def test_close_and_detach(raw_server: Any) -> None:
    server = await raw_server(OK)
    connector = TCPConnector()
    session = ClientSession(connector=connector)
    async with session.get(server.url) as response:
        await response.read()
    session.detach()
    assert (session.closed, connector.closed, session.connector) == (True, False, None)
    with pytest.raises(RuntimeError, match="Session is closed"):
        await session.get(server.url)
    async with (
        ClientSession(connector=connector, connector_owner=False) as second,
        second.get(server.url) as response,
    ):
        await response.read()
    assert (second.closed, connector.closed) == (True, False)
    await connector.close()
    assert server.connections == 1


async def test_close_ends_requests_under_way(raw_server: Any) -> None:
    reached = asyncio.Event()

    async def reach(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    server = await raw_server(reach)
    session = ClientSession()

    async def get() -> None:
        await session.get(server.url)

    task = asyncio.create_task(get())
    await reached.wait()
    await session.close()
    with pytest.raises(whimbrel.ClientConnectionError):
        await task


def test_another_loop() -> None:
    session = ClientSession()

    async def use() -> None:
        with pytest.raises(whimbrel.ClientConnectorError):
            await session.get("http://127.0.0.1:1/")

    async def use_again() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await session.get("http://127.0.0.1:1/")

    async def close() -> None:
        await session.close()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(use())
        second.run(use_again())
        first.run(close())


def test_unclosed_session_warns_where_it_was_made() -> None:
    session = ClientSession()
    with pytest.warns(ResourceWarning, match=r"test_session\.py"):
        del session


async def test_attributes() -> None:
    timeout = ClientTimeout(total=1)
    async with ClientSession(
        timeout=timeout, skip_auto_headers=["Accept"], auth=BasicAuth("a"), raise_for_status=True
    ) as session:
        assert session.timeout is timeout
        assert session.skip_auto_headers == {"Accept"}
        assert session.auth == BasicAuth("a")
        assert session.raise_for_status is True
        assert session.auto_decompress is True
        assert session.connector_owner is True
        assert session.requote_redirect_url is True
        assert session.json_serialize is json.dumps
        assert session.version == (1, 1)
        assert isinstance(session.connector, TCPConnector)
        assert isinstance(session.cookie_jar, CookieJar)
        assert not session.closed
    assert session.closed
