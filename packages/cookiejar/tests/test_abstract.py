from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from yarl import URL

from whimbrel_cookiejar import AbstractCookieJar, CookieJar, DummyCookieJar

SITE = URL("https://site.example/")


class ListJar(AbstractCookieJar):
    """The least that a program may write."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.taken: list[tuple[str, Any, URL]] = []

    def __iter__(self) -> Iterator[Morsel[str]]:
        return (morsel for _, morsel, _ in self.taken)

    def __len__(self) -> int:
        return len(self.taken)

    def clear(self, predicate: Any = None) -> None:
        self.taken.clear()

    def clear_domain(self, domain: str) -> None:
        self.taken.clear()

    def update_cookies(self, cookies: Any, response_url: URL = SITE) -> None:
        self.taken += [(name, morsel, response_url) for name, morsel in cookies]

    def filter_cookies(self, request_url: URL) -> SimpleCookie:
        return SimpleCookie()


def test_the_defaults_of_a_jar() -> None:
    jar = ListJar()
    assert jar.unsafe is False
    assert jar.quote_cookie is True
    assert jar.treat_as_secure_origin == frozenset()
    assert jar.host_only_cookies == frozenset()
    assert dict(jar.cookies) == {}


def test_headers_reach_update_cookies() -> None:
    jar = ListJar()
    jar.update_cookies_from_headers(['a="b c"; Path=/p; Secure', "bad=\0"], SITE)
    [(name, morsel, url)] = jar.taken
    assert (name, morsel.key, morsel.value, morsel.coded_value) == ("a", "a", "b c", '"b c"')
    assert (morsel["path"], morsel["secure"]) == ("/p", True)
    assert url == SITE
    assert list(jar.cookies) == [("", "/p")]
    assert jar.cookies["", "/p"]["a"] is morsel


def test_the_paths_of_the_views_do_not_end_in_slashes() -> None:
    jar = ListJar()
    for field in ["a=1; Path=/", "b=2; Path=/p/", "b=3; Path=/p", "c[]=4; Path=/p//"]:
        jar.update_cookies_from_headers([field], SITE)
    view = {place: {m.key: m.value for m in found.values()} for place, found in jar.cookies.items()}
    assert view == {("", ""): {"a": "1"}, ("", "/p"): {"b": "3", "c[]": "4"}}
    with pytest.raises(TypeError):
        jar.cookies["", ""] = SimpleCookie()  # type: ignore[index]  # what the test shows
    # It is a copy.
    jar.cookies["", ""].clear()
    assert list(jar.cookies["", ""]) == ["a"]


def test_update_cookies_is_not_called_for_nothing() -> None:
    class NoUpdates(ListJar):
        def update_cookies(self, cookies: Any, response_url: URL = SITE) -> None:
            raise AssertionError("called without cookies")

    NoUpdates().update_cookies_from_headers([], SITE)
    NoUpdates().update_cookies_from_headers(["\0"], SITE)


def test_the_interface_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AbstractCookieJar()  # type: ignore[abstract]  # what the test shows


@pytest.mark.parametrize("jar_class", [CookieJar, DummyCookieJar, ListJar])
def test_a_loop_has_no_effect(jar_class: Any) -> None:
    with pytest.warns(DeprecationWarning, match="loop parameter of cookie jars has no effect"):
        jar_class(loop=object())


def test_a_dummy_jar_keeps_nothing() -> None:
    jar = DummyCookieJar()
    jar.update_cookies({"a": "b"}, SITE)
    jar.update_cookies({"a": "b"})
    jar.update_cookies_from_headers(["a=b"], SITE)
    assert len(jar) == 0
    assert list(jar) == []
    assert len(jar.filter_cookies(SITE)) == 0
    jar.clear()
    jar.clear(lambda _: True)
    jar.clear_domain("site.example")
    assert jar.unsafe is False
    assert jar.quote_cookie is True
    assert jar.treat_as_secure_origin == frozenset()
    assert dict(jar.cookies) == {}
    assert jar.host_only_cookies == frozenset()
