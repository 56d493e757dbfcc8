from __future__ import annotations

import asyncio
import gc
import socket
import traceback
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_connector._dns_cache import AddressCache, Answer, Lookups, literal
from whimbrel_connector.interfaces import Resolver, ResolveResult
from whimbrel_connector.testing import ScriptedResolver


def address(host: Any = "127.0.0.1", hostname: str = "name", port: int = 80) -> Any:
    family = socket.AF_INET6 if ":" in str(host) else socket.AF_INET
    return ResolveResult(hostname=hostname, host=host, port=port, family=family, proto=0, flags=0)


def answer(*hosts: str) -> Answer:
    return Answer([address(host) for host in hosts or ("127.0.0.1",)])


def hosts(found: list[ResolveResult]) -> list[str]:
    return [entry["host"] for entry in found]


def lookups(resolver: Resolver, family: int = 0, ttl: float | None = 10.0) -> Lookups:
    return Lookups(resolver, family, AddressCache(ttl, 100))


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        ("::1", socket.AF_INET6),
        ("2001:db8::1:0:0:1", socket.AF_INET6),
        ("::ffff:127.0.0.1", socket.AF_INET6),
        ("::ffff:7f00:1", socket.AF_INET6),
        ("::ffff:0:1", socket.AF_INET6),
    ],
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
        "::ffff:7F00:1", "::ffff:7f00:0001", "0::ffff:127.0.0.1", "::ffff:127.1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_anything_else_is_looked_up(host: str) -> None:
    assert literal(host, 80) is None


async def test_every_other_form_of_an_address_reaches_the_resolver() -> None:
    resolver = ScriptedResolver()
    with pytest.raises(OSError, match="'2130706433' does not exist"):
        await lookups(resolver).resolve("2130706433", 80)
    assert resolver.asked == [("2130706433", 80, 0)]


# The addresses of one name


def test_addresses_take_turns() -> None:
    found = answer("192.0.2.1", "192.0.2.2", "192.0.2.3")
    firsts = [hosts(found.hand_out()) for _ in range(4)]
    assert [first[0][-1] for first in firsts] == ["1", "2", "3", "1"]
    assert firsts[1] == ["192.0.2.2", "192.0.2.3", "192.0.2.1"]


def test_which_family_comes_first_does_not_change() -> None:
    found = Answer(
        [address("::1"), address("192.0.2.1"), address("::2"), address("::3"), address("192.0.2.2")]
    )
    assert [hosts(found.hand_out()) for _ in range(3)] == [
        ["::1", "192.0.2.1", "::2", "::3", "192.0.2.2"],
        ["::2", "192.0.2.2", "::3", "::1", "192.0.2.1"],
        ["::3", "192.0.2.1", "::1", "::2", "192.0.2.2"],
    ]


@given(st.lists(st.integers(0, 2**128 - 1), min_size=1, unique=True), st.integers(0, 20))
def test_no_turn_loses_an_address(numbers: list[int], turns: int) -> None:
    given = [address(str(ip_address(number))) for number in numbers]
    found = Answer(given)
    for _ in range(turns):
        found.hand_out()
    out = found.addresses()
    assert sorted(hosts(out)) == sorted(hosts(given))
    assert [entry["family"] for entry in out] == [entry["family"] for entry in given]


# The cache


def test_cache_forgets_after_its_time() -> None:
    cache = AddressCache(10.0, 5)
    known = answer()
    cache.put(("name", 80), known, 100.0)
    assert cache.get(("name", 80), 109.9) is known
    assert cache.get(("name", 81), 109.9) is None
    assert cache.get(("name", 80), 110.0) is None
    assert not cache.view()


def test_cache_without_a_time_never_forgets() -> None:
    cache = AddressCache(None, 5)
    cache.put(("name", 80), answer(), 0.0)
    assert cache.get(("name", 80), 1e12) is not None


def test_cache_with_no_time_remembers_nothing() -> None:
    cache = AddressCache(0, 5)
    cache.put(("name", 80), answer(), 0.0)
    assert not cache.view()


@pytest.mark.parametrize("ttl", [-1, -0.001, float("nan")])
def test_time_that_makes_no_sense_is_refused(ttl: float) -> None:
    with pytest.raises(ValueError, match="ttl_dns_cache must be None, 0 or more seconds, not"):
        AddressCache(ttl, 5)


@pytest.mark.parametrize("size", [0, -1])
def test_size_that_makes_no_sense_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="dns_cache_max_size must be at least 1, not"):
        AddressCache(10.0, size)


def test_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache = AddressCache(None, 2)
    for name in ("one", "two"):
        cache.put((name, 80), answer(), 0.0)
    cache.get(("one", 80), 0.0)
    cache.put(("three", 80), answer(), 0.0)
    assert set(cache.view()) == {("one", 80), ("three", 80)}
    cache.remove(("one", 80))
    cache.remove(("one", 80))
    assert set(cache.view()) == {("three", 80)}
    cache.clear()
    assert not cache.view()


def test_view_is_a_copy_that_takes_nobodys_turn() -> None:
    cache = AddressCache(None, 2)
    known = answer("192.0.2.1", "192.0.2.2")
    cache.put(("name", 80), known, 0.0)
    seen = cache.view()["name", 80]
    seen[0]["host"] = "203.0.113.1"
    seen.clear()
    assert hosts(cache.view()["name", 80]) == hosts(known.hand_out()) == ["192.0.2.1", "192.0.2.2"]


# Look-ups


async def test_answer_is_remembered_and_failure_is_not() -> None:
    resolver = ScriptedResolver({"name": ["127.0.0.1"]})
    look = lookups(resolver)
    for _ in range(2):
        assert hosts(await look.resolve("name", 80)) == ["127.0.0.1"]
        with pytest.raises(OSError, match="'nobody' does not exist"):
            await look.resolve("nobody", 80)
    assert [host for host, _, _ in resolver.asked] == ["name", "nobody", "nobody"]


async def test_what_is_remembered_can_be_asked_for() -> None:
    look = lookups(ScriptedResolver({"name": ["127.0.0.1"]}))
    assert look.cached("name", 80) is None
    await look.resolve("name", 80)
    assert hosts(look.cached("name", 80) or []) == ["127.0.0.1"]
    assert look.cached("name", 81) is None
    await look.resolve("127.0.0.1", 80)
    assert look.cached("127.0.0.1", 80) is None


async def test_what_a_caller_or_the_resolver_does_to_a_list_changes_no_answer() -> None:
    class Keeping(ScriptedResolver):
        """Keeps the list that it returned."""

        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            self.kept = await super().resolve(host, port, family)
            return self.kept

    resolver = Keeping({"name": ["192.0.2.1"]})
    look = lookups(resolver)
    (await look.resolve("name", 80)).clear()
    resolver.kept[0]["host"] = "203.0.113.1"
    resolver.kept.clear()
    for _ in range(2):
        found = await look.resolve("name", 80)
        assert hosts(found) == ["192.0.2.1"]
        found.clear()


async def test_connections_spread_over_the_addresses_of_a_name(turns: Any) -> None:
    resolver = ScriptedResolver({"name": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]})
    resolver.hold()
    look = lookups(resolver)
    joined = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(3)]
    await turns()
    resolver.release()
    found = [*await asyncio.gather(*joined), await look.resolve("name", 80)]
    assert sorted(entry[0]["host"][-1] for entry in found[:3]) == ["1", "2", "3"]
    assert found[3][0] == found[0][0]


async def test_without_a_cache_every_lookup_is_made() -> None:
    resolver = ScriptedResolver({"name": ["127.0.0.1"]})
    look = Lookups(resolver, socket.AF_INET, None)
    await look.resolve("name", 80)
    await look.resolve("name", 80)
    assert resolver.asked == [("name", 80, socket.AF_INET)] * 2
    assert look.cached("name", 80) is None


async def test_without_time_to_remember_running_lookups_are_joined(turns: Any) -> None:
    resolver = ScriptedResolver({"name": ["127.0.0.1"]})
    resolver.hold()
    look = lookups(resolver, ttl=0)
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(3)]
    await turns()
    resolver.release()
    await asyncio.gather(*tasks)
    assert len(resolver.asked) == 1
    await look.resolve("name", 80)
    assert len(resolver.asked) == 2


async def test_empty_answer_is_an_error() -> None:
    class Empty(ScriptedResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            return []

    with pytest.raises(socket.gaierror, match="'name' has no address"):
        await lookups(Empty()).resolve("name", 80)
    with pytest.raises(socket.gaierror, match="'name' has no IPv6 address"):
        await lookups(Empty(), socket.AF_INET6).resolve("name", 80)


async def test_literal_of_another_family_is_an_error() -> None:
    with pytest.raises(OSError, match="::1 is not an address of the connector's family"):
        await lookups(ScriptedResolver(), socket.AF_INET).resolve("::1", 80)


class Raw(ScriptedResolver):
    """Answers with just what it is given."""

    def __init__(self, *found: Any) -> None:
        super().__init__()
        self.found = list(found)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return self.found


@pytest.mark.parametrize(
    "text",
    [
        "localhost", "metadata.google.internal", "127.1", "2130706433", "0177.0.0.1", "", "::1%",
        "[::1]", "127.0.0.1 ", "127.0.0.1\n", 2130706433, b"\x7f\0\0\1", None,
    ],
)  # fmt: skip
@pytest.mark.parametrize("cached", [True, False])
async def test_what_is_no_address_goes_no_further(text: Any, cached: bool) -> None:
    resolver = Raw(address("192.0.2.1"), address(text))
    look = Lookups(resolver, 0, AddressCache(None, 1) if cached else None)
    with pytest.raises(OSError, match=r"the resolver's answer for 'name' has .*, no IP address"):
        await look.resolve("name", 80)
    assert look.cached("name", 80) is None


@pytest.mark.parametrize("port", [-1, 65536, 65536 + 80, None, "http", 80.0])
async def test_a_port_that_there_is_not_goes_no_further(port: Any) -> None:
    answer = {**address("192.0.2.1"), "port": port}
    with pytest.raises(OSError, match=r"the resolver's answer for 'name' has the port .*, which"):
        await Lookups(Raw(answer), 0, None).resolve("name", 80)


async def test_what_is_no_address_is_shown_in_part() -> None:
    with pytest.raises(OSError, match="no IP address") as caught:
        await lookups(Raw(address("x" * 10_000))).resolve("y" * 10_000, 80)
    assert len(str(caught.value)) < 300


async def test_the_family_of_an_address_is_what_it_is() -> None:
    wrong = address("::1")
    wrong["family"] = socket.AF_INET
    [found] = await lookups(Raw(wrong)).resolve("name", 80)
    assert found["family"] == socket.AF_INET6


async def test_addresses_of_another_family_are_left_out() -> None:
    raw = Raw(address("::1"), address("127.0.0.1"))
    assert hosts(await lookups(raw, socket.AF_INET).resolve("name", 80)) == ["127.0.0.1"]
    with pytest.raises(socket.gaierror, match="'name' has no IPv4 address"):
        await lookups(Raw(address("::1")), socket.AF_INET).resolve("name", 80)


async def test_zone_and_port_of_an_answer_are_kept() -> None:
    [found] = await lookups(Raw(address("fe80::1%3", port=8080))).resolve("name", 80)
    assert (found["host"], found["port"]) == ("fe80::1%3", 8080)


# Looking up together


async def test_equal_lookups_are_made_once(turns: Any) -> None:
    resolver = ScriptedResolver({"name": ["127.0.0.1"]})
    resolver.hold()
    look = lookups(resolver)
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(3)]
    await turns()
    resolver.release()
    found = await asyncio.gather(*tasks)
    assert len(resolver.asked) == 1
    assert len({id(addresses) for addresses in found}) == 3, "each has a list of its own"


async def test_cancelling_one_of_several_leaves_the_lookup_to_the_others(turns: Any) -> None:
    resolver = ScriptedResolver({"name": ["127.0.0.1"]})
    resolver.hold()
    look = lookups(resolver)
    first, second = (asyncio.ensure_future(look.resolve("name", 80)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    resolver.release()
    assert await second
    assert first.cancelled()
    assert not resolver.cancelled


async def test_cancelling_the_last_one_ends_the_lookup(turns: Any) -> None:
    resolver = ScriptedResolver({"name": ["127.0.0.1"]})
    resolver.hold()
    look = lookups(resolver)
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(2)]
    await turns()
    for task in tasks:
        task.cancel()
    await turns()
    assert resolver.cancelled == ["name"]
    resolver.release()
    assert await look.resolve("name", 80), "a new look-up does not join the one that ended"


async def test_lookup_that_comes_while_a_cancelled_one_ends_is_a_new_one(turns: Any) -> None:
    class Slow(ScriptedResolver):
        """Takes its time to be cancelled, and then fails in another way."""

        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            try:
                return await super().resolve(host, port, family)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                raise OSError(None, "cancelled") from None

    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    resolver = Slow({"name": ["127.0.0.1"]})
    resolver.hold()
    look = lookups(resolver)
    first = asyncio.ensure_future(look.resolve("name", 80))
    await turns()
    first.cancel()
    await resolver.until(lambda: bool(resolver.cancelled))
    second = asyncio.ensure_future(look.resolve("name", 80))
    await turns()
    third = asyncio.ensure_future(look.resolve("name", 80))
    await turns()
    resolver.release()
    assert await second
    assert await third
    assert first.cancelled()
    assert len(resolver.asked) == 2, "the third joins the second, which the first does not end"
    del first
    gc.collect()
    assert not reported, "nobody is left to hear of the first one's failure"


async def test_failure_reaches_all_who_joined_each_with_a_traceback_of_its_own(turns: Any) -> None:
    resolver = ScriptedResolver()
    resolver.hold()
    look = lookups(resolver)
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(9)]
    await turns()
    resolver.release()
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(failure) for failure in failures} == {socket.gaierror}
    assert len({id(failure) for failure in failures}) == 9
    shown = ["".join(traceback.format_exception(failure)) for failure in failures]  # type: ignore[arg-type]  # they are
    assert len(set(shown)) == 1
    assert shown[0].count("in resolve") == 2, "of the waiter and of the resolver"
    assert len(resolver.asked) == 1


class PeculiarError(OSError):
    """An error that is not made of its arguments."""

    def __init__(self, name: str, *, why: str) -> None:
        super().__init__(f"{name}: {why}")


class PrefixingError(OSError):
    """An error that a copy would say twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no {name}")


@pytest.mark.parametrize("failure", [PeculiarError("name", why="because"), PrefixingError("name")])
async def test_failure_that_cannot_be_copied_is_raised_itself(failure: OSError, turns: Any) -> None:
    class Failing(ScriptedResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            await asyncio.sleep(0)
            raise failure

    look = lookups(Failing())
    tasks = [asyncio.ensure_future(look.resolve("name", 80)) for _ in range(2)]
    assert await asyncio.gather(*tasks, return_exceptions=True) == [failure, failure]


async def test_cause_of_a_failure_is_kept(turns: Any) -> None:
    class Failing(ScriptedResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            raise OSError(5, "broken") from ZeroDivisionError("the cause")

    with pytest.raises(OSError, match="broken") as caught:
        await lookups(Failing()).resolve("name", 80)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.errno == 5


async def test_resolver_that_cancels_itself_is_a_failure_and_cancels_nobody() -> None:
    class Cancelling(ScriptedResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            raise asyncio.CancelledError

    with pytest.raises(OSError, match="the look-up of 'name' was cancelled"):
        await lookups(Cancelling()).resolve("name", 80)


async def test_close_ends_what_runs(turns: Any) -> None:
    resolver = ScriptedResolver({"name": ["127.0.0.1"]})
    resolver.hold()
    look = lookups(resolver)
    task = asyncio.ensure_future(look.resolve("name", 80))
    await turns()
    await look.close()
    assert resolver.cancelled == ["name"]
    with pytest.raises(OSError, match="the look-up of 'name' was cancelled"):
        await task
