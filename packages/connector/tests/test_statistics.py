from __future__ import annotations

from typing import Any

import pytest

from whimbrel_connector._pool import Pool, Slot
from whimbrel_connector._statistics import HostStatistics, measure


def lease(pool: Pool[str], host: str, resource: str | None = "connection") -> Slot[str]:
    slot = pool.take(pool.acquire(host, (host, 80, False)))
    slot.resource = resource
    return slot


def test_each_slot_is_counted_once() -> None:
    pool: Pool[str] = Pool(5, 0)
    lease(pool, "a")
    lease(pool, "a", None)
    pool.detach(lease(pool, "b"))
    pool.retire(lease(pool, "b"))
    pool.release(lease(pool, "c"), 9.0)
    counted = measure(pool, opened=4, reused=3)
    assert counted.in_use == 2
    assert counted.connecting == 1
    assert counted.idle == 1
    assert counted.open == 4
    assert counted.waiting == 0
    assert (counted.opened, counted.reused) == (4, 3)
    assert counted.per_host == {
        ("a", 80, False): HostStatistics(open=1, idle=0, in_use=1, connecting=1, waiting=0),
        ("b", 80, False): HostStatistics(open=2, idle=0, in_use=1, connecting=0, waiting=0),
        ("c", 80, False): HostStatistics(open=1, idle=1, in_use=0, connecting=0, waiting=0),
    }


def test_waiting_is_also_for_a_socket_that_makes_room() -> None:
    pool: Pool[str] = Pool(1, 0)
    pool.release(lease(pool, "a"), 9.0)
    pool.acquire("b", ("b", 80, False))
    pool.acquire("c", ("c", 80, False))
    counted = measure(pool, opened=1, reused=0)
    assert (counted.open, counted.connecting, counted.waiting) == (1, 0, 2)
    assert [host.waiting for host in counted.per_host.values()] == [0, 1, 1]


def test_who_gave_up_does_not_wait() -> None:
    pool: Pool[str] = Pool(1, 0)
    pool.release(lease(pool, "a"), 9.0)
    pool.cancel(pool.acquire("b", ("b", 80, False)))
    counted = measure(pool, opened=1, reused=0)
    assert (counted.open, counted.connecting, counted.waiting) == (1, 0, 0)


def test_what_was_measured_does_not_change() -> None:
    pool: Pool[str] = Pool(0, 0)
    slot = lease(pool, "a")
    counted = measure(pool, opened=1, reused=0)
    pool.closed(slot)
    assert counted.per_host["a", 80, False].open == 1
    per_host: Any = counted.per_host
    with pytest.raises(TypeError, match="does not support item assignment"):
        per_host["b", 80, False] = 1
    with pytest.raises(AttributeError, match="open"):
        per_host["a", 80, False].open = 2
    assert not measure(pool, opened=1, reused=0).per_host
