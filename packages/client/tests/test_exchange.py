"""One request and its response on one connection: who gets what when anything goes wrong."""

from __future__ import annotations

import asyncio
import gc
import gzip
import sys
import warnings
from typing import Any

import pytest

from whimbrel import (
    ClientConnectionError,
    ClientPayloadError,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    ServerTimeoutError,
    SocketTimeoutError,
)
from whimbrel_http_parser import LimitExceeded, encoder_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def clean(session: ClientSession) -> bool:
    """Whether the session's pool holds nothing that is in use."""
    assert session.connector is not None
    statistics = session.connector.statistics()
    return (statistics.in_use, statistics.connecting, statistics.waiting) == (0, 0, 0)


async def test_response_complete_with_the_head_is_read_without_suspending(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession() as session, session.get(server.url) as response:
        reading = response.read()
        with pytest.raises(StopIteration) as caught:
            reading.send(None)
        assert caught.value.value == b"ok"
        assert response.connection is None
        assert session.connector is not None
        assert session.connector.statistics().idle == 1


async def test_byte_on_an_idle_connection_never_answers_the_next_request(raw_server: Any) -> None:
    injected = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nINJECTED"
    sent = asyncio.Event()

    async def answer_and_more(reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.01)  # the response has ended, the connection is idle
        writer.write(injected)
        await writer.drain()
        sent.set()

    server = await raw_server(answer_and_more)
    async with ClientSession() as session:
        for _ in range(3):
            async with session.get(server.url) as response:
                assert await response.read() == b"ok"
            sent.clear()
            await sent.wait()
    assert server.connections == 3


async def test_data_after_the_response_closes_the_connection(raw_server: Any) -> None:
    server = await raw_server(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
    async with ClientSession() as session:
        for _ in range(2):
            async with session.get(server.url) as response:
                assert await response.read() == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (b"HTTP/1.1 2x0 OK\r\n\r\n", ClientResponseError, "status line"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            ClientResponseError,
            "Content-Length",
        ),
    ],
)
async def test_malformed_head(
    raw_server: Any, answer: bytes, error: type[Exception], says: str
) -> None:
    server = await raw_server(answer)
    async with ClientSession() as session:
        with pytest.raises(error, match=says):
            await session.get(server.url)
        assert clean(session)


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
async def test_closed_before_the_head_is_complete(raw_server: Any, part: bytes) -> None:
    async def close_early(reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        writer.close()

    server = await raw_server(close_early)
    async with ClientSession() as session:
        with pytest.raises(ServerDisconnectedError, match=r"127\.0\.0\.1:\d+ did not answer"):
            await session.get(server.url)
        assert clean(session)


async def test_what_came_of_a_cut_body_can_be_read_before_the_error(raw_server: Any) -> None:
    async def close_early(reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        writer.close()

    server = await raw_server(close_early)
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.content.readexactly(5) == b"12345"
        with pytest.raises(ClientPayloadError, match="after 5 of 10 bytes"):
            await response.content.read()


async def test_stale_connection_is_replaced_for_an_idempotent_request(raw_server: Any) -> None:
    server = await raw_server(OK, None)
    async with ClientSession() as session:
        for _ in range(3):
            async with session.get(server.url) as response:
                assert await response.read() == b"ok"
    assert server.connections == 3


async def test_stale_connection_is_an_error_for_another_request(raw_server: Any) -> None:
    server = await raw_server(OK, None)
    async with ClientSession() as session:
        async with session.post(server.url) as response:
            await response.read()
        with pytest.raises(ServerDisconnectedError):
            await session.post(server.url)
    assert len(server.requests) == 2


async def test_fresh_connection_that_closes_is_not_tried_again(raw_server: Any) -> None:
    server = await raw_server(None)
    async with ClientSession() as session:
        with pytest.raises(ServerDisconnectedError):
            await session.get(server.url)
    assert server.connections == 1


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_total_timeout_leaves_the_task_as_it_was(raw_server: Any) -> None:
    server = await raw_server(silence)
    async with ClientSession() as session:
        with pytest.raises(ServerTimeoutError, match=r"total timeout of 0\.05 s"):
            await session.get(server.url, timeout=ClientTimeout(total=0.05))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert clean(session)


async def test_total_timeout_counts_while_the_body_is_read(raw_server: Any) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        await reader.read()

    server = await raw_server(half)
    async with ClientSession(timeout=ClientTimeout(total=0.1)) as session:
        async with session.get(server.url) as response:
            with pytest.raises(ServerTimeoutError, match="total timeout"):
                await response.read()
        assert clean(session)


async def test_silence_between_pieces_is_bounded_by_sock_read(raw_server: Any) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(6):
            writer.write(b"x")
            await asyncio.sleep(0.05)
        await reader.read()

    server = await raw_server(drip)
    async with (
        ClientSession(timeout=ClientTimeout(sock_read=0.2)) as session,
        session.get(server.url) as response,
    ):
        with pytest.raises(SocketTimeoutError, match=r"sent nothing for 0\.2 s"):
            await response.read()
        assert response.content.total_bytes == 6


async def test_cancelled_request_closes_its_connection(raw_server: Any) -> None:
    reached = asyncio.Event()

    async def reach(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    server = await raw_server(reach)
    async with ClientSession() as session:

        async def get() -> None:
            await session.get(server.url)

        task = asyncio.create_task(get())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clean(session)


async def test_answer_that_comes_while_the_request_is_sent_is_heard(raw_server: Any) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await asyncio.sleep(10)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await refuse(reader, writer)
        finally:
            writer.transport.abort()

    tasks: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(
        lambda r, w: tasks.add(asyncio.create_task(serve(r, w))), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    try:
        async with ClientSession() as session:
            async with session.post(f"http://127.0.0.1:{port}/", data=bytes(2**25)) as response:
                assert (response.status, await response.read()) == (413, b"big")
            assert clean(session)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_body_that_fails_is_an_error_with_its_cause(raw_server: Any) -> None:
    async def body() -> Any:
        yield b"one"
        raise LookupError("no two")

    server = await raw_server(OK)
    async with ClientSession() as session:
        with pytest.raises(ClientConnectionError, match="no two") as caught:
            await session.post(server.url, data=body())
        assert isinstance(caught.value.__cause__, LookupError)
        assert clean(session)


async def test_body_that_is_not_wanted_any_more_is_closed(raw_server: Any) -> None:
    ended = asyncio.Event()

    async def body() -> Any:
        try:
            while True:
                yield bytes(2**16)
        finally:
            ended.set()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()
        await reader.read()
        writer.close()

    tasks: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(
        lambda r, w: tasks.add(asyncio.create_task(refuse(r, w))), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    async with ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{port}/", data=body()) as response:
            assert await response.read() == b"big"
        await asyncio.wait_for(ended.wait(), 5)
    server.close()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_response_that_starts_while_the_body_is_still_made(raw_server: Any) -> None:
    heard = asyncio.Event()

    async def body() -> Any:
        yield b"ping"
        await heard.wait()
        yield b"pong"

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" in head
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while size := int(await reader.readline(), 16):
            writer.write(b"%x\r\n%b\r\n" % (size, await reader.readexactly(size)))
            await reader.readexactly(2)
        await reader.readexactly(2)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    tasks: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(
        lambda r, w: tasks.add(asyncio.create_task(echo(r, w))), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    async with (
        ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/", data=body()) as response,
    ):
        assert await response.content.readexactly(4) == b"ping"
        heard.set()
        assert await response.read() == b"pong"
    server.close()
    await asyncio.gather(*tasks)


async def test_flow_control_holds_the_server_back(raw_server: Any) -> None:
    size = 2**25
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(bytes(2**16))
            sent += 2**16
            await writer.drain()

    server = await raw_server(flood)
    async with ClientSession(read_bufsize=2**14) as session, session.get(server.url) as response:
        await asyncio.sleep(0.2)
        assert sent < size
        assert response.content.total_bytes < 2**20
        received = 0
        async for piece in response.content.iter_any():
            received += len(piece)
        assert received == size


async def test_broken_content_coding_is_an_error_and_closes(raw_server: Any) -> None:
    broken = gzip.compress(b"hello " * 1000)[:-10] + b"0123456789"
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(broken)
    server = await raw_server(head + broken)
    async with ClientSession() as session:
        async with session.get(server.url) as response:
            with pytest.raises(ClientPayloadError, match="gzip"):
                await response.read()
        assert clean(session)


async def test_truncated_content_coding_is_an_error(raw_server: Any) -> None:
    cut = gzip.compress(b"hello " * 1000)[:-10]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(cut)
    server = await raw_server(head + cut)
    async with ClientSession() as session, session.get(server.url) as response:
        with pytest.raises(ClientPayloadError, match="gzip"):
            await response.read()


@pytest.mark.parametrize(
    "codings", [["gzip"], ["deflate"], ["br"], ["zstd"], ["br", "gzip"], ["zstd"] * 5]
)
async def test_content_codings_are_undone(raw_server: Any, codings: list[str]) -> None:
    body = b"hello " * 10_000
    for coding in codings:
        encoder = encoder_for(coding)
        body = encoder.encode(body) + encoder.finish()
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"Content-Encoding: {c}\r\n" for c in codings)
    server = await raw_server(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    async with ClientSession(read_bufsize=1000) as session, session.get(server.url) as response:
        assert await response.read() == b"hello " * 10_000
        assert response.content.total_raw_bytes == len(body)


async def test_bomb_is_refused_behind_the_grace(raw_server: Any) -> None:
    encoder = encoder_for("zstd")
    bomb = encoder.encode(bytes(65 * 2**20)) + encoder.finish()
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    server = await raw_server(head + bomb)
    async with ClientSession() as session:
        async with session.get(server.url) as response:
            assert len(await response.content.readexactly(64 * 2**20)) == 64 * 2**20
            with pytest.raises(ClientPayloadError, match="'ratio'") as caught:
                await response.content.read(1)
        assert isinstance(caught.value.__cause__, LimitExceeded)
        assert clean(session)


async def test_too_many_content_codings_are_an_error_and_close(raw_server: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\n"
    server = await raw_server(
        head + b"Content-Encoding: br, br\r\nContent-Encoding: x\r\nContent-Length: 1\r\n\r\nx"
    )
    async with ClientSession() as session:
        with pytest.raises(ClientPayloadError, match="'codings' of 5") as caught:
            await session.get(server.url)
        assert isinstance(caught.value.__cause__, LimitExceeded)
        assert clean(session)


async def test_request_that_asks_to_close_is_not_pooled(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession() as session:
        for _ in range(2):
            async with session.get(server.url, headers={"Connection": "close"}) as response:
                await response.read()
    assert server.connections == 2


async def test_trailers_are_there_after_the_body(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n"
    )
    async with ClientSession() as session, session.get(server.url) as response:
        assert await response.read() == b"ok"
        assert response.trailers == ((b"X-Sum", b"7"),)


async def test_informational_responses_are_passed_over(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    )
    async with ClientSession() as session, session.get(server.url) as response:
        assert (response.status, await response.read()) == (200, b"ok")


async def test_connection_can_be_taken_over_after_101(raw_server: Any) -> None:
    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly"
        )
        writer.write((await reader.readexactly(3)).upper())
        await writer.drain()

    class Receiver:
        def __init__(self) -> None:
            self.data = b""
            self.complete = asyncio.Event()
            self.lost = asyncio.Event()

        def data_received(self, data: bytes) -> None:
            self.data += data
            if self.data.endswith(b"ABC"):
                self.complete.set()

        def eof_received(self) -> None:
            transport.close()

        def connection_lost(self, exc: BaseException | None) -> None:
            self.lost.set()

    server = await raw_server(upgrade, None)
    async with ClientSession() as session:
        response = await session.get(
            server.url, headers={"Connection": "upgrade", "Upgrade": "echo"}
        )
        assert response.status == 101
        transport, received = response.take_over()
        receiver = Receiver()
        transport.set_receiver(receiver)
        transport.resume_reading()
        transport.write(b"abc")
        await receiver.complete.wait()
        assert received + receiver.data == b"earlyABC"
        with pytest.raises(RuntimeError, match="taken over before"):
            response.take_over()
        transport.abort()
        await receiver.lost.wait()


async def test_only_a_101_can_be_taken_over(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession() as session, session.get(server.url) as response:
        with pytest.raises(RuntimeError, match="101"):
            response.take_over()


async def test_forgotten_response_warns_and_closes(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1")
    async with ClientSession() as session:
        response = await session.get(server.url)
        with pytest.warns(ResourceWarning, match="Unclosed response"):
            del response
        await asyncio.sleep(0.01)
        assert clean(session)


async def test_request_leaves_no_work_to_the_garbage_collector(raw_server: Any) -> None:
    server = await raw_server(OK)
    async with ClientSession() as session:
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                async with session.get(server.url) as response:
                    await response.read()
            del response
            found = gc.collect()
        finally:
            gc.enable()
    assert found < 20  # nothing for each request; asyncio's server may leave something


async def test_body_that_is_cancelled_from_inside_does_not_hang(raw_server: Any) -> None:
    async def body() -> Any:
        yield b"one"
        raise asyncio.CancelledError

    server = await raw_server(OK)
    async with ClientSession(timeout=ClientTimeout(sock_read=5)) as session:
        with pytest.raises(ClientConnectionError, match="CancelledError"):
            await session.post(server.url, data=body())
        assert clean(session)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_change_nothing(raw_server: Any) -> None:
    factory: Any = vars(asyncio).get("eager_task_factory")

    async def post() -> None:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        loop.set_task_factory(factory)
        port = server.sockets[0].getsockname()[1]
        async with ClientSession(timeout=ClientTimeout(sock_read=5)) as session:
            for _ in range(3):
                async with session.post(f"http://127.0.0.1:{port}/", data=bytes(70_000)) as done:
                    assert await done.read() == b"ok"
            assert session.connector is not None
            assert session.connector.statistics().opened == 1
        server.close()
        await closed.wait()

    closed = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(70_000)
            writer.write(OK)
        await reader.read()
        writer.close()
        closed.set()

    asyncio.run(post())


async def test_unexpected_101_is_an_error(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    )
    async with ClientSession() as session:
        with pytest.raises(ClientResponseError, match="Unexpected 101"):
            await session.get(server.url)
        assert clean(session)


async def test_101_has_no_body_and_a_lost_connection_cannot_be_taken_over(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    )
    async with ClientSession() as session:
        fields = {"Connection": "Upgrade", "Upgrade": "x"}
        response = await session.get(server.url, headers=fields)
        assert await response.read() == b""
        response.close()
        with pytest.raises(ClientConnectionError, match="closed"):
            response.take_over()
        assert clean(session)


async def test_own_close_is_not_blamed_on_the_server(raw_server: Any) -> None:
    reached = asyncio.Event()

    async def reach(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    server = await raw_server(reach)
    session = ClientSession()

    async def get() -> None:
        await session.get(server.url)

    task = asyncio.create_task(get())
    await reached.wait()
    await session.close()
    with pytest.raises(ClientConnectionError, match="connector was closed") as caught:
        await task
    assert not isinstance(caught.value, ServerDisconnectedError)


async def test_closing_the_session_ends_what_is_being_sent(raw_server: Any) -> None:
    sending, ended = asyncio.Event(), False

    async def body() -> Any:
        nonlocal ended
        try:
            yield b"one"
            sending.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended = True

    server = await raw_server(OK)
    session = ClientSession()

    async def post() -> None:
        with pytest.raises(ClientConnectionError):
            await session.post(server.url, data=body())

    task = asyncio.create_task(post())
    await sending.wait()
    await session.close()
    assert ended
    await task


async def test_forgotten_response_is_closed_when_warnings_are_errors(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1")
    unraisable: list[Any] = []
    hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
    try:
        async with ClientSession() as session:
            response = await session.get(server.url)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                del response
            await asyncio.sleep(0.01)
            assert clean(session)
            assert len(unraisable) == 1
    finally:
        sys.unraisablehook = hook


async def test_stale_request_is_sent_again_once_on_a_connection_of_its_own(
    raw_server: Any,
) -> None:
    arrived = asyncio.Barrier(4)

    async def together(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await arrived.wait()
        writer.write(OK)

    server = await raw_server(together, None)
    async with ClientSession() as session:

        async def get() -> None:
            async with session.get(server.url) as response:
                await response.read()

        await asyncio.gather(*(get() for _ in range(4)))
        assert session.connector is not None
        assert session.connector.statistics().idle == 4
        before = len(server.requests)
        arrived = asyncio.Barrier(1)
        async with session.delete(server.url) as response:
            assert await response.read() == b"ok"
    assert len(server.requests) == before + 2  # one on an idle connection, one on a new one
