"""Where a jar keeps its cookies: an index by domain.

What a request costs depends on the labels of its host and on the cookies of their domains, and not
on how many other domains there are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whimbrel_cookiejar.cookie import SHARED_DOMAIN, Cookie
from whimbrel_cookiejar.domains import parent_domains
from whimbrel_cookiejar.rules import cookie_pair, retrieval_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whimbrel_cookiejar.sent import SentMorsel

__all__ = ["CookieStore", "Record"]

_Key = tuple[str, str, bool]


def _ignore(_domain: str) -> None:
    """Do nothing: nobody wants to know."""


class Record:
    """A cookie in the store, with what changes about it each time it is sent.

    Attributes:
        cookie: the cookie; its `last_access` is from when it was stored.
        last_access: seconds since the epoch when it was last stored or sent; `Retrieval` notes the
            latter some time after.
        order: the key to sort records by for sending.
        pair: what is sent of it.
        morsel: the same for `filter_cookies`, once that was asked.
        serial: grows with each cookie that is new to the store; orders those that were created at
            the same moment.
    """

    __slots__ = ("cookie", "last_access", "morsel", "order", "pair", "serial")

    def __init__(self, cookie: Cookie, serial: int) -> None:
        self.cookie = cookie
        self.last_access = cookie.last_access
        self.serial = serial
        self.order = (retrieval_order(cookie), serial)
        self.pair = cookie_pair(cookie)
        self.morsel: SentMorsel | None = None

    def snapshot(self) -> Cookie:
        """Return the cookie with its present last-access-time."""
        if self.last_access == self.cookie.last_access:
            return self.cookie
        return replace(self.cookie, last_access=self.last_access)


class CookieStore:
    """The cookies of a jar. It knows their identity and their domains, and no other rule.

    Attributes:
        changed: called with the domain of each cookie that is put or removed, after that was done.
    """

    __slots__ = ("_below", "_domains", "_length", "_serial", "changed")

    def __init__(self) -> None:
        self._domains: dict[str, dict[_Key, Record]] = {}
        # For each domain, the domains below it that have cookies, so that a subtree is found
        # without going through every domain.
        self._below: dict[str, set[str]] = {}
        self._length = 0
        self._serial = 0
        self.changed: Callable[[str], None] = _ignore

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Record]:
        """Iterate over every record; the store must not change meanwhile."""
        for records in self._domains.values():
            yield from records.values()

    def get(self, cookie: Cookie) -> Record | None:
        """Return the record with the identity of `cookie`."""
        return self.find(cookie.domain, cookie.name, cookie.path, cookie.host_only)

    def find(self, domain: str, name: str, path: str, host_only: bool) -> Record | None:
        """Return the record with an identity.

        RFC 6265bis section 5.7, step 23: name, domain, host-only-flag and path.
        """
        records = self._domains.get(domain)
        return None if records is None else records.get((name, path, host_only))

    def put(self, cookie: Cookie, old: Record | None = None) -> Record:
        """Add `cookie`, in the place of the one with its identity if there is one.

        Args:
            cookie: the cookie.
            old: what `find` has returned for its identity, to spare the look-up.
        """
        domain = cookie.domain
        key = (cookie.name, cookie.path, cookie.host_only)
        old = old or self.get(cookie)
        if old is None:
            self._length += 1
            self._serial += 1
            record = self._of(domain)[key] = Record(cookie, self._serial)
        else:
            record = self._domains[domain][key] = Record(cookie, old.serial)
        self.changed(domain)
        return record

    def _of(self, domain: str) -> dict[_Key, Record]:
        records = self._domains.get(domain)
        if records is None:
            records = self._domains[domain] = {}
            for parent in parent_domains(domain):
                self._below.setdefault(parent, set()).add(domain)
        return records

    def remove(self, cookies: Iterable[Cookie]) -> None:
        """Remove the records with the identities of `cookies`, where there are any."""
        for cookie in cookies:
            records = self._domains.get(cookie.domain)
            key = (cookie.name, cookie.path, cookie.host_only)
            if records is None or records.pop(key, None) is None:
                continue
            self._length -= 1
            if not records:
                self._forget(cookie.domain)
            self.changed(cookie.domain)

    def clear(self) -> None:
        """Remove everything."""
        domains = tuple(self._domains)
        self._domains.clear()
        self._below.clear()
        self._length = 0
        for domain in domains:
            self.changed(domain)

    def count(self, domain: str) -> int:
        """Return how many cookies have this domain field."""
        return len(self._domains.get(domain, ()))

    def of_domain(self, domain: str) -> list[Record]:
        """Return the records with this domain field."""
        return list(self._domains.get(domain, {}).values())

    def for_host(self, host: str) -> list[Record]:
        """Return the records of a canonical host, of the domains above it, and the shared ones."""
        domains = self._domains
        found: list[Record] = []
        if host != SHARED_DOMAIN and (records := domains.get(host)):
            found.extend(records.values())
        for parent in parent_domains(host):
            if records := domains.get(parent):
                found.extend(records.values())
        if records := domains.get(SHARED_DOMAIN):
            found.extend(records.values())
        return found

    def below(self, domain: str) -> list[Record]:
        """Return the records of a canonical domain and of the domains below it."""
        domains = self._domains
        found = self.of_domain(domain)
        for name in self._below.get(domain, ()):
            found += domains[name].values()
        return found

    def _forget(self, domain: str) -> None:
        del self._domains[domain]
        for parent in parent_domains(domain):
            below = self._below[parent]
            below.discard(domain)
            if not below:
                del self._below[parent]
