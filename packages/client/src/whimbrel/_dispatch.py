"""Carrying a request out: the loop over hops, and what one hop does.

Every decision is made by a pure function elsewhere (`redirects`, `content`, `cookies`, `fields`,
`auth`); here they are put in order and joined with the connector.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whimbrel import redirects
from whimbrel._exchange import Exchange
from whimbrel.auth import split_credentials
from whimbrel.content import frame_content
from whimbrel.cookies import cookie_field, jar_cookies
from whimbrel.endpoints import endpoint_for
from whimbrel.errors import (
    ClientHttpProxyError,
    ClientOSError,
    ClientPayloadError,
    ServerDisconnectedError,
    TooManyRedirects,
)
from whimbrel.fields import field_values, without
from whimbrel.http_version import HttpVersion, HttpVersion11
from whimbrel.payload import json_payload, make_payload
from whimbrel.request import ClientRequest
from whimbrel.response import ClientResponse
from whimbrel.timeouts import Deadlines, TotalTimeout
from whimbrel_connector import ProxyRefused
from whimbrel_cookiejar import CookieJar
from whimbrel_http_parser import decode_headers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from yarl import URL

    from whimbrel.auth import BasicAuth, DefaultAuth
    from whimbrel.fields import Field, SessionFields
    from whimbrel.options import RequestOptions
    from whimbrel.payload import Payload
    from whimbrel_connector import BaseConnector, Connection
    from whimbrel_cookiejar import AbstractCookieJar
    from whimbrel_http_parser import Limits, Response

__all__ = ["Dispatcher", "Hop"]

_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
"""Methods that may be sent again when a connection fails (RFC 9110 section 9.2.2)."""

_SMALL_BODY = 2**16
"""A redirect's body of up to this many bytes is read, so that its connection can be reused."""
_SMALL_BODY_SECONDS = 1.0
"""How long it is waited for."""


@dataclass(slots=True)
class Hop:
    """What the next request of a chain of redirects carries.

    What is dropped from here at a change of origin is gone for the rest of the chain.
    """

    method: str
    url: URL
    fields: list[Field]
    payload: Payload | None
    auth: BasicAuth | None
    cookies: list[str]


@dataclass(slots=True)
class Dispatcher:
    """Carries the requests of one session out."""

    connector: BaseConnector
    cookie_jar: AbstractCookieJar
    session_fields: SessionFields
    limits: Limits
    version: HttpVersion
    requote_redirect_url: bool
    json_serialize: Callable[[Any], str]
    resolve_charset: Callable[[ClientResponse, bytes], str]
    loop: asyncio.AbstractEventLoop
    deadlines: Deadlines
    default_auth: DefaultAuth
    uploads: set[asyncio.Task[None]]

    async def request(self, method: str, url: URL, options: RequestOptions) -> ClientResponse:
        """Send a request, follow redirects, and return the final response."""
        total = TotalTimeout(self.deadlines, options.timeout)
        try:
            response = await self._follow(self._first_hop(method, url, options), options, total)
            if options.raise_for_status:
                await self._check_status(response, options)
        except BaseException:
            total.cancel()
            raise
        return response

    async def _check_status(self, response: ClientResponse, options: RequestOptions) -> None:
        if not callable(options.raise_for_status):
            response.raise_for_status()
            return
        try:
            await options.raise_for_status(response)
        except BaseException:
            response.close()
            raise

    # Hops

    async def _follow(
        self, hop: Hop, options: RequestOptions, total: TotalTimeout
    ) -> ClientResponse:
        history: tuple[ClientResponse, ...] = ()
        while True:
            exchange = await self._send_again_if_stale(self._prepare(hop, options), total)
            head = exchange.head.result()
            response = ClientResponse(exchange, head, history, self.resolve_charset)
            try:
                self._store_cookies(head, hop.url)
                redirect = self._redirect(head, hop, options)
                if redirect is None:
                    exchange.at_end(total.cancel)
                    return response
                await self._leave(response, head)
                history = (*history, response)
                if options.max_redirects and len(history) > options.max_redirects:
                    raise TooManyRedirects(
                        history[0].request_info,
                        history,
                        status=response.status,
                        message=f"More than {options.max_redirects} redirects",
                        headers=response.headers,
                    )
                self._go_on(hop, redirect)
            except BaseException:
                response.close()
                raise

    def _first_hop(self, method: str, url: URL, options: RequestOptions) -> Hop:
        if options.params:
            url = url.extend_query(options.params)
        url, auth = split_credentials(url)
        if auth is not None and options.auth is not None:
            raise ValueError("Cannot combine AUTH argument with credentials encoded in URL")
        fields = self.session_fields.merged(options.headers, options.skip_auto_headers)
        auth = self.default_auth.choose(
            url, auth or options.auth, in_fields=bool(field_values(fields, "authorization"))
        )
        payload = None
        if options.json is not None:
            payload = json_payload(options.json, self.json_serialize)
        elif options.data is not None:
            payload = make_payload(options.data)
        return Hop(method.upper(), url, fields, payload, auth, self._own_cookies(options, url))

    def _redirect(
        self, head: Response, hop: Hop, options: RequestOptions
    ) -> redirects.Redirect | None:
        values = head.values(b"location")
        if not (values and options.allow_redirects):
            return None
        location = values[0].decode("utf-8", "surrogateescape")
        return redirects.decide(
            head.status, location, hop.method, hop.url, requote=self.requote_redirect_url
        )

    def _go_on(self, hop: Hop, redirect: redirects.Redirect) -> None:
        if not redirect.keeps_content:
            hop.payload = None
        elif hop.payload is not None and not hop.payload.replayable:
            raise ClientPayloadError(
                "Cannot follow redirect with a consumed request body: it cannot be read again"
            )
        hop.fields = redirects.fields_after(redirect, hop.fields)
        if redirect.changes_origin:
            hop.auth = None
            hop.cookies = []
        hop.method = redirect.method
        hop.url, credentials = split_credentials(redirect.url)
        if credentials is not None:
            hop.auth = credentials
            hop.fields = without(hop.fields, "authorization")

    @staticmethod
    async def _leave(response: ClientResponse, head: Response) -> None:
        """Let go of a redirect's response; a small body is read, so that its connection is kept.

        It must come soon, and a coded one is not read: it may be small and decode to a huge one.
        """
        length = head.content_length
        if length is not None and length <= _SMALL_BODY and not head.values(b"content-encoding"):
            try:
                async with asyncio.timeout(_SMALL_BODY_SECONDS) as patience:
                    await response.read()
            except ClientPayloadError:
                pass  # the redirect is good, whatever its body is
            except TimeoutError:
                if not patience.expired():
                    raise
        response.release()

    # One hop

    def _prepare(self, hop: Hop, options: RequestOptions) -> ClientRequest:
        url = hop.url
        endpoint = endpoint_for(url, options)
        fields = hop.fields.copy()
        content = frame_content(
            hop.method,
            hop.payload,
            fields,
            compress=options.compress,
            chunked=options.chunked,
            add_type=not self.session_fields.skips("content-type", options.skip_auto_headers),
        )
        if content.length is None and self.version < HttpVersion11:
            raise ValueError("HTTP/1.0 has no chunked coding; the content needs a known length")
        if not field_values(fields, "host"):
            fields.insert(0, ("Host", url.host_port_subcomponent or ""))
        self._add_cookies(hop, fields)
        if hop.auth is not None:
            fields.append(("Authorization", hop.auth.encode()))
        if self.connector.force_close and not field_values(fields, "connection"):
            fields.append(("Connection", "close"))
        target = url.raw_path_qs
        proxy = endpoint.proxy
        if proxy is not None and not endpoint.tunnelled:
            target = str(url.with_fragment(None))  # absolute-form, RFC 9112 section 3.2.2
            fields += proxy.headers
            if proxy.authorization is not None:
                fields.append(("Proxy-Authorization", proxy.authorization))
        fields += content.fields
        return ClientRequest(
            hop.method,
            url,
            endpoint=endpoint,
            target=target,
            fields=fields,
            options=options,
            content=content,
            version=self.version,
        )

    async def _send_again_if_stale(self, request: ClientRequest, total: TotalTimeout) -> Exchange:
        """Send `request`; once more when an idle connection turns out to have been closed.

        Only when nothing of a response came and sending twice does no harm (RFC 9112 9.3.1). The
        second time goes to a connection that was never idle, so that it cannot be stale, too.
        """
        head = request.serialize()
        again = request.method in _IDEMPOTENT and (request.body is None or request.body.replayable)
        started_at = self.loop.time()
        connection = self.connector.acquire_nowait(request.endpoint)
        if connection is None:
            connection = await self._connect(request, total)
        while True:
            exchange = Exchange(
                request,
                connection,
                loop=self.loop,
                deadlines=self.deadlines,
                limits=self.limits,
                uploads=self.uploads,
                started_at=started_at,
            )
            total.fail = exchange.fail
            try:
                exchange.send(head)
                await exchange.head
            except BaseException as exc:
                exchange.close()
                stale = isinstance(exc, (ServerDisconnectedError, ClientOSError))
                if not (stale and again and exchange.retriable):
                    raise
            else:
                return exchange
            connection = await self._connect(request, total, fresh=True)

    async def _connect(
        self, request: ClientRequest, total: TotalTimeout, *, fresh: bool = False
    ) -> Connection:
        endpoint = request.endpoint
        timeout = request.options.timeout
        try:
            return await total.bound(
                self.connector.acquire(
                    endpoint,
                    connect=timeout.connect,
                    sock_connect=timeout.sock_connect,
                    fresh=fresh,
                ),
                f"connecting to {endpoint.host}:{endpoint.port}",
            )
        except ProxyRefused as exc:
            raise ClientHttpProxyError(
                request.request_info,
                status=exc.status,
                message=exc.reason,
                headers=decode_headers(exc.headers),
            ) from exc

    # Cookies

    def _own_cookies(self, options: RequestOptions, url: URL) -> list[str]:
        if not options.cookies:
            return []
        jar = CookieJar(unsafe=True, quote_cookie=self.cookie_jar.quote_cookie)
        jar.update_cookies(options.cookies)
        return jar.cookie_header(url).split("; ")

    def _add_cookies(self, hop: Hop, fields: list[Field]) -> None:
        given = field_values(fields, "cookie")
        if given:
            fields[:] = without(fields, "cookie")
        cookies = cookie_field(jar_cookies(self.cookie_jar, hop.url), hop.cookies, given)
        if cookies:
            fields.append(("Cookie", cookies))

    def _store_cookies(self, head: Response, url: URL) -> None:
        set_cookies = head.values(b"set-cookie")
        if set_cookies:
            self.cookie_jar.update_cookies_from_headers(
                [value.decode("utf-8", "surrogateescape") for value in set_cookies], url
            )
