import pytest

from whimbrel_http_parser import Framing, MalformedMessage
from whimbrel_http_parser._framing import (
    check_host,
    check_request_target,
    request_framing,
    response_framing,
    why_not_persistent,
)
from whimbrel_http_parser._scan import FramingFields

V11 = (1, 1)
V10 = (1, 0)
N, L, C, U, S = (
    Framing.NONE,
    Framing.LENGTH,
    Framing.CHUNKED,
    Framing.UNTIL_CLOSE,
    Framing.SWITCHED,
)


def fields_of(codings: list[bytes], lengths: list[bytes]) -> FramingFields:
    fields = FramingFields()
    for coding in codings:
        fields.add(b"Transfer-Encoding", coding)
    for length in lengths:
        fields.add(b"content-LENGTH", length)
    return fields


@pytest.mark.parametrize(
    ("method", "status", "version", "codings", "lengths", "framing", "length"),
    [
        # RFC 9112 section 6.3, step by step.
        ("GET", 101, V11, [], [], S, None),
        ("GET", 101, V11, [b"chunked"], [b"5"], S, None),
        ("CONNECT", 200, V11, [b"x"], [b"x"], S, None),
        ("CONNECT", 299, V10, [], [], S, None),
        ("CONNECT", 407, V11, [], [b"5"], L, 5),
        ("CONNECT", 300, V11, [], [], U, None),
        ("GET", 103, V11, [], [], N, None),
        ("HEAD", 200, V11, [], [b"5"], N, 5),
        ("HEAD", 200, V11, [b"chunked"], [], N, None),
        ("HEAD", 200, V11, [], [], N, None),
        ("GET", 204, V11, [], [], N, None),
        ("GET", 204, V11, [], [b"0"], N, 0),
        ("GET", 304, V11, [], [b"5"], N, 5),
        ("GET", 304, V11, [b"chunked"], [], N, None),
        ("GET", 200, V11, [b"chunked"], [], C, None),
        ("GET", 200, V11, [b"ChunKED"], [], C, None),
        ("POST", 404, V11, [], [b"0"], L, 0),
        ("GET", 200, V10, [], [b"007"], L, 7),
        ("GET", 200, V11, [], [b"9" * 19], L, 9999999999999999999),
        ("GET", 200, V11, [], [], U, None),
        ("get", 200, V11, [], [], U, None),
        ("connect", 200, V11, [], [b"1"], L, 1),  # methods are case-sensitive
    ],
)
def test_the_framing_of_a_response(
    *,
    method: str,
    status: int,
    version: tuple[int, int],
    codings: list[bytes],
    lengths: list[bytes],
    framing: Framing,
    length: int | None,
) -> None:
    fields = fields_of(codings, lengths)
    assert response_framing(method, status, version, fields) == (framing, length)


AMBIGUOUS: list[tuple[tuple[int, int], list[bytes], list[bytes]]] = [
    (V11, [b"chunked"], [b"5"]),
    (V11, [b"chunked"], [b"0"]),
    (V11, [b"gzip"], []),
    (V11, [b"gzip, chunked"], []),
    (V11, [b"chunked, chunked"], []),
    (V11, [b"chunked", b"chunked"], []),
    (V11, [b"chunked", b"identity"], []),
    (V11, [b"chunked, identity"], []),
    (V11, [b"identity"], []),
    (V11, [b"xchunked"], []),
    (V11, [b"chunked;x=y"], []),
    (V11, [b"\x0bchunked"], []),
    (V11, [b"chunked,"], []),
    (V11, [b""], []),
    (V10, [b"chunked"], []),
    (V11, [], [b"5", b"5"]),
    (V11, [], [b"5", b"6"]),
    (V11, [], [b"5, 5"]),
    (V11, [], [b"5,6"]),
    (V11, [], [b"+5"]),
    (V11, [], [b"-5"]),
    (V11, [], [b"5 5"]),
    (V11, [], [b"0x5"]),
    (V11, [], [b"5_0"]),
    (V11, [], [b"5.0"]),
    (V11, [], [b"\xb2"]),
    (V11, [], [b"\xd9\xa5"]),
    (V11, [], [b""]),
    (V11, [], [b"1" * 20]),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304, 500])
@pytest.mark.parametrize(("version", "codings", "lengths"), AMBIGUOUS)
def test_ambiguous_framing_is_refused_even_without_a_body(
    method: str, status: int, version: tuple[int, int], codings: list[bytes], lengths: list[bytes]
) -> None:
    with pytest.raises(MalformedMessage):
        response_framing(method, status, version, fields_of(codings, lengths))


@pytest.mark.parametrize(
    ("method", "version", "codings", "lengths", "framing", "length"),
    [
        ("GET", V11, [], [], N, None),
        ("GET", V10, [], [], N, None),
        ("GET", V11, [], [b"0"], L, 0),
        ("GET", V11, [], [b"5"], L, 5),
        ("POST", V11, [b"Chunked"], [], C, None),
        ("HEAD", V11, [], [b"5"], L, 5),
        ("CONNECT", V11, [], [], S, None),
        ("CONNECT", V11, [], [b"0"], S, None),
        ("connect", V11, [], [b"5"], L, 5),  # methods are case-sensitive
    ],
)
def test_the_framing_of_a_request(
    *,
    method: str,
    version: tuple[int, int],
    codings: list[bytes],
    lengths: list[bytes],
    framing: Framing,
    length: int | None,
) -> None:
    assert request_framing(method, version, fields_of(codings, lengths)) == (framing, length)


@pytest.mark.parametrize("method", ["GET", "POST", "CONNECT"])
@pytest.mark.parametrize(("version", "codings", "lengths"), AMBIGUOUS)
def test_ambiguous_framing_of_a_request_is_refused(
    method: str, version: tuple[int, int], codings: list[bytes], lengths: list[bytes]
) -> None:
    with pytest.raises(MalformedMessage):
        request_framing(method, version, fields_of(codings, lengths))


@pytest.mark.parametrize(("codings", "lengths"), [([b"chunked"], []), ([], [b"5"])])
def test_content_of_connect_is_refused(codings: list[bytes], lengths: list[bytes]) -> None:
    with pytest.raises(MalformedMessage, match="CONNECT"):
        request_framing("CONNECT", V11, fields_of(codings, lengths))


def test_an_unknown_transfer_coding_has_a_status_of_its_own() -> None:
    with pytest.raises(MalformedMessage) as caught:
        request_framing("POST", V11, fields_of([b"gzip, chunked"], []))
    assert caught.value.status_hint == 501


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b"/"),
        (b"GET", b"/a?b=c&d"),
        (b"GET", b"//a"),
        (b"GET", b"/%zz|\\^{}[]"),
        (b"GET", b"http://example.org/a"),
        (b"GET", b"urn:x"),
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
        b"a?",
        b"\xe4",
    ],
)
def test_these_are_not(host: bytes | None) -> None:
    with pytest.raises(MalformedMessage, match="Host"):
        check_host(V11, host)


@pytest.mark.parametrize(
    ("version", "connections", "reason"),
    [
        (V11, [], None),
        (V11, [b"keep-alive"], None),
        (V11, [b"Upgrade, X"], None),
        (V11, [b"close"], "the server sent Connection: close"),
        (V11, [b"x , \tCLOSE"], "the server sent Connection: close"),
        (V11, [b"keep-alive", b"close"], "the server sent Connection: close"),
        (V11, [b"closed"], None),
        (V10, [], "HTTP/1.0 without keep-alive"),
        (V10, [b"Keep-Alive"], None),
        (V10, [b"Keep-Alive, close"], "the server sent Connection: close"),
    ],
)
def test_why_a_connection_does_not_persist(
    version: tuple[int, int], connections: list[bytes], reason: str | None
) -> None:
    fields = FramingFields()
    for connection in connections:
        fields.add(b"CONNECTION", connection)
    assert why_not_persistent("server", version, fields.connection) == reason
