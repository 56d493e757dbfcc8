import copy
import json
import pickle
from collections.abc import Callable
from http.cookies import BaseCookie, Morsel, SimpleCookie
from math import inf
from typing import Any

import pytest
from yarl import URL

from whimbrel_cookiejar import Cookie, CookieJar
from whimbrel_cookiejar.sent import SentMorsel, sent_cookies, sent_morsel

URL_ = URL("https://site.example/")


def cookie(name: str, value: str) -> Cookie:
    return Cookie(
        name, value, "site.example", True, "/", True, True, "Lax", False, False, inf, 1.0, 1.0
    )


def sent(*cookies: Cookie, quoted: bool = True) -> BaseCookie[str]:
    return sent_cookies({c.name: sent_morsel(c, quoted=quoted) for c in cookies}, quoted=quoted)


@pytest.mark.parametrize(("quoted", "value"), [(True, "a b"), (False, '"a b"')])
def test_cookies_to_send(quoted: bool, value: str) -> None:
    found = sent(cookie("sid", '"a b"'), cookie("x[]", "1"), quoted=quoted)
    assert isinstance(found, SimpleCookie) is quoted
    assert [(morsel.key, morsel.value) for morsel in found.values()] == [
        ("sid", value),
        ("x[]", "1"),
    ]
    assert found["sid"].coded_value == '"a b"'
    assert found["sid"].OutputString() == 'sid="a b"'


def test_a_morsel_is_what_http_cookies_would_make() -> None:
    expected: Morsel[str] = Morsel()
    expected.set("a", "1", "1")
    found = sent_morsel(cookie("a", "1"), quoted=True)
    assert found == expected
    assert dict(found) == dict(expected)
    assert found.output() == expected.output()
    assert repr(found) == repr(expected).replace("Morsel", "SentMorsel")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.__setitem__("path", "/"),
        lambda m: m.__delitem__("path"),
        lambda m: m.__ior__({"path": "/"}),
        lambda m: m.__setstate__({"key": "b", "value": "2", "coded_value": "2"}),
        lambda m: m.set("b", "2", "2"),
        lambda m: m.setdefault("path", "/"),
        lambda m: m.update({"path": "/"}),
        lambda m: m.pop("path"),
        lambda m: m.popitem(),
        lambda m: m.clear(),
        lambda m: setattr(m, "key", "b"),
        lambda m: setattr(m, "value", "2"),
        lambda m: setattr(m, "coded_value", "2"),
    ],
)
def test_a_morsel_is_read_only(change: Callable[[Morsel[str]], Any]) -> None:
    found = sent_morsel(cookie("a", "1"), quoted=True)
    with pytest.raises((TypeError, AttributeError)):
        change(found)
    assert found == sent_morsel(cookie("a", "1"), quoted=True)


def test_every_method_that_changes_a_morsel_is_refused() -> None:
    ways = {name for kind in (Morsel, dict) for name, way in vars(kind).items() if callable(way)}
    reading = {
        *("OutputString", "copy", "fromkeys", "get", "isReservedKey", "items", "js_output"),
        *("keys", "output", "values"),
    }
    changing = {name for name in ways if not name.startswith("_")} - reading
    changing |= {"__setitem__", "__delitem__", "__ior__", "__setstate__"}
    assert changing == {
        name for name, way in vars(SentMorsel).items() if way is vars(SentMorsel)["_refuse"]
    } - {"_refuse"}


@pytest.mark.parametrize(
    "copied",
    [
        lambda m: m.copy(),
        copy.copy,
        copy.deepcopy,
        lambda m: pickle.loads(pickle.dumps(m)),
    ],
)
def test_a_copy_of_a_morsel_can_be_changed(copied: Callable[[Any], Any]) -> None:
    found = sent_morsel(cookie("a", '"1 2"'), quoted=True)
    own = copied(found)
    assert type(own) is Morsel
    assert own == found
    own["path"] = "/"
    own.set("b", "2", "2")
    assert found == sent_morsel(cookie("a", '"1 2"'), quoted=True)


def test_what_filter_cookies_returns_can_be_changed_and_changes_nothing_else() -> None:
    jar = CookieJar()
    jar.update_cookies({"a": "1", "b": "2", "c": "3"}, URL_)
    found = jar.filter_cookies(URL_)
    other = jar.filter_cookies(URL_)
    shared = found["a"]
    found["a"] = "changed"
    found["new"] = "4"
    found.load("b=changed; e=5")
    del found["c"]
    assert found["a"] is not shared
    assert {name: m.value for name, m in found.items()} == {
        "a": "changed",
        "b": "changed",
        "new": "4",
        "e": "5",
    }
    found["e"]["path"] = "/"
    for unchanged in (other, jar.filter_cookies(URL_)):
        assert {name: m.value for name, m in unchanged.items()} == {"a": "1", "b": "2", "c": "3"}
    assert shared.value == "1"
    assert jar.cookie_header(URL_) == "a=1; b=2; c=3"
    other.clear()
    assert len(jar.filter_cookies(URL_)) == 3


def test_it_can_be_copied_and_written() -> None:
    found = sent(cookie("a", "1"), cookie("b", '"x y"'))
    for same in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert same == found
        assert type(same["a"]) is Morsel
    assert found.output(header="", sep=";") == ' a=1; b="x y"'
    assert set(json.loads(json.dumps(found))) == {"a", "b"}
    assert dict(found) == found
