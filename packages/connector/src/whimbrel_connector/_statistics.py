"""What a pool's slots amount to, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from whimbrel_connector._pool import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whimbrel_connector._pool import Pool

__all__ = ["PoolStatistics", "measure"]


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
    per_host: Mapping[tuple[str, int, bool], int]
    """What counts against `limit_per_host`, by host, port and whether TLS is spoken."""


def measure(pool: Pool[Any], *, opened: int, reused: int) -> PoolStatistics:
    """Count what the pool's slots are doing.

    Args:
        pool: what is counted.
        opened: how many connections were established so far.
        reused: how often one was leased that had been used before.
    """
    idle = in_use = connecting = going = 0
    waiting = pool.waiting
    for slot in pool:
        if slot.state is State.IDLE:
            idle += 1
        elif slot.victim is not None:
            waiting += 1  # for the socket of a connection that makes room to be gone
        elif slot.resource is None:
            connecting += 1
        elif slot.state in {State.LEASED, State.GRANTED, State.DETACHED}:
            in_use += 1
        else:
            going += 1
    return PoolStatistics(
        open=idle + in_use + going,
        idle=idle,
        in_use=in_use,
        connecting=connecting,
        waiting=waiting,
        reused=reused,
        opened=opened,
        per_host=MappingProxyType(
            {group.key: group.count for group in pool.groups() if group.count}
        ),
    )
