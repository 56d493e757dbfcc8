from __future__ import annotations

import ssl
from typing import Any

import pytest
from yarl import URL

from whimbrel.auth import BasicAuth
from whimbrel.endpoints import Endpoints
from whimbrel.errors import InvalidUrlClientError, NonHttpUrlClientError
from whimbrel.options import RequestOptions
from whimbrel_connector import Endpoint, Fingerprint

PLAIN = RequestOptions()
PIN = Fingerprint(bytes(32))


def endpoint(url: str, **options: Any) -> Endpoint:
    return Endpoints().endpoint(URL(url), PLAIN._replace(**options))


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


# What is remembered


def test_the_same_origin_leads_to_the_same_object() -> None:
    endpoints = Endpoints()
    first = endpoints.endpoint(URL("http://example.com/a"), PLAIN)
    assert endpoints.endpoint(URL("http://example.com:80/b?c"), PLAIN) is first
    assert endpoints.endpoint(URL("http://u:p@example.com/b"), PLAIN) is first


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://example.com:8080/", {}),
        ("http://example.com:81/", {}),
        ("http://www.example.com/", {}),
        ("http://example.com/", {"ssl": False}),
        ("http://example.com/", {"ssl": PIN}),
        ("http://example.com/", {"server_hostname": "other"}),
        ("http://example.com/", {"proxy": "http://proxy:3128"}),
    ],
)
def test_what_differs_in_trust_is_told_apart(url: str, options: dict[str, Any]) -> None:
    endpoints = Endpoints()
    first = endpoints.endpoint(URL("http://example.com:8080/"), PLAIN)
    plain = endpoints.endpoint(URL("http://example.com/"), PLAIN)
    other = endpoints.endpoint(URL(url), PLAIN._replace(**options))
    assert other not in {first, plain}
    assert endpoints.endpoint(URL("http://example.com/"), PLAIN) is plain


def test_websockets_are_told_apart_where_a_proxy_would_be_asked_for_a_tunnel() -> None:
    options = PLAIN._replace(proxy="http://proxy:3128")
    endpoints = Endpoints()
    assert endpoints.endpoint(URL("ws://example.com/"), options).tunnelled
    assert not endpoints.endpoint(URL("http://example.com/"), options).tunnelled
    assert endpoints.endpoint(URL("https://example.com/"), options).tunnelled


def test_contexts_are_told_apart_by_what_they_are() -> None:
    endpoints = Endpoints()
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(2)]
    options: list[Any] = [True, False, PIN, Fingerprint(b"\1" * 32), *contexts]
    url = URL("https://example.com/")
    found = [endpoints.endpoint(url, PLAIN._replace(ssl=option)) for option in options]
    assert len(set(found)) == len(options)
    for option, made in zip(options, found, strict=True):
        assert made.ssl is option
        assert endpoints.endpoint(url, PLAIN._replace(ssl=option)) is made
    same = PLAIN._replace(ssl=Fingerprint(bytes(32)))
    assert endpoints.endpoint(url, same) is found[2]


def test_only_so_many_are_remembered() -> None:
    endpoints = Endpoints()
    first = endpoints.endpoint(URL("http://host/"), PLAIN)
    urls = [URL.build(scheme="http", host="host", port=n) for n in range(1000, 2001)]
    made = [endpoints.endpoint(url, PLAIN) for url in urls]
    # The last ones are still there, the first ones are made anew.
    assert endpoints.endpoint(urls[-1], PLAIN) is made[-1]
    again = endpoints.endpoint(URL("http://host/"), PLAIN)
    assert again == first
    assert again is not first


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


def test_headers_for_a_proxy_tell_endpoints_apart() -> None:
    one = through("http://proxy:3128", proxy_headers={"X": "1"})
    two = through("http://proxy:3128", proxy_headers=[("X", "1"), ("X", "2")])
    assert one.headers == (("X", "1"),)
    assert two.headers == (("X", "1"), ("X", "2"))
    assert one != two


def test_without_a_proxy_what_is_for_one_counts_for_nothing() -> None:
    plain = endpoint("http://example.com/")
    other = endpoint("http://example.com/", proxy_auth=BasicAuth("u"), proxy_headers={"X": "1"})
    assert other == plain


def test_a_proxy_of_one_request_is_not_remembered_for_the_next() -> None:
    endpoints = Endpoints()
    url = URL("http://example.com/")
    for credentials in ("u:p", "u:q"):
        options = PLAIN._replace(proxy=f"http://{credentials}@proxy:3128")
        found = endpoints.endpoint(url, options).proxy
        assert found is not None
        assert found.authorization == BasicAuth(*credentials.split(":")).encode()
    assert endpoints.endpoint(url, PLAIN).proxy is None


@pytest.mark.parametrize("proxy", ["ftp://proxy", "proxy:3128", "", "http://", "socks5://proxy:1"])
def test_what_is_no_proxy_is_an_error(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy"):
        through(proxy)
