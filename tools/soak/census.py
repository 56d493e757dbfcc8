"""What a process holds that must not grow: counted when it has come to rest."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Census", "census", "growth_by_type"]


@dataclass(frozen=True, slots=True)
class Census:
    """What there was at one moment."""

    files: int
    """Open file descriptors."""
    tasks: int
    """Tasks of the running loop, besides the one that counts."""
    timers: int
    """Armed timers of the running loop."""
    blocks: int
    """Blocks of memory that Python's allocator has given out."""
    resident: int | None
    """Bytes of the process in memory; `None` where the system does not say."""
    types: Counter[str]
    """How many objects of each type the garbage collector knows."""


def census() -> Census:
    """Count, after a garbage collection."""
    loop = asyncio.get_running_loop()
    for _ in range(2):  # finalizers may leave something behind
        gc.collect()
    blocks = sys.getallocatedblocks()
    # The loop has no public list of its timers.
    timers = [timer for timer in getattr(loop, "_scheduled", ()) if not timer.cancelled()]
    return Census(
        files=_open_files(),
        tasks=len(asyncio.all_tasks()) - 1,
        timers=len(timers),
        blocks=blocks,
        resident=_resident(),
        types=Counter(type(each).__qualname__ for each in gc.get_objects()),
    )


def growth_by_type(before: Census, after: Census, most: int = 5) -> str:
    """Say which types have the most new objects, for a reader who looks for a leak."""
    grown = (after.types - before.types).most_common(most)
    return ", ".join(f"{name} +{count:,}" for name, count in grown) or "none of a known type"


def _open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if os.path.isdir(folder):
            return len(os.listdir(folder)) - 1  # the one that lists is open meanwhile
    raise RuntimeError("this system has no list of a process's open files")


def _resident() -> int | None:
    statistics = Path("/proc/self/statm")
    if not statistics.exists():
        return None
    return int(statistics.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
