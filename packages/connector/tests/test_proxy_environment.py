from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from typing import Any

import pytest
from yarl import URL

from whimbrel_connector import Proxy
from whimbrel_connector.proxy_environment import EnvironmentProxies

SCHEMES = {"http": 80, "https": 443, "ws": 80, "wss": 443}
EVERY = dict.fromkeys(SCHEMES, "a")


def named(variables: dict[str, str], host: str = "example.org") -> dict[str, str]:
    """Return the host of the proxy for each scheme that has one."""
    proxies = EnvironmentProxies(variables)
    found = {scheme: proxies.proxy_for(scheme, host, port) for scheme, port in SCHEMES.items()}
    return {scheme: proxy.host for scheme, proxy in found.items() if proxy is not None}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {}),
        ({"http_proxy": "http://p:1"}, {"http": "p", "ws": "p"}),
        ({"https_proxy": "http://p:1"}, {"https": "p", "wss": "p"}),
        ({"ws_proxy": "http://p:1"}, {"ws": "p"}),
        ({"wss_proxy": "http://p:1"}, {"wss": "p"}),
        ({"all_proxy": "http://a:1"}, EVERY),
        ({"ftp_proxy": "http://p:1", "proxy": "http://p:1", "_proxy": "p"}, {}),
        (
            {"all_proxy": "a", "http_proxy": "h", "wss_proxy": "w"},
            {"http": "h", "https": "a", "ws": "h", "wss": "w"},
        ),
        # upper case, and which one wins
        ({"HTTP_PROXY": "p"}, {"http": "p", "ws": "p"}),
        ({"HTTPS_PROXY": "p"}, {"https": "p", "wss": "p"}),
        ({"ALL_PROXY": "a"}, EVERY),
        ({"WS_PROXY": "p", "WSS_PROXY": "q"}, {"ws": "p", "wss": "q"}),
        ({"https_proxy": "low", "HTTPS_PROXY": "up"}, {"https": "low", "wss": "low"}),
        ({"Https_Proxy": "p", "hTTP_proxy": "p", "All_Proxy": "p"}, {}),
        ({"HTTPS_PROXY": "up", "all_proxy": "a"}, EVERY | {"https": "up", "wss": "up"}),
        # empty is none
        ({"http_proxy": "", "https_proxy": " \t"}, {}),
        ({"https_proxy": "", "HTTPS_PROXY": "up"}, {}),
        ({"https_proxy": "", "all_proxy": "a"}, EVERY),
        ({"ws_proxy": "", "http_proxy": "h"}, {"http": "h", "ws": "h"}),
        ({"all_proxy": "", "ALL_PROXY": "a", "http_proxy": "h"}, {"http": "h", "ws": "h"}),
        ({"https_proxy": "  http://p:1\n"}, {"https": "p", "wss": "p"}),
        # a program that answers by CGI
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "evil"}, {}),
        ({"REQUEST_METHOD": "", "HTTP_PROXY": "evil"}, {}),
        ({"REQUEST_METHOD": "", "HTTP_PROXY": "evil", "http_proxy": "p"}, {"http": "p", "ws": "p"}),
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "evil", "http_proxy": ""}, {}),
        ({"REQUEST_METHOD": "GET", "HTTPS_PROXY": "p"}, {"https": "p", "wss": "p"}),
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "evil", "ALL_PROXY": "a"}, EVERY),
        # exceptions
        ({"all_proxy": "a", "no_proxy": "example.org"}, {}),
        ({"all_proxy": "a", "NO_PROXY": "example.org"}, {}),
        ({"all_proxy": "a", "no_proxy": "example.org:443"}, {"http": "a", "ws": "a"}),
        ({"all_proxy": "a", "no_proxy": "other.test", "NO_PROXY": "*"}, EVERY),
        ({"all_proxy": "a", "no_proxy": "", "NO_PROXY": "*"}, EVERY),
        ({"all_proxy": "a", "no_proxy": "*"}, {}),
        ({"all_proxy": "a", "No_Proxy": "*"}, EVERY),
    ],
)  # fmt: skip  # a line for a case
def test_which_variable_counts(variables: dict[str, str], expected: dict[str, str]) -> None:
    assert named(variables) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("proxy.test:3128", Proxy.from_url("http://proxy.test:3128")),
        ("proxy.test", Proxy.from_url("http://proxy.test:80")),
        ("http://proxy.test", Proxy.from_url("http://proxy.test:80")),
        ("http://proxy.test:3128/", Proxy.from_url("http://proxy.test:3128")),
        ("HTTP://Proxy.TEST:3128", Proxy.from_url("http://proxy.test:3128")),
        ("127.0.0.1:3128", Proxy.from_url("http://127.0.0.1:3128")),
        ("[::1]:3128", Proxy.from_url("http://[::1]:3128")),
        ("http://[::1]", Proxy.from_url("http://[::1]:80")),
        ("http://bücher.example:1", Proxy.from_url("http://xn--bcher-kva.example:1")),
        ("user:pass@proxy.test:1", Proxy.from_url("http://user:pass@proxy.test:1")),
        ("http://user@proxy.test:1", Proxy.from_url("http://user@proxy.test:1")),
    ],
)
def test_what_a_proxy_may_look_like(value: str, expected: Proxy) -> None:
    assert EnvironmentProxies({"http_proxy": value}).proxy_for("http", "h", 80) == expected


@pytest.mark.parametrize("scheme", ["http", "https", "socks4", "socks4a", "socks5", "socks5h"])
def test_every_kind_of_proxy_may_be_named(scheme: str) -> None:
    proxy = EnvironmentProxies({"all_proxy": f"{scheme}://p.test:99"}).proxy_for("wss", "h", 443)
    assert proxy == Proxy.from_url(f"{scheme}://p.test:99")


def test_credentials_become_those_of_the_proxy_and_stay_out_of_its_url() -> None:
    value = "http://us%40er:p%2Fa%3As%25s+%C3%BC@proxy.test:1"
    proxy = EnvironmentProxies({"http_proxy": value}).proxy_for("http", "h", 80)
    assert proxy is not None
    assert proxy.url == URL("http://proxy.test:1")
    assert proxy.authorization == "Basic " + b64encode("us@er:p/a:s%s+ü".encode()).decode()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("http://user:S3CRET@host:port", "no URL"),
        ("http://user:S3C/RET@host:1", "no URL"),
        ("user:S3CRET@host:99999", "no URL"),
        ("user:S3CRET@[::1", "no URL"),
        ("user:S3CRET@[]@", "no URL"),
        ("user:S3CRET@:3128", "no URL"),
        ("http://", "no URL"),
        ("http:///S3CRET", "no URL"),
        ("//host:3128", "no URL"),
        (":3128", "no URL"),
        ("user:S3C#RET@host:1", "no URL"),
        ("user:S3CRET@exa*mple:1", "its host"),
        ("user:S3CRET@a..b:1", "its host"),
        ("user:S3CRET@host:0", "its port is 0"),
        ("ftp://user:S3CRET@host:1", "scheme 'ftp'"),
        ("socks://user:S3CRET@host:1", "scheme 'socks'"),
        ("user:S3CRET@\udcff:1", "a character"),
        ("user:\udcffS3CRET@host:1", "a character"),
        ("user:S3C\r\nRET@host:1", "a character"),
        ("user:S3CRET@exa mple:1", "a character"),
        ("user:S3CRET@host\x00:1", "a character"),
        ("socks5://user:S3CRET" + "x" * 256 + "@host:1", "its credentials"),
        ("socks5://" + "x" * 256 + ":S3CRET@host:1", "its credentials"),
        ("x" * 10_000 + "://user:S3CRET@host:1", "scheme 'xxx"),
    ],
)
def test_a_broken_variable_is_named_and_its_value_is_not_told(value: str, fault: str) -> None:
    proxies = EnvironmentProxies({"HTTPS_PROXY": value, "http_proxy": "p", "no_proxy": "local"})
    with pytest.raises(ValueError, match=r"^HTTPS_PROXY names no usable proxy: .*") as caught:
        proxies.proxy_for("https", "example.org", 443)
    assert fault in str(caught.value)
    assert "S3C" not in str(caught.value) + repr(proxies)
    assert "RET" not in str(caught.value) + repr(proxies)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert len(str(caught.value)) < 300


def test_a_broken_variable_breaks_only_what_it_concerns() -> None:
    proxies = EnvironmentProxies(
        {
            "https_proxy": "http://host:port",
            "http_proxy": "p",
            "wss_proxy": "w",
            "all_proxy": "ftp://a",
            "no_proxy": "local",
        }
    )
    assert proxies.proxy_for("https", "x.local", 443) is None
    for scheme in ("http", "ws", "wss"):
        assert proxies.proxy_for(scheme, "example.org", 80) is not None
    for _ in range(2):
        with pytest.raises(ValueError, match="https_proxy"):
            proxies.proxy_for("https", "example.org", 443)


def test_each_url_asks_anew() -> None:
    proxies = EnvironmentProxies(
        {
            "http_proxy": "http://plain.test:1",
            "https_proxy": "http://secure.test:2",
            "no_proxy": "direct.test, [::1]:8080",
        }
    )

    def host(url: URL | str) -> str | None:
        proxy = proxies.proxy_for_url(url)
        return None if proxy is None else proxy.host

    assert host("http://example.org/") == "plain.test"
    assert host(URL("https://example.org/")) == "secure.test"
    assert host("wss://user:pass@example.org/") == "secure.test"
    assert host("https://www.DIRECT.test/") is None
    assert host("http://[::1]:8080/") is None
    assert host("http://[::1]/") == "plain.test"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://example.org/", "'ftp'"),
        ("x" * 500 + "://example.org/", "'" + "x" * 20 + "'"),
        ("//example.org/", "''"),
        ("http://user:S3C/RET@host:1/", "no URL"),
        ("http://[]@/", "no URL"),
        ("/path", "without a host"),
        ("", "without a host"),
    ],
)
def test_what_is_no_url_of_ours_is_an_error(url: str, told: str) -> None:
    proxies = EnvironmentProxies({"all_proxy": "p"})
    with pytest.raises(ValueError, match=told) as caught:
        proxies.proxy_for_url(url)
    assert len(str(caught.value)) < 150


def test_it_is_a_snapshot() -> None:
    variables = {"http_proxy": "http://p:1"}
    proxies = EnvironmentProxies(variables)
    variables["http_proxy"] = "http://q:1"
    variables["no_proxy"] = "*"
    first = proxies.proxy_for("http", "h", 80)
    assert first == Proxy.from_url("http://p:1")
    assert proxies.proxy_for("http", "other", 80) is first
    assert not proxies.may_block


def test_a_bypass_is_asked_after_no_proxy_and_only_where_there_is_a_proxy() -> None:
    asked = []

    def bypass(host: str) -> bool:
        asked.append(host)
        return host.startswith("in")

    proxies = EnvironmentProxies({"http_proxy": "p", "no_proxy": "direct.test"}, bypass=bypass)
    assert proxies.may_block
    assert proxies.proxy_for("http", "direct.test", 80) is None
    assert proxies.proxy_for("https", "inside.test", 443) is None
    assert asked == []
    assert proxies.proxy_for("http", "inside.test", 80) is None
    assert proxies.proxy_for("http", "outside.test", 80) is not None
    assert asked == ["inside.test", "outside.test"]


def test_it_says_which_variables_count_and_no_secrets() -> None:
    proxies = EnvironmentProxies({"HTTP_PROXY": "u:S3CRET@p", "all_proxy": "u:S3CRET@q:x"})
    assert repr(proxies) == "<EnvironmentProxies of HTTP_PROXY, all_proxy>"
    assert repr(EnvironmentProxies({})) == "<EnvironmentProxies of nothing>"


def run(code: str, **variables: str) -> str:
    """Run `code` in a process with this environment, where nothing is shared with ours."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    code = "from whimbrel_connector.proxy_environment import EnvironmentProxies as E\n" + code
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | variables,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    ).stdout.strip()


ASK = "p = E.from_environment()\nprint(p.proxy_for_url('http://h/'), p.may_block)"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"http_proxy": "p:1"}, "<Proxy http://p:1, 0 headers> False"),
        ({"http_proxy": "p:1", "no_proxy": "h"}, "None False"),
        ({}, "None False"),
    ],
)
@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="there the system has settings")
def test_the_environment_of_the_process_is_read(variables: dict[str, Any], expected: str) -> None:
    assert run(ASK, **variables) == expected


SYSTEM = """
import sys, urllib.request
urllib.request.getproxies = lambda: {"http": "http://system:8", "socks": "socks4://s:1"}
urllib.request.proxy_bypass = lambda host: host == "inside"
sys.platform = "darwin"
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "<Proxy http://system:8, 0 headers> True"),
        ({"http_proxy": "", "all_proxy": " "}, "<Proxy http://system:8, 0 headers> True"),
        (
            {"REQUEST_METHOD": "GET", "HTTP_PROXY": "evil"},
            "<Proxy http://system:8, 0 headers> True",
        ),
        ({"https_proxy": "p:1"}, "None False"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="it must not look like another system")
def test_the_system_is_asked_where_the_environment_names_no_proxy(
    variables: dict[str, Any], expected: str
) -> None:
    assert run(SYSTEM + ASK, **variables) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="it must not look like another system")
def test_the_system_has_exceptions_of_its_own() -> None:
    ask = "p = E.from_environment()\nprint(p.proxy_for('http', 'inside', 80))"
    assert run(SYSTEM + ask) == "None"
