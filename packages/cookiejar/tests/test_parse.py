from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar import Rejected
from whimbrel_cookiejar.limits import DEFAULT_LIMITS
from whimbrel_cookiejar.parse import (
    SetCookie,
    apply_attribute,
    check_name_value,
    parse_set_cookie,
)

CONTROLS = [chr(code) for code in [*range(9), *range(10, 32), 127]]


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("a=b", "a", "b"),
        ("a=b; Path=/", "a", "b"),
        ("a=", "a", ""),
        ("a=b=c==", "a", "b=c=="),
        ("=b", "", "b"),
        ("=b=c", "", "b=c"),
        ("b", "", "b"),
        ("b; c=d", "", "b"),
        (" \ta b \t= \tc d\t ;", "a b", "c d"),
        ('a="b c, d"', "a", '"b c, d"'),
        ('a="b;c"', "a", '"b'),
        ("a=b\tc", "a", "b\tc"),
        ("a=b,c=d", "a", "b,c=d"),
        ("é=ü", "é", "ü"),
        ("\xa0a=b\xa0", "\xa0a", "b\xa0"),
        ("$Version=1", "$Version", "1"),
        ("a[]@=b", "a[]@", "b"),
    ],
)
def test_name_and_value(field: str, name: str, value: str) -> None:
    parsed = parse_set_cookie(field)
    assert isinstance(parsed, SetCookie)
    assert (parsed.name, parsed.value) == (name, value)
    assert parse_set_cookie(field.encode()) == parsed


def test_bytes_that_are_not_utf_8_are_given_back() -> None:
    parsed = parse_set_cookie(b"a=\xff\xe9")
    assert isinstance(parsed, SetCookie)
    assert parsed.value.encode("utf-8", "surrogateescape") == b"\xff\xe9"


@pytest.mark.parametrize("field", ["", ";", "=", " = ", "; Path=/", "=; Secure", " \t"])
def test_neither_name_nor_value_is_no_cookie(field: str) -> None:
    assert parse_set_cookie(field) == Rejected("the name and the value are empty")


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("field", ["a{}b=c", "a=b{}c", "a=b; Path=/{}", "a=b; x{}=y", "{}a=b"])
def test_a_control_character_anywhere_is_no_cookie(field: str, control: str) -> None:
    parsed = parse_set_cookie(field.format(control))
    assert parsed == Rejected("the field contains a control character")


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("n", "v" * (DEFAULT_LIMITS.name_value_octets - 1), True),
        ("n", "v" * DEFAULT_LIMITS.name_value_octets, False),
        ("n" * (DEFAULT_LIMITS.name_value_octets - 1), "v", True),
        ("n" * DEFAULT_LIMITS.name_value_octets, "v", False),
        ("", "v" * DEFAULT_LIMITS.name_value_octets, True),
        ("", "v" * (DEFAULT_LIMITS.name_value_octets + 1), False),
        # Octets and not characters.
        ("nn", "é" * (DEFAULT_LIMITS.name_value_octets // 2 - 1), True),
        ("nn", "é" * (DEFAULT_LIMITS.name_value_octets // 2), False),
        ("nn", "\udcff" * (DEFAULT_LIMITS.name_value_octets - 2), True),
    ],
)
def test_the_name_and_the_value_have_a_limit_together(name: str, value: str, fits: bool) -> None:
    parsed = parse_set_cookie(f"{name}={value}; Path=/")
    if fits:
        assert isinstance(parsed, SetCookie)
    else:
        assert isinstance(parsed, Rejected)
        assert parsed.reason == "the name and the value have more than 4096 octets"
        assert len(parsed.name) <= 64 + len("...")


def test_text_that_has_no_form_on_the_wire_is_no_cookie() -> None:
    parsed = parse_set_cookie("a=\ud800")
    assert parsed == Rejected("the name or the value cannot be written in UTF-8", "a")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("", "", "are empty"),
        ("a;b", "c", 'contains ";"'),
        ("a=b", "c", 'contains ";" or "="'),
        ("a", "b;c", 'value contains ";"'),
        ("a ", "b", "white space"),
        ("a", "\tb", "white space"),
        ("a\n", "b", "control"),
        ("a", "b\r\nc", "control"),
    ],
)
def test_what_no_field_could_have_said(name: str, value: str, reason: str) -> None:
    assert reason in (check_name_value(name, value) or "")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        # Expires, section 5.6.1
        ("Expires=Sun, 06 Nov 1994 08:49:37 GMT", {"expires": 784111777.0}),
        ("expires = Sun 06-Nov-94 08:49:37 ", {"expires": 784111777.0}),
        ("Expires=never", {}),
        ("Expires=06 Nov 1994 08:49:37; Expires=never", {"expires": 784111777.0}),
        ("Expires=06 Nov 2094 0:0:0; Expires=06 Nov 1994 08:49:37", {"expires": 784111777.0}),
        # Max-Age, section 5.6.2
        ("Max-Age=0", {"max_age": 0}),
        ("MAX-AGE=-1", {"max_age": -1}),
        ("Max-Age=00012", {"max_age": 12}),
        ("Max-Age=" + "9" * 1024, {"max_age": int("9" * 18)}),
        ("Max-Age=-" + "9" * 1023, {"max_age": -int("9" * 18)}),
        ("Max-Age=" + "0" * 1000 + "7", {"max_age": 7}),
        ("Max-Age=-0", {"max_age": 0}),
        ("Max-Age=", {}),
        ("Max-Age", {}),
        ("Max-Age=-", {}),
        ("Max-Age=+1", {}),
        ("Max-Age=1.5", {}),
        ("Max-Age=1e3", {}),
        ("Max-Age=1_000", {}),
        ("Max-Age=--1", {}),
        ('Max-Age="1"', {}),
        ("Max-Age=\u0663", {}),
        ("Max-Age=1; Max-Age=2; Max-Age=x", {"max_age": 2}),
        # Domain, section 5.6.3
        ("Domain=example.com", {"domain": "example.com"}),
        ("domain=.Example.COM", {"domain": "example.com"}),
        ("Domain=..example.com", {"domain": ".example.com"}),
        ("Domain=example.com.", {"domain": "example.com."}),
        ("Domain=", {"domain": ""}),
        ("Domain=.", {"domain": ""}),
        ("Domain=a.example; Domain=b.example", {"domain": "b.example"}),
        ("Domain=a.example; Domain=", {"domain": ""}),
        # The Kelvin sign is not a "K": lower-casing it would make it ASCII.
        ("Domain=\u212aelvin.example", {"domain": "\u212aelvin.example"}),
        # Path, section 5.6.4
        ("Path=/", {"path": "/"}),
        ("Path=/a b%2F", {"path": "/a b%2F"}),
        ("Path=a", {"path": ""}),
        ("Path=", {"path": ""}),
        ("Path", {"path": ""}),
        ("Path=/a; Path=/b", {"path": "/b"}),
        ("Path=/a; Path=b", {"path": ""}),
        # Secure and HttpOnly, sections 5.6.5 and 5.6.6
        ("Secure", {"secure": True}),
        ("secure=false", {"secure": True}),
        ("HttpOnly", {"http_only": True}),
        ("HTTPONLY=0", {"http_only": True}),
        # SameSite, section 5.6.7
        ("SameSite=None", {"same_site": "None"}),
        ("samesite=STRICT", {"same_site": "Strict"}),
        ("SameSite=lax", {"same_site": "Lax"}),
        ("SameSite=Lax; SameSite=odd", {"same_site": "Default"}),
        ("SameSite", {}),
        # Partitioned
        ("Partitioned", {"partitioned": True}),
        # What is unknown is ignored, and never a cookie.
        ("Priority=High; b=c; ; =; =x; Version=1; Comment=d", {}),
        ("Secure2; Pathh=/x; Http Only", {}),
        (" \t Secure \t ;\tPath \t=\t /x ", {"secure": True, "path": "/x"}),
    ],
)
def test_attributes(attributes: str, expected: dict[str, Any]) -> None:
    assert parse_set_cookie(f"a=b;{attributes}") == SetCookie("a", "b", **expected)
    assert parse_set_cookie(f"a=b; {attributes};") == SetCookie("a", "b", **expected)


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("/" + "x" * (DEFAULT_LIMITS.attribute_octets - 1), True),
        ("/" + "x" * DEFAULT_LIMITS.attribute_octets, False),
        ("/x" + "é" * (DEFAULT_LIMITS.attribute_octets // 2 - 1), True),
        ("/" + "é" * (DEFAULT_LIMITS.attribute_octets // 2), False),
        ("/\ud800", False),
    ],
)
def test_an_attribute_of_more_than_1024_octets_is_ignored(value: str, taken: bool) -> None:
    cookie = SetCookie("a", "b", path="/before")
    apply_attribute(cookie, "Path", value)
    assert cookie.path == (value if taken else "/before")
    apply_attribute(cookie, "Domain", "." + "d" * DEFAULT_LIMITS.attribute_octets)
    assert cookie.domain is None


@given(st.one_of(st.text(max_size=60), st.text("ab=; \t\"'", max_size=30)))
def test_any_text_is_a_cookie_or_refused(field: str) -> None:
    parsed = parse_set_cookie(field)
    if isinstance(parsed, SetCookie):
        assert check_name_value(parsed.name, parsed.value) is None
        # Nothing is lost of the pair but white space, and a "=" before a value without a name.
        assert parsed.name in field
        assert parsed.value in field
        if parsed.name:
            assert parse_set_cookie(f"{parsed.name}={parsed.value}") == SetCookie(
                parsed.name, parsed.value
            )


@given(st.binary(max_size=60))
def test_any_bytes_are_a_cookie_or_refused(field: bytes) -> None:
    parsed = parse_set_cookie(field)
    if isinstance(parsed, SetCookie):
        value = parsed.value.encode("utf-8", "surrogateescape")
        assert value in field
    else:
        assert parsed.reason
