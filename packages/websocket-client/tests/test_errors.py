"""Errors say their message, keep their facts, and survive pickling."""

import pickle
from typing import Any

import pytest

from whimbrel_websocket_client import (
    HandshakeError,
    HeartbeatError,
    StateError,
    WebSocketError,
    WSMessageTypeError,
)
from whimbrel_websocket_client.errors import excerpt


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (WebSocketError(1002, "broken"), {"code": 1002}),
        (HandshakeError("broken", 403), {"message": "broken", "status": 403}),
        (HeartbeatError("broken"), {}),
        (StateError("broken"), {}),
        (WSMessageTypeError("broken"), {}),
    ],
)
def test_errors_pickle(error: Exception, facts: dict[str, Any]) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == "broken"
    assert {name: getattr(copy, name) for name in facts} == facts


def test_families() -> None:
    assert issubclass(WSMessageTypeError, TypeError)
    assert issubclass(HeartbeatError, TimeoutError)
    assert issubclass(StateError, RuntimeError)


def test_an_excerpt_is_escaped_and_bounded() -> None:
    assert excerpt("a\r\nb\u20ac") == r"'a\r\nb\u20ac'"
    assert excerpt("x" * 80) == repr("x" * 80)
    assert excerpt("y" * 81) == repr("y" * 80) + "... (81 characters)"
    assert len(excerpt("\U0001f600" * 10**6)) < 1000
