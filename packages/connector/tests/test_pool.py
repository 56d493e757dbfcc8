from __future__ import annotations

import sys
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from whimbrel_connector._pool import Pool, Slot, State, Waiter
from whimbrel_connector._statistics import measure

KEYS = st.sampled_from(["a1", "a2", "a3", "b", "c"])  # the first letter is the group


def open_slot(pool: Pool[str], key: str = "a", group: str = "a") -> Slot[str]:
    waiter = pool.acquire(key, group)
    assert waiter.slot is not None
    slot = pool.take(waiter)
    assert slot.resource is None
    assert slot.victim is None
    slot.resource = "connection"
    return slot


def test_last_used_connection_is_used_first() -> None:
    pool = Pool[str](0, 0)
    slots = [open_slot(pool) for _ in range(3)]
    for slot in slots:
        pool.release(slot, 10.0)
    assert [pool.take_idle("a") for _ in range(4)] == [*reversed(slots), None]


def test_idle_connection_of_another_key_in_the_group_is_not_used() -> None:
    pool = Pool[str](0, 0)
    pool.release(open_slot(pool, "a1", "a"), 10.0)
    assert pool.take_idle("a2") is None


def test_idle_connections_count_and_the_least_recently_used_makes_room() -> None:
    pool = Pool[str](2, 0)
    first, second = open_slot(pool, "a", "a"), open_slot(pool, "b", "b")
    pool.release(first, 10.0)
    pool.release(second, 10.0)
    slot: Any = pool.acquire("c", "c").slot
    assert slot.victim is first
    assert first.state is State.EVICTED
    assert pool.count == 2
    assert not pool.closed(first)
    assert [slot.victim] == [None]
    assert pool.count == 2


def test_a_full_group_evicts_its_own_idle_connection_of_another_key() -> None:
    pool = Pool[str](0, 1)
    old = open_slot(pool, "a1", "a")
    pool.release(old, 10.0)
    slot = pool.acquire("a2", "a").slot
    assert slot is not None
    assert slot.victim is old
    assert pool.count == 1


def test_a_full_group_evicts_what_would_expire_first() -> None:
    pool = Pool[str](0, 3)
    slots = [open_slot(pool, key, "a") for key in ("a1", "a2", "a3")]
    for slot, until in zip(slots, (9.0, 5.0, 7.0), strict=True):
        pool.release(slot, until)
    new = pool.acquire("a4", "a").slot
    assert new is not None
    assert new.victim is slots[1]


def test_many_keys_of_one_host_leave_nothing_behind() -> None:
    pool = Pool[str](0, 0)
    kept = open_slot(pool, "kept", "a")
    for number in range(100):
        pool.closed(open_slot(pool, str(number), "a"))
    (group,) = pool.groups()
    assert [shelf.key for shelf in group.shelves] == ["kept"]
    pool.closed(kept)
    assert not list(pool.groups())


def test_evicted_socket_is_counted_when_its_successor_gives_up_first() -> None:
    pool = Pool[str](1, 0)
    old = open_slot(pool, "a", "a")
    pool.release(old, 10.0)
    heir, next_one = pool.acquire("b", "b"), pool.acquire("c", "c")
    assert next_one.slot is None
    assert not pool.cancel(heir)
    assert pool.count == 1
    assert next_one.slot is None
    assert pool.closed(old) == [next_one]
    assert pool.count == 1


def test_granted_connection_of_a_cancelled_waiter_goes_to_the_next() -> None:
    pool = Pool[str](1, 0)
    slot = open_slot(pool)
    first, second = pool.acquire("a", "a"), pool.acquire("a", "a")
    assert pool.release(slot, 10.0) == [first]
    assert pool.cancel(first) == [second]
    assert pool.take(second) is slot
    assert slot.resource == "connection"


def test_granted_permission_of_a_cancelled_waiter_goes_to_the_next() -> None:
    pool = Pool[str](1, 0)
    slot = open_slot(pool)
    first, second = pool.acquire("a", "a"), pool.acquire("b", "b")
    pool.retire(slot)
    assert pool.closed(slot) == [first]
    assert pool.cancel(first) == [second]
    assert pool.take(second).resource is None
    assert pool.count == 1


def test_waiter_whose_granted_connection_is_lost_may_open_one() -> None:
    pool = Pool[str](1, 0)
    slot = open_slot(pool)
    waiter = pool.acquire("a", "a")
    pool.release(slot, 10.0)
    assert not pool.closed(slot)
    new = pool.take(waiter)
    assert new is not slot
    assert new.resource is None
    assert pool.count == 1
    assert not pool.closed(new)
    assert pool.count == 0


def test_unfit_connection_is_replaced_without_losing_the_place() -> None:
    pool = Pool[str](1, 1)
    slot = open_slot(pool)
    other = pool.acquire("a", "a")
    new: Any = pool.replace(slot)
    assert other.slot is None
    assert new.victim is slot
    pool.closed(slot)
    assert [new.victim] == [None]
    assert pool.closed(new) == [other]


def test_first_come_first_served_across_hosts() -> None:
    pool = Pool[str](1, 0)
    slot = open_slot(pool)
    first, second = pool.acquire("b", "b"), pool.acquire("a", "a")
    assert pool.release(slot, 10.0) == [first]
    assert second.slot is None


def test_waiter_of_a_full_host_does_not_hold_up_another_host() -> None:
    pool = Pool[str](2, 1)
    open_slot(pool, "a", "a")
    waiting = pool.acquire("a", "a")
    assert waiting.slot is None
    assert pool.acquire("b", "b").slot is not None


def test_detached_connection_counts_until_it_is_lost() -> None:
    pool = Pool[str](1, 0)
    slot = open_slot(pool)
    pool.detach(slot)
    waiter = pool.acquire("a", "a")
    assert waiter.slot is None
    assert not pool.release(slot, 10.0)
    assert pool.closed(slot) == [waiter]


def test_expired_connections_are_retired_and_the_others_stay() -> None:
    pool = Pool[str](0, 0)
    slots = [open_slot(pool, key, key) for key in "abc"]
    for slot, until in zip(slots, (5.0, 2.0, 9.0), strict=True):
        pool.release(slot, until)
    assert pool.next_expiry() == 2.0
    assert pool.expired(5.0) == slots[:2]
    assert pool.next_expiry() == 9.0
    assert pool.count == 3
    for slot in slots[:2]:
        pool.closed(slot)
    assert pool.count == 1


def test_repeated_and_late_calls_change_nothing() -> None:
    pool = Pool[str](0, 0)
    slot = open_slot(pool)
    pool.closed(slot)
    for call in (pool.closed, pool.retire):
        call(slot)
    assert not pool.release(slot, 10.0)
    assert pool.count == 0
    assert pool.take_idle("a") is None
    assert not list(pool.groups())
    assert not list(pool)


def test_cancelled_waiters_of_many_hosts_leave_nothing_behind() -> None:
    pool = Pool[str](1, 0)
    slot = open_slot(pool)
    pool.acquire("patient", "patient")
    for number in range(1000):
        pool.cancel(pool.acquire(str(number), str(number)))
    assert len(list(pool.groups())) == 2
    assert len(pool._order) < 100
    assert [waiter.key for waiter in pool.release(slot, 10.0)] == ["patient"]


@pytest.mark.parametrize("hosts", [1, 4000])
def test_release_does_not_slow_down_with_hosts_and_waiters(hosts: int) -> None:
    """The steps for one waiter are the same for many and for few."""

    def steps_for_one(waiters: int) -> float:
        pool = Pool[str](10, 0)
        slots = [open_slot(pool, "x", "x") for _ in range(10)]
        queue = [pool.acquire(str(i % hosts), str(i % hosts)) for i in range(waiters)]
        served = 0
        steps = 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal steps
            steps += event in {"call", "c_call"}

        sys.setprofile(count)
        try:
            while slots:
                slot = slots.pop()
                for waiter in pool.release(slot, 10.0):
                    served += 1
                    got = pool.take(waiter)
                    if got.victim is not None:
                        pool.closed(got.victim)
                    got.resource = "connection"
                    slots.append(got)
        finally:
            sys.setprofile(None)
        assert served == len(queue)
        return steps / waiters

    assert steps_for_one(8000) < 1.5 * steps_for_one(500)


class PoolMachine(RuleBasedStateMachine):
    """A shell that does everything a shell can do, in any order."""

    @initialize(limit=st.integers(0, 4), per_host=st.integers(0, 3))
    def make(self, limit: int, per_host: int) -> None:
        self.limit, self.per_host = limit, per_host
        self.pool = Pool[str](limit, per_host)
        self.now = 0.0
        self.sockets: dict[Slot[str], str] = {}  # what may be open, and its group
        self.leased: list[Slot[str]] = []
        self.queue: list[Waiter[str]] = []  # those without a slot, as they came
        self.granted: list[Waiter[str]] = []
        self.idle: list[Slot[str]] = []  # as they were given back

    # The shell's duties

    def carry_out(self, served: Any) -> None:
        for one, other in pairwise(served):
            assert one.number < other.number
        for waiter in served:
            assert waiter in self.queue, "granted to somebody who is not waiting"
            self.queue.remove(waiter)
            self.note_grant(waiter)
        if served:
            for earlier in self.queue:
                if earlier.number < served[-1].number:
                    assert self.group_is_full(earlier), "somebody was overtaken"

    def note_grant(self, waiter: Waiter[str]) -> None:
        slot = waiter.slot
        assert slot is not None
        assert slot.state is State.GRANTED
        assert slot.key == waiter.key
        assert slot not in self.leased
        same = [idle for idle in self.idle if idle.key == waiter.key]
        if slot.resource is not None:
            assert slot is same[-1], "not the last one used"
            self.idle.remove(slot)
        else:
            assert not same, "opened though there was an idle one"
        if slot.victim is not None:
            self.check_victim(slot.victim, waiter)
            self.idle.remove(slot.victim)
        self.granted.append(waiter)

    def check_victim(self, victim: Slot[str], waiter: Waiter[str]) -> None:
        assert victim.state is State.EVICTED
        if victim is not self.idle[0]:
            # It is not the one used longest ago, so it must be the host's that was full.
            of_host = [idle for idle in self.idle if idle.group is waiter.group]
            assert self.per_host
            assert waiter.group.count == self.per_host
            oldest = {idle.key: idle for idle in reversed(of_host)}.values()
            assert victim in oldest
            assert victim.expires_at == min(idle.expires_at for idle in oldest)

    def group_is_full(self, waiter: Waiter[str]) -> Any:
        group = waiter.group
        return bool(self.per_host) and group.count >= self.per_host and not group.has_idle()

    def lease(self, slot: Slot[str]) -> None:
        assert slot.state is State.LEASED
        assert slot not in self.leased, "two owners"
        self.leased.append(slot)

    def can_open(self) -> Any:
        return [slot for slot in self.leased if slot.resource is None and slot.victim is None]

    def in_use(self) -> Any:
        return [slot for slot in self.leased if slot.resource is not None]

    def socket_gone(self, slot: Slot[str]) -> None:
        self.sockets.pop(slot, None)
        for listed in (self.leased, self.idle):
            if slot in listed:
                listed.remove(slot)
        self.carry_out(self.pool.closed(slot))

    # Rules

    @rule(key=KEYS)
    def acquire(self, key: str) -> None:
        waiter = self.pool.acquire(key, key[0])
        if waiter.slot is None:
            self.queue.append(waiter)
        else:
            self.note_grant(waiter)

    @rule(keys=st.lists(KEYS, min_size=2, max_size=4), lifetime=st.sampled_from([1.0, 3.0]))
    def use(self, keys: list[str], lifetime: float) -> None:
        """Open what can be opened at once, and give it back, so that much is idle."""
        opened = []
        for key in keys:
            waiter = self.pool.acquire(key, key[0])
            if waiter.slot is None:
                self.carry_out(self.pool.cancel(waiter))
                continue
            self.note_grant(waiter)
            self.granted.remove(waiter)
            slot = self.pool.take(waiter)
            self.lease(slot)
            if slot.victim is not None:
                self.socket_gone(slot.victim)
            self.sockets[slot] = key[0]
            slot.resource = "connection"
            opened.append(slot)
        for slot in opened:
            self.leased.remove(slot)
            self.idle.append(slot)
            self.carry_out(self.pool.release(slot, self.now + lifetime))

    @rule(key=KEYS)
    def acquire_nowait(self, key: str) -> None:
        slot = self.pool.take_idle(key)
        same = [idle for idle in self.idle if idle.key == key]
        if slot is None:
            assert not same
        else:
            assert slot is same[-1], "not the last one used"
            assert slot.resource is not None
            self.idle.remove(slot)
            self.lease(slot)

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        waiter = data.draw(st.sampled_from(self.granted))
        self.granted.remove(waiter)
        self.lease(self.pool.take(waiter))

    @precondition(lambda self: self.can_open())
    @rule(data=st.data())
    def open(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(self.can_open()))
        self.sockets[slot] = slot.key[0]
        slot.resource = "connection"

    @precondition(lambda self: self.in_use())
    @rule(data=st.data(), lifetime=st.sampled_from([1.0, 3.0]))
    def release(self, data: st.DataObject, lifetime: float) -> None:
        slot = data.draw(st.sampled_from(self.in_use()))
        self.leased.remove(slot)
        self.idle.append(slot)
        self.carry_out(self.pool.release(slot, self.now + lifetime))

    @precondition(lambda self: self.leased)
    @rule(data=st.data())
    def give_up_or_close(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(self.leased))
        if slot.resource is None:
            self.socket_gone(slot)
        else:
            self.leased.remove(slot)
            self.pool.retire(slot)

    @precondition(lambda self: self.in_use())
    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(self.in_use()))
        self.leased.remove(slot)
        self.pool.detach(slot)

    @precondition(lambda self: self.in_use())
    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(self.in_use()))
        self.leased.remove(slot)
        self.lease(self.pool.replace(slot))

    @precondition(lambda self: self.queue or self.granted)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        waiter = data.draw(st.sampled_from(self.queue + self.granted))
        slot = waiter.slot
        (self.queue if slot is None else self.granted).remove(waiter)
        if slot is not None and slot.resource is not None:
            self.idle.append(slot)  # as if given back
        self.carry_out(self.pool.cancel(waiter))

    @precondition(lambda self: self.sockets)
    @rule(data=st.data())
    def socket_closes(self, data: st.DataObject) -> None:
        self.socket_gone(data.draw(st.sampled_from(list(self.sockets))))

    @rule(seconds=st.sampled_from([0.5, 2.0]))
    def expire(self, seconds: float) -> None:
        self.now += seconds
        for slot in self.pool.expired(self.now):
            assert slot.expires_at <= self.now
            assert slot.state is State.CLOSING
            self.idle.remove(slot)
        assert all(slot.expires_at > self.now for slot in self.idle)
        assert self.pool.next_expiry() == min((slot.expires_at for slot in self.idle), default=None)

    # What must always hold

    def could_serve(self, waiter: Waiter[str]) -> Any:
        pool, group = self.pool, waiter.group
        if any(slot.key == waiter.key for slot in self.idle):
            return True
        if self.per_host and group.count >= self.per_host:
            return any(slot.group is group for slot in self.idle)
        return not self.limit or pool.count < self.limit or bool(self.idle)

    @invariant()
    def limits_hold(self) -> None:
        groups = list(self.sockets.values())
        if self.limit:
            assert len(groups) <= self.pool.count <= self.limit
        if self.per_host:
            assert all(groups.count(group) <= self.per_host for group in groups)
            assert all(group.count <= self.per_host for group in self.pool.groups())

    @invariant()
    def nobody_waits_in_vain(self) -> None:
        assert self.pool.waiting == len(self.queue)
        for waiter in self.queue:
            assert not self.could_serve(waiter)

    @invariant()
    def idle_is_idle(self) -> None:
        assert {slot for slot in self.pool if slot.state is State.IDLE} == set(self.idle)
        for slot in self.idle:
            assert slot in self.sockets
            assert slot not in self.leased

    @invariant()
    def nothing_is_kept_that_is_of_no_use(self) -> None:
        groups = list(self.pool.groups())
        slots = list(self.pool)
        assert {slot.group for slot in slots} | {waiter.group for waiter in self.queue} == set(
            groups
        )
        for group in groups:
            counts = Counter(slot.shelf for slot in slots if slot.group is group)
            assert counts == {shelf: shelf.count for shelf in group.shelves}

    @invariant()
    def statistics_tell_it_all(self) -> None:
        counted = measure(self.pool, opened=0, reused=0)
        hosts = counted.per_host.values()
        for name in ("open", "idle", "in_use", "connecting", "waiting"):
            assert getattr(counted, name) == sum(getattr(host, name) for host in hosts)
        assert counted.idle == len(self.idle)
        assert counted.open == sum(slot.resource is not None for slot in self.pool)
        assert counted.waiting >= len(self.queue)
        if self.limit:
            assert counted.open + counted.connecting <= self.limit

    def teardown(self) -> None:
        if not hasattr(self, "pool"):
            return
        for _ in range(len(self.queue) + len(self.granted) + 2):  # each round serves somebody
            for slot in list(self.sockets):
                self.socket_gone(slot)
            for slot in list(self.leased):
                self.socket_gone(slot)
            for waiter in list(self.granted):
                self.granted.remove(waiter)
                self.lease(self.pool.take(waiter))
        assert not self.queue, "somebody was forgotten"
        assert self.pool.count == 0
        assert not list(self.pool)
        assert not list(self.pool.groups())
        assert not self.idle
        assert self.pool.next_expiry() is None


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
