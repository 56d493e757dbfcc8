import tomllib
from pathlib import Path

import pytest

from whimbrel_http_parser import (
    STRICT,
    Leniency,
    LimitExceeded,
    Limits,
    MalformedMessage,
    RemoteProtocolError,
)
from whimbrel_http_parser._section import RequestHead, ResponseHead, Section

DATA = Path(__file__).parent / "data"
REFUSED = [
    line.encode("latin-1")
    for line in tomllib.loads((DATA / "field_lines.toml").read_text("ascii"))["refused"]
]


def trailers(limits: Limits | None = None, leniency: Leniency = STRICT) -> Section:
    limits = limits or Limits()
    return Section(limits, leniency, "trailers", limits.trailers)


def feed_in_steps(section: Section, data: bytes, step: int) -> Section:
    for i in range(0, len(data), step):
        section.feed(data[i : i + step], 0)
    return section


def take(section: Section, data: bytes) -> list[tuple[bytes, bytes]]:
    assert section.feed(data, 0) == len(data)
    assert section.complete
    return section.lines


FIELD_LINES = [
    (b"A: b\r\n", [(b"A", b"b")]),
    (b"A:b\r\n", [(b"A", b"b")]),
    (b"A: \t b c \t\r\n", [(b"A", b"b c")]),
    (b"A:\r\n", [(b"A", b"")]),
    (b"A:   \r\n", [(b"A", b"")]),
    (b"A: b:c\r\nA: :\r\n", [(b"A", b"b:c"), (b"A", b":")]),
    (b"!#$%&'*+-.^_`|~0aZ: \x80\xff\t!\r\n", [(b"!#$%&'*+-.^_`|~0aZ", b"\x80\xff\t!")]),
    (b"", []),
]


@pytest.mark.parametrize(("data", "lines"), FIELD_LINES)
def test_field_lines_are_split(data: bytes, lines: list[tuple[bytes, bytes]]) -> None:
    assert take(trailers(), data + b"\r\n") == lines


@pytest.mark.parametrize("data", REFUSED)
def test_a_line_that_is_no_field_line_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        trailers().feed(data + b"\r\n", 0)
    with pytest.raises(MalformedMessage):
        feed_in_steps(trailers(), data, 1)


def test_the_position_of_a_fault_is_the_start_of_its_line() -> None:
    with pytest.raises(MalformedMessage, match="no colon") as caught:
        trailers().feed(b"A: b\r\nC: d\r\noops\r\n\r\n", 0)
    assert caught.value.position == 12
    assert caught.value.excerpt == b"oops"


@pytest.mark.parametrize(
    ("limits", "good", "bad", "limit"),
    [
        (Limits(field_line=8), b"A: 45678\r\n", b"A: 456789\r\n", "field_line"),
        (Limits(fields=2), b"A: b\r\n" * 2, b"A: b\r\n" * 3, "fields"),
        (Limits(fields=0), b"", b"A: b\r\n", "fields"),
        (Limits(trailers=8), b"A: b\r\n", b"A: bc\r\n", "trailers"),
    ],
)
def test_each_limit_is_exact_however_it_comes(
    limits: Limits, good: bytes, bad: bytes, limit: str
) -> None:
    for step in (1, 100):
        assert feed_in_steps(trailers(limits), good + b"\r\n", step).complete
        with pytest.raises(LimitExceeded) as caught:
            feed_in_steps(trailers(limits), bad + b"\r\n", step)
        assert caught.value.limit == limit
        assert caught.value.maximum == getattr(limits, limit)


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    section = trailers(Limits(field_line=100))
    with pytest.raises(LimitExceeded, match="field_line"):
        feed_in_steps(section, b"a" * 1000, 1)
    assert section.received == 102


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"A: b\r\n c\r\n", [(b"A", b"b c")]),
        (b"A: b \r\n\t  c \r\n d\r\nE: f\r\n", [(b"A", b"b c d"), (b"E", b"f")]),
        (b"A:\r\n b\r\n", [(b"A", b"b")]),
    ],
)
def test_obs_fold_becomes_a_space(data: bytes, lines: list[tuple[bytes, bytes]]) -> None:
    section = trailers(leniency=Leniency(obs_fold=True))
    assert take(section, data + b"\r\n") == lines
    assert section.leniency_used == "obs_fold"


@pytest.mark.parametrize(
    "data", [b" A: b\r\n", b"A: b\r\n c\x00\r\n", b"A: b\r\n \r\n", b"A: b\r\n\t \r\n"]
)
def test_obs_fold_has_its_bounds(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        trailers(leniency=Leniency(obs_fold=True)).feed(data, 0)


def test_a_folded_line_is_limited_as_a_whole() -> None:
    section = trailers(Limits(field_line=20), Leniency(obs_fold=True))
    with pytest.raises(LimitExceeded, match="field_line"):
        section.feed(b"A: b\r\n" + b" 0123456789\r\n" * 2, 0)


def test_bare_lf_is_tolerated_and_told() -> None:
    section = trailers(leniency=Leniency(bare_lf=True))
    assert take(section, b"A: b\nC: d\r\n\n") == [(b"A", b"b"), (b"C", b"d")]
    assert section.leniency_used == "bare_lf"
    with pytest.raises(MalformedMessage):
        trailers(leniency=Leniency(bare_lf=True)).feed(b"A: b\r\r\n", 0)


def test_no_leniency_is_told_when_none_was_needed() -> None:
    section = trailers(leniency=Leniency(bare_lf=True, obs_fold=True))
    take(section, b"A: b\r\n\r\n")
    assert section.leniency_used is None


@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"SSH-2.0-x", b"<", b"HTTX", b"HTTP/2", b"\rX"])
def test_a_peer_that_does_not_speak_http_is_told_at_once(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="expected a status line"):
        ResponseHead(Limits(), STRICT).feed(data, 0)


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01", b" GET", b"<", b"G(", b"\rX", b"{", b"/", b"\x80"]
)
def test_a_client_that_does_not_speak_http_is_told_at_once(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="expected a request line"):
        RequestHead(Limits(), STRICT).feed(data, 0)


def test_the_known_fields_and_the_block_are_those_of_the_lines() -> None:
    section = trailers(leniency=Leniency(obs_fold=True))
    take(section, b"Host: a\r\nX: y \r\n z\r\nhost: b\r\n\r\n")
    assert section.known_fields.host == b"a, b"
    assert section.known_fields.connection is None
    assert section.block == b"\nHost:a\r\nX:y z\r\nhost:b\r\n"


@pytest.mark.parametrize("name", [b"Host", b"CONTENT-length", b"Connection", b"Transfer-Encoding"])
def test_what_frames_or_routes_a_message_is_not_folded(name: bytes) -> None:
    with pytest.raises(MalformedMessage, match="folded"):
        trailers(leniency=Leniency(obs_fold=True)).feed(name + b":\r\n a\r\n\r\n", 0)


def test_a_fold_is_a_line() -> None:
    limits = Limits(fields=3)
    data = b"A: b\r\n c\r\n d\r\n"
    take(trailers(limits, Leniency(obs_fold=True)), data + b"\r\n")
    for more in (b" e\r\n", b"B: c\r\n"):
        with pytest.raises(LimitExceeded, match="fields"):
            trailers(limits, Leniency(obs_fold=True)).feed(data + more, 0)


def test_what_is_behind_the_empty_line_is_left() -> None:
    section = trailers()
    assert section.feed(b"xxA: b\r\n\r\nC: d\r\n", 2) == 10
    assert section.complete
