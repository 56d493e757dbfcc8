from __future__ import annotations

import ssl
from typing import Any

import pytest
from yarl import URL

from whimbrel.auth import BasicAuth
from whimbrel.endpoints import endpoint_for
from whimbrel.errors import InvalidUrlClientError, NonHttpUrlClientError
from whimbrel.options import RequestOptions
from whimbrel_connector import Endpoint, Fingerprint, Proxy

PLAIN = RequestOptions()
PIN = Fingerprint(bytes(32))


def endpoint(url: str, **options: Any) -> Endpoint:
    return endpoint_for(URL(url), PLAIN._replace(**options))


@pytest.mark.parametrize(
    ("url", "host", "port", "is_ssl"),
    [
        ("http://example.com/x?y#z", "example.com", 80, False),
        ("https://example.com", "example.com", 443, True),
        ("ws://example.com", "example.com", 80, False),
        ("wss://example.com", "example.com", 443, True),
        ("HTTPS://EXAMPLE.COM:8443", "example.com", 8443, True),
        ("http://127.0.0.1:81", "127.0.0.1", 81, False),
        ("http://[::1]:81", "::1", 81, False),
        ("http://bücher.example", "xn--bcher-kva.example", 80, False),
        ("http://example.com.", "example.com.", 80, False),
    ],
)
def test_a_url_leads_to_an_endpoint(url: str, host: str, port: int, is_ssl: bool) -> None:
    found = endpoint(url)
    assert (found.host, found.port, found.is_ssl) == (host, port, is_ssl)
    assert (found.ssl, found.server_hostname, found.proxy) == (True, None, None)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com", "file:///x", "unix://x", "example.com", "/x", "", "mailto:" + "x" * 9999],
)
def test_other_schemes_are_errors(url: str) -> None:
    with pytest.raises(NonHttpUrlClientError) as caught:
        endpoint(url)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("url", ["http://", "https:///x", "http:x", "http:/x", "wss:///x"])
def test_a_url_without_a_host_is_an_error(url: str) -> None:
    with pytest.raises(InvalidUrlClientError, match="no host") as caught:
        endpoint(url)
    assert caught.value.url == URL(url)


# What makes two endpoints one


def test_the_same_origin_is_the_same_endpoint() -> None:
    first = endpoint("http://example.com/a")
    assert endpoint("http://example.com:80/b?c") == first
    assert endpoint("http://u:p@example.com/b") == first


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://example.com/", {}),
        ("https://example.com:8443/", {}),
        ("https://www.example.com/", {}),
        ("https://example.com/", {"ssl": False}),
        ("https://example.com/", {"ssl": PIN}),
        ("https://example.com/", {"server_hostname": "other"}),
        ("https://example.com/", {"proxy": "http://proxy:3128"}),
    ],
)
def test_what_differs_in_trust_is_told_apart(url: str, options: dict[str, Any]) -> None:
    assert endpoint(url, **options) != endpoint("https://example.com/")


def test_websockets_are_told_apart_where_a_proxy_would_be_asked_for_a_tunnel() -> None:
    proxy = "http://proxy:3128"
    assert endpoint("ws://example.com/", proxy=proxy).tunnelled
    assert not endpoint("http://example.com/", proxy=proxy).tunnelled
    assert endpoint("https://example.com/", proxy=proxy).tunnelled


def test_contexts_are_told_apart_by_what_they_are() -> None:
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(2)]
    options: list[Any] = [True, False, PIN, Fingerprint(b"\1" * 32), *contexts]
    found = [endpoint("https://example.com/", ssl=option) for option in options]
    assert len(set(found)) == len(options)
    for option, made in zip(options, found, strict=True):
        assert made.ssl is option
    assert endpoint("https://example.com/", ssl=Fingerprint(bytes(32))) == found[2]


# Proxies


def through(proxy: Any, **options: Any) -> Any:
    return endpoint("https://example.com/", proxy=proxy, **options).proxy


def test_a_proxy_belongs_to_the_endpoint() -> None:
    for given in ("http://proxy:3128", URL("http://proxy:3128")):
        proxy = through(given)
        assert (proxy.host, proxy.port) == ("proxy", 3128)
        assert (proxy.authorization, proxy.headers) == (None, ())


def test_credentials_for_a_proxy_come_from_its_url_or_from_the_caller() -> None:
    in_url = through("http://u:p@proxy:3128")
    apart = through("http://proxy:3128", proxy_auth=BasicAuth("u", "p"))
    other = through("http://proxy:3128", proxy_auth=BasicAuth("u", "q"))
    both = through("http://x:y@proxy:3128", proxy_auth=BasicAuth("u", "p"))
    assert in_url.authorization == apart.authorization == both.authorization == "Basic dTpw"
    assert in_url == apart == both != other
    assert "p@" not in str(in_url.url)
    assert "dTpw" not in repr(in_url)


def test_a_proxys_url_that_is_broken_is_not_shown() -> None:
    with pytest.raises(ValueError, match="no URL") as caught:
        through("http://user:secret/@proxy:3128")
    assert caught.value.__context__ is None


def test_headers_for_a_proxy_tell_endpoints_apart() -> None:
    one = through("http://proxy:3128", proxy_headers={"X": "1"})
    two = through("http://proxy:3128", proxy_headers=[("X", "1"), ("X", "2")])
    assert one.headers == (("X", "1"),)
    assert two.headers == (("X", "1"), ("X", "2"))
    assert one != two


def test_a_proxy_of_the_connectors_is_used_as_it_is() -> None:
    proxy = Proxy.from_url("https://u:p@proxy", headers={"X": "1"}, ssl=False)
    assert through(proxy) is proxy
    assert through(proxy, proxy_headers={}) is proxy


@pytest.mark.parametrize(
    "given", [{"proxy_auth": BasicAuth("u", "secret")}, {"proxy_headers": {"X": "secret"}}]
)
def test_a_proxy_of_the_connectors_is_told_nothing_more(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a Proxy has its own") as caught:
        through(Proxy.from_url("http://proxy"), **given)
    assert "secret" not in str(caught.value)


def test_a_socks_proxy_is_told_credentials_and_no_headers() -> None:
    assert through("socks5h://proxy", proxy_auth=BasicAuth("ü", "p")).credentials == ("ü", "p")
    with pytest.raises(ValueError, match="no headers"):
        through("socks5h://proxy", proxy_headers={"X": "1"})


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
def test_everything_goes_through_a_tunnel_of_a_socks_proxy(scheme: str) -> None:
    assert endpoint(f"{scheme}://example.com/", proxy="socks4a://proxy").tunnelled


def test_without_a_proxy_what_is_for_one_counts_for_nothing() -> None:
    plain = endpoint("http://example.com/")
    other = endpoint("http://example.com/", proxy_auth=BasicAuth("u"), proxy_headers={"X": "1"})
    assert other == plain


@pytest.mark.parametrize("proxy", ["ftp://proxy", "proxy:3128", "", "http://", "socks://proxy:1"])
def test_what_is_no_proxy_is_an_error(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy"):
        through(proxy)
