from __future__ import annotations

import asyncio
import socket
import ssl
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
import trustme

from whimbrel_connector import AddressRefused, BaseConnector, Fingerprint, TCPConnector


def test_properties() -> None:
    connector = TCPConnector(limit=None, limit_per_host=7, force_close=True, family=socket.AF_INET)
    assert (connector.limit, connector.limit_per_host, connector.force_close) == (0, 7, True)
    assert connector.family == socket.AF_INET
    assert not connector.closed
    assert BaseConnector().limit == 100


@pytest.mark.parametrize(
    "options",
    [
        {"force_close": True, "keepalive_timeout": 5.0},
        {"limit": -1},
        {"limit_per_host": -1},
        {"dns_cache_max_size": 0},
        {"ssl_shutdown_timeout": -1},
        {"ssl_shutdown_timeout": float("nan")},
        {"happy_eyeballs_delay": -0.1},
        {"happy_eyeballs_delay": float("nan")},
        {"max_connection_age": 0},
        {"max_connection_age_jitter": 2},
        {"max_requests_per_connection": 0},
        {"ssl": False, "fingerprint": bytes(32)},
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_options_that_make_no_sense(options: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        TCPConnector(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"enable_cleanup_closed": True}, "enable_cleanup_closed is deprecated"),
        ({"verify_ssl": False}, "verify_ssl is deprecated, use ssl"),
        ({"fingerprint": bytes(32)}, "fingerprint is deprecated, use ssl"),
    ],
)
def test_deprecated_options_warn_here(options: Any, message: str) -> None:
    with pytest.warns(DeprecationWarning, match=message) as caught:
        TCPConnector(**options)
    assert caught[0].filename == __file__


async def test_ssl_of_the_endpoint_wins(
    serving: Any, server_tls: Any, authority: trustme.CA
) -> None:
    async with (
        serving(tls=server_tls()) as server,
        TCPConnector(ssl=Fingerprint(bytes(32))) as connector,
    ):
        endpoint = server.endpoint(is_ssl=True, ssl=False)
        (await connector.acquire(endpoint)).close()


async def test_dns_cache(serving: Any) -> None:
    async with serving() as server, TCPConnector(family=socket.AF_INET) as connector:
        key = ("localhost", server.port)
        assert connector.dns_cache
        assert connector.use_dns_cache
        for _ in range(2):
            (await connector.acquire(server.endpoint(host="localhost"))).close()
        assert list(connector.cached_hosts) == [key]
        assert connector.cached_hosts[key][0]["host"] == "127.0.0.1"
        connector.clear_dns_cache("localhost", 1)
        assert connector.cached_hosts
        connector.clear_dns_cache(*key)
        assert not connector.cached_hosts
        (await connector.acquire(server.endpoint(host="localhost"))).close()
        connector.clear_dns_cache()
        assert not connector.cached_hosts
        with pytest.raises(ValueError, match="both"):
            connector.clear_dns_cache("localhost")


async def test_without_dns_cache() -> None:
    async with TCPConnector(use_dns_cache=False) as connector:
        assert not connector.dns_cache
        assert not connector.use_dns_cache
        assert not connector.cached_hosts
        connector.clear_dns_cache()


async def test_address_filter_is_asked_each_time_a_connection_is_opened(serving: Any) -> None:
    asked: list[tuple[str, str]] = []

    def refuse_second(address: IPv4Address | IPv6Address, host: str) -> bool:
        asked.append((str(address), host))
        return len(asked) == 1

    async with serving() as server, TCPConnector(address_filter=refuse_second) as connector:
        (await connector.acquire(server.endpoint())).close()
        with pytest.raises(AddressRefused):
            await connector.acquire(server.endpoint())
    assert asked == [("127.0.0.1", "127.0.0.1")] * 2


@pytest.mark.parametrize(("timeout", "least"), [(None, 0.0), (0, 0.0), (0.2, 0.2)])
async def test_ssl_shutdown_timeout_is_how_long_close_waits(
    serving: Any, server_tls: Any, trusting: ssl.SSLContext, timeout: float | None, least: float
) -> None:
    """For a peer that reads nothing, and so does not answer our close_notify."""

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one to read from
        await asyncio.get_running_loop().create_future()

    async with serving(deaf, tls=server_tls()) as server:
        connector = TCPConnector(ssl=trusting, ssl_shutdown_timeout=timeout)
        connection = await connector.acquire(server.endpoint(is_ssl=True, host="localhost"))
        loop = asyncio.get_running_loop()
        while not server.writers:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        began = loop.time()
        await connector.close()
        assert least <= loop.time() - began + 0.01 < least + 0.5
        connection.release()
