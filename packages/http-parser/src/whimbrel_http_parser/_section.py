"""Heads and trailer sections in pieces: field lines up to an empty one (RFC 9112 section 2.1).

Here are the limits and the leniencies, and what is wrong is found out. `_scan` is the short way
through the same grammar for what has arrived whole and is correct.
"""

from whimbrel_http_parser._grammar import (
    CRLF,
    FIELD_LINE,
    FOREIGN_VERSION,
    KNOWN_NAMES,
    OWS,
    REQUEST_LINE,
    STATUS_LINE,
    STATUS_LINE_PREFIX,
    TEXT,
    TOKEN,
    fault_of_field_line,
)
from whimbrel_http_parser._scan import FieldLines, KnownFields
from whimbrel_http_parser.errors import LimitExceeded, MalformedMessage
from whimbrel_http_parser.limits import Leniency, Limits

# So many bytes tell what kind of a start line comes.
_START_BYTES = len(STATUS_LINE_PREFIX)


class Section:
    """Field lines up to the empty line, in whatever pieces they come.

    Each byte is looked at once. A subclass adds the start line of a head.

    Args:
        limits: what may arrive.
        leniency: what to tolerate.
        total_limit: the name of the limit for the whole section.
        total_maximum: its value in bytes.
    """

    __slots__ = (
        "_empty_lines",
        "_folds",
        "_in_start_line",
        "_leniency",
        "_limits",
        "_line_start",
        "_partial",
        "_total_limit",
        "_total_maximum",
        "complete",
        "leniency_used",
        "lines",
        "received",
    )

    def __init__(
        self, limits: Limits, leniency: Leniency, total_limit: str, total_maximum: int
    ) -> None:
        self._limits = limits
        self._leniency = leniency
        self._total_limit = total_limit
        self._total_maximum = total_maximum
        self._partial = bytearray()
        self._line_start = 0
        self._in_start_line = False
        self._empty_lines = 0  # before the start line
        self._folds = 0
        self.lines: FieldLines = []
        self.complete = False
        self.received = 0
        self.leniency_used: str | None = None

    def feed(self, data: bytes, pos: int) -> int:
        """Take lines from `data` at `pos` on, up to and including the empty line.

        Returns:
            The position behind what was taken.

        Raises:
            MalformedMessage: a line breaks the grammar and no leniency covers it.
            LimitExceeded: there is more than the limits allow, even in a line without an end.
        """
        size = len(data)
        while pos < size and not self.complete:
            lf = data.find(b"\n", pos)
            end = size if lf < 0 else lf + 1
            piece = data[pos:end]
            self.received += end - pos
            pos = end
            if lf < 0:
                self._partial += piece
                # The last byte may be the CR of the line's end, which is not counted.
                self._check(bytes(self._partial[:8]), len(self._partial) - 1, self.received)
            elif self._partial:
                self._partial += piece
                line = bytes(self._partial)
                self._partial.clear()
                self._take(line)
            else:
                self._take(piece)
        return pos

    @property
    def is_void(self) -> bool:
        """Whether there was nothing so far, or nothing but tolerated empty lines."""
        return self._in_start_line and not self._partial

    @property
    def block(self) -> bytes:
        """The lines as `_scan.split_lines` takes them."""
        lines = [b"%b:%b\r\n" % line for line in self.lines]
        return b"\n" + b"".join(lines)

    @property
    def known_fields(self) -> KnownFields:
        """Those of the fields that the reader must know."""
        return KnownFields.of(self.lines)

    def check_start(self, start: bytes) -> None:
        """Refuse a start line by its first bytes; a section without one never asks."""
        raise NotImplementedError

    def start_line(self, line: bytes) -> None:
        """Take the start line, without its end; a section without one never asks."""
        raise NotImplementedError

    def _check(self, line: bytes, length: int, received: int) -> None:
        """Refuse a line, whole or not, by its beginning and its length.

        Args:
            line: what there is of it.
            length: how many bytes of it are certainly not its end.
            received: bytes of the section so far.
        """
        limits = self._limits
        if self._in_start_line:
            # A CR may be the first half of an empty line; what follows it will tell.
            if line not in (b"", b"\r"):
                self.check_start(line[:_START_BYTES])
            if length > limits.start_line:
                raise LimitExceeded("start_line", limits.start_line)
        elif length > limits.field_line:
            raise LimitExceeded("field_line", limits.field_line)
        if received > self._total_maximum:
            raise LimitExceeded(self._total_limit, self._total_maximum)

    def _take(self, line: bytes) -> None:
        """Take one line with its end."""
        has_crlf = line.endswith(CRLF)
        content = line[:-2] if has_crlf else line[:-1]
        self._check(content, len(content), self.received)
        if not has_crlf:
            if not self._leniency.bare_lf:
                raise self._malformed("a line ends with a bare LF instead of CRLF", content)
            self.leniency_used = "bare_lf"
        if self._in_start_line:
            self._take_start_line(content)
        elif not content:
            self.complete = True
        elif content[0] in OWS:
            self._unfold(content)
        else:
            self._take_field_line(content)
        self._line_start = self.received

    def _take_start_line(self, content: bytes) -> None:
        if not content:
            self._empty_lines += 1
            if not self._leniency.leading_empty_line or self._empty_lines > 1:
                raise self._malformed("an empty line where a message should begin", content)
            self.leniency_used = "leading_empty_line"
            return
        self.start_line(content)
        self._in_start_line = False

    def _take_field_line(self, content: bytes) -> None:
        self._check_fields()
        match = FIELD_LINE.fullmatch(content)
        if match is None:
            raise self._malformed(fault_of_field_line(content), content)
        self.lines.append((match[1], match[2].rstrip(OWS)))

    def _check_fields(self) -> None:
        """Refuse one line more than there may be; a continuation is a line, too."""
        if len(self.lines) + self._folds >= self._limits.fields:
            raise LimitExceeded("fields", self._limits.fields)

    def _unfold(self, content: bytes) -> None:
        """Join a continuation to the line before it (RFC 9112 section 5.2)."""
        if not self._leniency.obs_fold or not self.lines:
            raise self._malformed("a line starts with whitespace", content)
        self._check_fields()
        if TEXT.fullmatch(content) is None:
            raise self._malformed("a field value has a control character", content)
        name, value = self.lines[-1]
        # Recipients disagree about folds: none may decide where a message ends or whom it is for,
        # and none may look like the empty line.
        if name.lower() in KNOWN_NAMES:
            raise self._malformed("a field that frames or routes the message is folded", content)
        if not content.strip(OWS):
            raise self._malformed("a line has nothing but whitespace", content)
        folded = (value + b" " + content.strip(OWS)).strip(OWS)
        if len(name) + 1 + len(folded) > self._limits.field_line:
            raise LimitExceeded("field_line", self._limits.field_line)
        self.lines[-1] = (name, folded)
        self._folds += 1
        self.leniency_used = "obs_fold"

    def _malformed(self, what: str, line: bytes) -> MalformedMessage:
        return MalformedMessage(what, self._line_start, line)


class TrailerSection(Section):
    """The trailer section behind the last chunk (RFC 9112 section 7.1.2)."""

    __slots__ = ()

    def __init__(self, limits: Limits, leniency: Leniency) -> None:
        super().__init__(limits, leniency, "trailers", limits.trailers)


class ResponseHead(Section):
    """A status line and its header section (RFC 9112 section 4)."""

    __slots__ = ("reason", "status", "version")

    def __init__(self, limits: Limits, leniency: Leniency) -> None:
        super().__init__(limits, leniency, "head", limits.head)
        self._in_start_line = True
        self.version = (1, 1)
        self.status = 0
        self.reason = b""

    def check_start(self, start: bytes) -> None:
        """Recognise by the first bytes a peer that does not speak HTTP/1."""
        if not STATUS_LINE_PREFIX.startswith(start):
            raise MalformedMessage("expected a status line with HTTP/1.0 or HTTP/1.1", 0, start)

    def start_line(self, line: bytes) -> None:
        """Take the status line, without its CRLF."""
        match = STATUS_LINE.fullmatch(line)
        if match is None:
            raise MalformedMessage("the status line is malformed", 0, line)
        minor, status, reason = match.groups()
        if reason is None:
            if not self._leniency.missing_reason_phrase:
                raise MalformedMessage("no space behind the status code", 0, line)
            self.leniency_used = "missing_reason_phrase"
            reason = b""
        self.version = (1, int(minor))
        self.status = int(status)
        self.reason = reason


class RequestHead(Section):
    """A request line and its header section (RFC 9112 section 3)."""

    __slots__ = ("method", "target", "version")

    def __init__(self, limits: Limits, leniency: Leniency) -> None:
        super().__init__(limits, leniency, "head", limits.head)
        self._in_start_line = True
        self.method = b""
        self.target = b""
        self.version = (1, 1)

    def check_start(self, start: bytes) -> None:
        """Recognise by the first bytes a peer that does not speak HTTP: one begins with TLS."""
        method = start.partition(b" ")[0].rstrip(b"\r")
        if TOKEN.fullmatch(method) is None:
            raise MalformedMessage("expected a request line", 0, start)

    def start_line(self, line: bytes) -> None:
        """Take the request line, without its CRLF."""
        match = REQUEST_LINE.fullmatch(line)
        if match is None:
            if FOREIGN_VERSION.search(line) is not None:
                raise MalformedMessage("only HTTP/1.0 and HTTP/1.1 are spoken here", 0, line, 505)
            raise MalformedMessage("the request line is malformed", 0, line)
        self.method, self.target, minor = match.groups()
        self.version = (1, int(minor))
