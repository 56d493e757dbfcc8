"""Servers that misbehave: which exception, that it says what happened, that the pool is clean."""

from __future__ import annotations

import asyncio

import pytest

from tools.webapp.expectations import assert_still_works, assert_tells, fetch
from tools.webapp.faults import (
    answer_each,
    answer_then_close,
    answer_then_hold,
    deaf_port,
    raw_server,
    reset,
)
from tools.webapp.processes import free_port
from whimbrel import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientOSError,
    ClientPayloadError,
    ClientResponseError,
    ClientSession,
    ServerDisconnectedError,
    TCPConnector,
)
from whimbrel_connector.testing import ScriptedResolver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_refused(lone: ClientSession) -> None:
    port = free_port()
    with pytest.raises(ClientConnectorError) as caught:
        await fetch(lone, f"http://127.0.0.1:{port}/")
    assert_tells(caught.value, "127.0.0.1", str(port))
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)
    assert isinstance(caught.value.os_error, ConnectionRefusedError)
    await assert_still_works(lone)


async def test_unknown_host() -> None:
    async with ClientSession(connector=TCPConnector(resolver=ScriptedResolver({}))) as session:
        with pytest.raises(ClientConnectorDNSError) as caught:
            await fetch(session, "http://whimbrel.test/")
        assert_tells(caught.value, "whimbrel.test", "does not exist")
        await assert_still_works(session)


async def test_a_resolver_of_ones_own() -> None:
    async with (
        raw_server(answer_each(OK)) as server,
        ClientSession(
            connector=TCPConnector(resolver=ScriptedResolver({"whimbrel.test": ["127.0.0.1"]}))
        ) as session,
    ):
        assert await fetch(session, f"http://whimbrel.test:{server.port}/") == b"ok"


BAD_HEADS = {
    "not HTTP": b"220 mail.example ESMTP\r\n\r\n",
    "another version": b"HTTP/3.7 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "field without colon": b"HTTP/1.1 200 OK\r\nContent-Length 0\r\n\r\n",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "field without a name": b"HTTP/1.1 200 OK\r\n: 0\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "signed length": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    "length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
    "endless field": b"HTTP/1.1 200 OK\r\nA: " + b"a" * 200_000 + b"\r\n\r\n",
    "endless fields": b"HTTP/1.1 200 OK\r\n" + b"A: a\r\n" * 100_000 + b"\r\n",
}


@pytest.mark.parametrize("answer", BAD_HEADS.values(), ids=BAD_HEADS)
@pytest.mark.parametrize("ending", [answer_then_close, answer_then_hold])
async def test_malformed_heads(lone: ClientSession, answer: bytes, ending: object) -> None:
    handler = answer_then_close if ending is answer_then_close else answer_then_hold
    async with raw_server(handler(answer)) as server:
        with pytest.raises(ClientResponseError) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value, server.url)
    assert caught.value.message
    await assert_still_works(lone)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD_BODIES = {
    "chunk size that is no number": CHUNKED + b"xyz\r\nabc\r\n0\r\n\r\n",
    "chunk size with a sign": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "chunk size with 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "endless chunk size": CHUNKED + b"0" * 200_000 + b"3\r\nabc\r\n0\r\n\r\n",
    "endless extension": CHUNKED + b"3;" + b"x" * 200_000 + b"\r\nabc\r\n0\r\n\r\n",
    "endless trailers": CHUNKED + b"0\r\n" + b"A: a\r\n" * 100_000 + b"\r\n",
    "gzip that is none": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n"
    b"not gzip!",
}


@pytest.mark.parametrize("answer", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_malformed_bodies(lone: ClientSession, answer: bytes) -> None:
    async with raw_server(answer_then_hold(answer)) as server:
        with pytest.raises(ClientPayloadError) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value)
    await assert_still_works(lone)


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


@pytest.mark.parametrize("received", [b"", b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
async def test_closed_before_or_in_the_head(lone: ClientSession, received: bytes) -> None:
    async with raw_server(answer_then_close(received)) as server:
        with pytest.raises(ServerDisconnectedError) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value)
    await assert_still_works(lone)


@pytest.mark.parametrize(
    "received",
    [LENGTH, LENGTH + b"12345", CHUNKED, CHUNKED + b"3", CHUNKED + b"3\r\na",
     CHUNKED + b"3\r\nabc\r\n", CHUNKED + b"3\r\nabc\r\n0\r\n"],
)  # fmt: skip
async def test_closed_in_the_body(lone: ClientSession, received: bytes) -> None:
    async with raw_server(answer_then_close(received)) as server:
        with pytest.raises(ClientPayloadError) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value)
    await assert_still_works(lone)


async def test_a_body_without_a_length_ends_with_the_connection(lone: ClientSession) -> None:
    async with raw_server(answer_then_close(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as server:
        assert await fetch(lone, server.url) == b"all of it"
    await assert_still_works(lone)


async def test_reset_before_the_head(lone: ClientSession) -> None:
    async with raw_server(reset()) as server:
        with pytest.raises(ClientOSError) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value)
    assert isinstance(caught.value, ConnectionResetError) or caught.value.errno is not None
    await assert_still_works(lone)


@pytest.mark.parametrize("received", [LENGTH + b"12345", CHUNKED + b"3\r\na"])
async def test_reset_in_the_body(lone: ClientSession, received: bytes) -> None:
    async with raw_server(reset(received)) as server:
        with pytest.raises((ClientPayloadError, ClientOSError)) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value)
    await assert_still_works(lone)


async def test_interim_responses_are_passed_over(lone: ClientSession) -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with raw_server(answer_each(interim + OK)) as server:
        for _ in range(2):
            assert await fetch(lone, server.url) == b"ok"
        assert server.connections == 1


async def test_nobody_answers_the_connection(lone: ClientSession) -> None:
    """The caller's own timeout ends a connection attempt as well."""
    with deaf_port() as port, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await fetch(lone, f"http://127.0.0.1:{port}/")
    await assert_still_works(lone)
