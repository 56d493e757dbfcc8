"""What a server must not do: each is refused by its code, at once and in little memory."""

import asyncio
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from whimbrel_connector.testing import MemoryTransport
from whimbrel_websocket_client import (
    Agreement,
    ClientHandshake,
    ClientWebSocketResponse,
    DeflateOffer,
    DeflateParameters,
    WebSocketError,
    WSMsgType,
)
from whimbrel_websocket_client.frames import FrameDecoder, decode_close, encode_frame

PROTOCOL_ERROR, INVALID, TOO_BIG = 1002, 1007, 1009
LIMIT = 1000
AGREED = Agreement(deflate=DeflateParameters())


class Server:
    """The other end: it writes octets, and reads what a client with a mask has sent."""

    def __init__(self, transport: MemoryTransport) -> None:
        self.transport = transport
        self.received = bytearray()
        self.ended = False
        transport.set_receiver(self)

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> None:
        self.ended = True
        self.transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.ended = True

    def frames(self) -> list[tuple[int, bytes]]:
        """Return the frames that came: opcode and payload."""
        decoder = FrameDecoder(masked=True, deflate=True)
        decoder.feed(bytes(self.received))
        frames = []
        while decoder.next_header():
            payload = decoder.take_whole()
            assert payload is not None
            frames.append((decoder.opcode, payload))
        return frames


def open_pair(agreement: Agreement, **options: Any) -> tuple[ClientWebSocketResponse, Server]:
    one, other = MemoryTransport.pair()
    return ClientWebSocketResponse(one, agreement, **options), Server(other)


async def turns(count: int = 10) -> None:
    """Let everything that is due happen."""
    for _ in range(count):
        await asyncio.sleep(0)


@contextmanager
def at_most(octets: int) -> Iterator[None]:
    """Fail when the block takes more memory than that at any time."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield
        assert tracemalloc.get_traced_memory()[1] - before < octets
    finally:
        tracemalloc.stop()


def header(first: int, length: int) -> bytes:
    """Return a header with a length of eight octets, whatever it is."""
    return bytes([first, 127]) + length.to_bytes(8, "big")


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def close_frame(code: int, reason: bytes = b"") -> bytes:
    payload = code.to_bytes(2, "big") + reason
    return bytes([0x88, len(payload)]) + payload


NOTHING = Agreement()
BOMB = deflated(bytes(10_000_000))

HOSTILE: dict[str, tuple[Agreement, bytes, int]] = {
    "RSV1 without an agreement": (NOTHING, b"\xc2\x01x", PROTOCOL_ERROR),
    "RSV2": (NOTHING, b"\xa2\x01x", PROTOCOL_ERROR),
    "RSV3": (NOTHING, b"\x92\x01x", PROTOCOL_ERROR),
    "RSV1 of a Ping": (AGREED, b"\xc9\x01x", PROTOCOL_ERROR),
    "RSV1 of a continuation": (AGREED, b"\x02\x01x\xc0\x01x", PROTOCOL_ERROR),
    "RSV2 with deflate": (AGREED, b"\xe2\x01x", PROTOCOL_ERROR),
    "a mask": (NOTHING, encode_frame(2, b"x", masked=True), PROTOCOL_ERROR),
    "a masked Close": (NOTHING, encode_frame(8, b"", masked=True), PROTOCOL_ERROR),
    **{
        f"opcode {opcode}": (NOTHING, bytes([0x80 | opcode, 0]), PROTOCOL_ERROR)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    **{
        f"close code {code}": (NOTHING, close_frame(code), PROTOCOL_ERROR)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
    "half a close code": (NOTHING, b"\x88\x01\x03", PROTOCOL_ERROR),
    "a reason that is no UTF-8": (NOTHING, close_frame(1000, b"\xff"), INVALID),
    "a Ping in fragments": (NOTHING, b"\x09\x01x", PROTOCOL_ERROR),
    "a Close in fragments": (NOTHING, b"\x08\x00", PROTOCOL_ERROR),
    "a long Ping": (NOTHING, b"\x89\x7e\x00\x7e" + bytes(126), PROTOCOL_ERROR),
    "a Pong of 2**62 octets": (NOTHING, header(0x8A, 1 << 62), PROTOCOL_ERROR),
    "a length that fits in 7 bits": (NOTHING, b"\x82\x7e\x00\x01x", PROTOCOL_ERROR),
    "a length that fits in 16 bits": (NOTHING, header(0x82, 300), PROTOCOL_ERROR),
    "a length of 64 bits": (NOTHING, header(0x82, 1 << 63), PROTOCOL_ERROR),
    "the largest length": (NOTHING, header(0x82, (1 << 63) - 1), TOO_BIG),
    "a length over the limit": (NOTHING, b"\x82\x7e\x03\xe9", TOO_BIG),
    "fragments over the limit": (
        NOTHING,
        b"\x02\x7e\x03\xe8" + bytes(1000) + b"\x00\x01",
        TOO_BIG,
    ),
    "a compressed length over the limit": (AGREED, header(0xC2, 1 << 40), TOO_BIG),
    "an inflate bomb": (AGREED, b"\xc2\x7e\x04\x4c" + BOMB[:1100], TOO_BIG),
    "an inflate bomb in fragments": (
        AGREED,
        b"\x42\x7d" + BOMB[:125] + b"\x80\x7d" + BOMB[125:250],
        TOO_BIG,
    ),
    "no DEFLATE data": (AGREED, b"\xc2\x03\xff\xff\xff", INVALID),
    "a continuation of nothing": (NOTHING, b"\x80\x01x", PROTOCOL_ERROR),
    "a message in a message": (NOTHING, b"\x01\x01x\x81\x01x", PROTOCOL_ERROR),
    "no UTF-8": (NOTHING, b"\x81\x02\xc0\xaf", INVALID),
    "no UTF-8, and more to come": (NOTHING, b"\x01\x7d\xf4\x90", INVALID),
    "a surrogate across fragments": (NOTHING, b"\x01\x01\xed\x80\x02\xa0\x80", INVALID),
}


@pytest.mark.parametrize(("agreement", "octets", "code"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("how", ["whole", "byte by byte", "with more behind it"])
async def test_a_violation_closes_with_its_code(
    agreement: Agreement, octets: bytes, code: int, how: str
) -> None:
    ws, server = open_pair(agreement, max_msg_size=LIMIT)
    receiving = asyncio.ensure_future(ws.receive())
    await turns()
    with at_most(1_000_000):
        if how == "byte by byte":
            for octet in octets:
                server.transport.write(bytes([octet]))
        else:
            server.transport.write(octets + b"\x81\x05never" * (how == "with more behind it"))
        message = await receiving
    assert message.type is WSMsgType.ERROR
    assert isinstance(message.data, WebSocketError)
    assert message.data.code == ws.close_code == code
    assert len(str(message.data)) < 500
    await turns()
    [(opcode, payload)] = server.frames()
    assert opcode == 8
    assert decode_close(payload)[0] == code
    assert server.ended
    assert ws.closed
    assert (await ws.receive()).type is WSMsgType.CLOSED
    with pytest.raises(ConnectionResetError):
        await ws.send_str("x")


@pytest.mark.parametrize("deflate", [False, True])
async def test_a_flood_of_pings_makes_nothing_grow(deflate: bool) -> None:
    ws, server = open_pair(AGREED if deflate else NOTHING)
    block = b"\x89\x7d" + bytes(125)
    server.transport.pause_reading()  # it wants no answers
    block *= 500
    with at_most(2_000_000):
        for _ in range(200):
            server.transport.write(block)
            await turns(3)
    assert not server.ended
    server.transport.resume_reading()
    await turns()
    pongs = server.frames()
    assert 16 <= len(pongs) < 2000
    await asyncio.gather(ws.close(), close_of(server))


async def close_of(server: Server) -> None:
    """Answer the client's Close."""
    await turns()
    server.transport.write(close_frame(1000))


@pytest.mark.parametrize(
    "fragment", [b"\x00\x01x", b"\x00\x00", b"\x00\x01x\x89\x00"], ids=["short", "empty", "Pings"]
)
async def test_endless_fragments_make_nothing_grow(fragment: bytes) -> None:
    ws, server = open_pair(NOTHING, max_msg_size=100_000)
    receiving = asyncio.ensure_future(ws.receive())
    server.transport.write(b"\x02\x01x")
    await turns()
    block = fragment * 1000
    with at_most(1_000_000):
        for _ in range(101):
            server.transport.write(block)
            await turns(3)
    if b"x" in fragment:
        message = await receiving
        assert message.data.code == ws.close_code == TOO_BIG
        assert server.frames()[-1][0] == 8
        assert server.ended
    else:
        assert not receiving.done()
        server.transport.write(b"\x80\x00")
        assert (await receiving).data == b"x"
        await asyncio.gather(ws.close(), close_of(server))


async def test_a_bomb_is_not_expanded_beyond_the_limit() -> None:
    ws, server = open_pair(AGREED, max_msg_size=100_000)
    assert len(BOMB) < 12_000
    frame = b"\xc2\x7e" + len(BOMB).to_bytes(2, "big") + BOMB
    receiving = asyncio.ensure_future(ws.receive())
    with at_most(1_000_000):
        server.transport.write(frame)
        message = await receiving
    assert message.data.code == ws.close_code == TOO_BIG
    await turns()
    assert server.ended


async def test_a_bomb_without_a_limit_is_expanded_as_it_is_taken() -> None:
    ws, server = open_pair(AGREED, max_msg_size=0)
    server.transport.write(b"\xc2\x7e" + len(BOMB).to_bytes(2, "big") + BOMB)
    size = 0
    with at_most(3_000_000):
        async with ws.receive_parts() as parts:
            async for part in parts:
                size += len(part)
    assert size == 10_000_000
    await asyncio.gather(ws.close(), close_of(server))


async def test_every_frame_has_a_fresh_mask() -> None:
    ws, server = open_pair(NOTHING)
    for _ in range(600):
        await ws.send_bytes(b"1234")
    await turns(700)
    assert len(server.received) == 600 * 10
    keys = {bytes(server.received[at + 2 : at + 6]) for at in range(0, 6000, 10)}
    # Of 600 keys of 32 random bits two are the same once in 24,000 runs; three never are.
    assert len(keys) >= 598
    octets = b"".join(keys)
    assert len(set(octets)) > 250
    await asyncio.gather(ws.close(), close_of(server))


INJECTION = "x\r\nX-Injected: 1"


@pytest.mark.parametrize(
    "options",
    [
        {"protocols": [INJECTION]},
        {"protocols": ["chat, superchat"]},
        {"origin": INJECTION},
        {"origin": "http://example.org\n"},
        {"key": INJECTION},
    ],
    ids=repr,
)
def test_no_field_is_injected_by_the_handshake(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not") as caught:
        ClientHandshake(**options)
    assert "\n" not in str(caught.value)
    assert "\r" not in str(caught.value)


@pytest.mark.parametrize("name", ["server_max_window_bits", "client_max_window_bits"])
def test_no_field_is_injected_by_the_offer(name: str) -> None:
    parameters: dict[str, Any] = {name: f"15{INJECTION}"}
    with pytest.raises(TypeError, match=f"{name} must be an integer"):
        DeflateOffer(**parameters)
