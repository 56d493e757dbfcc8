import copy
import pickle
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar import Cookie, Rejected, parse_set_cookies
from whimbrel_cookiejar.morsels import (
    bare_morsel,
    cookie_to_morsel,
    given_cookie,
    morsel_to_set_cookie,
    quote_value,
    set_cookie_to_morsel,
    text_to_set_cookie,
    unquote_value,
)
from whimbrel_cookiejar.parse import SetCookie, check_name_value, parse_set_cookie
from whimbrel_cookiejar.rules import Target

COOKIE = Cookie(
    name="sid",
    value='"a b"',
    domain="site.example",
    host_only=True,
    path="/p",
    secure=True,
    http_only=True,
    same_site="Lax",
    partitioned=False,
    persistent=True,
    expiry=784111777.5,
    creation=1.0,
    last_access=2.0,
)

QUOTED = [
    ("plain", "plain"),
    ("", ""),
    ("a:b!#$%&'*+-.^_`|~", "a:b!#$%&'*+-.^_`|~"),
    ("a b", '"a b"'),
    ("a=b", '"a=b"'),
    ("a,b;c", r'"a\054b\073c"'),
    ('a"b\\c', r'"a\"b\\c"'),
    ("a\r\n\0\x7f", r'"a\015\012\000\177"'),
    ("é", r'"\351"'),
    ("日", '"日"'),
]


@pytest.mark.parametrize(("value", "quoted"), QUOTED)
def test_quoting(value: str, quoted: str) -> None:
    assert quote_value(value) == quoted
    assert unquote_value(quoted) == value


@given(st.text(max_size=40))
def test_what_is_quoted_is_read_back(value: str) -> None:
    quoted = quote_value(value)
    assert unquote_value(quoted) == value
    # Whatever it was, a field can carry it, if it has a form on the wire at all.
    refusal = check_name_value("a", quoted)
    assert refusal is None or "UTF-8" in refusal


@given(st.text(st.characters(max_codepoint=0x2FF), min_size=1, max_size=40))
def test_quoting_is_that_of_the_standard_library(value: str) -> None:
    assert quote_value(value) == SimpleCookie().value_encode(value)[1]


@pytest.mark.parametrize(
    ("value", "unquoted"),
    [
        ('"', '"'),
        ('""', ""),
        ('"a', '"a'),
        ('a"', 'a"'),
        (r"a\073b", r"a\073b"),
        (r'"\9\0731\400"', "9;1400"),
        ('"' + "\\" * 4000 + '"', "\\" * 2000),
        ('"\\"', "\\"),
    ],
)
def test_odd_quotes_are_read(value: str, unquoted: str) -> None:
    assert unquote_value(value) == unquoted


@pytest.mark.parametrize("name", ["a", "", "a b", "a[0]", "päth", "path", "expires"])
@pytest.mark.parametrize("value", ['"a b"', "a\tb", "a b", "é", ""])
def test_a_morsel_takes_any_name_and_value(name: str, value: str) -> None:
    morsel = bare_morsel(name, value, unquote=True)
    assert (morsel.key, morsel.coded_value, morsel.value) == (name, value, unquote_value(value))
    assert bare_morsel(name, value, unquote=False).value == value
    assert not any(morsel.values())
    assert copy.copy(morsel) == morsel


def test_a_stored_cookie_as_a_morsel() -> None:
    morsel = cookie_to_morsel(COOKIE, unquote=True)
    assert (morsel.key, morsel.value, morsel.coded_value) == ("sid", "a b", '"a b"')
    attributes = {key: value for key, value in morsel.items() if value}
    assert attributes == {
        "domain": "site.example",
        "path": "/p",
        "expires": "Sun, 06 Nov 1994 08:49:37 GMT",
        "secure": True,
        "httponly": True,
        "samesite": "Lax",
    }
    assert morsel.OutputString() == (
        'sid="a b"; Domain=site.example; expires=Sun, 06 Nov 1994 08:49:37 GMT; HttpOnly; Path=/p;'
        " SameSite=Lax; Secure"
    )
    assert pickle.loads(pickle.dumps(morsel)) == morsel
    assert copy.deepcopy(morsel) == morsel


def test_a_session_cookie_as_a_morsel() -> None:
    plain = replace(
        COOKIE, expiry=inf, secure=False, http_only=False, same_site="Default", path="/\t"
    )
    morsel = cookie_to_morsel(plain, unquote=False)
    assert morsel.value == '"a b"'
    assert {key: value for key, value in morsel.items() if value} == {
        "domain": "site.example",
        "path": "/\t",
    }


def test_partitioned_is_shown_where_morsels_know_it() -> None:
    morsel = cookie_to_morsel(replace(COOKIE, partitioned=True), unquote=True)
    assert morsel.get("partitioned") == (True if "partitioned" in Morsel() else None)
    assert copy.deepcopy(morsel) == morsel


@pytest.mark.parametrize(
    "field",
    [
        "a=b",
        'a="b c"; Domain=site.example; Path=/x; Secure; HttpOnly; SameSite=Strict',
        "a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
        "a=b; Max-Age=0; SameSite=None; Secure",
        "a=b; Max-Age=-" + "9" * 40,
    ],
)
def test_a_field_survives_being_a_morsel(field: str) -> None:
    parsed = parse_set_cookie(field)
    assert isinstance(parsed, SetCookie)
    morsel = set_cookie_to_morsel(parsed, unquote=True)
    assert morsel_to_set_cookie(morsel.key, morsel, coded=True) == parsed
    morsel = set_cookie_to_morsel(parsed, unquote=False)
    assert morsel_to_set_cookie(morsel.key, morsel, coded=False) == parsed


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("max-age", 60, {"max_age": 60}),
        ("max-age", 0, {"max_age": 0}),
        ("max-age", "soon", {}),
        ("secure", True, {"secure": True}),
        ("secure", "1", {"secure": True}),
        ("secure", False, {}),
        ("secure", "", {}),
        ("httponly", True, {"http_only": True}),
        ("samesite", "lax", {"same_site": "Lax"}),
        ("domain", ".SITE.example", {"domain": "site.example"}),
        ("path", "x", {"path": ""}),
        ("path", "/x", {"path": "/x"}),
        ("expires", "06 Nov 1994 08:49:37", {"expires": 784111777.0}),
        ("version", "1", {}),
        ("comment", "c; Secure", {}),
    ],
)
def test_attributes_of_a_morsel(attribute: str, value: Any, expected: dict[str, Any]) -> None:
    morsel: Morsel[str] = Morsel()
    morsel.set("key", "v", "v")
    morsel[attribute] = value
    assert morsel_to_set_cookie("a", morsel, coded=True) == SetCookie("a", "v", **expected)


def test_a_morsel_gives_its_coded_value_or_its_value() -> None:
    morsel = SimpleCookie({"a": "b c"})["a"]
    assert morsel_to_set_cookie("a", morsel, coded=True) == SetCookie("a", '"b c"')
    assert morsel_to_set_cookie("a", morsel, coded=False) == SetCookie("a", "b c")


@pytest.mark.parametrize("value", ["b; c=d", "b\r\nc", "b" * 4096, " b"])
def test_a_morsel_that_is_no_cookie(value: str) -> None:
    morsel = bare_morsel("a", value, unquote=False)
    outcome = morsel_to_set_cookie("a", morsel, coded=False)
    assert isinstance(outcome, Rejected)
    assert outcome.name == "a"


@pytest.mark.parametrize("attribute", ["domain", "path", "comment"])
def test_an_attribute_of_a_morsel_has_no_control_characters(attribute: str) -> None:
    morsel = bare_morsel("a", "b", unquote=False)
    dict.__setitem__(morsel, attribute, "/x\n")
    outcome = morsel_to_set_cookie("a", morsel, coded=False)
    assert outcome == Rejected("an attribute contains a control character", "a")


def test_who_set_what_the_program_gives() -> None:
    url = Target("site.example", "/", False)
    everyone = Target("", "/", False)
    own = SimpleCookie("a=b; Domain=.Other.example")["a"]
    assert given_cookie("a", "b", url, quote=True) == (SetCookie("a", "b"), url)
    assert given_cookie("a", 1, everyone, quote=True) == (
        SetCookie("a", "1"),
        Target("", "/", True),
    )
    parsed = SetCookie("a", "b", domain="other.example")
    assert given_cookie("a", own, url, quote=True) == (parsed, url)
    sender = Target("other.example", "/", True)
    assert given_cookie("a", own, everyone, quote=True) == (parsed, sender)
    own["domain"] = "☃" * 70 + ".example"
    outcome = given_cookie("a", own, everyone, quote=True)
    assert outcome == Rejected("Domain is not the name of a host", "a")


def test_text_of_the_program() -> None:
    assert text_to_set_cookie("a", "b; c", quote=True) == SetCookie("a", r'"b\073 c"')
    assert text_to_set_cookie("a", "b c", quote=False) == SetCookie("a", "b c")


@pytest.mark.parametrize(
    ("name", "value", "quote", "message"),
    [
        ("", "b", True, "cookie '' cannot be sent: the name is empty"),
        ("a;b", "c", True, 'the name contains ";"'),
        ("a=b", "c", True, 'the name contains ";" or "="'),
        ("a\r\n", "c", True, r"cookie 'a\\r\\n' cannot be sent: .* control"),
        ("a", "b\n", False, "control"),
        ("a", "b; c=d", False, 'the value contains ";"'),
        ("a", "b" * 4096, True, "more than 4096"),
        ("a" * 5000, "b", True, "cookie 'a{64}\\.\\.\\.' cannot"),
        ("a", "\ud800", True, "UTF-8"),
    ],
)
def test_text_that_is_no_cookie(name: str, value: str, quote: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        text_to_set_cookie(name, value, quote=quote)


def test_the_cookies_of_a_response() -> None:
    cookies = parse_set_cookies(
        [
            'a="x y"; Path=/p; Max-Age=10; Priority=High; d=e',
            "b[0]=1; Domain=.Site.example; Expires=Sun, 06-Nov-94 08:49:37 GMT; Secure; httponly",
            "bad=\x00",
            "",
            "c=1",
            "c=2",
            "bare",
        ]
    )
    assert type(cookies) is SimpleCookie
    assert list(cookies) == ["a", "b[0]", "c", ""]
    assert (cookies["a"].value, cookies["a"].coded_value) == ("x y", '"x y"')
    assert (cookies["a"]["path"], cookies["a"]["max-age"]) == ("/p", "10")
    assert cookies["b[0]"]["domain"] == "site.example"
    assert cookies["b[0]"]["expires"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert cookies["b[0]"]["secure"] is True
    assert cookies["b[0]"]["httponly"] is True
    assert cookies["c"].value == "2"
    assert cookies[""].value == "bare"
    assert len(parse_set_cookies([])) == 0
