from __future__ import annotations

import re
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
    Endpoint("h", 80, False, proxy=PROXY),
    Endpoint("h", 80, False, proxy=PROXY, tunnel=True),
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
    Endpoint("h", 80, True, proxy=Proxy(URL("https://proxy:3128"))),
    Endpoint("h", 80, True, proxy=Proxy(URL("https://proxy:3128"), ssl=False)),
    Endpoint("h", 80, True, proxy=Proxy(URL("https://proxy:3128"), ssl=CONTEXT)),
    Endpoint("h", 80, True, proxy=Proxy(URL("https://proxy:3128"), ssl=PIN)),
    Endpoint("h", 80, True, proxy=Proxy(URL("https://proxy:3128"), server_hostname="p")),
    Endpoint("h", 80, True, proxy=Proxy(URL("socks4://proxy:3128"))),
    Endpoint("h", 80, True, proxy=Proxy(URL("socks4a://proxy:3128"))),
    Endpoint("h", 80, True, proxy=Proxy(URL("socks5://proxy:3128"))),
    Endpoint("h", 80, True, proxy=Proxy(URL("socks5h://proxy:3128"))),
    Endpoint("h", 80, True, proxy=Proxy(URL("socks5h://proxy:3128"), credentials=("u", "p"))),
    Endpoint("h", 80, True, proxy=Proxy(URL("socks5h://proxy:3128"), credentials=("u", "q"))),
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


@pytest.mark.parametrize("port", [-1, 65536, 65536 + 80])
def test_a_port_that_there_is_not(port: int) -> None:
    with pytest.raises(ValueError, match=f"no port {port}"):
        Endpoint("host", port, False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda text: Endpoint("h", 80, True, proxy=text), "must be a Proxy.*from_url.*, not str"),
        (Proxy, "must be a yarl.URL.*from_url.*, not str"),
        (lambda text: Proxy(URL("http://p"), text.encode()), "must be text, not bytes"),
        (lambda text: Proxy.from_url("http://p", text.encode()), "must be text, not bytes"),
        (lambda text: Proxy.from_url("socks5://p", text.encode()), "must be text, not bytes"),
    ],
)
def test_another_type_is_told_without_its_value(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        make("http://user:secret@proxy:3128")
    assert "secret" not in str(caught.value)


def test_endpoints_that_differ_in_trust_are_one_host_to_the_limit() -> None:
    assert {endpoint.origin for endpoint in ALL[5:]} == {("h", 80, True)}


@pytest.mark.parametrize(
    ("is_ssl", "proxy", "tunnelled"),
    [
        (False, None, False),
        (True, None, False),
        (False, PROXY, False),
        (True, PROXY, True),
        (False, Proxy(URL("https://proxy")), False),
        (True, Proxy(URL("https://proxy")), True),
        (False, Proxy(URL("socks4a://proxy")), True),
        (True, Proxy(URL("socks5://proxy")), True),
    ],
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
        ("ftp://proxy", "scheme 'ftp'"),
        ("socks://proxy:1080", "scheme 'socks'; supported: http, https, socks4, socks4a, socks5"),
        ("proxy:3128", "scheme 'proxy'"),
        ("/path", "scheme ''"),
        ("http:///path", "needs a host"),
        ("socks5:///path", "needs a host"),
    ],
)
def test_url_that_is_no_proxys_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Proxy.from_url(url)


def test_credentials_in_a_plain_proxy_url_are_refused() -> None:
    with pytest.raises(ValueError, match="no credentials"):
        Proxy(URL("http://u:secret@proxy"))


@pytest.mark.parametrize(
    ("url", "port", "is_ssl", "is_socks"),
    [
        ("http://proxy", 80, False, False),
        ("https://proxy", 443, True, False),
        ("HTTPS://proxy:8443", 8443, True, False),
        ("socks4://proxy", 1080, False, True),
        ("socks4a://proxy", 1080, False, True),
        ("socks5://proxy", 1080, False, True),
        ("socks5h://proxy:1081/", 1081, False, True),
    ],
)
def test_schemes(url: str, port: int, is_ssl: bool, is_socks: bool) -> None:
    proxy = Proxy.from_url(url)
    assert (proxy.host, proxy.port) == ("proxy", port)
    assert proxy.is_ssl is is_ssl
    assert proxy.is_socks is is_socks


def test_a_default_port_that_is_given_is_the_same_proxy() -> None:
    assert Proxy.from_url("socks5://proxy:1080") == Proxy.from_url("socks5://proxy")
    assert Proxy.from_url("https://proxy:443/x") == Proxy.from_url("https://proxy")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_what_is_about_tls_does_not_tell_proxies_apart_that_speak_none(scheme: str) -> None:
    proxy = Proxy(URL(f"{scheme}://proxy"), ssl=CONTEXT, server_hostname="other")
    assert proxy == Proxy(URL(f"{scheme}://proxy"))
    assert proxy.ssl is True
    assert proxy.server_hostname is None


def test_tls_options_of_an_https_proxy_are_kept() -> None:
    proxy = Proxy.from_url("https://u:p@proxy", ssl=CONTEXT, server_hostname="other")
    assert proxy.ssl is CONTEXT
    assert proxy.server_hostname == "other"
    assert proxy.authorization == "Basic dTpw"


@pytest.mark.parametrize("option", [1, None, "yes"])
def test_whether_a_proxy_is_trusted_is_no_matter_of_truth(option: Any) -> None:
    with pytest.raises(TypeError, match="ssl must be"):
        Proxy(URL("https://proxy"), ssl=option)
    with pytest.raises(TypeError, match="ssl must be"):
        Proxy.from_url("http://proxy", ssl=option)


@pytest.mark.parametrize(
    ("url", "auth", "credentials"),
    [
        ("socks5://proxy", None, None),
        ("socks5://us%C3%A9r:p%3Aa%40@proxy", None, ("us\xe9r", "p:a@")),
        ("socks5h://user:pass@proxy", "Basic b3RoZXI6d29yZA==", ("other", "word")),
        ("socks5h://proxy", "basic dXNlcjpwOnA=", ("user", "p:p")),
        ("socks5h://proxy", "Basic dXPDqXI6cA==", ("us\xe9r", "p")),
        ("socks5h://proxy", "Basic dXPpcjpw", ("us\xe9r", "p")),
        ("socks4://user@proxy", None, ("user", "")),
        ("socks4a://proxy", "Basic dXNlcjo=", ("user", "")),
    ],
)
def test_credentials_for_socks(url: str, auth: Any, credentials: Any) -> None:
    proxy = Proxy.from_url(url, auth)
    assert proxy.credentials == credentials
    assert proxy.authorization is None
    assert proxy.url.user is None


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("socks5://proxy", {"auth": "Bearer c2VjcmV0"}, "must be Basic"),
        ("socks5://proxy", {"auth": "Basic"}, "no colon"),
        ("socks5://proxy", {"auth": "Basic secret!"}, "Base64"),
        ("socks5://proxy", {"auth": "Basic c2VjcmV0"}, "no colon"),
        ("socks5://proxy", {"headers": {"X-A": "secret"}}, "no headers"),
        ("socks5://proxy", {"headers": {"Proxy-Authorization": "secret"}}, "no headers"),
        ("socks4://user:secret@proxy", {}, "no passwords"),
        ("socks5://secret@proxy", {}, "1 to 255 octets, not 0"),
        ("socks5://user:" + "secret" * 50 + "@proxy", {}, "1 to 255 octets, not 300"),
        ("http://proxy", {"auth": "Basic secret\r\nX: y"}, "control character"),
        ("http://proxy", {"headers": {"Proxy-Authorization": "secret\n"}}, "control character"),
        ("http://proxy", {"headers": {"X-Token": "secret\n"}}, "'X-Token' .* control character"),
        ("http://user:secret/x@proxy:1", {}, "no URL"),
        ("http://user:secret@a\u2100b", {}, "no URL"),
        ("http://user:secret@[]@", {}, "no URL"),
    ],
)
def test_what_cannot_be_told_to_the_proxy_is_refused_without_showing_it(
    url: str, options: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Proxy.from_url(url, **options)
    shown = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not any("secret" in str(error) or "c2VjcmV0" in str(error) for error in shown)


def test_arguments_for_the_other_kind_of_proxy_are_refused() -> None:
    with pytest.raises(ValueError, match="no authorization"):
        Proxy(URL("socks5://proxy"), "Basic Og==")
    with pytest.raises(ValueError, match="credentials are for SOCKS"):
        Proxy(URL("https://proxy"), credentials=("user", "pass"))


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
def test_repr_shows_no_secret(scheme: str) -> None:
    proxy = Proxy.from_url(f"{scheme}://user:secret@proxy:1")
    endpoint = Endpoint("::1", 443, True, proxy=proxy)
    assert repr(endpoint) == f"<Endpoint https://[::1]:443 via {scheme}://proxy:1>"
    assert "=..." in repr(proxy)
    assert not {"user", "secret", "c2VjcmV0"} & set(re.split(r"\W", repr(proxy)))
