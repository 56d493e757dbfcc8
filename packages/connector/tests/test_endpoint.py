from __future__ import annotations

import ssl
from typing import Any

import pytest
from yarl import URL

from whimbrel_connector import Endpoint, Fingerprint, Proxy

CONTEXT = ssl.create_default_context()
PIN = Fingerprint(bytes(32))
PROXY = Proxy(URL("http://proxy:3128"))

ALL = [
    Endpoint("h", 80, False),
    Endpoint("h", 443, False),
    Endpoint("i", 80, False),
    Endpoint("h", 80, True),
    Endpoint("h", 80, True, ssl=False),
    Endpoint("h", 80, True, ssl=CONTEXT),
    Endpoint("h", 80, True, ssl=ssl.create_default_context()),
    Endpoint("h", 80, True, ssl=PIN),
    Endpoint("h", 80, True, ssl=Fingerprint(b"\x01" * 32)),
    Endpoint("h", 80, True, server_hostname="other"),
    Endpoint("h", 80, True, alpn=("h2", "http/1.1")),
    Endpoint("h", 80, True, proxy=PROXY),
    Endpoint("h", 80, True, proxy=Proxy(URL("http://proxy:3129"))),
    Endpoint("h", 80, True, proxy=Proxy(URL("http://proxy:3128"), "Basic Og==")),
    Endpoint("h", 80, True, proxy=Proxy(URL("http://proxy:3128"), None, (("A", "b"),))),
]


def test_everything_that_trust_depends_on_tells_endpoints_apart() -> None:
    assert len(set(ALL)) == len(ALL)


def test_equal_parts_make_equal_endpoints() -> None:
    def make() -> Any:
        proxy = Proxy(URL("http://proxy:3128"), "Basic Og==", (("A", "b"),))
        return Endpoint("h", 80, True, Fingerprint(bytes(32)), "n", proxy, ("http/1.1",))

    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != "endpoint"
    assert make().proxy != "proxy"


@pytest.mark.parametrize("option", [False, CONTEXT, PIN])
def test_what_is_about_tls_does_not_tell_plain_endpoints_apart(option: Any) -> None:
    plain = Endpoint("h", 80, False, ssl=option, server_hostname="other")
    assert plain == Endpoint("h", 80, False)
    assert plain.ssl is True
    assert plain.server_hostname is None


def test_endpoints_that_differ_in_trust_are_one_host_to_the_limit() -> None:
    assert {endpoint.origin for endpoint in ALL[3:]} == {("h", 80, True)}


@pytest.mark.parametrize(
    ("is_ssl", "proxy", "tunnelled"),
    [(False, None, False), (True, None, False), (False, PROXY, False), (True, PROXY, True)],
)
def test_tunnelled(is_ssl: bool, proxy: Any, tunnelled: bool) -> None:
    assert Endpoint("h", 1, is_ssl, proxy=proxy).tunnelled is tunnelled


@pytest.mark.parametrize(
    ("url", "authorization"),
    [
        ("http://proxy:3128", None),
        ("http://user:pass@proxy:3128", "Basic dXNlcjpwYXNz"),
        ("http://user@proxy:3128", "Basic dXNlcjo="),
        ("http://us%C3%A9r:p%3Aa%40@proxy:3128", "Basic dXPDqXI6cDphQA=="),
    ],
)
def test_credentials_are_taken_out_of_the_url(url: str, authorization: str | None) -> None:
    proxy = Proxy.from_url(url)
    assert proxy.url == URL("http://proxy:3128")
    assert proxy.authorization == authorization
    assert (proxy.host, proxy.port) == ("proxy", 3128)


def test_given_authorization_wins_over_the_url() -> None:
    proxy = Proxy.from_url("http://u:p@proxy/", "Bearer t", {"X-A": "1"})
    assert proxy.authorization == "Bearer t"
    assert proxy.headers == (("X-A", "1"),)
    assert proxy.port == 80


@pytest.mark.parametrize(
    ("given", "headers", "authorization", "kept"),
    [
        (None, [("Host", "evil"), ("X-A", "1"), ("hOST", "evil")], None, (("X-A", "1"),)),
        (None, [("proxy-AUTHORIZATION", "Bearer h"), ("X-A", "1")], "Bearer h", (("X-A", "1"),)),
        ("Bearer t", [("Proxy-Authorization", "Bearer h")], "Bearer t", ()),
        (None, [("Proxy-Authorization", "a"), ("Proxy-Authorization", "b")], "a", ()),
        (None, [("Proxy-Authorization", "")], "", ()),
        ("", [("Proxy-Authorization", "Bearer h")], "", ()),
        (
            None,
            [("Authorization", "x"), ("Hosts", "y")],
            None,
            (("Authorization", "x"), ("Hosts", "y")),
        ),
    ],
)
def test_fields_that_are_not_for_headers(
    given: Any, headers: Any, authorization: Any, kept: Any
) -> None:
    """So that a forwarded request and CONNECT tell the proxy the same."""
    for proxy in (
        Proxy(URL("http://proxy"), given, tuple(headers)),
        Proxy.from_url("http://proxy", given, headers),
    ):
        assert proxy.authorization == authorization
        assert proxy.headers == kept
        assert proxy == Proxy(URL("http://proxy"), authorization, kept)
        assert hash(proxy) == hash(Proxy(URL("http://proxy"), authorization, kept))


def test_credentials_of_the_url_win_over_the_headers() -> None:
    proxy = Proxy.from_url("http://user@proxy", headers={"Proxy-Authorization": "Bearer h"})
    assert proxy.authorization == "Basic dXNlcjo="
    assert proxy.headers == ()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://proxy", "scheme 'https'"),
        ("socks5://proxy:1080", "scheme 'socks5'"),
        ("proxy:3128", "scheme 'proxy'"),
        ("/path", "scheme ''"),
        ("http:///path", "needs a host"),
    ],
)
def test_url_that_is_no_http_proxy_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Proxy.from_url(url)


def test_credentials_in_a_plain_proxy_url_are_refused() -> None:
    with pytest.raises(ValueError, match="no credentials"):
        Proxy(URL("http://u:secret@proxy"))


def test_repr_shows_no_secret() -> None:
    endpoint = Endpoint("::1", 443, True, proxy=Proxy.from_url("http://u:secret@proxy:1"))
    assert repr(endpoint) == "<Endpoint https://[::1]:443 via http://proxy:1>"
    assert "secret" not in repr(endpoint.proxy)
    assert "c2VjcmV0" not in repr(endpoint.proxy)
