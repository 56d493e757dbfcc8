"""The pool's decisions, without I/O: who may open, who gets which connection, what is closed.

A `Slot` is the right to one open socket. It is counted from the moment it is granted until
`closed` says that its socket is gone, whatever happens in between, so that the limits bound open
sockets and not merely the connections in use.

Every method that can make room returns the waiters that it granted a slot to. Two rules hold
after each call, and the tests check both:

- a waiter waits only while nothing could serve it: no idle connection, no room, nothing to evict;
- of those that could be served, the one that came first was.

Taking an idle connection and giving one back costs the same for any number of hosts, connections
and waiters. To serve a waiter costs the same for any number of waiters of one host, and grows with
the logarithm of the number of hosts that have some: the next in line is the first of a heap of
hosts, because a host that was full may come to have the oldest waiter of all at any time.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from heapq import heapify, heappop, heappush, heapreplace
from math import inf
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

__all__ = ["Group", "Pool", "Shelf", "Slot", "State", "Waiter"]

R = TypeVar("R")

_NOBODY: tuple[Waiter[Any], ...] = ()
_NO_WAITERS: OrderedDict[Any, None] = OrderedDict()
"""What most groups have; never changed, so that they can share it."""


class State(Enum):
    """What a slot is doing."""

    GRANTED = "granted"
    """Given to a waiter that has not taken it yet."""
    LEASED = "leased"
    """Somebody is opening its connection or using it."""
    IDLE = "idle"
    """Its connection waits to be used again."""
    CLOSING = "closing"
    """Its connection is being closed; it counts until that is done."""
    EVICTED = "evicted"
    """As closing, but its count has already passed to the slot that waits for the socket."""
    DETACHED = "detached"
    """Its connection left the pool (an upgrade); it counts until it is lost."""
    CLOSED = "closed"
    """Its socket is gone; it counts no more."""


_GRANTED = State.GRANTED
_LEASED = State.LEASED
_IDLE = State.IDLE
_CLOSING = State.CLOSING
_EVICTED = State.EVICTED
_CLOSED = State.CLOSED


class Group(Generic[R]):
    """The slots that `limit_per_host` counts together."""

    __slots__ = ("count", "key", "queued", "shelves", "waiters")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.count = 0
        #: One for each key that has slots; usually there is one.
        self.shelves: list[Shelf[R]] = []
        #: First come first.
        self.waiters: OrderedDict[Waiter[R], None] = _NO_WAITERS
        #: Whether the pool's queue of groups has an entry for this one.
        self.queued = False

    def has_idle(self) -> bool:
        """Tell whether any connection of the group is idle."""
        return any(shelf.idle for shelf in self.shelves)


class Shelf(Generic[R]):
    """The slots of one key."""

    __slots__ = ("count", "group", "idle", "key")

    def __init__(self, key: Hashable, group: Group[R]) -> None:
        self.key = key
        self.group = group
        #: How many slots there are, idle or not.
        self.count = 0
        #: Last used last.
        self.idle: dict[Slot[R], None] = {}


class Slot(Generic[R]):
    """The right to one open socket, and the connection on it."""

    __slots__ = (
        "expires_at",
        "resource",
        "retires_at",
        "shelf",
        "state",
        "successor",
        "uses",
        "victim",
        "waiter",
    )

    def __init__(self, shelf: Shelf[R]) -> None:
        self.shelf = shelf
        self.state = _GRANTED
        #: The connection; `None` until there is one. The pool never looks into it.
        self.resource: R | None = None
        #: For the caller: how often the connection was leased.
        self.uses = 0
        #: For the caller: when it is too old for another lease.
        self.retires_at = inf
        #: When an idle connection is too old to be used.
        self.expires_at = 0.0
        #: The slot whose socket must be gone before this one's may be opened.
        self.victim: Slot[R] | None = None
        #: The slot that waits for this one's socket to be gone.
        self.successor: Slot[R] | None = None
        #: Who was granted this slot and has not taken it yet.
        self.waiter: Waiter[R] | None = None

    @property
    def key(self) -> Hashable:
        """Where the connection leads."""
        return self.shelf.key

    @property
    def group(self) -> Group[R]:
        """With what the slot is counted."""
        return self.shelf.group


class Waiter(Generic[R]):
    """Somebody who asked for a connection."""

    __slots__ = ("group", "key", "number", "slot", "token")

    def __init__(self, key: Hashable, group: Group[R], number: int) -> None:
        self.key = key
        self.group = group
        self.number = number
        #: The slot granted, if any; it may be replaced until it is taken.
        self.slot: Slot[R] | None = None
        #: For the caller, to know how to wake this one; the pool never looks into it.
        self.token: Any = None


def _expiry(slot: Slot[Any]) -> float:
    return slot.expires_at


class Pool(Generic[R]):
    """All slots and all waiters.

    Args:
        limit: how many sockets may be open at once, idle ones included; 0 for any number.
        limit_per_host: the same for the slots of one group.
    """

    __slots__ = (
        "_groups",
        "_idle",
        "_limit",
        "_limit_per_host",
        "_number",
        "_order",
        "_shelves",
        "_slots",
        "_waiting",
        "count",
    )

    def __init__(self, limit: int, limit_per_host: int) -> None:
        self._limit = limit
        self._limit_per_host = limit_per_host
        #: The sockets that are open or may be opened by those who were granted a slot.
        self.count = 0
        self._groups: dict[Hashable, Group[R]] = {}
        self._shelves: dict[Hashable, Shelf[R]] = {}
        self._slots: set[Slot[R]] = set()
        # Least recently used first; a dict would go through all that left it to find its first.
        self._idle: OrderedDict[Slot[R], None] = OrderedDict()
        self._waiting = 0
        self._number = 0
        # The groups whose first waiter might be served, by that waiter's number. An entry may be
        # out of date, but then its number is too small, never too large, so it is met in time.
        self._order: list[tuple[int, Group[R]]] = []

    @property
    def waiting(self) -> int:
        """How many waiters have no slot."""
        return self._waiting

    def __iter__(self) -> Iterator[Slot[R]]:
        """Go through all slots whose socket may be open."""
        return iter(self._slots)

    def groups(self) -> Iterable[Group[R]]:
        """Return all groups that have slots or waiters."""
        return self._groups.values()

    # Asking for a connection

    def take_idle(self, key: Hashable) -> Slot[R] | None:
        """Lease the most recently used idle connection of `key`, if there is one.

        It is the caller who looks at `expires_at` and at the connection's health, and who calls
        `retire` and asks again if it will not do. This jumps no queue: a group with idle
        connections has no waiters.
        """
        shelf = self._shelves.get(key)
        if shelf is None or not shelf.idle:
            return None
        slot, _ = shelf.idle.popitem()
        del self._idle[slot]
        slot.state = _LEASED
        return slot

    def acquire(self, key: Hashable, group_key: Hashable) -> Waiter[R]:
        """Ask for a connection; the waiter has a slot at once or is granted one later.

        The slot's `resource` is a connection to use again, or `None`: then the waiter opens one,
        after the socket of `victim` is gone. Call `take` or `cancel` in the end.
        """
        group = self._groups.get(group_key)
        if group is None:
            group = self._groups[group_key] = Group(group_key)
        self._number += 1
        waiter = Waiter(key, group, self._number)
        # Whoever waits already cannot be served, or would have been: nobody is overtaken.
        if group.waiters or not self._serve(waiter):
            if group.waiters is _NO_WAITERS:
                group.waiters = OrderedDict()
            group.waiters[waiter] = None
            self._waiting += 1
            self._enqueue(group)
        return waiter

    def take(self, waiter: Waiter[R]) -> Slot[R]:
        """Turn the grant into a lease, now that the waiter is known to live."""
        slot = waiter.slot
        assert slot is not None
        assert slot.state is _GRANTED
        slot.state = _LEASED
        slot.waiter = None
        return slot

    def cancel(self, waiter: Waiter[R]) -> Sequence[Waiter[R]]:
        """Forget a waiter; what it was granted and has not taken goes to the next one."""
        slot = waiter.slot
        if slot is None:
            if waiter in waiter.group.waiters:
                del waiter.group.waiters[waiter]
                self._waiting -= 1
                self._tidy(waiter.group)
            return _NOBODY
        if slot.state is not _GRANTED:
            return _NOBODY
        self.take(waiter)
        if slot.resource is None:
            return self.closed(slot)
        return self.release(slot, slot.expires_at)

    def replace(self, slot: Slot[R]) -> Slot[R]:
        """Lease an empty slot in place of a leased one whose connection turned out unfit.

        The place in the limits is kept. The caller closes the old connection, and opens the new
        one after the old socket is gone.
        """
        assert slot.state is _LEASED
        new = self._evict(slot, slot.shelf)
        new.state = _LEASED
        return new

    # Giving it back

    def release(self, slot: Slot[R], expires_at: float) -> Sequence[Waiter[R]]:
        """Take a connection back that may be used again until `expires_at`.

        Nothing happens if the slot is no longer leased, because its connection was lost.
        """
        if slot.state is not _LEASED:
            return _NOBODY
        slot.state = _IDLE
        slot.expires_at = expires_at
        shelf = slot.shelf
        shelf.idle[slot] = None
        self._idle[slot] = None
        if not self._waiting:
            return _NOBODY
        self._enqueue(shelf.group)
        return self._dispatch()

    def retire(self, slot: Slot[R]) -> None:
        """Take a connection out of use; it counts until `closed` is called."""
        if slot.state is _IDLE:
            self._unlist(slot)
            slot.state = _CLOSING
        elif slot.state is _LEASED:
            slot.state = _CLOSING

    def detach(self, slot: Slot[R]) -> None:
        """Let a leased connection leave the pool; it counts until `closed` is called."""
        assert slot.state is _LEASED
        slot.state = State.DETACHED

    def closed(self, slot: Slot[R]) -> Sequence[Waiter[R]]:
        """Learn that a slot's socket is gone, or that none will be opened on it."""
        state = slot.state
        if state is _CLOSED:
            return _NOBODY
        if slot.victim is not None:
            # It never opened anything, but the socket that it was to replace is still there.
            slot.state = _CLOSING
            return _NOBODY
        if state is _GRANTED and slot.resource is not None:
            self._regrant(slot)
            return _NOBODY
        if state is _IDLE:
            self._unlist(slot)
        self._discard(slot)
        group = slot.shelf.group
        heir = slot.successor if state is _EVICTED else None
        if heir is None:
            self.count -= 1
            group.count -= 1
        else:
            heir.victim = None
            if heir.group is not group:
                group.count -= 1
        self._tidy(group)
        if heir is not None and heir.state is _CLOSING:
            self._enqueue(group)
            return self.closed(heir)
        if not self._waiting:
            return _NOBODY
        self._enqueue(group)
        return self._dispatch()

    def expired(self, now: float) -> list[Slot[R]]:
        """Retire every idle connection whose time is over; the caller closes them."""
        old = [slot for slot in self._idle if slot.expires_at <= now]
        for slot in old:
            self.retire(slot)
        return old

    def next_expiry(self) -> float | None:
        """Return when the next idle connection expires; `None` if there is none."""
        return min((slot.expires_at for slot in self._idle), default=None)

    # Inside

    def _serve(self, waiter: Waiter[R]) -> bool:
        """Grant the waiter a slot, if there is any way to."""
        slot = self.take_idle(waiter.key)
        if slot is None:
            slot = self._make_room(waiter)
            if slot is None:
                return False
        slot.state = _GRANTED
        slot.waiter = waiter
        waiter.slot = slot
        return True

    def _make_room(self, waiter: Waiter[R]) -> Slot[R] | None:
        """Make a slot within the limits, in place of an idle connection if need be."""
        group = waiter.group
        victim: Slot[R] | None
        if self._limit_per_host and group.count >= self._limit_per_host:
            oldest = (next(iter(shelf.idle)) for shelf in group.shelves if shelf.idle)
            victim = min(oldest, key=_expiry, default=None)
        elif self._limit and self.count >= self._limit:
            victim = next(iter(self._idle), None)
        else:
            self.count += 1
            group.count += 1
            return self._make_slot(self._shelf(waiter.key, group))
        if victim is None:
            return None
        self._unlist(victim)
        return self._evict(victim, self._shelf(waiter.key, group))

    def _shelf(self, key: Hashable, group: Group[R]) -> Shelf[R]:
        shelf = self._shelves.get(key)
        if shelf is None:
            shelf = self._shelves[key] = Shelf(key, group)
            group.shelves.append(shelf)
        return shelf

    def _make_slot(self, shelf: Shelf[R]) -> Slot[R]:
        slot = Slot(shelf)
        shelf.count += 1
        self._slots.add(slot)
        return slot

    def _discard(self, slot: Slot[R]) -> None:
        """Forget a slot whose socket is gone, and its shelf if it was the last there."""
        slot.state = _CLOSED
        self._slots.remove(slot)
        shelf = slot.shelf
        shelf.count -= 1
        if not shelf.count:
            del self._shelves[shelf.key]
            shelf.group.shelves.remove(shelf)

    def _evict(self, victim: Slot[R], shelf: Shelf[R]) -> Slot[R]:
        """Pass the victim's count on to a new slot; the victim's group counts it until closed."""
        slot = self._make_slot(shelf)
        if victim.shelf.group is not shelf.group:
            shelf.group.count += 1
        victim.state = _EVICTED
        victim.successor = slot
        slot.victim = victim
        return slot

    def _regrant(self, slot: Slot[R]) -> None:
        """Let a waiter that was granted a connection open one, as that connection was lost."""
        waiter = slot.waiter
        assert waiter is not None
        new = self._make_slot(slot.shelf)
        self._discard(slot)
        new.waiter = waiter
        waiter.slot = new

    def _unlist(self, slot: Slot[R]) -> None:
        """Take an idle slot out of the two places that list it."""
        del slot.shelf.idle[slot]
        del self._idle[slot]

    def _enqueue(self, group: Group[R]) -> None:
        """Put the group into the queue, if it has a waiter that might be served."""
        if group.queued or not group.waiters or not self._has_room(group):
            return
        group.queued = True
        heappush(self._order, (next(iter(group.waiters)).number, group))

    def _has_room(self, group: Group[R]) -> bool:
        """Tell whether only the common limit could keep the group's waiters waiting."""
        limit = self._limit_per_host
        return not limit or group.count < limit or group.has_idle()

    def _dispatch(self) -> Sequence[Waiter[R]]:
        """Serve waiters, first come first, as long as the first that might be served can be."""
        order = self._order
        served: list[Waiter[R]] = []
        while order:
            number, group = order[0]
            if not group.waiters or not self._has_room(group):
                heappop(order)
                group.queued = False
                continue
            waiter = next(iter(group.waiters))
            if waiter.number != number:
                heapreplace(order, (waiter.number, group))
                continue
            if not self._serve(waiter):
                break
            del group.waiters[waiter]
            self._waiting -= 1
            served.append(waiter)
        return served

    def _tidy(self, group: Group[R]) -> None:
        """Forget a group that is of no more use, and rebuild a queue that is mostly outdated."""
        if not group.count and not group.waiters and self._groups.get(group.key) is group:
            del self._groups[group.key]
        order = self._order
        if len(order) > 64 and len(order) > 2 * len(self._groups):
            live = [entry for entry in order if entry[1].waiters]
            for _, stale in order:
                stale.queued = bool(stale.waiters)
            heapify(live)
            order[:] = live
