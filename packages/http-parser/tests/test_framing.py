import pytest

from whimbrel_http_parser import Framing, MalformedMessage
from whimbrel_http_parser._framing import request_framing, response_framing, why_not_persistent
from whimbrel_http_parser._scan import KnownFields

V11 = (1, 1)
V10 = (1, 0)
N, L, C, U, S = (
    Framing.NONE,
    Framing.LENGTH,
    Framing.CHUNKED,
    Framing.UNTIL_CLOSE,
    Framing.SWITCHED,
)


def fields_of(codings: list[bytes], lengths: list[bytes]) -> KnownFields:
    fields = KnownFields()
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


@pytest.mark.parametrize(
    ("codings", "status"),
    [
        ([b"gzip, chunked"], 501),
        ([b"gzip", b"x,Chunked"], 501),
        # RFC 9112 section 6.3, step 4: chunked is not the last one, or not there.
        ([b"gzip"], 400),
        ([b"identity"], 400),
        ([b"chunked, gzip"], 400),
        # Section 6.1: chunked twice; and what is no list of codings.
        ([b"chunked, chunked"], 400),
        ([b"chunked", b"gzip", b"chunked"], 400),
        ([b""], 400),
        ([b", chunked"], 400),
        ([b"gz(ip, chunked"], 400),
        ([b'"chunked"'], 400),
    ],
)
def test_the_status_for_a_transfer_encoding(codings: list[bytes], status: int) -> None:
    with pytest.raises(MalformedMessage) as caught:
        request_framing("POST", V11, fields_of(codings, []))
    assert caught.value.status_hint == status


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
    fields = KnownFields()
    for connection in connections:
        fields.add(b"CONNECTION", connection)
    assert why_not_persistent("server", version, fields.connection) == reason
