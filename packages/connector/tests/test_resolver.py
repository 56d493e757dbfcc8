from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
import sys
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import pytest

from whimbrel_connector import AsyncResolver, DefaultResolver, ThreadedResolver
from whimbrel_connector.interfaces import Resolver
from whimbrel_connector.resolver import _results
from whimbrel_connector.testing import check_resolver

HAS_AIODNS = find_spec("aiodns") is not None
needs_aiodns = pytest.mark.skipif(not HAS_AIODNS, reason="aiodns is not installed")

# The system answers for these without asking anybody: a test must not ask a real name server.
KNOWN = "localhost"
TOO_LONG = "x" * 64

SILENCE = -1
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5  # RFC 1035, section 4.1.1
TYPES = {1: socket.AF_INET, 28: socket.AF_INET6}  # RFC 1035, section 3.2.2; RFC 3596


TABLE: dict[str, int | list[str]] = {
    "bird.test": ["127.0.0.5", "127.0.0.6", "::1"],
    "old.test": ["127.0.0.5"],
    "new.test": ["::1"],
    "bare.test": [],
    "broken.test": SERVFAIL,
    "private.test": REFUSED,
    "silent.test": SILENCE,
}


class NameServer(asyncio.DatagramProtocol):
    """Answers by the table (RFC 1035, section 4.1); what is not in there does not exist."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.heard = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        end = data.index(b"\0", 12) + 5
        kind = struct.unpack_from("!H", data, end - 4)[0]
        name = self.name_of(data[12 : end - 5])
        self.asked.append((name, kind))
        self.heard.set()
        entry = TABLE.get(name, NXDOMAIN)
        if entry == SILENCE:
            return
        records = []
        if not isinstance(entry, int):
            family = TYPES[kind]
            for text in entry:
                with suppress(OSError):  # of the other family
                    packed = socket.inet_pton(family, text)
                    records.append(struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(packed)) + packed)
        code = entry if isinstance(entry, int) else NOERROR
        head = struct.pack("!2sHHHHH", data[:2], 0x8180 | code, 1, len(records), 0, 0)
        self.transport.sendto(head + data[12:end] + b"".join(records), addr)

    @staticmethod
    def name_of(encoded: bytes) -> str:
        labels = []
        while encoded:
            size = encoded[0]
            labels.append(encoded[1 : 1 + size].decode("ascii").lower())
            encoded = encoded[1 + size :]
        return ".".join(labels)


Make = Callable[..., AsyncResolver]


@pytest.fixture
async def name_server() -> AsyncIterator[NameServer]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    yield server
    transport.close()


@pytest.fixture
def asking(name_server: NameServer) -> Make:
    """Makes a resolver that asks the name server of the test."""
    port = name_server.transport.get_extra_info("sockname")[1]

    def make() -> AsyncResolver:
        return AsyncResolver(
            nameservers=["127.0.0.1"], udp_port=port, tcp_port=port, tries=1, timeout=0.2
        )

    return make


def hosts(found: Any) -> list[str]:
    return [entry["host"] for entry in found]


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


# The contract


async def test_threaded_resolver_keeps_the_contract() -> None:
    assert isinstance(ThreadedResolver(), Resolver)
    await check_resolver(ThreadedResolver, known=KNOWN, unknown=TOO_LONG)


@needs_aiodns
@pytest.mark.parametrize("known", ["bird.test", "old.test", "new.test", KNOWN])
async def test_async_resolver_keeps_the_contract(asking: Make, known: str) -> None:
    assert isinstance(asking(), Resolver)
    await check_resolver(asking, known=known, unknown="none.test")


@needs_aiodns
async def test_shared_async_resolver_keeps_the_contract() -> None:
    await check_resolver(AsyncResolver, known=KNOWN, unknown=TOO_LONG)


async def test_threaded_resolver_restricts_the_family() -> None:
    found = await ThreadedResolver().resolve(KNOWN, 8080, socket.AF_INET)
    assert hosts(found) == ["127.0.0.1"]


# Failures


@pytest.mark.parametrize(
    ("host", "family", "code", "text"),
    [
        (TOO_LONG, 0, socket.EAI_NONAME, f"the name '{TOO_LONG}' does not exist"),
        ("a..b", 0, socket.EAI_NONAME, "the name 'a..b' does not exist"),
        ("localhost\0.test", 0, socket.EAI_NONAME, r"the name 'localhost\x00.test' does not exist"),
        ("", 0, socket.EAI_NONAME, "the name '' does not exist"),
        (
            "127.0.0.1", socket.AF_INET6, socket.EAI_ADDRFAMILY,
            "the name '127.0.0.1' has no IPv6 address",
        ),
    ],
)  # fmt: skip
async def test_threaded_resolver_says_what_is_wrong(
    host: str, family: int, code: int, text: str
) -> None:
    with pytest.raises(socket.gaierror) as caught:
        await ThreadedResolver().resolve(host, 80, family)
    assert (caught.value.errno, caught.value.strerror) == (code, text)


@needs_aiodns
@pytest.mark.parametrize(
    ("host", "family", "code", "text"),
    [
        ("none.test", 0, socket.EAI_NONAME, "the name 'none.test' does not exist"),
        ("none.test", socket.AF_INET, socket.EAI_NONAME, "the name 'none.test' does not exist"),
        ("bare.test", 0, socket.EAI_NODATA, "the name 'bare.test' has no address"),
        ("old.test", socket.AF_INET6, socket.EAI_NODATA, "the name 'old.test' has no IPv6 address"),
        ("new.test", socket.AF_INET, socket.EAI_NODATA, "the name 'new.test' has no IPv4 address"),
        ("127.0.0.1", socket.AF_INET6, socket.EAI_NODATA, "the name '127.0.0.1' has no IPv6 addr"),
        ("broken.test", 0, socket.EAI_AGAIN, "the look-up of 'broken.test' failed: "),
        ("private.test", 0, socket.EAI_FAIL, "the look-up of 'private.test' failed: "),
        ("silent.test", 0, socket.EAI_AGAIN, "the look-up of 'silent.test' failed: Timeout"),
        (TOO_LONG, 0, socket.EAI_NONAME, f"the name '{TOO_LONG}' does not exist"),
        ("bird.test\0.none", 0, socket.EAI_NONAME, r"the name 'bird.test\x00.none' does not"),
        ("", 0, socket.EAI_NONAME, "the name '' does not exist"),
        ("\ud800.test", 0, socket.EAI_NONAME, r"the name '\ud800.test' does not exist"),
        ("::1%nowhere", 0, socket.EAI_NONAME, "the name '::1%nowhere' does not exist"),
    ],
)
async def test_async_resolver_says_what_is_wrong(
    asking: Make, host: str, family: int, code: int, text: str
) -> None:
    resolver = asking()
    try:
        with pytest.raises(socket.gaierror) as caught:
            await resolver.resolve(host, 80, family)
        assert caught.value.errno == code
        assert caught.value.strerror is not None
        assert caught.value.strerror.startswith(text)
    finally:
        await resolver.close()


@needs_aiodns
async def test_name_server_that_is_not_there_is_a_failure_that_may_pass() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    resolver = AsyncResolver(
        nameservers=["127.0.0.1"], udp_port=port, tcp_port=port, tries=1, timeout=0.2
    )
    with pytest.raises(socket.gaierror, match=r"the look-up of 'bird\.test' failed: \w") as caught:
        await resolver.resolve("bird.test", 80)
    assert caught.value.errno == socket.EAI_AGAIN
    await resolver.close()


@needs_aiodns
async def test_name_server_that_can_be_none_is_an_os_error() -> None:
    resolver = AsyncResolver(nameservers=["no address"])
    with pytest.raises(OSError, match=r"aiodns cannot be set up: \w"):
        await resolver.resolve("bird.test", 80)
    await resolver.close()


# aiodns


@needs_aiodns
async def test_aiodns_asks_the_name_server_it_is_told(
    asking: Make, name_server: NameServer
) -> None:
    resolver = asking()
    found = await resolver.resolve("bird.test", 80)
    assert sorted(hosts(found)) == ["127.0.0.5", "127.0.0.6", "::1"]
    assert set(name_server.asked) == {("bird.test", kind) for kind in TYPES}
    await resolver.close()


@needs_aiodns
async def test_address_with_a_zone_is_the_systems(asking: Make, name_server: NameServer) -> None:
    index, name = socket.if_nameindex()[0]
    resolver = asking()
    for zone in (index, name):
        assert hosts(await resolver.resolve(f"fe80::1%{zone}", 80)) == [f"fe80::1%{index}"]
    assert not name_server.asked
    await resolver.close()


@needs_aiodns
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
async def test_all_of_a_loop_cost_as_much_as_one() -> None:
    before = threads()
    resolvers = [AsyncResolver() for _ in range(20)]
    assert threads() == before, "what is not used costs nothing"
    await asyncio.gather(*(resolver.resolve(KNOWN) for resolver in resolvers))
    # c-ares' thread, and that in which pycares closes channels.
    assert threads() <= before + 2
    for resolver in resolvers:
        await resolver.close()


@needs_aiodns
async def test_the_last_one_to_close_closes_what_they_share() -> None:
    first, second = AsyncResolver(), AsyncResolver()
    await first.resolve(KNOWN)
    await second.resolve(KNOWN)
    channel = second._channel
    assert channel is first._channel
    await first.close()
    await first.close()
    assert await second.resolve(KNOWN)
    third = AsyncResolver()
    await third.resolve(KNOWN)
    assert third._channel is channel
    await second.close()
    await third.close()
    assert channel is not None
    with pytest.raises(RuntimeError):
        await channel.resolver.getaddrinfo(KNOWN)
    fourth = AsyncResolver()
    assert await fourth.resolve(KNOWN), "there is a new one"
    await fourth.close()


@needs_aiodns
async def test_those_with_arguments_share_nothing(asking: Make) -> None:
    resolvers = [asking(), asking(), AsyncResolver()]
    for resolver in resolvers:
        await resolver.resolve(KNOWN)
    assert len({id(resolver._channel) for resolver in resolvers}) == 3
    for resolver in resolvers:
        await resolver.close()


@needs_aiodns
async def test_what_nobody_closes_ends_with_those_who_used_it() -> None:
    one, other = AsyncResolver(), AsyncResolver()
    await one.resolve(KNOWN)
    await other.resolve(KNOWN)
    assert one._channel is not None
    channel = weakref.ref(one._channel)
    await one.close()
    del one
    assert channel() is not None
    del other
    gc.collect()
    assert channel() is None


@needs_aiodns
def test_no_loop_gets_what_is_anothers() -> None:
    channels = []

    async def use() -> None:
        resolver = AsyncResolver()
        await resolver.resolve(KNOWN)
        channels.append(resolver._channel)
        await resolver.close()

    async def two_loops() -> None:
        resolver = AsyncResolver()
        await resolver.resolve(KNOWN)
        channels.append(resolver._channel)
        await asyncio.to_thread(asyncio.run, use())
        assert await resolver.resolve(KNOWN)
        await resolver.close()

    asyncio.run(two_loops())
    asyncio.run(use())
    assert len({id(channel) for channel in channels}) == 3


@needs_aiodns
def test_use_on_another_loop_is_told() -> None:
    resolver = AsyncResolver()
    assert asyncio.run(resolver.resolve(KNOWN))
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        asyncio.run(resolver.resolve(KNOWN))
    asyncio.run(resolver.close())


@needs_aiodns
async def test_use_after_close_is_told() -> None:
    resolver = AsyncResolver()
    await resolver.close()
    with pytest.raises(RuntimeError, match="this resolver is closed"):
        await resolver.resolve(KNOWN)


@needs_aiodns
async def test_close_ends_what_runs(asking: Make, name_server: NameServer) -> None:
    resolver = asking()
    task = asyncio.ensure_future(resolver.resolve("silent.test", 80))
    async with asyncio.timeout(5):
        await name_server.heard.wait()
    await resolver.close()
    with pytest.raises(socket.gaierror, match=r"the look-up of 'silent\.test' failed: \w"):
        await task


def test_default_is_asynchronous_where_it_can_be() -> None:
    assert DefaultResolver is (AsyncResolver if HAS_AIODNS else ThreadedResolver)


@pytest.mark.skipif(HAS_AIODNS, reason="aiodns is installed")
def test_missing_aiodns_is_told_with_its_remedy() -> None:
    with pytest.raises(RuntimeError, match=r"pip install whimbrel-connector\[dns\]"):
        AsyncResolver()


# The reference's `loop`

RESOLVERS = [ThreadedResolver, pytest.param(AsyncResolver, marks=needs_aiodns)]


@pytest.mark.parametrize("kind", RESOLVERS)
async def test_deprecated_loop_is_belonged_to(kind: Any) -> None:
    with pytest.warns(DeprecationWarning, match="loop is deprecated") as told:
        resolver = kind(asyncio.get_running_loop())
    assert told[0].filename == __file__
    assert "127.0.0.1" in hosts(await resolver.resolve(KNOWN, 80, socket.AF_INET))
    await resolver.close()
    other = asyncio.new_event_loop()
    with pytest.warns(DeprecationWarning, match="loop is deprecated"):
        resolver = kind(loop=other)
    other.close()
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        await resolver.resolve(KNOWN, 80)
    await resolver.close()


@needs_aiodns
async def test_arguments_for_aiodns_follow_the_loop(name_server: NameServer) -> None:
    port = name_server.transport.get_extra_info("sockname")[1]
    resolver = AsyncResolver(None, ["127.0.0.1"], udp_port=port, tcp_port=port)
    assert hosts(await resolver.resolve("old.test", 80)) == ["127.0.0.5"]
    await resolver.close()


async def test_resolver_derived_without_the_constructor_of_its_base() -> None:
    class Derived(ThreadedResolver):
        def __init__(self, allowed: str) -> None:
            self.allowed = allowed

    assert hosts(await Derived("all").resolve(KNOWN, 80))


# Answers


def test_other_families_are_left_out_and_zones_are_kept() -> None:
    found = [
        (socket.AF_UNIX, 0, ("/run/s",)),
        (socket.AF_INET, 6, ("127.0.0.1", 80)),
        (socket.AF_INET6, 6, ("fe80::1", 80, 0, 3)),
        (socket.AF_INET6, 6, (b"::1", 80, 0, 0)),
    ]
    assert hosts(_results("name", 80, 0, found)) == ["127.0.0.1", "fe80::1%3", "::1"]
    assert hosts(_results("name", 80, socket.AF_INET6, found)) == ["fe80::1%3", "::1"]


def test_no_address_at_all_is_an_os_error() -> None:
    with pytest.raises(socket.gaierror, match="'name' has no IPv6 address"):
        _results("name", 80, socket.AF_INET6, [])
