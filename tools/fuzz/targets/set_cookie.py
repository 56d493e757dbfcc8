"""Any Set-Cookie line is a cookie within the limits or a refusal, and never reaches a stranger."""

from __future__ import annotations

from whimbrel_cookiejar import Cookie, CookieFileError, CookieJar, Rejected

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

    Then save the jar and load it again, and load the lines as if they were a file.

    Raises:
        AssertionError: a cookie is larger or lives longer than allowed, has control characters,
            is sent to another site, or is another one after it was saved.
    """
    if not data:
        return
    origin = _ORIGINS[(data[0] & 0x7F) % len(_ORIGINS)]
    unsafe = bool(data[0] & 0x80)
    jar = CookieJar(unsafe=unsafe)
    for line in data[1:].split(b"\n"):
        stored = jar.store(line, origin, _NOW)
        if isinstance(stored, Cookie):
            _check_cookie(stored, origin)
        else:
            _check_refusal(stored)
    header = jar.cookie_header(origin, _NOW)
    assert not _CONTROLS & set(header), header
    assert len(jar.cookies_for(origin, _NOW)) <= data.count(b"\n") + 1
    assert jar.cookie_header(_STRANGER, _NOW) == ""
    for cookie in jar.all_cookies(_NOW):
        assert cookie.expiry > _NOW
    assert jar.cookie_header(origin, _NOW) == header
    jar.filter_cookies()
    _check_json(jar, header, origin)
    _check_txt(jar)
    _check_file(data[1:], unsafe)
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


def _check_refusal(refusal: Rejected) -> None:
    assert isinstance(refusal, Rejected)
    assert refusal.reason
    assert len(refusal.name) < 1000


def _check_json(jar: CookieJar, header: str, origin: str) -> None:
    """Save and load: every cookie is there again, and is sent as before."""
    other = CookieJar(unsafe=jar.unsafe)
    assert other.loads(jar.dumps(now=_NOW), now=_NOW) == []
    assert set(other.all_cookies(_NOW)) == set(jar.all_cookies(_NOW))
    assert other.cookie_header(origin, _NOW) == header


def _check_txt(jar: CookieJar) -> None:
    """Save and load as a cookies.txt: what is not told to be left out is there again."""
    text, left_out = jar.dumps_cookies_txt(now=_NOW)
    other = CookieJar(unsafe=jar.unsafe)
    refused = other.loads_cookies_txt(text.encode("utf-8", "surrogateescape"), now=_NOW)
    found, saved = ({_identity(c) for c in each.all_cookies(_NOW)} for each in (other, jar))
    assert found <= saved
    assert len(found) + len(left_out) + len(refused) >= len(saved)


def _check_file(text: bytes, unsafe: bool) -> None:
    """Load anything: it is an error that leaves the jar alone, or cookies that the rules admit."""
    for load in (CookieJar.loads, CookieJar.loads_cookies_txt):
        jar = CookieJar(unsafe=unsafe)
        jar.store("kept=1", "https://example.com/", _NOW)
        before = jar.all_cookies(_NOW)
        problem = ""
        try:
            for _, refusal in load(jar, text, now=_NOW):
                _check_refusal(refusal)
        except CookieFileError as error:
            problem = str(error)
        if problem:
            assert len(problem) < 1000
            assert jar.all_cookies(_NOW) == before
        for cookie in jar.all_cookies(_NOW):
            assert not _CONTROLS & set(cookie.name + cookie.value + cookie.path)
            assert cookie.expiry > _NOW
        # A second time, nothing of it is refused.
        assert CookieJar(unsafe=unsafe).loads(jar.dumps(now=_NOW), now=_NOW) == []


def _identity(cookie: Cookie) -> tuple[str, str, str, bool, str]:
    return cookie.name, cookie.value, cookie.domain, cookie.host_only, cookie.path
