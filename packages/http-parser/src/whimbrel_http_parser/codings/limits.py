"""How much a coded body may expand to."""

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_DECODING_LIMITS", "DecodingLimits"]


@dataclass(frozen=True, slots=True)
class DecodingLimits:
    """Upper bounds for what the content codings of a body may do; `None` switches one off.

    `ratio` and `total` hold for the output of each coding of a stack, not only of the last one
    undone: a stack can be built so that all the work is in the middle and nothing comes out. The
    bytes up to the limit come out; the step in which one more would come raises.

    Args:
        codings: how many codings may be stacked, counted over all header lines. Five is what curl
            and urllib3 came to; each one multiplies what a body can expand to.
        ratio: decoded bytes for each coded byte received. One layer of deflate cannot exceed
            1032:1 by its format (258 bytes of output for 2 bits), so by default no plain gzip is
            refused, however well it compresses. brotli and zstd reach 30,000:1 and 600,000:1, and
            two layers of gzip 1,000,000:1, but only by repeating one thing for ever: log lines,
            JSON and CSV rows that differ in a number alone stay below 150:1 in every coding, and
            disk images with data in one block of a thousand below 1000:1. Each gzip member or
            zstd frame behind the first counts as 64 KiB besides what it decodes to, since that is
            the work it takes: by default a thousand of them are free, however small, and more if
            each has some 33 coded bytes.
        grace: decoded bytes before `ratio` is looked at, so that a small body of whatever
            contents is never refused. 64 MiB is what a process can hold for one response.
        total: decoded bytes at most. 64 GiB is more than one response is meant to carry, and ends
            an endless one before it has filled a disk; `ratio` already ties it to what the peer
            has to send. Who collects a body knows best how much is too much, and sets it to that.

    Raises:
        TypeError: a bound is not an integer, nor `None`; `grace` is never `None`.
        ValueError: a bound is negative, or `ratio` less than 1.
    """

    codings: int | None = 5
    ratio: int | None = 2000
    grace: int = 64 * 1024 * 1024
    total: int | None = 64 * 1024**3

    def __post_init__(self) -> None:
        for name, least in (("codings", 0), ("ratio", 1), ("grace", 0), ("total", 0)):
            value = getattr(self, name)
            if value is None and name != "grace":
                continue
            if not isinstance(value, int):
                raise TypeError(f"the limit {name!r} must be an integer")
            if value < least:
                raise ValueError(f"the limit {name!r} must be at least {least}")


DEFAULT_DECODING_LIMITS: Final = DecodingLimits()
