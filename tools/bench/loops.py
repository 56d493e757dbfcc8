"""An event loop that lives as long as a variant does, for those whose operations are coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager

from tools.bench.harness import Operations

__all__ = ["AsyncOperations", "loop_factory", "on_a_loop"]

AsyncOperations = Callable[[int], Awaitable[None]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

loop_factory: list[LoopFactory] = [asyncio.new_event_loop]
"""The factory to use, as its only item; `--uvloop` replaces it."""


def on_a_loop(
    open_async: Callable[[], AbstractAsyncContextManager[AsyncOperations]],
) -> Callable[[], AbstractContextManager[Operations]]:
    """Make the `open` of a `Variant` out of an asynchronous context manager."""

    @contextmanager
    def opened() -> Iterator[Operations]:
        with asyncio.Runner(loop_factory=loop_factory[0]) as runner:

            async def call(operations: AsyncOperations, count: int) -> None:
                await operations(count)

            manager = open_async()
            operations = runner.run(manager.__aenter__())
            try:
                yield lambda count: runner.run(call(operations, count))
            finally:
                runner.run(manager.__aexit__(None, None, None))

    return opened
