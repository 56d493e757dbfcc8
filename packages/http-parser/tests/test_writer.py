import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    BodyWriter,
    Framing,
    LocalProtocolError,
    chunked_body,
    length_body,
    request_body,
    request_head,
    request_line,
    response_body,
    response_head,
    serialize_fields,
    status_line,
)


@pytest.mark.parametrize(
    ("method", "target", "version", "line"),
    [
        ("GET", "/", (1, 1), b"GET / HTTP/1.1\r\n"),
        ("M-SEARCH", "/", (1, 0), b"M-SEARCH / HTTP/1.0\r\n"),
        ("OPTIONS", "*", (1, 1), b"OPTIONS * HTTP/1.1\r\n"),
        ("CONNECT", "[::1]:443", (1, 1), b"CONNECT [::1]:443 HTTP/1.1\r\n"),
        ("GET", "http://a/b?c=%20~", (1, 1), b"GET http://a/b?c=%20~ HTTP/1.1\r\n"),
    ],
)
def test_a_request_line(method: str, target: str, version: tuple[int, int], line: bytes) -> None:
    assert request_line(method, target, version) == line


@pytest.mark.parametrize(
    "method", ["", "G ET", "GET\r\n", "GET\n", "GÉT", "G:T", "GET\udc80", "\ud800"]
)
def test_a_method_that_is_no_token_is_refused(method: str) -> None:
    with pytest.raises(LocalProtocolError, match="method"):
        request_line(method, "/")


@pytest.mark.parametrize(
    "target", ["", "/ a", "/\r\nX: y", "/\t", "/é", "/\x00", "/\x7f", "/\ud800"]
)
def test_a_target_that_would_break_the_line_is_refused(target: str) -> None:
    with pytest.raises(LocalProtocolError, match="target"):
        request_line("GET", target)


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "*"), ("GET", "abc"), ("GET", "[::1]:80"), ("CONNECT", "/"), ("CONNECT", "a")],
)
def test_a_target_that_the_method_does_not_have_is_refused(method: str, target: str) -> None:
    with pytest.raises(LocalProtocolError, match="target"):
        request_line(method, target)


HOST = ("Host", "a")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ([], "without Host"),
        ([HOST, ("host", "a")], "not one host"),
        ([("Host", "a b")], "not one host"),
        ([HOST, ("Content-Length", "1"), ("Transfer-Encoding", "chunked")], "both"),
        ([HOST, ("Content-Length", "1, 1")], "Content-Length"),
        ([HOST, ("Content-Length", "")], "Content-Length"),
        ([HOST, ("Transfer-Encoding", "gzip")], "Transfer-Encoding"),
    ],
)
def test_a_head_that_no_server_would_take_is_refused(
    fields: list[tuple[str, str]], match: str
) -> None:
    with pytest.raises(LocalProtocolError, match=match):
        request_head("POST", "/", fields)


@pytest.mark.parametrize("version", [(2, 0), (0, 9), (1, 2), (1,), (1, "1\r\nX: y")])
def test_there_are_two_versions(version: tuple[int, int]) -> None:
    with pytest.raises(LocalProtocolError, match="version"):
        request_line("GET", "/", version)


def test_field_lines() -> None:
    fields = [("Host", "a"), ("x", ""), ("X", "é \udcff\t!")]
    assert serialize_fields(fields) == b"Host: a\r\nx: \r\nX: \xc3\xa9 \xff\t!\r\n"
    assert serialize_fields([]) == b""


@pytest.mark.parametrize(
    "name", ["", "A ", " A", "A:", "A: b", "A\r\n", "A\n", "A\r\nB", "Ä", "\x00", "A\tB", "\udcff"]
)
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="field name"):
        serialize_fields([("Ok", "1"), (name, "value")])


@pytest.mark.parametrize(
    "value",
    ["a\r\nB: c", "a\nB: c", "a\rb", "a\r\n", "\n", "a\x00", "a\x0b", "a\x1f", "\x7f", "\udc0a"],
)
def test_a_value_that_would_inject_is_refused(value: str) -> None:
    with pytest.raises(LocalProtocolError, match="the field X-Name"):
        serialize_fields([("X-Name", value)])


def test_what_is_shown_of_a_bad_field_is_short() -> None:
    for field in (("n" * 10000, "v\n" * 10000), ("n\n" * 10000, "")):
        with pytest.raises(LocalProtocolError) as caught:
            serialize_fields([field])
        assert len(str(caught.value)) < 400
        assert "\n" not in str(caught.value)


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=10)), max_size=3))
def test_as_many_lines_as_fields_or_an_error(fields: list[tuple[str, str]]) -> None:
    try:
        written = serialize_fields(fields)
    except LocalProtocolError:
        return
    lines = written.split(b"\r\n")
    assert len(lines) == len(fields) + 1
    assert [line.partition(b": ")[0].decode() for line in lines[:-1]] == [n for n, _ in fields]


def test_a_head_is_the_three_parts() -> None:
    assert request_head("GET", "/", [("Host", "a")]) == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert request_head("GET", "/", [], (1, 0)) == b"GET / HTTP/1.0\r\n\r\n"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_the_payload_is_not_copied(kind: type) -> None:
    data = kind(b"0123456789abcdefg")
    assert length_body(17).data(data)[0] is data
    size, payload, end = chunked_body().data(data)
    assert (size, end) == (b"11\r\n", b"\r\n")
    assert payload is data


def test_the_size_of_a_memoryview_is_in_bytes() -> None:
    view = memoryview(b"01234567").cast("I")
    assert chunked_body().data(view)[0] == b"8\r\n"
    body = length_body(8)
    body.data(view)
    assert body.end() == b""


def test_the_size_of_any_buffer_is_in_bytes() -> None:
    numbers = array.array("I", range(4))
    assert chunked_body().data(numbers)[0] == b"10\r\n"  # type: ignore[arg-type]  # it is a buffer
    with pytest.raises(LocalProtocolError, match="7 bytes too many"):
        length_body(9).data(numbers)  # type: ignore[arg-type]  # it is a buffer


@pytest.mark.parametrize("data", ["text", [1], {}, 5, memoryview(b"abcd")[::2]])
def test_what_is_no_contiguous_buffer_is_no_content(data: Any) -> None:
    for body in (chunked_body(), length_body(2)):
        with pytest.raises(TypeError):
            body.data(data)


@pytest.mark.parametrize(
    "write",
    [
        lambda: serialize_fields([("Content-Length", 5)]),  # type: ignore[list-item]
        lambda: serialize_fields([(b"A", "b")]),  # type: ignore[list-item]
        lambda: serialize_fields({"TE": "x"}),  # type: ignore[dict-item]
        lambda: serialize_fields("TE"),  # type: ignore[arg-type]
        lambda: request_line(b"GET", "/"),  # type: ignore[arg-type]
        lambda: request_line("GET", None),  # type: ignore[arg-type]
        lambda: status_line(200.7),  # type: ignore[arg-type]
        lambda: status_line("200"),  # type: ignore[arg-type]
        lambda: status_line(200, b"OK"),  # type: ignore[arg-type]
        lambda: request_body("POST", [("Content-Length", 5)]),  # type: ignore[list-item]
    ],
)
def test_other_types_are_refused_with_a_reason(write: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"must be|are pairs"):
        write()


def test_a_status_of_any_size_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="100 to 999"):
        status_line(10**5000)


def test_an_empty_piece_does_not_end_a_chunked_body() -> None:
    body = chunked_body()
    assert body.data(b"") == []
    assert body.data(memoryview(b"")) == []
    assert body.end() == b"0\r\n\r\n"


def test_trailers_end_a_chunked_body() -> None:
    assert chunked_body().end([("Digest", "x")]) == b"0\r\nDigest: x\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [("Content-Length", "1"), ("transfer-encoding", "x"), ("HOST", "x"), ("a b", "x"), ("a", "\n")],
)
def test_some_fields_may_not_be_trailers(name: str, value: str) -> None:
    body = chunked_body()
    with pytest.raises(LocalProtocolError):
        body.end([(name, value)])
    assert body.end() == b"0\r\n\r\n"


def test_a_body_must_be_as_long_as_announced() -> None:
    body = length_body(5)
    body.data(b"hel")
    with pytest.raises(LocalProtocolError, match="1 bytes too many"):
        body.data(b"lo!")
    with pytest.raises(LocalProtocolError, match="2 bytes are missing"):
        body.end()
    body.data(b"lo")
    with pytest.raises(LocalProtocolError, match="trailers need the chunked coding"):
        body.end([("A", "b")])
    assert body.end() == b""


@pytest.mark.parametrize("make", [lambda: length_body(0), chunked_body], ids=["length", "chunked"])
def test_a_body_ends_once(make: Callable[[], BodyWriter]) -> None:
    body = make()
    body.end()
    with pytest.raises(LocalProtocolError, match="ended"):
        body.end()
    with pytest.raises(LocalProtocolError, match="behind the end"):
        body.data(b"a")


def test_no_length_is_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        length_body(-1)


@pytest.mark.parametrize(
    ("status", "reason", "version", "line"),
    [
        (200, "OK", (1, 1), b"HTTP/1.1 200 OK\r\n"),
        (204, "", (1, 0), b"HTTP/1.0 204 \r\n"),
        (999, "N\u00f6 \udcff\t", (1, 1), b"HTTP/1.1 999 N\xc3\xb6 \xff\t\r\n"),
    ],
)
def test_a_status_line(status: int, reason: str, version: tuple[int, int], line: bytes) -> None:
    assert status_line(status, reason, version) == line
    assert response_head(status, reason, [("A", "b")], version) == line + b"A: b\r\n\r\n"


@pytest.mark.parametrize("status", [-1, 0, 99, 1000, 20000])
def test_a_status_has_three_digits(status: int) -> None:
    with pytest.raises(LocalProtocolError, match="status code"):
        status_line(status)


@pytest.mark.parametrize("reason", ["\r\nSet-Cookie: a", "a\n", "\x00", "\x7f", "\ud800"])
def test_a_reason_that_would_inject_is_refused(reason: str) -> None:
    with pytest.raises(LocalProtocolError, match="reason"):
        status_line(200, reason)


@pytest.mark.parametrize(
    ("method", "fields", "framing"),
    [
        ("GET", [], Framing.NONE),
        ("POST", [("content-length", " 3\t")], Framing.LENGTH),
        ("POST", [("Transfer-Encoding", "Chunked"), ("X", "\u00e9")], Framing.CHUNKED),
        ("CONNECT", [], Framing.SWITCHED),
    ],
)
def test_the_body_that_a_request_announces(
    method: str, fields: list[tuple[str, str]], framing: Framing
) -> None:
    assert request_body(method, fields).framing is framing


@pytest.mark.parametrize(
    ("method", "status", "fields", "framing"),
    [
        ("GET", 200, [], Framing.UNTIL_CLOSE),
        ("GET", 200, [("Content-Length", "3")], Framing.LENGTH),
        ("GET", 200, [("Transfer-Encoding", "chunked")], Framing.CHUNKED),
        ("HEAD", 200, [("Content-Length", "3")], Framing.NONE),
        ("GET", 304, [("Content-Length", "3")], Framing.NONE),
        ("GET", 103, [], Framing.NONE),
        ("GET", 101, [], Framing.SWITCHED),
        ("CONNECT", 200, [], Framing.SWITCHED),
    ],
)
def test_the_body_that_a_response_announces(
    method: str, status: int, fields: list[tuple[str, str]], framing: Framing
) -> None:
    body = response_body(method, status, fields)
    assert body.framing is framing
    if framing in (Framing.NONE, Framing.SWITCHED):
        with pytest.raises(LocalProtocolError, match="no body"):
            body.data(b"abc")
        assert body.data(b"") == []
        assert body.end() == b""
    elif framing is Framing.UNTIL_CLOSE:
        assert body.data(b"abc") == [b"abc"]
        with pytest.raises(LocalProtocolError, match="trailers"):
            body.end([("A", "b")])
        assert body.end() == b""
    elif framing is Framing.LENGTH:
        with pytest.raises(LocalProtocolError, match="3 bytes are missing"):
            body.end()
        assert body.data(b"abc") == [b"abc"]
        assert body.end() == b""
    else:
        assert body.end() == b"0\r\n\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        [("Content-Length", "3"), ("Transfer-Encoding", "chunked")],
        [("Content-Length", "3"), ("content-length", "3")],
        [("Content-Length", "+3")],
        [("Transfer-Encoding", "gzip, chunked")],
    ],
)
def test_fields_that_announce_no_clear_framing_are_refused(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(LocalProtocolError, match=r"Content-Length|Transfer-Encoding"):
        request_body("POST", fields)
    with pytest.raises(LocalProtocolError, match=r"Content-Length|Transfer-Encoding"):
        response_body("GET", 200, fields)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
@pytest.mark.parametrize(
    ("method", "status"), [("GET", 100), ("GET", 101), ("GET", 204), ("CONNECT", 200)]
)
def test_content_is_not_announced_where_there_can_be_none(
    name: str, method: str, status: int
) -> None:
    value = "0" if name == "Content-Length" else "chunked"
    with pytest.raises(LocalProtocolError, match="announces content"):
        response_body(method, status, [(name, value)])


@pytest.mark.parametrize(
    ("framing", "length"), [(Framing.LENGTH, -1), (Framing.CHUNKED, 5), (Framing.NONE, 1)]
)
def test_a_body_has_a_length_or_none(framing: Framing, length: int) -> None:
    with pytest.raises(ValueError, match="length"):
        BodyWriter(framing, length)


def test_the_chunked_coding_is_not_written_to_http_1_0() -> None:
    fields = [("Transfer-Encoding", "chunked")]
    with pytest.raises(LocalProtocolError, match=r"HTTP/1\.0"):
        request_body("POST", fields, (1, 0))
    with pytest.raises(LocalProtocolError, match=r"HTTP/1\.0"):
        response_body("GET", 200, fields, (1, 0))
