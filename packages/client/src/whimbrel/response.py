"""`ClientResponse`: the head of a response, and its body read the way the caller wants."""

from __future__ import annotations

import codecs
import json
import warnings
from typing import TYPE_CHECKING, Any

from whimbrel.errors import ClientConnectionError, ClientResponseError, ContentTypeError
from whimbrel.http_version import HttpVersion
from whimbrel.timings import Timings
from whimbrel_cookiejar import parse_set_cookies
from whimbrel_http_parser import Framing, parse_content_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.cookies import SimpleCookie
    from types import TracebackType

    from multidict import CIMultiDictProxy
    from yarl import URL

    from whimbrel._exchange import Exchange
    from whimbrel.request import RequestInfo
    from whimbrel.streams import StreamReader
    from whimbrel_connector import Connection, Transport
    from whimbrel_http_parser import ContentType, RawHeaders, Response

__all__ = ["ClientResponse"]


class ClientResponse:
    """The response to one request, made by the session only.

    Use it as an asynchronous context manager, or call `release` or `close` when done with it: a
    body that is read to its end gives its connection back by itself.
    """

    def __init__(
        self,
        exchange: Exchange,
        head: Response,
        history: tuple[ClientResponse, ...],
        resolve_charset: Callable[[ClientResponse, bytes], str],
    ) -> None:
        assert exchange.body is not None
        self._exchange = exchange
        self._head = head
        self._history = history
        self._resolve_charset = resolve_charset
        self._body: bytes | None = None
        self._cookies: SimpleCookie | None = None
        self._content_type: ContentType | None = None
        self._request_info: RequestInfo | None = None
        self._closed = False
        self.content: StreamReader = exchange.body
        """The body as a stream; what was read from it, `read` does not return again."""

    # The head

    @property
    def status(self) -> int:
        """The status code."""
        return self._head.status

    @property
    def reason(self) -> str:
        """The reason phrase; may be empty (RFC 9112 section 4)."""
        return self._head.reason

    @property
    def ok(self) -> bool:
        """Whether the status is less than 400."""
        return self._head.status < 400

    @property
    def version(self) -> HttpVersion:
        """The HTTP version that the server stated."""
        return HttpVersion(*self._head.version)

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields, names without regard to case."""
        return self._head.headers

    @property
    def raw_headers(self) -> RawHeaders:
        """The header fields as bytes, as they came and in that order."""
        return self._head.raw_headers

    @property
    def trailers(self) -> RawHeaders:
        """The trailer fields of a chunked body, complete once the body has been read."""
        return self._exchange.trailers

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies that this response sets, whether or not the jar accepts them."""
        if self._cookies is None:
            self._cookies = parse_set_cookies(
                value.decode("utf-8", "surrogateescape")
                for value in self._head.values(b"set-cookie")
            )
        return self._cookies

    # The request

    @property
    def request_info(self) -> RequestInfo:
        """What was asked."""
        if self._request_info is None:
            self._request_info = self._exchange.request.request_info
        return self._request_info

    @property
    def method(self) -> str:
        """The request method."""
        return self._exchange.request.method

    @property
    def url(self) -> URL:
        """The URL of the request, without its fragment."""
        return self._exchange.request.url.with_fragment(None)

    @property
    def real_url(self) -> URL:
        """The URL of the request, with its fragment."""
        return self._exchange.request.url

    @property
    def host(self) -> str:
        """The host of the URL."""
        host = self._exchange.request.url.host
        assert host is not None
        return host

    @property
    def history(self) -> tuple[ClientResponse, ...]:
        """The responses of the redirects before this one, earliest first."""
        return self._history

    @property
    def connection(self) -> Connection | None:
        """The connection that the body still comes from; `None` once the response has ended."""
        return None if self._exchange.ended else self._exchange.connection

    @property
    def timings(self) -> Timings:
        """Where the time of this hop went."""
        exchange = self._exchange
        made = exchange.connection.timings
        reused = exchange.connection.reused
        ended = exchange.ended_at
        return Timings(
            queue=exchange.connection.queued,
            dns=None if reused else made.dns,
            connect=None if reused else made.connect,
            proxy=None if reused else _both(made.proxy_tls, made.proxy),
            tls=None if reused else made.tls,
            first_byte=max(0.0, exchange.first_byte_at - exchange.written_at),
            transfer=ended - exchange.first_byte_at if ended else None,
            total=ended - exchange.started_at if ended else None,
            reused=reused,
        )

    # Content-Type

    def _parsed_content_type(self) -> ContentType:
        if self._content_type is None:
            values = self._head.values(b"content-type")
            value = values[-1] if values else b""
            self._content_type = parse_content_type(value.decode("utf-8", "surrogateescape"))
        return self._content_type

    @property
    def content_type(self) -> str:
        """The media type in lower case; `application/octet-stream` where none is stated."""
        return self._parsed_content_type().essence

    @property
    def charset(self) -> str | None:
        """The `charset` parameter of the Content-Type, or `None`."""
        return self._parsed_content_type().parameters.get("charset")

    @property
    def content_length(self) -> int | None:
        """The length of the body in bytes as it is transferred, where the server stated it."""
        return self._head.content_length

    def get_encoding(self) -> str:
        """Return the encoding to decode the body with.

        The stated charset where Python knows it, UTF-8 for JSON (RFC 8259 section 8.1), else what
        the session's `fallback_charset_resolver` says, which is given the body.

        Raises:
            RuntimeError: the body is needed for the answer, and has not been read.
        """
        charset = self.charset
        if charset is not None:
            try:
                "".encode(charset)  # unlike codecs.lookup, not with codecs such as "hex"
                return codecs.lookup(charset).name
            except (LookupError, ValueError):
                pass  # unknown to Python: as if it were not stated
        if _is_json(self.content_type, "application/json"):
            return "utf-8"
        if self._body is None:
            raise RuntimeError("Cannot compute fallback encoding of a not yet read body")
        return self._resolve_charset(self, self._body)

    # The body

    async def read(self) -> bytes:
        """Read the whole body, or return it again.

        Raises:
            ClientPayloadError: the body is cut short or cannot be decoded.
            ClientConnectionError: the response was closed before.
            ServerTimeoutError: a timeout expired.
        """
        if self._body is None:
            try:
                self._body = await self.content.read()
            except BaseException:
                self.close()
                raise
        elif self._closed:
            raise ClientConnectionError("Connection closed")
        return self._body

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """Read the whole body and decode it.

        Args:
            encoding: `None` takes `get_encoding()`.
            errors: as for `bytes.decode`.

        Raises:
            UnicodeDecodeError: the body is not in that encoding.
        """
        body = await self.read()
        return body.decode(encoding or self.get_encoding(), errors)

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: Callable[[str], Any] = json.loads,
        content_type: str | None = "application/json",
    ) -> Any:
        """Read the whole body as JSON.

        Args:
            encoding: `None` takes `get_encoding()`.
            loads: turns text into an object.
            content_type: the Content-Type to insist on; `None` accepts any. The default accepts
                every JSON type (`application/…+json`), too.

        Returns:
            the object; `None` for a body that is empty or white space only.

        Raises:
            ContentTypeError: the Content-Type is another.
        """
        if content_type is not None and not _is_json(self.content_type, content_type):
            message = (
                f"Attempt to decode JSON with unexpected mimetype: {self.content_type}"
                if self._head.values(b"content-type")
                else f"The response has no Content-Type; expected {content_type}"
            )
            raise ContentTypeError(
                self.request_info,
                self._history,
                status=self.status,
                message=message,
                headers=self.headers,
            )
        body = (await self.read()).strip()
        if not body:
            return None
        return loads(body.decode(encoding or self.get_encoding()))

    # The end

    @property
    def closed(self) -> bool:
        """Whether the response was closed or released, or has ended."""
        return self._closed or self._exchange.ended

    def raise_for_status(self) -> None:
        """Raise an error when the status is 400 or more, and let go of the connection.

        Raises:
            ClientResponseError: with the status and the reason phrase.
        """
        if self.ok:
            return
        error = ClientResponseError(
            self.request_info,
            self._history,
            status=self.status,
            message=self.reason,
            headers=self.headers,
        )
        self.release()
        raise error

    def close(self) -> None:
        """Close the response, and its connection unless the body has ended."""
        self._closed = True
        self._exchange.close()

    def release(self) -> None:
        """Let go of the response.

        Its connection goes back to the pool where the body has ended, and is closed otherwise,
        since what is left of the body stands before the next response.
        """
        self._exchange.close()

    async def __aenter__(self) -> ClientResponse:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def take_over(self) -> tuple[Transport, bytes]:
        """Take the connection over after a 101 response (RFC 9110 section 7.8).

        Returns:
            the transport, paused, and the bytes that followed the head. Give it a receiver of
            your own and resume reading; it counts against the connector's limits until it is lost.

        Raises:
            RuntimeError: the response did not switch protocols, or its connection was taken.
            ClientConnectionError: the connection has failed meanwhile.
        """
        if self._head.framing is not Framing.SWITCHED:
            raise RuntimeError("Only the connection of a 101 response can be taken over")
        if self._exchange.ended:
            raise self.content.exception() or RuntimeError("The connection was taken over before")
        return self._exchange.take_over()

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        exchange = getattr(self, "_exchange", None)
        if exchange is not None and not exchange.ended:
            exchange.close_soon()  # first: a warning may be an error
            _warn(f"Unclosed response {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        return f"<ClientResponse({self.method} {self.url}) [{self.status} {self.reason}]>"


def _is_json(content_type: str, expected: str) -> bool:
    """Tell whether a response's media type is the expected one; every JSON type is one another."""
    if expected.lower() != "application/json":
        return content_type == expected.lower()
    kind, _, subtype = content_type.partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def _both(first: float | None, second: float | None) -> float | None:
    """Return how long two phases took that a caller sees as one."""
    if first is None:
        return second
    return first if second is None else first + second
