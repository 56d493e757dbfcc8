"""Which cookies go when there are too many: the end of RFC 6265bis section 5.7."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from whimbrel_cookiejar.rules import is_expired

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whimbrel_cookiejar.store import Record

__all__ = ["excess"]


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
    surplus = len(living) - limit
    if surplus <= 0:
        return doomed
    # 2. to 4. Others go in their order, and make room for a tenth more, as this goes through all
    #    that share the limit: so that what it costs is shared by as many cookies that come after.
    #    But no Secure cookie goes for that while others are enough for the limit: anybody on the
    #    network can set those, and would have Secure ones removed by them.
    first = [record for record in living if not record.cookie.secure] if crowded else living
    if len(first) < surplus:
        first = living
    goes = min(surplus + min(limit, len(first)) // 10, len(first))
    return doomed + nsmallest(goes, first, key=_crowded_order if crowded else _order)


def _crowded_order(record: Record) -> tuple[bool, float, int]:
    # 2. Cookies without Secure in a domain that has too many; 3. the others of that domain; of
    #    those with the same priority, the one with the earliest last-access-time first.
    return record.cookie.secure, record.last_access, record.serial


def _order(record: Record) -> tuple[float, int]:
    # 4. All cookies, the one with the earliest last-access-time first.
    return record.last_access, record.serial
