"""The field Sec-WebSocket-Extensions, and the rules of permessage-deflate's parameters."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client.extensions import (
    DeflateOffer,
    DeflateParameters,
    Extension,
    parse_extensions,
)

BITS = st.integers(8, 15)
OFFERS = st.builds(
    DeflateOffer, st.none() | BITS, st.booleans() | BITS, st.booleans(), st.booleans()
)
PARAMETERS = st.builds(DeflateParameters, BITS, BITS, st.booleans(), st.booleans())


def one(value: str) -> Extension:
    (extension,) = parse_extensions([value])
    return extension


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([""], []),
        ([" \t"], []),
        ([",, ,"], []),
        (["a"], [("a", ())]),
        (["a, b", "c"], [("a", ()), ("b", ()), ("c", ())]),
        ([",a,,b,"], [("a", ()), ("b", ())]),
        (["a;b"], [("a", (("b", None),))]),
        (["a; b=1 ;c = \t2"], [("a", (("b", "1"), ("c", "2")))]),
        (['a; b="1"'], [("a", (("b", "1"),))]),
        ([r'a; b="\1\0"; c'], [("a", (("b", "10"), ("c", None)))]),
        (["a; b; b"], [("a", (("b", None), ("b", None)))]),
        (["!#$%&'*+-.^_`|~"], [("!#$%&'*+-.^_`|~", ())]),
        # The examples of RFC 6455, section 9.1.
        (
            [
                "deflate-stream",
                "mux; max-channels=4; flow-control, deflate-stream, private-extension",
            ],
            [
                ("deflate-stream", ()),
                ("mux", (("max-channels", "4"), ("flow-control", None))),
                ("deflate-stream", ()),
                ("private-extension", ()),
            ],
        ),
    ],
)
def test_lists_of_extensions(values: list[str], expected: list[Any]) -> None:
    assert parse_extensions(values) == expected


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (";", "expected a token, got ';'"),
        ("=", "expected a token, got '='"),
        ('"a"', "expected a token, got 'a'"),
        ("a;", "expected a token, got the end"),
        ("a;;b", "expected a token, got ';'"),
        ("a;b=", "expected a token or quoted, got the end"),
        ("a;b==1", "expected a token or quoted, got '='"),
        ("a;b=,c", "expected a token or quoted, got ','"),
        ("a;=1", "expected a token, got '='"),
        ("a=1", "expected a comma or a semicolon, got '='"),
        ("a b", "expected a comma or a semicolon, got 'b'"),
        ("a;b c", "expected a comma or a semicolon, got 'c'"),
        ('a;b"c"', "expected a comma or a semicolon, got 'c'"),
        ("a;b=1 2", "expected a comma or a semicolon, got '2'"),
        ('a;b=""', "quoted value '' is not a token"),
        ('a;b="1 2"', "quoted value '1 2' is not a token"),
        ('a;b="1', "'\"1' has no place"),
        ('a;b="1\\"', r"has no place"),
        ("a/b", "'/b' has no place"),
        ("a\r\nX-Injected: 1", r"'\\r\\nX-Injected: 1' has no place"),
        ("caf\u00e9", r"'\\xe9' has no place"),
        ("a;b=\x00", r"'\\x00' has no place"),
    ],
)
def test_what_is_no_list_of_extensions(value: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_extensions([value])


def test_a_complaint_is_bounded() -> None:
    with pytest.raises(ValueError, match="has no place") as caught:
        parse_extensions(["a;b=" + "\x00" * 10**6])
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", ['"' * 20_001, '"' + "\\" * 40_000, "a;" * 20_000, "," * 65_536])
def test_hostile_lists_take_linear_time(value: str) -> None:
    # With a quadratic scan any of these would run into the suite's deadline.
    for _ in range(20):
        try:
            parse_extensions([value])
        except ValueError as error:
            assert len(str(error)) < 1000  # noqa: PT017 - one of them is a list


@given(st.text(st.sampled_from('ab1 \t,;="\\\r\n\x00\u00e9'), max_size=30))
def test_any_text_is_a_list_or_a_value_error(value: str) -> None:
    try:
        extensions = parse_extensions([value])
    except ValueError:
        return
    written = ", ".join(
        "; ".join([name, *(p if v is None else f"{p}={v}" for p, v in parameters)])
        for name, parameters in extensions
    )
    assert parse_extensions([written]) == extensions


@pytest.mark.parametrize(
    ("offer", "header"),
    [
        (DeflateOffer(), "permessage-deflate; client_max_window_bits"),
        (DeflateOffer(client_max_window_bits=False), "permessage-deflate"),
        (
            DeflateOffer(10, 8, server_no_context_takeover=True, client_no_context_takeover=True),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=8;"
            " server_no_context_takeover; client_no_context_takeover",
        ),
        (
            DeflateOffer(15, 15),
            "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
        ),
    ],
)
def test_an_offer_is_written_and_read(offer: DeflateOffer, header: str) -> None:
    assert offer.header() == header
    assert DeflateOffer.from_extension(one(header)) == offer


@pytest.mark.parametrize("kind", [DeflateOffer, DeflateParameters])
@pytest.mark.parametrize("name", ["server_max_window_bits", "client_max_window_bits"])
@pytest.mark.parametrize(
    ("bits", "error"),
    [
        (7, ValueError),
        (16, ValueError),
        (0, ValueError),
        (-15, ValueError),
        (10.0, TypeError),
        ("10", TypeError),
        ("10\r\nX-Injected: 1", TypeError),
    ],
)
def test_numbers_of_bits_are_checked(
    kind: type[Any], name: str, bits: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"{name} must be "):
        kind(**{name: bits})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (DeflateOffer, "server_max_window_bits"),
        (DeflateParameters, "server_max_window_bits"),
        (DeflateParameters, "client_max_window_bits"),
    ],
)
def test_true_is_no_number_of_bits(kind: type[Any], name: str) -> None:
    with pytest.raises(TypeError, match="must be an integer, not bool"):
        kind(**{name: True})


class Injecting(int):
    """A number whose text is not its own."""

    def __str__(self) -> str:
        return "10\r\nX-Injected: 1"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return str(self)


def test_nothing_is_injected_by_a_number() -> None:
    header = DeflateOffer(Injecting(10), Injecting(11)).header()
    assert header == "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11"


def test_values_pickle_and_do_not_change() -> None:
    for value in (DeflateOffer(10), DeflateParameters(10, 11)):
        assert pickle.loads(pickle.dumps(value)) == value
        with pytest.raises(AttributeError):
            value.server_max_window_bits = 9  # type: ignore[misc]  # what is shown


ALL = DeflateOffer(12, 11, server_no_context_takeover=True, client_no_context_takeover=True)
NONE = DeflateOffer(client_max_window_bits=False)


@pytest.mark.parametrize(
    ("offer", "answer", "expected"),
    [
        (NONE, "", DeflateParameters()),
        (DeflateOffer(), "", DeflateParameters()),
        # The server may say of itself what it was not asked (sections 7.1.1.1, 7.1.2.1).
        (NONE, "server_max_window_bits=9", DeflateParameters(9)),
        (NONE, "server_max_window_bits=8", DeflateParameters(8)),
        (
            NONE,
            "server_no_context_takeover",
            DeflateParameters(server_no_context_takeover=True),
        ),
        # And it may ask the client to begin every message anew (section 7.1.1.2).
        (
            NONE,
            "client_no_context_takeover",
            DeflateParameters(client_no_context_takeover=True),
        ),
        (DeflateOffer(), "client_max_window_bits=8", DeflateParameters(15, 8)),
        (DeflateOffer(), 'client_max_window_bits="15"', DeflateParameters()),
        (DeflateOffer(12), "server_max_window_bits=12", DeflateParameters(12)),
        (DeflateOffer(12), "server_max_window_bits=8", DeflateParameters(8)),
        # What the client says of itself is a hint that the server may ignore (section 7.1.2.2).
        (DeflateOffer(None, 10), "", DeflateParameters(15, 10)),
        (DeflateOffer(None, 10), "client_max_window_bits=12", DeflateParameters(15, 10)),
        (DeflateOffer(None, 10), "client_max_window_bits=9", DeflateParameters(15, 9)),
        (
            ALL,
            "client_max_window_bits=9;server_no_context_takeover;server_max_window_bits=10",
            DeflateParameters(10, 9, True, True),
        ),
    ],
)
def test_good_answers(offer: DeflateOffer, answer: str, expected: DeflateParameters) -> None:
    header = "permessage-deflate" + (answer and "; " + answer)
    assert offer.agree(one(header)) == expected


GOOD = "server_max_window_bits=12; server_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "answer", "complaint"),
    [
        (ALL, "server_no_context_takeover", "server_max_window_bits is missing, but was offered"),
        (
            ALL,
            "server_no_context_takeover; server_max_window_bits=13",
            "server_max_window_bits is 13, but was offered as 12",
        ),
        (ALL, "server_max_window_bits=12", "server_no_context_takeover is missing"),
        (NONE, "client_max_window_bits=10", "client_max_window_bits was not offered"),
        (ALL, GOOD + "; client_max_window_bits", "client_max_window_bits must .* not none"),
        (NONE, "server_max_window_bits", "server_max_window_bits must .* not none"),
        *(
            (DeflateOffer(), f"{name}={bits}", f"{name} must have a value from 8 to 15, not '")
            for name in ("server_max_window_bits", "client_max_window_bits")
            for bits in ("7", "16", "0", "08", "015", "+9", "-9", "1e1", "a", "99999999", "true")
        ),
        *(
            (NONE, f"{name}={value}", f"{name} has the value '.*', but must have none")
            for name in ("server_no_context_takeover", "client_no_context_takeover")
            for value in ("true", "1", '"x"')
        ),
        *(
            (ALL, f"{GOOD}; {name}; {name}", f"{name.split('=')[0]} is there twice")
            for name in (
                "server_max_window_bits=12",
                "client_max_window_bits=12",
                "server_no_context_takeover",
                "client_no_context_takeover",
            )
        ),
        (NONE, "mystery", "parameter 'mystery' is unknown"),
        (NONE, "Server_No_Context_Takeover", "is unknown"),
        (NONE, "server_max_window_bits=10; x=1", "parameter 'x' is unknown"),
    ],
)
def test_bad_answers(offer: DeflateOffer, answer: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        offer.agree(one("permessage-deflate; " + answer))


@pytest.mark.parametrize("name", ["x-webkit-deflate-frame", "permessage-bzip2", "deflate"])
def test_another_extension_is_no_answer(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is not permessage-deflate"):
        DeflateOffer().agree(Extension(name))


@pytest.mark.parametrize(
    ("offer", "complaint"),
    [
        ("server_max_window_bits", "must have a value"),
        ("client_max_window_bits=16", "must have a value from 8 to 15, not '16'"),
        ("client_no_context_takeover=1", "must have none"),
        ("client_max_window_bits; client_max_window_bits=9", "twice"),
        ("x", "unknown"),
    ],
)
def test_bad_offers(offer: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        DeflateOffer.from_extension(one("permessage-deflate; " + offer))


@pytest.mark.parametrize(
    ("offer", "parameters", "complaint"),
    [
        (DeflateOffer(10), DeflateParameters(), "is 15, but was offered as 10"),
        (DeflateOffer(10), DeflateParameters(11), "is 11, but was offered as 10"),
        (ALL, DeflateParameters(12), "server_no_context_takeover is missing"),
        (NONE, DeflateParameters(15, 10), "client_max_window_bits was not offered"),
    ],
)
def test_a_server_does_not_answer_what_no_client_takes(
    offer: DeflateOffer, parameters: DeflateParameters, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        offer.answer(parameters)


@given(OFFERS, PARAMETERS)
def test_an_answer_is_understood_by_who_made_the_offer(
    offer: DeflateOffer, wanted: DeflateParameters
) -> None:
    received = DeflateOffer.from_extension(one(offer.header()))
    assert received == offer
    try:
        header = received.answer(wanted)
    except ValueError:
        return
    agreed = offer.agree(one(header))
    assert agreed.server_max_window_bits == wanted.server_max_window_bits
    assert agreed.server_no_context_takeover == wanted.server_no_context_takeover
    # The client may do with less than the server allows, never with more.
    assert agreed.client_max_window_bits <= wanted.client_max_window_bits
    assert agreed.client_no_context_takeover >= wanted.client_no_context_takeover


@given(OFFERS)
def test_every_offer_can_be_taken_as_it_is(offer: DeflateOffer) -> None:
    parameters = DeflateParameters.accepting(offer)
    assert offer.agree(one(offer.answer(parameters))) == parameters
