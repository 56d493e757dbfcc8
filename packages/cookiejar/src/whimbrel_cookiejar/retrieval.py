"""What is sent to whom, kept ready: the retrieval algorithm of RFC 6265bis section 5.8.3.

Most requests go where an earlier one has gone, and no cookie has changed since. So the answers are
kept: for a host all of its cookies in their order, and for each set of them that a request can take
along the field's text. A set is told by the longest cookie-path that the request's path matches,
and by whether the connection is secure: whichever shorter cookie-paths match is decided by the
longest, as all of them are beginnings of it.
"""

from __future__ import annotations

import logging
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from whimbrel_cookiejar.cookie import SHARED_DOMAIN
from whimbrel_cookiejar.domains import canonical_host, parent_domains
from whimbrel_cookiejar.paths import path_match
from whimbrel_cookiejar.rules import Target, applies, is_expired, serialize
from whimbrel_cookiejar.sent import sent_cookies, sent_morsel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.cookies import BaseCookie

    from whimbrel_cookiejar.limits import CookieLimits
    from whimbrel_cookiejar.sent import SentMorsel
    from whimbrel_cookiejar.store import CookieStore, Record

__all__ = ["Answer", "HostAnswers", "Retrieval"]

# What is kept is bounded by this many fields: 16 MiB when all of them are as long as can be.
_MAX_HOSTS: Final = 512
_MAX_ANSWERS: Final = 4
_FIELD_NAME: Final = len("Cookie: ")

_logger = logging.getLogger("whimbrel_cookiejar")
_order = attrgetter("order")


class Answer:
    """The cookies that go with a request, in the order of sending.

    Attributes:
        records: the cookies.
        field: the same as the value of a Cookie field.
        accessed: seconds since the epoch when they were last sent; `-inf` when the records know.
    """

    __slots__ = ("_morsels", "accessed", "field", "records")

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.field = serialize([record.pair for record in records])
        self.accessed = -inf
        self._morsels: dict[str, SentMorsel] | None = None

    def cookies(self, *, quoted: bool) -> BaseCookie[str]:
        """Return them in a container of `http.cookies`; of each name the one that is sent first.

        Args:
            quoted: see `sent.sent_cookies`; always the same for one jar.
        """
        if self._morsels is None:
            morsels: dict[str, SentMorsel] = {}
            for record in self.records:
                if record.cookie.name not in morsels:
                    if record.morsel is None:
                        record.morsel = sent_morsel(record.cookie, quoted=quoted)
                    morsels[record.cookie.name] = record.morsel
            self._morsels = morsels
        return sent_cookies(self._morsels, quoted=quoted)

    def note_access(self) -> None:
        """Tell the records when they were last sent (RFC 6265bis section 5.8.3, step 5)."""
        accessed, self.accessed = self.accessed, -inf
        for record in self.records:
            # Another answer with the same record may have been sent later, and noted before.
            if record.last_access < accessed:  # noqa: PLR1730  # a call of max costs more
                record.last_access = accessed


class HostAnswers:
    """The answers for one host, good until one of its cookies changes, and for some time.

    Attributes:
        until: the first expiry-time among the cookies.
    """

    __slots__ = ("_answers", "_host", "_limits", "_paths", "_records", "until")

    def __init__(self, host: str, records: list[Record], limits: CookieLimits) -> None:
        self._host = host
        self._records = records
        self._limits = limits
        paths = {record.cookie.path for record in records}
        self._paths = tuple(sorted(paths, key=len, reverse=True))
        self._answers: dict[tuple[str | None, bool], Answer] = {}
        self.until = min([record.cookie.expiry for record in records], default=inf)

    def answer(self, path: str, secure: bool, now: float) -> Answer:
        """Return the cookies for a request, and remember when they were sent."""
        longest = None
        for cookie_path in self._paths:
            if path_match(path, cookie_path):
                longest = cookie_path
                break
        found = self._answers.get((longest, secure))
        if found is None:
            found = Answer(self._choose(Target(self._host, path, secure), now))
            if len(self._answers) >= _MAX_ANSWERS:
                found.accessed = now
                found.note_access()
                return found
            self._answers[longest, secure] = found
        found.accessed = now
        return found

    def note_accesses(self) -> None:
        """Tell the records when they were last sent."""
        # A copy, which is one step: a request in another thread may add an answer meanwhile.
        for answer in self._answers.copy().values():
            answer.note_access()

    def _choose(self, target: Target, now: float) -> list[Record]:
        # 3. The cookies that apply.
        found = [record for record in self._records if applies(record.cookie, target, now)]
        # The store puts the shared cookies last: this is one look when there are none.
        if found and found[-1].cookie.domain == SHARED_DOMAIN:
            found = _without_hidden_shared(found)
        # 4. Their order.
        found.sort(key=_order)
        return _within(found, target.host, self._limits)


class Retrieval:
    """The answers for the hosts that requests have gone to.

    Args:
        store: the cookies. It tells `forget` of each change.
        limits: how much may be sent.
    """

    __slots__ = ("_hosts", "_limits", "_store", "_users")

    def __init__(self, store: CookieStore, limits: CookieLimits) -> None:
        self._store = store
        self._limits = limits
        self._hosts: dict[str, HostAnswers] = {}
        # For each domain the hosts, as URLs have them, whose answers are made of its cookies too.
        self._users: dict[str, set[str]] = {}
        store.changed = self.forget

    def ready(self, host: str, now: float) -> HostAnswers | None:
        """Return the answers for a host if they are there, and still good.

        This may be called while another thread changes the store: what is returned was true at
        the moment of the call.

        Args:
            host: as the URL has it.
            now: seconds since the epoch.
        """
        found = self._hosts.get(host)
        return None if found is None or found.until <= now else found

    def prepare(self, host: str, now: float) -> HostAnswers:
        """Return the answers for a host, after removing what has expired of its cookies.

        Args:
            host: as the URL has it.
            now: seconds since the epoch.
        """
        self._drop(host)
        name = canonical_host(host)
        records = self._store.for_host(name)
        expired = [record.cookie for record in records if is_expired(record.cookie, now)]
        if expired:
            self._store.remove(expired)
            records = self._store.for_host(name)
        made = HostAnswers(name, records, self._limits)
        # A host without cookies costs little to look up, and a crawler meets many.
        if records:
            if len(self._hosts) >= _MAX_HOSTS:
                self._drop(next(iter(self._hosts)))
            self._hosts[host] = made
            for domain in _domains_of(name):
                self._users.setdefault(domain, set()).add(host)
        return made

    def forget(self, domain: str) -> None:
        """Forget the answers that the cookies of a domain are in: they change."""
        users = self._users.get(domain)
        if users is not None:
            for host in tuple(users):
                self._drop(host)

    def note_accesses(self) -> None:
        """Tell the records when they were last sent: before anybody asks them."""
        for each in self._hosts.values():
            each.note_accesses()

    def _drop(self, host: str) -> None:
        """Forget the answers for a host, if there are any."""
        outdated = self._hosts.pop(host, None)
        if outdated is None:
            return
        outdated.note_accesses()
        for domain in _domains_of(canonical_host(host)):
            users = self._users[domain]
            users.discard(host)
            if not users:
                del self._users[domain]


def _domains_of(host: str) -> tuple[str, ...]:
    """Return the domains whose cookies a canonical host may get."""
    return (host, *parent_domains(host), SHARED_DOMAIN)


def _without_hidden_shared(records: list[Record]) -> list[Record]:
    """Leave out each shared cookie whose name a cookie of the host itself has.

    A shared cookie is the program's default, and what a server has set is stronger.
    """
    own = {r.cookie.name for r in records if r.cookie.domain != SHARED_DOMAIN}
    return [r for r in records if r.cookie.domain != SHARED_DOMAIN or r.cookie.name not in own]


def _within(records: list[Record], host: str, limits: CookieLimits) -> list[Record]:
    """Return those that fit into one request: the last ones are left out."""
    room = limits.request_octets - _FIELD_NAME
    field = serialize([record.pair for record in records])
    # Nearly always: four octets are the most that a character becomes.
    if len(records) <= limits.request_cookies and 4 * len(field) <= room:
        return records
    kept = 0
    for record in records[: limits.request_cookies]:
        pair = record.pair
        room -= len(pair) if pair.isascii() else len(pair.encode("utf-8", "surrogateescape"))
        if room < 0:
            break
        kept += 1
        # Before the next one.
        room -= len("; ")
    if kept < len(records):
        _logger.debug("%d cookies for '%s' are not sent: too many", len(records) - kept, host)
    return records[:kept]
