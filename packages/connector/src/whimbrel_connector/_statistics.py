"""What a pool's slots amount to, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from whimbrel_connector._pool import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whimbrel_connector._pool import Pool, Slot

__all__ = ["HostStatistics", "PoolStatistics", "measure"]


@dataclass(frozen=True, slots=True)
class HostStatistics:
    """What a connector had for one host, port and TLS or not, at one moment."""

    open: int
    """Connections established and not closed: idle, in use, being closed."""
    idle: int
    """Connections waiting to be used again."""
    in_use: int
    """Connections leased or detached."""
    connecting: int
    """Connections being established."""
    waiting: int
    """Calls of `acquire` that wait for the limits to allow them a connection."""


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What a connector had at one moment, and what it did until then."""

    open: int
    """Connections established and not closed: idle, in use, being closed."""
    idle: int
    """Connections waiting to be used again."""
    in_use: int
    """Connections leased or detached."""
    connecting: int
    """Connections being established."""
    waiting: int
    """Calls of `acquire` that wait for the limits to allow them a connection."""
    reused: int
    """How often a connection was leased that had been used before, since the beginning."""
    opened: int
    """How many connections were established, since the beginning."""
    per_host: Mapping[tuple[str, int, bool], HostStatistics]
    """The same by host, port and whether TLS is spoken, for those that have any of it now."""


class _Tally:
    """The counts of one host while they are made."""

    __slots__ = ("connecting", "going", "idle", "in_use", "waiting")

    def __init__(self, waiting: int) -> None:
        self.idle = self.in_use = self.connecting = self.going = 0
        self.waiting = waiting

    def add(self, slot: Slot[Any]) -> None:
        if slot.state is State.IDLE:
            self.idle += 1
        elif slot.victim is not None:
            # For the socket of a connection that makes room to be gone, if not given up.
            self.waiting += slot.state is not State.CLOSING
        elif slot.resource is None:
            self.connecting += 1
        elif slot.state in {State.LEASED, State.GRANTED, State.DETACHED}:
            self.in_use += 1
        else:
            self.going += 1

    def result(self) -> HostStatistics:
        return HostStatistics(
            open=self.idle + self.in_use + self.going,
            idle=self.idle,
            in_use=self.in_use,
            connecting=self.connecting,
            waiting=self.waiting,
        )


def measure(pool: Pool[Any], *, opened: int, reused: int) -> PoolStatistics:
    """Count what the pool's slots are doing.

    Args:
        pool: what is counted.
        opened: how many connections were established so far.
        reused: how often one was leased that had been used before.
    """
    tallies = {group.key: _Tally(len(group.waiters)) for group in pool.groups()}
    for slot in pool:
        tallies[slot.group.key].add(slot)
    hosts = {key: tally.result() for key, tally in tallies.items()}
    counted = hosts.values()
    return PoolStatistics(
        open=sum(host.open for host in counted),
        idle=sum(host.idle for host in counted),
        in_use=sum(host.in_use for host in counted),
        connecting=sum(host.connecting for host in counted),
        waiting=sum(host.waiting for host in counted),
        reused=reused,
        opened=opened,
        per_host=MappingProxyType(hosts),
    )
