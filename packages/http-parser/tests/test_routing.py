import pytest

from whimbrel_http_parser import MalformedMessage
from whimbrel_http_parser._routing import check_host, check_request_target

V11 = (1, 1)
V10 = (1, 0)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b"/"),
        (b"GET", b"/a?b=c&d"),
        (b"GET", b"//a"),
        (b"GET", b"/%zz|^{}[]"),
        (b"GET", b"http://example.org/a"),
        (b"GET", b"HTTPS://[::1]:8443?a"),
        (b"GET", b"http://example.org"),
        (b"GET", b"ftp://user@example.org/a"),
        (b"OPTIONS", b"*"),
        (b"OPTIONS", b"/"),
        (b"CONNECT", b"example.org:443"),
        (b"CONNECT", b"[::1]:443"),
        (b"CONNECT", b"127.0.0.1:80"),
    ],
)
def test_these_targets_fit_their_methods(method: bytes, target: bytes) -> None:
    check_request_target(method, target)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b"*"),
        (b"GET", b"a"),
        (b"GET", b"urn:x"),
        (b"GET", b"a.b:443"),
        (b"GET", b"/a#b"),
        (b"GET", b"/\\.."),
        (b"GET", b"http://"),
        (b"GET", b"http:///a"),
        (b"GET", b"http:/a"),
        (b"GET", b"http:a"),
        (b"GET", b"https://user@example.org/"),
        (b"GET", b"http://example.org:port/"),
        (b"GET", b"http://example.org:123456/"),
        (b"GET", b"http://a\\b/"),
        (b"GET", b"?a"),
        (b"GET", b"example.org:443/a b"),
        (b"GET", b"[::1]:443"),
        (b"options", b"*"),
        (b"CONNECT", b"/"),
        (b"CONNECT", b"*"),
        (b"CONNECT", b"example.org"),
        (b"CONNECT", b"example.org:"),
        (b"CONNECT", b":443"),
        (b"CONNECT", b"user@example.org:443"),
        (b"CONNECT", b"http://example.org:443"),
        (b"CONNECT", b"::1:443"),
        (b"CONNECT", b"example.org:123456"),
    ],
)
def test_these_targets_do_not(method: bytes, target: bytes) -> None:
    with pytest.raises(MalformedMessage, match="target"):
        check_request_target(method, target)


@pytest.mark.parametrize(
    ("version", "host"),
    [
        (V11, b""),
        (V11, b"example.org"),
        (V11, b"example.org:"),
        (V11, b"example.org:80"),
        (V11, b"[::1]"),
        (V11, b"[v1.a:b]"),
        (V11, b"[::1]:80"),
        (V11, b"a%20b_c~"),
        (V10, None),
        (V10, b"example.org"),
    ],
)
def test_these_hosts_are_taken(version: tuple[int, int], host: bytes | None) -> None:
    check_host(version, host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        b"a b",
        b"a, b",
        b"a/b",
        b"user@a",
        b"a:b",
        b"a:80:80",
        b"::1",
        b"[::1",
        b"http://a",
        b"a\t",
        b"a#",
        b":80",
        b"%zz",
        b"a%4",
        b"[zz]",
        b"[]",
        b"a:123456",
        b"a?",
        b"\xe4",
    ],
)
def test_these_are_not(host: bytes | None) -> None:
    with pytest.raises(MalformedMessage, match="Host"):
        check_host(V11, host)
