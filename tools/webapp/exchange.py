"""One HTTP request and its response over the raw ASGI interface."""

from __future__ import annotations

import json
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    MutableMapping,
)
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["Exchange", "Message", "Receive", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[str, str]


class Exchange:
    """What a route needs: the request as plain values, and three ways to answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_query: str = scope["query_string"].decode("latin-1")
        self.query = dict(parse_qsl(self.raw_query, keep_blank_values=True))
        self.headers: list[Header] = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        self.version: str = scope["http_version"]
        client = scope.get("client")
        self.client = f"{client[0]}:{client[1]}" if client else ""
        self._receive = receive
        self._send = send

    def header(self, name: str) -> str:
        """Return the value of the first header called `name`, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the request's body as they arrive.

        Raises:
            ConnectionError: the client went away before the body's end.
        """
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the client left in the middle of its body")
            if piece := message.get("body", b""):
                yield piece
            more = message.get("more_body", False)

    async def answer(
        self, body: bytes = b"", *, status: int = 200, headers: Iterable[Header] = ()
    ) -> None:
        """Send a response whose body is complete, with its Content-Length."""
        # RFC 9110 8.6: no Content-Length in a 1xx or 204; a 304 may go without.
        length = [] if status in {204, 304} else [("content-length", str(len(body)))]
        await self._start(status, [*headers, *length])
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def answer_json(
        self, value: object, *, status: int = 200, headers: Iterable[Header] = ()
    ) -> None:
        """Send `value` as JSON."""
        content_type = ("content-type", "application/json; charset=utf-8")
        await self.answer(
            json.dumps(value).encode(), status=status, headers=[content_type, *headers]
        )

    async def answer_stream(
        self, pieces: AsyncIterable[bytes], *, headers: Iterable[Header] = ()
    ) -> None:
        """Send a response piece by piece; chunked unless `headers` has a Content-Length."""
        await self._start(200, [("content-type", "application/octet-stream"), *headers])
        async for piece in pieces:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, status: int, headers: Iterable[Header]) -> None:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})
