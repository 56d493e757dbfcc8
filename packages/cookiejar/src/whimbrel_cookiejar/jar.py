"""The cookie jar: the rules and the store behind the two ways to call them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy, deepcopy
from http.cookies import BaseCookie, Morsel, SimpleCookie
from operator import attrgetter, itemgetter
from threading import RLock
from time import time
from typing import TYPE_CHECKING, Any, Self

from yarl import URL

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie, Rejected
from whimbrel_cookiejar.domains import canonical_host
from whimbrel_cookiejar.eviction import excess
from whimbrel_cookiejar.limits import DEFAULT_LIMITS, CookieLimits
from whimbrel_cookiejar.morsels import (
    cookie_to_morsel,
    given_cookie,
    set_cookie_pairs,
)
from whimbrel_cookiejar.parse import SetCookie, check_fields, parse_set_cookie
from whimbrel_cookiejar.paths import written_path
from whimbrel_cookiejar.persistence import PersistentCookieJar
from whimbrel_cookiejar.public_suffixes import PublicSuffixList
from whimbrel_cookiejar.restore import candidates, readmit
from whimbrel_cookiejar.retrieval import Answer, Retrieval
from whimbrel_cookiejar.rules import (
    Target,
    hides_secure,
    is_expired,
    make_cookie,
    scope_of,
)
from whimbrel_cookiejar.store import CookieStore

if TYPE_CHECKING:
    from whimbrel_cookiejar.abstract import ClearCookiePredicate, LooseCookies
    from whimbrel_cookiejar.interfaces import PublicSuffixes

__all__ = ["CookieJar"]

_NO_URL = URL()
_SECURE_SCHEMES = frozenset({"https", "wss"})
_TOO_MANY_OF_RESPONSE = Rejected("the response has more cookies than are taken from one")
_EVICTED = "there are too many cookies, and others go last"
_logger = logging.getLogger("whimbrel_cookiejar")


class CookieJar(PersistentCookieJar):
    """Keeps the cookies of servers and tells which of them a request takes along (RFC 6265bis).

    There are two ways to use it. `store` and `cookie_header` need nothing but the text of fields
    and URLs; the others are the interface of `AbstractCookieJar`. Both see the same cookies.

    A jar does no I/O but in the methods that save and load it. Threads may share it: each call is
    one step, before or after any other. `copy.copy` and `copy.deepcopy` make an independent jar of
    the same cookies. Times are seconds since the epoch.

    Args:
        unsafe: accept cookies of IP addresses.
        quote_cookie: quote the values that the program gives (and not those of servers, which are
            sent back as they came) where they have characters that a cookie's value may not; and
            show values in morsels without quotes.
        treat_as_secure_origin: origins, such as `http://localhost:8080`, whose connections count
            as secure though their scheme is neither `https` nor `wss`.
        public_suffixes: what no cookie may be shared under; `PublicSuffixList()` if it is `None`.
        limits: how much the jar keeps and sends.
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
        limits: CookieLimits = DEFAULT_LIMITS,
        loop: object = None,
    ) -> None:
        super().__init__(loop=loop)
        self._unsafe = unsafe
        self._quote_cookie = quote_cookie
        self._secure_origins = _origins(treat_as_secure_origin)
        self._suffixes = PublicSuffixList() if public_suffixes is None else public_suffixes
        self._limits = limits
        self._store = CookieStore()
        self._retrieval = Retrieval(self._store, limits)
        # Held while cookies change, and while they are looked at one by one.
        self._lock = RLock()

    @property
    def limits(self) -> CookieLimits:
        """How much the jar keeps and sends."""
        return self._limits

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
        """The cookies that go to no host below their domain; see `AbstractCookieJar`."""
        return frozenset(
            (cookie.domain, cookie.path.rstrip("/"), cookie.name)
            for cookie in self._living()
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
        target = self._sender(url)
        parsed = parse_set_cookie(set_cookie, self._limits)
        if isinstance(parsed, Rejected):
            return parsed
        with self._lock:
            return self._take(parsed, target, time() if now is None else now)

    def store_response(
        self, set_cookies: Sequence[str | bytes], url: str | URL, now: float | None = None
    ) -> list[Cookie | Rejected]:
        """Take all Set-Cookie field lines of a response.

        Args:
            set_cookies: the values of the fields, as for `store`. Those after the first
                `limits.per_response` are refused.
            url: the URL that the response is for.
            now: the time; `None` for the present.

        Returns:
            What `store` would return for each of them, in their order.

        Raises:
            TypeError: this is one value; `store` takes one.
            ValueError: the URL is none, or has no host.
        """
        check_fields(set_cookies)
        target = self._sender(url)
        now = time() if now is None else now
        limits = self._limits
        parsed = [parse_set_cookie(each, limits) for each in set_cookies[: limits.per_response]]
        outcomes: list[Cookie | Rejected] = []
        with self._lock:
            for each in parsed:
                taken = each if isinstance(each, Rejected) else self._take(each, target, now)
                outcomes.append(taken)
        surplus = len(set_cookies) - len(outcomes)
        return outcomes + [_TOO_MANY_OF_RESPONSE] * surplus if surplus else outcomes

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
        return self._answer(url, now).field if len(self._store) else ""

    def cookies_for(self, url: str | URL, now: float | None = None) -> tuple[Cookie, ...]:
        """Return the cookies that `cookie_header` is made of, in the order of sending.

        Args:
            url: the URL of the request.
            now: the time; `None` for the present.

        Raises:
            ValueError: the URL is none.
        """
        answer = self._answer(url, now)
        with self._lock:
            answer.note_access()
            return tuple(record.snapshot() for record in answer.records)

    def all_cookies(self, now: float | None = None) -> tuple[Cookie, ...]:
        """Return every cookie whose time has not passed, in no particular order.

        Args:
            now: the time; `None` for the present.
        """
        with self._lock:
            self._expire(time() if now is None else now)
            self._retrieval.note_accesses()
            return tuple(record.snapshot() for record in self._store)

    # The interface of the reference: morsels.

    def __iter__(self) -> Iterator[Morsel[str]]:
        for cookie in self._living():
            yield cookie_to_morsel(cookie, unquote=self._quote_cookie)

    def __len__(self) -> int:
        return len(self._living())

    def clear(self, predicate: ClearCookiePredicate | None = None) -> None:
        """Remove every cookie, or those whose morsels `predicate` is true for.

        A cookie that is stored while the predicate is asked stays, in the place of another one too.
        """
        if predicate is None:
            with self._lock:
                self._store.clear()
            return
        doomed = [
            cookie
            for cookie in self._living()
            if predicate(cookie_to_morsel(cookie, unquote=self._quote_cookie))
        ]
        with self._lock:
            # One that was replaced meanwhile, perhaps by the predicate, is not the one it saw.
            found = [self._store.get(cookie) for cookie in doomed]
            self._store.remove(
                [seen for seen, r in zip(doomed, found, strict=True) if r and r.cookie is seen]
            )

    def clear_domain(self, domain: str) -> None:
        """Remove the cookies of a domain and of the domains below it.

        Args:
            domain: with or without a leading dot; as in the reference, an empty one is that of the
                cookies for every host.

        Raises:
            ValueError: this is no domain.
        """
        if domain == ".":
            raise ValueError("'.' is no domain")
        domain = canonical_host(domain.removeprefix("."))
        with self._lock:
            self._store.remove([record.cookie for record in self._store.below(domain)])

    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        """Take cookies, from the response of a URL or (without one) for every host.

        Without a URL the program vouches for the cookies: each goes to the host that its morsel's
        Domain names, as if that had sent it over a secure connection, and to every host if there is
        none. Cookies that the rules refuse are left out (and logged at debug level, without their
        values).

        Args:
            cookies: names with values or morsels, in a mapping or in pairs. A value is quoted if
                `quote_cookie`; a morsel's has been. With a name that begins with `__Secure-` or
                `__Host-`, a value and a morsel without attributes have those that this promises,
                and so go over secure connections only.
            response_url: the URL of the response that they came with.

        Raises:
            TypeError: a value is neither text, a number nor a morsel, or the cookies are text.
            ValueError: no cookie can have this name, or this value, or not from this URL. None of
                the cookies is taken.
        """
        given: object = cookies
        if isinstance(given, str):  # which would be taken for pairs of characters
            raise TypeError("cookies are a mapping or pairs, not text; see store() for a field")
        now = time()
        target = self._target(response_url)
        pairs: Iterable[tuple[str, Any]] = (
            cookies.items() if isinstance(cookies, Mapping) else cookies
        )
        quote, limits = self._quote_cookie, self._limits
        all_given = [given_cookie(*pair, target, quote=quote, limits=limits) for pair in pairs]
        with self._lock:
            for each in all_given:
                outcome = each if isinstance(each, Rejected) else self._take(*each, now)
                if isinstance(outcome, Rejected):
                    _log(outcome)

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of a response.

        Args:
            headers: the values of its Set-Cookie field lines, one cookie each.
            response_url: the URL of the response.

        Raises:
            TypeError: this is one value.
            ValueError: the URL has no host.
        """
        if type(self).update_cookies is not CookieJar.update_cookies:
            # Programs have subclasses that watch or filter in `update_cookies`: they are asked.
            limited = headers[: self._limits.per_response]
            pairs = set_cookie_pairs(limited, unquote=self._quote_cookie, limits=self._limits)
            if pairs:
                self.update_cookies(pairs, response_url)
            return
        for outcome in self.store_response(headers, response_url):
            if isinstance(outcome, Rejected):
                _log(outcome)

    def filter_cookies(self, request_url: URL = _NO_URL) -> BaseCookie[str]:
        """Return the cookies to send with a request, in the order of sending.

        Of cookies with the same name there is only the first; `cookie_header` has them all.

        Args:
            request_url: the URL of the request. Without a host it gets the shared cookies only.

        Returns:
            A new `SimpleCookie` (a `BaseCookie` if not `quote_cookie`), which may be changed. Its
            morsels are read-only, as other requests get the same; a morsel's `copy()` is not.
        """
        if len(self._store) == 0:
            return SimpleCookie() if self._quote_cookie else BaseCookie()
        return self._answer(request_url, None).cookies(quoted=self._quote_cookie)

    # Copies.

    def __copy__(self) -> Self:
        """Return a jar of the same class, options and cookies, which goes its own way from here."""
        made = type(self).__new__(type(self))
        with self._lock:
            vars(made).update(vars(self))
            made._store = CookieStore()
            self._retrieval.note_accesses()
            for record in sorted(self._store, key=attrgetter("serial")):
                made._store.put(record.snapshot())
        made._retrieval = Retrieval(made._store, made._limits)
        made._lock = RLock()
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = copy(self)
        memo[id(self)] = made
        # These are the copy's own already, or serve any jar; a program's subclass may have others.
        for own in (made._store, made._retrieval, made._lock, made._suffixes):
            memo[id(own)] = own
        vars(made).update(deepcopy(vars(made), memo))
        return made

    # What `PersistentCookieJar` asks for.

    def _in_order(self, now: float | None) -> list[Cookie]:
        with self._lock:
            self._expire(time() if now is None else now)
            self._retrieval.note_accesses()
            records = sorted(self._store, key=lambda r: (r.cookie.creation, r.serial))
            return [record.snapshot() for record in records]

    def _restore(
        self, found: Iterable[tuple[int, Cookie | Rejected]], merge: bool, now: float | None
    ) -> list[tuple[int, Rejected]]:
        now = time() if now is None else now
        admitted: list[tuple[int, Cookie]] = []
        refused: list[tuple[int, Rejected]] = []
        for number, saved in candidates(found, self._limits, now):
            cookie = saved
            if isinstance(saved, Cookie):
                cookie = readmit(saved, now, self._suffixes, self._limits, unsafe=self._unsafe)
            if isinstance(cookie, Rejected):
                refused.append((number, cookie))
            elif not is_expired(cookie, now):
                admitted.append((number, cookie))
        with self._lock:
            if not merge:
                self._store.clear()
            for _, cookie in admitted:
                self._store.put(cookie)
            # First what is too much of each domain, so that none costs the others theirs.
            for domain in dict.fromkeys(cookie.domain for _, cookie in admitted):
                self._evict_of_domain(domain, now)
            self._evict_of_all(now)
            for number, cookie in admitted:
                if self._store.get(cookie) is None:
                    refused.append((number, Rejected.named(_EVICTED, cookie.name)))
        return sorted(refused, key=itemgetter(0))

    # Behind both.

    def _answer(self, url: str | URL, now: float | None) -> Answer:
        """Return what to send with a request (RFC 6265bis section 5.8.3)."""
        now = time() if now is None else now
        host, path, secure = self._parts(url)
        ready = self._retrieval.ready(host, now)
        if ready is not None:
            return ready.answer(path, secure, now)
        with self._lock:
            return self._retrieval.prepare(host, now).answer(path, secure, now)

    def _is_secure_origin(self, url: URL) -> bool:
        return (
            bool(self._secure_origins)
            and bool(url.scheme and url.raw_host)
            and url.origin() in self._secure_origins
        )

    def _sender(self, url: str | URL) -> Target:
        """Return what the rules need of the URL that a field came from."""
        target = self._target(url)
        if target.host == SHARED_DOMAIN:
            raise ValueError("a Set-Cookie field needs the URL it came from, and this has no host")
        return target

    def _target(self, url: str | URL) -> Target:
        host, path, secure = self._parts(url)
        if host == SHARED_DOMAIN:
            return Target(SHARED_DOMAIN, path, False)
        return Target(canonical_host(host), path, secure)

    def _parts(self, url: str | URL) -> tuple[str, str, bool]:
        """Return the host as the URL has it, the path, and whether the connection is secure."""
        written = ""
        if isinstance(url, str):
            written, url = written_path(url), URL(url)
        # Cookies do not provide isolation by port (RFC 6265bis section 8.5).
        secure = url.scheme in _SECURE_SCHEMES or self._is_secure_origin(url)
        return url.raw_host or SHARED_DOMAIN, written or url.raw_path or "/", secure

    def _take(self, parsed: SetCookie, target: Target, now: float) -> Cookie | Rejected:
        """Put a cookie into the store (RFC 6265bis section 5.7)."""
        store = self._store
        # 1. to 15., and 17. to 22.
        scope = scope_of(parsed, target, self._suffixes, unsafe=self._unsafe)
        if isinstance(scope, Rejected):
            return scope
        # 23. A cookie that replaces another one keeps its creation-time; one whose time has passed
        #     is no longer there.
        domain, host_only, path = scope
        old = gone = store.find(domain, parsed.name, path, host_only)
        if old is not None and is_expired(old.cookie, now):
            old = None
        creation = now if old is None else old.cookie.creation
        cookie = make_cookie(parsed, scope, now, creation=creation)
        # 16. Leave Secure cookies alone.
        if not cookie.secure and not target.secure and self._hides_secure(cookie, now):
            return Rejected.named("a Secure cookie would be hidden or replaced", cookie.name)
        if gone is not None and old is None:
            store.remove((gone.cookie,))
        # 24. Insert it; or only remove what it replaces, when its own time has passed.
        if cookie.persistent and is_expired(cookie, now):
            store.remove((cookie,))
            return cookie
        record = store.put(cookie, old)
        if old is None:
            self._evict_of_domain(domain, now)
            self._evict_of_all(now)
            if store.get(cookie) is not record:
                return Rejected.named(_EVICTED, cookie.name)
        return cookie

    def _evict_of_domain(self, domain: str, now: float) -> None:
        """Remove the excess cookies of a domain, if there are any."""
        store, limit = self._store, self._limits.per_domain
        if store.count(domain) > limit:
            self._retrieval.note_accesses()
            doomed = excess(store.of_domain(domain), limit, now, crowded=True)
            store.remove([record.cookie for record in doomed])

    def _evict_of_all(self, now: float) -> None:
        """Remove the excess cookies of the jar, if there are any; no domain in it has some."""
        store, limit = self._store, self._limits.in_all
        if len(store) > limit:
            self._retrieval.note_accesses()
            doomed = excess(store, limit, now, crowded=False)
            store.remove([record.cookie for record in doomed])

    def _hides_secure(self, cookie: Cookie, now: float) -> bool:
        """Ask every cookie in a domain above or below (RFC 6265bis section 5.7, step 16)."""
        near = self._store.for_host(cookie.domain) + self._store.below(cookie.domain)
        # The first part of the first rule stands here, too: a domain may have thousands below it,
        # as many as `in_all` lets it.
        name = cookie.name
        return any(hides_secure(cookie, r.cookie, now) for r in near if r.cookie.name == name)

    def _living(self) -> list[Cookie]:
        """Return the cookies, as they were stored, whose time has not passed at present.

        Nothing is removed: this is for methods without a `now`, and the program's may be another.
        """
        now = time()
        with self._lock:
            return [r.cookie for r in self._store if not is_expired(r.cookie, now)]

    def _expire(self, now: float) -> None:
        """Remove every cookie whose time has passed."""
        self._store.remove([r.cookie for r in self._store if is_expired(r.cookie, now)])


def _log(refused: Rejected) -> None:
    _logger.debug("cookie '%s' refused: %s", refused.name, refused.reason)


def _origins(origins: str | URL | Iterable[str | URL] | None) -> frozenset[URL]:
    if origins is None:
        return frozenset()
    if isinstance(origins, str | URL):
        origins = (origins,)
    return frozenset(URL(origin).origin() for origin in origins)
