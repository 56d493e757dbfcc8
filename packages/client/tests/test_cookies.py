from __future__ import annotations

from collections.abc import Iterator
from http.cookies import BaseCookie, Morsel, SimpleCookie
from typing import Any

import pytest
from yarl import URL

from whimbrel.cookies import cookie_field, jar_cookies
from whimbrel_cookiejar import AbstractCookieJar, CookieJar, DummyCookieJar

HERE = URL("http://example.com/")


@pytest.mark.parametrize(
    ("from_jar", "own", "given", "value"),
    [
        ("", [], [], ""),
        ("a=1", [], [], "a=1"),
        ("a=1; b=2", [], [], "a=1; b=2"),
        ("", ["a=1"], [], "a=1"),
        ("a=1", ["b=2"], [], "a=1; b=2"),
        ("a=1; b=2", ["a=3"], [], "b=2; a=3"),
        ("a=1", ["a=3"], [], "a=3"),
        ("a=1; b=2", [], ["a=3"], "b=2; a=3"),
        ("a=1", [], ["b=2; c=3"], "a=1; b=2; c=3"),
        ("a=1", [], ["b=2;c=3;"], "a=1; b=2; c=3"),
        ("a=1", [], ["b=2", "c=3"], "a=1; b=2; c=3"),
        ("a=1; b=2; c=3", ["b=x"], ["c=y"], "a=1; b=x; c=y"),
        ("a=1; a=2", ["b=3"], [], "a=1; a=2; b=3"),  # of two paths
        ("a=1; a=2", ["a=3"], [], "a=3"),
        ("A=1", ["a=2"], [], "A=1; a=2"),  # names have case
        ("a=1; ab=2", ["a=3"], [], "ab=2; a=3"),
        ("a=b=c", ["x=y=z"], [], "a=b=c; x=y=z"),
        ("a=1", [""], [], "a=1"),
        ("a=1", [], [""], "a=1"),
        ("", [""], [" ; "], ""),
        ('a="x, y"', ["b=2"], [], 'a="x, y"; b=2'),
    ],
)
def test_what_is_nearer_to_the_caller_wins(
    from_jar: str, own: list[str], given: list[str], value: str
) -> None:
    assert cookie_field(from_jar, own, given) == value


def test_our_jar_gives_its_field_at_once() -> None:
    jar = CookieJar()
    assert jar_cookies(jar, HERE) == ""
    jar.update_cookies({"a": "1", "b": "2"}, HERE)
    assert jar_cookies(jar, HERE) == jar.cookie_header(HERE)
    assert sorted(jar_cookies(jar, HERE).split("; ")) == ["a=1", "b=2"]
    assert jar_cookies(jar, URL("http://other.example/")) == ""


def test_a_jar_that_keeps_nothing_gives_nothing() -> None:
    assert jar_cookies(DummyCookieJar(), HERE) == ""


class UsersJar(AbstractCookieJar):
    """A jar as users write them: it knows no more than the abstract one."""

    def __init__(self) -> None:
        self.kept: SimpleCookie = SimpleCookie()

    @property
    def quote_cookie(self) -> bool:
        return True

    def clear(self, predicate: Any = None) -> None:
        self.kept.clear()

    def clear_domain(self, domain: str) -> None:
        self.kept.clear()

    def update_cookies(self, cookies: Any, response_url: URL = HERE) -> None:
        for name, value in cookies.items():
            self.kept[name] = value

    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        return self.kept if request_url.host == "example.com" else SimpleCookie()

    def __iter__(self) -> Iterator[Morsel[str]]:
        return iter(self.kept.values())

    def __len__(self) -> int:
        return len(self.kept)


def test_a_users_jar_is_asked_for_cookies() -> None:
    jar = UsersJar()
    jar.update_cookies({"a": "1", "b": "x y"})
    assert jar_cookies(jar, HERE) == 'a=1; b="x y"'
    assert jar_cookies(jar, URL("http://other.example/")) == ""


class PickyJar(CookieJar):
    """A jar that overrides what the reference knows."""

    def filter_cookies(self, request_url: URL = HERE) -> BaseCookie[str]:
        return SimpleCookie({"only": "this"})


class PickierJar(PickyJar):
    """One that overrides what only our jar has, too."""

    def cookie_header(self, url: str | URL, now: float | None = None) -> str:
        return "only=that"


def test_what_a_subclass_of_our_jar_overrides_is_asked() -> None:
    for jar, expected in ((PickyJar(), "only=this"), (PickierJar(), "only=that")):
        jar.update_cookies({"a": "1"}, HERE)
        assert jar_cookies(jar, HERE) == expected
