"""What --include, --verbose and --timing show of the responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from whimbrel import ClientResponse

__all__ = ["request_lines", "response_head", "timing_table", "visible"]

_PHASES = ("queue", "dns", "connect", "proxy", "tls", "first_byte", "transfer", "total")


def response_head(response: ClientResponse) -> bytes:
    """Return the response's head as it came, ended by an empty line."""
    version = response.version
    assert version is not None, "a response that has arrived has a version"
    status_line = f"HTTP/{version.major}.{version.minor} {response.status} {response.reason or ''}"
    lines = [status_line.rstrip().encode("utf-8", "surrogateescape")]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"", b""])


def request_lines(response: ClientResponse) -> list[str]:
    """Return the lines of the head that `response` answers."""
    info = response.request_info
    lines = [f"{info.method} {info.url.raw_path_qs} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in info.headers.items()]
    return lines


def visible(line: str) -> str:
    """Return `line` with control characters escaped: a peer must not steer the terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in line
    )


def timing_table(responses: Sequence[ClientResponse]) -> Iterable[str]:
    """Return the lines of a table: a row per response, a column per phase, in milliseconds."""
    heads = [phase.replace("_", " ") for phase in _PHASES]
    widths = [max(len(head), 9) for head in heads]
    titles = "  ".join(head.rjust(width) for head, width in zip(heads, widths, strict=True))
    yield f"{titles}  connection  status  url (times in ms)"
    for response in responses:
        cells = "  ".join(
            _milliseconds(getattr(response.timings, phase)).rjust(width)
            for phase, width in zip(_PHASES, widths, strict=True)
        )
        connection = "reused" if response.timings.reused else "new"
        yield f"{cells}  {connection:>10}  {response.status:>6}  {response.url}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"
