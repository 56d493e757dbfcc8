from __future__ import annotations

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


async def test_unknown_name_is_an_os_error(resolver: Any) -> None:
    with pytest.raises(OSError, match=r"\w"):
        await resolver.resolve("no-such-name.invalid", 80)


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
