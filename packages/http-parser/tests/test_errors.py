import pickle

import pytest

from whimbrel_http_parser import (
    ContentCodingError,
    IncompleteMessage,
    LimitExceeded,
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
    for error in ERRORS[3:]:
        assert isinstance(error, RemoteProtocolError)
    assert not issubclass(LocalProtocolError, RemoteProtocolError)
