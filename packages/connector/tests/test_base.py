from __future__ import annotations

import asyncio
import socket
import ssl
from math import ceil, inf
from typing import Any

import pytest

from whimbrel_connector import (
    ConnectionTimeoutError,
    Endpoint,
    ResolveResult,
    TCPConnector,
)


async def use(connector: Any, endpoint: Endpoint, **options: Any) -> Any:
    """Lease a connection and give it back."""
    connection = await connector.acquire(endpoint)
    connection.release(**options)
    return connection


# Using connections again


async def test_connection_is_used_again(serving: Any, ask: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        endpoint = server.endpoint()
        assert connector.acquire_nowait(endpoint) is None
        await use(connector, endpoint)
        connection = connector.acquire_nowait(endpoint)
        assert connection is not None
        assert connection.reused
        assert await ask(connection.transport) == b"ping"
        connection.release()
        connection = await connector.acquire(endpoint)
        assert connection.reused
        connection.release()
    statistics = connector.statistics()
    assert (statistics.opened, statistics.reused) == (1, 2)


async def test_the_last_used_comes_first(serving: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        leases = [await connector.acquire(server.endpoint()) for _ in range(3)]
        transports = [lease.transport for lease in leases]
        for lease in leases:
            lease.release()
        again = connector.acquire_nowait(server.endpoint())
        assert again is not None
        assert again.transport is transports[-1]
        again.close()


@pytest.mark.parametrize("how", ["bytes", "end"])
@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("tls", [True, False])
async def test_anything_on_an_idle_connection_ends_it(  # noqa: PLR0917  # fixtures
    serving: Any,
    trusting: ssl.SSLContext,
    server_tls: Any,
    ask: Any,
    tls: bool,
    how: str,
    seen: bool,
) -> None:
    """Whether the loop has seen it or it is still in the kernel (desynchronised responses)."""
    async with (
        serving(tls=server_tls() if tls else None) as server,
        TCPConnector(ssl=trusting) as connector,
    ):
        endpoint = server.endpoint(is_ssl=tls, host="localhost")
        connection = await connector.acquire(endpoint)
        transport: Any = connection.transport
        assert await ask(transport) == b"ping"
        connection.release()
        if how == "bytes":
            server.writers[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            server.writers[0].get_extra_info("socket").shutdown(socket.SHUT_WR)
        if seen:
            await transport.wait_closed()
            assert connector.statistics().open == 0
        assert connector.acquire_nowait(endpoint) is None
        new = await connector.acquire(endpoint)
        assert not new.reused
        new.close()


async def test_tls_connections_are_used_again(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any, ask: Any
) -> None:
    """Session tickets come before the first answer has, so that they end no connection."""
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=trusting) as connector:
        endpoint = server.endpoint(is_ssl=True, host="localhost")
        for _ in range(200):
            connection = await connector.acquire(endpoint)
            assert await ask(connection.transport) == b"ping"
            connection.release()
        assert connector.statistics().opened == 1


async def test_bytes_that_waited_on_a_paused_tls_connection_make_it_unfit(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any, ask: Any, turns: Any
) -> None:
    """They are inside of TLS, where the kernel knows nothing of them."""
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=trusting) as connector:
        endpoint = server.endpoint(is_ssl=True, host="localhost")
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport) == b"ping"
        connection.transport.pause_reading()
        server.writers[0].write(b"HTTP/1.1 200 OK\r\n\r\n")
        await turns()
        connection.release()
        assert connector.acquire_nowait(endpoint) is None


async def test_paused_tls_connection_with_nothing_waiting_is_used_again(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any, ask: Any, turns: Any
) -> None:
    async with serving(tls=server_tls()) as server, TCPConnector(ssl=trusting) as connector:
        endpoint = server.endpoint(is_ssl=True, host="localhost")
        connection = await connector.acquire(endpoint)
        assert await ask(connection.transport) == b"ping"
        connection.transport.pause_reading()
        connection.release()
        await turns()
        again = connector.acquire_nowait(endpoint)
        assert again is not None
        assert await ask(again.transport) == b"ping"
        again.close()


async def test_granted_connection_that_turns_out_unfit_is_replaced(
    serving: Any, turns: Any, ask: Any
) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        endpoint = server.endpoint()
        connection = await connector.acquire(endpoint)
        await turns()
        waiting = asyncio.ensure_future(connector.acquire(endpoint))
        await turns()
        connection.release()  # grants it to the waiter, who has not run yet
        server.writers[0].write(b"too early")
        new = await waiting
        assert not new.reused
        assert await ask(new.transport) == b"ping"
        new.close()


async def test_fresh_connection_is_none_that_was_used_before(serving: Any, ask: Any) -> None:
    """Idle ones of the endpoint are closed, those of others are kept."""
    async with serving() as server, serving() as other, TCPConnector() as connector:
        leases = [await connector.acquire(server.endpoint()) for _ in range(3)]
        old: list[Any] = [lease.transport for lease in leases]
        for lease in leases:
            lease.release()
        await use(connector, other.endpoint())
        fresh = await connector.acquire(server.endpoint(), fresh=True)
        assert not fresh.reused
        assert await ask(fresh.transport) == b"ping"
        assert fresh.transport not in old
        assert all(transport.is_closing() for transport in old)
        fresh.release()
        assert connector.statistics().idle == 2
        again = await connector.acquire(server.endpoint())
        assert again.reused
        again.close()


@pytest.mark.parametrize("options", [{"limit": 1}, {"limit_per_host": 1}])
async def test_fresh_connection_replaces_the_one_that_is_granted(
    serving: Any, turns: Any, ask: Any, options: Any
) -> None:
    async with serving() as server, TCPConnector(**options) as connector:
        endpoint = server.endpoint()
        connection = await connector.acquire(endpoint)
        old: Any = connection.transport
        waiting = asyncio.ensure_future(connector.acquire(endpoint, fresh=True))
        behind = asyncio.ensure_future(connector.acquire(endpoint))
        await turns()
        connection.release()
        fresh = await waiting
        assert old.is_closing()
        assert not fresh.reused
        assert await ask(fresh.transport) == b"ping"
        assert connector.statistics().open == 1
        fresh.release()
        assert (await behind).reused
        (await behind).close()


async def test_fresh_connection_within_the_limit_waits_for_the_old_socket(
    serving: Any,
) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        await use(connector, server.endpoint())
        async with asyncio.timeout(5):
            fresh = await connector.acquire(server.endpoint(), fresh=True)
        assert not fresh.reused
        statistics = connector.statistics()
        assert (statistics.open, statistics.opened, statistics.reused) == (1, 2, 0)
        fresh.close()


@pytest.mark.parametrize(
    ("options", "keep_alive", "kept"),
    [
        ({}, None, True),
        ({"keepalive_timeout": None}, None, True),
        ({"keepalive_timeout": 0}, None, False),
        ({"force_close": True}, None, False),
        ({"force_close": True, "keepalive_timeout": None}, None, False),
        ({}, 5.0, True),
        ({}, 1.0, False),
        ({"keepalive_timeout": None}, 0.5, False),
    ],
)
async def test_what_is_kept(
    serving: Any, options: Any, keep_alive: float | None, kept: bool
) -> None:
    async with serving() as server, TCPConnector(**options) as connector:
        await use(connector, server.endpoint(), keep_alive=keep_alive)
        assert connector.statistics().idle == kept


async def test_idle_connections_expire(serving: Any) -> None:
    async with serving() as server, TCPConnector(keepalive_timeout=0.05) as connector:
        endpoint = server.endpoint()
        connection = await connector.acquire(endpoint)
        transport: Any = connection.transport
        connection.release()
        async with asyncio.timeout(5):
            await transport.wait_closed()
        assert connector.statistics().open == 0


async def test_connections_that_expire_one_after_the_other_are_closed_in_few_rounds(
    serving: Any,
) -> None:
    async with serving() as server, TCPConnector() as connector:
        leases = [await connector.acquire(server.endpoint()) for _ in range(20)]
        scans = 0
        pool = connector._pool
        for number, lease in enumerate(leases):
            lease.release(keep_alive=1.01 + number / 50)
        async with asyncio.timeout(5):
            while pool.count:
                before = pool.count
                await asyncio.sleep(0.01)
                scans += pool.count < before
        assert scans <= 3


@pytest.mark.parametrize("limit", ["limit", "limit_per_host"])
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_a_limit_is_no_negative_number(limit: str, value: Any) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        TCPConnector(**{limit: value})


async def test_expired_connection_is_not_leased_though_its_socket_is_open(serving: Any) -> None:
    async with serving() as server, TCPConnector(keepalive_timeout=1e-9) as connector:
        endpoint = server.endpoint()
        await use(connector, endpoint)
        assert connector.acquire_nowait(endpoint) is None


async def test_timer_follows_a_connection_that_expires_earlier(serving: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        leases = [await connector.acquire(server.endpoint()) for _ in range(2)]
        transport: Any = leases[1].transport
        leases[0].release()
        leases[1].release(keep_alive=1.05)
        async with asyncio.timeout(5):
            await transport.wait_closed()
        assert connector.statistics().idle == 1


async def test_connection_serves_so_many_requests_and_no_more(serving: Any, turns: Any) -> None:
    async with serving() as server, TCPConnector(max_requests_per_connection=3) as connector:
        for number in range(7):
            connection = await connector.acquire(server.endpoint())
            assert connection.reused == (number not in {0, 3, 6})
            connection.release()
        statistics = connector.statistics()
        assert (statistics.opened, statistics.reused, statistics.idle) == (3, 4, 1)


async def test_used_up_connection_makes_room_for_a_waiter(serving: Any, turns: Any) -> None:
    async with (
        serving() as server,
        TCPConnector(limit=1, max_requests_per_connection=1) as connector,
    ):
        first = await connector.acquire(server.endpoint())
        old: Any = first.transport
        waiting = asyncio.ensure_future(connector.acquire(server.endpoint()))
        await turns()
        first.release()
        assert old.is_closing()
        statistics = connector.statistics()
        assert (statistics.open, statistics.waiting) == (1, 1)  # until its socket is gone
        second = await waiting
        assert not second.reused
        assert connector.statistics().open == 1
        second.close()


async def test_old_connection_is_closed_while_idle(serving: Any) -> None:
    async with (
        serving() as server,
        TCPConnector(max_connection_age=0.05, max_connection_age_jitter=0) as connector,
    ):
        connection = await connector.acquire(server.endpoint())
        transport: Any = connection.transport
        connection.release()
        async with asyncio.timeout(5):
            await transport.wait_closed()


async def test_connection_that_grew_old_in_use_is_closed_when_it_is_given_back(
    serving: Any, ask: Any
) -> None:
    async with (
        serving() as server,
        TCPConnector(max_connection_age=1e-6, max_connection_age_jitter=0) as connector,
    ):
        connection = await connector.acquire(server.endpoint())
        transport = connection.transport
        assert await ask(transport) == b"ping"
        connection.release()
        assert transport.is_closing()
        assert not (await use(connector, server.endpoint())).reused


async def test_age_is_each_connections_own(serving: Any) -> None:
    """Those established together do not all end together."""
    async with (
        serving() as server,
        TCPConnector(max_connection_age=100, max_connection_age_jitter=0.5) as connector,
    ):
        leases = [await connector.acquire(server.endpoint()) for _ in range(20)]
        now = asyncio.get_running_loop().time()
        ages = [slot.retires_at - now for slot in connector._pool]
        assert len(set(ages)) == 20
        assert all(49 < age <= 100 for age in ages)
        for lease in leases:
            lease.close()


async def test_servers_shorter_keep_alive_wins(serving: Any) -> None:
    async with serving() as server, TCPConnector(keepalive_timeout=inf) as connector:
        connection = await connector.acquire(server.endpoint())
        transport: Any = connection.transport
        connection.release(keep_alive=1.05)
        async with asyncio.timeout(5):
            await transport.wait_closed()


# Limits


async def test_limit_counts_idle_connections_and_the_oldest_makes_room(serving: Any) -> None:
    async with (
        serving() as one,
        serving() as two,
        serving() as three,
        TCPConnector(limit=2) as connector,
    ):
        for server in (one, two, three):
            await use(connector, server.endpoint())
            assert connector.statistics().open <= 2
        assert connector.acquire_nowait(one.endpoint()) is None
        for server in (two, three):
            connection = connector.acquire_nowait(server.endpoint())
            assert connection is not None
            connection.release()


@pytest.mark.parametrize("options", [{"limit": 1}, {"limit": 0, "limit_per_host": 1}])
async def test_waiting_for_a_connection(serving: Any, turns: Any, options: Any) -> None:
    async with serving() as server, TCPConnector(**options) as connector:
        first = await connector.acquire(server.endpoint())
        waiting = asyncio.ensure_future(connector.acquire(server.endpoint()))
        await turns()
        assert connector.statistics().waiting == 1
        assert not waiting.done()
        first.release()
        second = await waiting
        assert second.reused
        assert second.queued > 0
        second.close()


async def test_limit_per_host_counts_host_port_and_tls_together(serving: Any, turns: Any) -> None:
    async with serving() as server, TCPConnector(limit_per_host=1) as connector:
        first = await connector.acquire(server.endpoint())
        other = server.endpoint(alpn=("other",))
        waiting = asyncio.ensure_future(connector.acquire(other))
        await turns()
        host = connector.statistics().per_host[server.host, server.port, False]
        assert (host.open, host.in_use, host.waiting) == (1, 1, 1)
        first.release()
        second = await waiting
        assert not second.reused
        assert connector.statistics().open == 1
        second.close()


async def test_first_come_first_served(serving: Any, turns: Any) -> None:
    served = []
    async with serving() as one, serving() as two, TCPConnector(limit=1) as connector:

        async def request(number: int) -> None:
            connection = await connector.acquire((one, two)[number % 2].endpoint())
            served.append(number)
            await turns(2)
            connection.release()

        async with asyncio.timeout(10):
            await asyncio.gather(*(request(number) for number in range(20)))
        assert connector.statistics().open == 1
    assert served == list(range(20))


async def test_never_more_open_sockets_than_the_limit(serving: Any, turns: Any) -> None:
    """Counted at the servers, with many hosts, cancellations and closings."""
    async with serving() as one, serving() as two, serving() as three:
        servers = (one, two, three)
        async with TCPConnector(limit=3) as connector:

            async def request(number: int) -> None:
                endpoint = servers[number % 3].endpoint()
                connection = await connector.acquire(endpoint)
                statistics = connector.statistics()
                assert statistics.open + statistics.connecting <= 3
                await turns(number % 4)
                if number % 5 == 0:
                    connection.close()
                else:
                    connection.release()

            tasks = [asyncio.ensure_future(request(number)) for number in range(90)]
            for number, task in enumerate(tasks):
                if number % 7 == 0:
                    await turns(1)
                    task.cancel()
            async with asyncio.timeout(20):
                results = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(result) for result in results} <= {type(None), asyncio.CancelledError}
            assert connector.statistics().waiting == 0
            assert connector.statistics().in_use == 0


async def test_waiter_cancelled_in_the_turn_of_its_grant_passes_it_on(
    serving: Any, turns: Any
) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        endpoint = server.endpoint()
        connection = await connector.acquire(endpoint)
        waiting = [asyncio.ensure_future(connector.acquire(endpoint)) for _ in range(3)]
        await turns()
        connection.release()
        waiting[0].cancel()
        async with asyncio.timeout(5):
            second = await waiting[1]
        assert second.reused
        waiting[2].cancel()
        second.close()
        await asyncio.wait(waiting)


# Time


async def test_connect_bounds_waiting_and_says_so(serving: Any) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        connection = await connector.acquire(server.endpoint())
        message = r"within 0\.02 s \(connect\); at the end: waiting for a free connection"
        message += r" \(limit=1, limit_per_host=0; 1 open\)$"
        with pytest.raises(ConnectionTimeoutError, match=message):
            await connector.acquire(server.endpoint(), connect=0.02)
        assert connector.statistics().waiting == 0
        connection.close()


async def test_connect_bounds_resolving_and_says_so() -> None:
    class Slow:
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            forever: asyncio.Future[list[ResolveResult]]
            forever = asyncio.get_running_loop().create_future()
            return await forever

        async def close(self) -> None:
            raise AssertionError("not the connector's to close")

    async with TCPConnector(resolver=Slow()) as connector:
        with pytest.raises(ConnectionTimeoutError, match="at the end: resolving name"):
            await connector.acquire(Endpoint("name", 80, False), connect=0.02)


async def test_connect_bounds_connecting_and_says_so(full_backlog: tuple[str, int]) -> None:
    async with TCPConnector() as connector:
        with pytest.raises(ConnectionTimeoutError, match="at the end: connecting"):
            await connector.acquire(Endpoint(*full_backlog, False), connect=0.05)


@pytest.mark.parametrize(("threshold", "whole"), [(5.0, False), (0.2, True)])
async def test_long_limits_end_on_a_whole_second(
    serving: Any, threshold: float, whole: bool
) -> None:
    async with serving() as server, TCPConnector(limit=1, timeout_ceil_threshold=threshold) as c:
        connection = await c.acquire(server.endpoint())
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ConnectionTimeoutError, match=r"within 0\.2 s"):
            await c.acquire(server.endpoint(), connect=0.2)
        ended = loop.time()
        assert ended >= (ceil(began + 0.2) if whole else began + 0.2) - 0.01
        assert whole or ended < began + 0.7
        connection.close()


async def test_timeout_leaves_no_trace_in_the_task(serving: Any) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        connection = await connector.acquire(server.endpoint())
        with pytest.raises(ConnectionTimeoutError):
            await connector.acquire(server.endpoint(), connect=0.01)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        connection.close()


# Loops


def test_another_loop_is_told_apart(serving: Any) -> None:
    connector = TCPConnector()

    async def first() -> None:
        async with serving() as server:
            (await connector.acquire(server.endpoint())).close()
            other = asyncio.new_event_loop()
            await asyncio.to_thread(other.run_until_complete, second(server.endpoint()))
            other.close()
            await connector.close()

    async def second(endpoint: Endpoint) -> None:
        message = "made at .*test_base.py:.* belongs to another event loop"
        with pytest.raises(RuntimeError, match=message):
            connector.acquire_nowait(endpoint)
        with pytest.raises(RuntimeError, match=message):
            await connector.acquire(endpoint)
        with pytest.raises(RuntimeError, match=message):
            await connector.close()

    asyncio.run(first())


async def test_connector_made_outside_of_a_loop_can_be_used(serving: Any) -> None:
    connector = await asyncio.to_thread(TCPConnector)
    async with serving() as server, connector:
        await use(connector, server.endpoint())


# Options


async def test_deprecated_loop_is_belonged_to() -> None:
    loop = asyncio.new_event_loop()
    with pytest.warns(DeprecationWarning, match="loop is deprecated"):
        connector = TCPConnector(loop=loop)
    with pytest.raises(RuntimeError, match="another event loop"):
        connector.acquire_nowait(Endpoint("h", 1, False))
    loop.close()
    await connector.close()


async def test_what_is_no_endpoint_is_told() -> None:
    url: Any = "http://127.0.0.1:8080/"
    async with TCPConnector() as connector:
        with pytest.raises(TypeError, match="must be an Endpoint, not str"):
            await connector.acquire(url)
        assert not connector.statistics().per_host


async def test_connect_takes_what_has_an_endpoint(serving: Any) -> None:
    class Request:
        def __init__(self, endpoint: Endpoint) -> None:
            self.endpoint = endpoint

    async with serving() as server, TCPConnector() as connector:
        connection = await connector.connect(Request(server.endpoint()))
        assert connection.endpoint == server.endpoint()
        connection.close()
