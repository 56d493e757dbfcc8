from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from whimbrel.content import NO_CONTENT, Content
from whimbrel.http_version import HttpVersion10, HttpVersion11
from whimbrel.options import RequestOptions
from whimbrel.payload import BytesPayload
from whimbrel.request import ClientRequest, RequestInfo
from whimbrel_connector import Endpoint

ENDPOINT = Endpoint("example.com", 80, False)
FIELDS = [("Host", "example.com"), ("X-A", "1"), ("x-a", "2")]


def request(url: str = "http://example.com/x?y#z", **given: Any) -> ClientRequest:
    parts: dict[str, Any] = {
        "endpoint": ENDPOINT,
        "target": "/x?y",
        "fields": FIELDS.copy(),
        "options": RequestOptions(),
        "content": NO_CONTENT,
        "version": HttpVersion11,
    }
    return ClientRequest(given.pop("method", "GET"), URL(url), **(parts | given))


def test_a_request_has_what_it_is_made_of() -> None:
    body = BytesPayload(b"abc")
    made = request(method="POST", content=Content(body, 3, "gzip", ()))
    assert (made.method, made.url, made.target) == ("POST", URL("http://example.com/x?y#z"), "/x?y")
    assert (made.body, made.length, made.coding) == (body, 3, "gzip")
    assert made.endpoint is ENDPOINT
    assert repr(made) == "<ClientRequest(POST http://example.com/x?y#z)>"


def test_its_headers_are_a_copy() -> None:
    made = request()
    headers = made.headers
    assert headers.getall("X-a") == ["1", "2"]
    headers.clear()
    assert made.fields == FIELDS
    assert len(made.headers) == 3


@pytest.mark.parametrize("url", ["http://example.com/x", "http://example.com/x#z"])
def test_its_facts_outlive_it(url: str) -> None:
    made = request(url)
    info = made.request_info
    assert info.url == URL("http://example.com/x")
    assert info.real_url == URL(url)
    assert info.method == "GET"
    made.fields.clear()
    assert list(info.headers.items()) == FIELDS


def test_the_facts_pickle() -> None:
    info = request().request_info
    for again in (pickle.loads(pickle.dumps(info)), copy.deepcopy(info), copy.copy(info)):
        assert again == info
        assert type(again) is RequestInfo
        assert type(again.headers) is CIMultiDictProxy
        assert list(again.headers.items()) == FIELDS


def test_the_facts_are_a_named_tuple() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"a": "1"}))
    url, method, fields, real_url = RequestInfo(URL("/a"), "GET", headers, URL("/a#b"))
    assert (url, method, fields, real_url) == (URL("/a"), "GET", headers, URL("/a#b"))


@pytest.mark.parametrize("version", [HttpVersion10, HttpVersion11])
def test_its_head_goes_over_the_wire(version: Any) -> None:
    assert request(version=version).serialize() == (
        f"GET /x?y HTTP/{version.major}.{version.minor}\r\n"
        "Host: example.com\r\nX-A: 1\r\nx-a: 2\r\n\r\n"
    ).encode("ascii")


@pytest.mark.parametrize(
    "given",
    [
        {"method": "GET /evil HTTP/1.1\r\nX:"},
        {"method": "G ET"},
        {"method": ""},
        {"method": "GÉT"},
        {"target": "/x HTTP/1.1\r\nX: y"},
        {"target": "/a b"},
        {"target": "/é"},
        {"target": ""},
        {"fields": [("X", "a\r\nY: b")]},
        {"fields": [("X", "a\nb")]},
        {"fields": [("X", "a\x00b")]},
        {"fields": [("X\r\nY", "a")]},
        {"fields": [("X:", "a")]},
        {"fields": [("", "a")]},
        {"fields": [("X Y", "a")]},
        {"fields": [("X", "z" * 10_000 + "\r")]},
    ],
)
def test_what_cannot_be_expressed_in_http_is_an_error(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        request(**given).serialize()
    assert len(str(caught.value)) < 300


def test_another_version_is_an_error() -> None:
    with pytest.raises(ValueError, match="version"):
        request(version=(2, 0)).serialize()


@pytest.mark.parametrize(
    ("values", "closes"),
    [
        ([], False),
        (["close"], True),
        (["Close"], True),
        (["keep-alive"], False),
        (["keep-alive, close"], True),
        (["keep-alive", " CLOSE "], True),
        (["TE,close"], True),
        (["closed"], False),
        ([""], False),
    ],
)
def test_it_may_ask_for_its_connection_to_be_closed(values: list[str], closes: bool) -> None:
    assert request(fields=[("connection", value) for value in values]).closes is closes


@pytest.mark.parametrize(
    ("values", "closes"),
    [([], True), (["keep-alive"], False), (["Keep-Alive, TE"], False), (["close"], True)],
)
def test_in_http_1_0_it_must_ask_for_it_to_be_kept(values: list[str], closes: bool) -> None:
    fields = [("Connection", value) for value in values]
    assert request(fields=fields, version=HttpVersion10).closes is closes


@pytest.mark.parametrize(
    ("value", "upgrades"),
    [("Upgrade", True), ("keep-alive, upgrade", True), ("close", False), ("", False)],
)
def test_it_may_ask_for_another_protocol(value: str, upgrades: bool) -> None:
    assert request(fields=[("Connection", value)]).upgrades is upgrades
