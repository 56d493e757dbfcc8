import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    KeepAlive,
    LocalProtocolError,
    format_keep_alive,
    parse_keep_alive,
)


@pytest.mark.parametrize(
    ("value", "timeout", "maximum"),
    [
        ("timeout=5, max=100", 5, 100),
        ("timeout=5", 5, None),
        ("MAX=1 , Timeout = 7", 7, 1),
        ('timeout="5"', 5, None),
        ("timeout=0", 0, None),
        ("timeout=5, timeout=6", 5, None),
        ("", None, None),
        ("timeout", None, None),
        ("timeout=", None, None),
        ("timeout=-1, max=+1", None, None),
        ("timeout=1.5", None, None),
        ("timeout=٥", None, None),  # noqa: RUF001 -- a digit that is not ASCII
        ("timeout=1234567890", None, None),
        ("300", None, None),
        ("timeout=x, max=2", None, 2),
    ],
)
def test_keep_alive(value: str, timeout: int | None, maximum: int | None) -> None:
    assert parse_keep_alive(value) == KeepAlive(timeout, maximum)


def test_several_field_lines_are_one_list() -> None:
    assert parse_keep_alive(["timeout=5", "max=1, timeout=6"]) == KeepAlive(5, 1)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (KeepAlive(5, 100), "timeout=5, max=100"),
        (KeepAlive(timeout=0), "timeout=0"),
        (KeepAlive(max=1), "max=1"),
        (KeepAlive(), ""),
    ],
)
def test_writing(value: KeepAlive, written: str) -> None:
    assert format_keep_alive(value) == written


@pytest.mark.parametrize("number", [-1, 1_000_000_000])
def test_numbers_out_of_bounds_are_not_written(number: int) -> None:
    with pytest.raises(LocalProtocolError):
        format_keep_alive(KeepAlive(timeout=number))
    with pytest.raises(LocalProtocolError):
        format_keep_alive(KeepAlive(max=number))


_NUMBERS = st.none() | st.integers(0, 999_999_999)


@given(_NUMBERS, _NUMBERS)
def test_what_is_written_is_read_back(timeout: int | None, maximum: int | None) -> None:
    value = KeepAlive(timeout, maximum)
    assert parse_keep_alive(format_keep_alive(value)) == value


@pytest.mark.parametrize("value", [KeepAlive(5.0), KeepAlive(max="5")])  # type: ignore[arg-type]  # what the test is about
def test_numbers_are_integers(value: KeepAlive) -> None:
    with pytest.raises(TypeError, match="must be an integer"):
        format_keep_alive(value)
