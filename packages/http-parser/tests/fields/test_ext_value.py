import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import LocalProtocolError
from whimbrel_http_parser.fields._ext_value import decode_ext_value, encode_ext_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8187 section 3.2.3
        ("iso-8859-1'en'%A3%20rates", "£ rates"),
        ("UTF-8''%c2%a3%20and%20%e2%82%ac%20rates", "£ and € rates"),
        ("utf-8''", ""),
        ("UTF-8'de-DE'a'b", "a'b"),
        ("UTF-8''foo bar;(1)", "foo bar;(1)"),
        ("UTF-8''é%C3%A9", "éé"),
        ("ISO-8859-1''\udce9%e9", "éé"),
        # Not to be understood.
        ("UTF-8''%E4", None),
        ("UTF-8''%", None),
        ("UTF-8''%4", None),
        ("UTF-8''%4g", None),
        ("UTF-8''a\udce4", None),
        ("UTF-8'foo", None),
        ("UTF-8", None),
        ("''foo", None),
        ("", None),
        ("utf-16''a", None),
        ("windows-1252''a", None),
        ("rot13''a", None),
    ],
)
def test_decoding(value: str, text: str | None) -> None:
    assert decode_ext_value(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("£ and € rates", "UTF-8''%C2%A3%20and%20%E2%82%AC%20rates"),
        ("a-Z.9!#$&+^_`|~", "UTF-8''a-Z.9!#$&+^_`|~"),
        ("*'%()\"\\;,\t", "UTF-8''%2A%27%25%28%29%22%5C%3B%2C%09"),
        ("", "UTF-8''"),
    ],
)
def test_encoding(text: str, value: str) -> None:
    assert encode_ext_value(text, "it") == value
    assert decode_ext_value(value) == text


def test_a_surrogate_that_stands_for_no_octet_is_not_decoded() -> None:
    assert decode_ext_value("UTF-8''a" + chr(0xD800)) is None


@pytest.mark.parametrize("code", [0, 0x0A, 0x7F, 0xD800, 0xDCE4])
def test_what_is_not_encoded(code: int) -> None:
    with pytest.raises(LocalProtocolError):
        encode_ext_value(chr(code), "it")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_what_is_encoded_is_decoded(text: str) -> None:
    assert decode_ext_value(encode_ext_value(text, "it")) == text
