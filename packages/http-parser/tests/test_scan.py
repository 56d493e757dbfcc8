"""The short way through the grammar, in both its forms, against the long one."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whimbrel_http_parser import STRICT, Limits, MalformedMessage
from whimbrel_http_parser._scan import (
    REASON_OFFSET,
    KnownFields,
    decode_block,
    decode_block_by_byte,
    scan_section,
    scan_section_by_byte,
    scan_section_by_pattern,
    scan_status_line,
    scan_status_line_by_byte,
    scan_status_line_by_pattern,
    split_lines,
)
from whimbrel_http_parser._section import ResponseHead, Section

Lines = list[tuple[bytes, bytes]]
Scan = Callable[[bytes, int, int, int, KnownFields], int]

STATUS_LINE = b"HTTP/1.1 200 OK\r\n"
START = len(STATUS_LINE)
SCANS: list[Scan] = [scan_section_by_byte, scan_section_by_pattern, scan_section]


def scanned(scan: Scan, section: bytes, maximum: int = 128) -> Lines | None:
    """Scan a section behind a status line; return its lines, or None."""
    data = STATUS_LINE + section
    fields = KnownFields()
    end = scan(data, START, len(data), maximum, fields)
    if end < 0:
        return None
    block = data[START - 1 : end - 2]
    lines = split_lines(block)
    decoded = [(n.decode(), v.decode("utf-8", "surrogateescape")) for n, v in lines]
    assert list(decode_block(block).items()) == decoded
    if len(text := block.decode("utf-8", "surrogateescape")) == len(block):
        assert list(decode_block_by_byte(block, text).items()) == decoded
    known = KnownFields.of(lines)
    for attribute in ("connection", "content_length", "host", "transfer_encoding"):
        assert getattr(fields, attribute) == getattr(known, attribute)
    return lines


def line_by_line(section: bytes) -> Lines | None:
    """Take the section as `Section` does; return its lines, or None."""
    limits = Limits()
    taken = Section(limits, STRICT, "trailers", limits.trailers)
    try:
        taken.feed(section, 0)
    except MalformedMessage:
        return None
    assert split_lines(taken.block) == taken.lines
    return taken.lines if taken.complete else None


PLAIN: list[tuple[bytes, Lines]] = [
    (b"", []),
    (b"A: b\r\n", [(b"A", b"b")]),
    (b"A:b\r\n", [(b"A", b"b")]),
    (b"A:\t  b c\r\n", [(b"A", b"b c")]),
    (b"A:\r\n", [(b"A", b"")]),
    (b"A: b:c\r\nA: :\r\n", [(b"A", b"b:c"), (b"A", b":")]),
    (b"!#$%&'*+-.^_`|~0aZ: \x80\xff\t!\r\n", [(b"!#$%&'*+-.^_`|~0aZ", b"\x80\xff\t!")]),
    (b"A: \xc3\xa4\xc3\r\nB: \xa4\r\n", [(b"A", b"\xc3\xa4\xc3"), (b"B", b"\xa4")]),
    (b"Host: a\r\nhost: b\r\n", [(b"Host", b"a"), (b"host", b"b")]),
    (b"CONTENT-LENGTH: 5\r\n", [(b"CONTENT-LENGTH", b"5")]),
    (b"Connection:close\r\nConnection: x\r\n", [(b"Connection", b"close"), (b"Connection", b"x")]),
    (b"transfer-ENCODING:\tchunked\r\n", [(b"transfer-ENCODING", b"chunked")]),
    # Names that are like those that are known.
    (b"Content-Lengths: 5\r\n", [(b"Content-Lengths", b"5")]),
    (b"Content_Length: 5\r\n", [(b"Content_Length", b"5")]),
    (b"XHost: 5\r\n", [(b"XHost", b"5")]),
    (b"test: Host: 5\r\n", [(b"test", b"Host: 5")]),
    (b"tost: 5\r\n", [(b"tost", b"5")]),
    (b"hontent-length: 5\r\n", [(b"hontent-length", b"5")]),
    (b"a" * 300 + b": 5\r\n", [(b"a" * 300, b"5")]),
]


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("trailing", [b"", b"more", b"\r\n", b"A: b\r\n\r\n"])
@pytest.mark.parametrize(("data", "lines"), PLAIN)
def test_a_plain_section_is_recognised(
    scan: Scan, data: bytes, lines: Lines, trailing: bytes
) -> None:
    assert scanned(scan, data + b"\r\n" + trailing) == lines
    assert line_by_line(data + b"\r\n") == lines


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize(("data", "lines"), PLAIN)
def test_a_section_that_is_not_all_there_is_left_alone(
    scan: Scan, data: bytes, lines: Lines
) -> None:
    whole = STATUS_LINE + data + b"\r\n"
    for size in range(START, len(whole)):
        assert scan(whole[:size], START, size, 128, KnownFields()) == -1
        assert scan(whole, START, size, 128, KnownFields()) == -1
    assert scan(whole, START, len(whole) + 100, len(lines), KnownFields()) == len(whole)


DATA = Path(__file__).parent / "data"
NOT_PLAIN = [
    *(
        line.encode("latin-1")
        for line in tomllib.loads((DATA / "field_lines.toml").read_text("ascii"))["refused"]
    ),
    b"\rx",
    # Correct, and left to `Section`.
    b"A: b \r\n",
    b"A: \r\n",
    b"A:\t\r\n",
]


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("data", NOT_PLAIN)
def test_anything_else_is_left_alone(scan: Scan, data: bytes) -> None:
    assert scanned(scan, data + b"\r\n") is None
    assert scanned(scan, b"A: b\r\n" + data + b"\r\n") is None


@pytest.mark.parametrize("scan", SCANS)
def test_too_many_lines_are_left_alone(scan: Scan) -> None:
    # Of the shortest lines, and of longer ones: the pattern does not count every section.
    for line in (b"A:\r\n", b"A: b\r\n", b"Name: value\r\n"):
        assert scanned(scan, line * 3 + b"\r\n", 2) is None
        assert scanned(scan, line * 3 + b"\r\n", 3) is not None
    assert scanned(scan, b"\r\n", 0) == []
    assert scanned(scan, b"A:\r\n\r\n", 0) is None


_PIECES = st.sampled_from(
    [
        b"A", b"name", b":", b" ", b"\t", b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"value", b"(",
        b"A: b\r\n", b"\r\n\r\n", b"Host", b"content-length", b"Connection: a\r\n",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map(b"".join))
@example(b"A: b\r\n")
@example(b"A: b \r\nC:\r\n")
def test_the_scans_agree_and_accept_nothing_that_goes_line_by_line_would_not(data: bytes) -> None:
    data += b"\r\n\r\n"
    by_byte = scanned(scan_section_by_byte, data)
    assert by_byte == scanned(scan_section_by_pattern, data)
    if by_byte is not None:
        assert by_byte == line_by_line(data)


STATUS_LINES = [
    (b"HTTP/1.1 200 OK\r\n", (1, 200, b"OK")),
    (b"HTTP/1.0 404 Not  Found\t\r\n", (0, 404, b"Not  Found\t")),
    (b"HTTP/1.1 999 \xe4\xfc\r\n", (1, 999, b"\xe4\xfc")),
    (b"HTTP/1.1 100 \r\n", (1, 100, b"")),
]
STATUS_SCANS = [scan_status_line_by_byte, scan_status_line_by_pattern, scan_status_line]


@pytest.mark.parametrize("scan", STATUS_SCANS)
@pytest.mark.parametrize(("line", "expected"), STATUS_LINES)
def test_a_status_line_is_recognised_when_it_is_all_there(
    scan: Callable[[bytes, int], tuple[int, int, int]],
    line: bytes,
    expected: tuple[int, int, bytes],
) -> None:
    for before in (b"", b"before"):
        for behind in (b"", b"\r\n", b"A: b\r\n"):
            data = before + line + behind
            end, minor, status = scan(data, len(before))
            assert end == len(before) + len(line)
            assert (minor, status, data[len(before) + REASON_OFFSET : end - 2]) == expected
    for size in range(len(line)):
        assert scan(line[:size], 0)[0] == -1


@given(
    st.one_of(
        st.binary(max_size=20).map(lambda tail: b"HTTP/1.1 2" + tail + b"\r\n"),
        st.tuples(st.integers(0, 16), st.binary(min_size=1, max_size=1)).map(
            lambda change: STATUS_LINE[: change[0]] + change[1] + STATUS_LINE[change[0] + 1 :]
        ),
    )
)
@example(b"HTTP/1.1 200\r\n")
@example(b"HTTP/1.2 200 OK\r\n")
@example(b"HTTP/1.1 099 OK\r\n")
@example(b"HTTP/1.1 20: OK\r\n")
@example(b"HTTP/1./ 200 OK\r\n")
@example(b"HTTP/1.1 200 O\x7f\r\n")
@example(b"HTTP/1.1 200 O\rK\r\n")
@example(b"HTTP/1.1 200 OK\r\r\n")
def test_the_scans_of_a_status_line_agree_with_each_other_and_the_long_way(data: bytes) -> None:
    by_byte = scan_status_line_by_byte(data, 0)
    assert by_byte == scan_status_line_by_pattern(data, 0)
    if by_byte[0] >= 0:
        head = ResponseHead(Limits(), STRICT)
        assert head.feed(data[: by_byte[0]] + b"\r\n", 0) == by_byte[0] + 2
        assert (head.version, head.status) == ((1, by_byte[1]), by_byte[2])
