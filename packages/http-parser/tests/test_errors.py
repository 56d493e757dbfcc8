import dataclasses
import pickle

import pytest

from whimbrel_http_parser import (
    ContentCodingError,
    DecodingLimits,
    IncompleteMessage,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    MalformedMessage,
    ProtocolError,
    RemoteProtocolError,
)

ERRORS: list[ProtocolError] = [
    ProtocolError("something"),
    LocalProtocolError("no token"),
    RemoteProtocolError("odd"),
    MalformedMessage("a bad line", 7, b"a\x00b"),
    MalformedMessage("a bad line"),
    MalformedMessage("a version", None, b"HTTP/2.0", 505),
    LimitExceeded("field_line", 16384),
    IncompleteMessage("body", 3, 5),
    IncompleteMessage("head", 0, None, started=False),
    ContentCodingError("gzip", "the coded data end too early"),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_every_error_survives_pickling(error: ProtocolError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    if isinstance(error, RemoteProtocolError):
        assert isinstance(copy, RemoteProtocolError)
        assert copy.status_hint == error.status_hint


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MalformedMessage("a bad line", 7, b"a\x00b"), r"a bad line (at byte 7): b'a\x00b'"),
        (MalformedMessage("a bad line"), "a bad line"),
        (LimitExceeded("head", 10), "the message exceeds the limit 'head' of 10"),
        (
            IncompleteMessage("body", 3, 5),
            "the connection was closed in the body, after 3 of 5 bytes",
        ),
        (IncompleteMessage("body", 3), "the connection was closed in the body, after 3 bytes"),
        (
            IncompleteMessage("head", 0, None, started=False),
            "the connection was closed without a response",
        ),
        (ContentCodingError("gzip", "no"), "cannot decode gzip: no"),
    ],
)
def test_every_error_says_what_happened(error: ProtocolError, text: str) -> None:
    assert str(error) == text


def test_an_excerpt_is_short() -> None:
    error = MalformedMessage("a bad line", 0, b"\xff" * 100_000)
    assert len(error.excerpt) < 100
    assert len(str(error)) < 400
    assert str(error).isascii()


def test_remote_and_local_errors_are_told_apart() -> None:
    remote = (MalformedMessage, LimitExceeded, IncompleteMessage, ContentCodingError)
    assert all(issubclass(error, RemoteProtocolError) for error in remote)
    assert not issubclass(LocalProtocolError, RemoteProtocolError)
    assert all(issubclass(error, ProtocolError) for error in (*remote, LocalProtocolError))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RemoteProtocolError("odd"), 400),
        (MalformedMessage("a bad line"), 400),
        (MalformedMessage("a coding", None, b"x, chunked", 501), 501),
        (MalformedMessage("a version", None, b"HTTP/2.0", status_hint=505), 505),
        (IncompleteMessage("body", 3, 5), 400),
        (IncompleteMessage("head", 0, None, started=False), 400),
        (ContentCodingError("gzip", "the coded data end too early"), 400),
    ],
    ids=repr,
)
def test_every_error_says_what_a_server_answers(error: RemoteProtocolError, status: int) -> None:
    assert error.status_hint == status


# RFC 9110 sections 15.5.14 and 15.5.15, RFC 6585 section 5.
STATUS_OF_LIMIT = {
    "start_line": 414,
    "field_line": 431,
    "fields": 431,
    "head": 431,
    "chunk_line": 400,
    "chunk_extensions": 400,
    "trailers": 431,
    "informational": 400,
    "codings": 400,
    "ratio": 413,
    "total": 413,
}


@pytest.mark.parametrize(("limit", "status"), STATUS_OF_LIMIT.items())
def test_every_limit_says_what_a_server_answers(limit: str, status: int) -> None:
    assert LimitExceeded(limit, 10).status_hint == status


def test_no_limit_is_left_out() -> None:
    names = {field.name for kind in (Limits, DecodingLimits) for field in dataclasses.fields(kind)}
    assert set(STATUS_OF_LIMIT) == names - {"grace"}  # which is no limit: it delays another one
