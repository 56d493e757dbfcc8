"""The cookie jar: the rules and the store behind the two ways to call them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from http.cookies import BaseCookie, Morsel
from time import time
from typing import TYPE_CHECKING, Any

from yarl import URL

from whimbrel_cookiejar.abstract import AbstractCookieJar, ClearCookiePredicate, LooseCookies
from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected
from whimbrel_cookiejar.domains import canonical_host
from whimbrel_cookiejar.morsels import (
    cookie_to_morsel,
    morsel_to_set_cookie,
    simple_cookie,
    text_to_set_cookie,
)
from whimbrel_cookiejar.parse import SetCookie, parse_set_cookie
from whimbrel_cookiejar.public_suffixes import PublicSuffixList
from whimbrel_cookiejar.rules import (
    Target,
    accept,
    applies,
    hides_secure,
    is_expired,
    retrieval_order,
    serialize,
)
from whimbrel_cookiejar.store import CookieStore, Record

if TYPE_CHECKING:
    from whimbrel_cookiejar.interfaces import PublicSuffixes

__all__ = ["CookieJar"]

_NO_URL = URL()
_logger = logging.getLogger("whimbrel_cookiejar")


class CookieJar(AbstractCookieJar):
    """Keeps the cookies of servers and tells which of them a request takes along (RFC 6265bis).

    There are two ways to use it. `store` and `cookie_header` need nothing but the text of fields
    and URLs; the others are the interface of `AbstractCookieJar`. Both see the same cookies.

    A jar does no I/O and belongs to one thread. Times are seconds since the epoch.

    Args:
        unsafe: accept cookies of IP addresses.
        quote_cookie: quote the values that the program gives (and not those of servers, which are
            sent back as they came) where they have characters that a cookie's value may not; and
            show values in morsels without quotes.
        treat_as_secure_origin: origins, such as `http://localhost:8080`, whose connections count
            as secure though their scheme is neither `https` nor `wss`.
        public_suffixes: what no cookie may be shared under; `PublicSuffixList()` if it is `None`.
        loop: deprecated and without effect.

    Raises:
        ValueError: an entry of `treat_as_secure_origin` has no scheme or no host.
    """

    def __init__(
        self,
        *,
        unsafe: bool = False,
        quote_cookie: bool = True,
        treat_as_secure_origin: str | URL | Iterable[str | URL] | None = (),
        public_suffixes: PublicSuffixes | None = None,
        loop: object = None,
    ) -> None:
        super().__init__(loop=loop)
        self._unsafe = unsafe
        self._quote_cookie = quote_cookie
        self._secure_origins = _origins(treat_as_secure_origin)
        self._suffixes = PublicSuffixList() if public_suffixes is None else public_suffixes
        self._store = CookieStore()

    @property
    def unsafe(self) -> bool:
        """Whether IP addresses may set cookies."""
        return self._unsafe

    @property
    def quote_cookie(self) -> bool:
        """Whether values that the program gives are quoted where they need it."""
        return self._quote_cookie

    @property
    def treat_as_secure_origin(self) -> frozenset[URL]:
        """The origins whose connections count as secure whatever their scheme."""
        return self._secure_origins

    @property
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        """The (domain, path, name) of the cookies that go to no host below their domain."""
        return frozenset(
            (cookie.domain, cookie.path, cookie.name)
            for cookie in self.all_cookies()
            if cookie.host_only
        )

    # The plain interface: fields and URLs.

    def store(
        self, set_cookie: str | bytes, url: str | URL, now: float | None = None
    ) -> Cookie | Rejected:
        """Take one Set-Cookie field line of a response.

        Args:
            set_cookie: the value of the field, which is one cookie. Bytes that are not UTF-8 become
                surrogate escapes.
            url: the URL that the response is for.
            now: the time; `None` for the present.

        Returns:
            The cookie, whose `expiry` may lie in the past when the server removed it; or why it
            was not taken.

        Raises:
            ValueError: the URL is none, or has no host.
        """
        target = self._target(url)
        if target.host == SHARED_DOMAIN:
            raise ValueError("a Set-Cookie field needs the URL it came from, and this has no host")
        parsed = parse_set_cookie(set_cookie)
        if isinstance(parsed, Rejected):
            return parsed
        return self._take(parsed, target, time() if now is None else now)

    def cookie_header(self, url: str | URL, now: float | None = None) -> str:
        """Return the value of the Cookie field for a request.

        Args:
            url: the URL of the request. Without a host it gets the shared cookies only.
            now: the time; `None` for the present.

        Returns:
            The cookies, with their values as received; empty when no field is to be sent. When
            bytes that are not UTF-8 were stored, encode it with `surrogateescape`.

        Raises:
            ValueError: the URL is none.
        """
        # Most jars are empty, and most hosts have no cookies: neither pays for the rules.
        if not self._store:
            return ""
        return serialize([record.cookie for record in self._retrieve(self._target(url), now)])

    def cookies_for(self, url: str | URL, now: float | None = None) -> tuple[Cookie, ...]:
        """Return the cookies that `cookie_header` is made of, in the order of sending.

        Args:
            url: the URL of the request.
            now: the time; `None` for the present.

        Raises:
            ValueError: the URL is none.
        """
        return tuple(record.snapshot() for record in self._retrieve(self._target(url), now))

    def all_cookies(self, now: float | None = None) -> tuple[Cookie, ...]:
        """Return every cookie whose time has not passed, in no particular order.

        Args:
            now: the time; `None` for the present.
        """
        self._expire(self._store, time() if now is None else now)
        return tuple(record.snapshot() for record in self._store)

    # The interface of the reference: morsels.

    def __iter__(self) -> Iterator[Morsel[str]]:
        for cookie in self.all_cookies():
            yield cookie_to_morsel(cookie, unquote=self._quote_cookie)

    def __len__(self) -> int:
        self._expire(self._store, time())
        return len(self._store)

    def clear(self, predicate: ClearCookiePredicate | None = None) -> None:
        """Remove every cookie, or those whose morsels `predicate` is true for."""
        if predicate is None:
            self._store.clear()
            return
        self._store.remove(
            [
                cookie
                for cookie in self.all_cookies()
                if predicate(cookie_to_morsel(cookie, unquote=self._quote_cookie))
            ]
        )

    def clear_domain(self, domain: str) -> None:
        """Remove the cookies of a domain and of the domains below it.

        Args:
            domain: with or without a leading dot.

        Raises:
            ValueError: this is no domain.
        """
        below = self._store.below(canonical_host(domain.removeprefix(".")))
        self._store.remove([record.cookie for record in below])

    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        """Take cookies, from the response of a URL or (without one) for every host.

        Without a URL the program vouches for the cookies: each goes to the host that its morsel's
        Domain names, as if that had sent it over a secure connection, and to every host if there is
        none. Cookies that the rules refuse are left out (and logged at debug level, without their
        values).

        Args:
            cookies: names with values or morsels, in a mapping or in pairs. A value is quoted if
                `quote_cookie`; a morsel's has been.
            response_url: the URL of the response that they came with.

        Raises:
            TypeError: a value is neither text, a number nor a morsel, or the cookies are text.
            ValueError: no cookie can have this name, or this value.
        """
        given: object = cookies
        if isinstance(given, str):  # which would be taken for pairs of characters
            raise TypeError("cookies are a mapping or pairs, not text; see store() for a field")
        now = time()
        target = self._target(response_url)
        pairs: Iterable[tuple[str, Any]] = (
            cookies.items() if isinstance(cookies, Mapping) else cookies
        )
        for name, value in pairs:
            parsed = self._parsed(name, value)
            if isinstance(parsed, SetCookie):
                from_whom = target
                if target.host == SHARED_DOMAIN:
                    from_whom = Target(canonical_host(parsed.domain or SHARED_DOMAIN), "/", True)
                _log(self._take(parsed, from_whom, now))
            else:
                _log(parsed)

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of a response.

        Args:
            headers: the values of its Set-Cookie field lines, one cookie each.
            response_url: the URL of the response.

        Raises:
            ValueError: the URL has no host.
        """
        if type(self).update_cookies is not CookieJar.update_cookies:
            # Programs have subclasses that watch or filter in `update_cookies`: they are asked.
            super().update_cookies_from_headers(headers, response_url)
            return
        now = time()
        for header in headers:
            _log(self.store(header, response_url, now))

    def filter_cookies(self, request_url: URL = _NO_URL) -> BaseCookie[str]:
        """Return the cookies to send with a request, in the order of sending.

        Of cookies with the same name there is only the first; `cookie_header` has them all.

        Args:
            request_url: the URL of the request. Without a host it gets the shared cookies only.
        """
        found = self._retrieve(self._target(request_url), None) if self._store else ()
        return simple_cookie([record.cookie for record in found], quoted=self._quote_cookie)

    # Behind both.

    def _target(self, url: str | URL) -> Target:
        if isinstance(url, str):
            url = URL(url)
        host = url.raw_host
        if not host:
            return Target(SHARED_DOMAIN, url.raw_path or "/", False)
        # Cookies do not provide isolation by port (RFC 6265bis section 8.5).
        secure = url.scheme in {"https", "wss"} or (
            bool(self._secure_origins) and bool(url.scheme) and url.origin() in self._secure_origins
        )
        return Target(canonical_host(host), url.raw_path, secure)

    def _parsed(self, name: str, value: object) -> SetCookie | Rejected:
        if isinstance(value, Morsel):
            return morsel_to_set_cookie(name, value, coded=self._quote_cookie)
        if not isinstance(value, str | int | float):
            raise TypeError(
                f"a cookie's value is text or a Morsel, and not {type(value).__qualname__}"
            )
        return text_to_set_cookie(name, str(value), quote=self._quote_cookie)

    def _take(self, parsed: SetCookie, target: Target, now: float) -> Cookie | Rejected:
        """Put a cookie into the store (RFC 6265bis section 5.7)."""
        # 1. to 15., and 17. to 22.
        cookie = accept(parsed, target, now, self._suffixes, unsafe=self._unsafe)
        if isinstance(cookie, Rejected):
            return cookie
        # 16. Leave Secure cookies alone.
        if not cookie.secure and not target.secure and self._hides_secure(cookie, now):
            return Rejected.named("a Secure cookie would be hidden or replaced", cookie.name)
        # 23. A cookie that replaces another one keeps its creation-time.
        old = self._store.get(cookie)
        if old is not None:
            if is_expired(old.cookie, now):
                self._store.remove((old.cookie,))
            else:
                cookie = replace(cookie, creation=old.cookie.creation)
        # 24. Insert it; or only remove what it replaces, when its own time has passed.
        if is_expired(cookie, now):
            self._store.remove((cookie,))
        else:
            self._store.put(cookie)
        return cookie

    def _hides_secure(self, cookie: Cookie, now: float) -> bool:
        """Ask every cookie in a domain above or below (RFC 6265bis section 5.7, step 16)."""
        near = self._store.for_host(cookie.domain) + self._store.below(cookie.domain)
        return any(hides_secure(cookie, record.cookie, now) for record in near)

    def _retrieve(self, target: Target, now: float | None) -> list[Record]:
        """Return the records of the cookies to send, in order (RFC 6265bis section 5.8.3)."""
        records = self._store.for_host(target.host)
        if not records:
            return []
        now = time() if now is None else now
        # 1. The cookies that apply; those whose time has passed go for good.
        found = [record for record in records if applies(record.cookie, target, now)]
        if len(found) < len(records):
            self._expire(records, now)
        # The store puts the shared cookies last: this is one look when there are none.
        if found and found[-1].cookie.domain == SHARED_DOMAIN:
            found = _without_hidden_shared(found)
        # 2. Their order.
        if len(found) > 1:
            found.sort(key=_order)
        # 3. Their last-access-time.
        for record in found:
            record.last_access = now
        return found

    def _expire(self, records: Iterable[Record], now: float) -> None:
        """Remove those of `records` whose time has passed."""
        self._store.remove([r.cookie for r in records if is_expired(r.cookie, now)])


def _log(outcome: Cookie | Rejected) -> None:
    if isinstance(outcome, Rejected):
        _logger.debug("cookie '%s' refused: %s", outcome.name, outcome.reason)


def _origins(origins: str | URL | Iterable[str | URL] | None) -> frozenset[URL]:
    if origins is None:
        return frozenset()
    if isinstance(origins, str | URL):
        origins = (origins,)
    return frozenset(URL(origin).origin() for origin in origins)


def _without_hidden_shared(records: list[Record]) -> list[Record]:
    """Leave out each shared cookie whose name a cookie of the host itself has.

    A shared cookie is the program's default, and what a server has set is stronger.
    """
    own = {r.cookie.name for r in records if r.cookie.domain != SHARED_DOMAIN}
    return [r for r in records if r.cookie.domain != SHARED_DOMAIN or r.cookie.name not in own]


def _order(record: Record) -> tuple[tuple[int, float], int]:
    return retrieval_order(record.cookie), record.serial
