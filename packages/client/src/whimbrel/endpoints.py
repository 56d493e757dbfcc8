"""From a URL and the request's options to the endpoint that its connection leads to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whimbrel.errors import InvalidUrlClientError, NonHttpUrlClientError
from whimbrel.fields import list_fields
from whimbrel_connector import Endpoint, Proxy

if TYPE_CHECKING:
    from yarl import URL

    from whimbrel.options import RequestOptions

__all__ = ["endpoint_for", "is_host"]

_SECURE = {"http": False, "https": True, "ws": False, "wss": True}
_HOST = re.compile(r"[0-9A-Za-z._~-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[0-9A-Za-z._~-]+)?")


def is_host(host: str) -> bool:
    """Tell whether `host` is made as names in DNS and IP addresses are, IPv6 with its zone."""
    return _HOST.fullmatch(host) is not None


def endpoint_for(url: URL, options: RequestOptions) -> Endpoint:
    """Return the endpoint for `url`.

    Raises:
        NonHttpUrlClientError: the scheme is not one of HTTP or WebSocket.
        InvalidUrlClientError: the URL has no host, or no valid port.
        TypeError: `ssl` is none of what it may be.
        ValueError: the proxy's URL is not one of a proxy, or something is given for a proxy that
            it cannot be told, or that is a `Proxy` and has all that it is told.
    """
    is_ssl = _SECURE.get(url.scheme)
    if is_ssl is None:
        raise NonHttpUrlClientError(
            f"{str(url)[:256]!r} - the scheme is not http, https, ws or wss"
        )
    if not url.raw_host:
        raise InvalidUrlClientError(url, "the URL has no host")
    if not is_host(url.raw_host):
        raise InvalidUrlClientError(url, "the host is not a name or address")
    if url.port is None:
        raise InvalidUrlClientError(url, "the URL has no port")
    return Endpoint(
        host=url.raw_host,
        port=url.port,
        is_ssl=is_ssl,
        ssl=options.ssl,
        server_hostname=options.server_hostname,
        proxy=_proxy(options),
        tunnel=url.scheme in {"ws", "wss"},
    )


def _proxy(options: RequestOptions) -> Proxy | None:
    proxy = options.proxy
    if proxy is None:
        return None
    auth = options.proxy_auth
    if isinstance(proxy, Proxy):
        if auth is not None or options.proxy_headers:
            raise ValueError(
                "proxy_auth and proxy_headers are for the URL of a proxy; a Proxy has its own"
            )
        return proxy
    return Proxy.from_url(
        proxy,
        auth=None if auth is None else auth.encode(),
        headers=tuple(list_fields(options.proxy_headers)),
    )
