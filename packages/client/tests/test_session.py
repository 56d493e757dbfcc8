"""The session: its defaults, what requests may change, and its end."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

import pytest

import whimbrel
from whimbrel import (
    BasicAuth,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    CookieJar,
    InvalidUrlClientError,
    TCPConnector,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


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
            async with session.get(url, auth=None) as response:  # as wrappers say it
                await response.read()
    for mine_request, other_request in zip(mine.requests, other.requests, strict=True):
        assert b"Authorization: Basic dXNlcjpzZWNyZXQ=" in mine_request
        assert b"Authorization" not in other_request


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


async def test_request_can_be_a_task(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession() as session:
        response = await asyncio.create_task(session.get(server.url))
        assert await response.read() == b"ok"
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(session.get(server.url)) for _ in range(3)]
        for task in tasks:
            assert await task.result().read() == b"ok"


async def test_function_request_is_for_async_with_only() -> None:
    context = whimbrel.request("GET", "http://127.0.0.1:1/")
    assert not inspect.isawaitable(context)
    with pytest.raises(whimbrel.ClientConnectorError):
        await context.__aenter__()


async def test_timeout_may_be_a_number_of_seconds(raw_server: Any) -> None:
    async with ClientSession(timeout=5) as session:
        assert session.timeout == ClientTimeout(total=5)
    with pytest.raises(TypeError, match="timeout is str"):
        ClientSession(timeout="5")  # type: ignore[arg-type]  # on purpose


async def test_zero_is_no_limit_in_every_timeout(raw_server: Any) -> None:
    server = await raw_server(OK)
    none = ClientTimeout(total=0, connect=0, sock_connect=0, sock_read=0)
    async with ClientSession(timeout=none) as session, session.get(server.url) as response:
        assert await response.read() == b"ok"


async def test_password_of_an_invalid_url_is_not_shown() -> None:
    async with ClientSession() as session:
        with pytest.raises(InvalidUrlClientError) as caught:
            await session.get("http://user:secret@host:99999999/")
    assert "secret" not in str(caught.value)
    assert "host:99999999" in str(caught.value)


@pytest.mark.parametrize("ssl", ["x", 1, 0, object()])
async def test_ssl_that_is_nothing_of_the_kind(ssl: Any) -> None:
    async with ClientSession() as session:
        with pytest.raises(TypeError, match="ssl"):
            await session.get("https://127.0.0.1:1/", ssl=ssl)
