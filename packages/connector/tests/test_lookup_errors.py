from __future__ import annotations

import pickle
import socket

import pytest

from whimbrel_connector._lookup_errors import NO_DATA, lookup_error, shown


@pytest.mark.parametrize(
    ("family", "code", "text"),
    [
        (0, socket.EAI_NONAME, "the name 'bird.test' does not exist"),
        (socket.AF_INET, socket.EAI_NONAME, "the name 'bird.test' does not exist"),
        (0, NO_DATA, "the name 'bird.test' has no address"),
        (socket.AF_INET, NO_DATA, "the name 'bird.test' has no IPv4 address"),
        (socket.AF_INET6, NO_DATA, "the name 'bird.test' has no IPv6 address"),
        (socket.AF_INET6, socket.EAI_ADDRFAMILY, "the name 'bird.test' has no IPv6 address"),
        (0, socket.EAI_AGAIN, "the look-up of 'bird.test' failed: out of luck"),
        (0, socket.EAI_FAIL, "the look-up of 'bird.test' failed: out of luck"),
    ],
)
def test_error_says_what_happened_to_which_name(family: int, code: int, text: str) -> None:
    error = lookup_error("bird.test", family, code, "out of luck")
    assert isinstance(error, OSError)
    assert (error.errno, error.strerror) == (code, text)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.errno, copy.strerror) == (code, text)


def test_what_is_shown_is_escaped_and_bounded() -> None:
    assert shown("b\xfccher\n") == r"'b\xfccher\n'"
    assert shown("x" * 255) == repr("x" * 255)
    assert shown("x" * 256) == repr("x" * 80) + "..."
