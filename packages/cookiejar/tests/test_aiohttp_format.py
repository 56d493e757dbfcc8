from math import inf
from typing import Any

import pytest

from whimbrel_cookiejar import Cookie, CookieFileError
from whimbrel_cookiejar.aiohttp_format import cookies_of_aiohttp, is_of_aiohttp

LEAST: dict[str, Any] = {"key": "n", "value": "v", "coded_value": "v"}


def read(place: str, entry: Any) -> Cookie:
    [(number, cookie)] = cookies_of_aiohttp({place: {"n": entry}})
    assert number == 1
    assert isinstance(cookie, Cookie)
    return cookie


@pytest.mark.parametrize(
    ("document", "is_it"),
    [
        ({}, True),
        ({"a.example|/p": {}}, True),
        ({"|": {"n": LEAST}}, True),
        ({"a.example": {}}, False),
        ({"a.example|/p": []}, False),
        ({"a.example|/p": {}, "version": 1.0}, False),
    ],
)
def test_what_it_is_known_by(document: dict[str, Any], is_it: bool) -> None:
    assert is_of_aiohttp(document) is is_it


def test_a_cookie_with_everything() -> None:
    entry = {
        "key": "n",
        "value": "a b",
        "coded_value": '"a b"',
        "domain": "www.a.example",
        "path": "/p/",
        "secure": True,
        "httponly": True,
        "samesite": "lax",
        "partitioned": True,
        "comment": "c",
        "version": "1",
        "host_only": True,
        "expires_timestamp": 1_800_000_000.5,
    }
    assert read("www.a.example|/p", entry) == Cookie(
        name="n",
        value='"a b"',
        domain="www.a.example",
        host_only=True,
        path="/p/",
        secure=True,
        http_only=True,
        same_site="Lax",
        partitioned=True,
        persistent=True,
        expiry=1_800_000_000.5,
        creation=inf,
        last_access=inf,
    )


def test_a_cookie_with_nothing() -> None:
    cookie = read("a.example|", LEAST)
    assert (cookie.domain, cookie.host_only, cookie.path) == ("a.example", False, "")
    assert not cookie.secure
    assert not cookie.http_only
    assert not cookie.partitioned
    assert (cookie.same_site, cookie.expiry, cookie.persistent) == ("Default", inf, False)


def test_a_shared_cookie_is_for_every_host() -> None:
    cookie = read("|", {**LEAST, "path": "/", "host_only": True})
    assert (cookie.domain, cookie.host_only) == ("", False)


def test_cookies_are_numbered_through() -> None:
    found = cookies_of_aiohttp(
        {"a.example|": {"n": LEAST, "m": {**LEAST, "key": "m"}}, "b.example|": {"n": LEAST}}
    )
    assert [(n, c.name, c.domain) for n, c in found if isinstance(c, Cookie)] == [
        (1, "n", "a.example"),
        (2, "m", "a.example"),
        (3, "n", "b.example"),
    ]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("v", "this is not an object"),
        ([LEAST], "this is not an object"),
        ({"key": "n", "value": "v"}, 'there is no "coded_value"'),
        ({**LEAST, "key": 1.0}, '"key" is not of the type'),
        ({**LEAST, "secure": None}, '"secure" is not of the type'),
        ({**LEAST, "host_only": "yes"}, '"host_only" is not of the type'),
        ({**LEAST, "path": ["/"]}, '"path" is not of the type'),
        ({**LEAST, "expires_timestamp": "1"}, '"expires_timestamp" is not of the type'),
        ({**LEAST, "expires_timestamp": inf}, '"expires_timestamp" is not of the type'),
        ({**LEAST, "other": "x"}, "members that aiohttp's cookies do not have"),
        ({**LEAST, "max-age": "60"}, "aiohttp 3.14.0, which has lost"),
        ({**LEAST, "expires": "Sun, 06 Nov 1994 08:49:37 GMT"}, "aiohttp 3.14.0, which has lost"),
    ],
)
def test_what_is_not_of_it(entry: Any, reason: str) -> None:
    with pytest.raises(CookieFileError, match=reason) as caught:
        cookies_of_aiohttp({"a.example|": {"first": LEAST, "n": entry}})
    assert caught.value.where == "cookie 2"
