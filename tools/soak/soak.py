"""One run: warm up, make the requests, look at what is left."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tools.soak import plan
from tools.soak.census import Census, census, growth_by_type
from tools.soak.client import Client
from tools.soak.server import serving
from whimbrel import ClientSession, TCPConnector
from whimbrel_connector import PoolStatistics
from whimbrel_connector.testing import ScriptedResolver

__all__ = ["LIMITS", "Report", "soak"]

LIMITS = {"limit": 20, "limit_per_host": 4}
"""Far fewer connections than there are hosts and requests at once."""

_ALIVE, _NOBODY = "127.0.0.1", "::1"
_PORTS = 5
_AT_ONCE = (100, 15)
"""How many requests to make at once in the parts of a round: more than the limit, where nearly each
makes a connection and most wait for it, and fewer, where most use one again."""
_WARM_UP = 2000
"""How many requests fill the caches."""
_REST_SECONDS = 10.0
_KEPT = 0.5
"""How long idle connections are kept, in seconds."""

_BLOCKS, _BLOCKS_PER_REQUEST = 1000, 0.005
"""How many blocks of memory may be there that were not after the warm-up."""
_RESIDENT = 16 * 2**20
"""The same of bytes in memory."""


@dataclass
class Report:
    """What happened, and what is wrong with it."""

    seed: int
    requests: int
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    reused: int = 0
    #: Blocks of memory and bytes in memory, after the warm-up and after each part.
    blocks: list[int] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    #: What must not have happened.
    findings: list[str] = field(default_factory=list)


def soak(
    requests: int,
    hosts: int,
    seed: int,
    *,
    rounds: int = 1,
    make_connector: Callable[..., TCPConnector] = TCPConnector,
) -> Report:
    """Make the requests, after some more of them to warm up.

    Args:
        requests: how many.
        hosts: how many names they go to.
        seed: what everything random is drawn from.
        rounds: how often to change between many and few requests at once.
        make_connector: makes the connector that is looked at, from a `TCPConnector`'s parameters.
    """
    report = Report(seed, requests)
    with serving(_PORTS) as ports:
        asyncio.run(_run(report, hosts, ports, _AT_ONCE * rounds, make_connector))
    return report


async def _run(
    report: Report,
    hosts: int,
    ports: list[int],
    parts: Sequence[int],
    make_connector: Callable[..., TCPConnector],
) -> None:
    names = {name: [_ALIVE] for name in plan.hosts(hosts)}
    # Some have a dead address before the live one.
    names |= {name: [_NOBODY, _ALIVE] for name in plan.hosts(hosts)[::7]}
    names[plan.DEAD] = [_NOBODY]
    resolver = ScriptedResolver(names)
    before = census()
    connector = make_connector(
        resolver=resolver, ttl_dns_cache=1, keepalive_timeout=_KEPT, **LIMITS
    )
    async with ClientSession(connector=connector) as session:
        client = Client(session, connector, ports)
        drawn = plan.requests(report.seed, _WARM_UP + report.requests, hosts)
        began = time.monotonic()
        await client.make(islice(drawn, _WARM_UP), _AT_ONCE[0])
        counts = [await _at_rest(report, connector, resolver)]
        for number, at_once in enumerate(parts):
            done = report.requests * number // len(parts)
            size = report.requests * (number + 1) // len(parts) - done
            await client.make(islice(drawn, size), at_once)
            counts.append(await _at_rest(report, connector, resolver))
            if client.findings:
                break  # what comes now would be a consequence
        report.seconds = time.monotonic() - began
    report.outcomes = client.outcomes
    report.findings += client.findings
    statistics = connector.statistics()
    report.opened, report.reused = statistics.opened, statistics.reused
    if _busy(statistics) or statistics.open:
        report.findings.append(f"after closing: {_brief(statistics)}")
    _compare_memory(report, counts)
    # Whatever belongs to the session goes with it.
    after = census()
    if after.files > before.files:
        report.findings.append(f"{after.files - before.files} open files are left")
    if after.tasks or after.timers:
        report.findings.append(f"{after.tasks} tasks and {after.timers} timers are left")


async def _at_rest(report: Report, connector: TCPConnector, resolver: ScriptedResolver) -> Census:
    """Wait until the last idle connection is too old, and count."""
    statistics = connector.statistics()
    if _busy(statistics):
        report.findings.append(f"when all requests were done: {_brief(statistics)}")
    deadline = time.monotonic() + _REST_SECONDS
    while connector.statistics().open:
        if time.monotonic() > deadline:
            report.findings.append(f"connections stay: {_brief(connector.statistics())}")
            break
        await asyncio.sleep(0.05)
    resolver.asked.clear()  # it never forgets, and is not what is measured
    resolver.cancelled.clear()
    return census()


def _busy(statistics: PoolStatistics) -> bool:
    return bool(statistics.in_use or statistics.connecting or statistics.waiting)


def _brief(statistics: PoolStatistics) -> str:
    return (
        f"{statistics.idle} connections are idle, {statistics.in_use} in use,"
        f" {statistics.open} open in all, {statistics.connecting} being established;"
        f" {statistics.waiting} requests wait"
    )


def _compare_memory(report: Report, counts: list[Census]) -> None:
    first, last = counts[0], counts[-1]
    report.blocks = [count.blocks for count in counts]
    grown = last.blocks - first.blocks
    allowed = _BLOCKS + int(report.requests * _BLOCKS_PER_REQUEST)
    if grown > allowed:
        report.findings.append(
            f"{grown:,} blocks of memory more than after the warm-up, {allowed:,} allowed;"
            f" objects: {growth_by_type(first, last)}"
        )
    if first.resident is None or last.resident is None:
        return
    report.resident = [count.resident for count in counts if count.resident is not None]
    grown = last.resident - first.resident
    if grown > _RESIDENT:
        report.findings.append(
            f"{grown / 2**20:.1f} MiB more in memory than after the warm-up,"
            f" {_RESIDENT / 2**20:.1f} allowed"
        )
