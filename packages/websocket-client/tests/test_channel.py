"""Back-pressure, time and endings between protocol and transport, over a connection in memory."""

import asyncio
from typing import Any

import pytest

from whimbrel_connector.testing import MemoryTransport
from whimbrel_websocket_client import (
    Agreement,
    ClientWebSocketResponse,
    ClientWSTimeout,
    HeartbeatError,
    WebSocketError,
    WSMsgType,
)
from whimbrel_websocket_client.frames import OP_TEXT, encode_frame
from whimbrel_websocket_client.testing import Peer

CLOSED = (None, None, WSMsgType.CLOSED)


def open_pair(
    *, high_water: int = 65536, peer_answers: bool = True, **options: Any
) -> tuple[ClientWebSocketResponse, Peer, MemoryTransport]:
    """Return a client, the peer at the other end, and the peer's transport."""
    one, other = MemoryTransport.pair(high_water=high_water)
    peer = Peer(other, autoclose=peer_answers)
    return ClientWebSocketResponse(one, Agreement(), **options), peer, other


async def turns(count: int = 20) -> None:
    """Let everything that is due happen."""
    for _ in range(count):
        await asyncio.sleep(0)


def is_closed(ws: ClientWebSocketResponse) -> bool:
    """Look; a type checker does not see that the answer changes between two looks."""
    return ws.closed


# Back-pressure


@pytest.mark.parametrize(("count", "size"), [(3000, 1), (40, 100_000), (3, 1_000_000)])
async def test_what_nobody_receives_stays_with_the_peer(count: int, size: int) -> None:
    ws, peer, other = open_pair(high_water=1000)
    for number in range(count):
        peer.send(peer.protocol.send_binary(number.to_bytes(4, "big") + bytes(size)))
    waiting = asyncio.ensure_future(other.drain())
    await turns(2 * count)
    assert not waiting.done()
    for number in range(count):
        assert (await ws.receive()).data[:4] == number.to_bytes(4, "big")
    await waiting
    await ws.close()
    assert ws.close_code == 1000


async def test_one_block_of_many_messages_is_held_as_a_block() -> None:
    ws, peer, other = open_pair(high_water=1000)
    peer.send(b"".join(peer.protocol.send_text(str(number)) for number in range(5000)))
    await turns()
    peer.send(bytes(2000))  # a violation that is not reached before the rest is received
    waiting = asyncio.ensure_future(other.drain())
    await turns()
    assert not waiting.done()
    assert not is_closed(ws)
    assert [(await ws.receive()).data for _ in range(5000)] == [str(n) for n in range(5000)]
    assert (await ws.receive()).type is WSMsgType.ERROR
    await waiting


async def test_the_bound_holds_when_somebody_else_resumes_the_transport() -> None:
    one, other = MemoryTransport.pair(high_water=1000)
    peer = Peer(other)
    ws = ClientWebSocketResponse(one, Agreement())
    for number in range(3000):
        peer.send(peer.protocol.send_text(str(number)))
    await turns(500)
    one.resume_reading()
    waiting = asyncio.ensure_future(other.drain())
    await turns(6000)
    assert not waiting.done()
    assert [(await ws.receive()).data for _ in range(3000)] == [str(n) for n in range(3000)]
    await waiting
    await ws.close()


async def test_everything_comes_before_the_end_of_a_lost_connection() -> None:
    ws, peer, other = open_pair()
    frames = [peer.protocol.send_text(str(number)) for number in range(1000)]
    peer.send(b"".join([*frames, peer.protocol.close(1001, "bye")]))
    await turns()
    other.abort()
    await turns()
    assert not is_closed(ws)
    for number in range(1000):
        assert (await ws.receive()).data == str(number)
    assert await ws.receive() == (1001, "bye", WSMsgType.CLOSE)
    assert is_closed(ws)
    assert await ws.receive() == CLOSED


async def test_a_sender_waits_for_room() -> None:
    ws, peer, other = open_pair(high_water=1000)
    other.pause_reading()
    sending = asyncio.ensure_future(ws.send_bytes(bytes(5000)))
    await turns()
    assert not sending.done()
    other.resume_reading()
    await sending
    assert (await peer.next_event()).data == bytes(5000)
    await ws.close()


async def test_a_cancelled_sender_leaves_a_whole_frame() -> None:
    ws, peer, other = open_pair(high_water=1000)
    other.pause_reading()
    sending = asyncio.ensure_future(ws.send_bytes(bytes(5000)))
    await turns()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    other.resume_reading()
    await ws.send_str("next")
    assert (await peer.next_event()).data == bytes(5000)
    assert (await peer.next_event()).data == "next"
    await ws.close()


async def test_pings_to_a_peer_that_does_not_read_pile_up_nothing() -> None:
    ws, peer, other = open_pair(high_water=1000)
    other.pause_reading()
    for number in range(3000):
        peer.send(peer.protocol.ping(b"%d" % number))
    await turns(7000)
    other.resume_reading()
    await peer.until(lambda: peer.events[-1:] == [(b"2999", None, WSMsgType.PONG)])
    assert peer.received < 1200
    await ws.close()


async def test_a_close_goes_past_the_pongs_that_wait() -> None:
    ws, peer, other = open_pair(high_water=10)
    other.pause_reading()
    for number in range(50):
        peer.send(peer.protocol.ping(b"%d" % number))
    await turns(200)
    peer.send(b"\x83\x00")  # a violation
    assert (await ws.receive()).type is WSMsgType.ERROR
    other.resume_reading()
    await peer.until(lambda: peer.events[-1:] != [] and peer.events[-1].type is WSMsgType.CLOSE)
    assert peer.protocol.close_code == 1002


# Receiving


async def test_a_cancelled_receive_loses_no_message() -> None:
    ws, peer, _ = open_pair()
    receiving = asyncio.ensure_future(ws.receive())
    await turns()
    peer.send(peer.protocol.send_text("kept"))
    # The message arrives in the next turn; the cancellation comes right behind it.
    asyncio.get_running_loop().call_soon(receiving.cancel)
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert (await ws.receive()).data == "kept"
    await ws.close()


@pytest.mark.parametrize("count", range(6))
async def test_a_receive_cancelled_at_any_time_loses_no_message(count: int) -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_part("1", last=False))
    received = []

    async def receive() -> None:
        while True:
            received.append((await ws.receive()).data)  # it is cancelled

    receiving = asyncio.ensure_future(receive())
    peer.send(peer.protocol.send_part("", last=True) + peer.protocol.send_text("2"))
    await turns(count)
    receiving.cancel()
    peer.send(peer.protocol.send_text("3"))
    await asyncio.wait([receiving])
    while len(received) < 3:
        received.append((await ws.receive()).data)
    assert received == ["1", "2", "3"]
    await ws.close()


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("method", ["send_str", "send_json", "ping", "pong"])
async def test_a_send_cancelled_at_any_time_leaves_whole_frames(method: str, count: int) -> None:
    ws, peer, other = open_pair(high_water=10)
    other.pause_reading()
    sending = asyncio.ensure_future(getattr(ws, method)("x" * 100))
    await turns(count)
    sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled()
    other.resume_reading()
    await ws.send_str("next")
    data = [(await peer.next_event()).data]
    if count:
        data.append((await peer.next_event()).data)
        assert data[0] in ("x" * 100, f'"{"x" * 100}"', b"x" * 100)
    assert data[-1] == "next"
    await ws.close()


@pytest.mark.parametrize("count", range(6))
async def test_a_close_cancelled_at_any_time_drops_the_connection(count: int) -> None:
    ws, peer, _ = open_pair(peer_answers=False)
    receiving = asyncio.ensure_future(ws.receive())
    await turns()
    closing = asyncio.ensure_future(ws.close())
    await turns(count)
    closing.cancel()
    await asyncio.wait([closing])
    if not count:  # it had not begun
        assert not is_closed(ws)
        peer.send(peer.protocol.send_text("x"))
        assert (await receiving).data == "x"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.close(), 0.01)
    else:
        assert (await receiving).type is WSMsgType.CLOSING
    await peer.until(lambda: peer.ended)
    assert ws.close_code == 1006


async def test_a_message_has_one_receiver() -> None:
    ws, peer, _ = open_pair()
    receiving = asyncio.ensure_future(ws.receive())
    await turns()
    with pytest.raises(RuntimeError, match="another task is in receive"):
        await ws.receive()
    peer.send(peer.protocol.send_text("one"))
    assert (await receiving).data == "one"
    await ws.close()


async def test_a_timeout_loses_nothing_and_cancels_nothing() -> None:
    ws, peer, _ = open_pair(timeout=ClientWSTimeout(ws_receive=0.01, ws_close=1))
    with pytest.raises(TimeoutError, match=r"no message was complete within 0\.01 s"):
        await ws.receive()
    with pytest.raises(TimeoutError, match=r"within 0\.02 s"):
        await ws.receive(timeout=0.02)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert not is_closed(ws)
    peer.send(peer.protocol.send_text("late"))
    assert (await ws.receive()).data == "late"
    await ws.close()


async def test_what_came_with_the_answer_comes_first() -> None:
    one, other = MemoryTransport.pair()
    peer = Peer(other)
    ws = ClientWebSocketResponse(one, Agreement(), received=peer.protocol.send_text("first"))
    peer.send(peer.protocol.send_text("second"))
    assert [(await ws.receive()).data for _ in range(2)] == ["first", "second"]
    await ws.close()


async def test_the_bound_holds_for_what_came_with_the_answer() -> None:
    one, other = MemoryTransport.pair(high_water=10)
    peer = Peer(other)
    frames = [peer.protocol.send_text(str(number)) for number in range(1000)]
    ws = ClientWebSocketResponse(one, Agreement(), received=b"".join(frames), heartbeat=60)
    peer.send(peer.protocol.send_text("the one that waits"))
    waiting = asyncio.ensure_future(other.drain())
    await turns()
    assert not waiting.done()
    assert [(await ws.receive()).data for _ in range(1000)] == [str(n) for n in range(1000)]
    assert (await ws.receive()).data == "the one that waits"
    await waiting
    await ws.close()


async def test_a_transport_that_was_paused_is_resumed() -> None:
    one, other = MemoryTransport.pair()
    peer = Peer(other)
    one.pause_reading()
    ws = ClientWebSocketResponse(one, Agreement())
    peer.send(peer.protocol.send_text("x"))
    assert (await ws.receive()).data == "x"
    await ws.close()


async def test_pings_and_pongs_are_swallowed() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.ping(b"1") + peer.protocol.pong(b"2") + peer.protocol.send_text("3"))
    assert (await ws.receive()).data == "3"
    assert await peer.next_event() == (b"1", None, WSMsgType.PONG)
    await ws.close()


async def test_pings_and_pongs_can_be_messages() -> None:
    ws, peer, _ = open_pair(autoping=False)
    peer.send(peer.protocol.ping(b"1") + peer.protocol.pong(b"2"))
    assert await ws.receive() == (b"1", None, WSMsgType.PING)
    assert await ws.receive() == (b"2", None, WSMsgType.PONG)
    await ws.pong(b"mine")
    assert await peer.next_event() == (b"mine", None, WSMsgType.PONG)
    await ws.close()
    assert peer.events == [(1000, "", WSMsgType.CLOSE)]


# Closing


async def test_the_peers_close() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_text("last") + peer.protocol.close(1001, "bye"))
    await turns()
    assert not is_closed(ws), "there is still something to receive"
    assert (await ws.receive()).data == "last"
    assert await ws.receive() == (1001, "bye", WSMsgType.CLOSE)
    assert is_closed(ws)
    assert (ws.close_code, ws.close_reason, ws.exception()) == (1001, "bye", None)
    assert peer.ended
    assert peer.events == [(1001, "", WSMsgType.CLOSE)]
    assert await ws.receive() == CLOSED
    assert await ws.close() is False


async def test_a_close_is_answered_while_nobody_receives() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.close(1000))
    await peer.until(lambda: peer.ended)
    with pytest.raises(ConnectionResetError, match="closed with the code 1000"):
        await ws.send_str("x")
    assert (await ws.receive()).type is WSMsgType.CLOSE


async def test_this_sides_close_waits_for_the_peers() -> None:
    ws, peer, _ = open_pair(peer_answers=False)
    closing = asyncio.ensure_future(ws.close(code=4000, message=b"done"))
    assert await peer.next_event() == (4000, "done", WSMsgType.CLOSE)
    await turns()
    assert not closing.done()
    assert is_closed(ws)
    peer.send(peer.protocol.close(4001))
    assert await closing is True
    assert ws.close_code == 4001
    assert await ws.receive() == CLOSED
    assert await ws.close() is False


async def test_a_close_tells_the_receiver() -> None:
    ws, _, _ = open_pair()
    receiving = asyncio.ensure_future(ws.receive())
    await turns()
    assert await ws.close() is True
    assert await receiving == (None, None, WSMsgType.CLOSING)
    assert await ws.receive() == CLOSED


async def test_a_close_drops_what_was_not_received() -> None:
    ws, peer, _ = open_pair(high_water=1000)
    for number in range(3000):
        peer.send(peer.protocol.send_text(str(number)))
    await turns(1000)
    assert await ws.close() is True
    assert ws.close_code == 1000
    assert await ws.receive() == CLOSED


async def test_two_closes_end_together() -> None:
    ws, peer, _ = open_pair(peer_answers=False)
    closings = [asyncio.ensure_future(ws.close()) for _ in range(2)]
    await peer.next_event()
    peer.send(peer.protocol.close())
    assert await asyncio.gather(*closings) == [True, False]


async def test_a_peer_that_does_not_close_is_left() -> None:
    ws, peer, _ = open_pair(peer_answers=False, timeout=ClientWSTimeout(ws_close=0.02))
    assert await ws.close() is True
    assert ws.close_code == 1006
    assert isinstance(ws.exception(), WebSocketError)
    assert str(ws.exception()) == "the peer sent no Close frame within 0.02 s"
    await peer.until(lambda: peer.ended)


async def test_a_peer_that_does_not_close_and_talks_on_is_left() -> None:
    ws, peer, other = open_pair(peer_answers=False, timeout=ClientWSTimeout(ws_close=0.05))
    closing = asyncio.ensure_future(ws.close())
    while not closing.done():
        if not other.is_closing():
            peer.send(encode_frame(OP_TEXT, b"blah", masked=False))
        await asyncio.sleep(0)
    assert await closing is True
    assert ws.close_code == 1006


async def test_a_close_without_a_deadline() -> None:
    ws, peer, _ = open_pair(timeout=ClientWSTimeout(ws_close=None), heartbeat=60)
    assert await ws.close() is True
    assert ws.close_code == 1000
    ws, peer, _ = open_pair(timeout=ClientWSTimeout(ws_close=None))
    peer.send(peer.protocol.close(1001))
    assert (await ws.receive()).data == 1001


async def test_a_cancelled_close_drops_the_connection() -> None:
    ws, peer, _ = open_pair(peer_answers=False)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ws.close(), 0.01)
    await peer.until(lambda: peer.ended)
    assert await ws.close() is False
    assert ws.close_code == 1006


async def test_a_close_that_cannot_be_sent_changes_nothing() -> None:
    ws, _, _ = open_pair()
    with pytest.raises(ValueError, match="1006 is not a status code"):
        await ws.close(code=1006)
    with pytest.raises(ValueError, match="at most 123 octets"):
        await ws.close(message="x" * 124)
    with pytest.raises(ValueError, match="utf-8"):
        await ws.close(message=b"\xff")
    assert not is_closed(ws)
    await ws.close()


async def test_the_answer_can_be_left_to_the_application() -> None:
    ws, peer, _ = open_pair(autoclose=False)
    peer.send(peer.protocol.close(1001))
    assert await ws.receive() == (1001, "", WSMsgType.CLOSE)
    assert peer.events == []
    assert is_closed(ws)
    assert await ws.close(code=4000) is True
    assert ws.close_code == 1001
    assert (await peer.next_event()).data == 4000
    assert await ws.receive() == CLOSED


async def test_receiving_on_answers_a_close_that_was_left() -> None:
    ws, peer, _ = open_pair(autoclose=False)
    peer.send(peer.protocol.close(1001))
    assert (await ws.receive()).type is WSMsgType.CLOSE
    assert await ws.receive() == CLOSED
    assert (await peer.next_event()).data == 1000
    assert peer.ended


async def test_a_peer_that_closed_and_left_is_not_waited_for() -> None:
    ws, peer, other = open_pair(autoclose=False)
    peer.send(peer.protocol.close(1001))
    other.close()
    assert (await ws.receive()).type is WSMsgType.CLOSE
    assert await ws.receive() == CLOSED
    assert ws.close_code == 1001


# Failures


async def test_a_violation_ends_the_connection_at_once() -> None:
    ws, peer, _ = open_pair()
    peer.send(b"\x83\x00" + peer.protocol.send_text("never"))
    await peer.until(lambda: peer.ended)
    assert peer.events[0][:2] == (1002, peer.events[0].extra)
    assert peer.events[0].type is WSMsgType.CLOSE
    message = await ws.receive()
    assert message.type is WSMsgType.ERROR
    assert message.data is ws.exception()
    assert isinstance(message.data, WebSocketError)
    assert ws.close_code == 1002
    assert is_closed(ws)
    assert await ws.receive() == CLOSED
    with pytest.raises(ConnectionResetError, match="closed with the code 1002") as caught:
        await ws.send_str("x")
    assert caught.value.__cause__ is message.data


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("together", [False, True])
async def test_what_came_before_a_violation_is_answered(waiting: bool, together: bool) -> None:
    ws, peer, _ = open_pair(heartbeat=60)
    receiving = asyncio.ensure_future(ws.receive())
    if waiting:
        await turns()
    peer.send(peer.protocol.send_text("1") + peer.protocol.send_text("2") + b"\x83\x00" * together)
    if not together:
        peer.send(b"\x83\x00")
    assert (await receiving).data == "1"
    await turns()
    assert not peer.ended
    await ws.send_str("to 1")
    assert (await peer.next_event()).data == "to 1"
    assert (await ws.receive()).data == "2"
    await turns()
    await ws.send_str("to 2")
    assert (await ws.receive()).type is WSMsgType.ERROR
    assert [event.data for event in peer.events] == ["to 2", 1002]
    assert ws.close_code == 1002


async def test_a_violation_waits_for_an_answer_until_close() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_text("1") + b"\x83\x00")
    assert (await ws.receive()).data == "1"
    assert await ws.close() is True
    assert [event.data for event in peer.events] == [1002]
    assert ws.close_code == 1002
    assert isinstance(ws.exception(), WebSocketError)


async def test_a_violation_waits_for_an_answer_until_time_is_up() -> None:
    ws, peer, other = open_pair(timeout=ClientWSTimeout(ws_close=0.02), high_water=1000)
    peer.send(peer.protocol.send_text("1") + b"\x83\x00")
    await turns()
    assert not peer.ended
    peer.send(bytes(5000))  # nothing more is read
    blocked = asyncio.ensure_future(other.drain())
    await peer.until(lambda: peer.ended)
    await asyncio.wait([blocked])
    assert (ws.close_code, is_closed(ws)) == (1002, False)
    assert (await ws.receive()).data == "1"
    assert (await ws.receive()).type is WSMsgType.ERROR
    assert is_closed(ws)


async def test_a_violation_behind_parts_waits_for_an_answer() -> None:
    ws, peer, _ = open_pair()
    peer.send(peer.protocol.send_text("1") + b"\x83\x00")
    async with ws.receive_parts() as message:
        assert [part async for part in message] == ["1"]
    await turns()
    await ws.send_str("to 1")
    assert (await peer.next_event()).data == "to 1"
    with pytest.raises(WebSocketError):
        await anext(ws.receive_parts())
    assert (await peer.next_event()).data == 1002


async def test_an_end_without_a_close_is_told_apart() -> None:
    ws, peer, other = open_pair()
    receiving = asyncio.ensure_future(ws.receive())
    await turns()
    other.close()
    assert await receiving == CLOSED
    assert is_closed(ws)
    assert ws.close_code == 1006
    assert str(ws.exception()) == "the connection ended without a Close frame"
    assert await ws.close() is False
    await peer.until(lambda: peer.ended)


async def test_a_loss_says_why() -> None:
    ws, peer, other = open_pair()
    other.close()
    peer_gone = peer.until(lambda: peer.ended)
    # The write meets the closed end before the end of file is delivered.
    await ws.send_str("lost")
    with pytest.raises(ConnectionResetError, match="the connection was lost"):
        await ws.send_str("x")
    await peer_gone
    assert await ws.receive() == CLOSED
    assert ws.close_code == 1006
    error = ws.exception()
    assert error is not None
    assert isinstance(error.__cause__, ConnectionResetError)


# Time


async def test_a_silent_peer_is_given_up() -> None:
    one, other = MemoryTransport.pair()
    other.pause_reading()  # it neither reads nor answers
    ws = ClientWebSocketResponse(one, Agreement(), heartbeat=0.02)
    message = await ws.receive()
    assert message.type is WSMsgType.ERROR
    assert isinstance(message.data, HeartbeatError)
    assert message.data is ws.exception()
    assert (ws.closed, ws.close_code) == (True, 1006)
    assert await ws.receive() == CLOSED
    with pytest.raises(ConnectionResetError, match="closed with the code 1006"):
        await ws.ping()


async def test_the_owner_names_its_errors() -> None:
    class SilentError(TimeoutError):
        pass

    class ResetError(ConnectionResetError):
        pass

    one, other = MemoryTransport.pair()
    other.pause_reading()
    ws = ClientWebSocketResponse(
        one, Agreement(), heartbeat=0.02, heartbeat_error=SilentError, reset_error=ResetError
    )
    message = await ws.receive()
    assert type(message.data) is SilentError
    assert "not even an answer to the last Ping" in str(message.data)
    with pytest.raises(ResetError):
        await ws.send_str("x")


async def test_a_peer_that_answers_lives() -> None:
    ws, peer, _ = open_pair(heartbeat=0.1)
    with pytest.raises(TimeoutError):
        await ws.receive(timeout=0.45)
    pings = [event for event in peer.events if event.type is WSMsgType.PING]
    assert 2 <= len(pings) <= 4
    await ws.close()
    assert ws.close_code == 1000


async def test_a_peer_that_has_to_wait_is_not_given_up() -> None:
    ws, peer, _ = open_pair(heartbeat=0.05, high_water=1000)
    for number in range(2000):
        peer.send(peer.protocol.send_text(str(number)))
    await asyncio.sleep(0.3)  # six heartbeats in which nothing is read
    assert not is_closed(ws)
    assert [(await ws.receive()).data for _ in range(2000)] == [str(n) for n in range(2000)]
    await ws.close()
    assert ws.close_code == 1000


async def test_the_time_of_a_round_trip() -> None:
    ws, peer, _ = open_pair()
    assert ws.round_trip_time is None
    peer.send(peer.protocol.pong(b"of nobody's Ping"))
    await turns()
    assert ws.round_trip_time is None
    await ws.ping(b"mine")
    await turns()
    first: float | None = ws.round_trip_time
    assert first is not None
    assert 0 <= first < 1
    await ws.close()
    assert ws.round_trip_time == first


async def test_the_heartbeat_measures_the_round_trip() -> None:
    ws, peer, _ = open_pair(heartbeat=0.02)
    with pytest.raises(TimeoutError):
        await ws.receive(timeout=0.1)
    assert ws.round_trip_time is not None
    pings = [event.data for event in peer.events]
    assert len(set(pings)) == len(pings) > 1
    await ws.close()
