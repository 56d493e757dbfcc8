import gzip

import pytest

from whimbrel_http_parser import ContentCodingError, decoder_for
from whimbrel_http_parser.codings.testing import decode_in_steps


def test_what_comes_out_is_told_step_by_step() -> None:
    data = gzip.compress(b"abcdefg")
    steps = decode_in_steps(decoder_for([b"gzip"]), [data[:5], data[5:]], [3, 4])
    assert b"".join(steps) == b"abcdefg"
    assert [len(step) for step in steps[:3]] == [0, 4, 3]


def test_what_came_before_an_error_can_be_seen() -> None:
    outputs: list[bytes] = []
    with pytest.raises(ContentCodingError):
        decode_in_steps(decoder_for([b"gzip"]), [gzip.compress(b"abc")[:-1]], outputs=outputs)
    assert b"".join(outputs) == b"abc"


def test_no_decoder_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="no decoder"):
        decode_in_steps(decoder_for([b"lzw"]), [])


def test_a_decoder_that_gives_too_much_is_a_failure() -> None:
    class Careless:
        pending = False

        def decode(self, data: bytes, max_output: int) -> bytes:
            return data

        def finish(self) -> None:
            pass

    assert decode_in_steps(Careless(), [b"ab", b"c"], [2]) == [b"ab", b"c"]
    with pytest.raises(AssertionError, match="3 bytes came out, not 2"):
        decode_in_steps(Careless(), [b"abc"], [2])
