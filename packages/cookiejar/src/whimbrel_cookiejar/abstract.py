"""What a session may expect of any cookie jar, and the jar that keeps nothing."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from http.cookies import BaseCookie, Morsel, SimpleCookie
from types import MappingProxyType
from typing import Any

from yarl import URL

from whimbrel_cookiejar.morsels import set_cookie_pairs

__all__ = ["AbstractCookieJar", "ClearCookiePredicate", "DummyCookieJar", "LooseCookies"]

_NO_URL = URL()

ClearCookiePredicate = Callable[[Morsel[str]], bool]
"""Tells of a morsel whether its cookie is to be removed."""

LooseCookies = (
    Mapping[str, str | Morsel[Any]] | Iterable[tuple[str, str | Morsel[Any]]] | BaseCookie[str]
)
"""Cookies as programs give them: names with values, or with morsels."""


class AbstractCookieJar(Sized, Iterable[Morsel[str]], ABC):
    """The interface of a cookie jar, for a session to call and for programs to implement.

    Args:
        loop: deprecated and without effect; a jar needs no event loop.
    """

    def __init__(self, *, loop: object = None) -> None:
        if loop is not None:
            # The caller of the class that a program made: this method, and its own.
            warnings.warn(
                "the loop parameter of cookie jars has no effect", DeprecationWarning, stacklevel=3
            )

    @property
    def unsafe(self) -> bool:
        """Whether IP addresses may set cookies."""
        return False

    @property
    def quote_cookie(self) -> bool:
        """Whether values that the program gives are quoted where they need it."""
        return True

    @property
    def treat_as_secure_origin(self) -> frozenset[URL]:
        """The origins whose connections count as secure whatever their scheme."""
        return frozenset()

    @property
    def cookies(self) -> MappingProxyType[tuple[str, str], SimpleCookie]:
        """The cookies by (domain, path), as they are now; a copy.

        As in the reference the paths are without the slashes that end them, so that "/" is "", and
        there is one cookie of a name: of those that differ in nothing else, the last one.
        """
        found: dict[tuple[str, str], SimpleCookie] = {}
        for morsel in self:
            key = morsel["domain"], morsel["path"].rstrip("/")
            # `dict`'s method, because that of `SimpleCookie` refuses names.
            dict.__setitem__(found.setdefault(key, SimpleCookie()), morsel.key, morsel)
        return MappingProxyType(found)

    @property
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        """The (domain, path, name) of the cookies that go to no host below their domain.

        The paths are without the slashes that end them.
        """
        return frozenset()

    @abstractmethod
    def clear(self, predicate: ClearCookiePredicate | None = None) -> None:
        """Remove every cookie, or those whose morsels `predicate` is true for."""

    @abstractmethod
    def clear_domain(self, domain: str) -> None:
        """Remove the cookies of a domain and of the domains below it."""

    @abstractmethod
    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        """Take cookies, from the response of a URL or (without one) for every host.

        Args:
            cookies: names with values or morsels, in a mapping or in pairs.
            response_url: the URL of the response that they came with.
        """

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of a response.

        This goes through `update_cookies`, so that a jar need not implement it.

        Args:
            headers: the values of its Set-Cookie field lines, one cookie each.
            response_url: the URL of the response.
        """
        pairs = set_cookie_pairs(headers, unquote=self.quote_cookie)
        if pairs:
            self.update_cookies(pairs, response_url)

    @abstractmethod
    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        """Return the cookies to send with a request, in the order of sending."""


class DummyCookieJar(AbstractCookieJar):
    """A jar that takes every cookie and keeps none."""

    def __iter__(self) -> Iterator[Morsel[str]]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def clear(self, predicate: ClearCookiePredicate | None = None) -> None:
        """Do nothing: there is nothing to remove."""

    def clear_domain(self, domain: str) -> None:
        """Do nothing: there is nothing to remove."""

    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        """Do nothing."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Do nothing."""

    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        """Return no cookies."""
        return SimpleCookie()
