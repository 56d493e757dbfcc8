"""Masking against the definition of RFC 6455, section 5.3, octet by octet."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_websocket_client import _mask, protocol
from whimbrel_websocket_client._mask import (
    COMPILED,
    apply_mask,
    fresh_mask,
    mask_by_integers,
    mask_by_words,
)

Masking = Callable[[bytes, bytes, bytes], bytes]

# Words need the compiled module: what they are read by is not there otherwise.
FORMS: list[Masking] = [apply_mask, mask_by_integers, *([mask_by_words] if COMPILED else [])]

BLOCKS = (16 * 1024, 32 * 1024)


def by_definition(data: bytes, mask: bytes) -> bytes:
    return bytes(octet ^ mask[index % 4] for index, octet in enumerate(data))


def test_the_whole_core_is_compiled_or_nothing_of_it() -> None:
    for module in (_mask, protocol):
        assert COMPILED is (Path(str(module.__file__)).suffix != ".py")


@pytest.mark.parametrize("form", FORMS)
@given(
    data=st.binary(max_size=200),
    mask=st.binary(min_size=4, max_size=4),
    header=st.binary(max_size=14),
)
def test_every_octet_is_masked_by_its_turn(
    form: Masking, data: bytes, mask: bytes, header: bytes
) -> None:
    assert form(data, mask, header) == header + by_definition(data, mask)
    assert form(form(data, mask, b""), mask, b"") == data


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("more", [-9, -8, -1, 0, 1, 7, 8, 9])
def test_blocks_join_without_a_seam(form: Masking, block: int, count: int, more: int) -> None:
    size = count * block + more
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert form(data, b"\x80\x7f\x01\xff", b"head") == b"head" + by_definition(
        data, b"\x80\x7f\x01\xff"
    )


@pytest.mark.parametrize("size", [7, 40_000])
def test_any_bytes_like_is_taken(size: int) -> None:
    data = os.urandom(size)
    expected = by_definition(data, b"\x01\x02\x03\x04")
    for like in (data, bytearray(data), memoryview(data)):
        assert apply_mask(like, b"\x01\x02\x03\x04") == expected


def test_leading_and_trailing_zeros_survive() -> None:
    assert apply_mask(bytes(9), bytes(4)) == bytes(9)
    assert apply_mask(b"", b"abcd") == b""


def test_a_mask_is_not_given_twice() -> None:
    masks = [fresh_mask() for _ in range(2000)]
    assert {len(mask) for mask in masks} == {4}
    # 2,000 of 2**32: two are the same by chance in one run of two thousand; three pairs never.
    assert len(set(masks)) >= 1997


def test_threads_do_not_get_the_same_masks() -> None:
    taken: list[list[bytes]] = []
    threads = [
        threading.Thread(target=lambda: taken.append([fresh_mask() for _ in range(3000)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({mask for masks in taken for mask in masks}) >= 4 * 3000 - 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no other processes of the same keys")
def test_a_forked_process_does_not_go_on_with_the_same_masks() -> None:
    fresh_mask()  # now there are some in store
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(fresh_mask() for _ in range(100)))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert len(theirs) == 400
    ours = {fresh_mask() for _ in range(100)}
    assert len(ours & {theirs[start : start + 4] for start in range(0, 400, 4)}) <= 2
