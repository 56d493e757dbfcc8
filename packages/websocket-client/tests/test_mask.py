"""Masking against the definition of RFC 6455, section 5.3, octet by octet."""

from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client._mask import apply_mask


def by_definition(data: bytes, mask: bytes) -> bytes:
    return bytes(octet ^ mask[index % 4] for index, octet in enumerate(data))


@given(data=st.binary(max_size=200), mask=st.binary(min_size=4, max_size=4))
def test_every_octet_is_masked_by_its_turn(data: bytes, mask: bytes) -> None:
    assert apply_mask(data, mask) == by_definition(data, mask)
    assert apply_mask(apply_mask(data, mask), mask) == data


@given(
    size=st.integers(16 * 1024 - 9, 3 * 16 * 1024 + 9),
    mask=st.binary(min_size=4, max_size=4),
)
def test_blocks_join_without_a_seam(size: int, mask: bytes) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert apply_mask(data, mask) == by_definition(data, mask)


def test_any_bytes_like_is_taken() -> None:
    for data in (b"abcdefg", bytearray(b"abcdefg"), memoryview(b"abcdefg")):
        assert apply_mask(data, b"\x01\x02\x03\x04") == by_definition(
            b"abcdefg", b"\x01\x02\x03\x04"
        )


def test_leading_and_trailing_zeros_survive() -> None:
    assert apply_mask(bytes(9), bytes(4)) == bytes(9)
    assert apply_mask(b"", b"abcd") == b""
