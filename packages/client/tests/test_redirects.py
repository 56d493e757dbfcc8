from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from whimbrel.auth import split_credentials
from whimbrel.errors import (
    InvalidUrlRedirectClientError,
    NonHttpUrlRedirectClientError,
    RedirectClientError,
)
from whimbrel.redirects import Redirect, decide, fields_after
from whimbrel_http_parser import request_line

HERE = URL("http://example.com/a/b?q=1")


def target(location: str, url: URL = HERE, *, requote: bool = True) -> URL:
    redirect = decide(302, location, "GET", url, requote=requote)
    assert redirect is not None
    return redirect.url


def url_or_error(location: str, requote: bool) -> URL | RedirectClientError:
    try:
        return target(location, requote=requote)
    except RedirectClientError as exc:
        return exc


LOCATION_PARTS = [
    *(b"http:", b"https:", b"ftp:", b"//", b"/", b":", b"@", b"?", b"#", b"[", b"]", b"%", b"."),
    *(b"host", b"127.0.0.1", b"::1", b"80", b"\\", b" ", b"\t", b"\x00", b"\x7f", b"\xff"),
    *(b"%2F", b"%3A", b"%zz", b"\xc3\xbc", b"xn--", b"\xef\xbc\x8f", b"\xe2\x80\xae"),
]


# RFC 9110 sections 15.4.2 to 15.4.9
METHODS = [
    # status, method, next method, keeps content
    (301, "GET", "GET", True),
    (301, "HEAD", "HEAD", True),
    (301, "POST", "GET", False),
    (301, "PUT", "PUT", True),
    (301, "DELETE", "DELETE", True),
    (302, "GET", "GET", True),
    (302, "HEAD", "HEAD", True),
    (302, "POST", "GET", False),
    (302, "PATCH", "PATCH", True),
    (302, "OPTIONS", "OPTIONS", True),
    (303, "GET", "GET", False),
    (303, "HEAD", "HEAD", False),
    (303, "POST", "GET", False),
    (303, "PUT", "GET", False),
    (303, "DELETE", "GET", False),
    (307, "GET", "GET", True),
    (307, "HEAD", "HEAD", True),
    (307, "POST", "POST", True),
    (307, "PUT", "PUT", True),
    (308, "GET", "GET", True),
    (308, "HEAD", "HEAD", True),
    (308, "POST", "POST", True),
    (308, "PROPFIND", "PROPFIND", True),
]


@pytest.mark.parametrize(("status", "method", "following", "keeps"), METHODS)
def test_the_status_decides_on_method_and_content(
    status: int, method: str, following: str, keeps: bool
) -> None:
    redirect = decide(status, "/next", method, HERE)
    assert redirect == Redirect(following, URL("http://example.com/next"), keeps, False)


@pytest.mark.parametrize("status", [200, 201, 204, 206, 300, 304, 305, 306, 309, 399, 404, 503])
def test_other_statuses_are_no_redirects(status: int) -> None:
    assert decide(status, "/next", "GET", HERE) is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_without_a_location_there_is_nothing_to_follow(status: int) -> None:
    assert decide(status, None, "GET", HERE) is None


@pytest.mark.parametrize("requote", [True, False])
@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x", "http://example.com/x"),
        ("x", "http://example.com/a/x"),
        ("./x", "http://example.com/a/x"),
        ("../x", "http://example.com/x"),
        ("../../../x", "http://example.com/x"),
        ("?z", "http://example.com/a/b?z"),
        ("", "http://example.com/a/b?q=1"),
        ("//other.example/x", "http://other.example/x"),
        ("///x", "http://example.com/x"),
        ("https://other.example:8443/x?y#z", "https://other.example:8443/x?y#z"),
        ("HTTP://example.com/x", "http://example.com/x"),
        ("http://[::1]:81/x", "http://[::1]:81/x"),
        ("http://example.com", "http://example.com"),
        ("/%7Euser", "http://example.com/~user"),
    ],
)
def test_locations_are_relative_to_the_url(location: str, expected: str, requote: bool) -> None:
    if not requote and "%" in location:
        expected = "http://example.com" + location
    assert str(target(location, requote=requote)).rstrip("/") == expected.rstrip("/")


@pytest.mark.parametrize(
    ("url", "location", "fragment"),
    [
        ("http://e.com/a#one", "/b", "one"),  # RFC 9110 section 10.2.2
        ("http://e.com/a#one", "/b#two", "two"),
        ("http://e.com/a", "/b#two", "two"),
        ("http://e.com/a", "/b", ""),
        ("http://e.com/a#one", "http://other.com/b", "one"),
        ("http://e.com/a#o%20ne", "/b", "o%20ne"),
    ],
)
def test_the_fragment_is_inherited(url: str, location: str, fragment: str) -> None:
    assert target(location, URL(url)).raw_fragment == fragment


@pytest.mark.parametrize(
    ("url", "location", "changes"),
    [
        ("http://e.com/", "/x", False),
        ("http://e.com/", "http://e.com/x", False),
        ("http://e.com/", "http://e.com:80/x", False),
        ("https://e.com/", "https://e.com:443/x", False),
        ("http://e.com/", "http://E.COM/x", False),
        ("http://e.com/", "//e.com/x", False),
        ("http://bücher.example/", "http://xn--bcher-kva.example/x", False),
        ("http://e.com/", "http://e.com:81/x", True),
        ("http://e.com/", "https://e.com/x", True),
        ("https://e.com/", "http://e.com/x", True),
        ("https://e.com/", "http://e.com:443/x", True),
        ("http://e.com/", "http://www.e.com/x", True),
        ("http://www.e.com/", "http://e.com/x", True),
        ("http://e.com/", "http://e.com.evil/x", True),
        ("http://e.com/", "http://e.com./x", True),
        ("http://e.com/", "http://e.com@evil/x", True),
        ("http://127.0.0.1/", "http://[::1]/x", True),
        ("ws://e.com/", "http://e.com/x", True),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, location: str, changes: bool) -> None:
    redirect = decide(307, location, "GET", URL(url))
    assert redirect is not None
    assert redirect.changes_origin is changes


@pytest.mark.parametrize(
    ("url", "location"),
    [("ws://e.com/a", "ws://e.com/b"), ("wss://e.com/a", "wss://f.com/b"), ("ws://e.com/a", "/b")],
)
def test_a_websocket_is_redirected_to_one(url: str, location: str) -> None:
    assert target(location, URL(url)).scheme == URL(url).scheme


@pytest.mark.parametrize(
    "location",
    [
        "/a%2Fb%7e?x=%27&y='#z",
        "/x?sig=a%2Bb+c%3D",
        "/%zz",
        "/a//b/?",
        "/;p=1,2?a=b;c",
    ],
)
def test_without_requoting_the_location_is_kept_verbatim(location: str) -> None:
    url = target(location, URL("http://e.com/"), requote=False)
    assert str(url).rstrip("?") == "http://e.com" + location.rstrip("?")


def test_requoting_normalises() -> None:
    assert str(target("/a%7e b'%zz")) == "http://example.com/a~%20b'%25zz"


@pytest.mark.parametrize("requote", [True, False])
@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/caf\xe9", "/caf%E9"),  # Latin-1: the bytes are meant, whatever they say
        (b"/caf\xc3\xa9", "/caf%C3%A9"),
        (b"/a\xff\xfe?b\x80", "/a%FF%FE?b%80"),
        (b"/a b", "/a%20b"),
        (b"/\xe6\x97\xa5\xe6\x9c\xac", "/%E6%97%A5%E6%9C%AC"),
        (b"/\xf0\x9f\x90\xa6\xf0", "/%F0%9F%90%A6%F0"),
    ],
)
def test_bytes_that_have_no_place_in_a_url_are_quoted(raw: bytes, path: str, requote: bool) -> None:
    url = target(raw.decode("utf-8", "surrogateescape"), requote=requote)
    assert url.raw_path_qs == path


def test_a_host_may_be_international() -> None:
    assert target("http://bücher.example/é").raw_host == "xn--bcher-kva.example"


@given(
    st.one_of(
        st.binary(max_size=40),
        st.lists(st.sampled_from(LOCATION_PARTS), max_size=8).map(b"".join),
        st.binary(max_size=20).map(lambda tail: b"http://e.com/" + tail),
    ),
    st.booleans(),
)
@settings(max_examples=300)
def test_whatever_a_location_says_the_outcome_is_a_url_to_request_or_an_error(
    raw: bytes, requote: bool
) -> None:
    outcome = url_or_error(raw.decode("utf-8", "surrogateescape"), requote)
    if isinstance(outcome, URL):
        url, _ = split_credentials(outcome)
        assert url.raw_host
        assert request_line("GET", url.raw_path_qs)
    else:
        assert str(outcome).isascii()
        assert str(outcome).isprintable()


@pytest.mark.parametrize("requote", [True, False])
def test_a_backslash_is_not_sent(requote: bool) -> None:
    outcome = url_or_error("/a\\b?c=\\d#e\\f", requote)
    assert isinstance(outcome, URL)
    assert outcome.raw_path_qs == "/a%5Cb?c=%5Cd"
    assert request_line("GET", outcome.raw_path_qs)


@pytest.mark.parametrize("requote", [True, False])
@pytest.mark.parametrize(
    "location",
    [
        "http://",
        "https:///path",
        "http:path",
        "http://:80/",
        "http://user@/",
        "http://host:99999/",
        "http://host:x/",
        "http://[::1/",
        "//[",
        "http://exa mple/",
        "http://h%00x/",
        "http://h%2Fx/",
        "http://h\\evil/",
        "http://evil\\@good/",
        "http://b\udcfccher.example/",
        "http://a<b>/",
        "http://\uff0fevil/",
        "http://a%3Ab:c@host/",  # RFC 7617: no colon in a user name
    ],
)
def test_a_location_without_a_host_to_ask_is_an_error(location: str, requote: bool) -> None:
    with pytest.raises(InvalidUrlRedirectClientError) as caught:
        decide(302, location, "GET", HERE, requote=requote)
    assert caught.value.url
    assert caught.value.description
    assert str(caught.value).isascii()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.url, copy.description) == (caught.value.url, caught.value.description)


@pytest.mark.parametrize("requote", [True, False])
@pytest.mark.parametrize(
    "location",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "mailto:a@b",
        "javascript:alert(1)",
        "data:text/html,x",
        "ws://example.com/",
        "httpx://example.com/",
        "unix:/socket",
    ],
)
def test_a_location_of_another_scheme_is_an_error(location: str, requote: bool) -> None:
    with pytest.raises(NonHttpUrlRedirectClientError) as caught:
        decide(302, location, "GET", HERE, requote=requote)
    assert URL(location).scheme in str(caught.value)


@pytest.mark.parametrize(
    "location", ["http://" + "h%" * 10_000, "ftp://" + "x" * 10_000, "http://\x1b[31m%/"]
)
def test_what_an_error_quotes_is_short_and_plain(location: str) -> None:
    with pytest.raises(RedirectClientError) as caught:
        decide(302, location, "GET", HERE)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


# What the next request carries

FIELDS = [
    ("Accept", "*/*"),
    ("Authorization", "Basic x"),
    ("authorization", "Bearer y"),
    ("COOKIE", "a=1"),
    ("Cookie", "b=2"),
    ("Proxy-Authorization", "z"),
    ("Host", "virtual.example"),
    ("Content-Type", "text/plain"),
    ("Content-Length", "3"),
    ("Content-Encoding", "gzip"),
    ("Content-Language", "en"),
    ("Content-Location", "/x"),
    ("Transfer-Encoding", "chunked"),
    ("X-Custom", "1"),
]
OF_THE_ORIGIN = {"authorization", "cookie", "proxy-authorization", "host"}
OF_THE_CONTENT = {
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "content-location",
    "transfer-encoding",
}


@pytest.mark.parametrize("keeps_content", [True, False])
@pytest.mark.parametrize("changes_origin", [True, False])
def test_fields_of_the_origin_and_of_the_content_stay_behind(
    keeps_content: bool, changes_origin: bool
) -> None:
    before = FIELDS.copy()
    dropped = (OF_THE_ORIGIN if changes_origin else set()) | (
        set() if keeps_content else OF_THE_CONTENT
    )
    redirect = Redirect("GET", HERE, keeps_content, changes_origin)
    after = fields_after(redirect, before)
    assert after == [field for field in FIELDS if field[0].lower() not in dropped]
    assert before == FIELDS
