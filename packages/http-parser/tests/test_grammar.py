import pytest

from whimbrel_http_parser import _grammar

TCHARS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_is_in_its_classes(byte: int) -> None:
    data = bytes([byte])
    is_text = byte == 9 or 32 <= byte <= 126 or byte >= 128
    assert (_grammar.TOKEN.fullmatch(data) is not None) is (data in TCHARS)
    assert (_grammar.TEXT.fullmatch(data) is not None) is is_text
    assert (_grammar.REQUEST_TARGET.fullmatch(data) is not None) is (
        33 <= byte <= 126 and data not in b"#\\"
    )
    assert (_grammar.HEX_VALUE[byte] < 16) is (data in b"0123456789abcdefABCDEF")
    if _grammar.HEX_VALUE[byte] < 16:
        assert _grammar.HEX_VALUE[byte] == int(data, 16)


@pytest.mark.parametrize("data", [b"", b"a b", b"a\n", b"caf\xc3\xa9"])
def test_these_are_no_tokens(data: bytes) -> None:
    assert _grammar.TOKEN.fullmatch(data) is None


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        (b"HTTP/1.1 200 OK", (b"1", b"200", b"OK")),
        (b"HTTP/1.0 404 Not  Found\t", (b"0", b"404", b"Not  Found\t")),
        (b"HTTP/1.1 999 \xe4\xfc", (b"1", b"999", b"\xe4\xfc")),
        (b"HTTP/1.1 204 ", (b"1", b"204", b"")),
        (b"HTTP/1.1 204", (b"1", b"204", None)),
    ],
)
def test_these_are_status_lines(line: bytes, groups: tuple[bytes | None, ...]) -> None:
    match = _grammar.STATUS_LINE.fullmatch(line)
    assert match is not None
    assert match.groups() == groups


NO_STATUS_LINES = [
    b"",
    b"HTTP/1.1",
    b"HTTP/1.1 ",
    b"HTTP/1.2 200 OK",
    b"HTTP/2.0 200 OK",
    b"HTTP/0.9 200 OK",
    b"HTTP/1.11 200 OK",
    b"HTTP/11 200 OK",
    b"http/1.1 200 OK",
    b" HTTP/1.1 200 OK",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1\t200 OK",
    b"HTTP/1.1 20 OK",
    b"HTTP/1.1 099 OK",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 +20 OK",
    b"HTTP/1.1 2\xb20 OK",
    b"HTTP/1.1 200OK",
    b"HTTP/1.1 200\tOK",
    b"HTTP/1.1 200 O\x00K",
    b"HTTP/1.1 200 O\rK",
    b"HTTP/1.1 200 O\x7fK",
    b"HTTPS/1.1 200 OK",
    b"ICY 200 OK",
]


@pytest.mark.parametrize("line", NO_STATUS_LINES)
def test_these_are_no_status_lines(line: bytes) -> None:
    assert _grammar.STATUS_LINE.fullmatch(line) is None
    assert _grammar.STATUS_LINE_CRLF.match(line + b"\r\n") is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"no colon", "no colon"),
        (b": value", "empty name"),
        (b"Name : value", "whitespace"),
        (b"Name\t: value", "whitespace"),
        (b"Na me: value", "token"),
        (b"N\xc3\xa4me: value", "token"),
        (b"Name\x00: value", "token"),
        (b"Name: val\x00ue", "control character"),
        (b"Name: val\rue", "control character"),
        (b"Name: val\x7fue", "control character"),
    ],
)
def test_the_fault_of_a_field_line_is_named(line: bytes, fault: str) -> None:
    assert _grammar.FIELD_LINE.fullmatch(line) is None
    assert fault in _grammar.fault_of_field_line(line)


@pytest.mark.parametrize(
    ("line", "size", "extensions"),
    [
        (b"0", b"0", None),
        (b"aF9", b"aF9", None),
        (b"0" * 16, b"0" * 16, None),
        (b"5;a", b"5", b";a"),
        (b'5 ; a="b;c" ', b"5", b' ; a="b;c" '),
    ],
)
def test_these_are_chunk_lines(line: bytes, size: bytes, extensions: bytes | None) -> None:
    match = _grammar.CHUNK_LINE.fullmatch(line)
    assert match is not None
    assert match.groups() == (size, extensions)


@pytest.mark.parametrize(
    "line",
    [b"", b"g", b"0x5", b"-5", b"+5", b" 5", b"5 ", b"5_0", b"5,a", b"5;\n", b"5;\ra", b"0" * 17],
)
def test_these_are_no_chunk_lines(line: bytes) -> None:
    assert _grammar.CHUNK_LINE.fullmatch(line) is None
