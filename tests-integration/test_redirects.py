"""Redirects: RFC 9110 15.4, and what must not cross to another origin."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from whimbrel import (
    ClientSession,
    CookieJar,
    InvalidUrlRedirectClientError,
    NonHttpUrlRedirectClientError,
    TooManyRedirects,
)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"),
        (302, "GET", "GET"),
        (303, "GET", "GET"),
        (307, "GET", "GET"),
        (308, "GET", "GET"),
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "PUT", "PUT"),
        (308, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
    ],
)
async def test_method_and_body(session: ClientSession, status: int, method: str, then: str) -> None:
    data = b"body" if method in {"POST", "PUT"} else None
    async with session.request(
        method, f"/redirect-to?url=/echo&status={status}", data=data
    ) as response:
        seen = await response.json()
        assert [each.status for each in response.history] == [status]
    assert seen["method"] == then
    assert seen["length"] == (4 if data and then == method else 0)


async def test_a_chain_with_cookies_along_the_way(peer: Any, trust: Any) -> None:
    async with (
        ClientSession(peer.url, cookie_jar=CookieJar(unsafe=True)) as session,
        session.get("/redirect/3", ssl=trust) as response,
    ):
        assert [each.status for each in response.history] == [302, 302, 302]
        assert response.url.path == "/cookies"
        assert await response.json() == {"hop-1": "seen", "hop-2": "seen", "hop-3": "seen"}


async def test_redirects_can_be_left_to_the_caller(session: ClientSession) -> None:
    async with session.get("/redirect/1", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/cookies")
        assert response.history == ()


async def test_too_many(session: ClientSession) -> None:
    with pytest.raises(TooManyRedirects) as caught:
        await session.get("/redirect/20", max_redirects=5)
    assert len(caught.value.history) == 6  # five were followed, the sixth is one too many


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://", InvalidUrlRedirectClientError),
        ("http://a:99999999/", InvalidUrlRedirectClientError),
        ("ftp://localhost/x", NonHttpUrlRedirectClientError),
    ],
)
async def test_locations_that_cannot_be_followed(
    session: ClientSession, location: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        await session.get(f"/redirect-to?url={quote(location, safe='')}")


async def test_credentials_stay_with_their_origin(
    session: ClientSession, peer: Any, plain: Any
) -> None:
    """Another port is another origin: Authorization and the request's cookies do not go there."""
    secrets = {"Authorization": "Basic YTpi", "Cookie": "secret=1", "X-Kept": "yes"}
    there = quote(f"{plain.url}/echo", safe="")
    async with session.get(f"/redirect-to?url={there}", headers=secrets) as response:
        names = {name.lower() for name, _ in (await response.json())["headers"]}
    assert "x-kept" in names
    assert not names & {"authorization", "cookie"}
    async with session.get("/redirect-to?url=/echo", headers=secrets) as response:
        names = {name.lower() for name, _ in (await response.json())["headers"]}
    assert "authorization" in names
