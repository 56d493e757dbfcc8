from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from whimbrel.content import NO_CONTENT, Content, frame_content
from whimbrel.payload import AsyncIterablePayload, BytesPayload, Payload
from whimbrel_http_parser import decoder_for
from whimbrel_http_parser.codings.testing import decode_in_steps

CODINGS = ("gzip", "deflate", "br", "zstd")

BODY = BytesPayload(b"abc", "text/plain")
EMPTY = BytesPayload(b"", None)


async def _pieces() -> AsyncIterator[bytes]:
    yield b"abc"


class Pieces:
    def __aiter__(self) -> AsyncIterator[bytes]:
        return _pieces()


STREAM = AsyncIterablePayload(Pieces())

LENGTH = ("Content-Length", "3")
ZERO = ("Content-Length", "0")
TYPE = ("Content-Type", "text/plain")
OCTETS = ("Content-Type", "application/octet-stream")
CHUNKED = ("Transfer-Encoding", "chunked")
OTHER = ("X-Other", "1")


def frame(
    method: str, payload: Payload | None, fields: list[tuple[str, str]], **options: Any
) -> Content:
    asked: dict[str, Any] = {"compress": None, "chunked": None, "add_type": True}
    return frame_content(method, payload, fields, **(asked | options))


@pytest.mark.parametrize(
    ("payload", "given", "options", "length", "fields"),
    [
        (BODY, [], {}, 3, [TYPE, LENGTH]),
        (BODY, [], {"add_type": False}, 3, [LENGTH]),
        (BODY, [("content-type", "x/y")], {}, 3, [LENGTH]),
        (BODY, [("content-length", "3")], {}, 3, [TYPE, LENGTH]),
        (BODY, [("Content-Length", "3"), ("content-length", "3")], {}, 3, [TYPE, LENGTH]),
        (BODY, [], {"chunked": True}, None, [TYPE, CHUNKED]),
        (BODY, [], {"chunked": False}, 3, [TYPE, LENGTH]),
        (BODY, [("transfer-encoding", " Chunked ")], {}, None, [TYPE, CHUNKED]),
        (BODY, [CHUNKED], {"chunked": True}, None, [TYPE, CHUNKED]),
        (EMPTY, [], {}, 0, [ZERO]),
        (STREAM, [], {}, None, [OCTETS, CHUNKED]),
        (STREAM, [], {"chunked": False}, None, [OCTETS, CHUNKED]),
        (STREAM, [LENGTH], {}, 3, [OCTETS, LENGTH]),
        (STREAM, [CHUNKED], {}, None, [OCTETS, CHUNKED]),
    ],
)
def test_content_is_framed_by_its_length_or_in_chunks(
    payload: Payload,
    given: list[tuple[str, str]],
    options: dict[str, Any],
    length: int | None,
    fields: list[tuple[str, str]],
) -> None:
    for method in ("POST", "GET", "DELETE"):
        before = [OTHER, *given]
        content = frame(method, payload, before, **options)
        assert content == Content(payload, length, None, tuple(fields))
        # The caller's framing fields are taken out, for ours replace them; the others stay.
        taken = {"content-length", "transfer-encoding"}
        assert before == [OTHER, *(f for f in given if f[0].lower() not in taken)]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT"])
def test_without_content_these_need_no_length(method: str) -> None:
    assert frame(method, None, []) is NO_CONTENT
    assert Content(None, 0, None, ()) == NO_CONTENT


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_without_content_others_say_that_it_is_empty(method: str) -> None:
    # RFC 9110 section 8.6: a method that anticipates content
    assert frame(method, None, []) == Content(None, 0, None, (ZERO,))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_length_of_nothing_is_said_where_the_caller_says_it(method: str) -> None:
    fields = [ZERO]
    assert frame(method, None, fields) == Content(None, 0, None, (ZERO,))
    assert fields == []


@pytest.mark.parametrize("options", [{"chunked": True}, {"compress": True}, {"compress": "gzip"}])
def test_where_there_is_no_content_nothing_is_coded(options: dict[str, Any]) -> None:
    # As after a redirect with 303, which leaves these options without content.
    assert frame("GET", None, [], **options) is NO_CONTENT


@pytest.mark.parametrize(
    ("compress", "coding"), [(True, "deflate"), *((coding, coding) for coding in CODINGS)]
)
@pytest.mark.parametrize("chunked", [None, True])
def test_content_in_memory_is_coded_before_it_is_sent(
    compress: str | bool, coding: str, chunked: bool | None
) -> None:
    body = BytesPayload(b"abc" * 1000, "text/plain")
    content = frame("POST", body, [], compress=compress, chunked=chunked)
    assert content.payload is not None
    coded = content.payload.as_bytes()
    assert coded is not None
    decoder = decoder_for([coding.encode()])
    assert b"".join(decode_in_steps(decoder, [coded])) == b"abc" * 1000
    assert content.coding is None
    assert content.length == (None if chunked else len(coded))
    assert content.fields == (
        TYPE,
        ("Content-Encoding", coding),
        CHUNKED if chunked else ("Content-Length", str(len(coded))),
    )


@pytest.mark.parametrize(("compress", "coding"), [(True, "deflate"), ("zstd", "zstd")])
def test_content_of_unknown_size_is_coded_as_it_is_sent(compress: str | bool, coding: str) -> None:
    content = frame("POST", STREAM, [], compress=compress)
    assert content == Content(STREAM, None, coding, (OCTETS, ("Content-Encoding", coding), CHUNKED))


@pytest.mark.parametrize("compress", [None, False, ""])
def test_a_coding_of_the_callers_own_is_only_announced(compress: str | bool | None) -> None:
    fields = [("Content-Encoding", "br")]
    content = frame("POST", BODY, fields, compress=compress)
    assert content == Content(BODY, 3, None, (TYPE, LENGTH))
    assert fields == [("Content-Encoding", "br")]


@pytest.mark.parametrize(
    ("payload", "given", "options", "message"),
    [
        (BODY, [LENGTH], {"chunked": True}, "exclude each other"),
        (BODY, [LENGTH, CHUNKED], {}, "exclude each other"),
        (STREAM, [LENGTH, CHUNKED], {}, "exclude each other"),
        (None, [LENGTH, CHUNKED], {}, "exclude each other"),
        (BODY, [("Content-Length", "4")], {}, "is 4, but the content has 3 bytes"),
        (BODY, [ZERO], {}, "is 0, but the content has 3 bytes"),
        (None, [LENGTH], {}, "is 3, but there is no content"),
        (BODY, [LENGTH, ("content-length", "4")], {}, "must be one number"),
        (BODY, [("Content-Length", "3, 3")], {}, "must be one number"),
        (BODY, [("Content-Length", "")], {}, "must be one number"),
        (BODY, [("Content-Length", "-3")], {}, "must be one number"),
        (BODY, [("Content-Length", "+3")], {}, "must be one number"),
        (BODY, [("Content-Length", "0x3")], {}, "must be one number"),
        (BODY, [("Content-Length", "3\r\nX: y")], {}, "must be one number"),
        (BODY, [("Content-Length", "\u0663")], {}, "must be one number"),
        (BODY, [("Content-Length", "x" * 10_000)], {}, "must be one number"),
        (BODY, [("Transfer-Encoding", "gzip, chunked")], {}, "can only be chunked"),
        (BODY, [("Transfer-Encoding", "identity")], {}, "can only be chunked"),
        (BODY, [CHUNKED, CHUNKED], {}, "can only be chunked"),
        (BODY, [("Transfer-Encoding", "x" * 10_000)], {}, "can only be chunked"),
        (BODY, [LENGTH], {"compress": True}, "cannot be combined"),
        (BODY, [("content-encoding", "gzip")], {"compress": True}, "cannot be combined"),
        (STREAM, [LENGTH], {"compress": "gzip"}, "cannot be combined"),
        (BODY, [], {"compress": "lzw"}, "unknown content coding 'lzw'"),
        (STREAM, [], {"compress": "lzw"}, "unknown content coding 'lzw'"),
        (STREAM, [], {"compress": "GZIP"}, "unknown content coding"),
    ],
)
def test_contradictions_are_errors(
    payload: Payload | None,
    given: list[tuple[str, str]],
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        frame("POST", payload, given, **options)
    assert len(str(caught.value)) < 200


def test_a_number_that_is_too_long_is_an_error() -> None:
    with pytest.raises(ValueError, match="digits"):
        frame("POST", BODY, [("Content-Length", "1" * 10_000)])
