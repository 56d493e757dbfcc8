from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from whimbrel_connector._dns_cache import AddressCache, Lookups, literal
from whimbrel_connector.interfaces import Resolver, ResolveResult


def address(host: str = "127.0.0.1", hostname: str = "name", port: int = 80) -> Any:
    return ResolveResult(
        hostname=hostname, host=host, port=port, family=socket.AF_INET, proto=0, flags=0
    )


class Book:
    """A resolver that answers from a book, when it is let to."""

    def __init__(self, **names: Any) -> None:
        self.names = names
        self.asked: list[tuple[str, int, int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.cancelled = 0

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> Any:
        self.asked.append((host, port, family))
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if host not in self.names:
            raise OSError(None, "not in the book")
        return [address(entry, host, port) for entry in self.names[host]]

    async def close(self) -> None:
        pass


def lookups(book: Any, family: int = 0, ttl: float = 10.0) -> Any:
    assert isinstance(book, Resolver)
    return Lookups(book, family, AddressCache(ttl, 100))


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_canonical_address_is_one(host: str, family: int) -> None:
    result = literal(host, 80)
    assert result is not None
    assert (result["host"], result["port"], result["family"]) == (host, 80, family)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "127.1", "0177.0.0.1", "0x7f.0.0.1", "127.0.0.01", "0", "127.0.0.1.",
        "::0001", "0:0:0:0:0:0:0:1", "::FFFF", "fe80::1%1", "[::1]", "localhost", "", " 127.0.0.1",
    ],
)  # fmt: skip
def test_anything_else_is_looked_up(host: str) -> None:
    assert literal(host, 80) is None


async def test_every_other_form_of_an_address_reaches_the_resolver() -> None:
    book = Book()
    with pytest.raises(OSError, match="not in the book"):
        await lookups(book).resolve("2130706433", 80)
    assert book.asked == [("2130706433", 80, 0)]


def test_cache_forgets_after_its_time() -> None:
    cache = AddressCache(10.0, 5)
    cache.put(("name", 80), [address()], 100.0)
    assert cache.get(("name", 80), 109.9) == [address()]
    assert cache.get(("name", 81), 109.9) is None
    assert cache.get(("name", 80), 110.0) is None
    assert not cache.view()


def test_cache_without_a_time_never_forgets() -> None:
    cache = AddressCache(None, 5)
    cache.put(("name", 80), [address()], 0.0)
    assert cache.get(("name", 80), 1e12) == [address()]


def test_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache = AddressCache(None, 2)
    for name in ("one", "two"):
        cache.put((name, 80), [address()], 0.0)
    cache.get(("one", 80), 0.0)
    cache.put(("three", 80), [address()], 0.0)
    assert set(cache.view()) == {("one", 80), ("three", 80)}
    cache.remove(("one", 80))
    cache.remove(("one", 80))
    assert set(cache.view()) == {("three", 80)}
    cache.clear()
    assert not cache.view()


async def test_answer_is_remembered_and_failure_is_not() -> None:
    book = Book(name=["127.0.0.1"])
    look = lookups(book)
    for _ in range(2):
        assert [found["host"] for found in await look.resolve("name", 80)] == ["127.0.0.1"]
        with pytest.raises(OSError, match="not in the book"):
            await look.resolve("nobody", 80)
    assert [host for host, _, _ in book.asked] == ["name", "nobody", "nobody"]


async def test_without_a_cache_every_lookup_is_made() -> None:
    book = Book(name=["127.0.0.1"])
    look = Lookups(book, socket.AF_INET, None)
    await look.resolve("name", 80)
    await look.resolve("name", 80)
    assert book.asked == [("name", 80, socket.AF_INET)] * 2


async def test_empty_answer_is_an_error() -> None:
    with pytest.raises(OSError, match="no address for 'name'"):
        await lookups(Book(name=[])).resolve("name", 80)


async def test_literal_of_another_family_is_an_error() -> None:
    with pytest.raises(OSError, match="::1 is not an address of the connector's family"):
        await lookups(Book(), socket.AF_INET).resolve("::1", 80)


async def test_equal_lookups_are_made_once(turns: Any) -> None:
    book = Book(name=["127.0.0.1"])
    book.open.clear()
    look = lookups(book)
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(3)]
    await turns()
    book.open.set()
    assert len({id(found) for found in await asyncio.gather(*tasks)}) == 1
    assert len(book.asked) == 1


async def test_cancelling_one_of_several_leaves_the_lookup_to_the_others(turns: Any) -> None:
    book = Book(name=["127.0.0.1"])
    book.open.clear()
    look = lookups(book)
    first, second = (asyncio.ensure_future(look.resolve("name", 80)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    book.open.set()
    assert await second
    assert first.cancelled()
    assert book.cancelled == 0


async def test_cancelling_the_last_one_ends_the_lookup(turns: Any) -> None:
    book = Book(name=["127.0.0.1"])
    book.open.clear()
    look = lookups(book)
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(2)]
    await turns()
    for task in tasks:
        task.cancel()
    await turns()
    assert book.cancelled == 1
    book.open.set()
    assert await look.resolve("name", 80), "a new look-up does not join the one that ended"


async def test_failure_reaches_all_who_joined(turns: Any) -> None:
    book = Book()
    book.open.clear()
    look = lookups(book)
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(2)]
    await turns()
    book.open.set()
    for task in tasks:
        with pytest.raises(OSError, match="not in the book"):
            await task


async def test_close_ends_what_runs(turns: Any) -> None:
    book = Book(name=["127.0.0.1"])
    book.open.clear()
    look = lookups(book)
    task = asyncio.ensure_future(look.resolve("name", 80))
    await turns()
    await look.close()
    assert book.cancelled == 1
    with pytest.raises(asyncio.CancelledError):
        await task
