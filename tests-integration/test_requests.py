"""Requests as the server sees them, and responses as the caller does."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from multidict import MultiDict

from whimbrel import (
    BasicAuth,
    ClientResponseError,
    ClientSession,
    ContentTypeError,
    CookieJar,
)

BODY = b"the quick brown fox\n" * 1000


async def echo(session: ClientSession, method: str = "POST", **options: Any) -> dict[str, Any]:
    async with session.request(method, "/echo", **options) as response:
        assert response.status == 200
        seen: dict[str, Any] = await response.json()
        return seen


def values(seen: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in seen["headers"] if key.lower() == name]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_reaches_the_application(session: ClientSession, method: str) -> None:
    call = getattr(session, method.lower())
    async with call("/echo") as response:
        assert response.method == method
        assert (await response.json())["method"] == method


async def test_a_method_of_ones_own(session: ClientSession) -> None:
    assert (await echo(session, "PURGE"))["method"] == "PURGE"


async def test_params_are_merged_into_the_query(session: ClientSession) -> None:
    async with session.get("/echo?a=1", params=[("b", "2"), ("b", "3 4"), ("ü", "&=")]) as response:
        query = (await response.json())["query"]
    assert query == "a=1&b=2&b=3+4&%C3%BC=%26%3D"


async def test_headers_are_sent_and_repeated(session: ClientSession) -> None:
    headers = MultiDict([("X-Bird", "whimbrel"), ("X-Bird", "curlew"), ("User-Agent", "tests/1")])
    seen = await echo(session, headers=headers)
    # A server may join the lines of one field by a comma (RFC 9110 5.3).
    assert ", ".join(values(seen, "x-bird")) == "whimbrel, curlew"
    assert values(seen, "user-agent") == ["tests/1"]
    assert values(seen, "accept") == ["*/*"]
    assert len(values(seen, "host")) == 1


async def test_automatic_headers_can_be_left_out(session: ClientSession) -> None:
    seen = await echo(session, skip_auto_headers=["User-Agent", "Accept", "Accept-Encoding"])
    for name in ("user-agent", "accept", "accept-encoding"):
        assert values(seen, name) == []


async def pieces() -> AsyncIterator[bytes]:
    for start in range(0, len(BODY), 777):
        yield BODY[start : start + 777]


@pytest.mark.parametrize(
    ("kind", "content_type", "framing"),
    [
        ("bytes", "application/octet-stream", "content-length"),
        ("bytearray", "application/octet-stream", "content-length"),
        ("str", "text/plain; charset=utf-8", "content-length"),
        ("file", "application/octet-stream", "content-length"),
        ("generator", "application/octet-stream", "transfer-encoding"),
    ],
)
async def test_bodies_of_every_kind_arrive_whole(
    session: ClientSession, kind: str, content_type: str, framing: str
) -> None:
    data: Any = {
        "bytes": BODY,
        "bytearray": bytearray(BODY),
        "str": BODY.decode(),
        "file": io.BytesIO(BODY),
        "generator": pieces(),
    }[kind]
    seen = await echo(session, data=data)
    assert (seen["length"], seen["sha256"]) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert values(seen, "content-type") == [content_type]
    assert values(seen, framing) != []


async def test_chunked_can_be_asked_for(session: ClientSession) -> None:
    seen = await echo(session, data=BODY, chunked=True)
    assert values(seen, "transfer-encoding") == ["chunked"]
    assert values(seen, "content-length") == []
    assert seen["length"] == len(BODY)


async def test_a_dict_is_sent_as_a_form(session: ClientSession) -> None:
    async with session.post("/mirror", data={"a": "1 2", "b": "ü"}) as response:
        assert response.content_type == "application/x-www-form-urlencoded"
        assert await response.read() == b"a=1+2&b=%C3%BC"


async def test_json_goes_out_and_comes_back(session: ClientSession) -> None:
    value = {"birds": ["whimbrel", "ǔ"], "count": 2, "none": None}
    async with session.post("/mirror", json=value) as response:
        assert response.content_type == "application/json"
        assert await response.json() == value


async def test_json_of_another_type_is_refused(session: ClientSession) -> None:
    async with session.get("/status/200") as response:
        with pytest.raises(ContentTypeError, match="text/plain"):
            await response.json()


async def test_what_a_response_says_of_itself(session: ClientSession) -> None:
    async with session.get("/json?x=1#part") as response:
        assert (response.status, response.ok) == (200, True)
        assert response.reason in {"OK", ""}  # hypercorn sends none, as RFC 9112 4 allows
        assert response.version is not None
        assert (response.version.major, response.version.minor) == (1, 1)
        assert response.headers["CONTENT-TYPE"] == response.headers["content-type"]
        assert (response.content_type, response.charset) == ("application/json", "utf-8")
        assert response.url.path_qs == "/json?x=1"
        assert response.real_url.fragment == "part"
        assert response.request_info.method == "GET"
        assert response.history == ()
        assert any(name.lower() == b"content-type" for name, _ in response.raw_headers)


async def test_head_has_the_head_and_no_body(session: ClientSession) -> None:
    async with session.head("/bytes/1000") as response:
        assert response.headers["Content-Length"] == "1000"
        assert await response.read() == b""
    async with session.get("/json") as response:  # the connection is still in step
        assert response.status == 200


@pytest.mark.parametrize("status", [204, 304])
async def test_responses_without_a_body(session: ClientSession, status: int) -> None:
    async with session.get(f"/status/{status}") as response:
        assert (response.status, await response.read()) == (status, b"")
    async with session.get("/json") as response:
        assert response.status == 200


async def test_a_conditional_request(session: ClientSession) -> None:
    async with session.get("/etag") as response:
        assert response.status == 200
        tag = response.headers["ETag"]
    async with session.get("/etag", headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_raise_for_status(session: ClientSession, status: int) -> None:
    async with session.get(f"/status/{status}") as response:
        assert not response.ok
        with pytest.raises(ClientResponseError) as caught:
            response.raise_for_status()
    assert caught.value.status == status
    assert caught.value.message == response.reason
    assert caught.value.request_info.method == "GET"
    with pytest.raises(ClientResponseError, match=str(status)):
        await session.get(f"/status/{status}", raise_for_status=True)


async def test_basic_auth(session: ClientSession) -> None:
    path = "/basic-auth/bird/wader"
    async with session.get(path) as response:
        assert response.status == 401
        assert "Basic" in response.headers["WWW-Authenticate"]
    auth = BasicAuth("bird", "wader")
    for options in ({"auth": auth}, {"headers": {"Authorization": auth.encode()}}):
        async with session.get(path, **options) as response:
            assert await response.json() == {"user": "bird"}


async def test_credentials_in_the_url(lone: ClientSession, plain: Any) -> None:
    url = plain.url.replace("://", "://bird:wader@") + "/basic-auth/bird/wader"
    async with lone.get(url) as response:
        assert await response.json() == {"user": "bird"}
    assert (response.url.user, response.url.password) == (None, None)


async def test_cookies_come_back(peer: Any, trust: Any) -> None:
    async with ClientSession(peer.url, cookie_jar=CookieJar(unsafe=True)) as session:
        async with session.get("/cookies/set?bird=whimbrel", ssl=trust) as response:
            assert response.cookies["bird"].value == "whimbrel"
        async with session.get("/cookies", cookies={"once": "only"}, ssl=trust) as response:
            assert await response.json() == {"bird": "whimbrel", "once": "only"}
        async with session.get("/cookies", ssl=trust) as response:
            assert await response.json() == {"bird": "whimbrel"}
