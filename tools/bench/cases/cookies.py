"""The cookies for a request out of a jar of many hosts, and a response's cookies into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from tools.bench.harness import Case, Variant
from tools.bench.loops import AsyncOperations, on_a_loop
from whimbrel_cookiejar import CookieJar

__all__ = ["CASES"]

_HOSTS, _EACH = 50, 4
_URL = URL("https://www.host7.example/account/settings")
_LINES = [f"name{n}=value-{n}-0123456789; Path=/; Secure; HttpOnly" for n in range(_EACH)]


def _fill(jar: Any) -> None:
    for host in range(_HOSTS):
        jar.update_cookies_from_headers(_LINES, URL(f"https://www.host{host}.example/"))
    assert len(jar) == _HOSTS * _EACH


def _variant(name: str, make: Callable[[], Any], once: Callable[[Any], int]) -> Variant:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        jar = make()
        _fill(jar)
        assert once(jar) == _EACH

        async def run(count: int) -> None:
            for _ in range(count):
                once(jar)

        yield run

    return Variant(name, on_a_loop(opened))


def _filtered(jar: Any) -> int:
    return len(jar.filter_cookies(_URL))


def _our_header(jar: CookieJar) -> int:
    return jar.cookie_header(_URL).count("=")


def _filtered_header(jar: aiohttp.CookieJar) -> int:
    found = jar.filter_cookies(_URL)
    return "; ".join(f"{m.key}={m.coded_value}" for m in found.values()).count("=")


def _updated(jar: Any) -> int:
    jar.update_cookies_from_headers(_LINES, _URL)
    return _EACH


_SIZE = f"{_EACH} cookies, in a jar of {_HOSTS} hosts with as many each"

CASES = (
    Case(
        "cookies-filter",
        f"filter_cookies: {_SIZE}",
        (
            _variant("whimbrel", CookieJar, _filtered),
            _variant("aiohttp", aiohttp.CookieJar, _filtered),
        ),
    ),
    Case(
        "cookies-header",
        f"the Cookie field as text: {_SIZE}",
        (
            _variant("whimbrel", CookieJar, _our_header),
            _variant("aiohttp", aiohttp.CookieJar, _filtered_header),
        ),
    ),
    Case(
        "cookies-update",
        f"update_cookies_from_headers: {_SIZE}",
        (
            _variant("whimbrel", CookieJar, _updated),
            _variant("aiohttp", aiohttp.CookieJar, _updated),
        ),
    ),
)
