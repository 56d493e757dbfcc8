import json
import pickle
from collections import defaultdict
from dataclasses import replace
from http.cookies import SimpleCookie
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar import Cookie, CookieFileError, Rejected
from whimbrel_cookiejar.json_format import cookies_from_json, cookies_to_json

COOKIE = Cookie(
    name="sid",
    value="s3cret",
    domain="shop.example",
    host_only=True,
    path="/",
    secure=True,
    http_only=False,
    same_site="Lax",
    partitioned=False,
    persistent=True,
    expiry=1_800_086_400.25,
    creation=1_800_000_000.5,
    last_access=1_800_000_001.0,
)
TEXT = """\
{"format": "whimbrel-cookies", "version": 1, "cookies": [
{"name": "sid", "value": "s3cret", "domain": "shop.example", "host_only": true, "path": "/", \
"secure": true, "http_only": false, "same_site": "Lax", "partitioned": false, \
"expiry": 1800086400.25, "creation": 1800000000.5, "last_access": 1800000001.0}
]}
"""
TIMES = st.floats(allow_nan=False, allow_infinity=False)
COOKIES = st.builds(
    Cookie,
    name=st.text(),
    value=st.text(st.characters()),
    domain=st.text(),
    host_only=st.booleans(),
    path=st.text(),
    secure=st.booleans(),
    http_only=st.booleans(),
    same_site=st.sampled_from(["Default", "None", "Lax", "Strict"]),
    partitioned=st.booleans(),
    persistent=st.just(True),
    expiry=TIMES,
    creation=TIMES,
    last_access=TIMES,
)


def entry(**changes: Any) -> str:
    """The text with another member, or without one that is `...`."""
    document = json.loads(TEXT)
    document["cookies"][0].update(changes)
    document["cookies"][0] = {k: v for k, v in document["cookies"][0].items() if v is not ...}
    return json.dumps(document)


def document(**changes: Any) -> str:
    return json.dumps({**json.loads(TEXT), **changes})


def test_the_format() -> None:
    assert cookies_to_json([COOKIE]) == TEXT
    assert cookies_from_json(TEXT) == [(1, COOKIE)]
    assert cookies_from_json(TEXT.encode()) == [(1, COOKIE)]
    assert cookies_from_json("\ufeff" + TEXT) == cookies_from_json(b"\xef\xbb\xbf" + TEXT.encode())


def test_no_cookies() -> None:
    assert cookies_from_json(cookies_to_json([])) == []


@given(st.lists(COOKIES))
def test_whatever_is_in_a_cookie_comes_back(cookies: list[Cookie]) -> None:
    cookies = [c for c in cookies if not (c.host_only and not c.domain)]
    text = cookies_to_json(cookies)
    assert text.isascii()
    assert [found for _, found in cookies_from_json(text)] == cookies
    assert len(text.splitlines()) == max(len(cookies), 1) + 2


def test_a_session_has_no_expiry() -> None:
    text = entry(expiry=None)
    [(number, cookie)] = cookies_from_json(text)
    assert isinstance(cookie, Cookie)
    assert (number, cookie.expiry, cookie.persistent) == (1, inf, False)
    assert '"expiry": null' in cookies_to_json([cookie])


def test_whole_seconds_are_numbers_too() -> None:
    [(_, cookie)] = cookies_from_json(entry(expiry=1_800_086_400, creation=0, last_access=-1))
    assert isinstance(cookie, Cookie)
    assert (cookie.expiry, cookie.creation, cookie.last_access) == (1_800_086_400.0, 0.0, -1.0)


@pytest.mark.parametrize("time", [nan, -inf])
def test_times_that_are_none_are_not_written(time: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        cookies_to_json([replace(COOKIE, creation=time)])


DAMAGED = [
    # (text, where, reason)
    ("", "line 1, column 1", "no JSON"),
    ("not JSON", "line 1, column 1", "no JSON"),
    ("{\n  'a': 1}", "line 2, column 3", "no JSON"),
    (TEXT + TEXT, "line 4, column 1", "no JSON"),
    (TEXT.replace("1800000000.5", "NaN"), "", "there is no number NaN"),
    (TEXT.replace("1800000000.5", "-Infinity"), "", "there is no number -Infinity"),
    (TEXT.replace('"path"', '"name"'), "", "two members of the same name"),
    ("[" * 100_000, "", "nested too deeply"),
    ('{"a":' * 100_000, "", "nested too deeply"),
    ("# Netscape HTTP Cookie File\n", "", "for a cookies.txt there is load_cookies_txt"),
    ("null", "", 'neither a "whimbrel-cookies" nor the cookies of aiohttp'),
    ("[]", "", "neither a"),
    ('[{"domain": "a.example", "name": "a", "value": "b"}]', "", "neither a"),
    ('{"cookies": []}', "", "neither a"),
    (document(format="other"), "", "neither a"),
    (document(version=2), "", "the version is not 1"),
    (document(version="1"), "", "the version is not 1"),
    (document(version=True), "", "the version is not 1"),
    (document(version=None), "", "the version is not 1"),
    (document(more=1), "", 'the members are not "format", "version" and "cookies"'),
    ('{"format": "whimbrel-cookies", "version": 1}', "", "the members are not"),
    (document(cookies={}), "", '"cookies" is not an array'),
    (document(cookies=None), "", '"cookies" is not an array'),
    (document(cookies=["a=b"]), "cookie 1", "this is not an object"),
    (document(cookies=[*json.loads(TEXT)["cookies"], {}]), "cookie 2", 'there is no "name"'),
    (entry(last_access=...), "cookie 1", 'there is no "last_access"'),
    (entry(max_age=1), "cookie 1", "members that a cookie does not have"),
    (entry(name=None), "cookie 1", '"name" is not a text'),
    (entry(value=1), "cookie 1", '"value" is not a text'),
    (entry(domain=[]), "cookie 1", '"domain" is not a text'),
    (entry(path={}), "cookie 1", '"path" is not a text'),
    (entry(host_only=1), "cookie 1", '"host_only" is not true or false'),
    (entry(secure="true"), "cookie 1", '"secure" is not true or false'),
    (entry(http_only=None), "cookie 1", '"http_only" is not true or false'),
    (entry(partitioned=0), "cookie 1", '"partitioned" is not true or false'),
    (entry(same_site="lax"), "cookie 1", '"same_site" is not one of Default, None, Lax, Strict'),
    (entry(same_site=None), "cookie 1", '"same_site" is not a text'),
    (entry(expiry="1"), "cookie 1", '"expiry" is not a finite number or null'),
    (entry(expiry=True), "cookie 1", '"expiry" is not a finite number or null'),
    (entry(creation=None), "cookie 1", '"creation" is not a finite number'),
    (entry(domain="", host_only=True), "cookie 1", "there is no host"),
    (TEXT.replace("1800000000.5", "1e999"), "cookie 1", '"creation" is not a finite number'),
    (TEXT.replace("1800086400.25", "-1e999"), "cookie 1", '"expiry" is not a finite number'),
    (TEXT.replace("1800000000.5", "9" * 5000), "cookie 1", '"creation" is not a finite number'),
]


@pytest.mark.parametrize(("text", "where", "reason"), DAMAGED)
def test_what_is_damaged_or_foreign(text: str, where: str, reason: str) -> None:
    for form in (text, text.encode()):
        with pytest.raises(CookieFileError) as caught:
            cookies_from_json(form)
        assert reason in caught.value.reason
        assert caught.value.where == where
        # Nothing of the file is in the error, nor in another one behind it.
        assert len(str(caught.value)) < 200
        assert "s3cret" not in repr(caught.value) + str(caught.value)
        assert caught.value.__context__ is None


def test_half_a_file_is_damaged() -> None:
    for length in range(len(TEXT.strip())):
        with pytest.raises(CookieFileError):
            cookies_from_json(TEXT[:length])


@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_any_damage_is_found_or_harmless(at: int, inserted: bytes, removed: int) -> None:
    content = TEXT.encode()
    content = content[:at] + inserted + content[at + removed :]
    try:
        found = cookies_from_json(content)
    except CookieFileError:
        return
    assert all(isinstance(cookie, Cookie | Rejected) for _, cookie in found)


@given(st.binary(max_size=100))
def test_anything_else_is_no_file_of_cookies(content: bytes) -> None:
    if content.removeprefix(b"\xef\xbb\xbf").strip() == b"{}":
        return
    with pytest.raises(CookieFileError):
        cookies_from_json(content)


class Harmful:
    ran = False

    def __reduce__(self) -> Any:
        return setattr, (Harmful, "ran", True)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        defaultdict(SimpleCookie, {("a.example", "/"): SimpleCookie({"a": "s3cret"})}),
        {("a.example", "/"): "s3cret"},
        {},
        ["s3cret"],
        Harmful(),
    ],
)
def test_pickles_are_refused_unread(value: Any, protocol: int) -> None:
    content = pickle.dumps(value, protocol)
    with pytest.raises(CookieFileError, match=r"this is a pickle, .* never read"):
        cookies_from_json(content)
    assert not Harmful.ran
    # It would have worked.
    if isinstance(value, Harmful):
        Harmful.ran = False
        pickle.loads(content)
        assert Harmful.ran
        Harmful.ran = False


@pytest.mark.parametrize("text", ["cookies = []\n", "(a)", "copy\nof\nthem", "}"])
def test_other_texts_are_no_pickles(text: str) -> None:
    with pytest.raises(CookieFileError, match="no JSON"):
        cookies_from_json(text.encode())


def test_the_cookies_of_aiohttp_are_known() -> None:
    assert cookies_from_json("{}") == []
    [(number, cookie)] = cookies_from_json(
        '{"a.example|": {"n": {"key": "n", "value": "v", "coded_value": "v", "path": "/"}}}'
    )
    assert isinstance(cookie, Cookie)
    assert (number, cookie.name, cookie.domain) == (1, "n", "a.example")
