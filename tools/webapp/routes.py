"""The HTTP routes: each answers one question that a client's test or demo asks."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module

from tools.webapp.exchange import Exchange
from tools.webapp.pattern import BLOCK_SIZE, stream

__all__ = ["ROUTES", "Route"]

Route = Callable[[Exchange, list[str]], Awaitable[None]]
"""A route takes the exchange and the path's parts after its own name."""

GREETING = "Whimbrels fly from Iceland to West Africa without landing.\n"
_GREETINGS = GREETING.encode() * 1000


async def show_json(exchange: Exchange, parts: list[str]) -> None:
    """/json: a small constant document."""
    await exchange.answer_json({"bird": "whimbrel", "numbers": [1, 2, 3], "flies": True})


async def send_bytes(exchange: Exchange, parts: list[str]) -> None:
    """/bytes/N: N octets of the pattern, with a Content-Length."""
    length = int(parts[0])
    headers = [("content-length", str(length))]
    # RFC 9110 9.3.2: a HEAD response has the same head and no body.
    pieces = stream(0 if exchange.method == "HEAD" else length)
    await exchange.answer_stream(pieces, headers=headers)


async def send_chunked(exchange: Exchange, parts: list[str]) -> None:
    """/chunked/N?size=S: N octets of the pattern, in chunks of at most S."""
    size = int(exchange.query.get("size", str(BLOCK_SIZE)))
    await exchange.answer_stream(stream(int(parts[0]), size))


async def echo(exchange: Exchange, parts: list[str]) -> None:
    """/echo: the request as the application saw it."""
    length, digest = await _consume(exchange)
    await exchange.answer_json(
        {
            "method": exchange.method,
            "path": exchange.path,
            "query": exchange.raw_query,
            "version": exchange.version,
            "headers": exchange.headers,
            "length": length,
            "sha256": digest,
            "client": exchange.client,
        }
    )


async def mirror(exchange: Exchange, parts: list[str]) -> None:
    """/mirror: the request's body and media type, unchanged."""
    body = b"".join([piece async for piece in exchange.body()])
    content_type = exchange.header("content-type") or "application/octet-stream"
    await exchange.answer(body, headers=[("content-type", content_type)])


async def upload(exchange: Exchange, parts: list[str]) -> None:
    """/upload: the length and the hash of the body."""
    length, digest = await _consume(exchange)
    await exchange.answer_json({"length": length, "sha256": digest})


async def show_headers(exchange: Exchange, parts: list[str]) -> None:
    """/headers: the request's headers and the client's address."""
    await exchange.answer_json({"headers": exchange.headers, "client": exchange.client})


async def redirect(exchange: Exchange, parts: list[str]) -> None:
    """/redirect/N: N redirects that each set the cookie hop-N, then /cookies."""
    left = int(parts[0])
    location = "/cookies" if left <= 1 else f"/redirect/{left - 1}"
    headers = [("location", location), ("set-cookie", f"hop-{left}=seen; Path=/; HttpOnly")]
    await exchange.answer(status=302, headers=headers)


async def redirect_to(exchange: Exchange, parts: list[str]) -> None:
    """/redirect-to?url=U&status=S: one redirect to anywhere; the body, if any, is read."""
    await _consume(exchange)
    status = int(exchange.query.get("status", "302"))
    await exchange.answer(status=status, headers=[("location", exchange.query["url"])])


async def show_cookies(exchange: Exchange, parts: list[str]) -> None:
    """/cookies: the request's cookies; /cookies/set?name=value sets them."""
    if parts == ["set"]:
        headers = [
            ("set-cookie", f"{name}={value}; Path=/") for name, value in exchange.query.items()
        ]
        return await exchange.answer(b"set", headers=headers)
    pairs = (pair.partition("=") for pair in exchange.header("cookie").split("; ") if pair)
    return await exchange.answer_json({name: value for name, _, value in pairs})


async def send_gzip(exchange: Exchange, parts: list[str]) -> None:
    """/gzip: the greeting, many times, with Content-Encoding: gzip."""
    await _answer_coded(exchange, "gzip", gzip.compress(_GREETINGS, mtime=0))


async def send_deflate(exchange: Exchange, parts: list[str]) -> None:
    """/deflate: the same in the zlib format (RFC 9110 8.4.1.2)."""
    await _answer_coded(exchange, "deflate", zlib.compress(_GREETINGS))


# The two libraries are not in every environment that has this application.


async def send_brotli(exchange: Exchange, parts: list[str]) -> None:
    """/br: the same in brotli (RFC 7932)."""
    await _answer_coded(exchange, "br", import_module("brotli").compress(_GREETINGS))


async def send_zstd(exchange: Exchange, parts: list[str]) -> None:
    """/zstd: the same in zstd (RFC 8878)."""
    zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    await _answer_coded(exchange, "zstd", zstd.compress(_GREETINGS))


async def _answer_coded(exchange: Exchange, coding: str, body: bytes) -> None:
    headers = [("content-encoding", coding), ("content-type", "text/plain")]
    await exchange.answer(body, headers=headers)


async def send_status(exchange: Exchange, parts: list[str]) -> None:
    """/status/CODE: that status, with a short body where one is allowed."""
    status = int(parts[0])
    body = b"" if status in {204, 304} else f"status {status}\n".encode()
    await exchange.answer(body, status=status, headers=[("content-type", "text/plain")])


async def basic_auth(exchange: Exchange, parts: list[str]) -> None:
    """/basic-auth/USER/PASSWORD: 200 for these credentials, else 401 (RFC 7617)."""
    expected = base64.b64encode(":".join(parts).encode()).decode()
    if exchange.header("authorization") == f"Basic {expected}":
        return await exchange.answer_json({"user": parts[0]})
    challenge = ("www-authenticate", 'Basic realm="whimbrel", charset="UTF-8"')
    return await exchange.answer(b"who are you?", status=401, headers=[challenge])


async def etag(exchange: Exchange, parts: list[str]) -> None:
    """/etag: 304 to a conditional request for the current entity (RFC 9110 13.1.2)."""
    headers = [("etag", '"wh-1"')]
    if exchange.header("if-none-match") == '"wh-1"':
        return await exchange.answer(status=304, headers=headers)
    return await exchange.answer(GREETING.encode(), headers=headers)


async def slow(exchange: Exchange, parts: list[str]) -> None:
    """/slow?seconds=S: a response that starts after S seconds."""
    await asyncio.sleep(float(exchange.query["seconds"]))
    await exchange.answer(b"at last\n", headers=[("content-type", "text/plain")])


async def drip(exchange: Exchange, parts: list[str]) -> None:
    """/drip?count=N&seconds=S: N lines, S seconds apart."""
    count = int(exchange.query.get("count", "3"))
    pause = float(exchange.query.get("seconds", "0.01"))

    async def lines() -> AsyncIterator[bytes]:
        for number in range(count):
            if number:
                await asyncio.sleep(pause)
            yield b"drop %d\n" % number

    await exchange.answer_stream(lines())


async def _consume(exchange: Exchange) -> tuple[int, str]:
    """Read the body to its end and return its length and hash."""
    sha256 = hashlib.sha256()
    length = 0
    async for piece in exchange.body():
        sha256.update(piece)
        length += len(piece)
    return length, sha256.hexdigest()


ROUTES: dict[str, Route] = {
    "json": show_json,
    "bytes": send_bytes,
    "chunked": send_chunked,
    "echo": echo,
    "mirror": mirror,
    "upload": upload,
    "headers": show_headers,
    "redirect": redirect,
    "redirect-to": redirect_to,
    "cookies": show_cookies,
    "gzip": send_gzip,
    "deflate": send_deflate,
    "br": send_brotli,
    "zstd": send_zstd,
    "status": send_status,
    "basic-auth": basic_auth,
    "etag": etag,
    "slow": slow,
    "drip": drip,
}
"""Every route by the first part of its path."""
