"""Which cookies go when there are too many: the end of RFC 6265bis section 5.7."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from whimbrel_cookiejar.rules import is_expired

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whimbrel_cookiejar.store import Record

__all__ = ["excess", "remaining"]


def remaining(limit: int) -> int:
    """Return how many cookies an eviction leaves: nine tenths of the limit, rounded up.

    An eviction goes through all the cookies that share the limit. As it makes room for a tenth of
    them at once, what that costs is shared by as many cookies that are stored after it.
    """
    return limit - limit // 10


def excess(records: Iterable[Record], limit: int, now: float, *, crowded: bool) -> list[Record]:
    """Return the cookies to evict of those that share a limit, which they are above.

    Args:
        records: all that share the limit, with their present last-access-times.
        limit: how many there may be.
        now: seconds since the epoch.
        crowded: whether they share a domain field that has too many cookies; otherwise it is the
            jar that has too many, and no domain in it has.
    """
    # 1. Expired cookies: they go in any case.
    doomed: list[Record] = []
    living: list[Record] = []
    for record in records:
        (doomed if is_expired(record.cookie, now) else living).append(record)
    # Without them there may be few enough.
    if len(living) > limit:
        surplus = len(living) - remaining(limit)
        doomed += nsmallest(surplus, living, key=_crowded_order if crowded else _order)
    return doomed


def _crowded_order(record: Record) -> tuple[bool, float, int]:
    # 2. Cookies without Secure in a domain that has too many; 3. the others of that domain; of
    #    those with the same priority, the one with the earliest last-access-time first.
    return record.cookie.secure, record.last_access, record.serial


def _order(record: Record) -> tuple[float, int]:
    # 4. All cookies, the one with the earliest last-access-time first.
    return record.last_access, record.serial
