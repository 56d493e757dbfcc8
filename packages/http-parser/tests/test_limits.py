import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from whimbrel_http_parser import (
    DEFAULT_LENIENCY,
    DEFAULT_LIMITS,
    STRICT,
    Leniency,
    LimitExceeded,
    Limits,
    RequestReader,
    ResponseReader,
)
from whimbrel_http_parser.testing import feed

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
UNITS = {"": 1, " KiB": 1024, " MiB": 1024**2}

LIMITS = {
    "start_line": 8192,
    "field_line": 16384,
    "fields": 128,
    "head": 131072,
    "chunk_line": 4096,
    "chunk_extensions": 16384,
    "trailers": 32768,
    "informational": 32,
}


def readme_rows(section: str) -> list[list[str]]:
    """Return the cells of the table in a section of the README, but for its heading."""
    text = README.split(f"\n### {section}\n")[1].split("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert rows
    return rows


def test_the_limits_are_those_values_and_the_readme_says_so() -> None:
    assert dataclasses.asdict(DEFAULT_LIMITS) == LIMITS
    in_readme = {}
    for name, default, *_ in readme_rows("Limits"):
        number, unit = re.fullmatch(r"(\d+)( \w+)?", default).groups("")  # type: ignore[union-attr]  # fails as well
        in_readme[name.strip("`")] = int(number) * UNITS[unit]
    assert in_readme == LIMITS


def test_the_leniency_is_that_and_the_readme_says_so() -> None:
    default = {
        "missing_reason_phrase": True,
        "bare_lf": False,
        "obs_fold": False,
        "leading_empty_line": False,
    }
    assert dataclasses.asdict(DEFAULT_LENIENCY) == default
    in_readme = {row[0].strip("`"): row[-1].startswith("on: ") for row in readme_rows("Leniencies")}
    assert in_readme == default


def test_strict_is_no_leniency() -> None:
    assert not any(dataclasses.asdict(STRICT).values())


def test_a_reader_has_the_defaults_unless_it_is_told_otherwise() -> None:
    # The first line is at the limit, and what is tolerated by default is tolerated.
    longest = b"HTTP/1.1 204\r\nA:" + b"b" * (LIMITS["field_line"] - 2) + b"\r\n\r\n"
    assert feed("longest", [longest], ResponseReader()).error is None
    feeding = feed("longer", [longest.replace(b"b", b"bb", 1)], ResponseReader())
    assert isinstance(feeding.error, LimitExceeded)
    target = b"/" * (LIMITS["start_line"] - len("GET  HTTP/1.1"))
    request = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"
    assert feed("longest", [request % target], RequestReader()).error is None
    feeding = feed("longer", [request % (target + b"/")], RequestReader())
    assert isinstance(feeding.error, LimitExceeded)


@pytest.mark.parametrize("make", [Limits, Leniency])
def test_values_are_frozen_and_compare_by_what_they_say(make: type[Any]) -> None:
    value = make()
    for field in dataclasses.fields(value):
        other = dataclasses.replace(value, **{field.name: not getattr(value, field.name)})
        assert other != value
        assert dataclasses.replace(other, **{field.name: field.default}) == value
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, field.default)


@pytest.mark.parametrize("name", LIMITS)
def test_no_limit_may_be_negative(name: str) -> None:
    assert getattr(Limits(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=name):
        Limits(**{name: -1})


@pytest.mark.parametrize("line", [b"A:\r\n", b"A: b\r\n", b"Name: value\r\n"])
@pytest.mark.parametrize("maximum", [1, 2, 10, 128])
@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 204 \r\n", b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"]
)
def test_so_many_lines_in_a_section_and_not_one_more(
    start: bytes, maximum: int, line: bytes
) -> None:
    # Of the shortest lines, too: a reader may count only where there is room for too many.
    limits = Limits(fields=maximum)
    whole = [start + line * maximum + b"\r\n"]
    assert feed("as many", whole, ResponseReader(limits=limits)).paused
    whole = [start + line * (maximum + 1) + b"\r\n"]
    error = feed("one more", whole, ResponseReader(limits=limits)).error
    assert isinstance(error, LimitExceeded)
    assert (error.limit, error.maximum) == ("fields", maximum)
