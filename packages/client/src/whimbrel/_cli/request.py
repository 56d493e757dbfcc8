"""From the options to what is requested: URL, method, header fields and body."""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from multidict import CIMultiDict
from yarl import URL

from whimbrel._cli.exits import CliError, Exit

if TYPE_CHECKING:
    from whimbrel._cli.options import Options

__all__ = ["Request", "build"]

# Removing these would leave a request that RFC 9112 (3.2 and 6) does not allow.
_REQUIRED = frozenset({"host", "content-length", "transfer-encoding"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask the session for."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    skip_auto_headers: frozenset[str]
    body: bytes | None


def build(options: Options) -> Request:
    """Make the request of `options`; reads the files that --data and --json name.

    Raises:
        CliError: the URL, a header line or a file is not usable.
    """
    headers: CIMultiDict[str] = CIMultiDict()
    removed: set[str] = set()
    if not options.compressed:
        removed.add("Accept-Encoding")  # like curl: what was not asked for is not decoded
    body = _body(options, headers)
    if options.user is not None:
        token = base64.b64encode(options.user.encode()).decode()
        headers["Authorization"] = f"Basic {token}"  # RFC 7617 2, in UTF-8 (2.1)
    if options.user_agent:
        headers["User-Agent"] = options.user_agent
    elif options.user_agent is not None:
        removed.add("User-Agent")
    _apply_header_lines(options.header, headers, removed)
    return Request(
        method=options.request or _default_method(options, body),
        url=_parse_url(options.url),
        headers=headers,
        skip_auto_headers=frozenset(removed),
        body=body,
    )


def _parse_url(text: str) -> URL:
    if not _SCHEME.match(text):
        text = f"http://{text}"
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError as exc:
        raise CliError(Exit.BAD_URL, f"bad URL {text[:200]!r}: {exc}") from exc
    if url.scheme not in {"http", "https"}:
        raise CliError(Exit.UNSUPPORTED_SCHEME, f"scheme {url.scheme!r} is not http or https")
    if not host or port is None:
        raise CliError(Exit.BAD_URL, f"bad URL {text[:200]!r}: it has no host")
    return url


def _default_method(options: Options, body: bytes | None) -> str:
    if options.head:
        return "HEAD"
    return "GET" if body is None else "POST"


def _body(options: Options, headers: CIMultiDict[str]) -> bytes | None:
    """Return the body and set the header fields that describe it."""
    if options.json is not None:
        headers["Content-Type"] = "application/json"
        headers["Accept"] = "application/json"
        return _read(options.json)
    if not options.data:
        return None
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return b"&".join(
        # Like curl: a text file's line ends are not part of the form.
        _read(piece).translate(None, b"\r\n\0" if piece.startswith("@") else b"")
        for piece in options.data
    )


def _read(piece: str) -> bytes:
    """Return what `DATA`, `@FILE` or `@-` stands for."""
    if not piece.startswith("@"):
        # Arguments that are not UTF-8 arrive as surrogates; give back the octets.
        return piece.encode(errors="surrogateescape")
    name = piece[1:]
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as exc:
        raise CliError(Exit.READ_FAILED, f"cannot read {name!r}: {exc.strerror or exc}") from exc


def _apply_header_lines(
    lines: tuple[str, ...], headers: CIMultiDict[str], removed: set[str]
) -> None:
    """Apply each --header to `headers`, or to the names that must not be sent."""
    replaced: set[str] = set()
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.strip()
        if not colon:
            name, semicolon, rest = line.partition(";")
            if not semicolon or rest.strip():
                raise CliError(Exit.USAGE, f"--header takes 'Name: value', not {line[:200]!r}")
        elif not value:
            _remove(name, headers, removed)
            continue
        if name.casefold() not in replaced:
            headers.popall(name, None)  # the user's value instead of this program's own
            replaced.add(name.casefold())
        headers.add(name, value)


def _remove(name: str, headers: CIMultiDict[str], removed: set[str]) -> None:
    if name.casefold() in _REQUIRED:
        raise CliError(Exit.USAGE, f"{name} cannot be removed: a request needs it")
    headers.popall(name, None)
    removed.add(name)
