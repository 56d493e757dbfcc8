from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

import pytest

from whimbrel_connector import AsyncResolver, DefaultResolver, ThreadedResolver
from whimbrel_connector.interfaces import Resolver
from whimbrel_connector.resolver import _results

HAS_AIODNS = find_spec("aiodns") is not None


@pytest.fixture(params=[ThreadedResolver, AsyncResolver])
async def resolver(request: Any) -> AsyncIterator[Any]:
    if request.param is AsyncResolver and not HAS_AIODNS:
        pytest.skip("aiodns is not installed")
    made = request.param()
    assert isinstance(made, Resolver)
    yield made
    await made.close()


async def test_finds_the_addresses_of_a_name(resolver: Any) -> None:
    found = await resolver.resolve("localhost", 8080, socket.AF_INET)
    assert {result["host"] for result in found} == {"127.0.0.1"}
    assert {(result["hostname"], result["port"]) for result in found} == {("localhost", 8080)}
    assert {result["family"] for result in found} == {socket.AF_INET}


async def test_no_address_of_that_family_is_an_os_error() -> None:
    # An address of the other family, since a name would be asked for outside this machine.
    with pytest.raises(OSError, match=r"\w"):
        await ThreadedResolver().resolve("127.0.0.1", 80, socket.AF_INET6)


class NameServer(asyncio.DatagramProtocol):
    """Knows one name (RFC 1035 section 4.1); of every other one it says that there is none."""

    NAME = b"\x04bird\x04test\x00"

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        name = data[12 : data.index(b"\0", 12) + 1]
        question = data[12 : 12 + len(name) + 4]
        self.asked.append(name)
        known = name.lower() == self.NAME and question[-4:-2] == b"\0\1"
        head = data[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\1"
        if known:
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([127, 0, 0, 5])
            self.transport.sendto(head + b"\0\1\0\0\0\0" + question + record, addr)
        else:
            self.transport.sendto(head + bytes(6) + question, addr)


@pytest.mark.skipif(not HAS_AIODNS, reason="aiodns is not installed")
async def test_aiodns_asks_the_name_server_it_is_told() -> None:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    resolver = AsyncResolver(nameservers=["127.0.0.1"], udp_port=port, tcp_port=port, tries=1)
    try:
        found = await resolver.resolve("bird.test", 80, socket.AF_INET)
        assert [result["host"] for result in found] == ["127.0.0.5"]
        with pytest.raises(OSError, match=r"\w"):
            await resolver.resolve("none.test", 80, socket.AF_INET)
        assert server.asked
    finally:
        await resolver.close()
        transport.close()


def test_default_is_asynchronous_where_it_can_be() -> None:
    assert DefaultResolver is (AsyncResolver if HAS_AIODNS else ThreadedResolver)


@pytest.mark.skipif(HAS_AIODNS, reason="aiodns is installed")
def test_missing_aiodns_is_told_with_its_remedy() -> None:
    with pytest.raises(RuntimeError, match=r"pip install whimbrel-connector\[dns\]"):
        AsyncResolver()


def test_other_families_are_left_out_and_zones_are_kept() -> None:
    found = [
        (socket.AF_UNIX, 0, ("/run/s",)),
        (socket.AF_INET6, 6, ("fe80::1", 80, 0, 3)),
        (socket.AF_INET6, 6, (b"::1", 80, 0, 0)),
    ]
    assert [result["host"] for result in _results("name", 80, found)] == ["fe80::1%3", "::1"]


def test_no_address_at_all_is_an_os_error() -> None:
    with pytest.raises(OSError, match="no address for 'name'"):
        _results("name", 80, [])
