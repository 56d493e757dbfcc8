"""Echoes over a WebSocket to a server in another process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
from websockets.asyncio.client import connect

import whimbrel
from tools.bench.harness import Case, Variant
from tools.bench.loops import AsyncOperations, on_a_loop
from tools.bench.server import serving

__all__ = ["CASES"]

Echo = Callable[[bytes], Awaitable[Any]]
Open = Callable[[str], AbstractAsyncContextManager[Echo]]


def _session(module: Any) -> Open:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Echo]:
        async with (
            module.ClientSession() as session,
            session.ws_connect(url, max_msg_size=0) as websocket,
        ):

            async def echo(message: bytes) -> Any:
                await websocket.send_bytes(message)
                return await websocket.receive_bytes()

            yield echo

    return opened


@asynccontextmanager
async def _websockets(url: str) -> AsyncIterator[Echo]:
    async with connect(
        url, compression=None, max_size=None, ping_interval=None, proxy=None
    ) as websocket:

        async def echo(message: bytes) -> Any:
            await websocket.send(message)
            return await websocket.recv()

        yield echo


def _variant(name: str, client: Open, size: int) -> Variant:
    message = bytes(range(256)) * (size // 256) or bytes(range(size))

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        with serving() as ports:
            async with client(f"ws://127.0.0.1:{ports.websocket}/") as echo:

                async def run(count: int) -> None:
                    for _ in range(count):
                        if await echo(message) != message:
                            raise AssertionError("this is not what was sent")

                yield run

    return Variant(name, on_a_loop(opened))


def _case(name: str, size: int) -> Case:
    return Case(
        f"websocket-{name}",
        f"send a binary message of {size:,} octets and receive it",
        (
            _variant("whimbrel", _session(whimbrel), size),
            _variant("aiohttp", _session(aiohttp), size),
            _variant("websockets", _websockets, size),
        ),
    )


CASES = (_case("32B", 32), _case("64KiB", 64 * 1024))
