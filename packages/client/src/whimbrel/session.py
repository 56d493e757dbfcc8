"""`ClientSession`: the interface through which requests are made."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import warnings
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from whimbrel import websocket
from whimbrel._dispatch import Dispatcher
from whimbrel.auth import DefaultAuth
from whimbrel.contexts import RequestContext, SingleRequestContext, WebSocketContext
from whimbrel.errors import InvalidUrlClientError
from whimbrel.fields import SessionFields, list_fields
from whimbrel.http_version import HttpVersion, HttpVersion11
from whimbrel.options import RequestOptions, as_timeout
from whimbrel.timeouts import DEFAULT_TIMEOUT, ClientTimeout, Deadlines
from whimbrel_connector import TCPConnector
from whimbrel_cookiejar import CookieJar
from whimbrel_http_parser import Limits
from whimbrel_websocket_client import DEFAULT_WS_CLIENT_TIMEOUT, ClientHandshake

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Iterable,
        Mapping,
        Sequence,
    )
    from types import TracebackType
    from typing import Self, Unpack

    from multidict import istr

    from whimbrel.auth import BasicAuth
    from whimbrel.fields import LooseHeaders
    from whimbrel.options import ConnectionOptionsDict, RequestOptionsDict
    from whimbrel.response import ClientResponse
    from whimbrel_connector import BaseConnector, Proxy
    from whimbrel_cookiejar import AbstractCookieJar
    from whimbrel_websocket_client import ClientWSTimeout, DeflateOffer

__all__ = ["ClientSession", "request"]


_UPLOAD_END_SECONDS = 1.0
"""How long a closing session waits for request bodies that it has stopped to end."""

_USER_INFORMATION = re.compile(r"//[^/?#]*@")


def _caller() -> str:
    """Return the file and line that made the session."""
    frame = sys._getframe(2)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _utf8(response: ClientResponse, body: bytes) -> str:
    return "utf-8"


class ClientSession:
    """Makes requests; keeps the connections, cookies and defaults that they share.

    Bound to the event loop that it is first used on.

    Args:
        base_url: joined with the relative URLs of requests; its path ends in `/`.
        connector: where connections come from; a `TCPConnector` of its own by default.
        cookies: put into the jar, to be sent with every request.
        headers: sent with every request, unless it has its own of the same name.
        skip_auto_headers: names of automatic header fields that are not to be sent.
        auth: credentials for every request; with `base_url`, only for that origin.
        json_serialize: makes text of what is given as `json`.
        version: the HTTP version to state.
        cookie_jar: where cookies are kept; a `CookieJar` of its own by default.
        timeout: how long requests may take.
        raise_for_status: whether a status of 400 or more raises an error; or a coroutine function
            that is given the response and may raise its own.
        connector_owner: whether closing the session closes the connector.
        auto_decompress: whether content codings of responses are undone.
        read_bufsize: bytes of a response's body to keep ready; the peer is held back at twice that.
        requote_redirect_url: whether the quoting of redirect locations is normalised.
        fallback_charset_resolver: given a response and its body, names the body's encoding where
            the response does not.
        proxy: URL of the proxy to use, with credentials where it needs them; or a `Proxy`.
        proxy_auth: credentials for the proxy, if it is given by its URL.
        max_line_size: most bytes of a response's status line.
        max_field_size: most bytes of one header field of a response.
        max_headers: most header fields of a response.

    Raises:
        ValueError: `base_url` is not absolute, or its path does not end in `/`.
    """

    def __init__(
        self,
        base_url: str | URL | None = None,
        *,
        connector: BaseConnector | None = None,
        cookies: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        headers: LooseHeaders | None = None,
        skip_auto_headers: Iterable[str | istr] | None = None,
        auth: BasicAuth | None = None,
        json_serialize: Callable[[Any], str] = json.dumps,
        version: HttpVersion = HttpVersion11,
        cookie_jar: AbstractCookieJar | None = None,
        timeout: ClientTimeout | float | None = None,
        raise_for_status: bool | Callable[[ClientResponse], Awaitable[None]] = False,
        connector_owner: bool = True,
        auto_decompress: bool = True,
        read_bufsize: int = 2**16,
        requote_redirect_url: bool = True,
        fallback_charset_resolver: Callable[[ClientResponse, bytes], str] = _utf8,
        proxy: str | URL | Proxy | None = None,
        proxy_auth: BasicAuth | None = None,
        max_line_size: int | None = None,
        max_field_size: int | None = None,
        max_headers: int | None = None,
    ) -> None:
        self._closed = True  # until it is made
        self._base_url = _checked_base_url(base_url)
        self._connector: BaseConnector = TCPConnector() if connector is None else connector
        self._connector_owner = connector_owner
        self._cookie_jar: AbstractCookieJar = CookieJar() if cookie_jar is None else cookie_jar
        if cookies:
            self._cookie_jar.update_cookies(cookies)
        self._headers = CIMultiDictProxy(CIMultiDict(list_fields(headers)))
        self._skip_auto_headers = frozenset(skip_auto_headers or ())
        self._version = version
        self._json_serialize = json_serialize
        self._requote_redirect_url = requote_redirect_url
        self._resolve_charset = fallback_charset_resolver
        self._limits = _limits(max_line_size, max_field_size, max_headers)
        self._auth = auth
        self._options = RequestOptions(
            raise_for_status=raise_for_status,
            read_bufsize=read_bufsize,
            proxy=proxy,
            proxy_auth=proxy_auth,
            timeout=DEFAULT_TIMEOUT if timeout is None else as_timeout(timeout),
            auto_decompress=auto_decompress,
        )
        self._dispatcher: Dispatcher | None = None
        self._made_at = _caller()
        self._closed = False

    # Requests

    def request(
        self, method: str, url: str | URL, **options: Unpack[RequestOptionsDict]
    ) -> RequestContext:
        """Make a request; await it, or use it as an asynchronous context manager.

        Args:
            method: the request method.
            url: the URL, or one relative to the session's `base_url`.
            **options: see "Client Session", `request`, in the client reference.

        Raises:
            InvalidURL: no request can be made for the URL.
            ClientConnectionError: no connection could be made, or it failed.
            ClientResponseError: the response cannot be understood or followed.
            ClientPayloadError: a content coding cannot be undone, or a body not sent again.
            ServerTimeoutError: a timeout expired; the message names it.
            ValueError, TypeError: the options contradict each other or HTTP.
        """
        return RequestContext(self._request(method, url, options))

    def get(self, url: str | URL, **options: Unpack[RequestOptionsDict]) -> RequestContext:
        """Make a GET request; see `request`."""
        return RequestContext(self._request("GET", url, options))

    def options(self, url: str | URL, **options: Unpack[RequestOptionsDict]) -> RequestContext:
        """Make an OPTIONS request; see `request`."""
        return RequestContext(self._request("OPTIONS", url, options))

    def head(self, url: str | URL, **options: Unpack[RequestOptionsDict]) -> RequestContext:
        """Make a HEAD request; see `request`. Redirects are not followed unless asked for."""
        options.setdefault("allow_redirects", False)
        return RequestContext(self._request("HEAD", url, options))

    def post(self, url: str | URL, **options: Unpack[RequestOptionsDict]) -> RequestContext:
        """Make a POST request; see `request`."""
        return RequestContext(self._request("POST", url, options))

    def put(self, url: str | URL, **options: Unpack[RequestOptionsDict]) -> RequestContext:
        """Make a PUT request; see `request`."""
        return RequestContext(self._request("PUT", url, options))

    def patch(self, url: str | URL, **options: Unpack[RequestOptionsDict]) -> RequestContext:
        """Make a PATCH request; see `request`."""
        return RequestContext(self._request("PATCH", url, options))

    def delete(self, url: str | URL, **options: Unpack[RequestOptionsDict]) -> RequestContext:
        """Make a DELETE request; see `request`."""
        return RequestContext(self._request("DELETE", url, options))

    def ws_connect(
        self,
        url: str | URL,
        *,
        method: str = "GET",
        protocols: Sequence[str] = (),
        timeout: ClientWSTimeout | float | None = DEFAULT_WS_CLIENT_TIMEOUT,
        receive_timeout: float | None = None,
        autoclose: bool = True,
        autoping: bool = True,
        heartbeat: float | None = None,
        origin: str | None = None,
        headers: LooseHeaders | None = None,
        compress: int | DeflateOffer = 0,
        max_msg_size: int = 4 * 1024 * 1024,
        decode_text: bool = True,
        **options: Unpack[ConnectionOptionsDict],
    ) -> WebSocketContext:
        """Open a WebSocket; await it, or use it as an asynchronous context manager.

        Args:
            url: a ws, wss, http or https URL.
            method: the method of the opening handshake's request.
            protocols: subprotocols to offer, the preferred first.
            timeout: how long to wait for a message, and for the peer to close; a number of
                seconds for the latter is deprecated.
            receive_timeout: seconds to wait for a message; deprecated.
            autoclose: whether a close frame of the peer is answered by itself.
            autoping: whether a ping of the peer is answered by itself.
            heartbeat: seconds of silence after which the peer is pinged, or `None`.
            origin: the value of the Origin field.
            headers: more header fields for the request.
            compress: 0 offers no compression; from 9 to 15 offers permessage-deflate with a
                window of so many bits for what the server sends; a `DeflateOffer` says all of it.
            max_msg_size: bytes of the largest message to accept, expanded; 0 for any.
            decode_text: whether text messages come as `str` rather than as bytes.
            **options: as for `request`.

        Raises:
            WSServerHandshakeError: the server did not accept the opening handshake.
            ClientError: as for any request.
            ValueError: a subprotocol or the origin cannot stand in a header field, or there is no
                such window.
        """
        opening = websocket.connect(
            self,
            method,
            url,
            handshake=ClientHandshake(
                protocols=protocols, origin=origin, deflate=websocket.deflate_offer(compress)
            ),
            headers=headers,
            options=options,
            behaviour={
                "timeout": websocket.websocket_timeout(timeout, receive_timeout),
                "autoclose": autoclose,
                "autoping": autoping,
                "heartbeat": heartbeat,
                "max_msg_size": max_msg_size,
                "decode_text": decode_text,
            },
        )
        return WebSocketContext(opening)

    async def _request(
        self, method: str, url: str | URL, changes: RequestOptionsDict
    ) -> ClientResponse:
        dispatcher = self._dispatcher
        if dispatcher is None or self._closed:
            dispatcher = self._start()
        elif dispatcher.loop is not asyncio.get_running_loop():
            raise RuntimeError(
                "The session is used on another event loop than the one it was first used on"
            )
        options = self._options.merged(changes) if changes else self._options
        return await dispatcher.request(method, self._absolute(url), options)

    def _start(self) -> Dispatcher:
        if self._closed:
            raise RuntimeError("Session is closed")
        loop = asyncio.get_running_loop()
        self._dispatcher = Dispatcher(
            connector=self._connector,
            cookie_jar=self._cookie_jar,
            session_fields=SessionFields(self._headers, self._skip_auto_headers),
            limits=self._limits,
            version=self._version,
            requote_redirect_url=self._requote_redirect_url,
            json_serialize=self._json_serialize,
            resolve_charset=self._resolve_charset,
            loop=loop,
            deadlines=Deadlines(loop),
            default_auth=DefaultAuth(self._auth, self._base_url),
            uploads=set(),
        )
        return self._dispatcher

    def _absolute(self, url: str | URL) -> URL:
        try:
            target = URL(url)
        except (ValueError, TypeError) as exc:
            shown = _USER_INFORMATION.sub("//***@", str(url))
            raise InvalidUrlClientError(shown[:256], str(exc)) from exc
        if self._base_url is None or target.absolute:
            return target
        return self._base_url.join(target)

    # What the session is made of

    @property
    def closed(self) -> bool:
        """Whether the session, or its connector, was closed or detached."""
        return self._closed or self._connector.closed

    @property
    def connector(self) -> BaseConnector | None:
        """Where connections come from; `None` after `close` and `detach`."""
        return None if self._closed else self._connector

    @property
    def cookie_jar(self) -> AbstractCookieJar:
        """Where cookies are kept."""
        return self._cookie_jar

    @property
    def requote_redirect_url(self) -> bool:
        """Whether the quoting of redirect locations is normalised."""
        return self._requote_redirect_url

    @property
    def timeout(self) -> ClientTimeout:
        """How long requests may take unless they say otherwise."""
        return self._options.timeout

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields sent with every request."""
        return self._headers

    @property
    def skip_auto_headers(self) -> frozenset[str | istr]:
        """The names of automatic header fields that are not sent."""
        return self._skip_auto_headers

    @property
    def auth(self) -> BasicAuth | None:
        """The credentials sent with every request."""
        return self._auth

    @property
    def json_serialize(self) -> Callable[[Any], str]:
        """Makes text of what is given as `json`."""
        return self._json_serialize

    @property
    def connector_owner(self) -> bool:
        """Whether closing the session closes the connector."""
        return self._connector_owner

    @property
    def raise_for_status(self) -> bool | Callable[[ClientResponse], Awaitable[None]]:
        """Whether a status of 400 or more raises an error, or what is called to do so."""
        return self._options.raise_for_status

    @property
    def auto_decompress(self) -> bool:
        """Whether content codings of responses are undone."""
        return self._options.auto_decompress

    @property
    def version(self) -> HttpVersion:
        """The HTTP version that requests state."""
        return self._version

    # The end

    async def close(self) -> None:
        """Close the session and, where it owns it, the connector.

        Returns when the sockets are gone, and what was being sent has been let go of.
        """
        self.detach()
        if not self._connector_owner:
            return
        await self._connector.close()
        if self._dispatcher is not None and self._dispatcher.uploads:
            await asyncio.wait(self._dispatcher.uploads, timeout=_UPLOAD_END_SECONDS)

    def detach(self) -> None:
        """Close the session, but leave the connector open."""
        self._closed = True
        if self._dispatcher is not None:
            self._dispatcher.deadlines.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if not getattr(self, "_closed", True) and self._connector_owner:
            _warn(f"Unclosed client session, made at {self._made_at}", ResourceWarning, source=self)


def request(
    method: str,
    url: str | URL,
    *,
    version: HttpVersion = HttpVersion11,
    connector: BaseConnector | None = None,
    **options: Unpack[RequestOptionsDict],
) -> SingleRequestContext:
    """Make one request without a session; use it as an asynchronous context manager.

    Args:
        method: the request method.
        url: the URL.
        version: the HTTP version to state.
        connector: where the connection comes from; left open. By default one of its own.
        **options: as for `ClientSession.request`.
    """
    session = ClientSession(version=version, connector=connector, connector_owner=connector is None)
    return SingleRequestContext(session, session.request(method, url, **options))


def _checked_base_url(base_url: str | URL | None) -> URL | None:
    if base_url is None:
        return None
    url = URL(base_url)
    if not url.absolute:
        raise ValueError("base_url must be absolute")
    if not url.path.endswith("/"):
        raise ValueError("base_url must have a trailing '/'")
    return url.with_query(None).with_fragment(None)


def _limits(line: int | None, field: int | None, fields: int | None) -> Limits:
    given = {"start_line": line, "field_line": field, "fields": fields}
    return Limits(**{name: value for name, value in given.items() if value is not None})
