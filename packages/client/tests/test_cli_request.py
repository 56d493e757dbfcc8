"""From options to the request."""

from __future__ import annotations

from pathlib import Path

import pytest

from whimbrel._cli.exits import CliError, Exit
from whimbrel._cli.options import parse
from whimbrel._cli.request import Request, build


def built(*arguments: str) -> Request:
    return build(parse([*arguments, "localhost:8080/path"]))


def test_a_url_without_a_scheme() -> None:
    assert str(built().url) == "http://localhost:8080/path"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://", Exit.BAD_URL),
        ("http:///path", Exit.BAD_URL),
        ("http://[::1", Exit.BAD_URL),
        ("http://localhost:99999/", Exit.BAD_URL),
        ("http://localhost:http/", Exit.BAD_URL),
        ("ftp://localhost/", Exit.UNSUPPORTED_SCHEME),
        ("ws://localhost/", Exit.UNSUPPORTED_SCHEME),
    ],
)
def test_urls_that_cannot_be_transferred(url: str, code: Exit) -> None:
    with pytest.raises(CliError) as caught:
        build(parse([url]))
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("arguments", "method"),
    [
        ((), "GET"),
        (("-I",), "HEAD"),
        (("-d", "a"), "POST"),
        (("--json", "1"), "POST"),
        (("-d", "a", "-X", "PUT"), "PUT"),
        (("-X", "PURGE"), "PURGE"),
    ],
)
def test_method(arguments: tuple[str, ...], method: str) -> None:
    assert built(*arguments).method == method


def test_form_data_is_joined() -> None:
    request = built("-d", "a=1", "-d", "b=2")
    assert request.body == b"a=1&b=2"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_form_data_from_a_file_loses_its_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "form"
    file.write_bytes(b"a=1\r\n&b=2\n\0")
    assert built("-d", f"@{file}", "-d", "c=3").body == b"a=1&b=2&c=3"


def test_json_from_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "value.json"
    file.write_bytes(b'{\n"a": 1}\n')
    request = built("--json", f"@{file}")
    assert request.body == b'{\n"a": 1}\n'
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept"] == "application/json"


def test_arguments_that_are_not_utf_8_are_sent_as_they_are() -> None:
    assert built("-d", b"caf\xe9".decode("utf-8", "surrogateescape")).body == b"caf\xe9"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"none") as caught:
        built("-d", f"@{tmp_path / 'none'}")
    assert caught.value.code is Exit.READ_FAILED


def test_no_coding_is_accepted_unless_asked_for() -> None:
    assert "Accept-Encoding" in built().skip_auto_headers
    assert "Accept-Encoding" not in built("--compressed").skip_auto_headers


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["X-A: 1"], [("X-A", "1")]),
        (["X-A:1"], [("X-A", "1")]),
        (["X-A: a:b"], [("X-A", "a:b")]),
        (["X-A: 1", "x-a: 2"], [("X-A", "1"), ("x-a", "2")]),
        (["X-A;"], [("X-A", "")]),
        (["X-A:"], []),
        (["X-A: "], []),
    ],
)
def test_header_lines(lines: list[str], expected: list[tuple[str, str]]) -> None:
    request = built(*(part for line in lines for part in ("-H", line)))
    assert list(request.headers.items()) == expected


def test_a_header_line_replaces_what_the_program_would_send() -> None:
    request = built("-d", "a", "-A", "me", "-H", "content-type: text/csv", "-H", "User-Agent: you")
    assert request.headers.getall("Content-Type") == ["text/csv"]
    assert request.headers.getall("User-Agent") == ["you"]


def test_headers_can_be_removed() -> None:
    request = built("-d", "a", "-A", "me", "-H", "Content-Type:", "-H", "User-Agent:")
    assert not request.headers
    assert {"Content-Type", "User-Agent"} <= request.skip_auto_headers
    assert "User-Agent" in built("-A", "").skip_auto_headers


@pytest.mark.parametrize(
    "line", ["Host:", "content-length:", "Transfer-Encoding:", "nonsense", "X-A; 1", ""]
)
def test_header_lines_that_make_no_sense(line: str) -> None:
    with pytest.raises(CliError) as caught:
        built("-H", line)
    assert caught.value.code is Exit.USAGE


def test_basic_authentication() -> None:
    # RFC 7617 2 and 2.1: the examples' own values.
    assert built("-u", "Aladdin:open sesame").headers["Authorization"] == (
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    )
    assert built("-u", "test:123£").headers["Authorization"] == "Basic dGVzdDoxMjPCow=="
