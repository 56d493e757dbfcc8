"""The client's opening handshake: what it asks for and agrees to (RFC 6455, section 4.1)."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import ClientHandshake, HandshakeError, accept_key

# The example of RFC 6455, section 1.3.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", ACCEPT))


def answer(*changes: tuple[str, str | None]) -> list[tuple[str, str]]:
    """Return the good answer's fields with some replaced; a value of `None` leaves one out."""
    names = {name.lower() for name, _ in changes}
    kept = [pair for pair in GOOD if pair[0].lower() not in names]
    return kept + [(name, value) for name, value in changes if value is not None]


def test_the_rfcs_example() -> None:
    assert accept_key(KEY) == ACCEPT
    assert ClientHandshake(key=KEY).accept(101, GOOD).protocol is None


def test_fields_of_the_request() -> None:
    assert ClientHandshake(key=KEY).headers() == [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ]


def test_optional_fields_of_the_request() -> None:
    handshake = ClientHandshake(protocols=("chat", "v2.chat"), origin="https://example.com")
    assert handshake.headers()[4:] == [
        ("Sec-WebSocket-Protocol", "chat, v2.chat"),
        ("Origin", "https://example.com"),
    ]


def test_keys_are_fresh() -> None:
    keys = {ClientHandshake().key for _ in range(20)}
    assert len(keys) == 20
    assert {len(base64.b64decode(key)) for key in keys} == {16}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"protocols": ["a b"]}, "not a token"),
        ({"protocols": [""]}, "not a token"),
        ({"protocols": ["a\r\nX-Injected: 1"]}, "not a token"),
        ({"protocols": ["a\n"]}, "not a token"),
        ({"protocols": ["a,b"]}, "not a token"),
        ({"protocols": ["caf\u00e9"]}, "not a token"),
        ({"protocols": ["a", "b", "a"]}, "twice"),
        ({"origin": "https://a\r\nX-Injected: 1"}, "not a serialized origin"),
        ({"origin": "https://a\n"}, "not a serialized origin"),
        ({"origin": ""}, "not a serialized origin"),
        ({"origin": "https://caf\u00e9"}, "not a serialized origin"),
        ({"key": "short"}, "not 16 octets"),
        ({"key": base64.b64encode(bytes(15)).decode()}, "not 16 octets"),
        ({"key": KEY + "\r\nX: 1"}, "not 16 octets"),
        ({"key": "\u20ac"}, "not 16 octets"),
    ],
)
def test_nothing_is_injected(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ClientHandshake(**options)


def test_one_string_is_not_a_list_of_protocols() -> None:
    with pytest.raises(TypeError, match="sequence of names"):
        ClientHandshake(protocols="chat")


@pytest.mark.parametrize(
    "fields",
    [
        answer(("UPGRADE", "WebSocket")),
        answer(("connection", "keep-alive, UPGRADE")),
        [*answer(("Connection", "keep-alive")), ("Connection", "upgrade")],
        answer(("Sec-WebSocket-Accept", f" \t{ACCEPT} ")),
        answer(("Sec-WebSocket-Extensions", "")),
        answer(("Server", "x"), ("Server", "y")),
        dict(GOOD),
    ],
)
def test_answers_that_are_accepted(fields: list[tuple[str, str]]) -> None:
    assert ClientHandshake(key=KEY).accept(101, fields).protocol is None


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (answer(("Upgrade", None)), "expected Upgrade: websocket, got nothing in Upgrade"),
        (answer(("Upgrade", "notwebsocket")), "got 'notwebsocket' in Upgrade"),
        (answer(("Upgrade", "websocket, h2c")), "expected Upgrade: websocket"),
        (answer(("Upgrade", "websocket/13")), "expected Upgrade: websocket"),
        (answer(("Connection", None)), "expected Connection: Upgrade, got nothing"),
        (answer(("Connection", "keep-alive")), "got 'keep-alive' in Connection"),
        (answer(("Connection", "notupgrade")), "got 'notupgrade' in Connection"),
        (answer(("Sec-WebSocket-Accept", None)), "got nothing in Sec-WebSocket-Accept"),
        (answer(("Sec-WebSocket-Accept", ACCEPT.lower())), "expected Sec-WebSocket-Accept: s3p"),
        (
            answer(("Sec-WebSocket-Accept", ACCEPT), ("Sec-WebSocket-Accept", ACCEPT)),
            "expected Sec-WebSocket-Accept",
        ),
        (
            answer(("Sec-WebSocket-Extensions", "permessage-deflate")),
            "no extension, because none was offered, got 'permessage-deflate'",
        ),
        (answer(("Sec-WebSocket-Protocol", "chat")), "expected no subprotocol"),
        (answer(("Sec-WebSocket-Protocol", "")), "got '' in Sec-WebSocket-Protocol"),
    ],
)
def test_answers_that_are_refused(fields: list[tuple[str, str]], complaint: str) -> None:
    with pytest.raises(HandshakeError, match=complaint) as caught:
        ClientHandshake(key=KEY).accept(101, fields)
    assert caught.value.status == 101


@pytest.mark.parametrize("status", [100, 200, 302, 400, 403, 426, 500])
def test_only_switching_protocols_will_do(status: int) -> None:
    with pytest.raises(HandshakeError, match=f"expected status 101, got {status}") as caught:
        ClientHandshake(key=KEY).accept(status, GOOD)
    assert caught.value.status == status


@pytest.mark.parametrize("chosen", ["chat", "v2.chat"])
def test_an_offered_subprotocol_is_agreed(chosen: str) -> None:
    handshake = ClientHandshake(key=KEY, protocols=["chat", "v2.chat"])
    assert handshake.accept(101, answer(("Sec-WebSocket-Protocol", chosen))).protocol == chosen


@pytest.mark.parametrize("values", [["Chat"], ["other"], ["chat, v2.chat"], ["chat", "chat"]])
def test_any_other_subprotocol_is_refused(values: list[str]) -> None:
    handshake = ClientHandshake(key=KEY, protocols=["chat", "v2.chat"])
    fields = answer(*(("Sec-WebSocket-Protocol", value) for value in values))
    with pytest.raises(HandshakeError, match=r"expected one of chat, v2\.chat"):
        handshake.accept(101, fields)


def test_the_server_may_choose_no_subprotocol() -> None:
    assert ClientHandshake(key=KEY, protocols=["chat"]).accept(101, GOOD).protocol is None


def test_a_refusal_is_bounded() -> None:
    with pytest.raises(HandshakeError) as caught:
        ClientHandshake(key=KEY).accept(101, answer(*[("Upgrade", "\x00" * 10**6)] * 9))
    assert len(str(caught.value)) < 2000
    assert "\x00" not in str(caught.value)


@given(
    status=st.integers(100, 999),
    fields=st.lists(
        st.tuples(st.sampled_from([name for name, _ in GOOD]), st.text(max_size=20)), max_size=6
    ),
)
def test_any_other_answer_is_a_handshake_error(status: int, fields: list[tuple[str, str]]) -> None:
    with pytest.raises(HandshakeError):
        ClientHandshake(key=KEY).accept(status, fields)
