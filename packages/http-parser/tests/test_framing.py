import pytest

from whimbrel_http_parser import Framing, MalformedMessage
from whimbrel_http_parser._framing import reason_to_close, response_framing

V11 = (1, 1)
V10 = (1, 0)
N, L, C, U, S = (
    Framing.NONE,
    Framing.LENGTH,
    Framing.CHUNKED,
    Framing.UNTIL_CLOSE,
    Framing.SWITCHED,
)


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
    assert response_framing(method, status, version, codings, lengths) == (framing, length)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304, 500])
@pytest.mark.parametrize(
    ("version", "codings", "lengths"),
    [
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
    ],
)
def test_ambiguous_framing_is_refused_even_without_a_body(
    method: str, status: int, version: tuple[int, int], codings: list[bytes], lengths: list[bytes]
) -> None:
    with pytest.raises(MalformedMessage):
        response_framing(method, status, version, codings, lengths)


@pytest.mark.parametrize(
    ("status", "version", "framing", "connections", "announces", "reason"),
    [
        (200, V11, L, [], True, None),
        (200, V11, C, [b"keep-alive"], True, None),
        (200, V11, L, [b"Upgrade, X"], True, None),
        (200, V11, L, [b"close"], True, "the server sent Connection: close"),
        (200, V11, L, [b"x , \tCLOSE"], True, "the server sent Connection: close"),
        (200, V11, L, [b"keep-alive", b"close"], True, "the server sent Connection: close"),
        (200, V11, L, [b"closed"], True, None),
        (200, V10, L, [], True, "HTTP/1.0 without keep-alive"),
        (200, V10, L, [b"Keep-Alive"], True, None),
        (200, V10, L, [b"Keep-Alive, close"], True, "the server sent Connection: close"),
        (200, V11, U, [b"keep-alive"], False, "the body is delimited by close"),
        (101, V11, S, [b"upgrade"], False, "the protocol was switched"),
        (204, V11, N, [], False, None),
        (204, V11, N, [], True, "a 204 response announced a body"),
        (304, V11, N, [], True, None),
    ],
)
def test_the_reason_to_close(
    *,
    status: int,
    version: tuple[int, int],
    framing: Framing,
    connections: list[bytes],
    announces: bool,
    reason: str | None,
) -> None:
    assert reason_to_close(status, version, framing, connections, announces) == reason
