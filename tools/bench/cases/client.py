"""GET over kept-alive connections to a bare server in another process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import httpx2

import whimbrel
from tools.bench.harness import Case, Variant
from tools.bench.loops import AsyncOperations, on_a_loop
from tools.bench.server import BODY, serving

__all__ = ["CASES"]

Get = Callable[[], Awaitable[bytes]]
Open = Callable[[str], AbstractAsyncContextManager[Get]]

_CONNECTIONS = 100


def _session(module: Any) -> Open:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Get]:
        async with module.ClientSession() as session:

            async def get() -> bytes:
                async with session.get(url) as response:
                    body: bytes = await response.read()
                    return body

            yield get

    return opened


@asynccontextmanager
async def _httpx2(url: str) -> AsyncIterator[Get]:
    async with httpx2.AsyncClient(trust_env=False) as client:

        async def get() -> bytes:
            body: bytes = (await client.get(url)).content
            return body

        yield get


def _variant(name: str, client: Open, concurrency: int) -> Variant:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        with serving() as ports:
            async with client(f"http://127.0.0.1:{ports.http}/path?query=1") as get:

                async def worker(count: int) -> None:
                    for _ in range(count):
                        if await get() != BODY:
                            raise AssertionError("this is not what the server sends")

                async def run(count: int) -> None:
                    if concurrency == 1:
                        await worker(count)
                        return
                    share, rest = divmod(count, concurrency)
                    counts = [share + (number < rest) for number in range(concurrency)]
                    await asyncio.gather(*map(worker, counts))

                yield run

    return Variant(name, on_a_loop(opened))


def _variants(concurrency: int) -> tuple[Variant, ...]:
    return (
        _variant("whimbrel", _session(whimbrel), concurrency),
        _variant("aiohttp", _session(aiohttp), concurrency),
        _variant("httpx2", _httpx2, concurrency),
    )


CASES = (
    Case("client-sequential", "one GET of a small JSON, one after the other", _variants(1)),
    Case(
        f"client-{_CONNECTIONS}",
        f"one GET of a small JSON, {_CONNECTIONS} at a time",
        _variants(_CONNECTIONS),
    ),
)
