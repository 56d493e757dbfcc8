"""Any Set-Cookie line is a cookie within the limits or a refusal, and never reaches a stranger."""

from __future__ import annotations

from whimbrel_cookiejar import Cookie, CookieJar, Rejected

__all__ = ["check_set_cookie"]

_ORIGINS = (
    "http://example.com/",
    "https://example.com/a/b",
    "https://www.example.co.uk/a",
    "http://127.0.0.1/",
    "http://[::1]/x/y/",
    "https://xn--bcher-kva.example/%20",
)
_STRANGER = "https://other.example/"
_NOW = 1_700_000_000.0
_CONTROLS = frozenset(map(chr, [*range(9), *range(10, 32), 127]))
_LONGEST = 4096
"""Octets of name and value together (RFC 6265bis section 5.6)."""
_LONGEST_LIFE = 400 * 24 * 60 * 60


def check_set_cookie(data: bytes) -> None:
    """Store the lines of `data[1:]`; the first byte chooses the origin and `unsafe`.

    Raises:
        AssertionError: a cookie is larger or lives longer than allowed, has control characters,
            or is sent to another site.
    """
    if not data:
        return
    origin = _ORIGINS[(data[0] & 0x7F) % len(_ORIGINS)]
    jar = CookieJar(unsafe=bool(data[0] & 0x80))
    for line in data[1:].split(b"\n"):
        stored = jar.store(line, origin, _NOW)
        if isinstance(stored, Cookie):
            _check_cookie(stored, origin)
        else:
            assert isinstance(stored, Rejected)
            assert stored.reason
            assert len(stored.name) < 1000
    header = jar.cookie_header(origin, _NOW)
    assert not _CONTROLS & set(header), header
    assert len(jar.cookies_for(origin, _NOW)) <= data.count(b"\n") + 1
    assert jar.cookie_header(_STRANGER, _NOW) == ""
    for cookie in jar.all_cookies(_NOW):
        assert cookie.expiry > _NOW
    assert jar.cookie_header(origin, _NOW) == header
    jar.filter_cookies()
    assert jar.cookie_header(origin, _NOW + _LONGEST_LIFE + 1).count("=") <= header.count("=")


def _check_cookie(cookie: Cookie, origin: str) -> None:
    size = len((cookie.name + cookie.value).encode("utf-8", "surrogateescape"))
    assert 0 < size <= _LONGEST
    assert not _CONTROLS & set(cookie.name + cookie.value)
    assert ";" not in cookie.name + cookie.value
    assert cookie.path.startswith("/")
    assert cookie.domain
    assert cookie.domain in origin
    assert not cookie.persistent or cookie.expiry <= _NOW + _LONGEST_LIFE
    if cookie.secure or cookie.name.lower().startswith(("__secure-", "__host-")):
        assert cookie.secure
        assert origin.startswith("https:")
    if cookie.name.lower().startswith("__host-"):
        assert cookie.host_only
        assert cookie.path == "/"
