"""The values that users handle keep the reference's names and numbers."""

import json
import pickle

import pytest

from whimbrel_websocket_client import WSCloseCode, WSMessage, WSMsgType


def test_a_message_is_found_by_name() -> None:
    message = WSMessage(data="x", extra=None, type=WSMsgType.TEXT)
    assert (message.data, message.extra, message.type) == tuple(message)


def test_json_parses_text_and_bytes() -> None:
    assert WSMessage('{"a": 1}', None, WSMsgType.TEXT).json() == {"a": 1}
    assert WSMessage(b"[2]", None, WSMsgType.TEXT).json() == [2]


def test_json_takes_a_parser() -> None:
    message = WSMessage("1.5", None, WSMsgType.TEXT)
    assert message.json(loads=lambda data: json.loads(data, parse_float=str)) == "1.5"


def test_json_of_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        WSMessage("", None, WSMsgType.TEXT).json()


@pytest.mark.parametrize(
    "name", ["text", "binary", "ping", "pong", "close", "closing", "closed", "error"]
)
def test_old_spelling_of_types(name: str) -> None:
    assert WSMsgType[name] is WSMsgType[name.upper()]


def test_numbers() -> None:
    assert [int(member) for member in WSMsgType] == [0, 1, 2, 8, 9, 10, 256, 257, 258]
    assert [int(code) for code in WSCloseCode] == [
        1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
    ]  # fmt: skip


def test_a_message_pickles() -> None:
    message = WSMessage(1000, "bye", WSMsgType.CLOSE)
    assert pickle.loads(pickle.dumps(message)) == message
