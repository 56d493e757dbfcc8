"""Running the transfer, and ending although a name is still being looked up."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["lookups_left", "run"]

_THREAD_NAME = "whimbrel-lookup"
_IDLE_SECONDS = 0.1
"""What a thread without work gets to end by itself."""


def run(transfer: Coroutine[Any, Any, None]) -> None:
    """Run `transfer` as `asyncio.run` does, but do not wait for the loop's threads at its end."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_Lookups(thread_name_prefix=_THREAD_NAME))
        runner.run(transfer)


def lookups_left() -> bool:
    """Tell whether a thread is still busy, so that the interpreter would wait for it."""
    threads = [each for each in threading.enumerate() if each.name.startswith(_THREAD_NAME)]
    for each in threads:
        each.join(_IDLE_SECONDS)
    return any(each.is_alive() for each in threads)


class _Lookups(ThreadPoolExecutor):
    """The loop's thread pool. All that runs in it is getaddrinfo, which nothing can cancel."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)
