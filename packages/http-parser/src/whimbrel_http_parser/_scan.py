"""A head that has arrived whole and is correct: recognised at once, its fields split later.

Most heads are like that, and most of their fields are never looked at. So the scan only finds out
where the head ends and what the few fields say that the reader must know; what else it holds is
split when somebody asks.

What is done for every response has two forms over the one grammar of `_grammar`: a loop over the
bytes, which is fastest when compiled, and a pattern, which is fastest when interpreted. The tests
hold them against each other, and against `Section`, which takes all that the scan leaves alone.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Final, TypeAlias

from multidict import CIMultiDict

from whimbrel_http_parser._grammar import (
    FIELD_SECTION,
    IS_TCHAR,
    KNOWN_FIELDS,
    KNOWN_NAMES,
    SPLIT_FIELD_LINES,
    SPLIT_TEXT_FIELD_LINES,
    STATUS_LINE_CRLF,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    # A machine integer when compiled, an ordinary one otherwise; nothing of it at run time.
    from mypy_extensions import i64

FieldLines: TypeAlias = list[tuple[bytes, bytes]]

_HTAB: Final = 9
_LF: Final = 10
_CR: Final = 13
_SP: Final = 32
_ZERO: Final = 48
_COLON: Final = 58
_DEL: Final = 127

_NO_LINE: Final = (-1, 0, 0)

REASON_OFFSET: Final = len(b"HTTP/1.1 200 ")

# To tell most other names from the known ones without a copy: for each byte whether one of these
# starts with it, and for each number whether one of them is so long.
_STARTS: Final = bytes(
    any(byte in (name[0], name.upper()[0]) for name in KNOWN_NAMES) for byte in range(256)
)
_LENGTHS: Final = bytes(any(len(name) == n for name in KNOWN_NAMES) for n in range(256))


class KnownFields:
    """The fields of `KNOWN_NAMES`: what frames a message, ends its connection, or routes it.

    Each is its value, or `None` without one. Several lines of one name are one list (RFC 9110
    section 5.3), which for all but Connection is one value too many.
    """

    __slots__ = ("connection", "content_length", "host", "transfer_encoding")

    def __init__(self) -> None:
        self.connection: bytes | None = None
        self.content_length: bytes | None = None
        self.host: bytes | None = None
        self.transfer_encoding: bytes | None = None

    @classmethod
    def of(cls, lines: Iterable[tuple[bytes, bytes]]) -> KnownFields:
        """Pick these fields out of `lines`."""
        fields = cls()
        for name, value in lines:
            fields.add(name, value)
        return fields

    def add(self, name: bytes, value: bytes) -> None:
        """Take a field line, if it is one of these fields.

        Args:
            name: its name, in any case.
            value: its value, without whitespace around.
        """
        lowered = name.lower()
        if lowered == b"content-length":
            earlier = self.content_length
            self.content_length = value if earlier is None else earlier + b", " + value
        elif lowered == b"connection":
            earlier = self.connection
            self.connection = value if earlier is None else earlier + b", " + value
        elif lowered == b"transfer-encoding":
            earlier = self.transfer_encoding
            self.transfer_encoding = value if earlier is None else earlier + b", " + value
        elif lowered == b"host":
            earlier = self.host
            self.host = value if earlier is None else earlier + b", " + value


def scan_status_line_by_byte(data: bytes, start: i64) -> tuple[i64, i64, i64]:
    """Do what `scan_status_line` does by looking at each byte."""
    size: i64 = len(data)
    if size - start < 15 or not data.startswith(b"HTTP/1.", start):
        return _NO_LINE
    minor: i64 = data[start + 7] - _ZERO
    hundreds: i64 = data[start + 9] - _ZERO
    tens: i64 = data[start + 10] - _ZERO
    ones: i64 = data[start + 11] - _ZERO
    if minor < 0 or minor > 1 or data[start + 8] != _SP or data[start + 12] != _SP:
        return _NO_LINE
    if hundreds < 1 or hundreds > 9 or tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return _NO_LINE
    pos: i64 = start + REASON_OFFSET
    while pos < size and (data[pos] >= _SP or data[pos] == _HTAB) and data[pos] != _DEL:
        pos += 1
    if pos + 1 >= size or data[pos] != _CR or data[pos + 1] != _LF:
        return _NO_LINE
    return pos + 2, minor, hundreds * 100 + tens * 10 + ones


def scan_status_line_by_pattern(data: bytes, start: int) -> tuple[int, int, int]:
    """Do what `scan_status_line` does by matching a pattern."""
    match = STATUS_LINE_CRLF.match(data, start)
    if match is None:
        return _NO_LINE
    return match.end(), data[start + 7] - _ZERO, int(data[start + 9 : start + 12])


def _end_of_value(data: bytes, start: i64, size: i64) -> i64:
    """Return where the CRLF is that ends the value, or -1."""
    pos: i64 = start
    while pos < size:
        byte: i64 = data[pos]
        if byte == _DEL or (byte < _SP and byte != _HTAB):
            break
        pos += 1
    if pos + 1 >= size or data[pos] != _CR or data[pos + 1] != _LF:
        return -1
    # Whitespace behind the value, or nothing but whitespace, is left to `Section`.
    return -1 if data[pos - 1] == _SP or data[pos - 1] == _HTAB else pos


def scan_section_by_byte(
    data: bytes, start: i64, end: i64, maximum: i64, fields: KnownFields
) -> i64:
    """Do what `scan_section` does by looking at each byte."""
    is_tchar = IS_TCHAR
    starts = _STARTS
    lengths = _LENGTHS
    size: i64 = len(data)
    size = min(size, end)
    count: i64 = 0
    pos: i64 = start
    while pos + 1 < size:
        if data[pos] == _CR:
            return pos + 2 if data[pos + 1] == _LF else -1
        count += 1
        name: i64 = pos
        while pos < size and is_tchar[data[pos]]:
            pos += 1
        if pos == name or count > maximum:
            return -1
        if pos == size or data[pos] != _COLON:
            return -1
        colon: i64 = pos
        pos += 1
        while pos < size and (data[pos] == _SP or data[pos] == _HTAB):
            pos += 1
        value: i64 = pos
        pos = _end_of_value(data, pos, size)
        if pos < 0:
            return -1
        if starts[data[name]] and colon - name < 256 and lengths[colon - name]:
            fields.add(data[name:colon], data[value:pos])
        pos += 2
    return -1


def scan_section_by_pattern(
    data: bytes, start: int, end: int, maximum: int, fields: KnownFields
) -> int:
    """Do what `scan_section` does by matching a pattern."""
    match = FIELD_SECTION.match(data, start, end)
    if match is None:
        return -1
    stop = match.end()
    # The shortest line has four bytes, so that most sections need no counting.
    if stop - start > 4 * maximum and data.count(b"\n", start, stop) - 1 > maximum:
        return -1
    for name, value in KNOWN_FIELDS.findall(data, start - 1, stop):
        fields.add(name, value)
    return stop


def decode_block_by_byte(block: bytes, text: str) -> CIMultiDict[str]:
    """Do what `decode_block` does, given the text, where a character is a byte of the block."""
    headers: CIMultiDict[str] = CIMultiDict()
    add = headers.add
    size: i64 = len(block)
    pos: i64 = 1
    while pos < size:
        name: i64 = pos
        while block[pos] != _COLON:
            pos += 1
        colon: i64 = pos
        pos += 1
        while block[pos] == _SP or block[pos] == _HTAB:
            pos += 1
        value: i64 = pos
        while block[pos] != _CR:
            pos += 1
        add(text[name:colon], text[value:pos])
        pos += 2
    return headers


COMPILED: Final = not isinstance(scan_section_by_byte, FunctionType)
"""Whether this module, and with it all that reads, is compiled."""


def scan_status_line(data: bytes, start: int) -> tuple[int, int, int]:
    """Recognise a whole and correct status line.

    Args:
        data: what was received.
        start: where the line starts. Its reason phrase starts `REASON_OFFSET` later.

    Returns:
        The position behind its CRLF, the minor version, the status code; the first is -1 when the
        line is not all there, or not correct: then `Section` will find out.
    """
    if COMPILED:
        return scan_status_line_by_byte(data, start)
    return scan_status_line_by_pattern(data, start)


def scan_section(data: bytes, start: int, end: int, maximum: int, fields: KnownFields) -> int:
    """Recognise a whole and correct section of field lines.

    Args:
        data: what was received.
        start: where the section starts: behind the LF of the start line.
        end: how far to look.
        maximum: how many lines there may be.
        fields: takes those that the reader must know.

    Returns:
        The position behind the empty line; or -1 when the section is not all there, or not
        correct, or has too many lines, or whitespace behind a value. Then `fields` is of no use,
        and `Section` will find out.
    """
    if COMPILED:
        return scan_section_by_byte(data, start, end, maximum, fields)
    return scan_section_by_pattern(data, start, end, maximum, fields)


def split_lines(block: bytes) -> FieldLines:
    """Split a section that `scan_section` accepted.

    Args:
        block: the LF before the section, and its lines with their CRLF; not the empty line.

    Returns:
        Names as they are, values without the whitespace around.
    """
    lines: FieldLines = SPLIT_FIELD_LINES.findall(block, 1)
    return lines


def decode_block(block: bytes) -> CIMultiDict[str]:
    """Split and decode: bytes that are not UTF-8 become surrogate escapes, so none is lost.

    Args:
        block: as for `split_lines`.
    """
    text = block.decode("utf-8", "surrogateescape")
    # Decoding never makes more characters than there are bytes, and as many only one by one.
    if COMPILED and len(text) == len(block):
        return decode_block_by_byte(block, text)
    return CIMultiDict(SPLIT_TEXT_FIELD_LINES.findall(text, 1))
