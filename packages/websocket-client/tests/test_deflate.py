"""Compressed messages: the RFC's examples, every parameter, hostile peers, and other zlibs."""

import importlib
import random
import tracemalloc
import weakref
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import Role, WebSocketError
from whimbrel_websocket_client._deflate import Deflater, Inflater, ZlibBackend
from whimbrel_websocket_client.extensions import DeflateOffer, DeflateParameters, parse_extensions

TAIL = b"\x00\x00\xff\xff"


def available(*names: str) -> Iterator[ZlibBackend]:
    for name in names:
        try:
            yield importlib.import_module(name)
        except ModuleNotFoundError:
            continue


# The others are used where they are installed, as in the workspace's everyday environment.
BACKENDS = list(available("zlib", "isal.isal_zlib", "zlib_ng.zlib_ng"))
every_backend = pytest.mark.parametrize(
    "backend", BACKENDS, ids=[str(getattr(backend, "__name__", "")) for backend in BACKENDS]
)


def expand(inflater: Inflater, payload: bytes, *, step: int = 0, max_length: int = 0) -> bytes:
    """Return a whole message, fed in steps and fetched in steps; 0 for all at once."""
    step = step or len(payload) or 1
    pieces = []
    for start in range(0, max(len(payload), 1), step):
        last = start + step >= len(payload)
        chunk = payload[start : start + step]
        piece = inflater.inflate(chunk, last=last, limit=0, max_length=max_length)
        pieces.append(piece)
        while inflater.pending:
            piece = inflater.inflate(b"", last=last, limit=0, max_length=max_length)
            pieces.append(piece)
    assert max_length == 0 or all(len(piece) <= max_length for piece in pieces)
    return b"".join(pieces)


def client_inflater(**parameters: Any) -> Inflater:
    return Inflater(DeflateParameters(**parameters), Role.CLIENT)


# RFC 7692, sections 7.2.3.1 to 7.2.3.6: messages of one connection, one after the other.
EXAMPLES = {
    "one block": [("f2 48 cd c9 c9 07 00", b"Hello")],
    "shared window": [("f2 48 cd c9 c9 07 00", b"Hello"), ("f2 00 11 00 00", b"Hello")],
    "own window": [("f2 48 cd c9 c9 07 00", b"Hello"), ("f2 48 cd c9 c9 07 00", b"Hello")],
    "no compression": [("00 05 00 fa ff 48 65 6c 6c 6f 00", b"Hello")],
    "BFINAL": [("f3 48 cd c9 c9 07 00 00", b"Hello"), ("f3 48 cd c9 c9 07 00 00", b"Hello")],
    "two blocks": [("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", b"Hello")],
    "empty": [("00", b""), ("00", b""), ("f2 48 cd c9 c9 07 00", b"Hello"), ("00", b"")],
    # Not in the RFC, and with one meaning only.
    "nothing": [("", b""), ("f2 48 cd c9 c9 07 00", b"Hello"), ("", b"")],
    "BFINAL only": [("f3 48 cd c9 c9 07 00", b"Hello"), ("f2 48 cd c9 c9 07 00", b"Hello")],
    "two streams": [("f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00", b"HelloHello")],
    "stream and block": [("f3 48 cd c9 c9 07 00 f2 48 cd c9 c9 07 00", b"HelloHello")],
    "BFINAL, empty": [("03 00 03 00 03 00 00", b"")],
}


@every_backend
@pytest.mark.parametrize("messages", EXAMPLES.values(), ids=EXAMPLES)
@pytest.mark.parametrize(("step", "max_length"), [(0, 0), (1, 0), (3, 0), (0, 1), (1, 1), (0, 5)])
def test_the_rfcs_examples(
    messages: list[tuple[str, bytes]], step: int, max_length: int, backend: ZlibBackend
) -> None:
    inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=backend)
    for payload, expected in messages:
        data = bytes.fromhex(payload)
        assert expand(inflater, data, step=step, max_length=max_length) == expected
        assert not inflater.pending


def test_a_window_is_not_shared_without_agreement() -> None:
    inflater = client_inflater(server_no_context_takeover=True)
    assert expand(inflater, bytes.fromhex("f2 48 cd c9 c9 07 00")) == b"Hello"
    with pytest.raises(WebSocketError, match="too far back") as caught:
        expand(inflater, bytes.fromhex("f2 00 11 00 00"))
    assert caught.value.code == 1007


@every_backend
def test_what_is_compressed_is_plain_deflate(backend: ZlibBackend) -> None:
    deflater = Deflater(DeflateParameters(), Role.CLIENT, zlib=backend)
    judge = zlib.decompressobj(-15)
    for message in (b"Hello", b"Hello", b"", b"", b"Hello" * 100, b""):
        payload = deflater.deflate(message, fin=True)
        assert not payload.endswith(TAIL)
        assert judge.decompress(payload + TAIL) == message
        assert not judge.eof
        assert judge.decompress(b"") == b""


@every_backend
def test_the_window_is_used_over_messages_and_fragments(backend: ZlibBackend) -> None:
    noise = random.Random(1).randbytes(1000)
    deflater = Deflater(DeflateParameters(), Role.CLIENT, zlib=backend)
    assert len(deflater.deflate(noise, fin=True)) > 900
    assert len(deflater.deflate(noise, fin=False)) < 100
    assert len(deflater.deflate(noise, fin=True)) < 100


@every_backend
def test_every_message_begins_anew_without_takeover(backend: ZlibBackend) -> None:
    parameters = DeflateParameters(client_no_context_takeover=True)
    deflater = Deflater(parameters, Role.CLIENT, zlib=backend)
    noise = random.Random(1).randbytes(1000)
    for _ in range(3):
        first = deflater.deflate(noise, fin=False)
        again = deflater.deflate(noise, fin=True)
        assert zlib.decompressobj(-15).decompress(first + again + TAIL) == noise * 2
        assert len(again) < 100


def test_fragments_can_be_read_before_the_next_one() -> None:
    deflater = Deflater(DeflateParameters(), Role.CLIENT)
    inflater = Inflater(DeflateParameters(), Role.SERVER)
    for part, last in ((b"one", False), (b"", False), (b"two", False), (b"", True)):
        payload = deflater.deflate(part, fin=last)
        assert inflater.inflate(payload, last=last, limit=0) == part


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("bits", [8, 15])
def test_kinds_of_payload(kind: type[Any], bits: int) -> None:
    parameters = DeflateParameters(client_max_window_bits=bits)
    data = bytes(range(256)) * 3
    payload = Deflater(parameters, Role.CLIENT).deflate(kind(data), fin=True)
    assert expand(Inflater(parameters, Role.SERVER), payload) == data


def test_each_side_has_its_own_parameters() -> None:
    """What one side compresses with, the other one expands with."""
    parameters = DeflateParameters(8, 15, True, False)
    noise = random.Random(1).randbytes(1000)
    for sender, receiver, is_short in (
        (Role.CLIENT, Role.SERVER, True),
        (Role.SERVER, Role.CLIENT, False),
    ):
        deflater = Deflater(parameters, sender)
        inflater = Inflater(parameters, receiver)
        assert expand(inflater, deflater.deflate(noise, fin=True)) == noise
        again = deflater.deflate(noise, fin=True)
        assert (len(again) < 100) is is_short
        assert expand(inflater, again) == noise


# Windows, measured by a reader of DEFLATE that knows nothing of zlib (RFC 1951).


class BitReader:
    """Bits of a stream, the lowest one of an octet first."""

    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{octet:08b}"[::-1] for octet in data)
        self._position = 0

    @property
    def ended(self) -> bool:
        return self._position >= len(self._bits)

    def number(self, count: int) -> int:
        bits = self._bits[self._position : self._position + count]
        assert len(bits) == count
        self._position += count
        return int(bits[::-1] or "0", 2)

    def skip_octets(self, count: int) -> None:
        self._position += count * 8

    def align(self) -> None:
        self._position = -(-self._position // 8) * 8

    def symbol(self, codes: dict[str, int]) -> int:
        for length in range(1, 16):
            code = self._bits[self._position : self._position + length]
            if code in codes:
                self._position += length
                return codes[code]
        raise AssertionError("no such code")


def huffman(lengths: list[int]) -> dict[str, int]:
    """Return the symbols by their codes (section 3.2.2)."""
    codes = {}
    code = 0
    for length in range(1, 16):
        for symbol, own in enumerate(lengths):
            if own == length:
                codes[f"{code:0{length}b}"] = symbol
                code += 1
        code <<= 1
    return codes


ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)


def code_tables(reader: BitReader) -> tuple[dict[str, int], dict[str, int]]:
    """Read the codes of a dynamic block (section 3.2.7)."""
    literals, distances, count = reader.number(5) + 257, reader.number(5) + 1, reader.number(4) + 4
    sizes = [0] * 19
    for index in ORDER[:count]:
        sizes[index] = reader.number(3)
    codes = huffman(sizes)
    lengths: list[int] = []
    while len(lengths) < literals + distances:
        symbol = reader.symbol(codes)
        if symbol < 16:
            lengths.append(symbol)
        elif symbol == 16:
            lengths += lengths[-1:] * (3 + reader.number(2))
        else:
            lengths += [0] * (3 + reader.number(3) if symbol == 17 else 11 + reader.number(7))
    return huffman(lengths[:literals]), huffman(lengths[literals:])


FIXED = (huffman([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8), huffman([5] * 30))


def match_length(reader: BitReader, symbol: int) -> int:
    """Read the length of a match (section 3.2.5)."""
    if symbol == 285:
        return 258
    if symbol < 265:
        return symbol - 254
    extra = (symbol - 261) // 4
    return 3 + ((4 + (symbol - 265) % 4) << extra) + reader.number(extra)


def match_distance(reader: BitReader, symbol: int) -> int:
    if symbol < 4:
        return symbol + 1
    extra = symbol // 2 - 1
    return 1 + ((2 + symbol % 2) << extra) + reader.number(extra)


def farthest(data: bytes) -> int:
    """Return the largest distance in a stream, or 0 where nothing refers to anything."""
    reader = BitReader(data)
    largest = 0
    while not reader.ended:
        reader.number(1)
        kind = reader.number(2)
        if kind == 0:
            reader.align()
            size = reader.number(16)
            assert reader.number(16) == size ^ 0xFFFF
            reader.skip_octets(size)
        else:
            literals, distances = FIXED if kind == 1 else code_tables(reader)
            while (symbol := reader.symbol(literals)) != 256:
                if symbol > 256:
                    match_length(reader, symbol)
                    largest = max(largest, match_distance(reader, reader.symbol(distances)))
        # A flush follows: an empty block to the next octet.
    return largest


def repetitive(seed: int, size: int) -> bytes:
    """Return data in which the same strings come again at every distance."""
    source = random.Random(seed)
    words = [source.randbytes(7) for _ in range(20)]
    return b"".join(source.choices(words, k=size // 7))


@every_backend
@pytest.mark.parametrize("bits", range(8, 16))
@pytest.mark.parametrize("level", [None, 2, 3])
def test_nothing_refers_beyond_the_agreed_window(
    backend: ZlibBackend, bits: int, level: int | None
) -> None:
    parameters = DeflateParameters(client_max_window_bits=bits)
    deflater = Deflater(parameters, Role.CLIENT, zlib=backend)
    sizes = (100, 300, 9000)
    messages = [repetitive(seed, size) for seed in (1, 2) for size in sizes] * 2
    stream = b""
    for message in messages:
        stream += deflater.deflate(message[:99], fin=False, level=level)
        stream += deflater.deflate(message[99:], fin=True) + TAIL
    assert farthest(stream) <= 1 << bits
    assert zlib.decompressobj(-15).decompress(stream) == b"".join(messages)


def test_the_reader_sees_how_far_a_stream_refers() -> None:
    noise = random.Random(1).randbytes(30_000)
    stream = Deflater(DeflateParameters(), Role.CLIENT).deflate(noise + noise[:500], fin=False)
    assert farthest(stream) == 30_000


def test_a_narrow_window_still_compresses() -> None:
    parameters = DeflateParameters(client_max_window_bits=8)
    assert len(Deflater(parameters, Role.CLIENT).deflate(b"abc" * 10_000, fin=True)) < 3000


@pytest.mark.parametrize("bits", range(8, 15))
def test_a_peer_does_not_go_beyond_its_window(bits: int) -> None:
    """It is taken at its word: no more memory is kept for what came before."""
    noise = random.Random(bits).randbytes(1 << bits)
    stream = zlib.compressobj(wbits=-15)
    inflater = client_inflater(server_max_window_bits=bits)
    for message in (noise[:64], noise):
        data = stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)
        assert expand(inflater, data.removesuffix(TAIL), step=16) == message
    data = stream.compress(noise[:64]) + stream.flush(zlib.Z_SYNC_FLUSH)
    assert len(data) < 64
    # From here it is a window's length to the beginning of the last message: just near enough.
    assert expand(inflater, data.removesuffix(TAIL)) == noise[:64]
    far = zlib.compressobj(wbits=-15, zdict=noise[:64] + bytes(1 << bits))
    data = far.compress(noise[:64]) + far.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(WebSocketError, match="too far back") as caught:
        expand(inflater, data.removesuffix(TAIL))
    assert caught.value.code == 1007


# Round trips


MESSAGES = st.lists(
    st.tuples(
        st.lists(
            st.binary(max_size=40)
            | st.builds(repetitive, st.integers(0, 3), st.integers(0, 4000))
            | st.builds(bytes, st.integers(0, 100_000)),
            min_size=1,
            max_size=4,
        ),
        st.sampled_from([None, None, 1, 2, 3]),
    ),
    max_size=6,
)


@given(
    messages=MESSAGES,
    bits=st.integers(8, 15),
    resets=st.booleans(),
    role=st.sampled_from(Role),
    backends=st.tuples(st.sampled_from(BACKENDS), st.sampled_from(BACKENDS)),
    step=st.sampled_from([0, 1, 7, 1000]),
    max_length=st.sampled_from([0, 0, 50, 4096]),
)
def test_what_is_compressed_comes_out(  # noqa: PLR0917 - hypothesis names them all
    messages: list[tuple[list[bytes], int | None]],
    bits: int,
    resets: bool,
    role: Role,
    backends: tuple[ZlibBackend, ZlibBackend],
    step: int,
    max_length: int,
) -> None:
    if role is Role.CLIENT:
        parameters = DeflateParameters(
            client_max_window_bits=bits, client_no_context_takeover=resets
        )
        peer = Role.SERVER
    else:
        parameters = DeflateParameters(
            server_max_window_bits=bits, server_no_context_takeover=resets
        )
        peer = Role.CLIENT
    deflater = Deflater(parameters, role, zlib=backends[0])
    inflater = Inflater(parameters, peer, zlib=backends[1])
    for parts, level in messages:
        payload = b"".join(
            deflater.deflate(part, fin=index == len(parts) - 1, level=level)
            for index, part in enumerate(parts)
        )
        whole = b"".join(parts)
        # Steps are for what is small; a large one would take long.
        small = len(whole) < 5000
        assert expand(inflater, payload, step=small and step, max_length=max_length) == whole


@pytest.mark.parametrize("level", range(1, 10))
def test_a_level_for_one_message(level: int) -> None:
    """Another level has a window of its own, and the usual one must not refer across it."""
    deflater = Deflater(DeflateParameters(), Role.CLIENT)
    inflater = Inflater(DeflateParameters(), Role.SERVER)
    texts = [repetitive(seed, 3000) for seed in range(3)]
    for text, own in ((texts[0], None), (texts[1], level), (texts[0], None), (texts[1], None)):
        payload = deflater.deflate(text[:50], fin=False, level=own)
        # It belongs to the message: later fragments go on with it, whatever they say.
        payload += deflater.deflate(text[50:], fin=True, level=3)
        assert expand(inflater, payload) == text


def test_a_high_level_makes_it_smaller() -> None:
    text = repetitive(1, 30_000)
    sizes = [
        len(Deflater(DeflateParameters(), Role.CLIENT).deflate(text, fin=True, level=level))
        for level in (1, 9)
    ]
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("level", [0, -1, 10, 15])
def test_levels_that_there_are_not(level: int) -> None:
    deflater = Deflater(DeflateParameters(), Role.CLIENT)
    inflater = Inflater(DeflateParameters(), Role.SERVER)
    assert expand(inflater, deflater.deflate(b"Hello", fin=True)) == b"Hello"
    with pytest.raises(ValueError, match=f"from 1 to 9, not {level}"):
        deflater.deflate(b"Hello", fin=True, level=level)
    assert expand(inflater, deflater.deflate(b"Hello", fin=True)) == b"Hello"


def test_levels_that_the_module_has_not() -> None:
    backend = next(available("isal.isal_zlib"), None)
    if backend is None:
        pytest.skip("isal is not installed")
    deflater = Deflater(DeflateParameters(), Role.CLIENT, zlib=backend)
    with pytest.raises(ValueError, match="the zlib module in use has no level 9"):
        deflater.deflate(b"Hello", fin=True, level=9)
    assert zlib.decompress(deflater.deflate(b"Hello", fin=True) + TAIL + b"\3\0", -15) == b"Hello"


# What is allocated, and what goes through: a module that counts.


class CountingStream:
    def __init__(self, zlib: "CountingZlib", stream: Any) -> None:
        self._zlib = zlib
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._stream, name)
        if isinstance(value, bytes):
            self._zlib.copied += len(value)
        return value

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        output: bytes = self._stream.decompress(data, max_length)
        self._zlib.taken += len(data)
        self._zlib.produced += len(output)
        return output

    def compress(self, data: bytes) -> bytes:
        if self._zlib.fails:
            self._stream.compress(data)
            raise MemoryError
        compressed: bytes = self._stream.compress(data)
        return compressed


class CountingZlib:
    """The standard library's zlib, and what it was asked for."""

    error = zlib.error
    Z_SYNC_FLUSH = zlib.Z_SYNC_FLUSH
    Z_FULL_FLUSH = zlib.Z_FULL_FLUSH

    def __init__(self) -> None:
        self.alive: weakref.WeakSet[CountingStream] = weakref.WeakSet()
        self.made = self.taken = self.produced = self.copied = 0
        self.fails = False
        self.levels: list[int] = []

    def compressobj(self, *, level: int, wbits: int) -> Any:
        self.levels.append(level)
        return self._add(zlib.compressobj(level=level, wbits=wbits))

    def decompressobj(self, *, wbits: int) -> Any:
        return self._add(zlib.decompressobj(wbits=wbits))

    def _add(self, stream: Any) -> CountingStream:
        counting = CountingStream(self, stream)
        self.alive.add(counting)
        self.made += 1
        return counting


def test_every_message_has_its_level() -> None:
    counting = CountingZlib()
    deflater = Deflater(DeflateParameters(), Role.CLIENT, zlib=counting)
    for level in (None, 1, 9, 9, None, 4):
        deflater.deflate(b"Hello", fin=False, level=level)
        deflater.deflate(b"Hello", fin=True, level=2)
    assert counting.levels == [1, 9, 1, 4]


@pytest.mark.parametrize("resets", [False, True])
def test_memory_is_taken_with_the_first_message_and_given_back(resets: bool) -> None:
    counting = CountingZlib()
    parameters = DeflateParameters(
        server_no_context_takeover=resets, client_no_context_takeover=resets
    )
    deflater = Deflater(parameters, Role.CLIENT, zlib=counting)
    inflater = Inflater(parameters, Role.SERVER, zlib=counting)
    assert counting.made == 0
    for _ in range(3):
        part = deflater.deflate(b"Hello", fin=False)
        assert inflater.inflate(part, last=False, limit=0) == b"Hello"
        assert len(counting.alive) == 2
        part = deflater.deflate(b"Hello", fin=True)
        assert inflater.inflate(part, last=True, limit=0) == b"Hello"
        assert len(counting.alive) == (0 if resets else 2)
    assert counting.made == (6 if resets else 2)
    deflater.deflate(b"Hello", fin=False)
    deflater.close()
    inflater.inflate(b"\xf2\x48", last=False, limit=0, max_length=1)
    inflater.close()
    assert len(counting.alive) == 0
    assert not inflater.pending


def test_an_empty_message_takes_no_memory() -> None:
    counting = CountingZlib()
    deflater = Deflater(DeflateParameters(), Role.CLIENT, zlib=counting)
    assert deflater.deflate(b"", fin=True) == b"\0"
    inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=counting)
    assert inflater.inflate(b"", last=True, limit=10) == b""
    assert counting.made == 0


def test_small_windows_take_little_memory() -> None:
    sizes = []
    for bits in (9, 15):
        deflater = Deflater(DeflateParameters(client_max_window_bits=bits), Role.CLIENT)
        tracemalloc.start()
        deflater.deflate(b"Hello", fin=True)
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert sizes[0] < 150_000 < sizes[1] < 300_000


def test_a_failed_message_leaves_nothing_behind() -> None:
    counting = CountingZlib()
    deflater = Deflater(DeflateParameters(), Role.CLIENT, zlib=counting)
    inflater = Inflater(DeflateParameters(), Role.SERVER)
    assert expand(inflater, deflater.deflate(b"Hello", fin=True)) == b"Hello"
    counting.fails = True
    with pytest.raises(MemoryError):
        deflater.deflate(b"never sent", fin=True)
    counting.fails = False
    assert expand(inflater, deflater.deflate(b"Hello", fin=True)) == b"Hello"


# Hostile peers


def bomb(size: int) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    data = stream.compress(bytes(size)) + stream.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(TAIL)


@pytest.mark.parametrize("limit", [1, 1000, 65_536, 999_999])
@pytest.mark.parametrize("step", [1, 100, 10**6])
@pytest.mark.parametrize("max_length", [0, 10_000])
def test_a_bomb_is_put_out(limit: int, step: int, max_length: int) -> None:
    counting = CountingZlib()
    inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=counting)
    data = bomb(10**6)

    def feed() -> None:
        for start in range(0, len(data), step):
            last = start + step >= len(data)
            chunk = data[start : start + step]
            inflater.inflate(chunk, last=last, limit=limit, max_length=max_length)
            while inflater.pending:
                inflater.inflate(b"", last=last, limit=limit, max_length=max_length)

    with pytest.raises(WebSocketError, match=f"more than {limit} octets, the limit") as caught:
        feed()
    assert caught.value.code == 1009
    assert counting.produced == limit + 1


def test_the_limit_is_for_a_whole_message_and_for_each() -> None:
    deflater = Deflater(DeflateParameters(), Role.SERVER)
    inflater = client_inflater()
    for _ in range(3):
        for size, last in ((60, False), (40, True)):
            payload = deflater.deflate(bytes(size), fin=last)
            assert inflater.inflate(payload, last=last, limit=100) == bytes(size)
    inflater.inflate(deflater.deflate(bytes(60), fin=False), last=False, limit=100)
    with pytest.raises(WebSocketError, match="more than 100 octets"):
        inflater.inflate(deflater.deflate(bytes(41), fin=True), last=True, limit=100)


def test_a_bomb_without_a_limit_comes_in_steps() -> None:
    counting = CountingZlib()
    inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=counting)
    data = bomb(10**6)
    taken = len(inflater.inflate(data, last=True, limit=0, max_length=1000))
    assert taken == counting.produced == 1000
    while inflater.pending:
        before = counting.produced
        taken += len(inflater.inflate(b"", last=True, limit=0, max_length=1000))
        assert counting.produced <= before + 1000
    assert taken == 10**6
    # The next message is none of it.
    assert expand(inflater, b"\0") == b""


def test_more_input_may_come_before_the_rest_was_fetched() -> None:
    data = bomb(500_000)
    inflater = client_inflater()
    taken = inflater.inflate(data[:100], last=False, limit=0, max_length=100)
    assert inflater.pending
    taken += inflater.inflate(data[100:], last=True, limit=0)
    assert taken == bytes(500_000)
    assert not inflater.pending


@pytest.mark.parametrize(
    "data",
    [
        b"\x03\x00" * 20_000,
        b"\x01\x00\x00\xff\xff" * 10_000,
        b"\x01\x01\x00\xfe\xffx" * 8_000,
        b"\x00\x00\x00\xff\xff" * 10_000,
        random.Random(1).randbytes(50_000),
    ],
    ids=["final fixed", "final stored", "final with an octet", "stored", "noise in a block"],
)
def test_work_grows_with_the_input_only(data: bytes) -> None:
    """A stream that ends every other octet makes zlib copy what it leaves, every time."""
    if data[0] > 1 and len(data) == 50_000:
        size = len(data).to_bytes(2, "little")
        data = b"\0" + size + bytes(octet ^ 0xFF for octet in size) + data
    work = []
    for factor in (1, 2):
        counting = CountingZlib()
        inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=counting)
        inflater.inflate(data * factor, last=False, limit=0)
        work.append(counting.taken + counting.copied)
    assert work[1] < 2.5 * work[0]


@every_backend
@pytest.mark.parametrize(
    "payload",
    [
        "06",
        "07 00",
        "00 05 00 00 00",
        "f2 40 11 00",
        "f2 00 11 00 00",
        "04 ff ff ff ff ff ff",
        "03 00 ff ff ff ff",
        "f2 48 cd c9 c9 07 00 00 00 ff ff",
        "f3 48 cd c9 c9 07 00 07",
        "ff" * 40,
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_what_is_no_deflate(payload: str, step: int, backend: ZlibBackend) -> None:
    inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=backend)
    with pytest.raises(WebSocketError, match="compressed message") as caught:
        expand(inflater, bytes.fromhex(payload), step=step)
    assert caught.value.code == 1007
    assert len(str(caught.value)) < 200


@every_backend
@pytest.mark.parametrize("payload", ["00 05 00 fa ff 48 65", "f2 48 cd c9", "00 05 00", "f2"])
def test_a_message_that_ends_within_a_block(payload: str, backend: ZlibBackend) -> None:
    inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=backend)
    with pytest.raises(WebSocketError, match="compressed message") as caught:
        expand(inflater, bytes.fromhex(payload))
    assert caught.value.code == 1007


@given(
    data=st.binary(max_size=60) | st.builds(bytes.__add__, st.just(bomb(3000)[:8]), st.binary()),
    step=st.integers(1, 20),
    limit=st.sampled_from([0, 1, 100]),
    max_length=st.sampled_from([0, 1, 64]),
    backend=st.sampled_from(BACKENDS),
)
def test_any_octets_are_a_message_or_a_documented_error(
    data: bytes, step: int, limit: int, max_length: int, backend: ZlibBackend
) -> None:
    inflater = Inflater(DeflateParameters(), Role.CLIENT, zlib=backend)
    total = code = 0
    try:
        for start in range(0, len(data), step):
            last = start + step >= len(data)
            chunk = data[start : start + step]
            while chunk or inflater.pending:
                part = inflater.inflate(chunk, last=last, limit=limit, max_length=max_length)
                assert not max_length or len(part) <= max_length
                total += len(part)
                chunk = b""
    except WebSocketError as error:
        code = error.code
    assert code in (0, 1007, 1009)
    assert total <= limit or not limit


# Another implementation


SERVERS: list[dict[str, Any]] = [
    {},
    {"server_no_context_takeover": True},
    {"client_no_context_takeover": True},
    {"server_max_window_bits": 10},
    {"server_max_window_bits": 9, "client_max_window_bits": 9},
    {"client_max_window_bits": 8},
    {
        "server_no_context_takeover": True,
        "client_no_context_takeover": True,
        "server_max_window_bits": 12,
        "client_max_window_bits": 11,
    },
]
OFFERS = [
    DeflateOffer(),
    DeflateOffer(client_max_window_bits=False),
    DeflateOffer(11, 10),
    DeflateOffer(15, 15, server_no_context_takeover=True, client_no_context_takeover=True),
    DeflateOffer(server_no_context_takeover=True),
    DeflateOffer(client_no_context_takeover=True),
]


@pytest.mark.parametrize("settings", SERVERS, ids=str)
@pytest.mark.parametrize("offer", OFFERS, ids=DeflateOffer.header)
def test_the_server_of_websockets_understands(
    settings: dict[str, Any], offer: DeflateOffer
) -> None:
    deflate = pytest.importorskip("websockets.extensions.permessage_deflate")
    frames = pytest.importorskip("websockets.frames")
    factory = deflate.ServerPerMessageDeflateFactory(**settings)
    try:
        answer, peer = factory.process_request_params(
            parse_extensions([offer.header()])[0].parameters, []
        )
    except importlib.import_module("websockets.exceptions").NegotiationError:
        # It insists on a window that was not offered; the connection goes without compression.
        assert "client_max_window_bits" in settings
        assert offer.client_max_window_bits is False
        return
    header = "; ".join(
        ["permessage-deflate", *(name if v is None else f"{name}={v}" for name, v in answer)]
    )
    agreed = offer.agree(parse_extensions([header])[0])
    assert agreed.server_max_window_bits == peer.local_max_window_bits
    assert agreed.server_no_context_takeover == peer.local_no_context_takeover
    assert agreed.client_max_window_bits <= peer.remote_max_window_bits
    deflater = Deflater(agreed, Role.CLIENT)
    inflater = Inflater(agreed, Role.CLIENT)
    for number, size in enumerate((3000, 0, 40_000, 5, 3000)):
        text = repetitive(number % 2, size)
        parts = (text[:900], text[900:])
        received = b""
        expanded = b""
        for part, opcode in zip(parts, (frames.Opcode.BINARY, frames.Opcode.CONT), strict=True):
            fin = opcode is frames.Opcode.CONT
            payload = deflater.deflate(part, fin=fin)
            first = opcode is frames.Opcode.BINARY
            frame = peer.decode(frames.Frame(opcode, payload, fin=fin, rsv1=first))
            received += frame.data
            sent = peer.encode(frames.Frame(opcode, part, fin=fin))
            expanded += inflater.inflate(bytes(sent.data), last=fin, limit=len(text) + 1)
        assert received == expanded == text
