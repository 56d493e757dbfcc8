"""Messages received and sent in parts, over a connection in memory."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest

from whimbrel_connector.testing import MemoryTransport
from whimbrel_websocket_client import (
    Agreement,
    ClientWebSocketResponse,
    ClientWSTimeout,
    DeflateParameters,
    WebSocketError,
    WSMessageTypeError,
    WSMsgType,
)
from whimbrel_websocket_client.testing import Peer

BOUND = 256 * 1024
DEFLATE = DeflateParameters()


def open_pair(
    *, high_water: int = 65536, deflate: DeflateParameters | None = None, **options: Any
) -> tuple[ClientWebSocketResponse, Peer, MemoryTransport]:
    """Return a client, the peer at the other end, and the peer's transport."""
    one, other = MemoryTransport.pair(high_water=high_water)
    peer = Peer(other, deflate=deflate, max_msg_size=0)
    return ClientWebSocketResponse(one, Agreement(deflate=deflate), **options), peer, other


async def turns(count: int = 20) -> None:
    """Let everything that is due happen."""
    for _ in range(count):
        await asyncio.sleep(0)


def noise(size: int) -> bytes:
    """Return octets that cannot be compressed, the same every time."""
    return random.Random(size).randbytes(size)


# Receiving


@pytest.mark.parametrize("deflate", [None, DEFLATE])
async def test_parts_as_they_arrive(deflate: DeflateParameters | None) -> None:
    ws, peer, _ = open_pair(deflate=deflate)
    peer.send(peer.protocol.send_part("grü", last=False))
    async with ws.receive_parts() as message:
        assert message.type is WSMsgType.TEXT
        assert await anext(message) == "grü"
        peer.send(peer.protocol.send_part("ße", last=False))
        assert await anext(message) == "ße"
        peer.send(peer.protocol.send_part("", last=True) + peer.protocol.send_text("next"))
        assert [part async for part in message] == []
    assert (await ws.receive()).data == "next"
    await ws.close()


async def test_a_whole_message_is_one_part() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_binary(b"whole") + peer.protocol.send_text("") + b"\x89\x00")
    assert [part async for part in ws.receive_parts()] == [b"whole"]
    async with ws.receive_parts() as message:
        assert message.type is WSMsgType.TEXT
        assert [part async for part in message] == []
    peer.send(peer.protocol.send_text("one"))
    assert [part async for part in ws.receive_parts()] == ["one"]
    await ws.close()


@pytest.mark.parametrize("by_reader", [True, False])
async def test_close_does_not_make_an_unfinished_message_look_whole(by_reader: bool) -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_part("abc", last=False))
    received: list[Any] = []

    async def read() -> None:
        async for part in ws.receive_parts():
            received.append(part)  # what came before an exception is looked at
            if by_reader:
                await ws.close()

    reading = asyncio.ensure_future(read())
    await turns()
    await ws.close()
    with pytest.raises(WebSocketError, match=r"close\(\) was called"):
        await reading
    assert received == ["abc"]


async def test_parts_after_a_message_that_was_skipped_are_the_next_ones() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_part("old", last=False))
    async with ws.receive_parts() as old:
        assert old.type is WSMsgType.TEXT
    received: list[Any] = []
    reader: Any = ws.receive_parts()
    reading = asyncio.ensure_future(_collect(reader, received))
    for last in (False, True):
        await turns()
        peer.send(peer.protocol.send_part("old", last=last))
    for last in (False, True):
        peer.send(peer.protocol.send_part(b"new", last=last))
        await turns()
    await reading
    assert (reader.type, b"".join(received)) == (WSMsgType.BINARY, b"newnew")
    await ws.close()


async def test_who_waits_for_the_turn_to_send_learns_of_the_loss() -> None:
    ws, _, other = open_pair()
    never = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        yield "a"
        await never.wait()
        yield "b"

    first = asyncio.ensure_future(ws.send_parts(parts()))
    await turns()
    second = asyncio.ensure_future(ws.send_str("x"))
    await turns()
    other.abort()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(second, 5)
    never.set()
    with pytest.raises(ConnectionResetError):
        await first
    await ws.close()


async def test_a_time_is_a_number() -> None:
    with pytest.raises(ValueError, match="ws_receive"):
        ClientWSTimeout(ws_receive=float("nan"))
    with pytest.raises(ValueError, match="ws_close"):
        ClientWSTimeout(ws_close=float("nan"))
    ws, _, _ = open_pair()
    with pytest.raises(ValueError, match="timeout"):
        await ws.receive(timeout=float("nan"))
    await ws.close()


@pytest.mark.parametrize("decode_text", [True, False])
async def test_a_text_is_cut_between_characters(decode_text: bool) -> None:
    ws, peer, _ = open_pair(decode_text=decode_text)
    text = "€𝄞ü" * 50
    frame = peer.protocol.send_text(text)
    received: list[Any] = []
    reader: Any = ws.receive_parts()
    task = asyncio.ensure_future(_collect(reader, received))
    for octet in frame:
        peer.send(bytes([octet]))
        await turns(3)
    await task
    whole = "".join(received) if decode_text else b"".join(received)
    assert whole == (text if decode_text else text.encode())
    assert all(received)
    assert reader.type is WSMsgType.TEXT
    await ws.close()


async def _collect(reader: Any, into: list[Any]) -> None:
    async for part in reader:
        into.append(part)  # noqa: PERF401  # what came before an exception is looked at


@pytest.mark.parametrize("deflate", [None, DEFLATE])
async def test_what_nobody_takes_stays_with_the_peer(deflate: DeflateParameters | None) -> None:
    ws, peer, other = open_pair(high_water=1000, deflate=deflate, max_msg_size=0)
    data = noise(3_000_000)
    for start in range(0, len(data), 50_000):
        piece = data[start : start + 50_000]
        peer.send(peer.protocol.send_part(piece, last=start + 50_000 == len(data)))
    waiting = asyncio.ensure_future(other.drain())
    await turns(200)
    assert not waiting.done()
    received = bytearray()
    async with ws.receive_parts() as message:
        async for part in message:
            assert len(part) < 2 * BOUND
            received += part
            await turns(2)
    assert received == data
    await waiting
    await ws.close()


async def test_an_inflated_message_comes_in_bounded_parts() -> None:
    ws, peer, _ = open_pair(deflate=DEFLATE, max_msg_size=0)
    peer.send(peer.protocol.send_binary(bytes(20_000_000)))
    count = 0
    async with ws.receive_parts() as message:
        async for part in message:
            assert len(part) <= BOUND
            count += len(part)
    assert count == 20_000_000
    await ws.close()


async def test_a_long_message_waits_for_a_receiver() -> None:
    ws, peer, other = open_pair(high_water=1000, max_msg_size=0, heartbeat=0.05)
    data = noise(2_000_000)
    for start in range(0, len(data), 10_000):
        peer.send(
            peer.protocol.send_part(data[start : start + 10_000], last=start + 10_000 == len(data))
        )
    waiting = asyncio.ensure_future(other.drain())
    await turns(500)
    assert not waiting.done()
    await asyncio.sleep(0.2)  # some heartbeats in which nothing is read
    assert ws.exception() is None
    receiving = asyncio.ensure_future(ws.receive())
    await turns(10)
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert (await ws.receive()).data == data
    await waiting
    await ws.close()


async def test_the_rest_is_skipped() -> None:
    ws, peer, _ = open_pair(high_water=1000)
    peer.send(peer.protocol.send_part("a", last=False))
    async with ws.receive_parts() as message:
        assert await anext(message) == "a"
    for _ in range(100):
        peer.send(peer.protocol.send_part("b" * 20_000, last=False))
    peer.send(peer.protocol.send_part("c", last=True) + peer.protocol.send_text("next"))
    assert (await ws.receive()).data == "next"
    await ws.close()


async def test_a_message_can_be_skipped_as_a_whole() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_text("first") + peer.protocol.send_text("second"))
    async with ws.receive_parts():
        pass
    assert (await ws.receive()).data == "second"
    await ws.close()


async def test_what_is_skipped_is_held_to_the_rules() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_part("a", last=False))
    async with ws.receive_parts():
        pass
    peer.send(b"\x80\x01\xff")
    message = await ws.receive()
    assert message.type is WSMsgType.ERROR
    assert ws.close_code == 1007


async def test_the_limit_counts_the_whole_message() -> None:
    ws, peer, _ = open_pair(max_msg_size=10)
    peer.send(peer.protocol.send_part(b"12345678", last=False))
    async with ws.receive_parts() as message:
        assert await anext(message) == b"12345678"
        peer.send(peer.protocol.send_part(b"901", last=True))
        with pytest.raises(WebSocketError, match="the limit is 10") as caught:
            await anext(message)
    assert caught.value.code == ws.close_code == 1009
    assert caught.value is ws.exception()


async def test_one_receiver() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_part("a", last=False))
    async with ws.receive_parts() as message:
        for attempt in (ws.receive(), anext(ws.receive_parts())):
            with pytest.raises(RuntimeError, match="a message is being received in parts"):
                await attempt
        waiting = asyncio.ensure_future(_collect(message, []))
        await turns()
        with pytest.raises(RuntimeError, match="another task"):
            await ws.receive()
        peer.send(peer.protocol.send_part("", last=True))
        await waiting
    receiving = asyncio.ensure_future(ws.receive())
    await turns()
    with pytest.raises(RuntimeError, match="another task"):
        await anext(ws.receive_parts())
    peer.send(peer.protocol.send_text("x"))
    assert (await receiving).data == "x"
    await ws.close()


async def test_giving_up_before_the_beginning_changes_nothing() -> None:
    ws, peer, _ = open_pair(timeout=ClientWSTimeout(ws_receive=0.01))
    with pytest.raises(TimeoutError):
        async with ws.receive_parts():
            pytest.fail("there is no message")
    with pytest.raises(TimeoutError, match=r"0\.02 s"):
        await anext(ws.receive_parts(timeout=0.02))
    peer.send(peer.protocol.send_text("late"))
    assert (await ws.receive()).data == "late"
    await ws.close()


@pytest.mark.parametrize("count", range(8))
async def test_a_cancelled_reader_loses_nothing(count: int) -> None:
    ws, peer, _ = open_pair()
    received: list[str] = []
    message = ws.receive_parts()
    task = asyncio.ensure_future(_collect(message, received))
    peer.send(peer.protocol.send_part("a", last=False))
    await turns(count)
    task.cancel()
    await turns(1)
    peer.send(peer.protocol.send_part("b", last=True))
    await asyncio.wait([task])
    if message.type is None:
        assert received == []
        assert (await ws.receive()).data == "ab"
    else:
        await _collect(message, received)
        assert "".join(received) == "ab"
    await ws.close()


async def test_pings_are_no_parts() -> None:
    ws, peer, _ = open_pair(autoping=False)
    peer.send(peer.protocol.ping(b"1"))
    await turns()
    with pytest.raises(WSMessageTypeError, match="received PING"):
        await anext(ws.receive_parts())
    peer.send(peer.protocol.send_part("a", last=False))
    async with ws.receive_parts() as message:
        for number in range(1000):
            peer.send(peer.protocol.ping(b"%d" % number))
        peer.send(peer.protocol.send_part("b", last=True))
        assert "".join([part async for part in message]) == "ab"
    kept = [(await ws.receive()).data for _ in range(256)]
    assert kept == [b"%d" % number for number in range(744, 1000)]
    await ws.close()


def close(peer: Peer, _: MemoryTransport) -> None:
    peer.send(peer.protocol.close(1001))


def leave(_: Peer, other: MemoryTransport) -> None:
    other.close()


def break_the_rules(peer: Peer, _: MemoryTransport) -> None:
    peer.send(b"\x83\x00")


@pytest.mark.parametrize(
    ("end", "code", "why"),
    [
        (close, 1001, "the peer closed"),
        (leave, 1006, "without a Close frame"),
        (break_the_rules, 1002, "opcode"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
async def test_an_end_is_an_exception(
    end: Callable[[Peer, MemoryTransport], None], code: int, why: str, begun: bool
) -> None:
    ws, peer, other = open_pair()
    if begun:
        peer.send(peer.protocol.send_part("a", last=False))
    received: list[str] = []
    reading = asyncio.ensure_future(_collect(ws.receive_parts(), received))
    await turns()
    end(peer, other)
    with pytest.raises(WebSocketError, match=why) as caught:
        await reading
    assert received == ["a"] * begun
    assert caught.value.code == ws.close_code == code
    assert (await ws.receive()).type is WSMsgType.CLOSED
    await ws.close()


async def test_a_close_from_here_ends_a_reader() -> None:
    ws, _, _ = open_pair()
    reading = asyncio.ensure_future(_collect(ws.receive_parts(), []))
    await turns()
    await ws.close()
    with pytest.raises(WebSocketError, match=r"close\(\) was called"):
        await reading
    with pytest.raises(WebSocketError, match=r"close\(\) was called"):
        await anext(ws.receive_parts())


async def test_a_reader_that_ended_has_ended() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_text("a") + peer.protocol.send_text("b"))
    message = ws.receive_parts()
    assert [part async for part in message] == ["a"]
    assert [part async for part in message] == []
    assert (await ws.receive()).data == "b"
    await ws.close()


# Sending


async def slowly(parts: Iterable[Any], *, fail: BaseException | None = None) -> AsyncIterator[Any]:
    """Yield the parts, each after a turn of the loop, and then fail if asked to."""
    for part in parts:
        await asyncio.sleep(0)
        yield part
    if fail is not None:
        raise fail


@pytest.mark.parametrize("deflate", [None, DEFLATE])
@pytest.mark.parametrize("make", [list, tuple, iter, slowly])
async def test_sending_parts(deflate: DeflateParameters | None, make: Callable[..., Any]) -> None:
    ws, peer, _ = open_pair(deflate=deflate)
    await ws.send_parts(make(["grü", "", "ße"]))
    assert await peer.next_event() == (await _text("grüße"))
    parts = [b"1", bytearray(b"2"), memoryview(b"3")]
    await ws.send_parts(make(parts), compress=0)
    assert (await peer.next_event()).data == b"123"
    await ws.send_parts(make([""]))
    assert (await peer.next_event()).data == ""
    await ws.close()


async def _text(data: str) -> tuple[Any, ...]:
    """Return a text's message as the client gets it, whatever the order of its fields."""
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_text(data))
    message = await ws.receive()
    await ws.close()
    return message


async def test_every_part_leaves_when_it_is_there() -> None:
    ws, peer, _ = open_pair(deflate=DEFLATE)
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        yield "first"
        await go_on.wait()
        yield "second"

    sending = asyncio.ensure_future(ws.send_parts(parts()))
    await peer.until(lambda: peer.protocol.incomplete_size == 5)
    other = asyncio.ensure_future(ws.send_str("other"))
    third = asyncio.ensure_future(ws.send_parts(["thi", "rd"]))
    await ws.ping(b"now")
    assert (await peer.next_event()).data == b"now"
    await turns()
    assert not other.done()
    other.cancel()
    last = asyncio.ensure_future(ws.send_bytes(b"last"))
    go_on.set()
    await asyncio.gather(sending, third, last)
    assert other.cancelled()
    got = [(await peer.next_event()).data for _ in range(3)]
    assert got[0] == "firstsecond"
    assert sorted(map(str, got[1:])) == ["b'last'", "third"]
    await ws.close()


@pytest.mark.parametrize("high_water", [10, 65536])
@pytest.mark.parametrize("count", range(12))
async def test_a_cancelled_sender_leaves_no_message_that_looks_whole(
    count: int, high_water: int
) -> None:
    ws, peer, other = open_pair(high_water=high_water)
    if high_water == 10:
        other.pause_reading()
    sending = asyncio.ensure_future(ws.send_parts(slowly(["abcdefgh"] * 3)))
    await turns(count)
    sending.cancel()
    await asyncio.wait([sending])
    other.resume_reading()
    await turns()
    if ws.closed or ws.close_code is not None or ws.exception() is not None:
        assert (await peer.next_event()).data == 1011
        assert ws.exception() is not None
        with pytest.raises(ConnectionResetError):
            await ws.send_str("more")
    else:
        await ws.send_str("more")
        texts = [(await peer.next_event()).data]
        if texts != ["more"]:
            texts.append((await peer.next_event()).data)
            assert texts == ["abcdefgh" * 3, "more"]
    await ws.close()


async def test_parts_that_fail_close_the_connection() -> None:
    ws, peer, _ = open_pair()
    with pytest.raises(LookupError):
        await ws.send_parts(slowly(["a"], fail=LookupError("no more")))
    assert (await peer.next_event()).data == 1011
    message = await ws.receive()
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1011)
    error = ws.exception()
    assert isinstance(error, WebSocketError)
    assert error.code == 1011
    assert isinstance(error.__cause__, LookupError)
    await ws.close()


async def test_parts_that_fail_before_the_first_change_nothing() -> None:
    ws, peer, _ = open_pair()
    with pytest.raises(LookupError):
        await ws.send_parts(slowly([], fail=LookupError("nothing")))
    with pytest.raises(ValueError, match="parts is empty"):
        await ws.send_parts([])
    with pytest.raises(TypeError, match="not the message itself"):
        await ws.send_parts("text")
    with pytest.raises(TypeError, match="a part must be str or bytes-like, not int"):
        await ws.send_parts([1])  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValueError, match="no compression was agreed on"):
        await ws.send_parts(["a"], compress=5)
    await ws.send_str("fine")
    assert (await peer.next_event()).data == "fine"
    await ws.close()


async def test_parts_of_two_kinds_close_the_connection() -> None:
    ws, peer, _ = open_pair()
    with pytest.raises(TypeError, match="the message began with str: no part of it can be bytes"):
        await ws.send_parts(["a", b"b"])  # type: ignore[arg-type]  # what is tested
    assert (await peer.next_event()).data == 1011
    await ws.close()


async def test_a_close_ends_sending_parts() -> None:
    ws, peer, _ = open_pair()
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        yield "first"
        await go_on.wait()
        yield "second"

    sending = asyncio.ensure_future(ws.send_parts(parts()))
    waiting = asyncio.ensure_future(ws.send_str("x"))
    await turns()
    await ws.close()
    go_on.set()
    for task in (sending, waiting):
        with pytest.raises(ConnectionResetError, match=r"close\(\) was called"):
            await task
    assert [event.type for event in peer.events] == [WSMsgType.CLOSE]


async def test_sending_parts_waits_for_the_peer() -> None:
    ws, peer, other = open_pair(high_water=1000)
    other.pause_reading()
    taken = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield bytes(500)

    sending = asyncio.ensure_future(ws.send_parts(parts()))
    await turns(100)
    assert taken < 5
    other.resume_reading()
    await sending
    assert (await peer.next_event()).data == bytes(25_000)
    await ws.close()
