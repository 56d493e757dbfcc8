"""The client's opening handshake: what it asks for and agrees to (RFC 6455, section 4.1)."""

import base64
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import Agreement, ClientHandshake, HandshakeError, accept_key
from whimbrel_websocket_client.extensions import DeflateOffer, DeflateParameters

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


# Extensions


def with_extensions(*values: str) -> list[tuple[str, str]]:
    return answer(*(("Sec-WebSocket-Extensions", value) for value in values))


def test_compression_is_not_offered_unasked() -> None:
    assert "Sec-WebSocket-Extensions" not in dict(ClientHandshake().headers())


def test_an_offer_of_compression() -> None:
    handshake = ClientHandshake(deflate=DeflateOffer(12))
    assert handshake.headers()[4:] == [
        (
            "Sec-WebSocket-Extensions",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits",
        )
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (GOOD, None),
        (with_extensions(""), None),
        (with_extensions(" , ,"), None),
        (with_extensions("permessage-deflate"), DeflateParameters()),
        (with_extensions("", ", permessage-deflate ,"), DeflateParameters()),
        (
            with_extensions(
                'permessage-deflate;client_max_window_bits="9" ; server_no_context_takeover'
            ),
            DeflateParameters(15, 9, server_no_context_takeover=True),
        ),
        (
            [*GOOD, ("SEC-WEBSOCKET-EXTENSIONS", "permessage-deflate;server_max_window_bits=8")],
            DeflateParameters(8),
        ),
    ],
)
def test_agreements_on_compression(
    fields: list[tuple[str, str]], expected: DeflateParameters | None
) -> None:
    agreement = ClientHandshake(key=KEY, deflate=DeflateOffer()).accept(101, fields)
    assert agreement.deflate == expected
    assert agreement.protocol is None


def test_an_agreement_says_what_it_is() -> None:
    assert repr(Agreement("chat")) == "Agreement(protocol='chat', deflate=None)"
    assert "server_max_window_bits=9" in repr(Agreement(deflate=DeflateParameters(9)))


DEFLATE = "permessage-deflate"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (["x-webkit-deflate-frame"], "'x-webkit-deflate-frame' is not permessage-deflate"),
        (["Permessage-Deflate"], "'Permessage-Deflate' is not permessage-deflate"),
        ([DEFLATE, DEFLATE], "there are 2 extensions instead of one"),
        ([f"{DEFLATE}, {DEFLATE}"], "there are 2 extensions instead of one"),
        ([f"{DEFLATE}, mux"], "there are 2 extensions instead of one"),
        ([f"{DEFLATE}; server_max_window_bits=16"], "from 8 to 15, not '16'"),
        ([f"{DEFLATE}; client_max_window_bits"], "from 8 to 15, not none"),
        ([f"{DEFLATE}; server_max_window_bits=13"], "is 13, but was offered as 12"),
        ([DEFLATE], "server_max_window_bits is missing, but was offered as 12"),
        ([f"{DEFLATE}; server_max_window_bits=9; x"], "parameter 'x' is unknown"),
        ([f"{DEFLATE};"], "expected a token, got the end"),
        ([f'{DEFLATE}; server_max_window_bits="9'], "has no place"),
        (["\x00"], "has no place"),
    ],
)
def test_other_answers_to_an_offer_are_refused(values: list[str], complaint: str) -> None:
    handshake = ClientHandshake(key=KEY, deflate=DeflateOffer(12))
    with pytest.raises(
        HandshakeError, match="expected an answer to 'permessage-deflate'"
    ) as caught:
        handshake.accept(101, with_extensions(*values))
    assert complaint in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.status == 101
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("value", ["\x00" * 10**6, "a;" + "b" * 10**6, "a=" * 10**5, "x," * 10**5])
def test_a_refused_extension_is_bounded(value: str) -> None:
    with pytest.raises(HandshakeError) as caught:
        ClientHandshake(key=KEY, deflate=DeflateOffer()).accept(101, with_extensions(value))
    assert len(str(caught.value)) < 2000
    assert "\x00" not in str(caught.value)


@given(
    offer=st.none()
    | st.builds(
        DeflateOffer,
        st.none() | st.integers(8, 15),
        st.booleans() | st.integers(8, 15),
        st.booleans(),
        st.booleans(),
    ),
    protocols=st.lists(st.sampled_from(["chat", "v2.chat"]) | st.text(max_size=8), max_size=3),
    origin=st.none() | st.text(max_size=20),
)
def test_no_field_says_more_than_one_thing(
    offer: DeflateOffer | None, protocols: list[str], origin: str | None
) -> None:
    """Whatever a program passes on from others: no line ends within a field, none is added."""
    try:
        handshake = ClientHandshake(protocols=protocols, origin=origin, deflate=offer)
    except ValueError:
        return
    fields = handshake.headers()
    expected = 4 + bool(protocols) + (origin is not None) + (offer is not None)
    assert len({name for name, _ in fields}) == len(fields) == expected
    assert all(value.isascii() and value.isprintable() and value for _, value in fields)
    assert dict(fields).get("Sec-WebSocket-Protocol", "").count(",") == max(len(protocols) - 1, 0)


PIECES = st.sampled_from(
    [
        "permessage-deflate",
        "server_max_window_bits",
        "client_max_window_bits",
        "server_no_context_takeover",
        *("; ", ", ", "=", '"', "\\", "8", "15", "16", " ", "x", "\x00"),
    ]
)


@given(
    values=st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=2),
    offer=st.none() | st.builds(DeflateOffer, st.sampled_from([None, 8, 15]), st.booleans()),
)
def test_any_extensions_are_an_agreement_or_a_handshake_error(
    values: list[str], offer: DeflateOffer | None
) -> None:
    handshake = ClientHandshake(key=KEY, deflate=offer)
    try:
        agreement = handshake.accept(101, with_extensions(*values))
    except HandshakeError as error:
        assert error.status == 101  # noqa: PT017 - most are refused, some are not
        return
    assert agreement.deflate is None or offer is not None
    wanted = None if offer is None else offer.server_max_window_bits
    if agreement.deflate is not None and wanted is not None:
        assert agreement.deflate.server_max_window_bits <= wanted
