"""The cookies for a request out of a jar of many hosts, and a response's cookies into it."""

from __future__ import annotations

import http.cookiejar
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import Message
from email.utils import formatdate
from itertools import cycle
from time import time
from typing import Any, cast

import aiohttp
from yarl import URL

from tools.bench.harness import Case, Variant
from tools.bench.loops import AsyncOperations, on_a_loop
from whimbrel_cookiejar import CookieJar

__all__ = ["CASES"]

_DOMAINS, _IN_ALL, _EACH = 300, 2000, 20
_ADDRESS = "https://www.host7.example/account/settings"
_URL = URL(_ADDRESS)
_ATTRIBUTES = "Path=/; Secure; HttpOnly"

Operation = Callable[[int], None]
"""Does what is measured that many times."""


class _Response:
    """What `http.cookiejar` wants to see of a response."""

    def __init__(self, line: str) -> None:
        self._message = Message()
        self._message["Set-Cookie"] = line

    def info(self) -> Message:
        return self._message


def _lines(count: int) -> list[str]:
    return [f"name{n}=value-{n}-0123456789; {_ATTRIBUTES}" for n in range(count)]


def _fill(store: Callable[[str, str], None], domains: int) -> None:
    """Give the host its cookies, and the other domains as many as there are left, in turns."""
    for line in _lines(_EACH):
        store(line, _ADDRESS)
    if domains == 1:
        return
    others = cycle(range(1, domains))
    for number in range(_IN_ALL - _EACH):
        line = f"name{number // (domains - 1)}=0123456789; {_ATTRIBUTES}"
        store(line, f"https://www.other{next(others)}.example/")


def _ours(domains: int = _DOMAINS) -> CookieJar:
    jar = CookieJar()
    _fill(lambda line, url: jar.update_cookies_from_headers([line], URL(url)), domains)
    assert len(jar) == (_IN_ALL if domains > 1 else _EACH)
    return jar


def _aiohttp() -> aiohttp.CookieJar:
    jar = aiohttp.CookieJar()
    _fill(lambda line, url: jar.update_cookies_from_headers([line], URL(url)), _DOMAINS)
    assert len(jar) == _IN_ALL
    return jar


def _stdlib() -> http.cookiejar.CookieJar:
    jar = http.cookiejar.CookieJar()

    def store(line: str, url: str) -> None:
        jar.extract_cookies(cast("Any", _Response(line)), urllib.request.Request(url))

    _fill(store, _DOMAINS)
    assert len(jar) == _IN_ALL
    return jar


def _variant(name: str, prepare: Callable[[], Operation]) -> Variant:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        # aiohttp's jar can only be made while a loop runs.
        repeat = prepare()

        async def run(count: int) -> None:
            repeat(count)

        yield run

    return Variant(name, on_a_loop(opened))


def _filtering(make: Callable[[], Any], expected: int = _EACH) -> Callable[[], Operation]:
    def prepare() -> Operation:
        jar = make()
        assert len(jar.filter_cookies(_URL)) == expected

        def repeat(count: int) -> None:
            for _ in range(count):
                jar.filter_cookies(_URL)

        return repeat

    return prepare


def _reading(make: Callable[[], Any]) -> Callable[[], Operation]:
    def prepare() -> Operation:
        jar = make()

        def read() -> str:
            found = jar.filter_cookies(_URL)
            return "; ".join([f"{name}={morsel.coded_value}" for name, morsel in found.items()])

        assert read().count("=") == _EACH

        def repeat(count: int) -> None:
            for _ in range(count):
                read()

        return repeat

    return prepare


def _header(make: Callable[[], CookieJar], expected: int = _EACH) -> Callable[[], Operation]:
    def prepare() -> Operation:
        jar = make()
        assert jar.cookie_header(_URL).count("=") == expected

        def repeat(count: int) -> None:
            for _ in range(count):
                jar.cookie_header(_URL)

        return repeat

    return prepare


def _stdlib_header() -> Operation:
    jar = _stdlib()

    def repeat(count: int) -> None:
        for _ in range(count):
            request = urllib.request.Request(_ADDRESS)
            jar.add_cookie_header(request)
        assert str(request.get_header("Cookie")).count("=") == _EACH

    return repeat


_SAME = [f"sid=0123456789-{n}; {_ATTRIBUTES}" for n in range(10)]


def _dated() -> list[str]:
    """Return fields with more expiry-times than anything remembers."""
    start = int(time()) + 86_400
    dates = (formatdate(start + second, usegmt=True) for second in range(5000))
    return [f"sid=0123456789; Expires={date}; {_ATTRIBUTES}" for date in dates]


def _storing(
    make: Callable[[], Any], lines: Callable[[], list[str]], then: Callable[[Any], object] | None
) -> Callable[[], Operation]:
    def prepare() -> Operation:
        jar, fields = make(), cycle([[line] for line in lines()])

        def repeat(count: int) -> None:
            for _ in range(count):
                jar.update_cookies_from_headers(next(fields), _URL)
                if then is not None:
                    then(jar)

        repeat(1)
        assert len(jar) == _IN_ALL + 1
        return repeat

    return prepare


def _storing_stdlib(lines: Callable[[], list[str]]) -> Callable[[], Operation]:
    def prepare() -> Operation:
        jar, responses = _stdlib(), cycle([_Response(line) for line in lines()])
        request = urllib.request.Request(_ADDRESS)

        def repeat(count: int) -> None:
            for _ in range(count):
                jar.extract_cookies(cast("Any", next(responses)), request)

        repeat(1)
        assert len(jar) == _IN_ALL + 1
        return repeat

    return prepare


def _store_case(name: str, operation: str, lines: Callable[[], list[str]]) -> Case:
    return Case(
        name,
        operation,
        (
            _variant("whimbrel", _storing(_ours, lines, None)),
            _variant("aiohttp", _storing(_aiohttp, lines, None)),
            _variant("http.cookiejar", _storing_stdlib(lines)),
        ),
    )


_SIZE = f"{_EACH} cookies, among {_IN_ALL} of {_DOMAINS} domains"

CASES = (
    Case(
        "cookies-filter",
        f"filter_cookies, nothing read of what it returns: {_SIZE}",
        (_variant("whimbrel", _filtering(_ours)), _variant("aiohttp", _filtering(_aiohttp))),
    ),
    Case(
        "cookies-filter-read",
        f"filter_cookies, and a field made of what it returns: {_SIZE}",
        (_variant("whimbrel", _reading(_ours)), _variant("aiohttp", _reading(_aiohttp))),
    ),
    Case(
        "cookies-header",
        f"cookie_header against filter_cookies: {_SIZE}",
        (
            _variant("whimbrel", _header(_ours)),
            _variant("aiohttp", _filtering(_aiohttp)),
            _variant("http.cookiejar", _stdlib_header),
        ),
    ),
    _store_case(
        "cookies-store",
        "one Set-Cookie line with the attributes of those before it",
        lambda: _SAME,
    ),
    _store_case("cookies-store-dated", "one Set-Cookie line with a new Expires", _dated),
    Case(
        "cookies-renew",
        f"one Set-Cookie line, then what the next request sends: {_SIZE}",
        (
            _variant("whimbrel", _storing(_ours, lambda: _SAME, lambda j: j.cookie_header(_URL))),
            _variant(
                "aiohttp", _storing(_aiohttp, lambda: _SAME, lambda j: j.filter_cookies(_URL))
            ),
        ),
    ),
    Case(
        "cookies-empty",
        "a request's cookies out of an empty jar",
        (
            _variant("whimbrel cookie_header", _header(CookieJar, 0)),
            _variant("aiohttp filter_cookies", _filtering(aiohttp.CookieJar, 0)),
            _variant("whimbrel filter_cookies", _filtering(CookieJar, 0)),
        ),
    ),
    Case(
        "cookies-domains",
        f"cookie_header: {_EACH} cookies of one host, with other domains and without",
        (
            _variant(f"{_DOMAINS} domains", _header(_ours)),
            _variant("1 domain", _header(lambda: _ours(1))),
        ),
    ),
)
